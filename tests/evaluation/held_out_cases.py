"""Requests that whoever works on the offline author leaves unread."""

from tests.evaluation.cases import Reference
from tests.evaluation.shorthand import case, held_out, parts, rule, sets

_RSI = sets("rsi14 < 30", "rsi14 > 70")
_R = "rsi14 < 35", "rsi14 > 60"
_ANOTHER_BREAKS = """
def indicators(bars):
    other = bars.of("AAPL")
    return {{"price": other.{price}, "highest": other.high.rolling(20).max().shift(1)}}

def on_bar(bar, position, state):
    if position.quantity > 0 and position.bars_held >= 30:
        return sell()
    if position.quantity == 0 and bar.price > bar.highest:
        return buy()
"""

CASES = held_out(
    case("plain", "amazon rsi strategy, in under 30 out over 70", *_RSI, symbol="AMZN"),
    case(
        "plain",
        "Please write something that goes long Netflix if RSI(14) < 30 and closes the position if RSI(14) > 70",
        *_RSI,
        symbol="NFLX",
    ),
    case(
        "plain",
        "Whenever RSI dips beneath 28, purchase JPM; whenever it climbs past 66, liquidate.",
        *sets("rsi14 < 28", "rsi14 > 66"),
        symbol="JPM",
    ),
    case("plain", "Buy when RSI(5) < 20. Sell when RSI(5) > 80.", rule("rsi5 < 20", "rsi5 > 80")),
    case("plain", "8/21 ema cross disney", rule("over(ema8, ema21)", "ema8 < ema21"), symbol="DIS"),
    case(
        "plain",
        "Buy KO when its fast average (12 bars) moves over its slow one (36 bars); sell when it moves under.",
        rule("over(sma12, sma36)", "sma12 < sma36"),
        rule("over(ema12, ema36)", "ema12 < ema36"),
        symbol="KO",
    ),
    case("plain", "long when price > ema 50, exit when price < ema 20", rule("close > ema50", "close < ema20")),
    case(
        "plain",
        "Buy if MACD line > signal line and MACD line < 0. Sell if MACD line < signal line.",
        rule("macd12_26_9 > signal12_26_9 and macd12_26_9 < 0", "macd12_26_9 < signal12_26_9"),
    ),
    case(
        "plain",
        "Buy when price touches the lower BB (30, 2), sell when it touches the upper BB.",
        *sets("close <= lower30_2", "close >= upper30_2"),
        *sets("low <= lower30_2", "high >= upper30_2"),
    ),
    case("plain", "Buy 0.3% below VWAP, sell 0.3% above VWAP", rule("close < vwap * 0.997", "close > vwap * 1.003")),
    case(
        "plain",
        "Buy new 60-bar highs, sell new 30-bar lows",
        rule("close > hh60", "close < ll30"),
        rule("high > hh60", "low < ll30"),
        rule("close > hc60", "close < lc30"),
    ),
    case("plain", "Buy five red bars in a row, sell on the first green bar", rule("reds5 >= 5", "close > open")),
    case(
        "plain",
        "buy if it rises 1% in 20 bars, sell if it falls 0.5% in 10 bars",
        rule("change20 > 0.01", "change10 < -0.005"),
    ),
    case(
        "plain",
        "Buy if the price is neither below the 50 SMA nor above 104. Sell under the 50 SMA.",
        rule("close >= sma50 and close <= 104", "close < sma50"),
    ),
    case(
        "plain",
        "Buy RSI < 40 provided ADX stays below 20; sell RSI > 60",
        rule("rsi14 < 40 and adx14 < 20", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Don't buy unless RSI is under 30 and the close is above the 200 SMA. Sell when RSI is over 60.",
        rule("rsi14 < 30 and close > sma200", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Buy when two of these hold: RSI < 35, price below lower bollinger, MFI < 20. Sell at RSI > 60.",
        rule(
            "(rsi14 < 35 and close < lower20_2) or (rsi14 < 35 and mfi14 < 20) or (close < lower20_2 and mfi14 < 20)",
            "rsi14 > 60",
        ),
    ),
    case(
        "plain",
        "Buy when RSI < 30 and either MFI < 20 or CCI < -100, sell when RSI > 60",
        rule("rsi14 < 30 and (mfi14 < 20 or cci14 < -100)", "rsi14 > 60"),
        rule("rsi14 < 30 and (mfi14 < 20 or cci20 < -100)", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Sell if RSI > 70 or MFI > 80. Buy if RSI < 30 and MFI < 30.",
        rule("rsi14 < 30 and mfi14 < 30", "rsi14 > 70 or mfi14 > 80"),
    ),
    case("plain", "Buy when RSI isn't below 60, sell when it isn't above 40.", rule("rsi14 >= 60", "rsi14 <= 40")),
    case(
        "plain",
        "Price between 97 and 99: buy. Price over 102: sell.",
        rule("close > 97 and close < 99", "close > 102"),
        rule("close >= 97 and close <= 99", "close > 102"),
    ),
    case(
        "plain",
        "Buy when RSI stays above 55 for five straight bars, sell when it drops below 45.",
        rule("min5rsi14 > 55", "rsi14 < 45"),
    ),
    case("typos", "buy gogle wen RSI undr 30 an sell ovr 70", *_RSI),
    case(
        "typos",
        "Buy Amzon if stochastik is below 20, sell if abve 80",
        *sets("stochk < 20", "stochk > 80"),
        symbol="AMZN",
    ),
    case("typos", "but AAPL when RSI <30, sell >70", *_RSI, symbol="AAPL"),
    case(
        "times", "Buy RSI < 35 before noon, sell RSI > 60 any time", rule("rsi14 < 35 and minute < 720", "rsi14 > 60")
    ),
    case(
        "times",
        "Buy RSI < 35 from Tuesday to Thursday, sell RSI > 60",
        rule("rsi14 < 35 and weekday >= 1 and weekday <= 3", "rsi14 > 60"),
        rule("rsi14 < 35 and weekday >= 1 and weekday <= 3", "rsi14 > 60 and weekday >= 1 and weekday <= 3"),
    ),
    case(
        "times",
        "Buy RSI < 35 on any day but Wednesday; sell RSI > 60",
        rule("rsi14 < 35 and weekday != 2", "rsi14 > 60"),
    ),
    case(
        "times",
        "Weekdays except Monday and Friday, buy at 10:15 if price > VWAP, out at 15:30",
        rule("weekday >= 1 and weekday <= 3 and minute == 615 and close > vwap", "minute >= 930"),
    ),
    case(
        "times",
        "Buy RSI < 35, sell RSI > 60, exit no later than 3:30 p.m.",
        rule("rsi14 < 35 and minute < 930", "rsi14 > 60 or minute >= 930"),
        rule("rsi14 < 35", "rsi14 > 60 or minute >= 930"),
    ),
    case(
        "times",
        "Buy RSI < 35, sell RSI > 60. Not more than four entries daily.",
        rule("rsi14 < 35 and trades < 4", "rsi14 > 60"),
    ),
    case(
        "times",
        "First trade of the day only: buy RSI < 35, sell RSI > 60",
        rule("rsi14 < 35 and trades < 1", "rsi14 > 60"),
    ),
    case("times", "Buy RSI < 35, sell after 90 minutes or at +1%", rule("rsi14 < 35", "age >= 90 or gain > 0.01")),
    case(
        "times",
        "Buy RSI < 35, sell RSI > 60, cool down 20 bars after each sale",
        rule("rsi14 < 35 and flat >= 20", "rsi14 > 60"),
        rule("rsi14 < 35 and flat > 20", "rsi14 > 60"),
    ),
    case("times", "Buy at 17:00 CET sell at 21:00 CET", rule("minute == 660", "minute >= 900")),
    case(
        "times",
        "Buy in the first 15 minutes of the last hour if RSI < 40, sell RSI > 60",
        rule("left <= 60 and left > 45 and rsi14 < 40", "rsi14 > 60"),
    ),
    case(
        "times",
        "Buy RSI < 35, ignore the first hour and the last hour. Sell RSI > 60.",
        rule("rsi14 < 35 and minute >= 630 and left > 60", "rsi14 > 60"),
        rule("rsi14 < 35 and minute >= 630 and left > 60", "rsi14 > 60 and minute >= 630 and left > 60"),
    ),
    case(
        "sizes",
        "Put USD 1,500 into KO when RSI < 30, sell when RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "notional=1500"),
        symbol="KO",
    ),
    case(
        "sizes",
        "buy a dozen shares of DIS at RSI < 30, sell at RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "quantity=12"),
        symbol="DIS",
    ),
    case(
        "sizes",
        "Two thirds of my cash in when RSI < 30, all out when RSI > 70",
        rule("rsi14 < 30", "rsi14 > 70", "fraction=0.667"),
    ),
    case(
        "sizes",
        "Buy 5 shares if RSI < 35; sell RSI > 60; position must never exceed 5 shares",
        rule("rsi14 < 35", "rsi14 > 60", "quantity=5"),
    ),
    case("sizes", "buy for 1000 euros when RSI < 30 and sell when RSI > 70"),
    case(
        "stops",
        "RSI < 35 in, RSI > 60 out, bail if it goes 1 % against me",
        rule("rsi14 < 35", "rsi14 > 60 or gain < -0.01"),
    ),
    case(
        "stops",
        "RSI < 35 in. 50 cents stop, 1 dollar target.",
        rule("rsi14 < 35", "close < entry - 0.5 or close > entry + 1"),
    ),
    case(
        "stops",
        "RSI < 35 in; trail by 0.7%",
        rule("rsi14 < 35", "close < peak * 0.993"),
        rule("rsi14 < 35", "close < top * 0.993"),
    ),
    case(
        "stops", "Enter RSI < 35, risk:reward 1:2 with a 0.5% stop", rule("rsi14 < 35", "gain < -0.005 or gain > 0.01")
    ),
    case(
        "stops",
        "Enter RSI < 35, exit 1.5 ATR below my entry or when RSI > 65",
        rule("rsi14 < 35", "close < entry - 1.5 * atr14 or rsi14 > 65"),
    ),
    case(
        "stops",
        "Buy RSI < 35, sell 50% at +0.4%, sell the other 50% at RSI > 65",
        parts("rsi14 < 35", "gain > 0.004", "rsi14 > 65"),
    ),
    case("stops", "Buy RSI < 35 sell RSI > 60, no stop loss", rule(*_R)),
    case(
        "stops",
        "Buy RSI < 35 sell RSI > 60 but ignore the sell signal during the first 10 bars",
        rule("rsi14 < 35", "rsi14 > 60 and age >= 10"),
        rule("rsi14 < 35", "rsi14 > 60 and age > 10"),
    ),
    case("vague", "buy when it's cheap"),
    case("vague", "set up a good swing trading bot for microsoft"),
    case("vague", "buy when rsi is low, sell when rsi is high"),
    case("vague", "Buy AAPL on weakness with a stop"),
    case("contradiction", "Buy when price > 105 and price < 95, sell after 5 bars"),
    case("contradiction", "Max 0 trades per day, buy RSI < 30 sell RSI > 70"),
    case("contradiction", "Buy RSI < 30, sell RSI > 70, but never sell"),
    case("contradiction", "Only trade between 15:00 and 10:00, buy RSI < 30 sell RSI > 70"),
    case("contradiction", "Buy when RSI is above 120, sell when RSI is below 20"),
    case("impossible", "sell short 100 TSLA at RSI > 75 and go long at RSI < 40"),
    case("impossible", "Buy BTC puts when RSI > 70, sell when RSI < 50"),
    case(
        "plain",
        "Buy MSFT when AAPL breaks its 20 bar high, sell after 30 bars",
        *(Reference("", "", whole=_ANOTHER_BREAKS.format(price=price)) for price in ("close", "high")),
        symbol="MSFT",
    ),
    case("impossible", "Buy when the Fed cuts rates, sell when RSI > 70"),
    case("impossible", "Buy RSI < 30 with a market cap over 10 billion, sell RSI > 70"),
    case("impossible", "Buy one minute before RSI falls under 30; sell RSI > 70"),
    case("impossible", "Buy RSI < 30 on margin, sell RSI > 70"),
    case("impossible", "Buy AAPL and hedge with SQQQ when RSI < 30; sell RSI > 70."),
    case("days", "20 day high breakout, sell at 10 day low"),
    case("days", "Buy when the weekly MACD crosses up; sell when it crosses down"),
    case("days", "Buy RSI < 30 using 5-minute candles. Sell RSI > 70."),
    case("days", "Buy when price is 5% below the 200 dma, sell at the 200 dma"),
    case("languages", "Kauf Nvidia bei RSI kleiner 30, Verkauf bei RSI größer 70", *_RSI, symbol="NVDA"),
    case(
        "languages",
        "Kaufe wenn der Kurs über dem 50er SMA liegt und der RSI unter 40 ist; verkaufe wenn der Kurs unter den 50er SMA fällt",
        rule("close > sma50 and rsi14 < 40", "close < sma50"),
    ),
    case("languages", "Kaufe um 10 Uhr, verkaufe um 15:30 Uhr New Yorker Zeit", rule("minute == 600", "minute >= 930")),
    case(
        "languages",
        "Compra cuando el RSI sea menor que 35 y vende cuando sea mayor que 60, máximo 2 operaciones por día",
        rule("rsi14 < 35 and trades < 2", "rsi14 > 60"),
    ),
    case(
        "languages",
        "Acheter quand la moyenne mobile 10 croise au-dessus de la moyenne mobile 30, vendre quand elle croise en dessous",
        rule("over(sma10, sma30)", "sma10 < sma30"),
    ),
    case("languages", "RSI小于30买入特斯拉，RSI大于70卖出", *_RSI, symbol="TSLA"),
    case("languages", "RSIが35以下で買い、60以上で売り、損切り1%", rule("rsi14 <= 35", "rsi14 >= 60 or gain <= -0.01")),
)
