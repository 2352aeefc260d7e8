"""freqtrade's trailing_stop_positive with its offset: the stop trails from a profit of two percent on, beside a published ROI table."""

STOP, POSITIVE, OFFSET = 0.125, 0.0033, 0.02


def target(held):
    if held < 20:
        return 0.076 if held < 8 else 0.07 if held < 17 else 0.06
    if held < 45:
        return 0.04 if held < 31 else 0.02
    return 0.01 if held < 56 else 0.004 if held < 79 else 0


def on_bar(bar, position, state):
    if position.quantity == 0:
        return buy(stop_loss=STOP, take_profit=target(0))
    if position.max_favorable >= position.entry_price * (1 + OFFSET):
        return adjust(
            stop_loss_price=position.max_favorable * (1 - POSITIVE),
            take_profit_price=position.entry_price * (1 + target(position.bars_held)),
        )
    return adjust(take_profit_price=position.entry_price * (1 + target(position.bars_held)))
