"""Small words that turn a rule around, and impossible limits: where something else is easily written without a word."""

from tests.evaluation.shorthand import case, parts, rule, sets, talk

_R = "rsi14 < 35", "rsi14 > 60"
_BASE = "Buy AAPL when price is above the 50 SMA and RSI is below 45, sell when price is below the 50 SMA or RSI is above 70."

CASES = (
    case(
        "bounds",
        "Buy RSI < 35, sell RSI > 60, sell everything by 2:30 pm at the latest",
        rule("rsi14 < 35 and minute < 870", "rsi14 > 60 or minute >= 870"),
        rule("rsi14 < 35", "rsi14 > 60 or minute >= 870"),
    ),
    case(
        "bounds",
        "Buy RSI < 35. Sell RSI > 60 or no later than 15:00.",
        rule("rsi14 < 35 and minute < 900", "rsi14 > 60 or minute >= 900"),
        rule("rsi14 < 35", "rsi14 > 60 or minute >= 900"),
    ),
    case(
        "bounds",
        "Buy RSI < 35 no earlier than 11:00. Sell RSI > 60.",
        rule("rsi14 < 35 and minute >= 660", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy RSI < 35 no later than 14:00. Sell RSI > 60.",
        rule("rsi14 < 35 and minute <= 840", "rsi14 > 60"),
        rule("rsi14 < 35 and minute < 840", "rsi14 > 60"),
    ),
    case("bounds", "Buy RSI < 35 not before 11. Sell RSI > 60.", rule("rsi14 < 35 and minute >= 660", "rsi14 > 60")),
    case(
        "bounds",
        "Buy RSI < 35 until 13:00, sell RSI > 60",
        rule("rsi14 < 35 and minute < 780", "rsi14 > 60"),
        rule("rsi14 < 35 and minute <= 780", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy RSI < 35, sell RSI > 60, never after 14:00",
        rule("rsi14 < 35 and minute < 840", "rsi14 > 60"),
        rule("rsi14 < 35 and minute <= 840", "rsi14 > 60"),
        rule("rsi14 < 35 and minute < 840", "rsi14 > 60 and minute < 840"),
        rule("rsi14 < 35 and minute <= 840", "rsi14 > 60 and minute <= 840"),
    ),
    case(
        "bounds",
        "Buy RSI < 35, sell RSI > 60, not outside 10:00-12:00",
        rule("rsi14 < 35 and minute >= 600 and minute < 720", "rsi14 > 60"),
        rule("rsi14 < 35 and minute >= 600 and minute < 720", "rsi14 > 60 and minute >= 600 and minute < 720"),
    ),
    case(
        "bounds",
        "Buy RSI < 35, sell RSI > 60, trade only outside 11:30-14:00",
        rule("rsi14 < 35 and (minute < 690 or minute >= 840)", "rsi14 > 60"),
        rule("rsi14 < 35 and (minute < 690 or minute >= 840)", "rsi14 > 60 and (minute < 690 or minute >= 840)"),
    ),
    case("bounds", "Buy when RSI is at most 35 and sell when RSI is at least 60", rule("rsi14 <= 35", "rsi14 >= 60")),
    case(
        "bounds", "Buy when RSI is no more than 35; sell when it is no less than 60", rule("rsi14 <= 35", "rsi14 >= 60")
    ),
    case("bounds", "Buy when RSI isn't over 35; sell when RSI isn't under 60", rule("rsi14 <= 35", "rsi14 >= 60")),
    case(
        "bounds",
        "Do not buy when RSI is above 35. Sell when RSI is above 60. Buy when price is below the lower Bollinger band.",
        rule("close < lower20_2 and rsi14 <= 35", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy when RSI < 35 and not when the price is under the 100 SMA. Sell RSI > 60.",
        rule("rsi14 < 35 and close >= sma100", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy when RSI < 35 unless it's Friday or after 15:00. Sell RSI > 60.",
        rule("rsi14 < 35 and not (weekday == 4 or minute >= 900)", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy when RSI < 35 unless ADX is above 30 and the price is below the 50 SMA; sell when RSI > 60",
        rule("rsi14 < 35 and not (adx14 > 30 and close < sma50)", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Sell when RSI > 60 unless the price is above the 20 SMA. Buy when RSI < 35.",
        rule("rsi14 < 35", "rsi14 > 60 and close <= sma20"),
    ),
    case(
        "bounds",
        "Buy when RSI < 40 and price < VWAP or when RSI < 25. Sell RSI > 60.",
        rule("(rsi14 < 40 and close < vwap) or rsi14 < 25", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy when RSI < 40 and (price < VWAP or MFI < 20). Sell RSI > 60.",
        rule("rsi14 < 40 and (close < vwap or mfi14 < 20)", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy when RSI < 35 or MFI < 20 but only on Mondays. Sell RSI > 60.",
        rule("(rsi14 < 35 or mfi14 < 20) and weekday == 0", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "On Mondays buy when RSI < 35, on other days when RSI < 25. Sell when RSI > 60.",
        rule("(weekday == 0 and rsi14 < 35) or (weekday != 0 and rsi14 < 25)", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "In the morning buy RSI < 30, in the afternoon buy RSI < 40. Sell RSI > 60.",
        rule("(minute < 720 and rsi14 < 30) or (minute >= 720 and rsi14 < 40)", "rsi14 > 60"),
    ),
    case(
        "bounds",
        "Buy RSI < 35. If up 1% sell half. If down 1% sell all. Sell at RSI > 75.",
        parts("rsi14 < 35", "gain >= 0.01", "gain <= -0.01 or rsi14 > 75"),
    ),
    case("bounds", "Buy RSI < 35, sell when RSI > 60 twice"),
    case("bounds", "Buy when RSI crosses below 35 for the second time today; sell RSI > 60"),
    case("bounds", "Buy every other Monday at 10:00, sell at 15:00"),
    case("bounds", "Buy 10% on the first signal and 20% on the second. Signal: RSI < 30. Sell RSI > 70."),
    case("bounds", "Buy RSI < 35 sell RSI > 60, stop after 3 losses in a row"),
    case("bounds", "Buy RSI < 35 sell RSI > 60, max daily loss $200"),
    case("bounds", "Buy RSI < 35 sell RSI > 60 until I have made $500"),
    case("bounds", "max 2 trades per week, buy RSI < 35 sell RSI > 60"),
    case("bounds", "one trade per hour, buy RSI < 35 sell RSI > 60"),
    case("bounds", "at most 3 winning trades per day; buy RSI < 35 sell RSI > 60"),
    case("bounds", "at least 3 trades per day; buy RSI < 35 sell RSI > 60"),
    case("impossible limits", "No trades per day. Buy RSI < 30, sell RSI > 70."),
    case("impossible limits", "Buy 0 shares when RSI < 30, sell RSI > 70"),
    case("impossible limits", "Buy 150% of equity when RSI < 30, sell RSI > 70"),
    case("impossible limits", "Buy -5 shares when RSI < 30, sell RSI > 70"),
    case("impossible limits", "Trade from 16:00 to 9:30 only; buy RSI < 30 sell RSI > 70"),
    case("impossible limits", "Buy after 18:00 when RSI < 30; sell RSI > 70"),
    case("impossible limits", "Buy only on Sundays when RSI < 30, sell RSI > 70"),
    case("impossible limits", "Buy when RSI is below 0, sell when RSI is above 70"),
    case("impossible limits", "Buy when RSI < 30 and RSI > 50; sell after 10 bars"),
    case("impossible limits", "Buy when the stochastic is above 130, sell below 20"),
    case("impossible limits", "Buy when price is above 100, sell when price is above 100"),
    case("impossible limits", "Buy RSI < 30 with a stop loss of 0%, sell RSI > 70"),
    case("impossible limits", "Buy RSI < 30, stop loss -150%, sell RSI > 70"),
    case("impossible limits", "Buy at 25:00, sell at 26:00"),
    case("impossible limits", "Buy RSI < 30. Sell RSI > 70 but only if RSI < 20."),
    case(
        "impossible limits", "Buy when the -5 bar average crosses above the 30-bar average, sell when it crosses below"
    ),
    case(
        "impossible limits",
        "Buy when the 10.5-bar average crosses above the 30-bar average, sell when it crosses below",
    ),
    case(
        "symbols",
        "Buy Apple stock, not Tesla, when RSI < 30, sell RSI > 70",
        *sets("rsi14 < 30", "rsi14 > 70"),
        symbol="AAPL",
    ),
    case("symbols", "Buy anything but AAPL when RSI < 30, sell RSI > 70"),
    case("symbols", "Buy AAPL or MSFT, whichever has the lower RSI, sell above 70"),
    case("symbols", "Buy AAPL when RSI < 30, sell MSFT when RSI > 70"),
    case("symbols", "buy btc when rsi < 30, sell rsi > 70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="BTC/USD"),
    case("symbols", "Buy $BRK.B when RSI < 30, sell RSI > 70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="BRK.B"),
    case("symbols", "Buy F when RSI < 30, sell when RSI > 70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="F"),
    case("units", "Buy when price falls $1 in 20 bars, sell after 30 bars"),
    case(
        "units",
        "Buy when price is 1 dollar below the 50 SMA, sell when it is above the 50 SMA",
        rule("close < sma50 - 1", "close > sma50"),
    ),
    case("units", "Buy RSI < 35; stop loss 100 dollars in total; sell RSI > 60"),
    case(
        "units", "Buy RSI < 35; stop 20 basis points; sell RSI > 60", rule("rsi14 < 35", "rsi14 > 60 or gain < -0.002")
    ),
    case("units", "Buy RSI < 35, target 2R, stop 0.5%", rule("rsi14 < 35", "gain < -0.005 or gain > 0.01")),
    case(
        "units", "Buy RSI < 35, stop 10 ticks, sell RSI > 60", rule("rsi14 < 35", "rsi14 > 60 or close < entry - 0.1")
    ),
    case("units", "Buy RSI < 35, sell after 30", rule("rsi14 < 35", "age >= 30")),
    case("units", "Buy RSI < 35, sell after 90 seconds"),
    case("units", "Buy RSI < 35, sell after half an hour", rule("rsi14 < 35", "age >= 30")),
    case("units", "Buy RSI < 35, sell after 1.5 hours", rule("rsi14 < 35", "age >= 90")),
    case("units", "Buy when RSI < 35%, sell when RSI > 60%", rule(*_R)),
    case(
        "words",
        "Never buy when RSI is above 60. Buy when price is above VWAP. Sell when price is below VWAP.",
        rule("close > vwap and rsi14 <= 60", "close < vwap"),
    ),
    case("words", "RSI > 60: sell it. RSI < 35: bought.", rule(*_R)),
    case(
        "words",
        "I never sell before 11:00. I buy when RSI < 35 and sell when RSI > 60.",
        rule("rsi14 < 35", "rsi14 > 60 and minute >= 660"),
    ),
    case("words", "Buy TSLA when RSI<30, sell >70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="TSLA"),
    case("words", "byu TSLA when RSI <30, sell >70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="TSLA"),
    case("words", "when RSI <30 get me some TSLA, sell >70", *sets("rsi14 < 30", "rsi14 > 70"), symbol="TSLA"),
    talk("change", (_BASE, "RSI below 40"), rule("close > sma50 and rsi14 < 40", "close < sma50 or rsi14 > 70")),
    talk(
        "change",
        (_BASE, "RSI under 40 and over 75"),
        rule("close > sma50 and rsi14 < 40", "close < sma50 or rsi14 > 75"),
    ),
    talk(
        "change",
        (_BASE, "price above the 100 SMA"),
        rule("close > sma100 and rsi14 < 45", "close < sma50 or rsi14 > 70"),
        rule("close > sma100 and rsi14 < 45", "close < sma100 or rsi14 > 70"),
    ),
    talk(
        "change",
        (_BASE, "buy when RSI is below 40"),
        rule("close > sma50 and rsi14 < 40", "close < sma50 or rsi14 > 70"),
    ),
    talk(
        "change",
        (_BASE, "sell when RSI is above 80"),
        rule("close > sma50 and rsi14 < 45", "close < sma50 or rsi14 > 80"),
    ),
    talk(
        "change",
        (_BASE, "not on Mondays", "not on Fridays"),
        rule("close > sma50 and rsi14 < 45 and weekday != 0 and weekday != 4", "close < sma50 or rsi14 > 70"),
    ),
    talk(
        "change",
        (_BASE, "max 3 trades per day", "only one trade per day"),
        rule("close > sma50 and rsi14 < 45 and trades < 1", "close < sma50 or rsi14 > 70"),
    ),
    talk(
        "change",
        (_BASE, "only before 11:00", "no, only after 11:00"),
        rule("close > sma50 and rsi14 < 45 and minute >= 660", "close < sma50 or rsi14 > 70"),
        rule("close > sma50 and rsi14 < 45 and minute > 660", "close < sma50 or rsi14 > 70"),
    ),
    talk(
        "change",
        (_BASE, "1% stop", "trailing, not fixed"),
        rule("close > sma50 and rsi14 < 45", "close < sma50 or rsi14 > 70 or close < peak * 0.99"),
        rule("close > sma50 and rsi14 < 45", "close < sma50 or rsi14 > 70 or close < top * 0.99"),
    ),
    talk("change", (_BASE, "remove the stop")),
    talk("change", (_BASE, "don't sell on RSI anymore"), rule("close > sma50 and rsi14 < 45", "close < sma50")),
    talk("change", (_BASE, "without RSI"), rule("close > sma50", "close < sma50")),
    talk(
        "change", (_BASE, "use or instead of and"), rule("close > sma50 or rsi14 < 45", "close < sma50 or rsi14 > 70")
    ),
    talk("change", (_BASE, "change 50 to 20"), rule("close > sma20 and rsi14 < 45", "close < sma20 or rsi14 > 70")),
)
