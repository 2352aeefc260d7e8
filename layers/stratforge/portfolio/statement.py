"""A statement of all accounts, made anew from what happened: trades, fees, corrections, splits, and the broker's own activities.

It is the second opinion on the ledger: nothing here reads a balance, a position or a profit, nor uses what wrote them. It follows every holder
trade by trade, as an auditor would with paper, and only then looks at what the ledger says.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import ROUND_UP, Decimal
from uuid import UUID

from stratforge.market.corporate_actions import ActionKind
from stratforge.market.sizes import Side
from stratforge.portfolio.books import (
    ActionRecord,
    Activity,
    AdjustmentRecord,
    Books,
    TradeRecord,
)

ZERO = Decimal(0)
# What rounding may come to: the cost of a sale is rounded to 1e-12 dollars, a part of a split to a billionth of a share.
MONEY = Decimal("0.000001")
SHARE = Decimal("0.000000001")
COIN = Decimal("0.00000001")
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


@dataclass(frozen=True, slots=True)
class Statement:
    """The outcome of going through the statement: what was looked at, and what did not agree."""

    accounts: int
    positions: int
    trades: int
    adjustments: int
    activities: int
    differences: tuple[Difference, ...]


@dataclass(slots=True)
class _Holding:
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realized: Decimal = ZERO
    # Each trade, the change of quantity and the cost of what was sold.
    traded: list[tuple[TradeRecord, Decimal, Decimal]] = field(default_factory=list)


@dataclass(slots=True)
class _Replay:
    cash: dict[UUID, Decimal] = field(default_factory=lambda: defaultdict(Decimal))
    holdings: dict[Holder, _Holding] = field(default_factory=lambda: defaultdict(_Holding))
    # What each holder's units of a symbol were, and had cost, when an action took them elsewhere: by action and holder.
    left: dict[str, dict[Holder, tuple[Decimal, Decimal]]] = field(default_factory=dict)
    differences: list[Difference] = field(default_factory=list)


def audit(books: Books, activities: Sequence[Activity], broker_positions: Mapping[str, Decimal]) -> Statement:
    """Recomputes every balance, position and profit, and lists what differs.

    Args:
        books: The ledger's records.
        activities: All executions of the account that the broker knows, since the first trade.
        broker_positions: What the account holds at the broker, by symbol.
    """
    replay = _Replay()
    actions = {each.action_id: each for each in books.actions}
    for record in _in_order(books):
        if isinstance(record, TradeRecord):
            _follow_trade(replay, record)
            continue
        action = actions.get(record.cause)
        if action is not None and record.kind in _FOLLOWS:
            _follow_action(replay, record, action, books.scale)
        _follow_adjustment(replay, record)
    differences = [
        *replay.differences,
        *_accounts(books, replay),
        *_positions(books, replay),
        *_causes(books, actions),
        *_corrections(books),
        *_crossings(books.trades),
        *_fees(books.trades, COIN * books.scale),
        *_broker_orders(books, activities),
        *_broker_positions(books, replay, broker_positions),
    ]
    return Statement(
        len(books.accounts),
        len(books.positions),
        len(books.trades),
        len(books.adjustments),
        len(activities),
        tuple(differences),
    )


def _in_order(books: Books) -> Iterator[TradeRecord | AdjustmentRecord]:
    """Trades in the order they were written, each adjustment after the blocks of its symbol that had ended before it."""
    heirs = {each.symbol: each.new_symbol for each in books.actions if each.new_symbol}
    records: dict[str, tuple[list[TradeRecord], list[AdjustmentRecord]]] = defaultdict(lambda: ([], []))
    for trade in sorted(books.trades, key=lambda each: each.trade_id):
        records[_last_name(trade.symbol, heirs)][0].append(trade)
    for adjustment in sorted(books.adjustments, key=lambda each: each.adjustment_id):
        records[_last_name(adjustment.symbol, heirs)][1].append(adjustment)
    for trades, left in records.values():
        for trade in trades:
            while left and (trade.settled_at is None or trade.settled_at > left[0].created_at):
                yield left.pop(0)
            yield trade
        yield from left


def _last_name(symbol: str, heirs: Mapping[str, str]) -> str:
    """The symbol that another one became in the end: what happened to both is told in one order."""
    for _ in heirs:
        symbol = heirs.get(symbol, symbol)
    return symbol


def _follow_trade(replay: _Replay, trade: TradeRecord) -> None:
    holding = replay.holdings[trade.user_id, trade.session_id, trade.symbol]
    value = trade.quantity * trade.price
    if trade.side == Side.BUY:
        replay.cash[trade.user_id] -= value
        holding.quantity += trade.quantity - trade.fee_quantity
        holding.cost += value
        holding.traded.append((trade, trade.quantity - trade.fee_quantity, ZERO))
        return
    proceeds = value - trade.fee_cash
    replay.cash[trade.user_id] += proceeds
    cost = holding.cost * trade.quantity / holding.quantity if holding.quantity else ZERO
    holding.realized += proceeds - cost
    holding.traded.append((trade, -trade.quantity, cost))
    holding.quantity -= trade.quantity
    holding.cost = ZERO if holding.quantity == 0 else holding.cost - cost
    if holding.quantity < 0:
        where = _place(trade.user_id, trade.session_id, trade.symbol)
        replay.differences.append(Difference("sold more than was held", where, trade.quantity, holding.quantity))


def _follow_action(replay: _Replay, change: AdjustmentRecord, action: ActionRecord, scale: Decimal) -> None:
    """Compares the change of a quantity with the terms, and has the cost go where the units went."""
    holding = replay.holdings[change.user_id, change.session_id, change.symbol]
    step, money = SHARE * scale, ZERO
    if action.kind is ActionKind.SPLIT:
        assert action.ratio is not None
        since, sold = _traded_after(holding, action)
        due = max(holding.quantity - since, ZERO) * (action.ratio - 1)
        if action.step is not None and action.step >= 1:
            # What is cut off is paid for; who got more than his part pays as far as he had the money.
            step, cut = action.step, due - change.quantity
            money = cut * (action.price or ZERO)
            if cut < 0:
                money = min(max(change.cash, money), ZERO)
        # What was sold as if it had not been split was less than it seemed, and had cost less.
        too_much = sold * (1 - 1 / action.ratio)
        holding.cost, holding.realized = max(holding.cost + too_much, ZERO), holding.realized + too_much
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
        due = holding.quantity * (keeps - 1)
        holding.cost -= left.get((change.user_id, change.session_id, change.symbol), (ZERO, ZERO))[1]
        money = holding.quantity * (action.cash or ZERO)
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


def _given_away(replay: _Replay, action: ActionRecord) -> dict[Holder, tuple[Decimal, Decimal]]:
    """What everybody holds of an action's symbol, and how much of its cost goes along to what it is exchanged for, less the money that came with it."""
    held = {
        holder: each for holder, each in replay.holdings.items() if holder[2] == action.symbol and each.quantity > 0
    }
    if action.kind is ActionKind.SYMBOL_CHANGE:
        return {holder: (each.quantity, each.cost) for holder, each in held.items()}
    goes = action.ratio == 0 and action.new_symbol is not None and action.new_ratio is not None
    money = action.cash or ZERO
    return {
        holder: (each.quantity, max(each.cost - each.quantity * money, ZERO) if goes else ZERO)
        for holder, each in held.items()
    }


def _follow_adjustment(replay: _Replay, change: AdjustmentRecord) -> None:
    holding = replay.holdings[change.user_id, change.session_id, change.symbol]
    holding.quantity += change.quantity
    holding.realized += change.cash
    if holding.quantity == 0:
        holding.realized -= holding.cost
        holding.cost = ZERO
    replay.cash[change.user_id] += change.cash


def _accounts(books: Books, replay: _Replay) -> Iterator[Difference]:
    for account in books.accounts:
        due = account.initial + replay.cash[account.user_id]
        if account.cash != due:
            yield Difference("cash", f"user {account.user_id}", account.cash, due)


def _positions(books: Books, replay: _Replay) -> Iterator[Difference]:
    recorded = {(each.user_id, each.session_id, each.symbol): each for each in books.positions}
    for holder in {*recorded, *replay.holdings}:
        found, due = recorded.get(holder), replay.holdings.get(holder, _Holding())
        where = _place(*holder)
        quantity, cost, realized = (
            (found.quantity, found.cost_basis, found.realized_pnl) if found is not None else (ZERO, ZERO, ZERO)
        )
        if quantity != due.quantity:
            yield Difference("quantity", where, quantity, due.quantity)
        if abs(cost - due.cost) > MONEY:
            yield Difference("cost", where, cost, due.cost)
        if abs(realized - due.realized) > MONEY:
            yield Difference("realized profit", where, realized, due.realized)


def _causes(books: Books, actions: Mapping[str, ActionRecord]) -> Iterator[Difference]:
    """Whatever was no trade has a cause: an action of the symbol, the broker's word on an order, or parts of units that were settled among their
    holders, less than a unit each, for nothing in all.
    """
    together: dict[tuple[str, str, str], list[AdjustmentRecord]] = defaultdict(list)
    for change in books.adjustments:
        action = actions.get(change.cause)
        known = action is not None and change.symbol in (action.symbol, action.new_symbol)
        if change.kind in ("ODD_LOTS", "ROUNDING"):
            together[change.kind, change.cause, change.symbol].append(change)
        elif change.kind == "FILL_CORRECTION":
            known = change.client_order_id is not None
        if not known and change.kind != "ODD_LOTS":
            where = _place(change.user_id, change.session_id, change.symbol)
            yield Difference(f"{change.kind} of no known cause", where, change.quantity, ZERO)
    for (kind, cause, symbol), changes in together.items():
        quantity = sum((each.quantity for each in changes), ZERO)
        money = sum((each.cash for each in changes), ZERO)
        if kind == "ROUNDING":
            price = (actions[cause].price if cause in actions else None) or ZERO
            # Units for no more than they were paid with, or paid for.
            if (
                abs(quantity) > books.scale
                or not min(-quantity * price, ZERO) - MONEY <= money <= max(-quantity * price, ZERO) + MONEY
            ):
                yield Difference("rounding", f"{symbol} {cause}", quantity, ZERO)
            continue
        one = next((-each.cash / each.quantity for each in changes if each.quantity), ZERO)
        fair = all(
            abs(each.quantity) < books.scale and abs(each.cash + each.quantity * one) <= MONEY for each in changes
        )
        if quantity or abs(money) > MONEY or not fair:
            yield Difference("odd lots", f"{symbol} {cause}", quantity, ZERO)


def _corrections(books: Books) -> Iterator[Difference]:
    """A correction by the broker is everybody's in proportion to what he had of the order."""
    filled: dict[tuple[str, str, UUID, UUID | None], tuple[Decimal, int]] = defaultdict(lambda: (ZERO, 0))
    totals: dict[tuple[str, str], Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        quantity, count = filled[trade.client_order_id, trade.side, trade.user_id, trade.session_id]
        filled[trade.client_order_id, trade.side, trade.user_id, trade.session_id] = (
            quantity + trade.quantity,
            count + 1,
        )
        totals[trade.client_order_id, trade.side] += trade.quantity
    together: dict[str, list[AdjustmentRecord]] = defaultdict(list)
    for change in books.adjustments:
        if change.client_order_id is not None and change.side is not None:
            together[change.cause].append(change)
    for changes in together.values():
        for each in changes:
            quantity, count = filled[str(each.client_order_id), str(each.side), each.user_id, each.session_id]
            whole = totals[str(each.client_order_id), str(each.side)]
            part = quantity / whole if whole else ZERO
            units = sum((other.quantity for other in changes), ZERO) * part
            money = sum((other.cash for other in changes), ZERO) * part
            where = _place(each.user_id, each.session_id, each.symbol)
            if abs(each.quantity - units) > (each.step or SHARE) * count:
                yield Difference("part of a correction", where, each.quantity, units)
            if abs(each.cash - money) > MONEY * max(count, 1):
                yield Difference("money of a correction", where, each.cash, money)


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


def _fees(trades: Sequence[TradeRecord], coin: Decimal) -> Iterator[Difference]:
    """The broker's part of each execution: coins of a purchase, dollars of a sale; nothing is paid for what crosses."""
    executions: dict[tuple[str, bool], list[TradeRecord]] = defaultdict(list)
    for trade in trades:
        executions[trade.execution_id, trade.inside].append(trade)
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


def _broker_orders(books: Books, activities: Sequence[Activity]) -> Iterator[Difference]:
    """What users got of each order at the broker, corrections included, against the broker's executions of it."""
    quantity: dict[str, Decimal] = defaultdict(Decimal)
    value: dict[str, Decimal] = defaultdict(Decimal)
    for trade in books.trades:
        if not trade.inside:
            sign = 1 if trade.side == Side.BUY else -1
            quantity[trade.client_order_id] += sign * trade.quantity
            value[trade.client_order_id] += sign * trade.quantity * trade.price
    for change in books.adjustments:
        if change.client_order_id is not None:
            quantity[change.client_order_id] += change.quantity
            value[change.client_order_id] -= change.cash
    theirs: dict[str, tuple[Decimal, Decimal]] = {}
    symbols = {each.client_order_id: each.symbol for each in books.trades}
    for activity in activities:
        sign = 1 if activity.side == Side.BUY else -1
        before = theirs.get(activity.client_order_id, (ZERO, ZERO))
        amount = sign * activity.quantity
        theirs[activity.client_order_id] = (before[0] + amount, before[1] + amount * activity.price)
        symbols.setdefault(activity.client_order_id, activity.symbol)
    for order in {*quantity, *theirs}:
        if symbols.get(order) in books.at_work:
            continue
        broker = theirs.get(order, (ZERO, ZERO))
        if quantity[order] != broker[0]:
            yield Difference("quantity of an order", f"order {order}", quantity[order], broker[0])
        # The broker tells averages with nine decimals.
        elif abs(value[order] - broker[1]) > MONEY * max(abs(broker[0]), Decimal(1)):
            yield Difference("value of an order", f"order {order}", value[order], broker[1])


def _broker_positions(books: Books, replay: _Replay, theirs: Mapping[str, Decimal]) -> Iterator[Difference]:
    ours: dict[str, Decimal] = defaultdict(Decimal)
    for (_, _, symbol), holding in replay.holdings.items():
        ours[symbol] += holding.quantity
    executions: dict[str, set[str]] = defaultdict(set)
    for trade in books.trades:
        if trade.fee_rate > 0:
            executions[trade.symbol].add(trade.execution_id)
    for symbol in {*ours, *theirs} - books.at_work:
        more = theirs.get(symbol, ZERO) - ours[symbol]
        # Fees in coins are rounded in the broker's favor, a step for each execution.
        if not ZERO <= more <= COIN * books.scale * len(executions[symbol]):
            yield Difference("position at the broker", symbol, ours[symbol], theirs.get(symbol, ZERO))


def _place(user_id: UUID, session_id: UUID | None, symbol: str) -> str:
    return f"user {user_id}, {f'session {session_id}' if session_id else 'by hand'}, {symbol}"
