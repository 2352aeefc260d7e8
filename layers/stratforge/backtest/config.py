"""The assumptions of a backtest: money, costs, sizing, stops."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields

from stratforge.backtest.margin import BORROW_FEE, INITIAL_MARGIN, LEAST_ABOVE, LEAST_EQUITY, MAINTENANCE_MARGIN
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
        short_margin: Equity that a short position needs when it is opened or added to, as a fraction of its value (Regulation T: half).
        maintenance_margin: What it needs from then on, for a price of five dollars or more (FINRA Rule 4210); with less it is covered.
        borrow_fee: What borrowing costs in a year, as a fraction of what is sold short.
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
    short_margin: float = INITIAL_MARGIN
    maintenance_margin: float = MAINTENANCE_MARGIN
    borrow_fee: float = BORROW_FEE

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
        for name, least in (("short_margin", False), ("maintenance_margin", False), ("borrow_fee", True)):
            value = getattr(self, name)
            if not (0 <= value <= 10 if least else 0 < value <= 10):
                raise BacktestError(
                    f"{name} is {value}; give a fraction {'from' if least else 'above'} 0 to 10: 0.5 is half"
                )
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

    def assumptions(self, *, shorts: bool = False) -> list[str]:
        """The assumptions in sentences, to be shown wherever results are.

        Args:
            shorts: Whether the strategy goes short.
        """
        lines = [
            "A decision on a bar is filled at the next bar's open"
            + (
                f", {self.half_cost * 10_000:g} bps worse than it (slippage and half the spread)."
                if self.half_cost
                else "."
            ),
            "Prices and volumes are adjusted for splits, not for dividends.",
            f"{'Long and short' if shorts else 'Long only'}; free cash earns nothing; an order that costs more than the free cash is cut to it.",
        ]
        if shorts:
            lines += self._assumptions_of_shorts()
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

    def _assumptions_of_shorts(self) -> list[str]:
        return [
            f"Sold short are whole shares of stocks, with equity of {LEAST_EQUITY:,.0f} dollars or more and of {max(self.short_margin, self.maintenance_margin):.0%} of their value; everything can be borrowed.",
            f"With less than {self.maintenance_margin:.0%} of the value at a bar's close (more below {LEAST_ABOVE / self.maintenance_margin:.2f} dollars) all is covered at the next open: a margin call.",
            f"Borrowing costs {self.borrow_fee:.2%} a year for each night, on round lots of 100 shares; dividends, which a short position owes, are not in bars and not counted.",
            "What a cover costs beyond everything is owed: the equity is below zero then, and nothing is traded any more.",
        ]
