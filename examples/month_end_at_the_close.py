"""The turn of the month by the clock: in ten minutes before the close from the 28th to the 2nd, out before the close from the 3rd on."""


def on_bar(bar, position, state):
    if position.quantity == 0 and (bar.time.day >= 28 or bar.time.day <= 2) and bar.time.minutes_to_close == 10:
        return buy()
    if 3 <= bar.time.day < 28 and bar.time.minutes_to_close <= 5:
        return sell()
