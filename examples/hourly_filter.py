"""Two timeframes, after Elder's triple screen: pullbacks of the RSI on five minutes, while the average of hours rises."""

TIMEFRAME = "5min"


def indicators(bars):
    hours = ta.ema(bars.resample("1h").close, length=13)
    return {"rsi": ta.rsi(bars.close, length=14), "tide": hours - hours.shift(1)}


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.tide > 0 and bar.rsi < 35:
        return buy(stop_loss=0.01)
    if position.quantity > 0 and (bar.rsi > 60 or bar.tide < 0):
        return sell()
