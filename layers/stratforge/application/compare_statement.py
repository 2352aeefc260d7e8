"""Compare statement: orders at the broker against the ledger's blocks, corrections followed where they can be.

A pass asks for so many pages however many orders the day had: what was sent since the last one, a part of the day once more, by their ids the orders that
had not ended when they were passed, and, where it came not through the whole day, the day's orders of symbols whose positions differ. So a changed
quantity is found at once, or, in symbols with thousands of orders, before they are halted for it, a changed price when its part of the day comes up again, and what is older by the nightly audit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal

from stratforge.application.reconciliation_report import Report
from stratforge.broker import BrokerBusy, BrokerOrder, BrokerStatement, FillActivity, OrdersRead
from stratforge.market import is_crypto
from stratforge.portfolio.books import OwnUnits
from stratforge.portfolio.corrections import correct_fills
from stratforge.portfolio.figures import NOTHING, Figures, differ, own_part
from stratforge.storage.ledger import halts, orders_read, reconciliation
from stratforge.storage.ledger.orders_read import Place
from stratforge.storage.ledger.reconciliation import FinishedBlock, KeptCorrection, LedgerSymbol
from stratforge.storage.postgres.database import Database

_STATEMENT = timedelta(days=1)
# How long an order of the last day and the account's statement may say differently before somebody has to look.
_LAG = timedelta(minutes=30)
# Orders are read again until they are so old: most have ended by then, and the broker lists all of them.
_YOUNG = timedelta(minutes=10)
# Pages of a pass: of new orders, of the day once more, and of symbols that differ.
_NEW_PAGES, _PASSED_PAGES, _SYMBOL_PAGES = 6, 4, 8
# Orders that are asked for by their ids in a pass, symbols whose orders are read, and orders whose executions are.
_BY_ID, _SYMBOLS, _EXAMINED = 25, 25, 20
# How far from the times that are known of an order its executions are looked for, and for how long an order is read through.
_AROUND, _THROUGH = timedelta(minutes=2), timedelta(hours=1)
# When nothing was compared for so long, somebody has to look.
_BEHIND = timedelta(hours=1)


@dataclass(slots=True)
class _Pass:
    """What one pass knows.

    Attributes:
        since: Where the last day begins, by the market's clock.
        now: Our time.
        kept: What could not be followed before, by our id of the order.
        unexamined: Those of it that still differ and were not looked at yet.
        orders: The orders that were read, by our id.
        waiting: Our ids of orders that have to be looked at again when they have ended.
        examined: Orders whose executions were read.
    """

    since: datetime
    now: datetime
    kept: dict[str, KeptCorrection]
    unexamined: set[str]
    orders: dict[str, BrokerOrder] = field(default_factory=dict)
    waiting: set[str] = field(default_factory=set)
    examined: int = 0


class StatementComparison:
    """Finished orders against the account's statement."""

    def __init__(
        self, database: Database, broker: BrokerStatement, halt: Callable[[Report, str, str, str], None]
    ) -> None:
        """
        Args:
            database: The ledger, as the engine's role.
            broker: The account that all users share.
            halt: Halts a symbol and says so in the report: symbol, reason, detail.
        """
        self._database = database
        self._broker = broker
        self._halt = halt

    def run(self, report: Report, now: datetime) -> None:
        """Compares what is new and a part of what is not, and follows what can be proved. What still differs and was not looked at stays in the report.

        Raises:
            BrokerBusy: when the minute's requests end before everything is read; the next pass begins where this one did.
        """
        with self._database.transaction() as connection:
            place = orders_read.place(connection)
            kept = reconciliation.kept_corrections(connection)
        unexamined = {name for name, each in kept.items() if not each.ended}
        market_now = self._broker.now()
        state = _Pass(market_now - _STATEMENT, now, kept, unexamined)
        try:
            following = self._read(report, state, place, market_now)
            self._compare(report, state)
        finally:
            for name in state.unexamined:
                report.unconfirmed[name] = kept[name].symbol
                if now - kept[name].noted_at > _LAG:
                    report.unexplained[name] = f"order {name} differed when it was looked at last"
        with self._database.transaction() as connection:
            orders_read.go_on(connection, place, replace(following, waiting=sorted(state.waiting)))

    def postponed(self, report: Report, now: datetime) -> None:
        """Says so when a pass had no requests left for this, and those before it had none for long."""
        with self._database.transaction() as connection:
            compared_at = orders_read.place(connection).compared_at
        if now - compared_at > _BEHIND:
            report.unexplained["orders"] = (
                f"the broker's orders were not compared since {compared_at:%Y-%m-%d %H:%M} UTC"
            )

    # Reading ---------------------------------------------------------------------------------------------

    def _read(self, report: Report, state: _Pass, place: Place, market_now: datetime) -> Place:
        """Reads the orders of this pass; returns where the next one reads on, in what is new, in the day, and in that of symbols that differ."""
        # A market that is replayed may begin anew.
        known = place.new_since is not None and place.new_since <= market_now
        head = _goes_on_at(place.new_since, state.since, known=known)
        new = self._broker.first_orders(head, pages=_NEW_PAGES)
        found = list(new.orders)
        again = _goes_on_at(place.again_since, state.since, known=known)
        passed = self._broker.first_orders(again, head, pages=_PASSED_PAGES) if again < head else OrdersRead([])
        found += passed.orders
        differing_since: datetime | None = None
        if (new.until or passed.until or again > state.since) and (differing := self._differing_symbols(report)):
            symbols = _in_turn(differing, _SYMBOLS, state.now)
            begin = _goes_on_at(place.differing_since, state.since, known=known)
            theirs = self._broker.first_orders(begin, symbols=symbols, pages=_SYMBOL_PAGES)
            found += theirs.orders
            differing_since = theirs.until
            # What explains the difference may be in what was not read yet.
            report.unread = [] if theirs.until is None else symbols
        state.orders = {each.client_order_id: each for each in found}
        self._read_by_id(report, state, place.waiting)
        new_since = new.until or max(head, market_now - _YOUNG)
        return replace(place, new_since=new_since, again_since=passed.until, differing_since=differing_since)

    def _read_by_id(self, report: Report, state: _Pass, waited: list[str]) -> None:
        """Asks for orders that had not ended, once the ledger says that they have or does not know them, and for what could not be followed."""
        waiting = [name for name in waited if name not in state.orders]
        with self._database.transaction() as connection:
            blocks = reconciliation.blocks_by_client_id(connection, waiting)
        ended = [name for name in waiting if name not in blocks or blocks[name].completed]
        asked = _in_turn(ended, _BY_ID, state.now)
        # What could not be followed on its day is not forgotten with it.
        asked += _in_turn(sorted(state.unexamined - state.orders.keys() - set(asked)), _BY_ID, state.now)
        for name in asked:
            order = self._broker.find_order(name)
            if order is not None:
                state.orders[name] = order
            elif name in state.unexamined:
                state.unexamined.remove(name)
                report.unexplained[name] = f"order {name} is in the ledger and no more at the broker"
        state.waiting = set(waiting) - set(asked)

    def _differing_symbols(self, report: Report) -> list[str]:
        """Symbols of which the account holds something else than the ledger while nothing is under way in them."""
        theirs = self._broker.positions()
        with self._database.transaction() as connection:
            ours = reconciliation.ledger_by_symbol(connection)
            own = reconciliation.own_units(connection)
        found = []
        for symbol in sorted({*ours, *theirs}):
            state, accepted = ours.get(symbol, LedgerSymbol(symbol)), own.get(symbol, OwnUnits(symbol))
            difference = theirs.get(symbol, Decimal(0)) - accepted.quantity - state.quantity
            if abs(difference) > accepted.slack and not state.working and symbol not in report.buying:
                found.append(symbol)
        return found

    # Comparing -------------------------------------------------------------------------------------------

    def _compare(self, report: Report, state: _Pass) -> None:
        with self._database.transaction() as connection:
            finished = reconciliation.blocks_by_client_id(connection, list(state.orders))
        for name in _new_ones_first(list(state.orders), state):
            order, block, mine = state.orders[name], finished.get(name), state.kept.get(name)
            if block is None:
                buying = order.symbol in report.buying
                if not buying:
                    self._keep_order_of_nobody(report, order, mine)
                if buying or not order.ended:
                    state.waiting.add(name)
            else:
                self._look_at(report, state, order, block, mine)
            state.unexamined.discard(name)

    def _look_at(
        self, report: Report, state: _Pass, order: BrokerOrder, block: FinishedBlock, mine: KeptCorrection | None
    ) -> None:
        ours, accepted = block.figures, NOTHING if mine is None else mine.accepted
        agrees = not differ(figures_of(order), (ours[0] + accepted[0], ours[1] + accepted[1]))
        if not block.completed or (mine is None and not agrees and not order.ended):
            state.waiting.add(order.client_order_id)
        # Of what is kept open the statement has the last word, whatever the order says.
        elif not (agrees or not order.ended if mine is None else agrees and mine.ended):
            self._examine(report, state, order, block, mine)

    def _keep_order_of_nobody(self, report: Report, order: BrokerOrder, kept: KeptCorrection | None) -> None:
        """Halts the symbol of an order that the ledger does not know, until an operator accepts what was filled of it as the account's own."""
        figures = figures_of(order)
        accepted = (
            kept is not None and kept.ended and not differ(figures, (kept.accepted_quantity, kept.accepted_value))
        )
        if order.filled_quantity > 0 and not accepted:
            with self._database.transaction() as connection:
                reconciliation.keep_order_of_nobody(
                    connection, order.client_order_id, order.symbol, order.side, order.sent_at, figures
                )
            detail = f"order {order.client_order_id} is at the broker and not in the ledger"
            self._halt(report, order.symbol, halts.UNKNOWN_ORDER, detail)

    def _examine(
        self, report: Report, state: _Pass, order: BrokerOrder, block: FinishedBlock, mine: KeptCorrection | None
    ) -> None:
        """Looks an order that differs up in the statement, or keeps it for a later pass when this one looked up enough, or has no requests left."""
        name = order.client_order_id
        stated = self._stated_now(state, order)
        if stated is not None:
            late = order.sent_at <= state.since or (mine is not None and state.now - mine.noted_at > _LAG)
            self._correct(report, order, block, stated, mine, late=late)
            return
        if mine is None:
            figures, ours = figures_of(order), block.figures
            with self._database.transaction() as connection:
                reconciliation.keep_correction(connection, name, figures[0] - ours[0], figures[1] - ours[1])
        report.unconfirmed[name] = block.symbol

    def _stated_now(self, state: _Pass, order: BrokerOrder) -> Figures | None:
        """An order by the account's statement; None when this pass looks nothing up any more."""
        if state.examined == _EXAMINED:
            return None
        state.examined += 1
        try:
            return self._stated(order)
        except BrokerBusy:
            # What was read so far was not read in vain: the next pass goes on behind it.
            state.examined = _EXAMINED
            return None

    def _stated(self, order: BrokerOrder) -> Figures:
        """An order by the account's statement, read around the times at which anything happened to it."""
        with self._database.transaction() as connection:
            known = reconciliation.times_of_order(connection, order.client_order_id, order.updated_at)
        times = {order.sent_at, order.updated_at, *known}
        found: dict[str, FillActivity] = {}
        for since, until in _windows(times):
            found |= {fill.activity_id: fill for fill in self._broker.fills_since(since, until)}
        fills = [fill for fill in found.values() if fill.broker_order_id in order.broker_order_ids]
        return (
            sum((fill.quantity for fill in fills), Decimal(0)),
            sum((fill.quantity * fill.price for fill in fills), Decimal(0)),
        )

    def _correct(
        self,
        report: Report,
        order: BrokerOrder,
        block: FinishedBlock,
        stated: Figures,
        kept: KeptCorrection | None,
        *,
        late: bool,
    ) -> None:
        """Follows the broker where its order and its account statement agree, and everybody concerned can bear it. Where they do not agree, one of them
        lags behind; of that nothing is said until it is `late`."""
        quantity, value = figures = figures_of(order)
        name, ours = order.client_order_id, block.figures
        # Where only one of the two says what was accepted, the other lags behind.
        own = own_part(figures if differ(figures, ours) else stated, ours, NOTHING if kept is None else kept.accepted)
        bearable = (ours[0] + own[0], ours[1] + own[1])
        if all(not differ(each, ours) or not differ(each, bearable) for each in (figures, stated)):
            with self._database.transaction() as connection:
                reconciliation.close_correction(connection, name, *own)
            return
        confirmed = order.ended and not differ(figures, stated)
        seen = stated if not differ(figures, ours) or not differ(figures, bearable) else figures
        more, cost = seen[0] - ours[0], seen[1] - ours[1]
        with self._database.transaction() as connection:
            shares = reconciliation.shares_of_block(connection, block)
            current = reconciliation.blocks_by_client_id(connection, [name])[name]
            if current != block:
                return
            adjustments = None
            if confirmed and not is_crypto(block.symbol):
                # What an operator accepted is the account's, whatever else the broker corrects.
                theirs = (more - own[0], cost - own[1])
                adjustments = correct_fills(block.side, *theirs, shares, key=str(block.block_id), step=block.step)
            if adjustments is not None:
                cause = f"{block.block_id}/{quantity.normalize():f}/{value.normalize():f}"
                reconciliation.apply_adjustments(connection, block.symbol, "FILL_CORRECTION", cause, adjustments)
                reconciliation.note_correction(connection, block.block_id, *theirs)
                reconciliation.close_correction(connection, name, *own)
                report.corrected.append(name)
                return
            reconciliation.keep_correction(connection, name, more, cost)
        if not confirmed and not late:
            report.unconfirmed[name] = block.symbol
            return
        detail = f"order {name} has {quantity} for {value} at the broker, the ledger {ours[0]} for {ours[1]}"
        if not confirmed:
            detail += f", the account's statement {stated[0]} for {stated[1]}"
        if more == 0 and not is_crypto(block.symbol):
            # Money that its holder has spent. Nobody's units are in doubt, so nobody else waits for it; a later pass takes it once he has it.
            report.unexplained[name] = detail
        else:
            self._halt(report, block.symbol, halts.UNEXPLAINED_FILL, detail)


def figures_of(order: BrokerOrder) -> Figures:
    """Returns the quantity that the broker filled, and its value in dollars."""
    return order.filled_quantity, order.filled_quantity * (order.filled_average_price or Decimal(0))


def _goes_on_at(noted: datetime | None, beginning: datetime, *, known: bool) -> datetime:
    """Where reading goes on: at the place that was noted, if that is known and later than the beginning."""
    return noted if known and noted is not None and noted > beginning else beginning


def _in_turn(names: list[str], at_most: int, now: datetime) -> list[str]:
    """Some of the names, in another pass others."""
    return names if len(names) <= at_most else _turned(names, at_most, now)[:at_most]


def _turned(names: list[str], by: int, now: datetime) -> list[str]:
    """The names, of which each pass begins with another, so many further on."""
    first = int(now.timestamp()) // 60 * by % max(len(names), 1)
    return [*names[first:], *names[:first]]


def _new_ones_first(names: list[str], state: _Pass) -> list[str]:
    """The names, those that nothing was kept of before the others, of which each pass begins with another: they may be more than there are requests for."""
    kept = [each for each in names if each in state.kept]
    return [*(each for each in names if each not in state.kept), *_turned(kept, _EXAMINED, state.now)]


def _windows(times: Iterable[datetime]) -> list[tuple[datetime, datetime]]:
    """Where the executions of an order are looked for: around each time, and between two that are near each other."""
    found: list[tuple[datetime, datetime]] = []
    for time in sorted(times):
        if found and time - found[-1][1] <= _THROUGH:
            found[-1] = found[-1][0], time + _AROUND
        else:
            found.append((time - _AROUND, time + _AROUND))
    return found
