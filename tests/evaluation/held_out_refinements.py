"""Conversations that whoever works on the offline author leaves unread."""

from tests.evaluation.shorthand import held_out, rule, talk

_BASE = "Buy AMD when RSI is below 35 and sell when RSI is above 65."
_VWAP = "Buy QQQ when price is above VWAP and RSI is below 50, sell when price is below VWAP."

CASES = held_out(
    talk("change", (_BASE, "change 35 to 25"), rule("rsi14 < 25", "rsi14 > 65"), symbol="AMD"),
    talk("change", (_BASE, "Could you sell at 75 rather than 65?"), rule("rsi14 < 35", "rsi14 > 75")),
    talk(
        "change",
        (_BASE, "skip Wednesdays"),
        rule("rsi14 < 35 and weekday != 2", "rsi14 > 65"),
        rule("rsi14 < 35 and weekday != 2", "rsi14 > 65 and weekday != 2"),
    ),
    talk("change", (_BASE, "stop loss at 0.8%", "take the stop loss out again"), rule("rsi14 < 35", "rsi14 > 65")),
    talk("change", (_BASE, "at most three buys a day"), rule("rsi14 < 35 and trades < 3", "rsi14 > 65")),
    talk(
        "change",
        (_BASE, "only after 11am"),
        rule("rsi14 < 35 and minute >= 660", "rsi14 > 65"),
        rule("rsi14 < 35 and minute > 660", "rsi14 > 65"),
        rule("rsi14 < 35 and minute >= 660", "rsi14 > 65 and minute >= 660"),
    ),
    talk("change", (_BASE, "it should also sell after an hour"), rule("rsi14 < 35", "rsi14 > 65 or age >= 60")),
    talk("change", (_BASE, "use $3000 a trade", "halve it"), rule("rsi14 < 35", "rsi14 > 65", "notional=1500")),
    talk("change", (_BASE, "swap AMD for Netflix"), rule("rsi14 < 35", "rsi14 > 65"), symbol="NFLX"),
    talk("change", (_BASE, "RSI 21 please"), rule("rsi21 < 35", "rsi21 > 65")),
    talk("change", (_BASE, "and volume has to be above average")),
    talk("change", (_BASE, "be more aggressive")),
    talk("change", (_BASE, "trade on the news too")),
    talk("change", (_BASE, "reverse buy and sell"), rule("rsi14 > 65", "rsi14 < 35")),
    talk("change", (_VWAP, "drop the RSI condition"), rule("close > vwap", "close < vwap")),
    talk("change", (_VWAP, "RSI below 45"), rule("close > vwap and rsi14 < 45", "close < vwap")),
    talk(
        "change",
        (_VWAP, "don't buy on Mondays or Tuesdays"),
        rule("close > vwap and rsi14 < 50 and weekday >= 2", "close < vwap"),
    ),
    talk(
        "change",
        (_VWAP, "flat at 15:45"),
        rule("close > vwap and rsi14 < 50 and minute < 945", "close < vwap or minute >= 945"),
        rule("close > vwap and rsi14 < 50", "close < vwap or minute >= 945"),
    ),
    talk(
        "change",
        (_VWAP, "never more than 5 trades a day", "make that 2"),
        rule("close > vwap and rsi14 < 50 and trades < 2", "close < vwap"),
    ),
    talk(
        "change",
        (_VWAP, "take profit 0.6 percent"),
        rule("close > vwap and rsi14 < 50", "close < vwap or gain > 0.006"),
    ),
    talk(
        "answer",
        ("buy spy at 10:00 every day", "and sell at 3pm"),
        rule("minute == 600", "minute >= 900"),
        symbol="SPY",
    ),
    talk(
        "languages",
        ("Achète IBM quand le RSI passe sous 35 et vends quand il passe au-dessus de 60.", "pas le vendredi"),
        rule("rsi14 < 35 and weekday != 4", "rsi14 > 60"),
        rule("under(rsi14, 35) and weekday != 4", "rsi14 > 60"),
    ),
)
