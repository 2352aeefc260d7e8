"""Conversations: a request, then changes, answers and second thoughts."""

from tests.evaluation.shorthand import parts, rule, talk

_BASE = "Buy AAPL when RSI is below 35 and sell when RSI is above 60."
_CROSS = "Buy MSFT when the 10-bar SMA crosses above the 30-bar SMA and sell when it crosses back below."
_UP, _DOWN = "over(sma10, sma30)", "sma10 < sma30"

CASES = (
    talk("change", (_BASE, "Use 30 instead of 35."), rule("rsi14 < 30", "rsi14 > 60"), symbol="AAPL"),
    talk("change", (_BASE, "make the exit 70"), rule("rsi14 < 35", "rsi14 > 70")),
    talk("change", (_BASE, "sell above 65 instead"), rule("rsi14 < 35", "rsi14 > 65")),
    talk("change", (_BASE, "add a 1% stop loss"), rule("rsi14 < 35", "rsi14 > 60 or gain < -0.01")),
    talk(
        "change",
        (_BASE, "Add a stop loss of 1% and a take profit of 1.5%"),
        rule("rsi14 < 35", "rsi14 > 60 or gain < -0.01 or gain > 0.015"),
    ),
    talk(
        "change",
        (_BASE, "only on Mondays"),
        rule("rsi14 < 35 and weekday == 0", "rsi14 > 60"),
        rule("rsi14 < 35 and weekday == 0", "rsi14 > 60 and weekday == 0"),
    ),
    talk(
        "change",
        (_BASE, "only on Mondays", "also Fridays"),
        rule("rsi14 < 35 and (weekday == 0 or weekday == 4)", "rsi14 > 60"),
        rule("rsi14 < 35 and (weekday == 0 or weekday == 4)", "rsi14 > 60 and (weekday == 0 or weekday == 4)"),
    ),
    talk("change", (_BASE, "not on fridays pls"), rule("rsi14 < 35 and weekday != 4", "rsi14 > 60")),
    talk("change", (_BASE, "max 2 trades per day"), rule("rsi14 < 35 and trades < 2", "rsi14 > 60")),
    talk("change", (_BASE, "Use 7 periods for the RSI"), rule("rsi7 < 35", "rsi7 > 60")),
    talk("change", (_BASE, "change AAPL to TSLA"), rule("rsi14 < 35", "rsi14 > 60"), symbol="TSLA"),
    talk("change", (_BASE, "do it for nvidia"), rule("rsi14 < 35", "rsi14 > 60"), symbol="NVDA"),
    talk(
        "change",
        (_BASE, "Only when the price is above the 100 SMA"),
        rule("rsi14 < 35 and close > sma100", "rsi14 > 60"),
    ),
    talk("change", (_BASE, "buy 20 shares each time"), rule("rsi14 < 35", "rsi14 > 60", "quantity=20")),
    talk("change", (_BASE, "with 10% of equity", "double the size"), rule("rsi14 < 35", "rsi14 > 60", "fraction=0.2")),
    talk(
        "change",
        (_BASE, "close everything before the close"),
        rule("rsi14 < 35 and minute < 955", "rsi14 > 60 or minute >= 955"),
        rule("rsi14 < 35 and minute < 950", "rsi14 > 60 or minute >= 950"),
    ),
    talk("change", (_BASE, "sell after 30 bars at the latest"), rule("rsi14 < 35", "rsi14 > 60 or age >= 30")),
    talk("change", (_BASE, "don't buy in the first 30 minutes"), rule("rsi14 < 35 and minute >= 600", "rsi14 > 60")),
    talk("change", (_BASE, "use MACD instead of RSI")),
    talk("change", (_BASE, "sell half at 0.5%"), parts("rsi14 < 35", "gain > 0.005", "rsi14 > 60")),
    talk(
        "change",
        (_BASE, "add a trailing stop of 0.5%"),
        rule("rsi14 < 35", "rsi14 > 60 or close < peak * 0.995"),
        rule("rsi14 < 35", "rsi14 > 60 or close < top * 0.995"),
    ),
    talk("change", (_CROSS, "EMA instead of SMA"), rule("over(ema10, ema30)", "ema10 < ema30"), symbol="MSFT"),
    talk("change", (_CROSS, "Use 20 instead of 10"), rule("over(sma20, sma30)", "sma20 < sma30")),
    talk("change", (_CROSS, "make it 20 and 50"), rule("over(sma20, sma50)", "sma20 < sma50")),
    talk("change", (_CROSS, "add a stop of 1%", "remove the stop"), rule(_UP, _DOWN)),
    talk("change", (_CROSS, "add a stop of 1%", "make the stop 2%"), rule(_UP, f"{_DOWN} or gain < -0.02")),
    talk("change", (_CROSS, "add a 1% stop", "no, 0.5"), rule(_UP, f"{_DOWN} or gain < -0.005")),
    talk("change", (_CROSS, "and the RSI must be over 50"), rule(f"{_UP} and rsi14 > 50", _DOWN)),
    talk(
        "change",
        (_CROSS, "only between 10:00 and 15:00"),
        rule(f"{_UP} and minute >= 600 and minute < 900", _DOWN),
        rule(f"{_UP} and minute >= 600 and minute <= 900", _DOWN),
        rule(f"{_UP} and minute >= 600 and minute < 900", f"{_DOWN} and minute >= 600 and minute < 900"),
        rule(f"{_UP} and minute >= 600 and minute <= 900", f"{_DOWN} and minute >= 600 and minute <= 900"),
    ),
    talk("change", (_CROSS, "sell when the RSI is above 75 as well"), rule(_UP, f"{_DOWN} or rsi14 > 75")),
    talk("change", (_CROSS, "sell only on a 1% gain instead"), rule(_UP, "gain > 0.01")),
    talk("change", (_CROSS, "the other way round please")),
    talk("change", (_CROSS, "go short instead")),
    talk("change", (_CROSS, "make it better")),
    talk("change", (_CROSS, "ok thanks"), rule(_UP, _DOWN)),
    talk("change", (_CROSS, "why does it sell?")),
    talk(
        "change",
        (_CROSS, "undo"),
    ),
    talk("change", (_CROSS, "add 2x leverage")),
    talk("change", (_CROSS, "use days not minutes")),
    talk(
        "answer",
        ("Buy AAPL when RSI is below 30", "sell when it is above 70"),
        rule("rsi14 < 30", "rsi14 > 70"),
        symbol="AAPL",
    ),
    talk(
        "answer",
        ("a strategy for google", "buy when RSI < 30 and sell when RSI > 70"),
        rule("rsi14 < 30", "rsi14 > 70"),
    ),
    talk(
        "answer",
        ("Buy the dip on TSLA", "1% below the 20 bar high, sell after 30 bars"),
        rule("close < high20 * 0.99", "age >= 30"),
        rule("close < hh20 * 0.99", "age >= 30"),
        symbol="TSLA",
    ),
    talk(
        "languages",
        ("Kaufe AAPL, wenn der RSI unter 35 fällt, verkaufe über 60.", "nur montags"),
        rule("rsi14 < 35 and weekday == 0", "rsi14 > 60"),
        rule("rsi14 < 35 and weekday == 0", "rsi14 > 60 and weekday == 0"),
        rule("under(rsi14, 35) and weekday == 0", "rsi14 > 60"),
    ),
    talk(
        "languages",
        (
            "Compra AAPL cuando el RSI está por debajo de 35 y vende cuando está por encima de 60.",
            "añade un stop de 1%",
        ),
        rule("rsi14 < 35", "rsi14 > 60 or gain < -0.01"),
    ),
)
