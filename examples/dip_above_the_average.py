"""A dip within an uptrend, after Connors: the RSI of five minutes is low while the price is above its 200-day average, and nothing is kept overnight."""

TIMEFRAME = "5min"
DAYS = 200


def indicators(bars):
    days = bars.resample("1d")
    return {"rsi": ta.rsi(bars.close, length=14), "average": ta.sma(days.close, length=DAYS)}


def on_bar(bar, position, state):
    if position.quantity > 0 and (bar.rsi > 60 or bar.time.minutes_to_close <= 10):
        return sell()
    if position.quantity == 0 and bar.rsi < 30 and bar.close > bar.average and bar.time.minutes_to_close > 60:
        return buy()
