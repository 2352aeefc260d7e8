"""A statement of all accounts, made anew from what happened: trades, fees, corrections, splits, and the broker's own activities.

It is the second opinion on the ledger: nothing here reads a balance, a position or a profit, nor uses what wrote them. It follows every holder of
a symbol trade by trade, as an auditor would with paper, and only then looks at what the ledger says.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import ROUND_UP, Decimal
from itertools import groupby
from operator import attrgetter
from uuid import UUID

from stratforge.market.corporate_actions import ActionKind
from stratforge.market.sizes import Side
from stratforge.portfolio.books import (
    AccountRecord,
    ActionRecord,
    AdjustmentRecord,
    OrderRecord,
    OwnUnits,
    PositionRecord,
    SymbolBooks,
    TradeRecord,
)

ZERO = Decimal(0)
# What rounding may come to: the cost of a sale is rounded to 1e-12 dollars, a part of a split to a billionth of a share.
MONEY = Decimal("0.000001")
SHARE = Decimal("0.000000001")
COIN = Decimal("0.00000001")
_BORROWED = re.compile(r"borrowed on [\d-]+ for (\d+) nights at ([\d.]+)")
# Kinds of adjustments that carry out a corporate action.
_FOLLOWS = ("SPLIT", "CORPORATE_ACTION")

Holder = tuple[UUID, UUID | None, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """Something that the ledger says otherwise than what happened."""

    what: str
    where: str
    recorded: Decimal
    recomputed: Decimal

    def as_text(self) -> dict[str, str]:
        """Returns the difference as plain data, numbers as text."""
        return {name: str(value) for name, value in asdict(self).items()}

    @classmethod
    def of_text(cls, text: Mapping[str, str]) -> Difference:
        """Makes the difference again from what `as_text` returned."""
        return cls(text["what"], text["where"], Decimal(text["recorded"]), Decimal(text["recomputed"]))


@dataclass(frozen=True, slots=True)
class Findings:
    """The outcome of going through a symbol: what was looked at, and what did not agree."""

    positions: int
    trades: int
    adjustments: int
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class _Holding:
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    # The trade that opened it; None for what came otherwise.
    opened_at: datetime | None = None
    # Whether its last trade was of a short position.
    short: bool = False
    # Each trade that a later split may ask about, the change of quantity and the cost of what was sold.
    traded: list[tuple[TradeRecord, Decimal, Decimal]] = field(default_factory=list)


@dataclass(slots=True)
class _Together:
    """The changes that share a cause: their sums, the price of the first one with units, and what was unfair about one."""

    quantity: Decimal = ZERO
    cash: Decimal = ZERO
    price: Decimal | None = None
    unfair: bool = False


@dataclass(slots=True)
class _Replay:
    holdings: dict[Holder, _Holding] = field(default_factory=lambda: defaultdict(_Holding))
    # What each holder's units of a symbol were, and had cost, when an action took them elsewhere: by action and holder.
    left: dict[str, dict[Holder, tuple[Decimal, Decimal]]] = field(default_factory=dict)
    # Executions of which the broker keeps a part, by symbol.
    charged: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    together: dict[tuple[str, str, str], _Together] = field(default_factory=lambda: defaultdict(_Together))
    trades: int = 0
    adjustments: int = 0
    differences: list[Difference] = field(default_factory=list)


def audit_symbol(books: SymbolBooks, broker_positions: Mapping[str, Decimal]) -> Findings:
    """Recomputes every position and profit in a symbol and those it was called or became, and lists what differs. What it keeps meanwhile grows with the
    holders, not with the trades.

    Args:
        books: The ledger's records of the symbol.
        broker_positions: What the account holds at the broker, by symbol.
    """
    replay = _Replay()
    actions = {each.action_id: each for each in books.actions}
    corrections: dict[str, list[AdjustmentRecord]] = defaultdict(list)
    for change in books.corrections:
        corrections[str(change.client_order_id)].append(change)
    for record in _in_order(books):
        if isinstance(record, AdjustmentRecord):
            action = actions.get(record.cause)
            if action is not None and record.kind in _FOLLOWS:
                _follow_action(replay, record, action, books.scale)
            _follow_adjustment(replay, record)
            replay.differences += _causes(books, replay, record, action)
            continue
        for trade in record:
            _follow_trade(replay, trade, asked_about=any(_is_asked_about(trade, each) for each in books.actions))
        replay.differences += [
            *_crossings(record),
            *_fees(replay, record, COIN * books.scale),
            *_corrections(record, corrections.pop(record[0].client_order_id, ())),
        ]
    # Of orders that nobody had anything of.
    for changes in corrections.values():
        replay.differences += _corrections((), changes)
    replay.differences += _shared_causes(books, replay, actions)
    positions = 0
    holdings = dict(replay.holdings)
    for position in books.positions:
        positions += 1
        due = holdings.pop((position.user_id, position.session_id, position.symbol), _Holding())
        replay.differences += _position(position, due)
    for (user_id, session_id, symbol), due in holdings.items():
        replay.differences += _position(PositionRecord(user_id, session_id, symbol, ZERO, ZERO, ZERO), due)
    replay.differences += _broker_positions(books, replay, broker_positions)
    return Findings(positions, replay.trades, replay.adjustments, tuple(replay.differences))


def audit_cash(accounts: Iterable[AccountRecord]) -> Iterator[Difference]:
    """Compares what accounts have with what they began with and what came and went since."""
    for account in accounts:
        due = account.initial + account.moved
        if account.cash != due:
            yield Difference("cash", f"user {account.user_id}", account.cash, due)


def audit_order(order: OrderRecord) -> Iterator[Difference]:
    """Compares what users got of an order at the broker, corrections included, with the broker's executions of it, which may differ by what was accepted."""
    where = f"order {order.client_order_id}"
    more, cost = order.broker_quantity - order.quantity, order.broker_value - order.value
    # The broker tells averages with nine decimals.
    step = MONEY * max(abs(order.broker_quantity), Decimal(1))
    if more == order.accepted_quantity and abs(cost - order.accepted_value) <= step:
        return
    if more:
        yield Difference("quantity of an order", where, order.quantity, order.broker_quantity)
    elif abs(cost) > step:
        yield Difference("value of an order", where, order.value, order.broker_value)


def _in_order(books: SymbolBooks) -> Iterator[list[TradeRecord] | AdjustmentRecord]:
    """The trades of each block in the order of the blocks, each adjustment after the blocks that had ended before it."""
    changes = iter(books.adjustments)
    change = next(changes, None)
    for _, trades in groupby(books.trades, attrgetter("client_order_id")):
        block = list(trades)
        settled_at = block[0].settled_at
        while change is not None and (settled_at is None or settled_at > change.created_at):
            yield change
            change = next(changes, None)
        yield block
    if change is not None:
        yield change
        yield from changes


def _is_asked_about(trade: TradeRecord, action: ActionRecord) -> bool:
    """Tells whether a trade may have been made on the scale after an action that the ledger had not followed yet."""
    return (
        trade.symbol == action.symbol
        and trade.executed_at >= action.starts_at
        and (trade.settled_at is None or action.applied_at is None or trade.settled_at <= action.applied_at)
    )


def _follow_trade(replay: _Replay, trade: TradeRecord, *, asked_about: bool) -> None:
    holding = replay.holdings[trade.user_id, trade.session_id, trade.symbol]
    replay.trades += 1
    value = trade.quantity * trade.price
    where = f"trade {trade.trade_id}"
    holding.short = trade.short
    if trade.short:
        replay.differences += _follow_short(holding, trade, where, asked_about=asked_about)
        return
    if trade.side == Side.BUY:
        if holding.quantity == 0:
            holding.opened_at = trade.executed_at
        holding.quantity += trade.quantity - trade.fee_quantity
        holding.cost += value
        if asked_about:
            holding.traded.append((trade, trade.quantity - trade.fee_quantity, ZERO))
        if trade.realized_pnl:
            replay.differences.append(Difference("profit of a trade", where, trade.realized_pnl, ZERO))
        return
    cost = holding.cost * trade.quantity / holding.quantity if holding.quantity else ZERO
    realized = value - trade.fee_cash - cost
    holding.realized += realized
    if abs(trade.realized_pnl - realized) > MONEY:
        replay.differences.append(Difference("profit of a trade", where, trade.realized_pnl, realized))
    if asked_about:
        holding.traded.append((trade, -trade.quantity, cost))
    holding.quantity -= trade.quantity
    holding.cost = ZERO if holding.quantity == 0 else holding.cost - cost
    if holding.quantity < 0:
        where = _place(trade.user_id, trade.session_id, trade.symbol)
        replay.differences.append(Difference("sold more than was held", where, trade.quantity, holding.quantity))


def _follow_short(holding: _Holding, trade: TradeRecord, where: str, *, asked_about: bool) -> Iterator[Difference]:
    """Follows a short sale or a cover: quantity and cost of what is owed are below zero, and what buying it back costs less than its sale brought is made."""
    value = trade.quantity * trade.price
    place = _place(trade.user_id, trade.session_id, trade.symbol)
    realized, brought = ZERO, ZERO
    if trade.side == Side.SELL:
        if holding.quantity > 0:
            yield Difference("sold short what was held", place, trade.quantity, holding.quantity)
        if holding.quantity == 0:
            holding.opened_at = trade.executed_at
        holding.quantity -= trade.quantity
        holding.cost -= value - trade.fee_cash
    else:
        brought = holding.cost * trade.quantity / holding.quantity if holding.quantity else ZERO
        realized = brought - value
        holding.quantity += trade.quantity
        holding.cost = ZERO if holding.quantity == 0 else holding.cost + brought
        if holding.quantity > 0:
            yield Difference("bought back more than was owed", place, trade.quantity, holding.quantity)
    holding.realized += realized
    if abs(realized - trade.realized_pnl) > MONEY:
        yield Difference("profit of a trade", where, trade.realized_pnl, realized)
    if asked_about:
        # What was bought back after a split that was not known yet had brought too much, as what was sold had cost too much.
        change = trade.quantity if trade.side == Side.BUY else -trade.quantity
        holding.traded.append((trade, change, -brought))


def _follow_action(replay: _Replay, change: AdjustmentRecord, action: ActionRecord, scale: Decimal) -> None:
    """Compares the change of a quantity with the terms, and has the cost go where the units went."""
    holding = replay.holdings[change.user_id, change.session_id, change.symbol]
    step, money = SHARE * scale, ZERO
    if action.kind is ActionKind.SPLIT:
        assert action.ratio is not None
        since, sold = _traded_after(holding, action)
        due = _before(holding, since) * (action.ratio - 1)
        if action.step is not None and action.step >= 1:
            # What is cut off is paid for; who got more than his part pays as far as he had the money.
            step, cut = action.step, due - change.quantity
            money = cut * (action.price or ZERO)
            if cut < 0 or holding.quantity < 0:
                money = min(max(change.cash, money), ZERO)
        # What was sold as if it had not been split was less than it seemed, and had cost less.
        too_much = sold * (1 - 1 / action.ratio)
        cost = holding.cost + too_much
        holding.cost, holding.realized = cost if holding.quantity < 0 else max(cost, ZERO), holding.realized + too_much
    elif change.symbol == action.new_symbol:
        left = replay.left.setdefault(action.action_id, _given_away(replay, action))
        mine = {holder: each for holder, each in left.items() if holder[0] == change.user_id}
        if action.kind is ActionKind.SYMBOL_CHANGE:
            mine = {holder: each for holder, each in mine.items() if holder[1] == change.session_id}
        due = sum((quantity for quantity, _ in mine.values()), ZERO) * (action.new_ratio or 1)
        holding.cost += sum((cost for _, cost in mine.values()), ZERO)
    else:
        left = replay.left.setdefault(action.action_id, _given_away(replay, action))
        keeps = (
            ZERO if action.kind is ActionKind.SYMBOL_CHANGE else Decimal(1) if action.ratio is None else action.ratio
        )
        entitled = _entitled(holding, action)
        due = entitled * (keeps - 1)
        holding.cost -= left.get((change.user_id, change.session_id, change.symbol), (ZERO, ZERO))[1]
        money = entitled * (action.cash or ZERO)
    where = _place(change.user_id, change.session_id, change.symbol)
    # A part of a unit is nobody's alone: each is due what he has, to the last place.
    if abs(change.quantity - due) > 2 * step:
        replay.differences.append(Difference(f"{action.kind} {change.cause}", where, change.quantity, due))
    if abs(change.cash - money) > MONEY:
        replay.differences.append(Difference(f"money of {action.kind} {change.cause}", where, change.cash, money))


def _traded_after(holding: _Holding, action: ActionRecord) -> tuple[Decimal, Decimal]:
    """What was traded on the scale after a split that was published late: the change of quantity, and what the sold part had cost.

    A trade since the split's day began is on the new scale unless its price is four times nearer to the last one before than a split alone
    would have moved it.
    """
    since = sold = ZERO
    for trade, change, cost in holding.traded:
        if trade.executed_at < action.starts_at:
            continue
        if action.last_close is not None and action.ratio is not None:
            moved = (trade.price / action.last_close).ln()
            if abs(moved) * 4 < abs(action.ratio.ln()):
                continue
        since, sold = since + change, sold + cost
    return since, sold


def _entitled(holding: _Holding, action: ActionRecord) -> Decimal:
    """The units of a holding to which an action happens: what was traded since its day began was traded without it, unless all of it goes."""
    if action.kind is ActionKind.SYMBOL_CHANGE or action.ratio == 0:
        return holding.quantity
    return _before(holding, _traded_after(holding, action)[0])


def _before(holding: _Holding, since: Decimal) -> Decimal:
    """The units of a holding without what was traded since; below zero what is owed."""
    owes = holding.short or holding.quantity < 0
    return holding.quantity - since if owes else max(holding.quantity - since, ZERO)


def _given_away(replay: _Replay, action: ActionRecord) -> dict[Holder, tuple[Decimal, Decimal]]:
    """What everybody holds of an action's symbol, and how much of its cost goes along to what it is exchanged for, less the money that came with it."""
    held = {
        holder: (units, each.cost)
        for holder, each in replay.holdings.items()
        if holder[2] == action.symbol and (units := _entitled(each, action)) != 0
    }
    if action.kind is ActionKind.SYMBOL_CHANGE:
        return held
    goes = action.ratio == 0 and action.new_symbol is not None and action.new_ratio is not None
    money = action.cash or ZERO
    return {
        holder: (units, max(cost - units * money, ZERO) if goes else ZERO) for holder, (units, cost) in held.items()
    }


def _follow_adjustment(replay: _Replay, change: AdjustmentRecord) -> None:
    holding = replay.holdings[change.user_id, change.session_id, change.symbol]
    if holding.quantity == 0 or (change.kind == "CORPORATE_ACTION" and change.quantity > 0):
        # It may be older than what was bought here.
        holding.opened_at = None
    holding.quantity += change.quantity
    holding.realized += change.cash
    if holding.quantity == 0:
        holding.realized -= holding.cost
        holding.cost = ZERO
    replay.adjustments += 1


def _position(found: PositionRecord, due: _Holding) -> Iterator[Difference]:
    where = _place(found.user_id, found.session_id, found.symbol)
    if found.quantity != due.quantity:
        yield Difference("quantity", where, found.quantity, due.quantity)
    if abs(found.cost_basis - due.cost) > MONEY:
        yield Difference("cost", where, found.cost_basis, due.cost)
    if abs(found.realized_pnl - due.realized) > MONEY:
        yield Difference("realized profit", where, found.realized_pnl, due.realized)
    if found.quantity and due.opened_at is not None and found.opened_at != due.opened_at:
        yield Difference("time of a position", where, _seconds(found.opened_at), _seconds(due.opened_at))


def _seconds(at: datetime | None) -> Decimal:
    return ZERO if at is None else Decimal(str(at.timestamp()))


def _causes(
    books: SymbolBooks, replay: _Replay, change: AdjustmentRecord, action: ActionRecord | None
) -> Iterator[Difference]:
    """Whatever was no trade has a cause: an action of the symbol, the broker's word on an order, or parts of units that were settled among their
    holders, less than a unit each, for nothing in all.
    """
    known = action is not None and change.symbol in (action.symbol, action.new_symbol)
    if change.kind in ("ODD_LOTS", "ROUNDING"):
        all_of_it = replay.together[change.kind, change.cause, change.symbol]
        all_of_it.quantity += change.quantity
        all_of_it.cash += change.cash
        if all_of_it.price is None and change.quantity:
            all_of_it.price = -change.cash / change.quantity
        money = change.cash + change.quantity * (all_of_it.price or ZERO)
        all_of_it.unfair |= not (abs(change.quantity) < books.scale and abs(money) <= MONEY)
    elif change.kind == "FILL_CORRECTION":
        known = change.client_order_id is not None
    elif change.kind == "BORROW_FEE":
        known = not change.quantity and _is_borrow_fee(change.cause, -change.cash)
    if not known and change.kind != "ODD_LOTS":
        where = _place(change.user_id, change.session_id, change.symbol)
        yield Difference(f"{change.kind} of no known cause", where, change.quantity, ZERO)


def _is_borrow_fee(cause: str, fee: Decimal) -> bool:
    """Tells whether so many dollars are what some lots of a hundred shares cost to borrow: a quarter of a percent a year of 360 days, for the nights and at the price of the cause."""
    found = _BORROWED.fullmatch(cause)
    a_lot = Decimal(found[1]) * Decimal(found[2]) * 100 * Decimal("0.0025") / 360 if found else ZERO
    lots = (fee / a_lot).to_integral_value() if a_lot else ZERO
    return lots >= 1 and abs(lots * a_lot - fee) <= MONEY


def _shared_causes(books: SymbolBooks, replay: _Replay, actions: Mapping[str, ActionRecord]) -> Iterator[Difference]:
    for (kind, cause, symbol), each in replay.together.items():
        where = f"{symbol} {cause}"
        if kind == "ODD_LOTS":
            if each.quantity or abs(each.cash) > MONEY or each.unfair:
                yield Difference("odd lots", where, each.quantity, ZERO)
            continue
        worth = -each.quantity * ((actions[cause].price if cause in actions else None) or ZERO)
        # Units for no more than they were paid with, or paid for.
        paid = min(worth, ZERO) - MONEY <= each.cash <= max(worth, ZERO) + MONEY
        if abs(each.quantity) > books.scale or not paid:
            yield Difference("rounding", where, each.quantity, ZERO)


def _corrections(trades: Sequence[TradeRecord], corrections: Sequence[AdjustmentRecord]) -> Iterator[Difference]:
    """A correction of an order by the broker is everybody's in proportion to what he had of it."""
    together: dict[tuple[str, Side | None], list[AdjustmentRecord]] = defaultdict(list)
    for change in corrections:
        together[change.cause, change.side].append(change)
    for (_, side), changes in together.items():
        had: dict[tuple[UUID, UUID | None], list[Decimal]] = defaultdict(list)
        for trade in trades:
            if trade.side == side:
                had[trade.user_id, trade.session_id].append(trade.quantity)
        whole = sum((sum(each, ZERO) for each in had.values()), ZERO)
        units, money = (
            sum(each, ZERO) for each in ([change.quantity for change in changes], [change.cash for change in changes])
        )
        for change in changes:
            mine = had.get((change.user_id, change.session_id), [])
            part = sum(mine, ZERO) / whole if whole else ZERO
            where = _place(change.user_id, change.session_id, change.symbol)
            if abs(change.quantity - units * part) > (change.step or SHARE) * len(mine):
                yield Difference("part of a correction", where, change.quantity, units * part)
            if abs(change.cash - money * part) > MONEY * max(len(mine), 1):
                yield Difference("money of a correction", where, change.cash, money * part)


def _crossings(trades: Sequence[TradeRecord]) -> Iterator[Difference]:
    """An execution has one price for all, and what crossed inside with it was bought and sold alike."""
    prices = {each.execution_id: each.price for each in sorted(trades, key=lambda each: each.inside, reverse=True)}
    bought: dict[str, Decimal] = defaultdict(Decimal)
    sold: dict[str, Decimal] = defaultdict(Decimal)
    for trade in trades:
        if trade.inside:
            (bought if trade.side == Side.BUY else sold)[trade.execution_id] += trade.quantity
        price = prices[trade.execution_id]
        if trade.price != price:
            yield Difference("price of an execution", f"trade {trade.trade_id}", trade.price, price)
    for execution in {*bought, *sold}:
        if bought[execution] != sold[execution]:
            yield Difference("crossing", execution, bought[execution], sold[execution])


def _fees(replay: _Replay, trades: Sequence[TradeRecord], coin: Decimal) -> Iterator[Difference]:
    """The broker's part of each execution: coins of a purchase, dollars of a sale; nothing is paid for what crosses."""
    executions: dict[tuple[str, bool], list[TradeRecord]] = defaultdict(list)
    for trade in trades:
        executions[trade.execution_id, trade.inside].append(trade)
    for symbol, _ in {(each.symbol, each.execution_id) for each in trades if each.fee_rate > 0}:
        replay.charged[symbol] += 1
    for (execution, inside), mine in executions.items():
        rate = ZERO if inside else mine[0].fee_rate
        buys, sells = ([each for each in mine if each.side == side] for side in Side)
        bought = sum((each.quantity for each in buys), ZERO)
        coins = min((bought * rate / coin).to_integral_value(ROUND_UP) * coin, bought)
        paid = sum((each.fee_quantity for each in mine), ZERO)
        if paid != coins:
            yield Difference("fee in coins", execution, paid, coins)
        dollars = sum((each.quantity * each.price for each in sells), ZERO) * rate
        cash = sum((each.fee_cash for each in mine), ZERO)
        if abs(cash - dollars) > MONEY:
            yield Difference("fee in dollars", execution, cash, dollars)


def _broker_positions(books: SymbolBooks, replay: _Replay, theirs: Mapping[str, Decimal]) -> Iterator[Difference]:
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for (_, _, symbol), holding in replay.holdings.items():
        ours[symbol] += holding.quantity
    for symbol in {*books.symbols, *ours} - books.at_work:
        own = books.own.get(symbol, OwnUnits(symbol))
        more = theirs.get(symbol, ZERO) - ours[symbol] - own.quantity
        # Fees in coins are rounded in the broker's favor, a step for each execution.
        if not -own.slack <= more <= COIN * books.scale * replay.charged[symbol] + own.slack:
            yield Difference("position at the broker", symbol, ours[symbol], theirs.get(symbol, ZERO))


def _place(user_id: UUID, session_id: UUID | None, symbol: str) -> str:
    return f"user {user_id}, {f'session {session_id}' if session_id else 'by hand'}, {symbol}"
