"""Portfolio sessions decide: what has fallen due is decided once, and becomes orders, sales first.

What is meant is said in `strategy/rotation/ROTATION.md`. A decision is written once, with all that it saw, the session's state after it and the orders of its sales;
whoever dies before leaves a session that is still due, whoever dies after leaves orders that wait for the executor. Purchases are placed when the sales
have ended.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from uuid import UUID, uuid4

import numpy as np
import psycopg

from stratforge.application.lookbacks import lookback_of
from stratforge.application.rebalance_bars import seen_before
from stratforge.application.rebalance_times import is_new, next_decision, next_opening, period_now
from stratforge.application.watch_market import jumped_symbols
from stratforge.market.columns import exchange_timezone
from stratforge.market.hours import OPEN
from stratforge.market.sizes import MINIMUM_VALUE, Side, SizeKind
from stratforge.market.timeliness import MINUTE
from stratforge.portfolio.acceptance import COLLAR
from stratforge.portfolio.calendar import MarketDay
from stratforge.storage.ledger.announced_actions import unfollowed_splits
from stratforge.storage.market import clock, daily_bars, trading_days
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import gathering, purchases, rebalances
from stratforge.storage.strategies.purchases import Waiting
from stratforge.storage.strategies.rebalances import (
    Asking,
    Holding,
    NewOrder,
    OrdersOfDecision,
    PortfolioSession,
    RebalanceStatus,
    Recorded,
    Said,
)
from stratforge.storage.strategies.sessions import SessionMode, SessionStatus
from stratforge.strategy.rotation.orders import orders_for
from stratforge.strategy.rotation.schedule import Schedule
from stratforge.strategy.rotation.seen import Windows

# What the strategies of sessions decide on the same bars, of which so many symbols are their universe.
RebalanceSandbox = Callable[[Windows, int, Sequence[Asking]], list[Said]]
# Wakes the executor for a symbol; the same cause does so once within five minutes.
WakeExecutor = Callable[[str, str], object]
# How long a minute's bars are waited for, on a market whose clock runs as ours.
GRACE = timedelta(seconds=5)
# How long days are waited for that the vendor does not give.
DAYS_GRACE = timedelta(hours=1)
# When a strategy that failed is tried again.
TRIED_AGAIN_AFTER = timedelta(minutes=1)
_STEP = Decimal("1e-9")
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class Due:
    """A session whose decision can be taken: about which period, and without which symbols."""

    session: PortfolioSession
    moment: datetime
    missing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Rebalanced:
    """The outcome of a call.

    Attributes:
        decided: Decisions that were taken.
        orders: Orders that were placed.
        failures: Strategies that failed.
        waiting: Sessions whose earlier decision's orders have not ended yet.
    """

    decided: int = 0
    orders: int = 0
    failures: int = 0
    waiting: int = 0


def due_sessions(connection: Connection, session_ids: Sequence[UUID] | None = None) -> list[Due]:
    """Sessions that can decide now, who fell due first before the others: their time has come, their exchange is open, and their bars are in or were waited for long enough.

    One whose strategy sees a symbol that an operator has to look at, as its price jumped, decides when he has: after a split that nobody announced
    one wrong price would move the weights of all.
    """
    sessions = rebalances.sessions_to_decide(connection, session_ids)
    if not sessions:
        return []
    reading = clock.market_clock(connection)
    days = _days(connection, reading.now)
    unfollowed = _unfollowed(connection, [each.session_id for each in sessions if each.daily])
    jumped = jumped_symbols(connection)
    found, waited_for = [], dict[tuple[object, ...], list[str]]()
    for session in sessions:
        schedule, symbol = Schedule.of(session.schedule), session.symbols[0]
        period = period_now(schedule, symbol, days, reading.now)
        if period is None:
            rebalances.replan(connection, session.session_id, next_opening(days, reading.now))
            continue
        moment = period.moment
        if not is_new(schedule, symbol, moment, session.decided_for):
            rebalances.replan(connection, session.session_id, next_decision(schedule, symbol, days, moment))
            continue
        if not jumped.isdisjoint(session.symbols):
            continue
        alike = (tuple(sorted(session.symbols)), session.daily, session.lookback, moment)
        if alike not in waited_for:
            waited_for[alike] = _missing(connection, session, moment)
        missing = list(dict.fromkeys([*waited_for[alike], *unfollowed.get(session.session_id, ())]))
        patience = DAYS_GRACE if session.daily else GRACE * max(1.0, reading.speed)
        if schedule.minutes:
            # Of a replay that runs so fast a span would be over before its bars were waited for long enough.
            patience = min(patience, timedelta(minutes=schedule.minutes) / 2)
        if not missing or reading.now >= max(session.decides_at, period.trades_from) + patience:
            found.append(Due(session, moment, tuple(missing)))
    return sorted(found, key=lambda each: each.session.decides_at)


def _unfollowed(connection: Connection, session_ids: Sequence[UUID]) -> dict[UUID, list[str]]:
    """Of sessions the symbols that they hold and whose split the ledger does not follow yet: days are on its scale already."""
    if not session_ids:
        return {}
    held = {
        session_id: [name for name, each in positions.items() if each.quantity]
        for session_id, positions in rebalances.holdings_of(connection, session_ids).items()
    }
    splits = unfollowed_splits(connection, sorted({name for names in held.values() for name in names}))
    return {session_id: sorted(splits.keys() & set(names)) for session_id, names in held.items()}


def _days(connection: Connection, now: datetime) -> list[MarketDay]:
    return list(trading_days.read_calendar(connection, (now - timedelta(days=7)).date()).days)


def _missing(connection: Connection, session: PortfolioSession, moment: datetime) -> list[str]:
    """The symbols whose last bar before the period is not in yet; of one without any history it is, as far as anybody knows."""
    if session.daily:
        return daily_bars.unread(connection, dict.fromkeys(session.symbols, session.lookback or 1), moment)
    local = moment.astimezone(exchange_timezone(session.symbols[0]))
    if exchange_timezone(session.symbols[0]).key != "UTC" and local.hour * 60 + local.minute <= OPEN:
        # What the day before brought is in since then.
        return []
    last = rebalances.last_new_bars(connection, session.symbols, moment)
    return [each for each in session.symbols if each not in last or last[each] < moment - MINUTE]


def rebalance(
    database: Database,
    sandbox: RebalanceSandbox,
    wake_executor: WakeExecutor,
    session_ids: Sequence[UUID],
    *,
    apart: bool = False,
) -> Rebalanced:
    """Has sessions decide that can, and places what they order. Doing it again changes nothing.

    The executor is woken for a symbol when nobody else is about to order it too, and after `gathering.GATHERING` whatever the others do: what many decide about one
    period is one order of a symbol at the broker.

    Args:
        database: The ledger, as the engine's role.
        sandbox: Where strategies decide.
        wake_executor: Has the executor look at a symbol.
        session_ids: The sessions.
        apart: Each user's sessions decide by themselves: together they failed, and nobody's failure is to be another's.

    Raises:
        Exception: what some of them failed with, as a group if there were several, after all others have done what they could.
    """
    with database.transaction() as connection:
        due = due_sessions(connection, session_ids)
        held_up = rebalances.call_off_orders(connection, [each.session.session_id for each in due])
    due, failures = _with_lookbacks(database, [each for each in due if each.session.session_id not in held_up])
    groups: dict[tuple[object, ...], list[Due]] = defaultdict(list)
    for each in due:
        session = each.session
        universe = (tuple(session.symbols), len(session.universe), session.daily, session.window, session.looks_at)
        key = (*universe, session.schedule, each.moment)
        groups[(*key, session.user_id if apart else None)].append(each)
    decided = orders = 0
    errors: list[Exception] = []
    for group in groups.values():
        try:
            done = _Group(database, sandbox, group).decide()
        except (psycopg.Error, RuntimeError) as error:
            errors.append(error)
            continue
        decided, orders, failures = decided + done.decided, orders + done.orders, failures + done.failures
    orders += _place_purchases(database, session_ids, errors)
    with database.transaction() as connection:
        waiting = gathering.symbols_with_work(connection, session_ids)
        # Looked at after what was decided here is committed: of two that end at once the later one finds nobody left.
        others = set() if all(work.long for work in waiting) else _about_to_order(connection)
    # Also for orders of an earlier call that died before it could; and what is left of the decision before makes way for the one that waits for it.
    for work in waiting:
        if work.long or work.symbol not in others:
            wake_executor(work.symbol, f"rebalance-{work.cause}")
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ExceptionGroup("some portfolio sessions could not decide", errors)
    return Rebalanced(decided, orders, failures, len(held_up))


def _about_to_order(connection: Connection) -> set[str]:
    """The symbols that some session may order now: it trades and can decide, or its sales have ended and it waits for no price."""
    ready = [each.session.session_id for each in due_sessions(connection) if each.session.mode is SessionMode.PAPER]
    ready += [session_id for session_id, _ in purchases.sold_out_sessions(connection)]
    return gathering.universes_of(connection, ready)


def _with_lookbacks(database: Database, due: Sequence[Due]) -> tuple[list[Due], int]:
    """The sessions with a lookback of this edition; those whose code it refuses have failed."""
    found, failures = [], 0
    for each in due:
        if each.session.lookback is not None:
            found.append(each)
            continue
        measured = lookback_of(database, each.session.python_code, each.session.source_hash)
        if not isinstance(measured, str):
            others = {symbol: of_other._asdict() for symbol, of_other in measured.others.items()}
            found.append(replace(each, session=replace(each.session, lookback=measured.bars, others=others)))
        else:
            failures += 1
            with database.transaction() as connection:
                now = clock.market_clock(connection).now
                rebalances.record_failure(connection, each.session, measured, now + TRIED_AGAIN_AFTER)
    return found, failures


class _Group:
    """Sessions that decide about one period on the same bars."""

    def __init__(self, database: Database, sandbox: RebalanceSandbox, due: Sequence[Due]) -> None:
        self._database = database
        self._sandbox = sandbox
        self._due = {each.session.session_id: each for each in due}
        self._first = due[0]

    def decide(self) -> Rebalanced:
        """Asks the sandbox, and writes what it says, all of it or nothing."""
        session, moment = self._first.session, self._first.moment
        with self._database.transaction() as connection:
            # Holdings and prices are on one scale, whatever is split meanwhile.
            self._snapshot = rebalances.see_one_moment(connection)
            self._seen = seen_before(
                connection,
                session.symbols,
                moment,
                session.window,
                self._snapshot,
                daily=session.daily,
                looks_at=session.looks_at,
            )
            self._prices, self._known = self._seen.windows.prices
            held = rebalances.holdings_of(connection, list(self._due))
            self._alone = rebalances.other_open_orders(connection, list(self._due))
            self._splits = unfollowed_splits(connection, session.universe) if session.daily else {}
            askings = [self._asking(each.session, held[session_id]) for session_id, each in self._due.items()]
        answers = self._sandbox(self._seen.windows, len(session.universe), askings)
        failures = 0
        with self._database.transaction() as connection:
            now = clock.market_clock(connection).now
            schedule = Schedule.of(session.schedule)
            held_now = rebalances.holdings_of(connection, list(self._due))
            alone_now = rebalances.other_open_orders(connection, list(self._due))
            following = next_decision(schedule, session.symbols[0], _days(connection, now), moment)
            rebalances.lock_sessions(connection, list(self._due))
            made: dict[UUID, tuple[Asking, Recorded]] = {}
            for said in answers:
                if said.error is not None:
                    failures += 1
                    rebalances.record_failure(connection, said.asking.session, said.error, now + TRIED_AGAIN_AFTER)
                    continue
                session_id = said.asking.session.session_id
                if alone_now[session_id] != self._alone[session_id] or _moved(held[session_id], held_now[session_id]):
                    # Its owner traded while it thought: it decides anew, on what it has now.
                    continue
                made[session_id] = said.asking, self._decision(said, now)
            decisions = [(asking.session, decision) for asking, decision in made.values()]
            written = rebalances.record_decisions(connection, decisions, following)
            sales = [_sales_of(*made[session_id]) for session_id in sorted(written)]
            orders = rebalances.place_orders(connection, sales, now)
        return Rebalanced(len(written), orders, failures)

    def _asking(self, session: PortfolioSession, holdings: dict[str, Holding]) -> Asking:
        cash = float(rebalances.cash_of(session.capital, holdings))
        worth = [self._worth(holdings.get(each), place) for place, each in enumerate(session.universe)]
        # What is held under another name than the universe has counts too.
        others = sum(
            float(each.quantity * (each.latest_price or ZERO))
            for name, each in holdings.items()
            if name not in session.universe
        )
        equity = cash + sum(worth) + others
        parts = tuple(each / equity if equity > 0 else each for each in worth)
        return Asking(session, equity, cash, parts, tuple(_quantity(holdings.get(each)) for each in session.universe))

    def _worth(self, holding: Holding | None, place: int) -> float:
        if holding is None or not holding.quantity:
            return 0.0
        # Waited for in vain: the ledger's shares are on the scale before a split, and the price on the one after it.
        price = float(self._prices[place]) * self._splits.get(holding.symbol, 1.0)
        return float(holding.quantity) * (price if np.isfinite(price) else float(holding.latest_price or ZERO))

    def _decision(self, said: Said, now: datetime) -> Recorded:
        asking, session = said.asking, said.asking.session
        due, count = self._due[session.session_id], len(session.universe)
        held, orders = np.array(asking.held), np.zeros(count)
        if said.weights is not None:
            prices, known = self._prices[:count], self._known[:count]
            alone = np.isin(session.universe, self._left_alone(session))
            orders = orders_for(np.array(said.weights), asking.equity, prices, known, held, alone, fractional=True)
        return Recorded(
            rebalance_id=uuid4(),
            session_id=session.session_id,
            moment=due.moment,
            decided_at=now,
            status=_status(session.mode, orders),
            missing=list(due.missing),
            last_bars=self._seen.last_bars,
            editions=self._seen.editions,
            prices=self._prices.tolist(),
            known=self._known.tolist(),
            held=held.tolist(),
            parts=list(asking.weights),
            equity=asking.equity,
            cash=asking.cash,
            state_before=session.state,
            state_after=said.state,
            weights=None if said.weights is None else list(said.weights),
            orders=orders.tolist(),
            snapshot=self._snapshot,
            left_alone=self._left_alone(session),
            first_bars=self._seen.first_bars,
        )

    def _left_alone(self, session: PortfolioSession) -> list[str]:
        return sorted(self._alone[session.session_id] | self._splits.keys())


def _sales_of(asking: Asking, decision: Recorded) -> OrdersOfDecision:
    """The orders of a decision that sell."""
    session, sells = asking.session, decision.status is RebalanceStatus.SELLING
    orders = _sales(session.universe, decision.orders, asking.held) if sells else []
    return OrdersOfDecision(decision.rebalance_id, session.session_id, session.user_id, orders)


def _moved(before: dict[str, Holding], now: dict[str, Holding]) -> bool:
    """Returns whether something was bought or sold, whatever its price did."""
    positions = [{name: (each.quantity, each.cost_basis) for name, each in held.items()} for held in (before, now)]
    return positions[0] != positions[1]


def _quantity(holding: Holding | None) -> float:
    return 0.0 if holding is None else float(holding.quantity)


def _status(mode: SessionMode, orders: np.ndarray) -> RebalanceStatus:
    if not orders.any():
        return RebalanceStatus.UNCHANGED
    return RebalanceStatus.SELLING if mode is SessionMode.PAPER else RebalanceStatus.RECORDED


def _sales(universe: Sequence[str], orders: Sequence[float], held: Sequence[float]) -> list[NewOrder]:
    """The orders that sell; who is to hold nothing sells all, to the last digit."""
    return [
        NewOrder(symbol, Side.SELL, SizeKind.FRACTION, Decimal(1))
        if -order >= had
        else NewOrder(symbol, Side.SELL, SizeKind.QUANTITY, _rounded(-order))
        for symbol, order, had in zip(universe, orders, held, strict=True)
        if order < 0 and _rounded(-order)
    ]


def _rounded(quantity: float) -> Decimal:
    return Decimal(repr(quantity)).quantize(_STEP, ROUND_DOWN)


def _place_purchases(database: Database, session_ids: Sequence[UUID], errors: list[Exception]) -> int:
    """Places the purchases of decisions whose sales have ended, or were waited for long enough; what fails is added to the errors."""
    with database.transaction() as connection:
        ready = purchases.sold_out(connection, session_ids)
    return _placed(database, ready, errors)


def _placed(database: Database, ready: Sequence[UUID], errors: list[Exception]) -> int:
    """Places purchases together; where that fails each is tried alone, so that nobody's failure is another's."""
    if not ready:
        return 0
    try:
        with database.transaction() as connection:
            return _place_purchases_of(connection, ready)
    except psycopg.Error as error:
        if len(ready) == 1:
            errors.append(error)
            return 0
    return sum(_placed(database, [each], errors) for each in ready)


def _place_purchases_of(connection: Connection, rebalance_ids: Sequence[UUID]) -> int:
    waiting = purchases.lock_waiting(connection, rebalance_ids)
    if not waiting:
        return 0
    now = clock.market_clock(connection).now
    days = _days(connection, now)
    holdings = rebalances.holdings_of(connection, [each.session_id for each in waiting])
    prices = rebalances.latest_prices(connection, sorted({symbol for each in waiting for symbol in each.universe}))
    ended: dict[UUID, tuple[RebalanceStatus, float | None]] = {}
    placing = []
    for each in waiting:
        if each.session_status is not SessionStatus.RUNNING or _is_over(each, days, now):
            ended[each.rebalance_id] = RebalanceStatus.CALLED_OFF, None
            continue
        if each.awaits_prices:
            continue
        orders, part = _purchases(each, holdings[each.session_id], prices)
        placing.append(OrdersOfDecision(each.rebalance_id, each.session_id, each.user_id, orders))
        ended[each.rebalance_id] = RebalanceStatus.ORDERED, part
    placed = rebalances.place_orders(connection, placing, now)
    purchases.end_waiting(connection, ended)
    return placed


def _is_over(waiting: Waiting, days: Sequence[MarketDay], now: datetime) -> bool:
    """Returns whether the time of a decision's purchases is over: they belong to its period, and to the hour after it."""
    schedule, symbol = Schedule.of(waiting.schedule), waiting.universe[0]
    period = period_now(schedule, symbol, days, now)
    return waiting.expired or period is None or is_new(schedule, symbol, period.moment, waiting.moment)


def _purchases(
    waiting: Waiting, holdings: dict[str, Holding], prices: Mapping[str, Decimal]
) -> tuple[list[NewOrder], float | None]:
    """The orders that buy, all cut by the same part where they cost more than there is: of the session's cash, or, with what a price may move before
    the broker fills, of the account's."""
    cash = rebalances.cash_of(waiting.capital, holdings)
    wanted = {symbol: order for symbol, order in zip(waiting.universe, waiting.orders, strict=True) if order > 0}
    costs = {symbol: _rounded(order) * prices[symbol] for symbol, order in wanted.items() if symbol in prices}
    needed = sum(costs.values(), ZERO)
    if not needed:
        return [], None
    room = min(cash, waiting.account_cash / (1 + COLLAR))
    part = min(Decimal(1), max(room, ZERO) / needed)
    orders = [
        NewOrder(symbol, Side.BUY, SizeKind.QUANTITY, (_rounded(wanted[symbol]) * part).quantize(_STEP, ROUND_DOWN))
        for symbol, cost in costs.items()
        if cost * part >= Decimal(MINIMUM_VALUE)
    ]
    return orders, float(part)
