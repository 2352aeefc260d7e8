"""Requests that were once written as something else without a word: exceptions of one side, pronouns, distances, guards, numbers in words."""

from tests.evaluation.shorthand import case, rule, talk

_BUY, _SELL = "rsi14 < 30", "rsi14 > 70"
_MORNING = rule(f"{_BUY} and minute >= 600", f"{_SELL} and minute >= 600")
_NOT_MONDAY = (
    rule(f"{_BUY} and weekday != 0", _SELL),
    rule(f"{_BUY} and weekday != 0", f"{_SELL} and weekday != 0"),
)
_BOTH = rule("rsi14 < 30 and mfi14 < 30", "rsi14 > 60 and mfi14 > 60")
_FIRST = "Buy AAPL when RSI < 30, sell when RSI > 70"

CASES = (
    case("words", "Buy AAPL when RSI < thirty, sell when RSI > seventy", rule(_BUY, _SELL)),
    case("words", "Buy AAPL when RSI is below thirty and sell above seventy", rule(_BUY, _SELL)),
    case("exceptions", "Buy AAPL when RSI < 30 every day but Monday, sell RSI > 70", _NOT_MONDAY[0]),
    case("exceptions", "Buy AAPL when RSI < 30 every day but Friday, sell RSI > 70", rule(f"{_BUY} and weekday != 4", _SELL)),
    case("exceptions", "Buy AAPL when RSI < 30 but Monday, sell RSI > 70", _NOT_MONDAY[0]),
    case("exceptions", "Buy AAPL any day other than Tuesday when RSI < 30, sell RSI > 70", rule(f"{_BUY} and weekday != 1", _SELL)),
    case("exceptions", f"{_FIRST}, except before 10:00", _MORNING),
    case("exceptions", f"{_FIRST}, unless before 10:00", _MORNING),
    case("exceptions", f"{_FIRST}, unless it is before 10:00", _MORNING),
    case("exceptions", f"{_FIRST}, except between 12:00 and 13:00", rule(f"{_BUY} and (minute < 720 or minute >= 780)", f"{_SELL} and (minute < 720 or minute >= 780)")),
    case("exceptions", f"{_FIRST}, except on Mondays", *_NOT_MONDAY),
    case("exceptions", f"{_FIRST} except on Mondays", *_NOT_MONDAY),
    case("exceptions", f"{_FIRST}, unless it is Monday", *_NOT_MONDAY),
    case("exceptions", f"{_FIRST}, save for Mondays", *_NOT_MONDAY),
    case("exceptions", f"{_FIRST}, but not on Mondays", *_NOT_MONDAY),
    case("exceptions", "Sell AAPL when RSI > 70 and buy when RSI < 30, except on Mondays", *_NOT_MONDAY),
    case("exceptions", "Compra AAPL cuando el RSI baje de 30 y vende cuando suba de 70, salvo los lunes", *_NOT_MONDAY),
    case("exceptions", "Buy AAPL when RSI < 30 after Wednesday, sell RSI > 70", rule(f"{_BUY} and weekday > 2", _SELL)),
    case("exceptions", "Buy AAPL when RSI < 30 after Monday, sell RSI > 70", rule(f"{_BUY} and weekday > 0", _SELL)),
    case("exceptions", "Buy AAPL when RSI < 30 before Wednesday, sell RSI > 70", rule(f"{_BUY} and weekday < 2", _SELL)),
    case("pronouns", "Buy AAPL when RSI crosses 30 from below, sell when it crosses 70 from above", rule("over(rsi14, 30)", "under(rsi14, 70)")),
    case("pronouns", "Buy AAPL when RSI crosses 30 upwards, sell when it crosses 70 downwards", rule("over(rsi14, 30)", "under(rsi14, 70)")),
    case("pronouns", "Buy AAPL when stochastic k crosses 20 upwards, sell when it crosses 80 downwards", rule("over(stochk, 20)", "under(stochk, 80)")),
    case("pronouns", "Buy AAPL when CCI crosses -100 from below, sell when it crosses 100 from above", rule("over(cci14, -100)", "under(cci14, 100)")),
    case("pronouns", "Buy when RSI < 30 and MFI < 30, sell when both are above 60", _BOTH),
    case("pronouns", "Buy when RSI < 30 and MFI < 30, sell when they are above 60", _BOTH),
    case("pronouns", "Buy when RSI is below 40 and price is above the 50 SMA, sell when it is above 70", rule("rsi14 < 40 and close > sma50", _SELL)),
    case("distances", "Buy AAPL when price is 0.3% under the 20 sma, sell 0.3% over", rule("close <= sma20 * 0.997", "close >= sma20 * 1.003")),
    case("distances", "Buy AAPL when price is 0.5% under vwap, sell 0.5% over vwap", rule("close <= vwap * 0.995", "close >= vwap * 1.005")),
    case("distances", "Buy AAPL when price is 0.5% under vwap, sell 0.5% above it", rule("close <= vwap * 0.995", "close >= vwap * 1.005")),
    case("distances", "Buy AAPL when RSI < 30, sell 0.5% under vwap", rule(_BUY, "close <= vwap * 0.995")),
    case("distances", "Buy AAPL when RSI < 30, sell 1% below the high"),
    case("bounds", "Buy when RSI < 30 and sell when RSI > 70, but if it's Friday sell when RSI > 50", rule(_BUY, "rsi14 > 70 or (weekday == 4 and rsi14 > 50)")),
    case("bounds", f"{_FIRST}, stop loss at +1%"),
    case("bounds", f"{_FIRST} and at 15:30", rule(_BUY, f"{_SELL} or minute >= 930"), rule(f"{_BUY} and minute < 930", f"{_SELL} or minute >= 930")),
    case("bounds", f"{_FIRST}, close everything friday 15:30", rule(_BUY, f"{_SELL} or (weekday == 4 and minute >= 930)"), rule(f"{_BUY} and not (weekday == 4 and minute >= 930)", f"{_SELL} or (weekday == 4 and minute >= 930)")),
    case("orders", "Buy AAPL when RSI < 30 with a 0.3% stop on this order, sell when RSI > 70", rule(_BUY, _SELL, "stop_loss=0.003")),
    case("orders", f"{_FIRST}, take profit at 0.5% on the order", rule(_BUY, _SELL, "take_profit=0.005")),
    case("orders", f"{_FIRST}, 0.4% trailing stop on the order", rule(_BUY, _SELL, "trailing_stop=0.004")),
    case("orders", "Buy AAPL when RSI < 30, stop loss 0.5% intrabar, take profit at 0.6% intrabar", rule(_BUY, "False", "stop_loss=0.005, take_profit=0.006")),
    talk("orders", (_FIRST, "add a 0.3% stop on the order"), rule(_BUY, _SELL, "stop_loss=0.003")),
    talk("orders", (f"{_FIRST}, stop loss 0.3% on the order", "remove the stop"), rule(_BUY, _SELL)),
    talk("changes", (_FIRST, "also sell at 15:30"), rule(f"{_BUY} and minute < 930", f"{_SELL} or minute >= 930"), rule(_BUY, f"{_SELL} or minute >= 930")),
    talk("changes", (_FIRST, "only on Mondays", "not on Mondays")),
)  # fmt: skip
