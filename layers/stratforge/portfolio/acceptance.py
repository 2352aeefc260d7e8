"""Decides on signals and orders: joined into the next block, put to rest, ended, or left to wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from stratforge.market.sizes import Side, SizeKind
from stratforge.portfolio import margin
from stratforge.portfolio.assets import AssetRules
from stratforge.portfolio.orders import (
    EXIT_ORIGINS,
    FORCED_ORIGINS,
    NEVER,
    ExchangeState,
    OrderOrigin,
    OrderRequest,
    OrderTerms,
    OrderType,
    TradingState,
    Trigger,
    effective_limit,
    is_at_limit,
    is_at_stop,
    trigger_of,
    worst_unit_price,
)
from stratforge.portfolio.protections import Account, Proposal, refusal
from stratforge.portfolio.reasons import Reason
from stratforge.portfolio.sizing import ZERO, requested_quantity


class Action(StrEnum):
    """The possible decisions on an order, for now."""

    JOIN = "join"  # It goes into the next block.
    REST = "rest"  # It waits in our book for its price.
    REFUSE = "refuse"
    WAIT = "wait"  # It stays as it is, for the market or for trading to go on.


Holder = tuple[UUID, UUID | None]
# How far from the reference price anything may trade.
COLLAR = Decimal("0.02")


@dataclass(frozen=True, slots=True)
class Market:
    """A symbol at one moment: the reference price, the market's time, and whether anything may trade.

    `asset` is None when the broker has none of the symbol; `fresh` is false when the price is too old to trade on; `suspended` is
    true while the broker takes no orders of the platform.
    """

    price: Decimal
    time: datetime
    collar: Decimal
    asset: AssetRules | None
    open: bool = True
    halted: bool = False
    fresh: bool = True
    platform_state: TradingState = TradingState.ACTIVE
    suspended: bool = False
    exchange_state: ExchangeState = ExchangeState.TRADING

    @property
    def trades(self) -> bool:
        """Returns whether orders can be executed now: in the session, at a price that is fresh, and not halted by the exchange."""
        return self.open and self.fresh and self.exchange_state is ExchangeState.TRADING


@dataclass(frozen=True, slots=True)
class Decision:
    """The decision on an order request: its action, quantity and reservation.

    `quantity` is the whole order's, `remaining` what is still to be had of it, `cut` what an accepted order wants less than before. The reservation is
    what is held from now on, in all.
    """

    request: OrderRequest
    action: Action
    quantity: Decimal = ZERO
    remaining: Decimal = ZERO
    cut: Decimal = ZERO
    reserve_price: Decimal = ZERO
    reserved_cash: Decimal = ZERO
    reserved_quantity: Decimal = ZERO
    limit: Decimal | None = None
    trigger: Trigger = NEVER
    water_mark: Decimal | None = None
    triggered: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class Release:
    """The reservation that a replaced order releases when its successor is accepted."""

    user_id: UUID
    session_id: UUID | None
    cash: Decimal
    quantity: Decimal


@dataclass(slots=True)
class _Books:
    """Money and quantities that are free, while a run's orders take theirs (of a short position below zero); `closing` is all that a user's positions that are
    closed now come to.
    """

    accounts: Mapping[UUID, Account]
    free: dict[Holder, Decimal]
    releases: dict[UUID, Release]
    closing: dict[UUID, Decimal]


def decide(
    requests: Sequence[OrderRequest],
    accounts: Mapping[UUID, Account],
    free_quantities: Mapping[Holder, Decimal],
    market: Market,
    releases: Mapping[UUID, Release] | None = None,
) -> list[Decision]:
    """Decides on the requests of one symbol.

    Args:
        requests: Their order decides only between those of one user that compete for the same cash or shares.
        accounts: The accounts of all their users; brought up to date.
        free_quantities: What each holder (user and session) has and is not already selling; below zero what he owes and is not already buying back.
        market: The market.
        releases: What orders that may be replaced would give back; an order that cannot be replaced is not in it.
    """
    books = _Books(
        accounts, dict(free_quantities), dict(releases or {}), _closing(requests, free_quantities, market.asset)
    )
    return [_decide(request, books, market) for request in requests]


def _closing(
    requests: Sequence[OrderRequest], free: Mapping[Holder, Decimal], asset: AssetRules | None
) -> dict[UUID, Decimal]:
    """By user, what his positions come to that are to be sold whole, as far as the broker's steps go: each may be too small for him, which all together
    are not.
    """
    found: dict[UUID, Decimal] = {}
    if asset is None:
        return found
    for user_id, session_id in {
        (each.user_id, each.session_id) for each in requests if each.origin is OrderOrigin.FLATTEN
    }:
        found[user_id] = found.get(user_id, ZERO) + asset.conform(abs(free.get((user_id, session_id), ZERO)))
    return found


def _decide(request: OrderRequest, books: _Books, market: Market) -> Decision:
    blocked = _blocked(request, books.accounts[request.user_id], market)
    if blocked is not None:
        return blocked
    if request.accepted:
        return _join_again(request, books, market)
    return _accept(request, books, market)


def _blocked(request: OrderRequest, account: Account, market: Market) -> Decision | None:
    """Returns the decision on a request that market or account do not allow now; None if they do."""
    reason: Reason | None = None
    if market.asset is None:
        reason = Reason.UNKNOWN_ASSET
    elif not market.asset.tradable:
        reason = Reason.NOT_TRADABLE
    elif market.asset.sell_only and request.terms.side == Side.BUY:
        reason = Reason.SELL_ONLY
    elif market.halted:
        reason = Reason.SYMBOL_HALTED
    elif market.platform_state is TradingState.HALTED:
        reason = Reason.PLATFORM_HALTED
    elif account.trading_state is TradingState.HALTED and request.origin not in FORCED_ORIGINS:
        reason = Reason.USER_HALTED
    elif request.terms.opens and TradingState.REDUCING in (market.platform_state, account.trading_state):
        reason = Reason.REDUCING_ONLY
    elif not market.open and request.origin is OrderOrigin.SIGNAL and request.terms.type is OrderType.MARKET:
        reason = Reason.MARKET_CLOSED
    elif (
        market.exchange_state is not ExchangeState.TRADING
        and request.origin is OrderOrigin.SIGNAL
        and request.terms.type is OrderType.MARKET
    ):
        reason = Reason.EXCHANGE_HALT
    elif market.suspended:
        # What is old or missing now is so for the same reason, and nobody's order is to blame.
        return Decision(request, Action.WAIT)
    elif (
        not market.fresh
        and request.terms.type == OrderType.MARKET
        and request.origin is OrderOrigin.MANUAL
        and market.open
    ):
        reason = Reason.STALE_PRICE
    elif (
        not market.open or market.exchange_state is not ExchangeState.TRADING
    ) and request.terms.type == OrderType.MARKET:
        return Decision(request, Action.WAIT)
    if reason is None:
        return None
    # What rests keeps resting, and what protects a position is tried again with the next price.
    if request.accepted or request.origin in EXIT_ORIGINS:
        return Decision(request, Action.WAIT)
    return Decision(request, Action.REFUSE, reason=reason)


def _join_again(request: OrderRequest, books: _Books, market: Market) -> Decision:
    """A resting order that woke up: joins with what it still wants, after its reservation is brought up to the market."""
    if not market.trades:
        return Decision(request, Action.WAIT)
    account = books.accounts[request.user_id]
    # Of a limit and a stop beside it the stop has come, unless the market is at the limit now.
    triggered = request.triggered or request.terms.type != OrderType.OCO
    triggered = triggered or is_at_stop(request.terms, market.price) or not is_at_limit(request.terms, market.price)
    limit = effective_limit(request.terms, triggered=triggered)
    # A triggered stop buys at the market, wherever that is by now; a limit is what it was.
    reserve_price = request.reserve_price
    opens = request.terms.opens
    if opens and request.terms.short:
        refused = _not_borrowed(account, market)
        if refused is not None:
            return Decision(request, Action.REFUSE, reason=refused)
        reserve_price = max(reserve_price, margin.initial(market.price * (1 + market.collar)))
    elif opens and limit is None:
        reserve_price = max(reserve_price, market.price * (1 + market.collar))
    remaining = request.remaining
    if opens and request.origin is OrderOrigin.SIGNAL and market.asset is not None:
        # A strategy's purchase is cut to the cash there is, as in a backtest; a person's means what it says.
        affordable = (request.reserved_cash + account.cash) / reserve_price
        if remaining > affordable:
            remaining = (market.asset.whole if request.terms.short else market.asset.conform)(max(affordable, ZERO))
            if not market.asset.is_large_enough(remaining, market.price):
                poor = Reason.INSUFFICIENT_MARGIN if request.terms.short else Reason.INSUFFICIENT_CASH
                return Decision(request, Action.REFUSE, reason=poor)
    reserved = remaining * reserve_price if opens else ZERO
    more = reserved - request.reserved_cash
    if more > max(account.cash, ZERO):
        return Decision(request, Action.REFUSE, reason=Reason.INSUFFICIENT_CASH)
    account.cash -= more
    triggers = trigger_of(request.terms, triggered=triggered)
    stop_limit_waits = request.terms.type == OrderType.STOP_LIMIT and not triggers.at(market.price, market.price)
    return Decision(
        request,
        Action.REST if stop_limit_waits else Action.JOIN,
        remaining=remaining,
        cut=request.remaining - remaining,
        reserve_price=reserve_price,
        reserved_cash=reserved,
        reserved_quantity=request.reserved_quantity,
        limit=limit,
        trigger=triggers,
        water_mark=request.water_mark,
        triggered=triggered,
    )


def _not_borrowed(account: Account, market: Market) -> Reason | None:
    """Returns the reason for which nothing is sold short: the account's, or the asset's."""
    asset = market.asset
    if asset is None or not account.short_selling:
        return Reason.SHORT_SELLING_OFF
    if asset.crypto or not (asset.shortable and asset.easy_to_borrow):
        return Reason.NOT_SHORTABLE
    return Reason.SHORT_EQUITY if account.equity < margin.LEAST_EQUITY else None


def _on_ticks(terms: OrderTerms, asset: AssetRules) -> OrderTerms:
    """A strategy's prices as the market has them: a limit never worse than it said, a stop never sooner."""
    buys = terms.side is Side.BUY
    limit, stop = terms.limit_price, terms.stop_price
    return replace(
        terms,
        limit_price=None if limit is None else asset.round_limit(limit, up=not buys),
        stop_price=None if stop is None else asset.round_limit(stop, up=buys),
    )


def _accept(request: OrderRequest, books: _Books, market: Market) -> Decision:
    """A new order: sized, paid for, checked, then joined or put to rest."""
    asset = market.asset
    assert asset is not None
    if request.rests_for_a_strategy and not request.accepted:
        request = replace(request, terms=_on_ticks(request.terms, asset))
    terms = request.terms
    account = books.accounts[request.user_id]
    release = None
    if request.replaces is not None:
        release = books.releases.get(request.replaces)
        if release is None or release.user_id != request.user_id:
            return Decision(request, Action.REFUSE, reason=Reason.NOT_REPLACEABLE)
    prices = (terms.limit_price, terms.stop_price)
    if not all(price is None or (price > 0 and asset.on_tick(price)) for price in prices):
        return Decision(request, Action.REFUSE, reason=Reason.SUB_PENNY_PRICE)
    cash = account.cash + (release.cash if release else ZERO)
    holder = (request.user_id, request.session_id)
    # What another session's order holds back is no use to this one.
    same_holder = release is not None and (release.user_id, release.session_id) == holder
    held = books.free.get(holder, ZERO)
    # Nothing turns a position round: what closes closes what there is of its side, and what opens finds nothing of the other.
    free = max(-held if terms.short else held, ZERO) + (release.quantity if release and same_holder else ZERO)
    unit = worst_unit_price(terms, market.price, market.collar, market.price)
    if terms.opens and terms.short:
        refused = _not_borrowed(account, market) or (Reason.POSITION_GREW if held > 0 else None)
        if refused is not None:
            return Decision(request, Action.REFUSE, reason=refused)
        # The margin of a share: what it brings is added to the cash, and buys nothing.
        unit = margin.initial(unit)
    elif terms.opens and held < 0:
        return Decision(request, Action.REFUSE, reason=Reason.POSITION_GREW)
    own_price = terms.limit_price or terms.stop_price
    wanted = requested_quantity(request, account.equity, cash, free, own_price or market.price, unit)
    quantity = asset.conform(wanted)
    if terms.short:
        # Whole shares, but for what is left of a position that is bought back.
        quantity = asset.whole(quantity) if terms.opens or wanted < free else min(quantity, free)
    if not terms.opens:
        if free <= 0 or wanted <= 0:
            return Decision(request, Action.REFUSE, reason=Reason.NO_POSITION)
        if request.size_kind == SizeKind.QUANTITY and request.origin is OrderOrigin.MANUAL and quantity > free:
            return Decision(request, Action.REFUSE, quantity=quantity, reason=Reason.NO_POSITION)
        quantity = min(quantity, free)
        # What is left over would be too small to sell on its own, so it goes along.
        if not asset.is_large_enough(free - quantity, market.price) and asset.conform(free) == free:
            quantity = free
    if quantity == 0 and wanted > 0 and (not asset.fractionable or terms.short):
        if terms.opens and terms.short and asset.whole(max(cash, ZERO) / unit) == 0:
            return Decision(request, Action.REFUSE, reason=Reason.INSUFFICIENT_MARGIN)
        return Decision(request, Action.REFUSE, reason=Reason.WHOLE_UNITS_ONLY)
    price = own_price or market.price
    if terms.short and not terms.opens and quantity == free:
        # The house makes a whole unit of the last part that is owed of one.
        sellable = quantity
    elif request.origin is OrderOrigin.FLATTEN and not asset.is_large_enough(quantity, price):
        # With the rest of what its owner closes it may be large enough; else as many whole units as there are.
        together = asset.is_large_enough(books.closing.get(request.user_id, ZERO), price)
        sellable = quantity if together else asset.whole(quantity)
    else:
        sellable = quantity if asset.is_large_enough(quantity, price) else ZERO
    if sellable == 0:
        poor = terms.opens and not asset.is_large_enough(asset.conform(cash / unit), price)
        lacking = Reason.INSUFFICIENT_MARGIN if terms.short else Reason.INSUFFICIENT_CASH
        reason = lacking if poor else Reason.BELOW_MINIMUM
        return Decision(request, Action.REFUSE, quantity=quantity, reason=reason)
    quantity = sellable
    reserved_cash = quantity * unit if terms.opens else ZERO
    if reserved_cash > max(cash, ZERO):
        return Decision(request, Action.REFUSE, quantity=quantity, reason=Reason.INSUFFICIENT_CASH)
    proposal = Proposal(
        account,
        terms.side,
        request.origin,
        quantity * market.price if own_price is None else quantity * own_price,
        terms.limit_price,
        market.price,
        market.time,
        terms.short,
    )
    protects = refusal(proposal)
    if protects is not None:
        return Decision(request, Action.REFUSE, quantity=quantity, reason=protects)
    reserved_quantity = ZERO if terms.opens else quantity
    if request.replaces is not None:
        # Only once: a second order that wants to replace the same one comes too late.
        del books.releases[request.replaces]
    account.cash = cash - reserved_cash
    left = free - reserved_quantity
    books.free[holder] = -left if terms.short else left
    account.orders_last_minute += 1
    if terms.opens:
        account.exposure += proposal.value
        account.symbol_value += proposal.value
    water_mark = market.price if terms.type == OrderType.TRAILING_STOP else None
    # A stop whose price has been passed already triggers at once; a limit that the market meets is executable.
    triggered = is_at_stop(terms, market.price)
    trigger = trigger_of(terms, triggered=triggered, water_mark=water_mark)
    executable = market.trades and trigger.at(market.price, market.price)
    return Decision(
        request,
        Action.JOIN if executable else Action.REST,
        quantity=quantity,
        remaining=quantity,
        reserve_price=unit if terms.opens else ZERO,
        reserved_cash=reserved_cash,
        reserved_quantity=reserved_quantity,
        limit=effective_limit(terms, triggered=triggered),
        trigger=trigger,
        water_mark=water_mark,
        triggered=triggered,
    )
