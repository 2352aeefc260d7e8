"""The short side of Donchian's channel: a stop order at the 20-day low sells short, a stop 8 % above and the 10-day high end it."""

TIMEFRAME = "1d"
ENTRY, EXIT, FAR = 20, 10, 0.08


def indicators(bars):
    return {"bottom": bars.low.rolling(ENTRY).min(), "top": bars.high.rolling(EXIT).max()}


def on_bar(bar, position, state):
    if position.quantity == 0:
        return short(stop=bar.bottom, stop_loss=FAR)
    return cover(stop=bar.top)
