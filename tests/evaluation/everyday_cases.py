"""Clear requests in the words that people use: other orders, passive forms, questions, frames of politeness, lists, other languages.

They were written before the offline author's grammar was taught any of them.
"""

from tests.evaluation.shorthand import case, rule, sets

_RSI = sets("rsi14 < 30", "rsi14 > 70")
_CROSS = rule("over(sma10, sma30)", "sma10 < sma30")
_EMAS = rule("over(ema9, ema21)", "ema9 < ema21")
_STOPPED = sets("rsi14 < 30", "rsi14 > 70 or gain <= -0.02")
_TARGET = sets("rsi14 < 30", "gain >= 0.05")
_HALF = sets("rsi14 < 30", "rsi14 > 70", "fraction=0.5")
_VWAP = sets("close > vwap", "close < vwap")

CASES = (
    # The way out first, and the way in after it.
    case("order", "Sell AAPL when the RSI is above 70, buy it when the RSI is below 30.", *_RSI, symbol="AAPL"),
    case("order", "Exit at RSI 70 and enter at RSI 30.", *_RSI),
    case("order", "If RSI goes over 70 get out of Apple; if it drops under 30 get in.", *_RSI, symbol="AAPL"),
    case("order", "With a 2% stop loss, buy when RSI is below 30 and sell when RSI is above 70.", *_STOPPED),
    case("order", "Stop loss 2 %. Entry: RSI under 30. Exit: RSI over 70.", *_STOPPED),
    case("order", "On RSI below 30, buy MSFT. On RSI above 70, sell.", *_RSI, symbol="MSFT"),
    case("order", "RSI above 70? Sell. RSI below 30? Buy.", *_RSI),
    case("order", "Below 30 on the RSI I want to be in, above 70 I want to be out.", *_RSI),
    # Passive forms and third persons.
    case("passive", "Apple should be bought when the RSI is below 30 and sold when it is above 70.", *_RSI, symbol="AAPL"),
    case("passive", "A position is opened when RSI falls below 30 and closed when RSI rises above 70.", *_RSI),
    case("passive", "Shares are purchased whenever the RSI is under 30. They are sold whenever the RSI is over 70.", *_RSI),
    case("passive", "The stock gets bought if the 10 SMA crosses above the 30 SMA, and gets sold if it crosses below.", _CROSS),
    case("passive", "Long positions are taken when price is above VWAP and closed when price is below VWAP.", *_VWAP),
    case("passive", "An entry is triggered by the 9 EMA crossing above the 21 EMA; an exit is triggered by it crossing below.", _EMAS),
    # Questions and frames of politeness.
    case("asked", "Could you buy Tesla for me when its RSI drops below 30 and sell it again when it climbs above 70?", *_RSI, symbol="TSLA"),
    case("asked", "Would it be possible to buy when RSI < 30 and sell when RSI > 70?", *_RSI),
    case("asked", "Is there a way to buy AMD when RSI is below 30 and get rid of it when RSI is above 70?", *_RSI, symbol="AMD"),
    case("asked", "I was wondering if you could make something that buys when the RSI is less than 30 and sells when it is more than 70.", *_RSI),
    case("asked", "What I'd like: buy when RSI is under 30, sell when RSI is over 70.", *_RSI),
    case("asked", "My plan is to go long on NVDA when RSI drops beneath 30 and to close the trade when RSI gets above 70.", *_RSI, symbol="NVDA"),
    case("asked", "Hey, quick one: buy on RSI < 30, dump it on RSI > 70. Cheers!", *_RSI),
    case("asked", "Let's buy SPY each time the RSI falls below 30, and let's sell each time it rises above 70.", *_RSI, symbol="SPY"),
    case("asked", "I need a bot: it must buy when RSI is below 30 and it must sell when RSI is above 70.", *_RSI),
    # Other words for the same.
    case("synonyms", "Pick up Apple shares when RSI is lower than 30, unload them when RSI is higher than 70.", *_RSI, symbol="AAPL"),
    case("synonyms", "Open a long when RSI < 30, close the long when RSI > 70", *_RSI),
    case("synonyms", "Go in when RSI is beneath 30 and go out when RSI exceeds 70.", *_RSI),
    case("synonyms", "Take a position when RSI is smaller than 30 and liquidate it when RSI is greater than 70.", *_RSI),
    case("synonyms", "Acquire MSFT if RSI is under 30; offload it if RSI is over 70.", *_RSI, symbol="MSFT"),
    case("synonyms", "Invest in Google when RSI sinks below 30, cash out when RSI surpasses 70.", *_RSI, symbol="GOOG"),
    case("synonyms", "Buy once the relative strength index is below 30 and sell once it is above 70.", *_RSI),
    case("synonyms", "Buy when RSI is at most 30, sell when RSI is at least 70.", *sets("rsi14 <= 30", "rsi14 >= 70")),
    case("synonyms", "Buy when the 14 period RSI reading is under 30; exit when the reading is over 70.", *_RSI),
    case("synonyms", "buy if rsi dips to 30, sell if rsi reaches 70", *sets("rsi14 <= 30", "rsi14 >= 70")),
    # Stops, targets and sizes in ordinary words.
    case("exits", "Buy when RSI is below 30 and sell when it's up 5%.", *_TARGET),
    case("exits", "Buy when RSI is below 30. Sell once I'm 5% in profit.", *_TARGET),
    case("exits", "Buy when RSI is below 30, take my profit at 5%.", *_TARGET),
    case("exits", "Buy when RSI is below 30, sell as soon as the gain is 5 percent.", *_TARGET),
    case("exits", "Buy RSI < 30. Sell when the position has made 5%.", *_TARGET),
    case("exits", "Buy RSI below 30, sell with 5% profit.", *_TARGET),
    case("exits", "Buy when RSI < 30, sell when RSI > 70, bail out if it's down 2%.", *_STOPPED),
    case("exits", "Buy when RSI < 30, sell when RSI > 70, and cut the loss at 2%.", *_STOPPED),
    case("exits", "Buy when RSI < 30 and sell when RSI > 70 or when I lose 2%.", *_STOPPED),
    case("exits", "Buy when RSI < 30, sell when RSI > 70, but never lose more than 2% on a trade.", *_STOPPED),
    case("exits", "Buy when RSI < 30; sell when RSI > 70 or the trade is 2% under water.", *_STOPPED),
    case("exits", "Buy when RSI < 30, sell 45 minutes later.", *sets("rsi14 < 30", "age >= 45")),
    case("exits", "Buy when RSI < 30 and hold for 45 minutes.", *sets("rsi14 < 30", "age >= 45")),
    case("exits", "Buy when RSI < 30, sell after three quarters of an hour.", *sets("rsi14 < 30", "age >= 45")),
    case("sizes", "Put half my money into Apple when RSI is below 30 and sell when RSI is above 70.", *_HALF, symbol="AAPL"),
    case("sizes", "Use half of my capital: buy when RSI < 30, sell when RSI > 70.", *_HALF),
    case("sizes", "Buy with 50% of my account when RSI < 30, sell when RSI > 70.", *_HALF),
    case("sizes", "When RSI < 30, buy for 50 percent of the portfolio. When RSI > 70, sell.", *_HALF),
    case("sizes", "Buy 25 shares of KO when RSI < 30, sell all when RSI > 70", *sets("rsi14 < 30", "rsi14 > 70", "quantity=25"), symbol="KO"),
    case("sizes", "Buy $2,000 worth of Microsoft when RSI < 30 and sell it all when RSI > 70", *sets("rsi14 < 30", "rsi14 > 70", "notional=2000"), symbol="MSFT"),
    # Lists of conditions.
    case("lists", "Buy when all of these hold: RSI below 40; price above VWAP. Sell when RSI is above 60.", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Buy if both RSI < 40 and price > VWAP. Sell if RSI > 60.", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Entry:\n- RSI < 40\n- price above VWAP\nExit:\n- RSI > 60", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Conditions to buy: 1) RSI under 40 2) close above VWAP. Condition to sell: RSI over 60.", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Buy when RSI < 40 as well as price > VWAP, sell when RSI > 60", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Buy when RSI is below 40 while the price is above VWAP; sell when RSI is above 60", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Buy when RSI is below 40, provided the price is above VWAP. Sell when RSI is above 60.", rule("rsi14 < 40 and close > vwap", "rsi14 > 60")),
    case("lists", "Sell when RSI > 60 or MFI > 80, whichever comes first. Buy when RSI < 40.", rule("rsi14 < 40", "rsi14 > 60 or mfi14 > 80")),
    # Averages.
    case("averages", "Buy when the fast average (10) crosses the slow average (30) from below, sell when it crosses from above.", _CROSS),
    case("averages", "Golden cross of the 10 and 30 SMA: buy. Death cross: sell.", _CROSS),
    case("averages", "Buy when SMA(10) > SMA(30), sell when SMA(10) < SMA(30)", rule("sma10 > sma30", "sma10 < sma30")),
    case("averages", "Be long while the 10 SMA is above the 30 SMA, otherwise be out.", rule("sma10 > sma30", "sma10 < sma30"), rule("sma10 > sma30", "sma10 <= sma30")),
    case("averages", "ema9 crosses ema21 upwards -> buy, downwards -> sell", _EMAS),
    case("averages", "EMA 9/21 crossover on AMD", _EMAS, symbol="AMD"),
    case("averages", "Buy when the price is over its 50-bar moving average, sell when it's under it.", *sets("close > sma50", "close < sma50")),
    case("averages", "Buy a cross of price above the 50 SMA, sell a cross below it", rule("over(close, sma50)", "close < sma50")),
    case("averages", "Long above the 50 EMA, flat below it.", *sets("close > ema50", "close < ema50")),
    # Clock and calendar.
    case("clock", "At 10 in the morning buy SPY, at 3 in the afternoon sell it.", rule("minute == 600", "minute >= 900"), symbol="SPY"),
    case("clock", "Every day buy at 10:00 and sell at 15:00.", rule("minute == 600", "minute >= 900")),
    case("clock", "Between 10 and 12 buy when RSI < 35. Sell when RSI > 60.", rule("rsi14 < 35 and minute >= 600 and minute < 720", "rsi14 > 60"), rule("rsi14 < 35 and minute >= 600 and minute <= 720", "rsi14 > 60")),
    case("clock", "No buying after 2pm. Buy when RSI < 35, sell when RSI > 60.", rule("rsi14 < 35 and minute < 840", "rsi14 > 60"), rule("rsi14 < 35 and minute <= 840", "rsi14 > 60")),
    case("clock", "Buy when RSI < 35 except on Fridays; sell when RSI > 60.", rule("rsi14 < 35 and weekday != 4", "rsi14 > 60")),
    case("clock", "Only trade Mondays. Buy when RSI < 35. Sell when RSI > 60.", rule("rsi14 < 35 and weekday == 0", "rsi14 > 60"), rule("rsi14 < 35 and weekday == 0", "rsi14 > 60 and weekday == 0")),
    # Bands, MACD, breakouts.
    case("bands", "Buy when the close falls under the lower Bollinger Band and sell when it gets back to the middle band.", *sets("close < lower20_2", "close >= middle20_2")),
    case("bands", "Buy when price touches the lower bollinger band, sell when price touches the upper bollinger band", *sets("close <= lower20_2", "close >= upper20_2"), *sets("low <= lower20_2", "high >= upper20_2")),
    case("bands", "Buy when MACD goes above the signal line, sell when MACD goes below the signal line", rule("over(hist12_26_9, 0)", "hist12_26_9 < 0"), rule("hist12_26_9 > 0", "hist12_26_9 < 0")),
    case("bands", "MACD turns bullish: buy. MACD turns bearish: sell.", rule("over(hist12_26_9, 0)", "hist12_26_9 < 0")),
    case("bands", "Buy a new 20-bar high, sell a new 20-bar low.", rule("close > hh20", "close < ll20"), rule("high > hh20", "low < ll20"), rule("close > hc20", "close < lc20")),
    # Other languages.
    case("languages", "Kaufe Apple, wenn der RSI unter 30 fällt, und verkaufe, wenn er über 70 steigt.", *_RSI, symbol="AAPL"),
    case("languages", "Bitte Apple kaufen, sobald der RSI unter 30 liegt, und verkaufen, sobald er über 70 liegt.", *_RSI, symbol="AAPL"),
    case("languages", "Wenn der 10er Durchschnitt den 30er Durchschnitt nach oben kreuzt, kaufen. Wenn er ihn nach unten kreuzt, verkaufen.", _CROSS),
    case("languages", "Kaufe bei RSI unter 30, verkaufe bei 5% Gewinn oder 2% Verlust.", *sets("rsi14 < 30", "gain >= 0.05 or gain <= -0.02")),
    case("languages", "Compra Apple cuando el RSI baje de 30 y vende cuando suba de 70.", *_RSI, symbol="AAPL"),
    case("languages", "Comprar cuando el RSI esté por debajo de 30 y vender cuando esté por encima de 70.", *_RSI),
    case("languages", "Quiero comprar MSFT si el RSI es menor que 30 y vender si es mayor que 70, con un stop loss del 2%.", *_STOPPED, symbol="MSFT"),
    case("languages", "Achète Apple quand le RSI descend sous 30 et vends quand il monte au-dessus de 70.", *_RSI, symbol="AAPL"),
    case("languages", "Acheter lorsque le RSI est inférieur à 30, vendre lorsqu'il est supérieur à 70, avec un stop de 2 %.", *_STOPPED),
    case("languages", "当RSI低于30时买入苹果，高于70时卖出。", *_RSI, symbol="AAPL"),
    case("languages", "10日均线上穿30日均线买入，下穿卖出"),
    case("languages", "RSI小于30买入，大于70卖出，止损2%", *_STOPPED),
    case("languages", "RSIが30を下回ったら買い、70を上回ったら売る。", *_RSI),
    case("languages", "RSIが30以下で買い、70以上で売り、損切りは2%", *sets("rsi14 <= 30", "rsi14 >= 70 or gain <= -0.02")),
    # Typing errors.
    case("typing", "buy appel when teh rsi is bellow 30 and sell wehn it is abov 70", *_RSI, symbol="AAPL"),
    case("typing", "bu tesla wen rsi undr 30, sel wen ovr 70", *_RSI, symbol="TSLA"),
    case("typing", "Buy Mircosoft when the RSI flals below 30 and slel when it rises above 70", *_RSI, symbol="MSFT"),
    case("typing", "Buy when the SMA10 crosess above the SMA30, sell when it croses below", _CROSS),
)  # fmt: skip
