"""The opening range breakout: a close above the first half hour's high buys, with a stop at its low; out before the close.

The range is known where the day was seen from its first bar on: started within a day, it buys nothing until the next."""

TIMEFRAME = "5min"


def on_bar(bar, position, state):
    minute = bar.time.hour * 60 + bar.time.minute
    if minute == 570:
        state["high"] = bar.high
        state["low"] = bar.low
        state["bought"] = 0
    elif 570 < minute < 600:
        state["high"] = max(state.get("high"), bar.high)
        state["low"] = min(state.get("low"), bar.low)
    elif position.quantity > 0 and bar.time.minutes_to_close <= 10:
        return sell()
    elif position.quantity == 0 and state["bought"] == 0 and 600 <= minute < 900 and bar.close > state.get("high"):
        state["bought"] = 1
        return buy(stop_loss_price=state.get("low"))
