"""The plan of a symbol, made in one transaction: what waits on a symbol becomes decisions, reservations and at most one stored block order."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID, uuid4

from stratforge import tracing
from stratforge.market.sizes import Side, SizeKind
from stratforge.market.timeliness import oldest_actionable
from stratforge.portfolio.acceptance import COLLAR, Action, Decision, Market, decide
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.netting import (
    Block,
    ExecutableOrder,
    made_whole,
    net_orders,
    one_way,
    topped_up,
    whole_below_zero,
    within,
)
from stratforge.portfolio.orders import (
    EXIT_ORIGINS,
    OrderOrigin,
    OrderRequest,
    OrderStatus,
    OrderTerms,
    OrderType,
    trigger_of,
)
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.sizing import ZERO
from stratforge.storage.ledger import blocks, buying_power, execution, reconciliation, symbols
from stratforge.storage.ledger.blocks import NewBlock, Turn
from stratforge.storage.ledger.execution import DueOrder, Write
from stratforge.storage.ledger.fills import PATIENCE, RETRY_AFTER
from stratforge.storage.ledger.house_orders import HOUSE, held_by_house, lock_house
from stratforge.storage.ledger.symbols import SymbolState
from stratforge.storage.postgres.database import Connection

# The account is asked for its buying power when the figure is older than this, or when it does not suffice and is older than a pause.
ACCOUNT_AGE, ACCOUNT_PAUSE = timedelta(minutes=15), timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Context of an execution besides the price: the asset's rules, the market hours, how long a stored block may be claimed, and whether
    the account's buying power has just been read."""

    asset: AssetRules | None
    is_open: Callable[[datetime], bool]
    next_close: Callable[[datetime], datetime | None]
    claim: timedelta
    account_is_fresh: bool = False


@dataclass(frozen=True, slots=True)
class Planned:
    """The result of planning: orders decided on, orders that joined a block, and the block to send if one was stored. With `account_due`
    nothing was decided: the broker has to be asked for the account's buying power first.
    """

    decided: int = 0
    joined: int = 0
    client_order_id: str | None = None
    account_due: bool = False


def plan(connection: Connection, symbol: str, state: SymbolState | None, around: Surroundings) -> Planned:
    """Plans a symbol that has no block at work, inside the caller's transaction, which holds the symbol's lock."""
    if around.asset is not None and around.asset.whole_units:
        cut = execution.cut_to_whole_units(connection, symbol, around.asset.allocation_step)
        if cut:
            return Planned(cut)
    if state is None:
        return _plan_without_price(connection, execution.due_orders(connection, symbol))
    execution.expire_signals(connection, symbol, oldest_actionable(state.now))
    exits = execution.due_exits(connection, symbol)
    leaving = {each.session_id for each in exits}
    due = execution.due_orders(connection, symbol, leaving)
    flattened = {each.request.session_id for each in due if each.request.origin is OrderOrigin.FLATTEN} - {None}
    emptied = leaving | flattened
    if emptied != leaving:
        due = execution.due_orders(connection, symbol, emptied)
    signals = execution.pending_signals(connection, symbol)
    # What a strategy was still to buy, and what rests by a decision of it, makes way when all that it holds is sold.
    ends = [
        replace(each, ends=each.ends or Reason.POSITION_SOLD)
        for each in due
        if each.ends is not None or each.request.makes_way_for_exits(emptied)
    ]
    ends += [DueOrder(each, Reason.POSITION_SOLD) for each in signals if each.makes_way_for_exits(leaving)]
    ending = {id(each.request) for each in ends}
    orders = [each.request for each in due if id(each.request) not in ending]
    said = _first_of_each(
        [each for each in signals if id(each) not in ending],
        {each.request.session_id for each in due if each.goes_first and id(each.request) not in ending},
    )
    requests = [*exits, *_without_replaced(orders), *said]
    symbols.ratchet(connection, symbol)
    if not requests and not ends:
        return Planned()
    market = market_of(state, around.asset, is_open=around.is_open(state.now))
    user_ids = {each.user_id for each in requests} | {each.request.user_id for each in ends}
    accounts = execution.lock_accounts(connection, user_ids, symbol, state.time)
    free = execution.free_quantities(connection, symbol, user_ids)
    for each in ends:
        # What ends in this go gives back what it held, and what comes after may have it.
        holder = (each.request.user_id, each.request.session_id)
        accounts[each.request.user_id].cash += each.request.reserved_cash
        back = each.request.reserved_quantity
        free[holder] = free.get(holder, ZERO) + (-back if each.request.terms.short else back)
    # One that ends in this go gives its reservation back once; what was to replace it comes too late.
    ended = {each.request.order_id for each in ends}
    replaced = [
        each.replaces
        for each in requests
        if each.replaces is not None and each.replaces not in ended and not each.accepted
    ]
    releases = execution.replaceable(connection, symbol, replaced)
    decisions = decide(requests, accounts, free, market, releases)
    ends = _without_those_that_stay(ends, decisions)
    executable = [decision for decision in decisions if decision.action is Action.JOIN]
    turn = blocks.read_turn(connection, symbol)
    # Where nobody owes any, nor is about to, nothing has to be borrowed.
    borrows = state.owed or any(each.request.terms.short for each in executable)
    held = reconciliation.position_at_broker(connection, symbol) if borrows else None
    executable, waits, net = _one_way(executable, market, turn, held)
    short: set[int] = set()
    # What the account buys back it needs no buying power for.
    covers = held is not None and held < 0
    if net is not None and net.side == Side.BUY and net.limit_price is not None and not covers:
        room = buying_power.room(connection, crypto=market.asset is not None and market.asset.crypto)
        if room is None or (room.age > ACCOUNT_AGE and not around.account_is_fresh):
            return Planned(account_due=True)
        if net.quantity * net.limit_price > room.dollars:
            if room.age > ACCOUNT_PAUSE and not around.account_is_fresh:
                return Planned(account_due=True)
            fitting = within(net, room.dollars, market.price, market.asset)
            if fitting is None:
                # Nothing of it fits. What is sold goes out without it, and makes room.
                short = {id(each) for each in executable if each.request.terms.side == Side.BUY}
                executable = [each for each in executable if id(each) not in short]
                fitting = _net(executable, market, turn)
            net = fitting
    house: list[Write] = []
    if held is not None:
        net, house = _with_house(connection, symbol, net, held, market, executable, waiting=bool(waits))
    left_out = {id(executable[index]) for index in net.left_out} if net else set()
    inside = [decision for decision in executable if id(decision) not in left_out]
    # What is too small for the broker together ends, and what it held back is free again.
    too_small = {id(decision) for decision in inside} if net and net.side is None else set()
    refused = [
        _too_small(each)
        for each in inside
        if each.request.replaces and id(each) in too_small and not each.request.accepted
    ]
    if refused:
        # What they were to replace stays, and holds back what it did: nobody may have counted on that, so the others are decided on anew.
        execution.write_decisions(connection, symbol, refused, None, market, state.bar_time)
        others = plan(connection, symbol, state, around)
        return replace(others, decided=others.decided + len(refused))
    writes = [
        *(_ending(each.request, each.ends) for each in ends if each.ends),
        *(
            _too_small(decision)
            if id(decision) in too_small
            else _short(decision, around.next_close(state.now), state.time, waits.get(id(decision)))
            if id(decision) in short or id(decision) in waits
            else _write(decision, around.next_close(state.now), state.time, at_work=id(decision) not in left_out)
            for decision in decisions
            if decision.action is not Action.WAIT
        ),
        *house,
    ]
    block = _new_block(net, market, state, around) if net is not None and net.side is not None else None
    block_id = blocks.store_block(connection, symbol, block, market) if block else None
    gone = [
        decision.request.replaces
        for decision in decisions
        if decision.request.replaces and not decision.request.accepted and decision.action in (Action.JOIN, Action.REST)
    ]
    execution.end_replaced(connection, gone, symbol)
    execution.write_decisions(connection, symbol, writes, block_id, market, state.bar_time)
    if block is None:
        return Planned(len(writes))
    return Planned(len(writes), len(inside), block.client_order_id)


def _first_of_each(signals: Sequence[OrderRequest], waiting: Collection[UUID | None]) -> list[OrderRequest]:
    """The earliest decision of each session: the next one meets what becomes of it, and all of one that waits meet what becomes of an order that was due before."""
    first: dict[UUID | None, OrderRequest] = {}
    for each in signals:
        if each.session_id not in waiting:
            first.setdefault(each.session_id, each)
    return list(first.values())


def _without_those_that_stay(ends: Sequence[DueOrder], decisions: Sequence[Decision]) -> list[DueOrder]:
    """Leaves out what was to make way for a decision that is not made yet, and sales for one that is refused: what was to be sold still is."""
    made = {
        each.request.session_id: each
        for each in decisions
        if each.request.origin is OrderOrigin.SIGNAL and not each.request.accepted
    }

    # All that such a session has is sold, or bought back, whatever becomes of its strategy's decision.
    left = {
        each.request.session_id
        for each in decisions
        if each.request.origin in EXIT_ORIGINS and each.action in (Action.JOIN, Action.REST)
    }

    def stays(each: DueOrder) -> bool:
        if each.request.session_id in left:
            return False
        decision = made.get(each.request.session_id) if each.ends in (Reason.REPLACED, Reason.POSITION_SOLD) else None
        if decision is None or each.request.order_id is None:
            return False
        refused = decision.action is Action.REFUSE and not each.request.terms.opens and not decision.request.terms.opens
        return decision.action is Action.WAIT or refused

    return [each for each in ends if not stays(each)]


def _plan_without_price(connection: Connection, due: Sequence[DueOrder]) -> Planned:
    """Nothing can be accepted before there is a price, but what waits for one may be called off."""
    ends = [each for each in due if each.ends is not None]
    for each in ends:
        execution.end_waiting(connection, each.request, each.ends or Reason.CANCELED_BY_USER)
    return Planned(len(ends))


def _without_replaced(orders: Sequence[OrderRequest]) -> list[OrderRequest]:
    """Leaves out what cannot be decided on in one go with what it replaces.

    An order that replaces one that is new itself waits until that one is decided on; an accepted one that is about to be
    replaced does not trade any more.
    """
    new = {each.order_id for each in orders if not each.accepted}
    left = [each for each in orders if each.accepted or each.replaces is None or each.replaces not in new]
    replaced = {each.replaces for each in left if not each.accepted}
    return [each for each in left if each.order_id not in replaced]


def market_of(state: SymbolState, asset: AssetRules | None, *, is_open: bool) -> Market:
    """The market as orders of a symbol are decided on it: what is known of the symbol, and of its exchange."""
    return Market(
        price=state.price,
        time=state.time,
        collar=COLLAR,
        asset=asset,
        open=is_open,
        halted=state.halted,
        fresh=state.fresh,
        platform_state=state.platform_state,
        suspended=state.suspended,
        exchange_state=state.exchange_state,
    )


def _orders_of(executable: Sequence[Decision]) -> list[ExecutableOrder]:
    return [ExecutableOrder(each.request.terms.side, each.remaining, each.limit) for each in executable]


def _net(executable: Sequence[Decision], market: Market, turn: Turn) -> Block | None:
    if market.asset is None:
        return None
    # Drawn anew each time, since the side that goes to the broker pays the spread.
    balanced = secrets.choice(list(Side))
    return net_orders(
        _orders_of(executable),
        market.price,
        market.collar,
        market.asset,
        balanced=balanced,
        limits_first=turn.limits_first,
        unfilled=turn.unfilled,
    )


def _one_way(
    executable: list[Decision], market: Market, turn: Turn, held: Decimal | None
) -> tuple[list[Decision], dict[int, Reason], Block | None]:
    """What of the executable goes into the next block, which waits and why, and the block: the account sells what it has first, and then what the broker lends it.

    Args:
        executable: What is executable.
        market: The market.
        turn: The turns of the next block.
        held: What all users hold together, less what they owe; None where nobody owes anything.
    """
    net = _net(executable, market, turn)
    if net is None or held is None or market.asset is None:
        return executable, {}, net
    lends = market.asset.shortable and market.asset.easy_to_borrow
    carried = one_way(net, held, market.price, market.asset, lends=lends)
    waits: dict[int, Reason] = {}
    # What cannot be borrowed is not sold short; where that is not enough, nothing is sold.
    for opens in (True, False):
        if carried is not None:
            break
        left_out = [
            each
            for each in executable
            if each.request.terms.side == Side.SELL and (each.request.terms.short or not opens)
        ]
        waits |= {id(each): Reason.PLATFORM_CANNOT_BORROW for each in left_out}
        executable = [each for each in executable if id(each) not in waits]
        net = _net(executable, market, turn)
        if net is None:
            return executable, waits, None
        carried = one_way(net, held, market.price, market.asset, lends=lends)
    return executable, waits, carried


def _with_house(
    connection: Connection,
    symbol: str,
    net: Block | None,
    held: Decimal,
    market: Market,
    executable: Sequence[Decision],
    *,
    waiting: bool,
) -> tuple[Block | None, list[Write]]:
    """The block in whole shares where the account owes some, or where somebody buys back less than the broker takes, and the order of the house in it, if there is
    one; where sales are `waiting` alone because the account has too little to be sold, a block of the house's."""
    asset = market.asset
    assert asset is not None
    if net is None:
        if not (waiting and held > 0 and asset.shortable and asset.easy_to_borrow):
            return None, []
        block = topped_up(held, lock_house(connection, symbol), market.price, market.collar, asset)
        return (None, []) if block is None else (block, [_of_house(Side.BUY, block.quantity, market)])
    after = held + (net.quantity if net.side is Side.BUY else -net.quantity)
    if net.side is None:
        inside = [each for index, each in enumerate(executable) if index not in net.left_out]
        if not any(each.request.terms.short and not each.request.terms.opens for each in inside):
            return net, []
        free = lock_house(connection, symbol)
        whole, takes, part = made_whole(net, _orders_of(inside), held, free, market.price, market.collar, asset)
        return whole, [_of_house(takes, part, market)]
    if after >= 0:
        return net, []
    # In whole units nobody waits for the house, but it gives back what it has of them.
    if not after % asset.scale and (net.side is Side.BUY or held_by_house(connection, symbol) < asset.scale):
        return net, []
    free = lock_house(connection, symbol)
    net, side, quantity = whole_below_zero(net, held, free, market.price, market.collar, asset)
    return net, [] if side is None else [_of_house(side, quantity, market)]


def _of_house(side: Side, quantity: Decimal, market: Market) -> Write:
    request = OrderRequest(HOUSE, None, OrderTerms(side), OrderOrigin.HOUSE, SizeKind.QUANTITY, quantity)
    bought = side is Side.BUY
    unit_price = market.price * (1 + market.collar) if bought else ZERO
    decision = Decision(
        request,
        Action.JOIN,
        quantity=quantity,
        remaining=quantity,
        reserve_price=unit_price,
        reserved_cash=quantity * unit_price,
        reserved_quantity=ZERO if bought else quantity,
        trigger=trigger_of(request.terms, triggered=False),
    )
    return Write(decision, OrderStatus.WORKING)


def _new_block(net: Block, market: Market, state: SymbolState, around: Surroundings) -> NewBlock:
    assert market.asset is not None
    return NewBlock(
        net=net,
        # Stored before it is sent, so the same work has the same id whoever sends it.
        client_order_id=f"sf-{uuid4().hex}",
        fee_rate=market.asset.fee_rate,
        bar_time=state.bar_time,
        claim=around.claim,
        step=market.asset.allocation_step,
        trace=tracing.present(),
    )


def _ending(request: OrderRequest, reason: Reason) -> Write:
    status = OrderStatus.EXPIRED if reason is Reason.EXPIRED else OrderStatus.CANCELED
    if request.order_id is None:
        status = OrderStatus.REJECTED
    return Write(Decision(request, Action.REFUSE, reason=reason), status, reason)


def _too_small(decision: Decision) -> Write:
    status = OrderStatus.CANCELED if decision.request.accepted else OrderStatus.REJECTED
    refused = Decision(decision.request, Action.REFUSE, quantity=decision.quantity, reason=Reason.NET_BELOW_MINIMUM)
    return Write(refused, status, Reason.NET_BELOW_MINIMUM)


def _short(decision: Decision, next_close: datetime | None, at: datetime, reason: Reason | None = None) -> Write:
    """An order that waits until the account can carry it, or until its time is over."""
    rests = _write(decision, next_close, at, at_work=False)
    return replace(rests, reason=reason or Reason.PLATFORM_BUYING_POWER, retry_at=at + RETRY_AFTER)


def _write(decision: Decision, next_close: datetime | None, at: datetime, *, at_work: bool) -> Write:
    request = decision.request
    # At the market by hand too: its rest waits while the account cannot carry it, and no longer than its day.
    of_the_day = request.terms.type != OrderType.MARKET or request.origin is OrderOrigin.MANUAL
    expires_at = next_close if request.time_in_force == "day" and of_the_day else None
    if decision.action is Action.REFUSE:
        return Write(decision, OrderStatus.CANCELED if request.accepted else OrderStatus.REJECTED, decision.reason)
    status = OrderStatus.WORKING if decision.action is Action.JOIN and at_work else OrderStatus.RESTING
    at_market = request.terms.type is OrderType.MARKET
    if at_market and request.origin not in (OrderOrigin.MANUAL, OrderOrigin.FLATTEN) and status is OrderStatus.RESTING:
        # A signal is old after two bars, and an exit is asked for anew.
        expires_at = at + PATIENCE
    return Write(decision, status, None, expires_at)
