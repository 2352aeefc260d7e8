"""Back to the day's average price: buy half a percent below the volume-weighted price, sell at it, hold nothing overnight."""

TIMEFRAME = "5min"
BELOW = 0.005


def indicators(bars):
    return {"vwap": ta.vwap(bars.high, bars.low, bars.close, bars.volume)}


def on_bar(bar, position, state):
    if position.quantity > 0 and (bar.close >= bar.vwap or bar.time.minutes_to_close <= 10):
        return sell()
    if position.quantity == 0 and bar.close < bar.vwap * (1 - BELOW) and bar.time.minutes_to_close > 60:
        return buy(stop_loss=0.01)
