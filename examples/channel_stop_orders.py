"""Donchian's channel with orders that rest: a stop order at the 20-day high buys, one at the 10-day low sells, moved every day."""

TIMEFRAME = "1d"
ENTRY, EXIT = 20, 10


def indicators(bars):
    return {"top": bars.high.rolling(ENTRY).max(), "bottom": bars.low.rolling(EXIT).min()}


def on_bar(bar, position, state):
    if position.quantity == 0:
        return buy(stop=bar.top)
    return sell(stop=bar.bottom)
