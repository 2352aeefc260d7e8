"""One to three rules, as people type them in forums, chats and guides."""

from tests.evaluation.shorthand import case, rule, sets

_RSI = sets("rsi14 < 30", "rsi14 > 70")
_MACD = rule("over(hist12_26_9, 0)", "hist12_26_9 < 0")

CASES = (
    case("plain", "rsi 30/70 on apple", *_RSI, symbol="AAPL"),
    case("plain", "can u make me a bot that buys tesla when rsi<30 n sells when rsi>70 thx", *_RSI, symbol="TSLA"),
    case("plain", "AAPL. RSI(14) < 30 -> long. RSI(14) > 70 -> exit.", *_RSI, symbol="AAPL"),
    case(
        "plain",
        "Hi all, first post here. I'd like to buy Microsoft whenever the RSI goes under 25 and get out once it's back over 55. Thanks in advance!",
        *sets("rsi14 < 25", "rsi14 > 55"),
        symbol="MSFT",
    ),
    case(
        "plain", "buy nvidia when the rsi is oversold (below 30), sell when overbought (above 70)", *_RSI, symbol="NVDA"
    ),
    case("plain", "Buy when RSI(2) is below 10, exit when RSI(2) is above 90.", rule("rsi2 < 10", "rsi2 > 90")),
    case(
        "plain",
        "Enter long if RSI crosses back above 30 from below. Exit if RSI crosses below 70 from above.",
        rule("over(rsi14, 30)", "under(rsi14, 70)"),
    ),
    case("plain", "Buy AAPL when RSI hits 30 or less, sell at 70 or more", *sets("rsi14 <= 30", "rsi14 >= 70")),
    case(
        "plain",
        "When the 9 EMA crosses above the 21 EMA, buy AMD. Sell when the 9 EMA crosses under the 21 EMA.",
        rule("over(ema9, ema21)", "ema9 < ema21"),
        symbol="AMD",
    ),
    case("plain", "sma 20 x sma 50 on spy", rule("over(sma20, sma50)", "sma20 < sma50"), symbol="SPY"),
    case(
        "plain",
        "I want a moving average crossover (fast 5, slow 15) on QQQ please",
        rule("over(sma5, sma15)", "sma5 < sma15"),
        rule("over(ema5, ema15)", "ema5 < ema15"),
        symbol="QQQ",
    ),
    case(
        "plain",
        "buy when price closes above the 20 ema and sell when price closes below the 20 ema",
        *sets("close > ema20", "close < ema20"),
    ),
    case("plain", "MACD cross strategy for AMZN, standard settings", _MACD, symbol="AMZN"),
    case("plain", "Buy on a bullish MACD crossover and sell on a bearish MACD crossover", _MACD),
    case("plain", "Long when the MACD histogram turns positive; flat when it turns negative.", _MACD),
    case(
        "plain",
        "Buy when MACD(5,35,5) crosses above its signal line. Sell when it crosses back below.",
        rule("over(hist5_35_5, 0)", "hist5_35_5 < 0"),
    ),
    case(
        "plain",
        "Buy at the lower bollinger band, sell at the upper one",
        *sets("close < lower20_2", "close > upper20_2"),
        *sets("low < lower20_2", "close > upper20_2"),
        *sets("low < lower20_2", "high > upper20_2"),
    ),
    case(
        "plain",
        "bollinger 20, 2.5 std? no: use 20 and 3. buy below lower band, sell above middle band",
        rule("close < lower20_3", "close > middle20_3"),
    ),
    case(
        "plain",
        "Buy when Williams %R is below -80 and sell when it is above -20.",
        rule("willr14 < -80", "willr14 > -20"),
    ),
    case("plain", "Buy when MFI drops under 20, sell when MFI climbs over 80", rule("mfi14 < 20", "mfi14 > 80")),
    case(
        "plain",
        "stoch k crosses above d below 20 -> buy; stoch k above 80 -> sell",
        rule("over(stochk, stochd) and stochk < 20", "stochk > 80"),
        rule("over(stochk, stochd) and stochk < 20 and stochd < 20", "stochk > 80"),
    ),
    case(
        "plain",
        "Buy when price breaks above the highest high of the last 20 bars; sell when it breaks below the lowest low of the last 10 bars.",
        rule("close > hh20", "close < ll10"),
        rule("close > hh20", "low < ll10"),
        rule("high > hh20", "low < ll10"),
    ),
    case(
        "plain",
        "Buy when price crosses above VWAP, sell when it crosses below VWAP.",
        rule("over(close, vwap)", "close < vwap"),
    ),
    case(
        "plain",
        "Go long when ADX > 25 and +DI > -DI. Exit when ADX < 20.",
        rule("adx14 > 25 and plus14 > minus14", "adx14 < 20"),
    ),
    case(
        "plain",
        "Buy after 4 green bars in a row, sell after 2 red bars in a row",
        rule("greens4 >= 4", "reds2 >= 2"),
    ),
    case("plain", "buy 3 down closes in a row, sell after 5 bars", rule("falls3 >= 3", "age >= 5")),
    case("plain", "Buy if price falls 2% in 60 minutes. Sell after 2 hours.", *sets("change60 < -0.02", "age >= 120")),
    case(
        "plain",
        "Buy when rsi is below 30; take profit 1%; stop loss 0.5%",
        rule("rsi14 < 30", "gain > 0.01 or gain < -0.005"),
    ),
    case(
        "plain",
        "RSI below 30 buy, TP 1.5 %, SL 0.75 %",
        rule("rsi14 < 30", "gain > 0.015 or gain < -0.0075"),
    ),
    case("plain", "Buy Google when RSI < 35. Sell when I'm up 1 percent.", rule("rsi14 < 35", "gain > 0.01")),
    case(
        "plain",
        "Buy when the price drops below 98 dollars and sell when it goes over $102",
        rule("close < 98", "close > 102"),
    ),
    case("plain", "Buy under 99. Sell above 101.5. That's it.", rule("close < 99", "close > 101.5")),
    case(
        "plain",
        "buy when price is above 101 but don't buy above 103; sell below 100",
        rule("close > 101 and close <= 103", "close < 100"),
    ),
    case(
        "plain",
        "Buy when the close is above both the 20 and the 50 SMA. Sell when it is below the 20 SMA.",
        rule("close > sma20 and close > sma50", "close < sma20"),
    ),
    case(
        "plain",
        "Buy when RSI < 30 or price is below the lower Bollinger band (20,2). Sell when RSI > 60.",
        rule("rsi14 < 30 or close < lower20_2", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Buy either when RSI is below 25 or when the price is 1% under its 50 bar SMA, but in both cases only if ADX is above 20. Sell when RSI is over 60.",
        rule("(rsi14 < 25 or close < sma50 * 0.99) and adx14 > 20", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Buy when RSI < 35 unless the price is below the 200 SMA. Sell when RSI > 65.",
        rule("rsi14 < 35 and close >= sma200", "rsi14 > 65"),
    ),
    case(
        "plain",
        "Buy when RSI < 35 except on Fridays; sell when RSI > 65",
        rule("rsi14 < 35 and weekday != 4", "rsi14 > 65"),
    ),
    case(
        "plain",
        "Only buy when RSI < 40 and volume is at least 1.5x the 20-bar average volume. Sell when RSI > 60.",
        rule("rsi14 < 40 and volume >= 1.5 * vol20", "rsi14 > 60"),
        rule("rsi14 < 40 and volume >= 1.5 * oldvol20", "rsi14 > 60"),
    ),
    case(
        "plain",
        "Buy when the RSI is between 30 and 40, sell when it is above 60",
        rule("rsi14 > 30 and rsi14 < 40", "rsi14 > 60"),
    ),
    case(
        "plain", "buy when rsi is not above 35; sell when it's no longer below 65", rule("rsi14 <= 35", "rsi14 >= 65")
    ),
    case(
        "plain",
        "Buy when RSI has been below 35 for 3 bars in a row. Sell when RSI is above 60.",
        rule("max3rsi14 < 35", "rsi14 > 60"),
    ),
    case(
        "plain",
        "I'd like a mean-reversion strategy: enter when price is 2 standard deviations below the 20 bar mean, exit at the mean.",
        rule("close < lower20_2", "close > middle20_2"),
    ),
    case("plain", "supertrend 10,3 long only on TSLA", rule("trend10_3 > 0", "trend10_3 < 0"), symbol="TSLA"),
    case("plain", "Buy when CCI(20) < -100, sell when CCI(20) > 100.", rule("cci20 < -100", "cci20 > 100")),
    case(
        "plain",
        "buy below the lower keltner channel (20, 2), sell above the upper",
        rule("close < kcl20_2", "close > kcu20_2"),
    ),
    case(
        "plain",
        "Sell when RSI goes above 70. Buy when RSI goes under 30 AND the MACD line is below zero.",
        rule("rsi14 < 30 and macd12_26_9 < 0", "rsi14 > 70"),
        rule("under(rsi14, 30) and macd12_26_9 < 0", "rsi14 > 70"),
    ),
    case("typos", "buy appel when rsi is belwo 30 and sel when its abvoe 70", *_RSI, symbol="AAPL"),
    case("typos", "By TSLA when teh RSI drops bellow 30, sell wen RSI rises abov 70", *_RSI, symbol="TSLA"),
    case(
        "typos",
        "buy mircosoft wehn bolinger lower band is broken, sell at midle band",
        *sets("close < lower20_2", "close > middle20_2"),
        symbol="MSFT",
    ),
    case(
        "typos", "moving avrage crossover 10 and 40 on NFLX", rule("over(sma10, sma40)", "sma10 < sma40"), symbol="NFLX"
    ),
)
