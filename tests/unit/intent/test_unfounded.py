"""What an explanation says and neither code nor request does is found, in every language that people explain in."""

from __future__ import annotations

import pytest
from stratforge.intent.rules import read_rule
from stratforge.intent.sides import explained_otherwise
from stratforge.intent.unfounded import unfounded
from stratforge.strategy import compile_strategy
from stratforge.strategy.explanation import explain

CODE = """
FAST, SLOW = 10, 30
STOP = 0.02

def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW), "rsi": ta.rsi(bars.close)}

def on_bar(bar, position, state):
    now = bar.time.hour * 60 + bar.time.minute
    if position.quantity == 0 and bar.fast > bar.slow and bar.rsi < 70 and bar.time.weekday != 4:
        return buy(fraction=0.25)
    if position.quantity > 0 and (position.unrealized_return < -STOP or now >= 955):
        return sell()
"""
RSI = "ta.rsi(bars.close, length=14)"
RULES = explain(compile_strategy(CODE))


def found(explanation: str, request: str = "Trade AAPL") -> list[str]:
    return list(unfounded(explanation, RULES, [request], ["AAPL"]))


@pytest.mark.parametrize(
    "explanation",
    [
        "Buys AAPL with 25 % of equity when SMA(10) is above SMA(30) and the 14-bar RSI is below 70; sells at a loss of 2 % or at 3:55 pm, 5 minutes before the close.",
        "Buys from Monday to Thursday between 9:30 and 16:00; two averages and one stop.",
        "Kauft AAPL für 25 % des Kapitals, wenn der 10er über dem 30er Durchschnitt liegt und der RSI(14) unter 70; verkauft bei 2 % Verlust oder um 15:55 Uhr, nie freitags.",
        "Compra AAPL cuando la media de 10 está por encima de la de 30 y el RSI está por debajo de 70, nunca los viernes; vende con un 2 % de pérdida o a las 15:55.",
        "Achète AAPL quand la moyenne à 10 barres passe au-dessus de celle à 30 et que le RSI est sous 70, jamais le vendredi ; vend à 15h55 ou à 2 % de perte.",
        "当10周期均线高于30周期均线且RSI低于70时买入AAPL，周五不买；15点55分或亏损2%时卖出。",
        "10本の移動平均が30本を上回り、RSIが70を下回ったらAAPLを買い、金曜日は買わない。15時55分か２％の損失で売る。",
    ],
)
def test_what_the_code_does_may_be_said_in_any_language(explanation: str) -> None:
    assert found(explanation) == []


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        ("Buys when the RSI is below 75.", ["75"]),
        ("Sells at a loss of 3 %.", ["3 %"]),
        ("Sells at 15:45.", ["15:45"]),
        ("Never buys on Mondays.", ["Mondays"]),
        ("Buys TSLA at the open.", ["TSLA"]),
        ("Kauft, wenn der RSI unter 75 liegt, verkauft um 15:45 Uhr, nie montags.", ["75", "15:45", "montags"]),
        ("Kauft TSLA bei 5 % Verlust.", ["5 %", "TSLA"]),
        ("Compra si el RSI está por debajo de 28, nunca los lunes.", ["28", "lunes"]),
        ("Vend à 14h30 ou à 4 % de perte ; achète MSFT.", ["14h30", "4 %", "MSFT"]),
        ("当RSI低于75时买入，15点45分卖出，止损3%，周一不买。", ["75", "15点45分", "3 %", "周一"]),
        ("RSIが80を下回ったら買い、14時に売る。", ["80", "14時"]),
    ],
)
def test_what_it_does_not_is_found_in_any_language(explanation: str, said: list[str]) -> None:
    findings = found(explanation)
    assert len(findings) == len(said)
    assert all(any(f"says {each}," in one or f"speaks of {each}," in one for one in findings) for each in said)


@pytest.mark.parametrize(
    ("explanation", "turned"),
    [
        ("Kauft, wenn der RSI unter 30 fällt; verkauft, wenn er über 70 steigt.", "Kauft, wenn der RSI über 70 steigt; verkauft, wenn er unter 30 fällt."),
        ("Compra cuando el RSI está por debajo de 30; vende cuando está por encima de 70.", "Compra cuando el RSI está por encima de 70; vende cuando está por debajo de 30."),
        ("Achète quand le RSI est sous 30 ; vend quand il est au-dessus de 70.", "Achète quand le RSI est au-dessus de 70 ; vend quand il est sous 30."),
        ("RSI低于30时买入，高于70时卖出。", "RSI高于70时买入，低于30时卖出。"),
        ("RSIが30を下回ったら買い、70を上回ったら売る。", "RSIが70を上回ったら買い、30を下回ったら売る。"),
    ],
)  # fmt: skip
def test_sides_that_are_exchanged_are_found_in_any_language(explanation: str, turned: str) -> None:
    rules = [read_rule(f"buy when {RSI} < 30"), read_rule(f"sell when {RSI} > 70")]
    assert list(explained_otherwise(explanation, rules)) == []
    assert len(list(explained_otherwise(turned, rules))) == 2


def test_what_the_person_said_may_be_spoken_of() -> None:
    assert found("You asked for MSFT on Mondays at 45; that is not done.", "Buy MSFT on Mondays at 45") == []


LARGE = explain(
    compile_strategy("""
def on_bar(bar, position, state):
    if position.quantity > 0 and (position.bars_held >= 240 or bar.time.minutes_to_close <= 15):
        return sell()
    if position.quantity == 0 and bar.volume > 1250000 and bar.close < 36000:
        return buy(notional=36000, take_profit=0.125)
""")
)


@pytest.mark.parametrize(
    "explanation",
    [
        "Buys for $36,000 when the volume is above 1,250,000; the target is 112.5 % of the price paid.",
        "Kauft für 36.000 Dollar, wenn das Volumen über 1.250.000 liegt.",
        "Achète pour 36 000 $ quand le volume dépasse 1 250 000 ; vend à 15 h 45.",
        "Achète pour 36\u202f000 dollars ; le volume dépasse 1\u00a0250\u00a0000.",
        "成交量超过125万股时买入3.6万美元，持有4小时后卖出。",
        "出来高が125万株を超えたら3万6千ドル分を買い、4時間後に売る。",
        "It is not a strategy for the S&P 500 or the Nasdaq 100, and does not trade 24/7. The RSI, from 0 to 100, is not used.",
        "Der RSI misst von 0 bis 100.",
        "Kauft mit Ziel 12,5 %.",
        "Compra con objetivo del 12,5 %.",
        "Buys AAPL at the OPEN of the next bar.",
    ],
)
def test_numbers_may_be_written_as_people_of_each_language_write_them(explanation: str) -> None:
    assert list(unfounded(explanation, LARGE, ["Trade AAPL"], ["AAPL"])) == []


@pytest.mark.parametrize(
    ("explanation", "said"),
    [
        ("Kauft für 37.000 Dollar.", "37.000"),
        ("Vend après 12 000 barres.", "12000"),
        ("Kauft bei 1,75-fachem Volumen nach 7,5 Minuten.", "7.5"),
        ("持有7小时后卖出。", "7"),
        ("出来高が126万株を超えたら買う。", "1260000"),
        ("Sells after ninety bars.", "ninety"),
        ("Stop loss of seven percent.", "seven"),
        ("Buys at most 100 of them.", "100"),
    ],
)
def test_numbers_that_are_written_otherwise_are_found_as_well(explanation: str, said: str) -> None:
    (finding,) = unfounded(explanation, LARGE, ["Trade AAPL"], ["AAPL"])
    assert f"says {said}" in finding


@pytest.mark.parametrize("explanation", ["买入TSLA。", "TSLAを買います。", "卖出TSLA，不卖AAPL。"])
def test_symbols_are_found_where_no_space_stands_between_words(explanation: str) -> None:
    assert found(explanation) == ["The explanation speaks of TSLA, and the strategy trades AAPL."]


def test_the_number_of_a_line_is_no_number_of_the_strategy() -> None:
    lines = "".join(f'    state["k{n}"] = {n % 3}\n' for n in range(30))
    code = f'def on_bar(bar, position, state):\n{lines}    if state["x"] < 3:\n        state["x"] += 1\n        return buy()\n'
    rules = explain(compile_strategy(code))
    assert "[as line 32 finds it]" in rules[-1].text
    assert len(list(unfounded("Buys 32 times.", rules, ["Trade AAPL"], ["AAPL"]))) == 1
