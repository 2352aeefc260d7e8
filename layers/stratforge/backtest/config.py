"""The assumptions of a backtest: money, costs, sizing, stops."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from stratforge.market.sizes import SizingRule


class BacktestError(ValueError):
    """The configuration or the bars cannot be used; says which, why, and what to do."""


@dataclass(frozen=True, slots=True)
class BacktestConfig:
    """Assumptions of a backtest. All fractions are of one (0.02 is two percent); bps are hundredths of a percent.

    >>> BacktestConfig(cash=10_000, slippage_bps=1, stop_loss=0.02).assumptions()[0]
    "A decision on a bar is filled at the next bar's open, 1 bps worse than it (slippage and half the spread)."

    Attributes:
        cash: Money at the beginning.
        commission_bps: Commission on the value of every fill.
        commission_per_share: Commission on every share or coin.
        commission_per_order: Commission on every fill.
        slippage_bps: How much worse than the open every fill is.
        spread_bps: Full bid-ask spread; a fill pays half of it.
        participation: The largest part of a bar's volume that can be filled in it; what is left waits for the next bar.
        fractional: Whether broken quantities can be traded.
        sizing_rule: What decides when the strategy gives no size: a fraction of equity times the confidence, a fixed amount
            of cash, or a fixed quantity.
        sizing_value: The fraction, the amount or the quantity.
        stop_loss: Sells when the price is this far below the average entry price.
        take_profit: Sells when the price is this far above the average entry price.
        trailing_stop: Sells when the price is this far below the highest price since the entry.
        bars_per_year: For the return of a year; taken from the bars' times when not given.
    """

    cash: float = 100_000.0
    commission_bps: float = 0.0
    commission_per_share: float = 0.0
    commission_per_order: float = 0.0
    slippage_bps: float = 0.0
    spread_bps: float = 0.0
    participation: float | None = None
    fractional: bool = True
    sizing_rule: SizingRule = SizingRule.EQUITY_FRACTION
    sizing_value: float = 1.0
    stop_loss: float | None = None
    take_profit: float | None = None
    trailing_stop: float | None = None
    bars_per_year: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, float | int) and not isinstance(value, bool) and not math.isfinite(value):
                raise BacktestError(f"{field.name} is {value}; give a finite number")
        for name in ("commission_bps", "commission_per_share", "commission_per_order", "slippage_bps", "spread_bps"):
            if getattr(self, name) < 0:
                raise BacktestError(f"{name} is {getattr(self, name)}; costs are zero or more")
        for name in ("cash", "sizing_value"):
            if getattr(self, name) <= 0:
                raise BacktestError(f"{name} is {getattr(self, name)}; give a number above zero")
        if self.slippage_bps + self.spread_bps / 2 >= 10_000:
            raise BacktestError("slippage and spread together reach the whole price; give smaller ones")
        for name in ("participation", "stop_loss", "trailing_stop"):
            value = getattr(self, name)
            if value is not None and not 0 < value < (1.000001 if name == "participation" else 1):
                raise BacktestError(f"{name} is {value}; give a fraction between 0 and 1")
        for name in ("take_profit", "bars_per_year"):
            value = getattr(self, name)
            if value is not None and value <= 0:
                raise BacktestError(f"{name} is {value}; give a number above zero")
        if self.sizing_rule not in list(SizingRule):
            raise BacktestError(
                f"sizing_rule is {str(self.sizing_rule)!r}; give EQUITY_FRACTION, FIXED_CASH or FIXED_QUANTITY"
            )

    @property
    def half_cost(self) -> float:
        """By which fraction a fill is worse than the price: slippage and half the spread."""
        return (self.slippage_bps + self.spread_bps / 2.0) / 10_000.0

    def as_dict(self) -> dict[str, object]:
        """The configuration as plain data, as a report keeps it."""
        return asdict(self)

    def assumptions(self) -> list[str]:
        """The assumptions in sentences, to be shown wherever results are."""
        lines = [
            "A decision on a bar is filled at the next bar's open"
            + (
                f", {self.half_cost * 10_000:g} bps worse than it (slippage and half the spread)."
                if self.half_cost
                else "."
            ),
            "Prices and volumes are adjusted for splits, not for dividends.",
            "Long only; free cash earns nothing; an order that costs more than the free cash is cut to it.",
        ]
        commissions = [
            f"{self.commission_bps:g} bps of the value" if self.commission_bps else "",
            f"{self.commission_per_share:g} a share" if self.commission_per_share else "",
            f"{self.commission_per_order:g} an order" if self.commission_per_order else "",
        ]
        paid = " and ".join(each for each in commissions if each)
        lines.append(f"Commission: {paid}." if paid else "No commission, as at Alpaca for stocks.")
        if self.participation is not None:
            lines.append(
                f"At most {self.participation:.0%} of a bar's volume is filled in it; the rest waits for the next bar."
            )
        else:
            lines.append("Orders are small against the market: any quantity fills at one price.")
        if self.stop_loss or self.take_profit or self.trailing_stop:
            lines.append(
                "Stops and targets trade within the bar: a gap fills at the open, and when a bar reaches both a stop "
                "and the target the stop comes first."
            )
        if not self.fractional:
            lines.append("Whole shares only.")
        return lines
