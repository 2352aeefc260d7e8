"""A dip while another stock rises: the two-day RSI, bought only while IBM is above its 200-day average, as others do with an index fund."""

TIMEFRAME = "1d"


def indicators(bars):
    other = bars.of("IBM")
    return {"rsi": ta.rsi(bars.close, length=2), "other": other.close, "trend": ta.sma(other.close, length=200)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.other > bar.trend and bar.rsi < 10:
        return buy()
    if position.quantity > 0 and bar.rsi > 70:
        return sell()
