"""Reconcile: compares the broker with the ledger, recovers what can be proved, halts what cannot, and says so."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from stratforge.application.borrow_fees import charge_borrow_fees
from stratforge.application.compare_statement import StatementComparison
from stratforge.application.execute_symbol import SCALE_CHANGED
from stratforge.application.missing_units import buy_missing_units
from stratforge.application.reconciliation_report import Report
from stratforge.application.reference_data import ReferenceData, refresh_assets
from stratforge.application.suspension import end_suspension, suspend
from stratforge.application.watch_market import PRICE_JUMP
from stratforge.broker import BrokerBusy, BrokerRefusesPlatform, BrokerStatement
from stratforge.bus.messages import OrderUpdate
from stratforge.market import is_crypto
from stratforge.market.columns import exchange_timezone
from stratforge.market.corporate_actions import AUTOMATIC, ActionKind, CorporateAction
from stratforge.market.jumps import unexplained_jump
from stratforge.portfolio.books import OwnUnits
from stratforge.portfolio.corrections import is_rounding
from stratforge.portfolio.order_states import Phase
from stratforge.portfolio.orders import TradingState
from stratforge.storage.ledger import (
    announced_actions,
    audits,
    blocks,
    buying_power,
    corporate_actions,
    halts,
    invariants,
    odd_lots,
    reconciliation,
    session_pnl,
    symbols,
)
from stratforge.storage.ledger.announced_actions import ImpossibleTerms, OpenAction
from stratforge.storage.ledger.reconciliation import LedgerSymbol
from stratforge.storage.postgres.database import Database

# Younger blocks are left to the order stream.
YOUNG = timedelta(seconds=20)
# A block that is still open after this is canceled at the broker, whatever the market's clock says.
_OLD = timedelta(minutes=10)
_ACTIONS_BEHIND, _ACTIONS_AHEAD = timedelta(days=30), timedelta(days=14)
# Halts that end when the account has what the ledger says.
_LIFTED = (halts.DRIFT, halts.MISSING_UNITS, halts.SPLIT_AHEAD)
# Operators are warned when less than this part of the account's equity is left to buy with.
_LOW_POWER = Decimal("0.1")
# A pass looks at a part of the ledger; who looks at all of it is missed after this.
_UNAUDITED = timedelta(hours=36)


class Reconciliation:
    """Compares and recovers. Everything it does may be done again, and beside everything else, at any time."""

    def __init__(
        self,
        database: Database,
        broker: BrokerStatement,
        pass_on: Callable[[OrderUpdate], None],
        wake_executor: Callable[[str, str], None],
        *,
        young: timedelta = YOUNG,
    ) -> None:
        """
        Args:
            database: The ledger, as the engine's role.
            broker: The account that all users share.
            pass_on: Gives the settler what the broker says of an order.
            wake_executor: Has the executor look at a symbol; the same cause does so once within five minutes.
            young: Blocks younger than this are left to the order stream.
        """
        self._database = database
        self._broker = broker
        self._pass_on = pass_on
        self._wake_executor = wake_executor
        self._young = young
        self._reference = ReferenceData(database, broker)
        self._statement = StatementComparison(database, broker, self._halt)

    def run(self) -> Report:
        """Runs one pass of reconciliation, stores its report and returns it.

        Raises:
            BrokerRefusesPlatform: if the broker takes nothing from the platform; from then on orders wait, until a pass comes through.
        """
        try:
            return self._pass()
        except BrokerRefusesPlatform as error:
            suspend(self._database, error)
            raise

    def _pass(self) -> Report:
        report = Report()
        started_at = datetime.now(UTC)
        account_trades = self._asked(report, "account", self._broker.check_account)
        self._asked(report, "open orders", lambda: self._recover_open_blocks(report, started_at))
        # Positions mean something only beside the orders that made them.
        compared = self._asked(report, "missing units", lambda: self._buy_missing_units(report)) and self._asked(
            report, "orders", lambda: self._statement.run(report, started_at)
        )
        if not compared:
            self._statement.postponed(report, started_at)
        report.borrowed = {symbol: str(fee) for symbol, fee in charge_borrow_fees(self._database).items()}
        self._asked(report, "corporate actions", lambda: self._follow_corporate_actions(report))
        self._settle_odd_lots(report)
        if compared:
            self._asked(report, "positions", lambda: self._compare_positions(report))
        self._asked(report, "buying power", lambda: self._check_account(report))
        self._check_ledger(report)
        report.trading_again = account_trades and end_suspension(self._database)
        self._wake_waiting_symbols(report, started_at)
        with self._database.transaction() as connection:
            reconciliation.store_report(connection, started_at, report.clean, report.as_dict())
        self._asked(report, "assets", lambda: refresh_assets(self._database, self._broker))
        return report

    def _asked(self, report: Report, step: str, ask: Callable[[], Any]) -> bool:
        """Runs a step; False when the minute's requests ended in it. That ends the step alone."""
        try:
            ask()
        except BrokerBusy:
            report.postponed.append(step)
            return False
        return True

    def _buy_missing_units(self, report: Report) -> None:
        report.buying = buy_missing_units(self._database, self._broker, self._reference)

    # Orders that should have ended -----------------------------------------------------------------------

    def _recover_open_blocks(self, report: Report, now: datetime) -> None:
        with self._database.transaction() as connection:
            open_blocks = [block for block in blocks.open_blocks(connection) if now - block.created_at > self._young]
        for block in open_blocks:
            order = self._broker.find_order(block.client_order_id)
            if order is None:
                # Stored and never sent: the executor sends it when it is woken.
                self._wake(block.symbol, now)
                report.resubmitted += 1
                continue
            if order.phase in (Phase.UNKNOWN, Phase.REPLACED):
                report.unclear[order.client_order_id] = order.status
            if not order.ended and now - block.created_at > _OLD:
                if self._broker.cancel(order.broker_order_id):
                    report.canceled += 1
                else:
                    report.unclear[order.client_order_id] = order.status
            self._pass_on(OrderUpdate.of_order(order))
            report.looked_up += 1

    # Corporate actions -----------------------------------------------------------------------------------

    def _follow_corporate_actions(self, report: Report) -> None:
        """Notes what was announced, and follows what has taken effect on the exchange's day. Until then nothing is halted, and whatever has taken
        effect halts its symbol by itself (the view `corporate_halts`) until the ledger has followed.
        """
        with self._database.transaction() as connection:
            # Of whatever there are prices: not only what is held, as windows and the next holder's prices follow a split too.
            concerned = announced_actions.concerned_symbols(connection)
        today = self._broker.now().astimezone(exchange_timezone("AAPL")).date()
        if concerned:
            announced = self._broker.corporate_actions(concerned, today - _ACTIONS_BEHIND, today + _ACTIONS_AHEAD)
            for action in announced:
                if action.symbol in concerned:
                    self._note(report, action)
        with self._database.transaction() as connection:
            waiting = announced_actions.open_actions(connection)
        # What happened to a symbol is followed in order, or not yet.
        held_up: set[str | None] = set()
        for each in waiting:
            if each.action.effective_on <= today:
                self._follow(report, each, held_up)

    def _note(self, report: Report, action: CorporateAction) -> None:
        try:
            with self._database.transaction() as connection:
                if announced_actions.note_action(connection, action):
                    report.announced.append(f"{action.symbol} {action.effective_on}: {action.words}")
        except ImpossibleTerms as error:
            report.undecided[f"{action.symbol} {action.action_id}"] = f"{action.words}: {error}"

    def _follow(self, report: Report, waiting: OpenAction, held_up: set[str | None]) -> None:
        with self._database.transaction() as connection:
            action = announced_actions.begin_following(connection, waiting.action)
            if action is None:
                return
            if held_up & {action.symbol, action.new_symbol} - {None}:
                obstacle: str | None = "what happened to the symbol before has to be followed first"
            elif action.kind in AUTOMATIC or waiting.approved:
                obstacle = corporate_actions.apply_action(connection, action)
            else:
                obstacle = "an operator has to approve or dismiss it"
            if obstacle is not None:
                announced_actions.note_obstacle(connection, action, obstacle)
            elif action.kind is ActionKind.SPLIT and action.ratio is not None:
                # Published late: its price looked like a jump until now. One that it does not explain is still an operator's.
                prices = announced_actions.prices_around(connection, action)
                explained = prices is not None and unexplained_jump(prices[0] / action.ratio, prices[1]) is None
                if explained and halts.resume_symbol(connection, action.symbol, PRICE_JUMP):
                    report.resumed.append(action.symbol)
        if obstacle is None:
            kept = report.splits if action.kind is ActionKind.SPLIT else report.followed
            kept.append(f"{action.symbol} {action.ratio}:1" if action.kind is ActionKind.SPLIT else action.words)
        else:
            held_up |= {action.symbol, action.new_symbol}
            report.undecided[f"{action.symbol} {action.action_id}"] = f"{action.words}: {obstacle}"

    def _settle_odd_lots(self, report: Report) -> None:
        with self._database.transaction() as connection:
            for symbol in odd_lots.odd_symbols(connection):
                if odd_lots.settle_odd_lots(connection, symbol):
                    report.odd_lots.append(symbol)

    # Positions -------------------------------------------------------------------------------------------

    def _compare_positions(self, report: Report) -> None:
        """Compares the symbols to which nothing happened while the broker answered."""
        with self._database.transaction() as connection:
            before = reconciliation.ledger_by_symbol(connection)
        theirs = self._broker.positions()
        with self._database.transaction() as connection:
            after = reconciliation.ledger_by_symbol(connection)
            halted = {halt.symbol: halt for halt in halts.halted_symbols(connection)}
            own_units = reconciliation.own_units(connection)
        unsettled = {*report.unconfirmed.values(), *report.buying, *report.unread}
        for symbol in sorted({*after, *theirs, *own_units}):
            nothing = LedgerSymbol(symbol)
            state = after.get(symbol, nothing)
            if state != before.get(symbol, nothing) or state.working or symbol in unsettled:
                continue
            own = own_units.get(symbol, OwnUnits(symbol))
            ours, broker = state.quantity, theirs.get(symbol, Decimal(0)) - own.quantity
            if abs(ours - broker) <= own.slack:
                halt = halted.get(symbol)
                if halt is not None and halt.reason == halts.MISSING_UNITS and own.quantity < 0:
                    report.unexplained[symbol] = (
                        f"the account lacks {-own.quantity}, by an operator's word: to be bought"
                    )
                elif halt is not None and halt.reason in _LIFTED and symbol not in report.unexplained:
                    with self._database.transaction() as connection:
                        resumed = halts.resume_symbol(connection, symbol, halt.reason)
                    if resumed:
                        report.resumed.append(symbol)
            elif is_crypto(symbol) and self._is_rounding(symbol, ours, broker):
                report.rounding[symbol] = str(broker - ours)
            elif self._is_behind(symbol, ours, broker, own):
                report.behind[symbol] = f"{broker} at the broker, {ours} here"
                with self._database.transaction() as connection:
                    detail = "the broker has not followed the split yet"
                    if halts.halt_symbol(connection, symbol, halts.SPLIT_AHEAD, detail):
                        report.halted.append(symbol)
            elif self._is_rounded(symbol, ours, broker):
                report.rounding[symbol] = str(broker - ours)
            else:
                report.drift[symbol] = (ours, broker)
                self._halt(
                    report, symbol, halts.DRIFT, f"the ledger has {ours}, the broker {broker}", unexplained=False
                )

    def _is_behind(self, symbol: str, ours: Decimal, broker: Decimal, own: OwnUnits) -> bool:
        """Tells whether a difference is a split that the ledger has followed and the broker has not."""
        with self._database.transaction() as connection:
            change = announced_actions.change_by_last_split(connection, symbol)
        return change is not None and broker == ours - change - (own.quantity - own.before)

    def _is_rounding(self, symbol: str, ours: Decimal, broker: Decimal) -> bool:
        """Tells whether a difference is the rounding of the fees of all that was traded in a coin."""
        with self._database.transaction() as connection:
            return is_rounding(ours, broker, reconciliation.fills_of(connection, symbol), self._broker.scale)

    def _is_rounded(self, symbol: str, ours: Decimal, broker: Decimal) -> bool:
        """Settles a difference that is only the broker's way of rounding a corporate action; tells whether it was."""
        with self._database.transaction() as connection:
            return odd_lots.settle_rounding(connection, symbol, ours, broker, self._broker.scale)

    def _halt(self, report: Report, symbol: str, reason: str, detail: str, *, unexplained: bool = True) -> None:
        if unexplained:
            report.unexplained[symbol] = detail
        with self._database.transaction() as connection:
            if halts.halt_symbol(connection, symbol, reason, detail):
                report.halted.append(symbol)

    # The account -----------------------------------------------------------------------------------------

    def _check_account(self, report: Report) -> None:
        """Reads what the account can carry, and says early when it will not be enough."""
        with self._database.transaction() as connection:
            began = buying_power.begin_reading(connection)
        account = self._broker.account()
        with self._database.transaction() as connection:
            buying_power.store_account(connection, account.buying_power, account.cash_power, account.equity, began)
            if not buying_power.set_scale(connection, self._broker.scale):
                report.unexplained["scale"] = SCALE_CHANGED
            cover = buying_power.cover(connection)
        if cover is not None:
            report.buying_power = {
                "account": str(cover.buying_power),
                "users' free cash": str(cover.free_cash),
                "orders waiting": str(cover.waiting),
                "scale": str(cover.scale),
            }
            report.short = cover.waiting > 0 or cover.buying_power < cover.equity * _LOW_POWER

    # The ledger itself -----------------------------------------------------------------------------------

    def _check_ledger(self, report: Report) -> None:
        with self._database.transaction() as connection:
            for symbol in reconciliation.settle_ended_sessions(connection):
                session_pnl.fix_final_pnl(connection, symbol)
            report.closing = reconciliation.closing_holdings(connection)
            audited_at = audits.last_audit(connection)
            if datetime.now(UTC) - audited_at > _UNAUDITED:
                report.unexplained["audit"] = (
                    f"no audit that began after {audited_at:%Y-%m-%d %H:%M} UTC has come to its end"
                )
            rows: dict[str, set[Any]] = defaultdict(set)
            for part in invariants.parts_to_look_at(connection):
                found = invariants.broken_invariants(connection, part)
                report.part = part.number
                report.broken_parts += [part.number] if found else []
                for name, each in found.items():
                    rows[name].update(each)
            report.broken = {name: len(each) for name, each in rows.items()}
            if report.broken and halts.platform_state(connection).trading_state is not TradingState.HALTED:
                halts.set_platform_state(
                    connection, TradingState.HALTED, f"{halts.BROKEN_LEDGER}: {', '.join(report.broken)}"[:500]
                )

    def _wake_waiting_symbols(self, report: Report, now: datetime) -> None:
        with self._database.transaction() as connection:
            report.woken = symbols.symbols_with_work(connection)
        for symbol in report.woken:
            self._wake(symbol, now)

    def _wake(self, symbol: str, now: datetime) -> None:
        self._wake_executor(symbol, f"reconcile-{now:%Y%m%dT%H%M%S}")
