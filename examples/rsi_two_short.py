"""The two-day RSI on the short side, after Connors: below the 200-day average it sells short what is overbought, and covers below the 5-day average."""

TIMEFRAME = "1d"
TREND, EXIT, OVERBOUGHT = 200, 5, 90


def indicators(bars):
    return {
        "trend": ta.sma(bars.close, length=TREND),
        "exit": ta.sma(bars.close, length=EXIT),
        "rsi": ta.rsi(bars.close, length=2),
    }


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close < bar.trend and bar.rsi > OVERBOUGHT:
        return short()
    if position.quantity < 0 and bar.close < bar.exit:
        return cover()
