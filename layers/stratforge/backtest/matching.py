"""Writes the part of the loop that fills orders: those of decisions, and the exits of a position (see `MATCHING.md`).

A strategy that names no limit and no stop gets a loop that knows of none, and one that never goes short one that knows of no short positions. What happens to
those is the mirror image (`Way`), but for money: it is written in one place for each of the two.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Literal

from stratforge.backtest.config import BacktestConfig
from stratforge.backtest.margin import LEAST_EQUITY, night_fee, opening, requirement
from stratforge.backtest.way import ABOVE, BELOW, FEE, LONG, SHORT, Way
from stratforge.market.sizes import MINIMUM_VALUE, SizingRule
from stratforge.strategy.exits import stop_prices, target_prices, trails
from stratforge.strategy.order_terms import EXPIRY_KEY, LIMIT_KEY, OR_STOP_KEY, STOP_KEY

Target = Literal["python", "numba"]
EXIT_REASONS = ("signal", "stop loss", "take profit", "trailing stop", "margin call")
FILL_COLUMNS = ("bar", "side", "quantity", "price", "commission", "reason", "cash", "held")
DUST = 1e-9

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
    "short_margin",
    "maintenance_margin",
    "borrow_fee",
)
# The column of nights before each bar: longer than an indicator's name may be.
NIGHTS = "nights_between_this_bar_and_the_one_before"


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
        config.short_margin,
        config.maintenance_margin,
        config.borrow_fee,
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
        shorts: Whether the strategy goes short.
    """

    write: Callable[[str], None]
    features: Features
    target: Target
    exits: Collection[str]
    terms: Collection[str]
    shorts: bool = False

    @property
    def within(self) -> bool:
        """True when something can trade within a bar."""
        return self.features.stops or bool(self.exits) or bool(self.terms)

    @property
    def kept(self) -> bool:
        """True when the position's levels stand until it, or what the strategy sets, changes: most bars come to none of them."""
        moves = self.features.trailing_stop or trails(self.exits)
        return not self.terms and self.within and not moves and not self.shorts

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
        for key, name in (
            (LIMIT_KEY, "r_limit"),
            (STOP_KEY, "r_stop"),
            (OR_STOP_KEY, "r_beside"),
            (EXPIRY_KEY, "r_left"),
        ):
            if key in self.terms:
                self.write(f"    {name} = NAN")
        if self.kept:
            self.write("    near = 1e400; far = -1e400")
        if self.shorts:
            self.write("    mark = 0.0; called = 0.0")

    def before_the_open(self) -> None:
        """Takes the fee of the nights since the bar before, and covers what its margin does not allow any more."""
        if not self.shorts:
            return
        write, deep = self.write, "                "
        write("        if quantity < 0.0:")
        write(f"            if b_{NIGHTS} > 0.0 and borrow_fee > 0.0:")
        write(f"{deep}part = 0.0; price = mark")
        write(f"{deep}fee = {night_fee('quantity', 'mark')} * b_{NIGHTS}")
        write(f"{deep}cash -= fee")
        self._record(deep, repr(FEE), "0.0")
        write("            if called != 0.0:")
        write(f"{deep}called = 0.0; price = b_open")
        self._exit(deep, "4.0", SHORT)

    def at_the_close(self) -> None:
        """Looks whether a short position has the margin that it needs."""
        if not self.shorts:
            return
        self.write("        if quantity < 0.0:")
        self.write("            mark = b_close")
        needed = requirement("mark", "maintenance_margin")
        self.write(f"            if cash + quantity * mark < -quantity * {needed}: called = 1.0")

    def orders(self, rare_open: bool) -> None:
        """Fills what earlier bars decided; without terms at the open, whatever the bar is then."""
        if self.terms:
            self._resting()
            return
        self.write("        if side:" if self.target == "python" else "        if side != 0.0:")
        if rare_open:
            self.write("            b_open = float(c_open[i])")
        if not self.shorts:
            self._fill("            ", "b_open", LONG)
            return
        for condition, way in ((f"if side >= {SHORT.opens}:", SHORT), ("else:", LONG)):
            self.write(f"            {condition}")
            self._fill("                ", "b_open", way)

    def after_the_open(self, rare_open: bool) -> None:
        """Exits within the bar, for the position as it is after the open; with terms they were looked at with the order."""
        if self.terms or not self.within:
            return
        self._within("        if quantity > 0.0:", rare_open, LONG)
        if self.shorts:
            self._within("        elif quantity < 0.0:", rare_open, SHORT)

    def _within(self, condition: str, rare_open: bool, way: Way) -> None:
        self.write(condition)
        indent = "            "
        if self.kept:
            sides = [*(["b_low <= near"] if self._stops else []), *(["b_high >= far"] if self._targets else [])]
            self.write(f"{indent}if {' or '.join(sides)}:")
            indent += "    "
            if rare_open:
                self.write(f"{indent}b_open = float(c_open[i])")
        goal = self._levels(indent, way)
        if self.kept and self._stops:
            self.write(f"{indent}near = level * {ABOVE}")
        if self.kept and self._targets:
            self.write(f"{indent}far = {goal} * {BELOW}")
        word = "if"
        if self._stops:
            self.write(f"{indent}if {self._stopped(goal, way)}:")
            self.write(f"{indent}    price = {way.least}(b_open, level)")
            self._exit(indent + "    ", "reason", way)
            word = "elif"
        if self._targets:
            self.write(f"{indent}{word} {way.high} {way.over} {goal} * {way.far}:")
            self.write(f"{indent}    price = {way.most}(b_open, {goal})")
            self._exit(indent + "    ", "2.0", way)
        if self.features.trailing_stop:
            self.write(f"{indent}if {way.high} {way.above} peak: peak = {way.high}")

    def decision(self, indent: str) -> str:
        """Takes over the terms of a decision that is valid; returns the price at which its size is reckoned."""
        price = "b_close"
        for key, name in ((STOP_KEY, "r_stop"), (LIMIT_KEY, "r_limit")):
            if key in self.terms:
                self.write(f"{indent}{name} = s_{key}")
                price = f"({name} if {name} == {name} else {price})"
        for key, name in ((OR_STOP_KEY, "r_beside"), (EXPIRY_KEY, "r_left")):
            if key in self.terms:
                self.write(f"{indent}{name} = s_{key}")
        if self.terms:
            self.write(f"{indent}at = {price}")
            price = "at"
        return price

    # Orders that rest -----------------------------------------------------------------------------------------

    def _resting(self) -> None:
        """The order and the position's exits in the order in which the bar comes to them."""
        if not self.shorts:
            self.write("        if side != 0.0 or quantity > 0.0:")
            self._met("            ", LONG)
            return
        self.write(f"        if quantity < 0.0 or side >= {SHORT.opens}:")
        self._met("            ", SHORT)
        self.write("        elif side != 0.0 or quantity > 0.0:")
        self._met("            ", LONG)

    def _met(self, outer: str, way: Way) -> None:
        write, exits, indent = self.write, self._stops or self._targets, outer + "    "
        # When the order fills: 1 at the open, 2 below it, 3 above it (above and below for what goes short).
        write(f"{outer}when = 0.0; base = b_open")
        beside = OR_STOP_KEY in self.terms and exits
        if beside:
            write(f"{outer}waited = NAN")
        write(f"{outer}if side != 0.0:")
        self._place(indent, way)
        if exits:
            write(f"{outer}if quantity {way.above} 0.0 and when != 1.0:")
            goal = self._levels(indent, way)
            write(f"{indent}price = 0.0")
            condition = "if"
            if self._stops:
                write(f"{indent}if b_open {way.under} level: price = b_open")
                condition = "elif"
            if self._targets:
                write(f"{indent}{condition} b_open {way.over} {goal}: price = b_open; reason = 2.0")
                condition = "elif"
            if self._stops:
                reached = f"{way.low} {way.under} level * {way.near}"
                if beside:
                    # A limit that is nearer than this stop is passed on the way to it: its order opens before, at whichever of its two prices.
                    write(f"{indent}{condition} when == 3.0 and waited {way.above} level and {reached}: pass")
                    condition = "elif"
                write(f"{indent}{condition} {reached} and not (when == 2.0 and base {way.above} level): price = level")
            if self._targets:
                reached = f"{way.high} {way.over} {goal} * {way.far}"
                first = f"when != 2.0 and {reached} and not (when == 3.0 and base {way.below} {goal})"
                write(f"{indent}elif {first}: price = {goal}; reason = 2.0")
            write(f"{indent}if price > 0.0:")
            write(f"{indent}    when = 0.0")
            self._exit(indent + "    ", "reason", way)
        write(f"{outer}if when != 0.0:")
        write(f"{indent}before = quantity")
        self._fill(indent, "base", way)
        if exits:
            self._exits_after(indent, way)
        if EXPIRY_KEY in self.terms:
            write(f"{outer}if side != 0.0 and r_left == r_left:")
            write(f"{outer}    r_left -= 1.0")
            write(f"{outer}    if r_left < 1.0: side = 0.0")
        if self.features.trailing_stop:
            write(f"{outer}if {way.high} {way.above} peak: peak = {way.high}")

    def _place(self, indent: str, way: Way) -> None:
        """Where on the bar the order fills, and at which price before costs; a stop that was passed is one no more."""
        write, limit = self.write, LIMIT_KEY in self.terms
        opens = f"if side == {way.opens} else"
        at_once = f"(b_open {way.under} r_limit {opens} b_open {way.over} r_limit)"
        condition = "if"
        if STOP_KEY in self.terms:
            passed = f"(b_open {way.over} r_stop {opens} b_open {way.under} r_stop)"
            write(f"{indent}if r_stop == r_stop and {passed}: r_stop = NAN")
        if OR_STOP_KEY in self.terms:
            # Of the two the stop comes first where the bar reaches both; who came to it has no limit any more.
            passed = f"(b_open {way.over} r_beside {opens} b_open {way.under} r_beside)"
            write(f"{indent}if r_beside == r_beside and {passed}: r_beside = NAN; r_limit = NAN")
            far, near = f"{way.high} {way.over} r_beside * {way.far}", f"{way.low} {way.under} r_beside * {way.near}"
            write(f"{indent}if r_beside == r_beside and ({far} {opens} {near}) and not {at_once}:")
            kept = "waited = r_limit; " if self._stops or self._targets else ""
            write(f"{indent}    base = r_beside; {kept}r_beside = NAN; r_limit = NAN; when = 3.0 {opens} 2.0")
            condition = "elif"
        if STOP_KEY in self.terms:
            write(f"{indent}{condition} r_stop == r_stop:")
            far, near = f"{way.high} {way.over} r_stop * {way.far}", f"{way.low} {way.under} r_stop * {way.near}"
            write(f"{indent}    if ({far} {opens} {near}):")
            write(f"{indent}        base = r_stop; r_stop = NAN")
            within = f"(base {way.under} r_limit {opens} base {way.over} r_limit)"
            fits = f"if r_limit != r_limit or {within}: " if limit else ""
            write(f"{indent}        {fits}when = 3.0 {opens} 2.0")
            condition = "elif"
        if limit:
            write(f"{indent}{condition} r_limit == r_limit and not {at_once}:")
            # Whoever waits at a limit has his turn for certain where the bar trades beyond it, or ends there.
            fall = f"({way.low} {way.below} r_limit * {way.far} or b_close {way.under} r_limit * {way.near})"
            rise = f"({way.high} {way.above} r_limit * {way.near} or b_close {way.over} r_limit * {way.far})"
            write(f"{indent}    if ({fall} {opens} {rise}):")
            write(f"{indent}        base = r_limit; when = 2.0 {opens} 3.0")
        write(f"{indent}else: when = 1.0")

    def _exits_after(self, indent: str, way: Way) -> None:
        """Exits on the rest of the bar on which the order filled."""
        write, deep = self.write, indent + "    "
        write(f"{indent}if quantity {way.above} 0.0:")
        write(f"{deep}paid = price")
        goal = self._levels(deep, way)
        write(f"{deep}price = 0.0")
        write(f"{deep}if when != 1.0 and quantity {way.above} before:")
        if self._stops:
            reached = f"{way.low} {way.under} level * {way.near}"
            write(
                f"{deep}    if {reached} and (level {way.below} b_open or b_close {way.under} level): price = {way.least}(level, paid)"
            )
            write(f"{deep}elif {self._stopped(goal, way)}: price = {way.least}(b_open, level)")
        else:
            write(f"{deep}    pass")
        if self._targets:
            write(
                f"{deep}elif {way.high} {way.over} {goal} * {way.far}: price = {way.most}(b_open, {goal}); reason = 2.0"
            )
        write(f"{deep}if price > 0.0:")
        self._exit(deep + "    ", "reason", way)

    # The parts --------------------------------------------------------------------------------------------------

    def _levels(self, indent: str, way: Way) -> str:
        """Computes the position's stop as `level`, with its `reason`; returns the target."""
        write, features, short = self.write, self.features, way is SHORT
        write(f"{indent}level = {way.never[0]}; reason = 0.0")
        if features.stop_loss:
            write(f"{indent}level = entry * (1.0 {way.cheap} stop_loss); reason = 1.0")
        if features.trailing_stop:
            write(f"{indent}trail = peak * (1.0 {way.cheap} trailing_stop)")
            write(f"{indent}if trail {way.above} level: level = trail; reason = 3.0")
        for price, follows in stop_prices(self.exits, "entry", short=short):
            write(f"{indent}own = {price}")
            write(f"{indent}if own {way.above} level: level = own; reason = {3.0 if follows else 1.0}")
        goal = f"entry * (1.0 {way.worth} take_profit)" if features.take_profit else way.never[1]
        targets = list(target_prices(self.exits, "entry", short=short))
        if targets:
            write(f"{indent}goal = {goal}")
            for price in targets:
                write(f"{indent}own = {price}")
                write(f"{indent}if own {way.below} goal: goal = own")
            goal = "goal"
        elif short and features.take_profit:
            goal = f"({goal})"
        return goal

    def _stopped(self, goal: str, way: Way) -> str:
        """Whether a bar comes to the stop: one that opens beyond the target has reached that first, whatever comes after."""
        opens = f"(b_open {way.under} level or b_open {way.below} {goal} * {way.far})"
        return f"{way.low} {way.under} level * {way.near}{f' and {opens}' if self._targets else ''}"

    def _exit(self, indent: str, reason: str, way: Way) -> None:
        """Closes the position at `price`, worse; what was still to be done ends."""
        if self.features.costs:
            self.write(f"{indent}price = price * (1.0 {way.cheap} half_cost)")
        self.write(f"{indent}part = {'-' if way is SHORT else ''}quantity; side = 0.0")
        self._closed(indent, reason, way)

    def _fill(self, indent: str, base: str, way: Way) -> None:
        """Fills the order at the price `base`, worse."""
        write, features = self.write, self.features
        whole = not features.fractional or way is SHORT
        write(indent + "part = want")
        if features.participation:
            write(indent + "part = min(part, b_volume * participation)")
            if whole:
                write(indent + f"part = float(floor(part{f' + {DUST!r}' if way is SHORT else ''}))")
        write(f"{indent}if side == {way.opens}:")
        inner = indent + "    "
        self._price(inner, base, way.worth, way.above)
        self._affordable(inner, way)
        write(inner + "if part > affordable: part = affordable; want = affordable")
        if whole:
            write(inner + f"part = float(floor(part + {DUST!r}))")
        write(inner + f"if part * price >= {MINIMUM_VALUE}:")
        deep = inner + "    "
        write(deep + f"fee = {self._commission}")
        if way is SHORT:
            write(deep + "cash += part * price - fee")
        else:
            write(deep + "paid = part * price + fee")
            # Rounding may take the last cent below zero by an ulp.
            write(deep + "cash = max(cash - paid, 0.0)")
        if features.trailing_stop:
            write(deep + "peak = price if quantity == 0.0 else peak")
        write(f"{deep}quantity {way.worth}= part; cost {way.worth}= part * price; entry = cost / quantity")
        if self.kept:
            write(deep + self.moved)
        self._record(deep, way.opens, "0.0")
        write(deep + "want -= part")
        if features.participation:
            # Of a share that is sold short no part remains to be sold.
            write(inner + ("if want < 1.0: side = 0.0" if way is SHORT else "if want * price < 1.0: side = 0.0"))
        else:
            write(inner + "side = 0.0")
        write(indent + "else:")
        self._price(inner, base, way.cheap, way.below)
        held = "-quantity" if way is SHORT else "quantity"
        write(inner + f"if part >= {held} - {DUST}: part = {held}")
        write(inner + "if part > 0.0:")
        self._closed(deep, "0.0", way)
        write(deep + "want -= part")
        if features.participation:
            write(inner + f"if quantity == 0.0 or want <= {DUST}: side = 0.0")
        else:
            write(inner + "side = 0.0")

    def _affordable(self, indent: str, way: Way) -> None:
        """Computes how much the account can open at `price`: what its cash pays, or what its margin allows."""
        write, commission = self.write, self.features.commission
        fees = ("price * commission_rate + per_share", " - per_order") if commission else ("0.0", "")
        if way is SHORT:
            write(f"{indent}needed = {opening('price')}")
            write(f"{indent}worth = cash + quantity * price")
            write(f"{indent}affordable = (worth{fees[1]} + quantity * needed) / (needed + {fees[0]})")
            write(f"{indent}if worth < {LEAST_EQUITY!r}: affordable = 0.0")
        elif commission:
            write(f"{indent}affordable = (cash - per_order) / (price * (1.0 + commission_rate) + per_share)")
        else:
            write(f"{indent}affordable = cash / price")

    def _price(self, indent: str, base: str, worse: str, beyond: str) -> None:
        self.write(indent + (f"price = {base} * (1.0 {worse} half_cost)" if self.features.costs else f"price = {base}"))
        if LIMIT_KEY in self.terms:
            self.write(f"{indent}if price {beyond} r_limit: price = r_limit")

    def _closed(self, indent: str, reason: str, way: Way) -> None:
        """Closes a part of the position at `price`."""
        write = self.write
        if way is SHORT:
            # What it costs beyond everything is owed.
            write(indent + f"fee = {self._commission}")
            write(indent + "cash -= part * price + fee")
        elif self.features.commission:
            # Whoever has nothing left cannot pay more.
            write(indent + f"fee = min({self._commission}, cash + part * price)")
            write(indent + "cash = max(cash + part * price - fee, 0.0)")
        else:
            write(indent + "fee = 0.0")
            write(indent + "cash += part * price")
        write(f"{indent}cost {way.cheap}= entry * part; quantity {way.cheap}= part")
        write(f"{indent}if quantity {way.under} 0.0: quantity = 0.0; cost = 0.0; entry = 0.0")
        self._record(indent, way.closes, reason)

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
