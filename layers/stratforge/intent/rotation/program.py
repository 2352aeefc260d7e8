"""Rules as the code of a portfolio strategy: what the offline author writes, and what any author's code is held against."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from stratforge.intent.rotation.pairs import MEANINGS, code_of
from stratforge.intent.rotation.rules import (
    SINGLE,
    Part,
    RotationRule,
    RotationRuleError,
    by_part,
)
from stratforge.intent.rules import Atom, is_number


@dataclass(frozen=True, slots=True)
class RotationProgram:
    """The code of rules.

    Attributes:
        source: The module.
        lines: The lines of each rule, by its text.
        meanings: What each constant decides.
    """

    source: str
    lines: dict[str, list[int]]
    meanings: dict[str, str]


@dataclass(slots=True)
class _Writer:
    constants: dict[str, float] = field(default_factory=dict)
    meanings: dict[str, str] = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    # Of each line the rules that it is of.
    body: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    of_columns: dict[str, str] = field(default_factory=dict)
    of_constants: dict[str, str] = field(default_factory=dict)

    def column(self, name: str, expression: str, constant: str, meaning: str, rule: RotationRule) -> str:
        """Adds a column, its one length as a constant."""
        lengths = {
            int(each.value)
            for each in ast.walk(ast.parse(expression, mode="eval"))
            if isinstance(each, ast.Constant) and type(each.value) is int and each.value > 1
        }
        if len(lengths) == 1:
            (length,) = lengths
            self.constant(constant, float(length), meaning, rule)
            expression = re.sub(rf"(?<![\w.]){length}(?![\w.])", constant, expression)
        self.columns[name], self.of_columns[name] = expression, rule.text
        return name

    def constant(self, name: str, value: float, meaning: str, rule: RotationRule) -> None:
        """Adds a constant."""
        self.constants[name], self.meanings[name], self.of_constants[name] = value, meaning, rule.text

    def side(self, name: str, expression: str, constant: str, meaning: str, rule: RotationRule, of: str) -> str:
        """One side of a comparison: a number, a price, or a column of its own."""
        if is_number(expression):
            return expression
        if found := re.fullmatch(r"bars\.(open|high|low|close|volume)", expression):
            return f"{of}.{found[1]}"
        return f"{of}.{self.column(name, expression, constant, meaning, rule)}"

    def compared(self, compared: Atom, name: str, rule: RotationRule, of: str) -> str:
        """A comparison of columns of `of`."""
        meaning = f"length of “{rule.text}”"
        left = self.side(f"{name}_left", compared.left, f"{name.upper()}_LENGTH", meaning, rule, of)
        right = self.side(f"{name}_right", compared.right, f"{name.upper()}_AGAINST_LENGTH", meaning, rule, of)
        return f"{left} {compared.operator} {right}"

    def add(self, line: str, *rules: RotationRule) -> None:
        """Adds a line of `rebalance`."""
        self.body.append((f"    {line}", tuple(each.text for each in rules)))


def write_rotation(rules: Sequence[RotationRule]) -> RotationProgram:
    """The code of a whole set of rules.

    Raises:
        RotationRuleError: if they are no strategy.
    """
    parts = by_part(rules)
    for part in SINGLE:
        if len(parts.get(part, [])) > 1:
            raise RotationRuleError(
                f"there are several rules for {part.value}: {', '.join(each.text for each in parts[part])}"
            )
    one = {part: found[0] for part, found in parts.items() if part in SINGLE}
    if Part.PAIR in parts:
        return _pair(one, parts)
    for part in (Part.UNIVERSE, Part.REBALANCE, Part.WEIGHTS):
        if part not in one:
            raise RotationRuleError(f"no rule says {part.value}")
    fixed = one[Part.WEIGHTS].word == "fixed"
    take = one.get(Part.TAKE)
    if not fixed and take is None:
        raise RotationRuleError("no rule says which are taken: take top N, take bottom N or take all")
    chooses = take is not None and take.word != "all"
    if chooses != (Part.RANK in one):
        raise RotationRuleError("what is taken by its rank needs a rule rank by, and only that has one")
    if fixed and (take is not None or Part.WHERE in parts):
        raise RotationRuleError("fixed weights are of named symbols: nothing is taken by rank or condition")
    if fixed and set(one[Part.WEIGHTS].symbols) - set(one[Part.UNIVERSE].symbols):
        raise RotationRuleError("fixed weights are of symbols of the universe")
    if take is not None and take.count > len(one[Part.UNIVERSE].symbols):
        raise RotationRuleError(f"{take.text}: the universe has {len(one[Part.UNIVERSE].symbols)} symbols")
    return _written(one, parts)


def _pair(one: dict[Part, RotationRule], parts: dict[Part, list[RotationRule]]) -> RotationProgram:
    rule, schedule = one[Part.PAIR], one.get(Part.REBALANCE)
    if schedule is None:
        raise RotationRuleError("no rule says rebalance")
    if others := sorted(parts.keys() - {Part.PAIR, Part.REBALANCE}):
        raise RotationRuleError(f"a pair has its symbols and weights, and no rule for {', '.join(others)} beside it")
    assert rule.pair is not None
    rows = code_of(rule.pair, schedule.word if schedule.word.isdigit() else f'"{schedule.word}"')
    lines = {
        rule.text: [number for number, (_, mine) in enumerate(rows, start=1) if mine],
        schedule.text: [number for number, (text, _) in enumerate(rows, start=1) if text.startswith("SCHEDULE")],
    }
    meanings = {name: said for name, said in MEANINGS.items() if any(text.startswith(f"{name} = ") for text, _ in rows)}
    return RotationProgram("\n".join(text for text, _ in rows) + "\n", lines, meanings)


def _written(one: dict[Part, RotationRule], parts: dict[Part, list[RotationRule]]) -> RotationProgram:
    writer = _Writer()
    for number, rule in enumerate(parts.get(Part.WHEN, []), start=1):
        assert rule.comparison is not None
        market = f"market{number if number > 1 else ''}"
        writer.add(f'{market} = universe.of("{rule.symbols[0]}")', rule)
        compared = writer.compared(rule.comparison, f"{market}_is", rule, market)
        writer.add(f"if not {compared}:", rule)
        writer.add("    return cash()", rule)
    weights = one[Part.WEIGHTS]
    if weights.word == "fixed":
        pairs = zip(weights.symbols, weights.weights, strict=True)
        writer.add("return {" + ", ".join(f'"{symbol}": {part:g}' for symbol, part in pairs) + "}", weights)
    else:
        chosen, by = _chosen(writer, one, parts.get(Part.WHERE, []))
        writer.add(f"chosen = {chosen}", *by)
        if weights.column:
            volatility = writer.column(
                "volatility", weights.column, "VOLATILITY_LENGTH", "length of the volatility", weights
            )
            writer.add(f"return weights.inverse_volatility(universe.{volatility}, where=chosen)", weights)
        else:
            writer.add("return weights.equal(chosen)", weights)
    return _assembled(writer, one)


def _chosen(
    writer: _Writer, one: dict[Part, RotationRule], filters: Sequence[RotationRule]
) -> tuple[str, list[RotationRule]]:
    conditions = []
    for number, rule in enumerate(filters, start=1):
        assert rule.comparison is not None
        name = f"filter{number if number > 1 else ''}"
        conditions.append(f"({writer.compared(rule.comparison, name, rule, 'universe')})")
    where = " & ".join(conditions)
    take = one[Part.TAKE]
    if take.word == "all":
        return where or "universe.close > 0", [take, *filters]
    rank = one[Part.RANK]
    score = writer.column("score", rank.column, "RANK_LENGTH", "length that they are ranked by", rank)
    name = take.word.upper()
    writer.constant(name, float(take.count), "how many are held", take)
    inside = f", where={where}" if where else ""
    return f"universe.{score}.{take.word}({name}{inside})", [take, rank, *filters]


def _assembled(writer: _Writer, one: dict[Part, RotationRule]) -> RotationProgram:
    universe, schedule = one[Part.UNIVERSE], one[Part.REBALANCE]
    named = ", ".join(f'"{each}"' for each in universe.symbols)
    when = schedule.word if schedule.word.isdigit() else f'"{schedule.word}"'
    rows: list[tuple[str, tuple[str, ...]]] = [
        (f"UNIVERSE = [{named}]", (universe.text,)),
        (f"SCHEDULE = {when}", (schedule.text,)),
    ]
    rows += [(f"{name} = {value:g}", (writer.of_constants[name],)) for name, value in writer.constants.items()]
    rows += [("", ()), ("", ())]
    if writer.columns:
        rows += [("def indicators(bars):", ()), ("    return {", ())]
        rows += [(f'        "{name}": {text},', (writer.of_columns[name],)) for name, text in writer.columns.items()]
        rows += [("    }", ()), ("", ()), ("", ())]
    rows += [("def rebalance(universe, portfolio, state):", ()), *writer.body]
    lines = dict[str, list[int]]()
    for number, (_, rules) in enumerate(rows, start=1):
        for each in rules:
            lines.setdefault(each, []).append(number)
    return RotationProgram("\n".join(text for text, _ in rows) + "\n", lines, writer.meanings)
