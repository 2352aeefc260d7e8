"""Rules of an asset: what the broker takes of it, and at which prices."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_DOWN, ROUND_UP, Decimal

ZERO = Decimal(0)
ONE = Decimal(1)
# Alpaca takes quantities of up to nine decimals and no order under one dollar.
QUANTITY_STEP = Decimal("0.000000001")
MINIMUM_NOTIONAL = Decimal(1)
PRICE_DISCOVERY_NOTIONAL = Decimal(10)
# What Alpaca takes of a crypto order: a quarter percent of what is received (its first tier, taker).
CRYPTO_FEE_RATE = Decimal("0.0025")
_CENT, _FINE = Decimal("0.01"), Decimal("0.0001")


@dataclass(frozen=True, slots=True)
class AssetRules:
    """The broker's order rules for an asset. `min_order_size` and the increments are in units of the asset and of its
    price; None: the usual ones. Of a `sell_only` asset the broker takes sales only; one that is `shortable` it lends, at once where it is
    `easy_to_borrow`.
    Increments and sizes are the broker's; `scale` units of the ledger are one of them."""

    symbol: str
    tradable: bool = True
    fractionable: bool = True
    crypto: bool = False
    min_order_size: Decimal | None = None
    quantity_increment: Decimal | None = None
    price_increment: Decimal | None = None
    sell_only: bool = False
    shortable: bool = False
    easy_to_borrow: bool = False
    scale: Decimal = ONE

    @property
    def fee_rate(self) -> Decimal:
        """The fraction of a purchase that the broker keeps as its fee."""
        return CRYPTO_FEE_RATE if self.crypto else ZERO

    @property
    def step(self) -> Decimal:
        """The smallest difference between two quantities."""
        if self.quantity_increment is not None:
            return max(self.quantity_increment, QUANTITY_STEP) * self.scale
        return (QUANTITY_STEP if self.fractionable else ONE) * self.scale

    @property
    def whole_units(self) -> bool:
        """True for an asset of which the broker takes whole units only."""
        return not (self.fractionable or self.crypto)

    @property
    def allocation_step(self) -> Decimal:
        """The step in which fills are divided: a whole unit where the asset trades in whole units only, so that nobody is left with a part of one."""
        return (ONE if self.whole_units else QUANTITY_STEP) * self.scale

    def conform(self, quantity: Decimal) -> Decimal:
        """The largest quantity that can be ordered and is not more than `quantity`."""
        step = self.step
        return max((quantity / step).quantize(ONE, ROUND_DOWN) * step, ZERO)

    def whole(self, quantity: Decimal) -> Decimal:
        """The whole units of a quantity of shares, which the broker takes whatever they are worth; none of coins."""
        return ZERO if self.crypto else (quantity / self.scale).to_integral_value(ROUND_DOWN) * self.scale

    def is_large_enough(self, quantity: Decimal, price: Decimal) -> bool:
        """Returns whether the broker takes an order of this size."""
        quantity /= self.scale
        if self.min_order_size is not None and quantity < self.min_order_size:
            return False
        whole = not self.crypto and quantity == quantity.to_integral_value()
        return quantity > 0 and (whole or quantity * price >= MINIMUM_NOTIONAL)

    def price_discovery_quantity(self, price: Decimal) -> Decimal:
        """The quantity that is sent to the broker only to have a price of the market: a share, or coins for a few dollars."""
        if not self.crypto:
            return self.scale
        quantity = max(self.min_order_size or ZERO, PRICE_DISCOVERY_NOTIONAL / price) * self.scale
        return (quantity / self.step).quantize(ONE, ROUND_UP) * self.step

    def tick(self, price: Decimal) -> Decimal:
        """The smallest difference between two prices: a cent from one dollar up, and 1/100 of a cent below (Rule 612)."""
        if self.price_increment is not None and self.price_increment > 0:
            return self.price_increment
        return _CENT if price >= 1 else _FINE

    def on_tick(self, price: Decimal) -> bool:
        """Returns whether the price is a multiple of the asset's tick, as an order's price must be."""
        return price % self.tick(price) == 0

    def round_limit(self, price: Decimal, *, up: bool) -> Decimal:
        """The price on the tick at or next to `price`."""
        tick = self.tick(price)
        return (price / tick).quantize(ONE, ROUND_UP if up else ROUND_DOWN) * tick
