"""The formal rules of a portfolio strategy; all of them together are one, and its code must decide the same.

universe SPY, QQQ, IWM          the symbols it may hold
rebalance monthly               or daily, weekly, quarterly, yearly, every 30 minutes
take top 3                      or take bottom 3, take all
rank by bars.close.pct_change(126)
only where bars.close > bars.close.rolling(200).mean()     of each symbol
only when SPY: bars.close > bars.close.rolling(200).mean() else it holds cash
weights equal                   or weights inverse volatility bars.close.pct_change().rolling(63).std(), weights SPY 0.6, TLT 0.4
pair KO to PEP 20: KO below -2 until 0   of the ratio of two prices the distance from its mean of 20 bars in standard deviations: all is KO from below -2 on, cash from 0 on, and
                                between them nothing is changed; or pair KO to PEP 40: KO below -1.2, PEP above 1.2. Beside it stands rebalance alone
drop RULE                       of a change: it stood before and is gone
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.pairs import Pair, read_pair_rule
from stratforge.intent.rules import OPERATORS, Atom, numbers_in_text
from stratforge.market.symbols import is_symbol
from stratforge.strategy.rotation.schedule import MAX_MINUTES, PERIODS


class RotationRuleError(ValueError):
    """The text is no rule of a portfolio strategy; says what is wrong."""


class Part(StrEnum):
    """The parts of a portfolio strategy that rules are about."""

    UNIVERSE = "universe"
    REBALANCE = "rebalance"
    TAKE = "take"
    RANK = "rank"
    WHERE = "only where"
    WHEN = "only when"
    WEIGHTS = "weights"
    PAIR = "pair"


# Of these there is one; of the others there may be several.
SINGLE = (Part.UNIVERSE, Part.REBALANCE, Part.TAKE, Part.RANK, Part.WEIGHTS, Part.PAIR)
_COMPARED: dict[type[ast.cmpop], str] = {kind: OPERATORS[kind] for kind in (ast.Gt, ast.GtE, ast.Lt, ast.LtE)}


@dataclass(frozen=True, slots=True)
class RotationRule:
    """A rule as it was read, by its part with what that part needs.

    Attributes:
        part: What it is about.
        text: Its canonical form.
        symbols: Of a universe, of fixed weights, or of `only when`, in their order.
        weights: Of fixed weights those of the symbols.
        word: The period, or minutes as a number; top, bottom or all; equal, inverse volatility or fixed.
        count: How many are taken.
        column: What is ranked by, or the volatility.
        comparison: Of `only where` and `only when`: of two columns, or of a column with a number.
        pair: What a pair is.
        dropped: Whether it is gone.
    """

    part: Part
    text: str
    symbols: tuple[str, ...] = ()
    weights: tuple[float, ...] = ()
    word: str = ""
    count: int = 0
    column: str = ""
    comparison: Atom | None = None
    pair: Pair | None = None
    dropped: bool = False

    @property
    def numbers(self) -> frozenset[float]:
        """Collects its weights, counts, minutes and the numbers of its columns."""
        if self.pair is not None:
            return self.pair.numbers
        found = [*self.weights, *([float(self.count)] if self.count else [])]
        if self.word.isdigit():
            found.append(float(self.word))
        of_columns = numbers_in_text(self.column) if self.column else frozenset()
        return frozenset(found) | of_columns | (self.comparison.numbers if self.comparison is not None else frozenset())


def read_rotation_rule(text: str) -> RotationRule:
    """Reads the text of a rule of a portfolio strategy.

    Raises:
        RotationRuleError: if it is none.
    """
    said = " ".join(text.split())
    if said.startswith("drop "):
        rule = read_rotation_rule(said[5:])
        return RotationRule(rule.part, f"drop {rule.text}", dropped=True)
    for part, read in _READERS.items():
        if said.startswith(part.value + " "):
            return read(said[len(part.value) + 1 :])
    raise RotationRuleError(f"a rule begins with one of {', '.join(Part)} or drop")


def _universe(said: str) -> RotationRule:
    symbols = tuple(each.strip() for each in said.split(","))
    if not all(map(is_symbol, symbols)) or len(set(symbols)) != len(symbols):
        raise RotationRuleError("a universe is symbols with commas, each once: universe SPY, QQQ, IWM")
    return RotationRule(Part.UNIVERSE, f"universe {', '.join(symbols)}", symbols=symbols)


def _rebalance(said: str) -> RotationRule:
    if said in PERIODS:
        return RotationRule(Part.REBALANCE, f"rebalance {said}", word=said)
    found = re.fullmatch(r"every (\d{1,3}) minutes", said)
    if not found or not 1 <= int(found[1]) <= MAX_MINUTES:
        raise RotationRuleError(f"rebalance is followed by {', '.join(PERIODS)} or every N minutes")
    return RotationRule(Part.REBALANCE, f"rebalance {said}", word=str(int(found[1])))


def _take(said: str) -> RotationRule:
    if said == "all":
        return RotationRule(Part.TAKE, "take all", word="all")
    found = re.fullmatch(r"(top|bottom) ([1-9]\d?)", said)
    if not found:
        raise RotationRuleError("take is followed by top N, bottom N or all")
    return RotationRule(Part.TAKE, f"take {said}", word=found[1], count=int(found[2]))


def _rank(said: str) -> RotationRule:
    if not said.startswith("by "):
        raise RotationRuleError("rank is followed by by and a column: rank by bars.close.pct_change(126)")
    column = _column(said[3:])
    return RotationRule(Part.RANK, f"rank by {column}", column=column)


def _where(said: str) -> RotationRule:
    compared = _comparison(said)
    return RotationRule(Part.WHERE, f"only where {compared.text}", comparison=compared)


def _when(said: str) -> RotationRule:
    symbol, colon, rest = said.partition(":")
    if not colon or not is_symbol(symbol.strip()):
        raise RotationRuleError(
            "only when is followed by a symbol, a colon and a comparison: only when SPY: bars.close > …"
        )
    compared = _comparison(rest.strip())
    return RotationRule(
        Part.WHEN, f"only when {symbol.strip()}: {compared.text}", symbols=(symbol.strip(),), comparison=compared
    )


def _weights(said: str) -> RotationRule:
    if said == "equal":
        return RotationRule(Part.WEIGHTS, "weights equal", word="equal")
    if said.startswith("inverse volatility "):
        column = _column(said.removeprefix("inverse volatility "))
        return RotationRule(
            Part.WEIGHTS, f"weights inverse volatility {column}", word="inverse volatility", column=column
        )
    pairs = [each.split() for each in said.split(",")]
    if not all(len(each) == 2 and is_symbol(each[0]) and re.fullmatch(r"0?\.\d+|1(\.0+)?", each[1]) for each in pairs):
        raise RotationRuleError(
            "weights is followed by equal, inverse volatility COLUMN, or symbols with parts: SPY 0.6, TLT 0.4"
        )
    symbols, parts = tuple(each[0] for each in pairs), tuple(float(each[1]) for each in pairs)
    if sum(parts) > 1 + 1e-9 or len(set(symbols)) != len(symbols):
        raise RotationRuleError("fixed weights are of different symbols, and together at most 1")
    text = ", ".join(f"{symbol} {part:g}" for symbol, part in zip(symbols, parts, strict=True))
    return RotationRule(Part.WEIGHTS, f"weights {text}", symbols=symbols, weights=parts, word="fixed")


def _pair(said: str) -> RotationRule:
    try:
        pair = read_pair_rule(said)
    except ValueError as error:
        raise RotationRuleError(str(error)) from error
    return RotationRule(Part.PAIR, pair.text, pair.universe, pair=pair)


def _parsed(said: str) -> ast.expr:
    try:
        return ast.parse(said.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise RotationRuleError(f"“{said[:80]}” is no expression of the language") from error


def _column(said: str) -> str:
    return ast.unparse(_parsed(said))


def _comparison(said: str) -> Atom:
    node = _parsed(said)
    if not isinstance(node, ast.Compare) or len(node.ops) != 1 or type(node.ops[0]) not in _COMPARED:
        raise RotationRuleError("a condition compares two columns, or a column with a number, by < <= > or >=")
    left, right = ast.unparse(node.left), ast.unparse(node.comparators[0])
    return Atom(left, _COMPARED[type(node.ops[0])], right)


_READERS = {
    Part.UNIVERSE: _universe,
    Part.REBALANCE: _rebalance,
    Part.TAKE: _take,
    Part.RANK: _rank,
    Part.WHERE: _where,
    Part.WHEN: _when,
    Part.WEIGHTS: _weights,
    Part.PAIR: _pair,
}


def is_rotation_rule(text: str) -> bool:
    """Returns whether a text is a rule of a portfolio strategy."""
    try:
        read_rotation_rule(text)
    except RotationRuleError:
        return False
    return True


def standing_rules(requirements: Sequence[Requirement]) -> list[RotationRule]:
    """The rules of requirements that make the strategy, each once.

    Raises:
        RotationRuleError: if one is none.
    """
    rules = [
        read_rotation_rule(text)
        for each in requirements
        if each.status not in (Status.SUPERSEDED, Status.UNSUPPORTED)
        for text in each.rules
    ]
    return list({each.text: each for each in rules if not each.dropped}.values())


def by_part(rules: Iterable[RotationRule]) -> dict[Part, list[RotationRule]]:
    """Rules by what they are about."""
    found = dict[Part, list[RotationRule]]()
    for each in rules:
        found.setdefault(each.part, []).append(each)
    return found


_RETURN = re.compile(r"bars\.close\.pct_change\((\d+)\)")
_MEAN = re.compile(r"bars\.close\.rolling\((\d+)\)\.mean\(\)|ta\.sma\(bars\.close, length=(\d+)\)")
_DEVIATION = re.compile(r"bars\.close\.pct_change\(\)\.rolling\((\d+)\)\.std\(\)")
_SIGNS = {">": "above", ">=": "at or above", "<": "below", "<=": "at or below"}


def in_words(rule: RotationRule, unit: str = "bars") -> str:
    """Says a rule to somebody who does not program.

    Args:
        rule: The rule.
        unit: What its lengths count: days or minutes.
    """
    match rule.part:
        case Part.UNIVERSE:
            return f"it may hold {', '.join(rule.symbols)}"
        case Part.REBALANCE:
            return f"it decides {rule.word}" if not rule.word.isdigit() else f"it decides every {rule.word} minutes"
        case Part.TAKE if rule.word == "all":
            return "it holds all of them"
        case Part.TAKE:
            return f"it holds the {rule.count} {'highest' if rule.word == 'top' else 'lowest'}"
        case Part.RANK:
            return f"they are ranked by {_column_words(rule.column, unit)}"
        case Part.WEIGHTS if rule.word == "equal":
            return "with equal weights"
        case Part.WEIGHTS if rule.column:
            return f"with weights in proportion to one by {_column_words(rule.column, unit)}"
        case Part.WEIGHTS:
            pairs = zip(rule.symbols, rule.weights, strict=True)
            return "with the weights " + ", ".join(f"{symbol} {100 * part:g} %" for symbol, part in pairs)
        case Part.PAIR:
            assert rule.pair is not None
            return rule.pair.in_words(unit)
    assert rule.comparison is not None
    compared = rule.comparison
    said = f"{_column_words(compared.left, unit)} is {_SIGNS[compared.operator]} {_column_words(compared.right, unit)}"
    if rule.part is Part.WHERE:
        return f"only those of which {said}"
    return f"all is cash unless of {rule.symbols[0]} {said}"


def _column_words(column: str, unit: str) -> str:
    if column == "bars.close":
        return "the price"
    for pattern, words in ((_RETURN, "the return"), (_MEAN, "the average price"), (_DEVIATION, "the volatility")):
        if found := pattern.fullmatch(column):
            return f"{words} of the last {next(filter(None, found.groups()))} {unit}"
    return column
