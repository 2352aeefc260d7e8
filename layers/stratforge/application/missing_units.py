"""Buy missing units: what the account lacks of what its holders have is bought for the account itself, once an operator has asked for it.

The account lacks units when an operator accepted that the broker has less of an order than the ledger, because he took back what had been sold on. Its
last holders cannot sell then: the broker refuses, and the symbol is halted. What is bought is nobody's in the ledger: the account has it, and has paid it.
"""

from __future__ import annotations

from decimal import Decimal

from stratforge.application.reference_data import ReferenceData
from stratforge.broker import Accepted, Broker, BrokerOrder, Rejected
from stratforge.market.sizes import Side
from stratforge.portfolio.acceptance import COLLAR
from stratforge.portfolio.assets import ZERO, AssetRules
from stratforge.portfolio.orders import ExchangeState
from stratforge.storage.ledger import house_orders, reconciliation, symbols
from stratforge.storage.postgres.database import Database


def buy_missing_units(database: Database, broker: Broker, reference: ReferenceData) -> dict[str, str]:
    """Does what there is to do for what was asked for: sent once, under an id that is stored; ended when it is not filled; then accepted.

    Returns:
        The symbols with such an order that has not ended, and what it waits for.

    Raises:
        BrokerUnavailable: if the broker does not answer; it may be tried again.
    """
    with database.transaction() as connection:
        asked = house_orders.open_house_orders(connection)
    waiting: dict[str, str] = {}
    for name, symbol in asked.items():
        order = broker.find_order(name)
        if order is None:
            said = _send(database, broker, reference, name, symbol)
            waiting |= {} if said is None else {symbol: said}
        elif order.ended:
            _accept(database, order)
        else:
            broker.cancel(order.broker_order_id)
            waiting[symbol] = "what was not filled of it is called off"
    return waiting


def _send(database: Database, broker: Broker, reference: ReferenceData, name: str, symbol: str) -> str | None:
    asset = reference.asset(symbol)
    with database.transaction() as connection:
        state = symbols.read_symbol(connection, symbol)
        own = reconciliation.own_units(connection).get(symbol)
        lacking = ZERO if own is None else -own.quantity
        if lacking <= 0 or asset is None:
            house_orders.end_house_order(
                connection, name, "nothing is missing" if asset else "the broker has no such asset"
            )
            return None
    if state is None or not state.fresh or state.exchange_state is not ExchangeState.TRADING:
        return "waits for a price of the market"
    if not reference.knows(symbol, state.now):
        reference.learn(state.now)
    if not reference.is_open(symbol, state.now):
        return "waits for the market to open"
    submission = broker.submit(
        client_order_id=name,
        symbol=symbol,
        side=Side.BUY,
        quantity=_orderable(lacking, state.price, asset),
        limit_price=asset.round_limit(state.price * (1 + COLLAR), up=False),
    )
    if isinstance(submission, Rejected) and not submission.duplicate:
        with database.transaction() as connection:
            house_orders.end_house_order(connection, name, submission.message)
        return None
    return "is at the broker" if isinstance(submission, Accepted) else "was sent, and the answer was lost"


def _orderable(lacking: Decimal, price: Decimal, asset: AssetRules) -> Decimal:
    """What is lacking, or the next larger quantity that the broker takes; of coins he keeps his fee."""
    lacking /= 1 - asset.fee_rate
    quantity = asset.conform(lacking)
    if quantity < lacking:
        quantity += asset.step
    return quantity if asset.is_large_enough(quantity, price) else asset.price_discovery_quantity(price)


def _accept(database: Database, order: BrokerOrder) -> None:
    """What was bought is the account's own, by the word of who had it bought."""
    value = order.filled_quantity * (order.filled_average_price or ZERO)
    with database.transaction() as connection:
        if order.filled_quantity > 0:
            reconciliation.keep_order_of_nobody(
                connection,
                order.client_order_id,
                order.symbol,
                order.side,
                order.sent_at,
                (order.filled_quantity, value),
            )
            reconciliation.close_correction(connection, order.client_order_id, order.filled_quantity, value)
        house_orders.end_house_order(connection, order.client_order_id, f"bought {order.filled_quantity} for {value}")
