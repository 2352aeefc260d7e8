"""Hours, days, limits of how often, sizes, stops and partial exits."""

from tests.evaluation.cases import Reference
from tests.evaluation.shorthand import case, parts, rule, sets


def _trailing(entry: str, stop: str) -> tuple[Reference, ...]:
    """A trailing stop below the highest close or the highest high since the entry."""
    return (rule(entry, stop), rule(entry, stop.replace("peak", "top")))


_RSI = "rsi14 < 35", "rsi14 > 60"
_UP, _DOWN = "over(sma10, sma30)", "sma10 < sma30"

CASES = (
    case(
        "times",
        "Buy when RSI < 35 only between 10am and 2pm. Sell when RSI > 60.",
        rule("rsi14 < 35 and minute >= 600 and minute < 840", "rsi14 > 60"),
        rule("rsi14 < 35 and minute >= 600 and minute <= 840", "rsi14 > 60"),
    ),
    case(
        "times",
        "buy rsi<35 sell rsi>60, no trades in the last half hour",
        rule("rsi14 < 35 and left > 30", "rsi14 > 60"),
        rule("rsi14 < 35 and left > 30", "rsi14 > 60 and left > 30"),
    ),
    case(
        "times",
        "Buy when RSI is below 35, sell above 60. Never hold overnight: be flat by 15:55.",
        rule("rsi14 < 35 and minute < 955", "rsi14 > 60 or minute >= 955"),
    ),
    case(
        "times",
        "Buy when RSI is below 35 but not during the lunch hour (12:00 to 13:00). Sell when RSI is above 60.",
        rule("rsi14 < 35 and not (minute >= 720 and minute < 780)", "rsi14 > 60"),
    ),
    case(
        "times",
        "only on tuesdays and thursdays: buy rsi under 35, sell rsi over 60",
        rule("rsi14 < 35 and (weekday == 1 or weekday == 3)", "rsi14 > 60"),
        rule("rsi14 < 35 and (weekday == 1 or weekday == 3)", "rsi14 > 60 and (weekday == 1 or weekday == 3)"),
    ),
    case("times", "Buy when RSI < 35 Mon-Wed. Sell when RSI > 60.", rule("rsi14 < 35 and weekday <= 2", "rsi14 > 60")),
    case(
        "times",
        "Buy at the open on Mondays and sell at 3:45pm on Fridays",
        rule("weekday == 0 and minute == 570", "weekday == 4 and minute >= 945"),
        rule("weekday == 0 and minute == 570", "weekday == 4 and minute == 945"),
    ),
    case("times", "buy at 9:45 sell at 11:15 every day", rule("minute == 585", "minute >= 675")),
    case(
        "times",
        "Buy at half past ten if the price is above VWAP, sell at quarter to four.",
        rule("minute == 630 and close > vwap", "minute >= 945"),
    ),
    case(
        "times",
        "Buy after 2 pm when RSI < 40. Sell when RSI > 60 or at 15:50.",
        rule("rsi14 < 40 and minute >= 840 and minute < 950", "rsi14 > 60 or minute >= 950"),
        rule("rsi14 < 40 and minute >= 840", "rsi14 > 60 or minute >= 950"),
        rule("rsi14 < 40 and minute > 840 and minute < 950", "rsi14 > 60 or minute >= 950"),
        rule("rsi14 < 40 and minute >= 840", "rsi14 > 60 or minute == 950"),
    ),
    case(
        "times",
        "Buy when RSI < 35, sell when RSI > 60. At most 2 trades per day.",
        rule("rsi14 < 35 and trades < 2", "rsi14 > 60"),
    ),
    case("times", "RSI 35/60, max 3 trades a day", rule("rsi14 < 35 and trades < 3", "rsi14 > 60")),
    case(
        "times",
        "no more than one buy a day please. buy when rsi < 35 sell when rsi > 60",
        rule("rsi14 < 35 and trades < 1", "rsi14 > 60"),
    ),
    case(
        "times",
        "Buy when RSI < 35. Sell when RSI > 60 or after 45 minutes, whichever comes first.",
        rule("rsi14 < 35", "rsi14 > 60 or age >= 45"),
    ),
    case(
        "times",
        "Buy when RSI < 35; sell when RSI > 60 but hold at least 20 minutes",
        rule("rsi14 < 35", "rsi14 > 60 and age >= 20"),
    ),
    case(
        "times",
        "After selling wait 1 hour before buying again. Buy RSI below 35, sell RSI above 60.",
        rule("rsi14 < 35 and flat >= 60", "rsi14 > 60"),
        rule("rsi14 < 35 and flat > 60", "rsi14 > 60"),
    ),
    case("times", "Buy at 16:30 Berlin time, sell at 20:00 Berlin time.", rule("minute == 630", "minute >= 840")),
    case("times", "Buy at 8:00 Pacific, sell at noon Pacific.", rule("minute == 660", "minute >= 900")),
    case(
        "times",
        "At 15:00 London time buy SPY, at 19:00 London time sell it",
        rule("minute == 600", "minute >= 840"),
        symbol="SPY",
    ),
    case(
        "sizes",
        "Buy $2,500 of AAPL when RSI < 30; sell when RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "notional=2500"),
    ),
    case(
        "sizes",
        "buy 2k worth of tsla when rsi under 30, sell over 70",
        rule("rsi14 < 30", "rsi14 > 70", "notional=2000"),
        symbol="TSLA",
    ),
    case(
        "sizes",
        "Buy 50 shares of IBM on RSI < 30, sell all on RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "quantity=50"),
        symbol="IBM",
    ),
    case(
        "sizes",
        "Invest a quarter of my account when RSI < 30; sell when RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "fraction=0.25"),
    ),
    case(
        "sizes",
        "Use 15% of my equity per trade. Buy RSI<30, sell RSI>70.",
        rule("rsi14 < 30", "rsi14 > 70", "fraction=0.15"),
    ),
    case(
        "sizes",
        "a third of the portfolio into AMD when rsi<30, out when rsi>70",
        rule("rsi14 < 30", "rsi14 > 70", "fraction=0.333"),
        symbol="AMD",
    ),
    case(
        "sizes",
        "Buy one hundred shares when RSI is below thirty and sell when it is above seventy.",
        rule("rsi14 < 30", "rsi14 > 70", "quantity=100"),
    ),
    case("stops", "10/30 sma cross, sell when it crosses back, stop loss 1%", rule(_UP, f"{_DOWN} or gain < -0.01")),
    case(
        "stops",
        "10/30 sma cross, trailing stop 1%",
        *_trailing(_UP, "close < peak * 0.99"),
        *_trailing(_UP, f"close < peak * 0.99 or {_DOWN}"),
    ),
    case(
        "stops",
        "Buy when RSI < 35 with a trailing stop of 0.50 dollars.",
        *_trailing("rsi14 < 35", "close < peak - 0.5"),
    ),
    case(
        "stops",
        "Buy RSI < 35. Stop loss $1 below entry, target $2 above entry.",
        rule("rsi14 < 35", "close < entry - 1 or close > entry + 2"),
    ),
    case(
        "stops",
        "Buy RSI < 35, stop at 2x ATR(14) below entry, take profit at 3x ATR(14)",
        rule("rsi14 < 35", "close < entry - 2 * atr14 or close > entry + 3 * atr14"),
    ),
    case(
        "stops",
        "Buy when rsi < 35, exit with a 2 ATR trailing stop",
        *_trailing("rsi14 < 35", "close < peak - 2 * atr14"),
    ),
    case(
        "stops",
        "Buy RSI < 35. Sell half at +0.5% and the rest at +1%.",
        parts("rsi14 < 35", "gain > 0.005", "gain > 0.01"),
    ),
    case(
        "stops",
        "Buy RSI<35. Take half off at 0.5% profit, sell the rest when RSI > 65.",
        parts("rsi14 < 35", "gain > 0.005", "rsi14 > 65"),
    ),
    case(
        "stops",
        "Buy RSI<35. Sell a third at 0.5% profit, the remainder when RSI is over 65, stop 1%.",
        parts("rsi14 < 35", "gain > 0.005", "rsi14 > 65 or gain < -0.01", 0.333),
    ),
    case("stops", "Buy when RSI < 35. Once up 1%, move stop to breakeven. Stop loss 1%. Sell when RSI > 75."),
    case(
        "stops",
        "Buy RSI < 35, sell RSI > 60, but never sell at a loss",
        rule("rsi14 < 35", "rsi14 > 60 and gain > 0"),
        rule("rsi14 < 35", "rsi14 > 60 and gain >= 0"),
    ),
    case(
        "stops",
        "Buy RSI < 35 and do not sell before I'm 0.5% up; then sell when RSI > 60",
        rule("rsi14 < 35", "rsi14 > 60 and gain >= 0.005"),
    ),
    case(
        "stops",
        "Buy RSI < 30. Exit only when both RSI > 60 and price is above the 20 SMA.",
        rule("rsi14 < 30", "rsi14 > 60 and close > sma20"),
    ),
    case(
        "combined",
        "- Symbol: AMZN\n- Entry: close > SMA(50) and RSI(14) < 40\n- Exit: RSI(14) > 65\n- Stop loss: 1%\n- Max 2 trades per day",
        rule("close > sma50 and rsi14 < 40 and trades < 2", "rsi14 > 65 or gain < -0.01"),
        symbol="AMZN",
    ),
    case(
        "combined",
        "1. Buy when EMA 9 crosses above EMA 21\n2. Only if RSI is above 50\n3. Sell when EMA 9 crosses below EMA 21\n4. No trading before 10:00",
        rule("over(ema9, ema21) and rsi14 > 50 and minute >= 600", "ema9 < ema21"),
        rule("over(ema9, ema21) and rsi14 > 50 and minute >= 600", "ema9 < ema21 and minute >= 600"),
    ),
    case(
        "combined",
        "Entry rules: price over VWAP, 9ema over 20ema. Exit rules: price under VWAP. Flat by 3:55pm.",
        rule("close > vwap and ema9 > ema20 and minute < 955", "close < vwap or minute >= 955"),
    ),
    case(
        "combined",
        "Buy when the MACD histogram is positive and rising; sell when the histogram is negative.",
        rule("hist12_26_9 > 0 and hist12_26_9 > was_hist12_26_9", "hist12_26_9 < 0"),
    ),
    case(
        "combined",
        "Buy when SMA 50 is rising and RSI dips under 40, sell when RSI is over 60",
        rule("sma50 > was_sma50 and rsi14 < 40", "rsi14 > 60"),
        rule("sma50 > was_sma50 and under(rsi14, 40)", "rsi14 > 60"),
    ),
    case(
        "combined",
        "Buy when the 20 sma crosses over the 50 sma and price is within 1% of the 50 sma. Exit when price closes under the 50 sma.",
        rule("over(sma20, sma50) and close < sma50 * 1.01 and close > sma50 * 0.99", "close < sma50"),
    ),
    case(
        "languages",
        "Kaufe Tesla wenn RSI unter 30, verkaufe wenn RSI über 70, Stop-Loss 2 %",
        rule("rsi14 < 30", "rsi14 > 70 or gain < -0.02"),
        symbol="TSLA",
    ),
    case(
        "languages",
        "Kaufe, wenn der RSI unter 35 fällt, aber nicht montags. Verkaufe, wenn der RSI über 60 steigt.",
        *sets("rsi14 < 35", "rsi14 > 60")[:0],
        rule("rsi14 < 35 and weekday != 0", "rsi14 > 60"),
        rule("under(rsi14, 35) and weekday != 0", "rsi14 > 60"),
    ),
    case(
        "languages",
        "Kaufen bei RSI < 35, höchstens zwei Trades pro Tag, verkaufen bei RSI > 60",
        rule("rsi14 < 35 and trades < 2", "rsi14 > 60"),
    ),
    case(
        "languages",
        "Compra AAPL cuando la media móvil de 10 cruza por encima de la de 30 y vende cuando cruza por debajo",
        rule("over(sma10, sma30)", _DOWN),
        symbol="AAPL",
    ),
    case(
        "languages",
        "Compra si el RSI baja de 35, salvo los viernes. Vende si el RSI sube de 60.",
        rule("rsi14 < 35 and weekday != 4", "rsi14 > 60"),
        rule("under(rsi14, 35) and weekday != 4", "rsi14 > 60"),
    ),
    case(
        "languages",
        "Achète quand le RSI est sous 35, vends quand il dépasse 60, stop-loss de 1 %.",
        rule("rsi14 < 35", "rsi14 > 60 or gain < -0.01"),
    ),
    case(
        "languages",
        "Acheter si le RSI est inférieur à 35 uniquement avant midi, vendre si le RSI est supérieur à 60",
        rule("rsi14 < 35 and minute < 720", "rsi14 > 60"),
    ),
    case("languages", "当RSI低于30时买入AAPL，高于70时卖出", *sets("rsi14 < 30", "rsi14 > 70"), symbol="AAPL"),
    case(
        "languages",
        "RSI低于35买入，RSI高于60卖出，止损1%，周五不交易",
        rule("rsi14 < 35 and weekday != 4", "rsi14 > 60 or gain < -0.01"),
        rule("rsi14 < 35 and weekday != 4", "(rsi14 > 60 or gain < -0.01) and weekday != 4"),
    ),
    case("languages", "5日線が20日線を上抜けたら買い、下抜けたら売り"),
    case(
        "languages",
        "RSIが35未満なら買い、60を超えたら売り。ただし月曜日は買わない。",
        rule("rsi14 < 35 and weekday != 0", "rsi14 > 60"),
    ),
)
