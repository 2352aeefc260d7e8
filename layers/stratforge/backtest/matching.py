"""Writes the part of the loop that fills orders: those of decisions, and the exits of a position (see `MATCHING.md`).

A strategy that names no limit and no stop gets a loop that knows of none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from stratforge.backtest.config import BacktestConfig
from stratforge.market.sizes import MINIMUM_VALUE, SizingRule
from stratforge.strategy.exits import EXIT_KEYS, stop_prices, target_prices
from stratforge.strategy.order_terms import EXPIRY_KEY, LIMIT_KEY, STOP_KEY

Target = Literal["python", "numba"]
EXIT_REASONS = ("signal", "stop loss", "take profit", "trailing stop")
FILL_COLUMNS = ("bar", "side", "quantity", "price", "commission", "reason", "cash", "held")
_DUST = 1e-9
# Of a level that was computed from a price: 10.70 less a tenth of it is touched at 9.63.
_ABOVE, _BELOW = f"{1 + 1e-12!r}", f"{1 - 1e-12!r}"

CONFIG_ARGUMENTS = (
    "half_cost",
    "commission_rate",
    "per_share",
    "per_order",
    "participation",
    "sizing_value",
    "stop_loss",
    "take_profit",
    "trailing_stop",
)


def config_arguments(config: BacktestConfig) -> tuple[float, ...]:
    """The numbers of a configuration, in the order of `CONFIG_ARGUMENTS`."""
    return (
        config.half_cost,
        config.commission_bps / 10_000.0,
        config.commission_per_share,
        config.commission_per_order,
        config.participation or 0.0,
        config.sizing_value,
        config.stop_loss or 0.0,
        config.take_profit or 0.0,
        config.trailing_stop or 0.0,
    )


@dataclass(frozen=True, slots=True)
class Features:
    """The features of a configuration that shape the loop (its numbers are arguments)."""

    fractional: bool
    sizing_rule: SizingRule
    costs: bool
    commission: bool
    participation: bool
    stop_loss: bool
    take_profit: bool
    trailing_stop: bool

    @classmethod
    def of(cls, config: BacktestConfig) -> Features:
        """The features that a configuration needs; the loop is generated for these alone."""
        commission = bool(config.commission_bps or config.commission_per_share or config.commission_per_order)
        return cls(
            config.fractional,
            config.sizing_rule,
            config.half_cost > 0,
            commission,
            config.participation is not None,
            config.stop_loss is not None,
            config.take_profit is not None,
            config.trailing_stop is not None,
        )

    @property
    def stops(self) -> bool:
        """True when the configuration sells within a bar."""
        return self.stop_loss or self.take_profit or self.trailing_stop


@dataclass(frozen=True, slots=True)
class Matching:
    """Writes how one loop fills orders.

    Attributes:
        write: Takes a line.
        features: The configuration.
        target: What the loop is compiled by.
        exits: Keys of state under which the strategy keeps its exits.
        terms: Keys of state under which it keeps the terms of its orders.
    """

    write: Callable[[str], None]
    features: Features
    target: Target
    exits: Collection[str]
    terms: Collection[str]

    @property
    def within(self) -> bool:
        """True when something can trade within a bar."""
        return self.features.stops or bool(self.exits) or bool(self.terms)

    @property
    def kept(self) -> bool:
        """True when the position's levels stand until it, or what the strategy sets, changes: most bars come to none of them."""
        trails = self.features.trailing_stop or EXIT_KEYS["trailing_stop"] in self.exits
        return not self.terms and self.within and not trails

    @property
    def moved(self) -> str:
        """The line that has the levels looked at anew."""
        return "near = 1e400" if self._stops else "far = -1e400"

    @property
    def _stops(self) -> bool:
        return self.features.stop_loss or self.features.trailing_stop or bool(list(stop_prices(self.exits, "")))

    @property
    def _targets(self) -> bool:
        return self.features.take_profit or bool(list(target_prices(self.exits, "")))

    def begin(self) -> None:
        """Gives the terms of the order that rests no value, before the first bar."""
        for key, name in ((LIMIT_KEY, "r_limit"), (STOP_KEY, "r_stop"), (EXPIRY_KEY, "r_left")):
            if key in self.terms:
                self.write(f"    {name} = NAN")
        if self.kept:
            self.write("    near = 1e400; far = -1e400")

    def orders(self, rare_open: bool) -> None:
        """Fills what earlier bars decided; without terms at the open, whatever the bar is then."""
        if self.terms:
            self._resting()
            return
        self.write("        if side:" if self.target == "python" else "        if side != 0.0:")
        if rare_open:
            self.write("            b_open = float(c_open[i])")
        self._fill("            ", "b_open")

    def after_the_open(self, rare_open: bool) -> None:
        """Exits within the bar, for the position as it is after the open; with terms they were looked at with the order."""
        if self.terms or not self.within:
            return
        self.write("        if quantity > 0.0:")
        indent = "            "
        if self.kept:
            sides = [*(["b_low <= near"] if self._stops else []), *(["b_high >= far"] if self._targets else [])]
            self.write(f"{indent}if {' or '.join(sides)}:")
            indent += "    "
            if rare_open:
                self.write(f"{indent}b_open = float(c_open[i])")
        goal = self._levels(indent)
        if self.kept and self._stops:
            self.write(f"{indent}near = level * {_ABOVE}")
        if self.kept and self._targets:
            self.write(f"{indent}far = {goal} * {_BELOW}")
        condition = "if"
        if self._stops:
            self.write(f"{indent}if {self._stopped(goal)}:")
            self.write(f"{indent}    price = min(b_open, level)")
            self._exit(indent + "    ", "reason")
            condition = "elif"
        if self._targets:
            self.write(f"{indent}{condition} b_high >= {goal} * {_BELOW}:")
            self.write(f"{indent}    price = max(b_open, {goal})")
            self._exit(indent + "    ", "2.0")
        if self.features.trailing_stop:
            self.write(f"{indent}if b_high > peak: peak = b_high")

    def decision(self, indent: str) -> str:
        """Takes over the terms of a decision that is valid; returns the price at which its size is reckoned."""
        price = "b_close"
        for key, name in ((STOP_KEY, "r_stop"), (LIMIT_KEY, "r_limit")):
            if key in self.terms:
                self.write(f"{indent}{name} = s_{key}")
                price = f"({name} if {name} == {name} else {price})"
        if EXPIRY_KEY in self.terms:
            self.write(f"{indent}r_left = s_{EXPIRY_KEY}")
        if self.terms:
            self.write(f"{indent}at = {price}")
            price = "at"
        return price

    # Orders that rest -----------------------------------------------------------------------------------------

    def _resting(self) -> None:
        """The order and the position's exits in the order in which the bar comes to them."""
        write, exits, indent = self.write, self._stops or self._targets, "                "
        write("        if side != 0.0 or quantity > 0.0:")
        # When the order fills: 1 at the open, 2 below it, 3 above it.
        write("            when = 0.0; base = b_open")
        write("            if side != 0.0:")
        self._place(indent)
        if exits:
            write("            if quantity > 0.0 and when != 1.0:")
            goal = self._levels(indent)
            write(f"{indent}price = 0.0")
            condition = "if"
            if self._stops:
                write(f"{indent}if b_open <= level: price = b_open")
                condition = "elif"
            if self._targets:
                write(f"{indent}{condition} b_open >= {goal}: price = b_open; reason = 2.0")
                condition = "elif"
            if self._stops:
                write(
                    f"{indent}{condition} b_low <= level * {_ABOVE} and not (when == 2.0 and base > level): price = level"
                )
            if self._targets:
                first = f"when != 2.0 and b_high >= {goal} * {_BELOW} and not (when == 3.0 and base < {goal})"
                write(f"{indent}elif {first}: price = {goal}; reason = 2.0")
            write(f"{indent}if price > 0.0:")
            write(f"{indent}    when = 0.0")
            self._exit(indent + "    ", "reason")
        write("            if when != 0.0:")
        write(f"{indent}before = quantity")
        self._fill(indent, "base")
        if exits:
            self._exits_after(indent)
        if EXPIRY_KEY in self.terms:
            write("            if side != 0.0 and r_left == r_left:")
            write("                r_left -= 1.0")
            write("                if r_left < 1.0: side = 0.0")
        if self.features.trailing_stop:
            write("            if b_high > peak: peak = b_high")

    def _place(self, indent: str) -> None:
        """Where on the bar the order fills, and at which price before costs; a stop that was passed is one no more."""
        write, limit = self.write, LIMIT_KEY in self.terms
        condition = "if"
        if STOP_KEY in self.terms:
            passed = "(b_open >= r_stop if side == 1.0 else b_open <= r_stop)"
            write(f"{indent}if r_stop == r_stop and {passed}: r_stop = NAN")
            write(f"{indent}if r_stop == r_stop:")
            write(f"{indent}    if (b_high >= r_stop * {_BELOW} if side == 1.0 else b_low <= r_stop * {_ABOVE}):")
            write(f"{indent}        base = r_stop; r_stop = NAN")
            fits = "if r_limit != r_limit or (base <= r_limit if side == 1.0 else base >= r_limit): " if limit else ""
            write(f"{indent}        {fits}when = 3.0 if side == 1.0 else 2.0")
            condition = "elif"
        if limit:
            at_once = "(b_open <= r_limit if side == 1.0 else b_open >= r_limit)"
            write(f"{indent}{condition} r_limit == r_limit and not {at_once}:")
            write(f"{indent}    if (b_low <= r_limit * {_ABOVE} if side == 1.0 else b_high >= r_limit * {_BELOW}):")
            write(f"{indent}        base = r_limit; when = 2.0 if side == 1.0 else 3.0")
        write(f"{indent}else: when = 1.0")

    def _exits_after(self, indent: str) -> None:
        """Exits on the rest of the bar on which the order filled."""
        write, deep = self.write, indent + "    "
        write(f"{indent}if quantity > 0.0:")
        write(f"{deep}paid = price")
        goal = self._levels(deep)
        write(f"{deep}price = 0.0")
        write(f"{deep}if when != 1.0 and quantity > before:")
        if self._stops:
            write(
                f"{deep}    if b_low <= level * {_ABOVE} and (level < b_open or b_close <= level): price = min(level, paid)"
            )
            write(f"{deep}elif {self._stopped(goal)}: price = min(b_open, level)")
        else:
            write(f"{deep}    pass")
        if self._targets:
            write(f"{deep}elif b_high >= {goal} * {_BELOW}: price = max(b_open, {goal}); reason = 2.0")
        write(f"{deep}if price > 0.0:")
        self._exit(deep + "    ", "reason")

    # The parts --------------------------------------------------------------------------------------------------

    def _levels(self, indent: str) -> str:
        """Computes the position's stop as `level`, with its `reason`; returns the target."""
        write, features = self.write, self.features
        write(indent + "level = 0.0; reason = 0.0")
        if features.stop_loss:
            write(indent + "level = entry * (1.0 - stop_loss); reason = 1.0")
        if features.trailing_stop:
            write(indent + "trail = peak * (1.0 - trailing_stop)")
            write(indent + "if trail > level: level = trail; reason = 3.0")
        for price, trails in stop_prices(self.exits, "entry"):
            write(f"{indent}own = {price}")
            write(f"{indent}if own > level: level = own; reason = {3.0 if trails else 1.0}")
        goal = "entry * (1.0 + take_profit)" if features.take_profit else "1e400"
        targets = list(target_prices(self.exits, "entry"))
        if targets:
            write(f"{indent}goal = {goal}")
            for price in targets:
                write(f"{indent}own = {price}")
                write(f"{indent}if own < goal: goal = own")
            goal = "goal"
        return goal

    def _stopped(self, goal: str) -> str:
        """Whether a bar comes to the stop: one that opens beyond the target has reached that first, whatever comes after."""
        first = f" and (b_open <= level or b_open < {goal} * {_BELOW})" if self._targets else ""
        return f"b_low <= level * {_ABOVE}{first}"

    def _exit(self, indent: str, reason: str) -> None:
        """Sells everything at `price`, worse; what was still to be done ends."""
        if self.features.costs:
            self.write(indent + "price = price * (1.0 - half_cost)")
        self.write(indent + "part = quantity; side = 0.0")
        self._sale(indent, reason)

    def _fill(self, indent: str, base: str) -> None:
        """Fills the order at the price `base`, worse."""
        write, features = self.write, self.features
        write(indent + "part = want")
        if features.participation:
            write(indent + "part = min(part, b_volume * participation)")
            if not features.fractional:
                write(indent + "part = float(floor(part))")
        write(indent + "if side == 1.0:")
        inner = indent + "    "
        self._price(inner, base, "+", ">")
        if features.commission:
            write(inner + "affordable = (cash - per_order) / (price * (1.0 + commission_rate) + per_share)")
        else:
            write(inner + "affordable = cash / price")
        write(inner + "if part > affordable: part = affordable; want = affordable")
        if not features.fractional:
            write(inner + "part = float(floor(part + 1e-9))")
        write(inner + f"if part * price >= {MINIMUM_VALUE}:")
        deep = inner + "    "
        write(deep + f"fee = {self._commission}")
        write(deep + "paid = part * price + fee")
        # Rounding may take the last cent below zero by an ulp.
        write(deep + "cash = max(cash - paid, 0.0)")
        if features.trailing_stop:
            write(deep + "peak = price if quantity == 0.0 else peak")
        write(deep + "quantity += part; cost += part * price; entry = cost / quantity")
        if self.kept:
            write(deep + self.moved)
        self._record(deep, "1.0", "0.0")
        write(deep + "want -= part")
        if features.participation:
            write(inner + "if want * price < 1.0: side = 0.0")
        else:
            write(inner + "side = 0.0")
        write(indent + "else:")
        self._price(inner, base, "-", "<")
        write(inner + f"if part >= quantity - {_DUST}: part = quantity")
        write(inner + "if part > 0.0:")
        self._sale(deep, "0.0")
        write(deep + "want -= part")
        if features.participation:
            write(inner + f"if quantity == 0.0 or want <= {_DUST}: side = 0.0")
        else:
            write(inner + "side = 0.0")

    def _price(self, indent: str, base: str, worse: str, beyond: str) -> None:
        self.write(indent + (f"price = {base} * (1.0 {worse} half_cost)" if self.features.costs else f"price = {base}"))
        if LIMIT_KEY in self.terms:
            self.write(f"{indent}if price {beyond} r_limit: price = r_limit")

    def _sale(self, indent: str, reason: str) -> None:
        write = self.write
        if self.features.commission:
            # Whoever has nothing left cannot pay more.
            write(indent + f"fee = min({self._commission}, cash + part * price)")
            write(indent + "cash = max(cash + part * price - fee, 0.0)")
        else:
            write(indent + "fee = 0.0")
            write(indent + "cash += part * price")
        write(indent + "cost -= entry * part; quantity -= part")
        write(indent + "if quantity <= 0.0: quantity = 0.0; cost = 0.0; entry = 0.0")
        self._record(indent, "2.0", reason)

    @property
    def _commission(self) -> str:
        return "(part * price * commission_rate + part * per_share + per_order)" if self.features.commission else "0.0"

    def _record(self, indent: str, side: str, reason: str) -> None:
        values = ("i", side, "part", "price", "fee", reason, "cash", "quantity")
        if self.target == "numba":
            for name, value in zip(FILL_COLUMNS, values, strict=True):
                self.write(f"{indent}f_{name}[fills] = {value}")
        else:
            self.write(f"{indent}rows.append(({', '.join(values)}))")
        self.write(f"{indent}fills += 1")
