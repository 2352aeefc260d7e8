"""Holds what joins conditions in a request (and, or, both, too, only, “on Fridays only when …”) against how the rules join them, and what is compared with what."""

from __future__ import annotations

import ast
import itertools
import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Element, Kind, Unit, elements_of
from stratforge.intent.lexicon import INDICATORS, NEGATED, OR
from stratforge.intent.measures import forms_of, holds, near, texts
from stratforge.intent.rules import PRICES, RESULTS, Rule, RuleKind
from stratforge.intent.stretches import names_a_side

_I = re.IGNORECASE
_AND = re.compile(
    r"\b(?:and|und|y|et|plus|as well as|while|together with|provided(?: that)?|with)\b|&|且|かつ|并且", _I
)
_DENIED_AND = re.compile(
    r"\b(?:but not|not|never|unless|except)\b(?: (?:buy|trade|enter))?(?: (?:when|if|while))? (?=[^,;.]*?\d)(?![^,;.]*\b(?:between|zwischen|entre)\b)[^,;.]*?\b(?:and|und|y|et)\b(?! (?:sell|buy|exit|close|only|then))\s[^,;.]*?(?:\d|\brising|\bfalling|\babove|\bbelow|\bgreen|\bred)",
    _I,
)
_ONLY_SELL = re.compile(
    r"\bonly (?:sell|exit|close)\b|\b(?:sell|exit|close)\w*(?: it)? only\b|\bnur verkaufen|\bverkaufe\w* nur|\bvend\w+ (?:sólo|solo|seulement)|\b(?:sólo|solo) vend\w+",
    _I,
)
_TOO = re.compile(r"\b(?:too|as well|also|auch|también|aussi|in addition)\b|也", _I)
_OWN_WHEN = re.compile(r"\b(?:when|if|while|wenn|cuando|si|quand)\b", _I)
_CLOSE_SAID = re.compile(
    r"\bclos\w*|\bpric\w*|\bcurrent\w*|\blast\b|\bit\b.*\bit\b|\bgreen|\bred\b|\bbull\w*|\bbear\w*|\bcandle|\bbody|\bwick|\bshadow|\btrad\w*|\bstock|\bhammer|\bdoji|schluss|kurs|preis|cierre|precio|clôture|prix|终|終|收|价|値",
    _I,
)


_EDGE_SAID = re.compile(r"\bthe (high|low|open) (?:is|crosses|goes|stays|rises|falls)\b", _I)


def structure_findings(words: str, rules: Sequence[Rule], side: RuleKind | None) -> Iterator[tuple[str, str]]:
    """Finds conditions that the words join otherwise than the rules of their side.

    Args:
        words: Words of one side.
        rules: The rules of that side, of the whole strategy.
        side: Which side.

    Yields:
        The words that decide, where telling them in assumptions is enough, otherwise nothing; and what is wrong.
    """
    mine = [each for each in rules if each.condition is not None]
    for one, other, between in _pairs(words):
        first = [each for each in mine if _has(each, one)]
        second = [each for each in mine if _has(each, other)]
        if not first or not second or NEGATED.search(words, 0, other.start):
            continue
        both = [each for each in first if any(each is one_of for one_of in second)]
        if (
            OR.search(between)
            and both
            and len(both) == len(first) == len(second)
            and not any(each.offers_choice for each in both)
        ):
            yield "", f"says “{one.text}{between}{other.text}”, and its rule needs both ({both[0].text})"
        elif (
            _AND.search(between)
            and not OR.search(between)
            and not both
            and all(each.kind in (RuleKind.BUY, RuleKind.SELL) for each in (*first, *second))
        ):
            yield (
                "",
                f"says “{one.text}{between}{other.text}”, and one of them is enough by its rules ({texts([*first, *second])}): join them with and in one rule",
            )
    match = _DENIED_AND.search(words)
    if match and mine and not any(each.offers_choice for each in mine):
        yield (
            match[0],
            f"denies two things together (“{match[0]}”), and its rule denies each ({texts(mine)}): write not (… and …), ask, or quote these words in assumptions",
        )
    if side is RuleKind.SELL and (match := _ONLY_SELL.search(words)):
        yield from _only(words[match.start() :], mine, match[0])


def _pairs(words: str) -> Iterator[tuple[Element, Element, str]]:
    """Two levels with a connective between them, and nothing that begins another sentence or another side."""
    levels = [each for each in elements_of(words) if each.is_level]
    for one, other in itertools.pairwise(levels):
        between = words[one.end : other.start]
        if (
            re.search(r"[;.:,](?=\s)|\b(?:then|but|unless|when|if|stop\w*|target|take|size|wait|hold)\b", between, _I)
            or names_a_side(between)
            or re.search(r"\b(?:between|zwischen|entre)\b[^,;]*$", words[: one.start], _I)
        ):
            continue
        if re.search(r"[a-z]{2,}", re.sub(r"\b(?:and|or|und|oder|et|ou|the)\b", "", between), _I):
            yield one, other, between


def _has(rule: Rule, element: Element) -> bool:
    """Whether a rule compares with a level; lengths of indicators are not levels."""
    return any(
        near(form, float(other))
        for atom in rule.atoms
        for other in (atom.left.lstrip("-"), atom.right.lstrip("-"))
        if re.fullmatch(r"\d[\d.]*", other) and not holds(atom.text, "minute", "weekday")
        for form in ({element.value} if element.unit is not Unit.PERCENT else {element.value, element.value / 100})
    )


def _only(words: str, sales: Sequence[Rule], said: str) -> Iterator[tuple[str, str]]:
    clause = re.split(r"[,;.](?=\s)|\b(?:then|but)\b", words)[0]
    if OR.search(clause):
        return
    levels = [each for each in elements_of(clause, Kind.NUMBER) if any(_has(rule, each) for rule in sales)]
    free = [
        each
        for each in sales
        if levels
        and not any(_has(each, level) for level in levels)
        and not holds(each.text, "minute", "bars_held", *RESULTS)
    ]
    if free:
        yield (
            "",
            f"says “{said}”, and a rule sells without it ({free[0].text}): join it with and{', as “too” says' if _TOO.search(clause) else ''}",
        )


def day_of_its_own(stretches: Sequence[str], rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Finds a day that stands with a condition of its own, and whose rule has another clause's condition.

    Args:
        stretches: The clauses of one side, in their order.
        rules: The rules of that side.
    """
    for index, words in enumerate(stretches):
        days, others = elements_of(words, Kind.DAY), elements_of(words, Kind.NUMBER, Kind.TIME)
        if not days or not others or not (_OWN_WHEN.search(words) or names_a_side(words)) or not index:
            continue
        if days[0].start > others[0].start and not re.match(r"\W*(?:on|am|el|los|le)\b", words, _I):
            continue
        earlier = [each for one in stretches[:index] for each in elements_of(one, Kind.NUMBER)]
        earlier = [each for each in earlier if not any(near(each.value, one.value) for one in others)]
        for rule in rules:
            if rule.condition is None:
                continue
            dayless = not holds(rule.text, "weekday")
            mine = any(
                near(form, number)
                for each in others
                for form in forms_of(each) | {each.value}
                for number in rule.numbers
            )
            theirs = any(_has(rule, each) for each in earlier)
            if dayless and mine and not theirs:
                yield "", f"says “{words.strip(' ,.;')}”, and its rule does so on every day ({rule.text})"
            elif not dayless and theirs and not rule.offers_choice:
                yield (
                    words.strip(" ,.;"),
                    f"says “{words.strip(' ,.;')}”, and its rule restricts what was said before to that day ({rule.text})",
                )


def compared_findings(words: str, rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Finds comparisons of what cannot be compared, and of a column that no word names."""
    for rule in rules:
        for atom in rule.atoms:
            kinds = [_measured(ast.parse(each, mode="eval").body) for each in (atom.left, atom.right)]
            if set(kinds) == {"price", "volume"}:
                yield (
                    "",
                    f"has a rule that compares volume with a price ({atom.text}): average the column that is named",
                )
            if (named := _EDGE_SAID.search(words)) and not re.search(named[1].lower(), texts(rules)):
                yield named[0], f"speaks of “{named[0]}”, and its rules do not ({texts(rules)})"
            if {atom.left, atom.right} in ({"high", "close"}, {"low", "close"}) and not _CLOSE_SAID.search(words):
                yield "", f"does not speak of the close, and its rule compares with it ({atom.text})"


def _measured(node: ast.expr) -> str:
    """What an expression is measured in: price, volume, or something else."""
    text = ast.unparse(node)
    if isinstance(node, ast.Name):
        return (
            "price"
            if node.id in PRICES or node.id.startswith(("day_", "yesterday_", "entry"))
            else "volume"
            if node.id == "volume"
            else ""
        )
    if isinstance(node, ast.BinOp):
        kinds = {_measured(node.left), _measured(node.right)} - {""}
        if isinstance(node.op, ast.Mult | ast.Add | ast.Sub) and len(kinds) == 1:
            return kinds.pop()
        if isinstance(node.op, ast.Div) and not _measured(node.right):
            return _measured(node.left)
        return ""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "previous":
        return _measured(node.args[0])
    columns = set(re.findall(r"\bbars\.(\w+)", text))
    averaged = re.fullmatch(
        r"ta\.(?:sma|ema|wma|hma|rma|dema|tema|mean|median|highest|lowest)\(.*\)", text
    ) or re.fullmatch(r"bars\.\w+(?:\.(?:shift|rolling|mean|max|min|median|ewm)\([^()]*\))*", text)
    if averaged and columns:
        return "volume" if columns == {"volume"} else "price" if "volume" not in columns else ""
    return ""


def named_elsewhere(words: str, rules: Sequence[Rule]) -> Iterator[tuple[str, str]]:
    """Finds indicators that the words of one side name and only the other side's rules have."""
    for pattern, meant in INDICATORS:
        match = pattern.search(words)
        if match and not holds(texts(rules), *meant):
            yield match[0], f"speaks of “{match[0]}”, and the rules of its side ({texts(rules)}) do not"
