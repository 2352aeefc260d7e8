"""Nobody takes more from other users than from the market, whatever one or two accounts do.

The platform holds nothing, so what somebody gains by being netted comes from other users or is a spread that nobody paid. A round is the product's own
netting and settlement in a market that moves while the block works; the colluders see the true price, everybody else's orders and even the future. What is tested,
trade by trade and so for every sum of trades at every moment:

1. Every other user's trade has a price at least as good as the market's own at the moment: a purchase at the offer or below, a sale at the bid or above.
   So at every moment every other account is worth at least what the same quantities, traded at the same moments in the market alone, had made it.
2. All that the colluders have more than in the market is, to the cent, spread that was not paid: what they gain, nobody loses.
3. Money is kept: what users pay and get inside adds up to nothing, and the rest is what the account paid and got at the broker.

In a market that is not as deep as one likes the touch is no measure, since what others want at the same time moves the price in any market. There each fill is of one
moment's book, walked from its best price, and what is tested is that colluders get nothing out of moving it together (`test_depth_gives_nothing…`):

4. Where they trade with the block and the others do not trade against it, it costs them no less than what they got of it had cost them alone in the same
   book. (Who trades against it spares them depth, at a price that is better for him than the market's: 1.)
5. Where they trade against it, those of its side together pay no more than if they alone had walked the same book.

The same search finds money at once under the two rules that were ours before (`at_the_last_price`, `limit_or_better`), so it can find some.
"""

from __future__ import annotations

import itertools
import os
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from uuid import UUID

import pytest
from stratforge.market.sizes import Side
from stratforge.portfolio.allocation import allocate
from stratforge.portfolio.netting import ExecutableOrder, net_orders
from stratforge.portfolio.orders import BlockStatus
from stratforge.portfolio.settlement import BlockState, NewTrade, OrderProgress, OrderState, settle

from tests.support.tiers import examples, in_short
from tests.support.values import COLLAR, NOW, STOCK, ZERO

ROUNDS = int(os.environ.get("COLLUSION_ROUNDS", examples(20_000)))
SEED = int(os.environ.get("COLLUSION_SEED", str(random.SystemRandom().randrange(2**32))))
CENT = Decimal("0.01")
COLLUDERS = frozenset(("mallory", "trudy"))
HONEST = ("ada", "bob", "eve")


@dataclass(frozen=True)
class Order:
    """What somebody wants."""

    user: str
    side: Side
    quantity: Decimal
    limit: Decimal | None = None


@dataclass(frozen=True)
class Moment:
    """The market at one moment, as it truly is."""

    bid: Decimal
    ask: Decimal

    def touch(self, side: Side) -> Decimal:
        """The price at which the market takes an order of this side now."""
        return self.ask if side == "buy" else self.bid


@dataclass(frozen=True)
class Done:
    """A trade of a user, and the market when it happened."""

    user: str
    side: Side
    quantity: Decimal
    price: Decimal
    moment: Moment
    inside: bool

    @property
    def better(self) -> Decimal:
        """By how many dollars it is better than the same trade in the market at the moment."""
        difference = self.moment.ask - self.price if self.side == "buy" else self.price - self.moment.bid
        return difference * self.quantity


Settle = Callable[[BlockState, Sequence[OrderState], OrderProgress], Sequence[NewTrade]]
Policy = Callable[[random.Random, Decimal, Sequence[Moment], Sequence[Order]], list[Order]]


def product(block: BlockState, orders: Sequence[OrderState], progress: OrderProgress) -> Sequence[NewTrade]:
    """The product's rule."""
    return settle(block, orders, progress).trades


def at_the_last_price(block: BlockState, orders: Sequence[OrderState], progress: OrderProgress) -> Sequence[NewTrade]:
    """A rule of before: what crosses does so at the price that was known when the orders were netted."""
    return _crossed_at_the_end(block, orders, progress, lambda _average: (block.cross_low + block.cross_high) / 2)


def limit_or_better(block: BlockState, orders: Sequence[OrderState], progress: OrderProgress) -> Sequence[NewTrade]:
    """A rule of before: what crosses does so at the block's price, or at the last one when the block finds nobody."""
    last = (block.cross_low + block.cross_high) / 2
    return _crossed_at_the_end(block, orders, progress, lambda average: last if average is None else average)


def _crossed_at_the_end(
    block: BlockState,
    orders: Sequence[OrderState],
    progress: OrderProgress,
    price_of: Callable[[Decimal | None], Decimal],
) -> Sequence[NewTrade]:
    trades = [each for each in settle(block, orders, progress).trades if not each.inside]
    if progress.terminal is None:
        return trades
    filled = {each.order_id: each.filled_quantity for each in orders}
    for trade in trades:
        filled[trade.order_id] += trade.quantity
    total = progress.filled_quantity
    price = price_of((progress.filled_value / total).quantize(CENT / 1000) if total else None)
    for side in Side:
        demands = {each.order_id: each.quantity - filled[each.order_id] for each in orders if each.side == side}
        for order_id, part in allocate(block.cross_quantity, demands, key="old").items():
            if part:
                trades.append(NewTrade(order_id, side, part, price, "old", NOW, inside=True))
    return trades


def a_round(
    chance: random.Random, orders: Sequence[Order], last: Decimal, path: Sequence[Moment], rule: Settle
) -> tuple[list[Done], Decimal]:
    """Nets the orders on the price that we know, and lets the block work while the market moves along `path`.

    Returns:
        The users' trades, and what the account paid at the broker (negative: got).
    """
    executable = [ExecutableOrder(each.side, each.quantity, each.limit) for each in orders]
    balanced, limits_first = chance.choice(list(Side)), chance.random() < 0.5
    net = net_orders(executable, last, COLLAR, STOCK, balanced=balanced, limits_first=limits_first)
    if net is None or net.side is None or net.limit_price is None:
        return [], ZERO
    ids = {index: UUID(int=index + 1) for index in range(len(orders)) if index not in net.left_out}
    states = [
        OrderState(ids[index], orders[index].side, orders[index].quantity, ZERO, orders[index].limit) for index in ids
    ]
    of = {ids[index]: orders[index] for index in ids}
    block = BlockState(
        UUID(int=chance.getrandbits(128)),
        "AAPL",
        net.side,
        net.quantity,
        net.cross_quantity,
        net.cross_low,
        net.cross_high,
        ZERO,
        net.limit_price,
        ZERO,
        ZERO,
    )
    done: list[Done] = []
    paid = ZERO
    for step, moment in enumerate(path):
        price = moment.touch(block.side)
        marketable = price <= net.limit_price if block.side == "buy" else price >= net.limit_price
        left = block.quantity - block.filled_quantity
        part = ZERO
        if marketable:
            share = Decimal(chance.choice((0, 1, 1, 3, 10))) / 10
            part = (left * share).quantize(Decimal("0.001")) if share < 1 else left
        filled, value = block.filled_quantity + part, block.filled_value + part * price
        over = filled == block.quantity or step == len(path) - 1
        terminal = (BlockStatus.FILLED if filled == block.quantity else BlockStatus.CANCELED) if over else None
        progress = OrderProgress(filled, value, NOW, terminal, f"fill-{step}", price, part)
        trades = rule(block, states, progress)
        for trade in trades:
            inside = trade.inside
            whose = of[trade.order_id]
            done.append(Done(whose.user, trade.side, trade.quantity, trade.price, moment, inside))
        got = {each.order_id: ZERO for each in states}
        for trade in trades:
            got[trade.order_id] += trade.quantity
        states = [replace(each, filled_quantity=each.filled_quantity + got[each.order_id]) for each in states]
        block = replace(block, filled_quantity=filled, filled_value=value)
        paid += part * price * (1 if block.side == "buy" else -1)
        if over:
            break
    for state in states:
        assert ZERO <= state.filled_quantity <= state.quantity
    return done, paid


def a_market(chance: random.Random) -> tuple[Decimal, list[Moment]]:
    """The last price that we know, and the true market from the decision to the end of the block: it may have left us behind."""
    last = Decimal(chance.randint(9900, 10100)) / 100
    middle = last + Decimal(chance.choice((0, 0, 0, 1, -1, 30, -30, 150, -150))) / 100
    path = []
    for _ in range(chance.randint(1, 4)):
        half = CENT * chance.randint(1, 4)
        path.append(Moment(middle - half, middle + half))
        middle += Decimal(chance.choice((0, 1, -1, 3, -3, 40, -40))) / 100
    return last, path


def honest_orders(chance: random.Random, last: Decimal) -> list[Order]:
    """What people want who look at the last price."""
    orders = []
    for user in HONEST:
        if chance.random() < 0.8:
            side = chance.choice(list(Side))
            limit = None if chance.random() < 0.6 else last + CENT * chance.choice((0, 1, 2, 5)) * _worse(side)
            orders.append(Order(user, side, Decimal(chance.choice((1, 3, 10, 100, 500))), limit))
    return orders


def _worse(side: Side) -> int:
    return 1 if side == "buy" else -1


# Policies ------------------------------------------------------------------------------------------------------------


def random_policy(chance: random.Random, last: Decimal, path: Sequence[Moment], others: Sequence[Order]) -> list[Order]:
    """Anything."""
    orders = []
    for user in COLLUDERS:
        for _ in range(chance.randint(0, 2)):
            side = chance.choice(list(Side))
            limit = None if chance.random() < 0.4 else last + CENT * chance.randint(0, 250) * _worse(side)
            orders.append(Order(user, side, Decimal(chance.randint(1, 2_000_000)) / 1000, limit))
    return orders


def knowing_policies() -> Iterator[tuple[str, Policy]]:
    """A small space of policies of those who know everything: on which move to act, on which side, how much, and with which limit."""
    for when, which, size, bound in itertools.product(
        ("rises", "falls", "always"),
        ("buy", "sell", "both"),
        ("balance", "balance and a share", "half", "double", "huge"),
        ("market", "last", "then", "collar"),
    ):
        yield f"{when}/{which}/{size}/{bound}", _knowing(when, which, size, bound)


def _knowing(when: str, which: str, size: str, bound: str) -> Policy:
    def policy(_: random.Random, last: Decimal, path: Sequence[Moment], others: Sequence[Order]) -> list[Order]:
        now = (path[-1].bid + path[-1].ask) / 2
        if (when == "rises" and now <= last) or (when == "falls" and now >= last):
            return []
        net = sum((each.quantity * _worse(each.side) for each in others if each.limit is None), ZERO)
        quantity = {
            "balance": abs(net),
            "balance and a share": abs(net) + 1,
            "half": abs(net) / 2,
            "double": abs(net) * 2,
            "huge": Decimal(100_000),
        }[size] or Decimal(1)
        orders = []
        for user, side in zip(sorted(COLLUDERS), Side, strict=True):
            if which in (side, "both"):
                limit = {
                    "market": None,
                    "last": last,
                    "then": path[-1].touch(side),
                    "collar": (last * (1 + (COLLAR - CENT) * _worse(side))).quantize(CENT),
                }[bound]
                orders.append(Order(user, side, quantity, limit))
        return orders

    return policy


POLICIES: list[tuple[str, Policy]] = [("random", random_policy), *knowing_policies()]


@dataclass
class Taken:
    """What a policy came to, in dollars: what others lost and won against the market, and what the colluders had more than in it."""

    lost: Decimal = ZERO
    won: Decimal = ZERO
    better_than_the_market: Decimal = ZERO
    spread_unpaid: Decimal = ZERO
    crossed: int = 0


def play(seed: int, policy: Policy, rounds: int, rule: Settle) -> Taken:
    """Plays so many rounds."""
    chance = random.Random(seed)
    taken = Taken()
    for number in range(rounds):
        last, path = a_market(chance)
        others = honest_orders(chance, last)
        orders = [*others, *policy(chance, last, path, others)]
        chance.shuffle(orders)
        done, paid = a_round(chance, orders, last, path, rule)
        flows = sum((each.quantity * each.price * _worse(each.side) for each in done), ZERO)
        assert flows == paid, f"seed {seed}, round {number}: users paid {flows}, the account {paid}"
        for each in done:
            if each.user in COLLUDERS:
                taken.better_than_the_market += each.better
            else:
                taken.lost -= min(each.better, ZERO)
                taken.won += max(each.better, ZERO)
            if each.inside:
                taken.crossed += 1
                taken.spread_unpaid += (each.moment.ask - each.moment.bid) * each.quantity / 2
        if rule is product:
            assert taken.better_than_the_market + taken.won - taken.lost == taken.spread_unpaid, (
                f"seed {seed}, {number}"
            )
    return taken


def test_no_policy_takes_more_from_others_than_the_market_gives() -> None:
    rounds = max(ROUNDS // len(POLICIES), 1)
    crossed = 0
    for number, (name, policy) in enumerate(POLICIES):
        taken = play(SEED + number, policy, rounds * (20 if policy is random_policy else 1), product)
        # No single trade of anybody else was worse than the market's price at its moment.
        assert taken.lost == 0, f"COLLUSION_SEED={SEED}: {name} took {taken.lost}"
        assert taken.better_than_the_market <= taken.spread_unpaid, f"COLLUSION_SEED={SEED}: {name}"
        crossed += taken.crossed
    assert crossed > ROUNDS / 4


@pytest.mark.parametrize("rule", [at_the_last_price, limit_or_better])
def test_the_search_finds_the_money_that_the_former_rules_gave_away(rule: Settle) -> None:
    best = max((play(SEED, policy, 40, rule).lost, name) for name, policy in POLICIES)
    assert best[0] > 100, best


def test_the_answer_of_two_accounts_to_everything_they_know_is_worth_no_more_than_the_spread() -> None:
    """The best of all policies in every single round, chosen with hindsight."""
    chance = random.Random(SEED)
    for _ in range(in_short(10, 100)):
        seed = chance.getrandbits(32)
        best = max(
            (play(seed, policy, 1, product) for _, policy in POLICIES), key=lambda each: each.better_than_the_market
        )
        assert best.lost == 0, f"COLLUSION_SEED={SEED}"
        assert best.better_than_the_market <= best.spread_unpaid, f"COLLUSION_SEED={SEED}"


def _walked(quantity: Decimal, side: Side, levels: Sequence[tuple[Decimal, Decimal]]) -> Decimal:
    """What so much costs (or brings, negative) who takes it from a book alone: levels are price and size, the best first."""
    cost, left = ZERO, quantity
    for price, size in levels:
        cost += min(left, size) * price
        left -= min(left, size)
    assert left <= 0, "the book has a last level that is deep enough"
    return cost * _worse(side)


def a_book(chance: random.Random, touch: Decimal, side: Side) -> list[tuple[Decimal, Decimal]]:
    """Levels that get worse from the touch on, thin ones first."""
    levels, price = [], touch
    for _ in range(chance.randint(1, 6)):
        levels.append((price, Decimal(chance.choice((1, 10, 50, 300)))))
        price += CENT * chance.randint(1, 12) * _worse(side)
    return [*levels, (price, Decimal(10_000_000))]


def a_deep_round(seed: int, policy: Policy) -> tuple[int, list[str]]:
    """One round in which the whole block is taken from a book at once, level by level; the trades inside, and what is unfair about it."""
    chance = random.Random(seed)
    last, path = a_market(chance)
    others = honest_orders(chance, last)
    orders = [*others, *policy(chance, last, path, others)]
    net = net_orders(
        [ExecutableOrder(each.side, each.quantity, each.limit) for each in orders],
        last, COLLAR, STOCK, balanced=chance.choice(list(Side)), limits_first=chance.random() < 0.5,
    )  # fmt: skip
    if net is None or net.side is None or net.limit_price is None:
        return 0, []
    ids = {UUID(int=index + 1): order for index, order in enumerate(orders) if index not in net.left_out}
    states = [OrderState(name, each.side, each.quantity, ZERO, each.limit) for name, each in ids.items()]
    block = BlockState(
        UUID(int=chance.getrandbits(128)), "AAPL", net.side, net.quantity, net.cross_quantity, net.cross_low, net.cross_high,
        ZERO, net.limit_price, ZERO, ZERO,
    )  # fmt: skip
    levels = a_book(chance, path[0].touch(net.side), net.side)
    got: dict[str, Decimal] = dict.fromkeys((*COLLUDERS, *HONEST), ZERO)
    paid = dict(got)
    inside = 0
    for number, (price, size) in enumerate(levels):
        if (net.limit_price - price) * _worse(net.side) < 0 or block.filled_quantity == block.quantity:
            break
        part = min(size, block.quantity - block.filled_quantity)
        filled, value = block.filled_quantity + part, block.filled_value + part * price
        terminal = BlockStatus.FILLED if filled == block.quantity else None
        progress = OrderProgress(filled, value, NOW, terminal, f"fill-{number}", price, part)
        filled_of = {each.order_id: each.filled_quantity for each in states}
        for trade in settle(block, states, progress).trades:
            whose, sign = ids[trade.order_id].user, _worse(trade.side)
            got[whose] += sign * trade.quantity
            paid[whose] += sign * trade.quantity * trade.price
            filled_of[trade.order_id] += trade.quantity
            inside += trade.inside
        states = [replace(each, filled_quantity=filled_of[each.order_id]) for each in states]
        block = replace(block, filled_quantity=filled, filled_value=value)
    sign, found = _worse(net.side), []
    ours, theirs = (sum((got[each] for each in group), ZERO) * sign for group in (COLLUDERS, HONEST))
    cost, spent = (sum((paid[each] for each in group), ZERO) for group in (COLLUDERS, HONEST))
    # Parts are rounded to a billionth of a share, prices to one of a dollar.
    close = (abs(ours) + abs(theirs) + 1) / 10**8
    if ours > 0 and theirs >= 0 and cost < _walked(ours, net.side, levels) - close:
        found.append(f"colluders paid {cost} for {ours}, alone {_walked(ours, net.side, levels)}")
    if ours <= 0 < theirs and spent > _walked(theirs, net.side, levels) + close:
        found.append(f"others paid {spent} for {theirs}, alone {_walked(theirs, net.side, levels)}")
    return inside, found


def test_depth_gives_nothing_to_who_moves_the_price_for_others() -> None:
    chance, crossed = random.Random(SEED), 0
    for number in range(ROUNDS // 8):
        name, policy = POLICIES[number % len(POLICIES)]
        seed = chance.getrandbits(32)
        inside, found = a_deep_round(seed, policy)
        assert found == [], f"COLLUSION_SEED={SEED}: {name}, seed {seed}"
        crossed += inside
    assert crossed > ROUNDS / 80
