"""The exits that a strategy sets for its position: a stop, a target and a trailing stop, which are reached within a bar.

They are numbers of the session's state under keys that a strategy's own code cannot name, so that they last, are restored, replayed and
compared like all of its state. The loop of a backtest reads them there, and so does whoever watches the prices live.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from stratforge.strategy.order_terms import LIMIT_KEY, NAN, OR_STOP_KEY, STOP_KEY, TERM_KEYS, Keyword
from stratforge.strategy.vocabulary import ACCOUNT_KEYS, EXTREME_KEYS, EXTREMES

# A number that is unknown or out of its range leaves an exit as it is.
EXITS = {
    "stop_loss": Keyword(
        "0.0 <= {} < 1.0",
        "0 or more and less than 1",
        "sells everything this fraction below the average entry price, or at it with 0: 0.02 is two percent",
        "stop_loss_price",
    ),
    "stop_loss_price": Keyword(
        "0.0 < {} <= 1e12", "above 0 and at most 1e12", "sells everything at this price or below", "stop_loss"
    ),
    "take_profit": Keyword(
        "0.0 <= {} <= 1e6",
        "from 0 to 1,000,000",
        "sells everything this fraction above the average entry price, or at it with 0",
        "take_profit_price",
    ),
    "take_profit_price": Keyword(
        "0.0 < {} <= 1e12", "above 0 and at most 1e12", "sells everything at this price or above", "take_profit"
    ),
    "trailing_stop": Keyword(
        "0.0 < {} < 1.0",
        "above 0 and less than 1",
        "sells everything this fraction below the highest price of the bars held, or below the average entry price while that is higher",
        "trailing_stop_distance",
    ),
    "trailing_stop_distance": Keyword(
        "0.0 < {} <= 1e12",
        "above 0 and at most 1e12",
        "the same at this distance in price, such as `2 * bar.atr`",
        "trailing_stop",
    ),
}
EXIT_KEYS = {name: f"position_{name}_as_the_strategy_set_it" for name in EXITS}
# The stop and the target in force on the bar that was seen last, as prices: what was set on it counts from the next bar on.
STOP_SEEN, TARGET_SEEN = (f"position_{name}_on_the_bar_that_was_seen_last" for name in ("stop_loss", "take_profit"))
PEAK = EXTREMES["max_favorable"][0]
# What must hold of the position for a decision to be one, in a strategy that goes short.
NOT_SHORT, NOT_LONG = "q_quantity >= 0.0", "q_quantity <= 0.0"
_TRAILS = ("trailing_stop", "trailing_stop_distance")
# Keys of state that are prices, and change with a split.
PRICE_KEYS = EXTREME_KEYS | {
    EXIT_KEYS["stop_loss_price"],
    EXIT_KEYS["take_profit_price"],
    EXIT_KEYS["trailing_stop_distance"],
    STOP_SEEN,
    TARGET_SEEN,
    LIMIT_KEY,
    STOP_KEY,
    OR_STOP_KEY,
}
OWN_KEYS = PRICE_KEYS | frozenset((*EXIT_KEYS.values(), *TERM_KEYS.values())) | frozenset(ACCOUNT_KEYS)


def keys_for(exits: Collection[str]) -> list[str]:
    """The keys of state of a strategy that sets these exits."""
    keys = [EXIT_KEYS[name] for name in EXITS if name in exits]
    if {"stop_loss", "stop_loss_price", *_TRAILS} & {*exits}:
        keys.append(STOP_SEEN)
    if {"take_profit", "take_profit_price"} & {*exits}:
        keys.append(TARGET_SEEN)
    return [*keys, PEAK] if {*_TRAILS} & {*exits} else keys


def trails(keys: Collection[str]) -> bool:
    """Returns whether one of the stops that are kept under `keys` trails."""
    return any(EXIT_KEYS[name] in keys for name in _TRAILS)


def stop_prices(keys: Collection[str], entry: str, *, short: bool = False) -> Iterator[tuple[str, bool]]:
    """The prices of the stops that are kept under `keys`, as expressions of an entry price, each with whether it trails; those of a short position lie above."""
    away, beyond = ("+", "<") if short else ("-", ">")
    if EXIT_KEYS["stop_loss"] in keys:
        yield f"{entry} * (1.0 {away} s_{EXIT_KEYS['stop_loss']})", False
    if EXIT_KEYS["stop_loss_price"] in keys:
        yield f"s_{EXIT_KEYS['stop_loss_price']}", False
    best = f"(s_{PEAK} if s_{PEAK} {beyond} {entry} else {entry})"
    if EXIT_KEYS["trailing_stop"] in keys:
        yield f"{best} * (1.0 {away} s_{EXIT_KEYS['trailing_stop']})", True
    if EXIT_KEYS["trailing_stop_distance"] in keys:
        yield f"{best} {away} s_{EXIT_KEYS['trailing_stop_distance']}", True


def target_prices(keys: Collection[str], entry: str, *, short: bool = False) -> Iterator[str]:
    """The prices of the targets that are kept under `keys`, as expressions of an entry price; those of a short position lie below."""
    if EXIT_KEYS["take_profit"] in keys:
        yield f"{entry} * (1.0 {'-' if short else '+'} s_{EXIT_KEYS['take_profit']})"
    if EXIT_KEYS["take_profit_price"] in keys:
        yield f"s_{EXIT_KEYS['take_profit_price']}"


def head(keys: Collection[str], *, shorts: bool = False) -> Iterator[str]:
    """Lines that come before the strategy's own code: the exits that are in force on the bar are noted, before it sets others.

    Args:
        keys: The keys of state that the strategy has.
        shorts: Whether it goes short.
    """
    entry = "q_average_entry_price"
    for seen in (STOP_SEEN, TARGET_SEEN):
        if seen in keys:
            yield f"s_{seen} = {NAN}"
            for short in (False, True) if shorts else (False,):
                stops = [price for price, _ in stop_prices(keys, entry, short=short)]
                prices = stops if seen == STOP_SEEN else target_prices(keys, entry, short=short)
                beyond = ">" if (seen == STOP_SEEN) is not short else "<"
                yield f"if q_quantity {'<' if short else '>'} 0.0:"
                for place, price in enumerate(prices):
                    yield f"    x_exit = {price}"
                    better = f" and not s_{seen} {beyond} x_exit" if place else ""
                    yield f"    if x_exit == x_exit{better}: s_{seen} = x_exit"


def assignments(keys: Collection[str], given: dict[str, str], side: str, *, shorts: bool = False) -> Iterator[str]:
    """Lines that change the exits as a decision says.

    Args:
        keys: The keys of state that the strategy has.
        given: The names of values of the exits that the decision names.
        side: "buy", "sell", "short", "cover" or "adjust". What opens a position while nothing is held begins anew; nothing else changes what is not held,
            and what is no decision, because the position is of the other side, changes nothing.
        shorts: Whether the strategy goes short.
    """
    if side in ("buy", "short") and any(key in keys for key in EXIT_KEYS.values()):
        yield "if q_quantity == 0.0:"
        yield from (f"    s_{key} = {NAN}" for key in EXIT_KEYS.values() if key in keys)
    held = "" if side == "buy" else "q_quantity > 0.0 and "
    if shorts:
        held = {
            "buy": f"{NOT_SHORT} and ",
            "short": f"{NOT_LONG} and ",
            "sell": held,
            "cover": "q_quantity < 0.0 and ",
        }.get(side, "q_quantity != 0.0 and ")
    for name, value in given.items():
        yield f"if {held}{EXITS[name].bound.format(value)}:"
        yield f"    s_{EXIT_KEYS[name]} = {value}"
        other = EXIT_KEYS.get(EXITS[name].replaces)
        if other in keys:
            yield f"    s_{other} = {NAN}"
