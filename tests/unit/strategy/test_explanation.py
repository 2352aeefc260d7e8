"""What a strategy does is said from its code alone: nothing is left out, and another program is said otherwise."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.explanation import ExplainedRule, explain
from stratforge.strategy.explanation.wording import MAX_CHARACTERS, number, percent
from stratforge.strategy.rotation import PortfolioStrategy, compile_any, compile_portfolio

from tests.support.large_programs import Programs
from tests.support.random_programs import program
from tests.support.random_rotations import rotation
from tests.support.tiers import one_of

ROOT = Path(__file__).parents[3]


def on_bar(body: str, head: str = "") -> list[ExplainedRule]:
    """The rules of a strategy with these lines in `on_bar`."""
    lines = "".join(f"    {line}\n" for line in body.splitlines())
    columns = 'def indicators(bars):\n    return {"fast": ta.ema(bars.close, length=12), "slow": ta.ema(bars.close, length=26), "rsi": ta.rsi(bars.close)}\n'
    source = f"{head}{columns}def on_bar(bar, position, state):\n{lines}"
    return [each for each in explain(compile_strategy(source)) if each.does not in ("setting", "unused")]


def said(body: str, head: str = "") -> list[str]:
    """The same in words."""
    return [each.text for each in on_bar(body, head)]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("bar.rsi < 30", "RSI(14) is below 30"),
        ("30 > bar.rsi", "RSI(14) is below 30"),
        ("LEVEL * 2 >= bar.rsi", "RSI(14) is at or below 60 [30 * 2]"),
        ("bar.fast > bar.slow and bar.previous.fast <= bar.previous.slow", "EMA(12) crosses above EMA(26)"),
        ("bar.previous.rsi >= 30 and bar.rsi < 30", "RSI(14) crosses below 30"),
        ("bar.previous.rsi >= 30 and bar.rsi < 40", "RSI(14) on the bar before is at or above 30 and RSI(14) is below 40"),
        ("position.quantity == 0", "nothing is held"),
        ("position.quantity > 0 or bar.time.weekday != 4", "a position is held or it is not Friday"),
        ("bar.time.hour * 60 + bar.time.minute >= 955", "the time is at or after 15:55"),
        ("bar.time.hour == 10", "the hour is equal to 10"),
        ("bar.time.minutes_to_close <= 5", "the minutes left until the close is at or below 5"),
        ("position.unrealized_return <= -0.07", "the position’s gain is at or below -7 %"),
        ("position.bars_held >= 3", "the number of bars it is held is at or above 3"),
        ("not (bar.rsi < 30)", "not (RSI(14) is below 30)"),
        ("(bar.rsi < 30 or bar.rsi > 70) and bar.volume > 0", "(RSI(14) is below 30 or RSI(14) is above 70) and the volume is above 0"),
        ("10 < bar.rsi < 20", "RSI(14) is above 10 and RSI(14) is below 20"),
        ('"k" in state', "`k` is remembered"),
        ('state.get("k") is None', "the remembered `k` is unknown"),
        ('state["k"] > 2', "the remembered `k` (0 before) is above 2"),
        ("bar.rsi", "RSI(14) is known and other than 0"),
        ("account.cash > 1000", "the account’s cash is above 1000"),
        ("np.isnan(bar.rsi)", "RSI(14) is unknown"),
        ("abs(bar.close - bar.open) > 2", "the absolute value of (the close - the open) is above 2"),
        ("max(bar.close, bar.open) * 2 > bar.high", "(the largest of the close and the open) × 2 is above the high"),
        ("True", "always"),
    ],
)  # fmt: skip
def test_a_condition_is_said_in_the_words_of_the_field(condition: str, words: str) -> None:
    assert said(f"if {condition}:\n    return buy()", "LEVEL = 30\n") == [f"buy, when {words}"]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        ("buy()", "buy"),
        ("buy(fraction=0.2)", "buy for 20 % of equity"),
        ("buy(fraction=PART / 2)", "buy for 25 % (0.25 [0.5 / 2]) of equity"),
        ("buy(notional=1000, confidence=0.8)", "buy for 1000 dollars, with confidence 0.8"),
        ("buy(confidence=0.8)", "buy, with confidence 0.8"),
        ("buy(quantity=10, stop_loss=0.02, take_profit=0.07)", "buy 10 shares or coins, with a stop loss of 2 %, with a take profit of 7 %"),
        ("buy(stop_loss_price=bar.low - 1)", "buy, with a stop loss at the low - 1"),
        ("buy(limit=bar.close * 0.99, expire_bars=3)", "buy, as a limit order at the close × 0.99, resting for 3 bars"),
        ("sell()", "sell everything"),
        ("sell(fraction=0.5)", "sell 50 % of the position"),
        ("adjust(trailing_stop=0.03)", "set a trailing stop of 3 %"),
        ("buy() if bar.rsi < 30 else None", "buy, when RSI(14) is below 30"),
    ],
)  # fmt: skip
def test_a_decision_is_said_with_its_size_terms_and_exits(call: str, words: str) -> None:
    assert said(f"return {call}", "PART = 0.5\n")[0] == words


def test_short_positions_have_their_own_words() -> None:
    body = "if position.quantity == 0:\n    return short(fraction=0.1)\nif position.quantity < 0:\n    return cover()"
    assert said(body) == [
        "short for 10 % of equity, when nothing is held",
        "cover everything, when a position is short",
    ]


def test_what_is_behind_an_else_is_said_as_what_does_not_hold() -> None:
    body = "x = 1\nif bar.rsi < 30:\n    x = 2\nelse:\n    x = 3\nif bar.rsi > x:\n    return sell()"
    assert said(body) == [
        "call `x`: 1",
        "call `x`: 2, when RSI(14) is below 30",
        "call `x`: 3, when not (RSI(14) is below 30)",
        "sell everything, when RSI(14) is above `x`",
    ]


def test_a_branch_that_ends_comes_first_and_needs_no_contrary() -> None:
    body = "if position.quantity > 0:\n    return\nelif bar.rsi < 30:\n    return buy()\nelse:\n    return adjust(stop_loss=0.1)"
    assert said(body) == [
        "decide nothing on this bar, when a position is held",
        "buy, when RSI(14) is below 30",
        "set a stop loss of 10 %",
    ]


def test_a_machine_of_states_is_said_step_by_step() -> None:
    body = 'if bar.rsi < 30:\n    state["armed"] = 1\nif state["armed"] > 0 and bar.rsi > 50:\n    state["armed"] = np.nan\n    state["count"] += 1\n    return buy()'
    assert said(body) == [
        "remember as `armed`: 1, when RSI(14) is below 30",
        "forget `armed`; remember as `count`: the remembered `count` (0 before) + 1, when the remembered `armed` (0 before) is above 0 and RSI(14) is above 50",
        "buy, when (the remembered `armed` (0 before) is above 0 and RSI(14) is above 50) [as line 6 finds it]",
    ]


def test_a_name_is_what_it_stands_for_unless_that_changes_in_between() -> None:
    stands = "entry = bar.rsi < LEVEL and bar.close > 5\nif entry:\n    return buy()"
    assert said(stands, "LEVEL = 30\n") == ["buy, when RSI(14) is below 30 and the close is above 5"]
    changes = 'before = state["n"]\nstate["n"] = bar.close\nif bar.close > before:\n    return buy()'
    assert said(changes)[-1] == "buy, when the close is above `before`"


def test_a_loop_is_said_with_its_rounds() -> None:
    body = "for i in range(1, N, 2):\n    if bar.close > i:\n        return buy()\n    if bar.close < 0:\n        break"
    assert said(body, "N = 6\n") == [
        "buy, for each `i` from 1 to below 6 in steps of 2 when the close is above `i`",
        "leave the loop, for each `i` from 1 to below 6 in steps of 2 in the same rounds when the close is below 0",
    ]


def test_lines_are_those_of_everything_that_has_a_part() -> None:
    source = (
        "LENGTH = 20\nOTHER = 3\n\ndef indicators(bars):\n    mean = ta.sma(bars.close, length=LENGTH)\n"
        '    return {\n        "mean": mean,\n        "rsi": ta.rsi(bars.close, length=OTHER),\n    }\n\n'
        "def above(x, y):\n    return x > y\n\ndef on_bar(bar, position, state):\n"
        "    if above(bar.close, bar.mean):\n        return buy()\n    if bar.rsi > 70:\n        return sell()\n"
    )
    buy, sell = explain(compile_strategy(source))
    assert (buy.decided_at, sell.decided_at) == ((12, 15, 16), (17, 18))
    assert (buy.text, buy.line, buy.lines) == ("buy, when the close is above SMA(20)", 16, (1, 5, 7, 12, 15, 16))
    assert (sell.text, sell.line, sell.lines) == ("sell everything, when RSI(3) is above 70", 18, (2, 8, 17, 18))


def test_what_holds_for_the_whole_strategy_and_what_is_not_used_is_said() -> None:
    source = 'TIMEFRAME = "15min"\nSPARE = 3\ndef indicators(bars):\n    return {"a": ta.sma(bars.close)}\ndef on_bar(bar, position, state):\n    return buy()\n'
    assert [(each.does, each.text, each.line) for each in explain(compile_strategy(source))] == [
        ("setting", "decide on 15-minute bars", 1),
        ("buy", "buy", 6),
        ("unused", "SPARE = 3 is not used", 2),
        ("unused", "the column `a` is not used", 4),
    ]


@pytest.mark.parametrize(
    ("column", "words"),
    [
        ("ta.sma(bars.volume, length=5)", "SMA(5) of the volume"),
        ("ta.bbands(bars.close, length=20, std=2.5).upper", "BBANDS(20, std 2.5) upper"),
        ("ta.macd(bars.close).histogram", "MACD(12, 26, 9) histogram"),
        ('ta.ema(bars.resample("1h").close, length=9)', "EMA(9) of the close of 1-hour bars"),
        ('ta.sma(bars.of("SPY").resample("1d").close, length=200)', "SMA(200) of the close of 1-day bars of SPY"),
        ("bars.high.rolling(10).max().shift(1)", "(the highest high of 10 bars) 1 bar ago"),
        ("bars.close.pct_change(5)", "the relative change of the close over 5 bars"),
        ("bars.close.rolling(5).std(ddof=0)", "the standard deviation of the close over 5 bars (degrees of freedom less 0)"),
        ("bars.close.fillna(3)", "(the close, or 3 while unknown)"),
        ("np.maximum(bars.close, 2) / 3", "(the larger of the close and 2) / 3"),
    ],
)  # fmt: skip
def test_a_column_is_said_with_its_lengths(column: str, words: str) -> None:
    source = f'def indicators(bars):\n    return {{"x": {column}}}\ndef on_bar(bar, position, state):\n    if bar.x > 1:\n        return buy()\n'
    assert explain(compile_strategy(source))[0].text == f"buy, when {words} is above 1"


def test_a_portfolio_is_said_with_its_symbols_times_and_weights() -> None:
    source = (
        'UNIVERSE = ["QQQ", "GLD"]\nSCHEDULE = "monthly"\nTOP = 1\ndef indicators(bars):\n    return {"m": bars.close.pct_change(126), "t": ta.sma(bars.close, length=200)}\n'
        'def rebalance(universe, portfolio, state):\n    market = universe.of("SPY")\n    if market.close < market.t:\n        return cash()\n    if portfolio.cash > 5:\n        return {"QQQ": 0.6, "GLD": 0.4}\n'
        "    return weights.equal(universe.m.top(TOP, where=universe.m > 0))\n"
    )
    assert [each.text for each in explain(compile_portfolio(source))] == [
        "hold among QQQ, GLD",
        "decide monthly",
        "hold cash alone, when the close of SPY is below SMA(200) of SPY",
        "hold 60 % QQQ, 40 % GLD, and the rest in cash, when the portfolio’s cash is above 5",
        "hold in equal parts the 1 symbol with the highest (the relative change of the close over 126 bars) among those where the relative change of the close over 126 bars is above 0",
    ]


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, -0.02, 1e15, 1.5e300, 2 / 3, 1e-9, 0.07, 123456789.125])
def test_no_digit_of_a_number_is_lost(value: float) -> None:
    assert float(number(value)) == value
    assert float(percent(value).split()[0]) == pytest.approx(value * 100 if abs(value) < 1e12 else value, rel=1e-15)


# Nothing is lost -----------------------------------------------------------------------------------------------------

_COMPARISONS = (ast.Lt, ast.LtE, ast.Gt, ast.GtE, ast.Eq, ast.NotEq)
_SUMS = (ast.Add, ast.Sub, ast.Mult, ast.Div)
_SIDES = {"buy": "sell", "sell": "buy", "short": "cover", "cover": "short"}


def mutants(source: str) -> Iterator[str]:
    """The program with one number, comparison, connective, sum or action changed, in each place."""
    tree = ast.parse(source)
    for node in list(ast.walk(tree)):
        if isinstance(node, ast.Constant) and type(node.value) in (int, float):
            kept, node.value = node.value, node.value + 1  # type: ignore[operator]
            yield ast.unparse(tree)
            node.value = kept
        elif isinstance(node, ast.Compare) and isinstance(node.ops[0], _COMPARISONS):
            first = node.ops[0]
            node.ops[0] = _COMPARISONS[(_COMPARISONS.index(type(first)) + 1) % len(_COMPARISONS)]()
            yield ast.unparse(tree)
            node.ops[0] = first
        elif isinstance(node, ast.BoolOp):
            word, node.op = node.op, ast.Or() if isinstance(node.op, ast.And) else ast.And()
            yield ast.unparse(tree)
            node.op = word
        elif isinstance(node, ast.BinOp) and isinstance(node.op, _SUMS):
            sign, node.op = node.op, _SUMS[(_SUMS.index(type(node.op)) + 1) % len(_SUMS)]()
            yield ast.unparse(tree)
            node.op = sign
        elif isinstance(node, ast.Name) and node.id in _SIDES:
            kept_name, node.id = node.id, _SIDES[node.id]
            yield ast.unparse(tree)
            node.id = kept_name
        elif isinstance(node, ast.Attribute) and node.attr in ("open", "close"):
            kept_name, node.attr = node.attr, "close" if node.attr == "open" else "open"
            yield ast.unparse(tree)
            node.attr = kept_name


def meaning(strategy: Strategy | PortfolioStrategy) -> object:
    """What runs: the function that the code became, its constants, and the columns that it reads."""
    if isinstance(strategy, PortfolioStrategy):
        lowered, read = strategy.rebalance, set(strategy.read)
        settings: object = (strategy.universe, strategy.schedule)
    else:
        lowered, read = strategy.on_bar, {*strategy.on_bar.needs("b"), *strategy.on_bar.needs("p")}
        settings = strategy.timeframe
    constants = {name: strategy.parameters[name] for name in lowered.needs("k")}
    return lowered.text, constants, {name: node for name, node in strategy.columns.items() if name in read}, settings


def assert_other_programs_are_said_otherwise(source: str, at_most: int) -> int:
    """Holds every changed program that runs otherwise against the words of the program; gives how many there were."""
    plain = ast.unparse(ast.parse(source))
    strategy = compile_any(plain)
    words, runs = [each.text for each in explain(strategy)], meaning(strategy)
    different = 0
    for each in list(mutants(plain))[:at_most]:
        try:
            mutant = compile_any(each)
        except StrategyError:
            continue
        if meaning(mutant) != runs:
            different += 1
            assert [rule.text for rule in explain(mutant)] != words, each
    return different


@pytest.mark.parametrize("seed", one_of(4, range(60)))
def test_a_program_that_runs_otherwise_is_said_otherwise(seed: int) -> None:
    source = program(seed)
    try:
        compile_strategy(source)
    except StrategyError:
        pytest.skip("not in the language")
    assert assert_other_programs_are_said_otherwise(source, 60) > 5


@pytest.mark.parametrize("seed", one_of(4, range(30)))
def test_a_portfolio_that_decides_otherwise_is_said_otherwise(seed: int) -> None:
    assert assert_other_programs_are_said_otherwise(rotation(seed), 60) > 5


EXAMPLES = sorted((ROOT / "examples").rglob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=[each.stem for each in EXAMPLES])
def test_well_known_strategies_are_said_in_words_and_without_loss(path: Path) -> None:
    source = path.read_text()
    strategy = compile_any(source)
    rules = explain(strategy)
    assert not any("do what the code says" in each.what for each in rules)
    assert all(each.line in each.lines for each in rules)
    assert_other_programs_are_said_otherwise(source, 40)


@pytest.mark.parametrize("seed", range(12))
def test_however_large_a_program_is_what_is_said_is_bounded(seed: int) -> None:
    source = Programs(seed).program()
    try:
        strategy = compile_strategy(source)
    except StrategyError:
        pytest.skip("not in the language")
    rules = explain(strategy)
    assert sum(len(each.text) for each in rules) <= MAX_CHARACTERS + len(source)
    assert rules == explain(compile_strategy(source))


def test_code_that_takes_too_many_words_is_the_one_rule() -> None:
    doubled = "\n".join(f"    a{n + 1} = a{n} + a{n}" for n in range(30))
    source = f'N = 7\ndef indicators(bars):\n    a0 = bars.close\n{doubled}\n    return {{"x": a30}}\ndef on_bar(bar, position, state):\n    if bar.x > N:\n        return buy()\n'
    (rule,) = explain(compile_strategy(source))
    assert (rule.what, rule.lines[-1]) == (f"do what the code says, with N = 7: {source}", source.count("\n") + 1)
