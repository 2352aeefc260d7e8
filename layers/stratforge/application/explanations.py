"""Explanations of orders: why one was placed and what became of it. The bar, the rule that was met, the netting, the fills, what it cost, in words and in order."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from uuid import UUID

from stratforge.application.access import Caller, Scope
from stratforge.application.errors import Conflict, existing
from stratforge.application.session_decisions import OrderDecision, decision_of_order
from stratforge.application.session_rules import TracedBar, bars_to_trace, trace_bar
from stratforge.market import amounts
from stratforge.market.amounts import units
from stratforge.market.bar_names import bar_began, bar_name
from stratforge.market.sizes import Side
from stratforge.portfolio.orders import OrderOrigin, OrderStatus, OrderType, is_at_limit
from stratforge.storage.ledger import order_book, portfolio
from stratforge.storage.ledger.order_book import OPEN, BlockOfOrder, StoredOrder
from stratforge.storage.ledger.portfolio import SignalRow, TradeRow
from stratforge.storage.postgres.database import Connection, Database
from stratforge.storage.strategies import replays
from stratforge.strategy.trace import Rule

_MINUTE = timedelta(minutes=1)
_BASIS_POINTS = 10_000
_STOPS = {
    OrderOrigin.STOP_LOSS: ("stop loss", "below the average entry"),
    OrderOrigin.TRAILING_STOP: ("trailing stop", "below the best price since it was bought"),
    OrderOrigin.TAKE_PROFIT: ("take profit", "above the average entry"),
}
# The same of a short position, and what else ends one.
_SHORT_STOPS = {
    OrderOrigin.STOP_LOSS: "above the average entry",
    OrderOrigin.TRAILING_STOP: "above the best price since it was sold",
    OrderOrigin.TAKE_PROFIT: "below the average entry",
}
_FORCED = {
    OrderOrigin.MARGIN_CALL: "by a margin call: the account had less cash than its short positions and their maintenance margin needed.",
    OrderOrigin.BUY_IN: "by a buy-in: the broker no longer lends it, or has it not always at hand.",
    OrderOrigin.HOUSE: "by the platform's own account.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """A step on an order's way.

    Attributes:
        time: By the market's clock; None for what has no time of the market.
        title: What it is, in a few words.
        text: What happened.
    """

    time: datetime | None
    title: str
    text: str


@dataclass(frozen=True, slots=True)
class SignalBar:
    """The bar that a signal was given on, one of those that the strategy decides on, with the prices that it saw, in dollars.

    Attributes:
        time: Its start.
        minutes: Its length; 1,440 are a day.
    """

    time: datetime
    minutes: int
    open: float
    high: float
    low: float
    close: float
    volume: float


@dataclass(frozen=True, slots=True)
class OrderExplanation:
    """The explanation of an order: why it was placed, and what became of it.

    Attributes:
        summary: Both in a sentence or two.
        bar: The bar of the signal; None without a signal, or where the bar is not recorded.
        rule: The rule that was met on it, with its values; evaluated again by the strategy's own code on what it saw then.
        decision: The decision of a portfolio session that it is of; None for other orders.
        decision_price: The price when it was decided, in dollars a unit: the close of the minute of the signal, the last close that a decision saw, the level
            of a stop, an order's own price, or the last price when it went to the market. None before there was one.
        decided_on: Which of these it is.
        gap: How much worse that was for the order than the close of the bar that was decided on, in dollars a unit: what the market moved in between, as
            overnight, and no part of the slippage. Negative where it was better; None where nothing lay in between.
        gap_bps: The same in hundredths of a percent of that close.
        fills: What was filled of it, in the order of time.
        slippage: How much worse than the decision price a unit was filled, in dollars; negative where it was better. None without a fill.
        slippage_bps: The same in hundredths of a percent of the decision price.
        slippage_cost: The same for all that was filled, in dollars.
        fees: All fees in dollars; coins at the price of their fill.
        realized_pnl: What a sale, or buying a short position back, gained or lost, in dollars; None for what opens a position.
        steps: Its way, in order.
    """

    order: StoredOrder
    summary: str
    bar: SignalBar | None
    rule: Rule | None
    decision: OrderDecision | None
    decision_price: Decimal | None
    decided_on: str | None
    gap: Decimal | None
    gap_bps: Decimal | None
    fills: list[TradeRow]
    slippage: Decimal | None
    slippage_bps: Decimal | None
    slippage_cost: Decimal | None
    fees: Decimal
    realized_pnl: Decimal | None
    steps: list[Step]


def explain_trade(database: Database, caller: Caller, trade_id: int) -> OrderExplanation:
    """Explains the order that a trade is a part of.

    Raises:
        NotFound: if there is no such trade.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        trade = existing(portfolio.get_trade(connection, trade_id), "trade")
        record = _record(connection, trade.order_id)
    return _explain(record)


def explain_order(database: Database, caller: Caller, order_id: UUID) -> OrderExplanation:
    """Explains an order of a session or by hand, whether or not it was filled.

    Raises:
        NotFound: if there is no such order.
    """
    caller.require(Scope.READ)
    with database.reading(caller) as connection:
        record = _record(connection, order_id)
    return _explain(record)


@dataclass(frozen=True, slots=True)
class _Record:
    """What is stored of an order; `bars` are those of its signal, traced as they are asked for, and `price` is the close of the minute it came with."""

    order: StoredOrder
    signal: SignalRow | None
    bars: Iterator[TracedBar]
    price: Decimal | None
    decision: OrderDecision | None
    fills: list[TradeRow]
    blocks: list[BlockOfOrder]


def _record(connection: Connection, order_id: UUID) -> _Record:
    order = existing(order_book.get_order(connection, order_id), "order")
    signal = portfolio.get_signal(connection, order.signal_id) if order.signal_id else None
    return _Record(
        order,
        signal,
        bars_to_trace(connection, signal.session_id, signal.bar_time, signal.bar_time) if signal else iter(()),
        _price_with(connection, signal) if signal else None,
        decision_of_order(connection, order_id, order.symbol),
        portfolio.trades_of_order(connection, order_id),
        order_book.blocks_of_order(connection, order_id),
    )


def _price_with(connection: Connection, signal: SignalRow) -> Decimal | None:
    """The close of the minute that a signal came with, as it was then; None where that is not recorded any more."""
    symbol = replays.symbol_of_bars(connection, signal.session_id)
    seen = next(replays.windows_as_of(connection, symbol, signal.bar_time, signal.bar_time, 1), None)
    return Decimal(str(seen[1].close[-1])) if seen else None


def _explain(record: _Record) -> OrderExplanation:
    order, fills, blocks = record.order, record.fills, record.blocks
    traced = _traced(record)
    bar = _bar(traced)
    rule = next((each for each in traced.trace.rules if each.fired), None) if traced else None
    price, decided_on = _decided(record, bar, blocks)
    closed = _closed(record, bar)
    gap = price - closed if price is not None and closed is not None and price != closed else None
    slippage = order.average_price - price if price is not None and order.average_price is not None else None
    if order.side is Side.SELL:
        gap, slippage = (None if each is None else -each for each in (gap, slippage))
    return OrderExplanation(
        order=order,
        summary=f"{_done(order)} {_cause(order, rule, record.decision)}",
        bar=bar,
        rule=rule,
        decision=record.decision,
        decision_price=price,
        decided_on=decided_on,
        gap=gap,
        gap_bps=gap / closed * _BASIS_POINTS if gap is not None and closed else None,
        fills=fills,
        slippage=slippage,
        slippage_bps=slippage / price * _BASIS_POINTS if slippage is not None and price else None,
        slippage_cost=slippage * order.filled_quantity if slippage is not None else None,
        fees=sum((each.fee_cash + each.fee_quantity * each.price for each in fills), Decimal(0)),
        realized_pnl=None if order.terms.opens else sum((each.realized_pnl for each in fills), Decimal(0)),
        steps=[*_causes(record, bar, rule, price), *_steps(order, blocks, fills)],
    )


def _traced(record: _Record) -> TracedBar | None:
    if record.signal is None:
        return None
    try:
        return trace_bar(record.bars, record.signal.bar_time)
    except Conflict:
        return None


def _bar(traced: TracedBar | None) -> SignalBar | None:
    if traced is None:
        return None
    window = traced.bar.window
    prices = (float(column[-1]) for column in (window.open, window.high, window.low, window.close, window.volume))
    return SignalBar(traced.begins, window.seconds // 60, *prices)


def _closed(record: _Record, bar: SignalBar | None) -> Decimal | None:
    """The close of the bar that was decided on."""
    if record.decision is not None:
        return None if record.decision.part.price is None else Decimal(str(record.decision.part.price))
    return Decimal(str(bar.close)) if bar else None


def _decided(record: _Record, bar: SignalBar | None, blocks: list[BlockOfOrder]) -> tuple[Decimal | None, str | None]:
    """The price when it was decided, and which one that is."""
    order = record.order
    if record.price is not None:
        longer = bar is not None and bar.minutes > 1
        return (
            record.price,
            "the close of the minute it was decided with" if longer else "the close of the signal's bar",
        )
    if record.decision is not None and record.decision.bar_minutes == 1:
        return _closed(record, None), "the last close that was seen"
    if order.exit_level is not None:
        return order.exit_level, f"the level of the {_STOPS[order.origin][0]}"
    if order.limit_price is not None and not _came_to_its_stop(order):
        return order.limit_price, "the order's limit"
    if order.stop_price is not None:
        return order.stop_price, "the order's stop"
    if blocks:
        return blocks[0].reference_price, "the last price when it went to the market"
    return None, None


def _came_to_its_stop(order: StoredOrder) -> bool:
    """Whether of a limit and a stop beside it the stop was filled."""
    filled_at = order.average_price
    return order.type is OrderType.OCO and filled_at is not None and not is_at_limit(order.terms, filled_at)


def _done(order: StoredOrder) -> str:
    wanted = f"{units(order.quantity or order.size)} {order.symbol}"
    if order.filled_quantity and order.average_price is not None:
        all_of_it = order.filled_quantity == order.quantity
        quantity = (
            units(order.filled_quantity) if all_of_it else f"{units(order.filled_quantity)} of {units(order.quantity)}"
        )
        return f"{order.action.done.capitalize()} {quantity} {order.symbol} at {dollars(order.average_price)}"
    if order.status in OPEN:
        return f"To {order.action} {wanted}"
    if order.size_kind != "quantity" and not order.quantity:
        wanted = order.symbol
    return f"Did not {order.action} {wanted}"


def _cause(order: StoredOrder, rule: Rule | None, decision: OrderDecision | None) -> str:
    refused = order.explanation if not order.filled_quantity and order.explanation else None
    if decision is not None:
        cause = f"because the decision of {bar_began(decision.decided_at, 1)} wanted {_wanted(decision)}."
    elif order.origin is OrderOrigin.SIGNAL:
        where = (
            f"the {rule.side} rule in line {rule.line} of the strategy was met"
            if rule
            else "the strategy gave a signal"
        )
        terms = "" if order.type is OrderType.MARKET else f", {terms_in_words(order)}"
        cause = f"because {where}{terms}."
    elif order.origin in _STOPS:
        name, against = _STOPS[order.origin]
        against = _SHORT_STOPS[order.origin] if order.short else against
        setting = f"{percents(order.exit_fraction)} " if order.exit_fraction is not None else ""
        if not setting and order.exit_level is not None:
            return f"by the {name} that the strategy had set: the price reached {dollars(order.exit_level)}."
        cause = f"by the {setting}{name}"
        cause += (
            f": the price reached {dollars(order.exit_level)}, {setting}{against}."
            if order.exit_level is not None
            else "."
        )
    elif order.origin in _FORCED:
        cause = _FORCED[order.origin]
    elif order.origin is OrderOrigin.FLATTEN:
        cause = "because the whole position was to be closed."
    else:
        cause = f"by hand, {terms_in_words(order)}."
    return f"{cause} {refused}" if refused else cause


def terms_in_words(order: StoredOrder) -> str:
    """Says when and at which price an order is executed, such as "at $99 or better"."""
    prices = {
        OrderType.MARKET: "at the market",
        OrderType.LIMIT: f"at {dollars(order.limit_price)} or better",
        OrderType.STOP: f"once the price reached {dollars(order.stop_price)}",
        OrderType.STOP_LIMIT: f"once the price reached {dollars(order.stop_price)}, at {dollars(order.limit_price)} or better",
        OrderType.OCO: f"at {dollars(order.limit_price)} or better, or once the price reached {dollars(order.stop_price)}",
        OrderType.TRAILING_STOP: "with a trailing stop",
    }
    return prices[order.type]


def _wanted(decision: OrderDecision) -> str:
    part = decision.part
    before, wanted = (f"{round((weight or 0) * 100, 2):g} %" for weight in (part.weight_before, part.weight))
    return f"{wanted} of {part.symbol} instead of {before}"


def _causes(record: _Record, bar: SignalBar | None, rule: Rule | None, price: Decimal | None) -> list[Step]:
    """The steps before an order: the bar and the signal, the decision, or the level of a stop."""
    order, signal = record.order, record.signal
    if record.decision is not None:
        return [Step(record.decision.decided_at, "Decision", _decision_in_words(record.decision))]
    if signal is not None:
        line = f" by the rule in line {rule.line}" if rule else ""
        text = f"{signal.action.capitalize()}, confidence {signal.confidence:.2f}{line}."
        at = signal.bar_time + _MINUTE
        if bar is None:
            seen = "The bar as the strategy saw it is not recorded any more."
            return [Step(signal.bar_time, "Bar", seen), Step(at, "Signal", text)]
        closed = Decimal(str(bar.close))
        if price is not None and price != closed:
            text += f" Until then the price had gone from {dollars(closed)} to {dollars(price)}."
        seen = f"The strategy saw the {bar_name(bar.time, bar.minutes)} of {signal.symbol}. It closed at {dollars(closed)}."
        return [Step(bar.time, "Bar", seen), Step(at, "Signal", text)]
    if order.exit_level is not None:
        text = f"The market reached {dollars(order.exit_level)}, the level of the {_STOPS[order.origin][0]}."
        return [Step(order.decided_at, "Exit", text)]
    return []


def _decision_in_words(decision: OrderDecision) -> str:
    part = decision.part
    seen = ""
    if part.price is not None and part.seen_until is not None:
        bar = bar_name(part.seen_until, decision.bar_minutes)
        seen = f" The last price it saw was {dollars(Decimal(str(part.price)))}, the close of the {bar}."
    order = Decimal(str(part.order or 0))
    wish = f" That was to {'buy' if order > 0 else 'sell'} {units(abs(order))}."
    cut = decision.bought_part if order > 0 and decision.bought_part is not None else 1.0
    less = f" Purchases were cut to {cut * 100:.4g} % of that, since they cost more than there was." if cut < 1 else ""
    equity, cash = (dollars(Decimal(str(each))) for each in (decision.equity, decision.cash))
    return f"Of {equity}, {cash} of it cash, the strategy wanted {_wanted(decision)}.{seen}{wish}{less}"


def _steps(order: StoredOrder, blocks: list[BlockOfOrder], fills: list[TradeRow]) -> list[Step]:
    """The steps from the order on."""
    steps = []
    if order.decided_at is None:
        steps.append(
            Step(
                None,
                "Placed",
                "It waits to be decided on."
                if order.status in OPEN
                else (order.explanation or "It ended before it was decided on."),
            )
        )
    elif order.status is OrderStatus.REJECTED:
        steps.append(Step(order.decided_at, "Refused", order.explanation or "It was refused."))
    else:
        steps.append(
            Step(
                order.decided_at,
                "Order",
                f"Accepted: {order.action} {units(order.quantity)} {order.symbol} {terms_in_words(order)}.",
            )
        )
    if blocks:
        all_inside = bool(fills) and all(each.inside for each in fills)
        steps.append(Step(None, "Netting", _netting(order, blocks, all_inside=all_inside)))
    for each in fills:
        fee = each.fee_cash + each.fee_quantity * each.price
        paid = f" Fee: {dollars(fee)}." if fee else ""
        steps.append(
            Step(
                each.executed_at,
                "Fill",
                f"{units(each.quantity)} at {dollars(each.price)}, the account's own price in the market.{paid}",
            )
        )
    if fills and order.status not in OPEN and order.filled_quantity < order.quantity:
        rest = units(order.quantity - order.filled_quantity)
        steps.append(Step(None, "Rest", f"{rest} were not filled. {order.explanation or ''}".strip()))
    return steps


def _netting(order: StoredOrder, blocks: list[BlockOfOrder], *, all_inside: bool) -> str:
    often = "" if len(blocks) == 1 else f"It took {len(blocks)} block orders. "
    # How much of it crossed is what somebody else traded.
    crossed = (
        "All of what was filled crossed with opposite orders inside the platform."
        if all_inside
        else f"What opposite orders of the platform were there for crossed inside, the rest went to the broker in a block order for {order.symbol}; all of it at the same price."
    )
    return f"{often}{crossed} The last price was {dollars(blocks[0].reference_price)}."


def dollars(value: Decimal | None) -> str:
    """A price in dollars; a dash where there is none."""
    return "–" if value is None else f"${amounts.price(value)}"


def percents(fraction: Decimal | None) -> str:
    """A fraction as a percentage, such as 2 %."""
    return f"{float(fraction or 0) * 100:.4g} %"
