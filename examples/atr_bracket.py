"""A breakout in a bracket: the stop two average true ranges below, the target three above; at one percent the stop moves to the entry."""


def indicators(bars):
    return {
        "atr": ta.atr(bars.high, bars.low, bars.close, length=14, mamode="sma"),
        "top": bars.high.rolling(20).max().shift(1),
    }


def on_bar(bar, position, state):
    if position.quantity == 0 and bar.close > bar.top:
        return buy(stop_loss_price=bar.close - 2 * bar.atr, take_profit_price=bar.close + 3 * bar.atr)
    if position.quantity > 0 and position.max_favorable > position.entry_price * 1.01:
        return adjust(stop_loss_price=position.entry_price)
