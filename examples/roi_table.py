"""freqtrade's minimal_roi: the longer it is held, the smaller the profit that is taken (the example of its documentation, in minutes)."""


def target(held):
    if held >= 40:
        return 0
    if held >= 30:
        return 0.01
    return 0.02 if held >= 20 else 0.04


def level(position, held):
    return position.entry_price * (1 + target(held))


def on_bar(bar, position, state):
    if position.quantity == 0:
        return buy(stop_loss=0.1, take_profit=target(0))
    return adjust(take_profit_price=level(position, position.bars_held))
