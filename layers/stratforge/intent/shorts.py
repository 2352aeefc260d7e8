"""Strategies that only go short, as the gate judges them: as their mirror image, which buys where they go short and sells where they cover.

What a request says of prices and indicators is the same for both. What it says of the position's own price is not: what lies above the entry is a loss here and a profit
there. So nothing that is measured by that price is judged so, but profits and losses, and exits by a percentage, which the language itself turns round; the person is asked about
the rest. A strategy that goes long as well is `long_short`'s.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Collection, Iterator, Sequence

from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import (
    EXIT_KINDS,
    GREATER,
    OPERATORS,
    RESULTS,
    TURNED,
    Rule,
    RuleError,
    RuleKind,
    read_rule,
)

_I = re.IGNORECASE
_POSITION = r"(?:(?:the|my|your|a|any|every|all|that) )?(?:new )?(?:shorts?|position)(?: positions?)?"
COVERS = re.compile(
    r"\b(?:(?P<bought_back>buy(?:s|ing)?|bought)(?: (?:it|them|everything|all))?(?: to cover| back)(?: (?:it|them|everything|all))?"
    rf"|(?P<closed>clos(?:e[sd]?|ing)|exit(?:s|ed|ing)?) {_POSITION.replace('|position', '')}"
    rf"|(?P<covered>cover(?:s|ed|ing)?)(?: {_POSITION})?)\b",
    _I,
)
# What “short” and “long” are said of that is no position: a “short average”, the “short term”.
NO_POSITION = r"term|ma\b|ema|sma|wma|moving|average|period|window|length|one\b|line|lived"
SHORTS = re.compile(
    r"\b(?:(?P<sell>sell(?:s|ing)?|sold) (?:it )?short|(?P<go>go(?:es|ing)?|went|(?:be|get(?:s|ting)?)(?! short ?[-–]?(?:{NO_POSITION}|and long))) short|(?P<open>open(?:s|ed|ing)?|enter(?:s|ed|ing)?|take[sn]?|taking) (?:a )?(?:new )?short(?: position)?"
    rf"|short[- ](?P<selling>sell(?:s|ing)?)|(?P<short>short(?:s|ed|ing)?)(?! ?[-–]?(?:{NO_POSITION}|and long|selling)))\b",
    _I,
)
_BOTH = re.compile(f"{COVERS.pattern}|{SHORTS.pattern}", _I)
_LONG = re.compile(r"\b(?:buy\w*|bought|purchas\w*|sell\w*|sold|longs?(?<!as long)(?![- ](?:as|term|enough)))\b", _I)
# Which way the price goes, or lies.
_WAYS = re.compile(
    r"\b(?:above|over|below|under|beneath|higher|lower|high|low|ris\w+|rose|fall\w*|fell|up|down|drops?|dropp\w+|climb\w*|rall\w+|against|favou?r)\b",
    _I,
)
# Words that are a loss, or a profit, by themselves, with the comparison that is one.
_EXITS = ((re.compile(r"\bstop(?:s|[- ]loss(?:es)?)?\b", _I), re.compile(r"\bgain <=? -")), (re.compile(r"\btargets?\b", _I), re.compile(r"\bgain >=? \d")))  # fmt: skip
_RESULT = re.compile(r"\b(?:profits?|loss(?:es)?|los(?:e|es|ing|t)|gain\w*|win\w*|won|earn\w*)\b", _I)
# What a price does as well as a position (“when the stock gains 2 %”), unless it is said of whom; and profits and losses that are said to be the price's.
_OWN = re.compile(
    r"\b(?:I|we|you|shorts?|positions?|trades?)(?: ?['’](?:ve|m|re|s)| (?:have|has|am|are|is))?(?: (?:gain|los|win|won|earn)\w*)",
    _I,
)
_MOVES = re.compile(
    r"\b(?:gain(?:s|ed|ing)(?! of)|gain(?= \d)|los(?:e|es|t|ing)|wins?(?= \d)|won|earn\w*)\b"
    r"|\b(?:price|stock|share|market)(?:['’]s)?(?: price)? (?:gain|loss|profit)\w*"
    r"|\b(?:gain|loss|profit)(?:s|es)?(?: of \S+(?: ?%| percent)?)? (?:in|of|by|on) (?:the |its )?(?:price|stock|share|market)\b",
    _I,
)
# Where rules of a strategy that goes short say other words than those of its mirror image: what stands before the word, the word, that of the image, and what follows.
_RULES = (
    ("", "short", "buy", " (?:only )?when"),
    ("", "cover", "sell", r" (?:\d+(?:\.\d+)? ?% )?when"),
    (r"at most \d+ ", "short", "buy", "s? a day"),
    (r"wait \d+ bars? after a ", "cover", "sale", ""),
)
# Decisions of code, with those of its mirror image.
_CALLS = {"short": "buy", "cover": "sell"}
# Words that are said of a mirror image, with those that say the same of what it is the image of.
_BACK = {
    "buys": "shorts", "buy": "short", "buying": "shorting", "bought": "sold short", "purchases": "short sales", "purchase": "short sale",
    "sells": "covers", "sell": "cover", "selling": "covering", "sold": "covered", "sales": "covers", "sale": "cover",
}  # fmt: skip
_BACK |= {image.capitalize(): words.capitalize() for image, words in _BACK.items()}
_IMAGES = re.compile(rf"\b(?:{'|'.join(_BACK)})\b")
# What the code may ask of its position and set with a decision: what is turned round by itself.
_ASKED = frozenset({"quantity", "unrealized_return", "bars_held"})
_SET = frozenset({"fraction", "quantity", "notional", "stop_loss", "take_profit", "trailing_stop"})
# The profit, in percent, that is made where the price is nothing.
_ALL = 100
NEVER_MADE = "a short position never makes that, since a price does not fall below nothing"
IN_WHOLE_SHARES = "Only whole shares are sold short"
# What a person is told of a strategy that goes short.
OPT_IN = "It goes short: before it runs, short selling has to be enabled in the account."
PARTS_LEFT_OUT = f"{IN_WHOLE_SHARES} and covered: what an amount or a part has beyond them is left out, and where it is less than one share nothing is done."
_BY_PRICE = frozenset(RESULTS) - {"gain"}
_KINDS = frozenset({RuleKind.BUY, RuleKind.ONLY, RuleKind.SELL, RuleKind.SIZE, RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.SYMBOL, *EXIT_KINDS})  # fmt: skip


def as_bought(words: str) -> str:
    """The mirror image of a person's words: to go short is to buy, to cover to sell."""
    return _BOTH.sub(_inflected, words)


def speaks_of_shorts(turns: Sequence[str]) -> bool:
    """Returns whether a person speaks of going short, and of nothing that would be long."""
    return any(map(SHORTS.search, turns)) and not any(_LONG.search(_BOTH.sub(" ", each)) for each in turns)


def quoted(words: str, image: str) -> str:
    """The words whose mirror image is a part of the mirror image of these words; the part itself where there are none."""
    at = as_bought(words).find(image)
    if at < 0 or not image:
        return image
    # Of each letter of the whole mirror image the words that it comes from.
    comes_from, before = list[tuple[int, int]](), 0
    for match in _BOTH.finditer(words):
        comes_from += ((place, place + 1) for place in range(before, match.start()))
        comes_from += [match.span()] * len(_inflected(match))
        before = match.end()
    comes_from += ((place, place + 1) for place in range(before, len(words)))
    return words[comes_from[at][0] : comes_from[at + len(image) - 1][1]]


def _inflected(match: re.Match[str]) -> str:
    group = match.lastgroup or ""
    verb = "sell" if group in ("bought_back", "closed", "covered") else "buy"
    said = match[group].lower()
    past = {"buy": "bought", "sell": "sold"}[verb]
    if said in ("bought", "sold", "went") or (said.endswith("ed") and said != "need"):
        found = past
    else:
        found = f"{verb}ing" if said.endswith("ing") else f"{verb}s" if said.endswith("s") else verb
    return found.capitalize() if match[0][0].isupper() else found


def as_short(text: str, quotes: Sequence[tuple[str, str]] = ()) -> str:
    """Says of the strategy what is said of its mirror image; `quotes` are the mirror images of words with the words."""
    kept = list[str]()
    for image, words in sorted(quotes, key=lambda each: -len(each[0])):
        if image and image in text:
            text = text.replace(image, f"\0{len(kept)}\0")
            kept.append(words)
    text = _IMAGES.sub(lambda each: _BACK[each[0]], text)
    return re.sub(r"\0(\d+)\0", lambda each: kept[int(each[1])], text)


def rule_as_bought(rule: str) -> str:
    """The mirror image of a rule: “short when …” is “buy when …”, “cover when …” is “sell when …”."""
    for before, word, image, behind in _RULES:
        rule = re.sub(rf"^({before}){word}(?={behind})", rf"\g<1>{image}", rule)
    return rule


def rule_as_short(rule: str) -> str:
    """The rule whose mirror image this is."""
    for before, word, image, behind in _RULES:
        rule = re.sub(rf"^({before}){image}(?={behind})", rf"\g<1>{word}", rule)
    return rule


def code_as_bought(source: str) -> tuple[str, list[str]]:
    """The mirror image of code that only goes short, line by line; and what of it has none."""
    found, places = list[str](), list[tuple[int, int, int, str]]()
    tree, lines = ast.parse(source), source.encode().splitlines(keepends=True)
    compared = set[ast.AST]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            name = node.func.id
            if name in _CALLS.values():
                found.append(f"The code goes short and has {name}(): write the rules and the code of both sides, or ask which of them it should be.")  # fmt: skip
            elif name in (*_CALLS, "adjust"):
                found += (f"What {each.arg} sets is measured by the price of the position, which is not judged of short positions: give the exit as a fraction, or ask." for each in node.keywords if each.arg not in _SET)  # fmt: skip
                places.append((node.func.lineno, node.func.col_offset, node.func.end_col_offset or 0, _CALLS.get(name, name)))  # fmt: skip
        elif isinstance(node, ast.Compare) and (place := _flipped(node, lines)) is not None:
            places.append(place)
            compared |= {node.left, *node.comparators}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Attribute) or not isinstance(node.value, ast.Name):
            continue
        owner, name = node.value.id, node.attr
        if owner == "position" and (name not in _ASKED or (name == "quantity" and node not in compared)):
            found.append(f"position.{name} is asked for in a way that is not judged of short positions: compare position.quantity with 0, and use position.unrealized_return for profits and losses.")  # fmt: skip
        elif owner == "account" and name != "equity":
            found.append(f"account.{name} holds what a short sale brings, which is not judged: leave it out, or ask.")
    return _replaced(lines, places), list(dict.fromkeys(found))


def code_as_short(source: str) -> str:
    """The code whose mirror image this is, line by line."""
    tree, lines = ast.parse(source), source.encode().splitlines(keepends=True)
    images = {image: name for name, image in _CALLS.items()}
    places = [
        (each.func.lineno, each.func.col_offset, each.func.end_col_offset or 0, images[each.func.id])
        for each in ast.walk(tree)
        if isinstance(each, ast.Call) and isinstance(each.func, ast.Name) and each.func.id in images
    ]
    compared = (_flipped(each, lines) for each in ast.walk(tree) if isinstance(each, ast.Compare))
    return _replaced(lines, [*places, *(each for each in compared if each is not None)])


def _replaced(lines: list[bytes], places: Sequence[tuple[int, int, int, str]]) -> str:
    for line, start, end, text in sorted(places, reverse=True):
        row = lines[line - 1]
        lines[line - 1] = row[:start] + text.encode() + row[end:]
    return b"".join(lines).decode()


def _flipped(node: ast.Compare, lines: Sequence[bytes]) -> tuple[int, int, int, str] | None:
    """Where a comparison of the position's quantity with 0 has its operator, and which it has in the mirror image."""
    sides = [ast.unparse(each) for each in (node.left, *node.comparators)]
    if sorted(sides) != ["0", "position.quantity"] or node.left.end_lineno != node.comparators[0].lineno:
        return None
    start, end = node.left.end_col_offset or 0, node.comparators[0].col_offset
    between = lines[node.comparators[0].lineno - 1][start:end].decode()
    match = re.search(r"[<>=!]=?", between)
    if match is None:
        return None
    return node.comparators[0].lineno, start, end, f"{between[: match.start()]}{TURNED[match[0]]}{between[match.end() :]}"  # fmt: skip


def remembered(source: str, requirements: Sequence[Requirement]) -> Iterator[str]:
    """Finds whether code whose rules speak of profits and losses keeps prices in its state, by which it can measure them: they would be measured as of its mirror image.

    Args:
        source: The code that goes short.
        requirements: Those of the answer, with its own rules.
    """
    if not any("gain" in each.facts or each.kind in EXIT_KINDS for each in _rules_of(requirements)):
        return
    tree = ast.parse(source)
    set_to = list[tuple[ast.expr, ast.expr]]()
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            set_to += ((target, node.value) for target in node.targets)
        elif isinstance(node, ast.AugAssign):
            set_to.append((node.target, node.value))
    priced, before = set[str](), -1
    while len(priced) != before:
        before = len(priced)
        for target, value in set_to:
            if _of_bar(value, priced):
                priced |= {each.id for each in ast.walk(target) if isinstance(each, ast.Name) and each.id != "state"}
    for target, value in set_to:
        if isinstance(target, ast.Subscript) and _of_bar(value, priced):
            yield f"Line {target.lineno} remembers what it reads of a bar, by which profits and losses could be measured, and that is not judged of short positions: use position.unrealized_return for them, or ask."
            return


def _of_bar(value: ast.expr, names: Collection[str]) -> bool:
    """Whether a value is made of something that a bar says, but for its time, or of one of these names."""
    times = {each.value for each in ast.walk(value) if isinstance(each, ast.Attribute) and ast.unparse(each).startswith("bar.time.")}  # fmt: skip
    of_bar = (each for each in ast.walk(value) if isinstance(each, ast.Attribute) and each not in times)
    return any(
        ast.unparse(each.value) in ("bar", "bar.previous") and each.attr not in ("time", "previous") for each in of_bar
    ) or any(isinstance(each, ast.Name) and each.id in names for each in ast.walk(value))


def in_whole_shares(requirements: Sequence[Requirement]) -> bool:
    """Returns whether the rules ask for sizes or parts that whole shares, which alone are sold short and covered, may not make up."""
    return any(
        (each.kind is RuleKind.SIZE and each.unit == "dollars") or (each.kind is RuleKind.SELL and each.value < 100)
        for each in _rules_of(requirements)
    )


def _rules_of(requirements: Sequence[Requirement]) -> list[Rule]:
    return [rule for each in requirements for text in each.rules if (rule := _read(text)) is not None]


def _read(text: str) -> Rule | None:
    try:
        return read_rule(rule_as_bought(text))
    except RuleError:
        return None


def _never_made(rule: Rule) -> bool:
    """Whether a rule waits for a profit of all that was sold, or more."""
    if rule.kind is RuleKind.TARGET:
        return rule.level is None and rule.unit != "R" and rule.value >= _ALL
    found = False
    for node in ast.walk(rule.condition) if rule.condition is not None else ():
        if isinstance(node, ast.Compare) and len(node.ops) == 1:
            sides = (node.left, node.comparators[0])
            operator = OPERATORS[type(node.ops[0])]
            for one, other, way in ((*sides, operator), (*reversed(sides), TURNED[operator])):
                found |= isinstance(one, ast.Name) and one.id == "gain" and isinstance(other, ast.Constant) and way in GREATER and float(other.value) >= _ALL  # type: ignore[arg-type] # fmt: skip
    return found


def short_findings(turns: Sequence[str], requirements: Sequence[Requirement], symbol: str) -> Iterator[str]:
    """Finds what of a request, or of its rules, cannot be judged by the mirror image.

    Args:
        turns: The person's own words.
        requirements: Those of the answer, with its own rules.
        symbol: What it trades.
    """
    if "/" in symbol:
        yield f"{symbol} cannot be sold short: only stocks can. Ask what it should trade."
    for turn in turns:
        left = _BOTH.sub(" ", turn)
        if match := _LONG.search(left):
            yield f"“{match[0]}” speaks of a long position, and the code only goes short: write both sides, or ask which of them it should be."
    if not any(SHORTS.search(each) for each in turns):
        yield "The code goes short, and nobody spoke of that: write it with buy() and sell(), or ask."
    for each in requirements:
        for text in each.rules:
            if re.match(r"(?:buy|sell)\b", text):
                yield f"The rule “{text[:80]}” buys or sells, and the code goes short: write “short when …” and “cover when …”."
    yield from not_judged(requirements)


def not_judged(requirements: Sequence[Requirement]) -> Iterator[str]:
    """Finds rules of a short position that its mirror image does not judge, or that none can have, and words that leave open whether they speak of its price or of its profit."""
    for each in requirements:
        for text in each.rules:
            if not re.match(r"(?:buy|sell)\b", text) and (rule := _read(text)) is not None:
                yield from _rule_findings(each.quote, text, rule)


def _rule_findings(quote: str, text: str, rule: Rule) -> Iterator[str]:
    """What of a rule cannot be judged by the mirror image; `text` is the rule as it is written, `quote` the person's words for it."""
    if rule.kind is RuleKind.SIZE and rule.unit == "shares" and not rule.value.is_integer():
        yield f"{IN_WHOLE_SHARES}, and “{quote[:80]}” is not one of them: ask how many."
    if _never_made(rule):
        yield f"“{quote[:80]}” waits for a profit of 100 %: {NEVER_MADE}. Ask which profit is meant."
    words = rule.facts
    by_price = rule.kind not in _KINDS or rule.level is not None or "R" in rule.unit.split() or "risk" in rule.unit or "loss" in rule.unit or "stop" in rule.unit  # fmt: skip
    if by_price or words & (_BY_PRICE | {"account_cash"}):
        yield f"The rule “{text[:80]}” is measured by the price of the position, which is not judged of short positions: use a percentage of profit or loss, or ask."
    elif rule.kind in EXIT_KINDS or "gain" in words:
        if match := _WAYS.search(quote):
            yield f"“{quote[:80]}” says “{match[0]}” of a short position, for which up is a loss: quote what is said of its profit or loss by itself, and where that names a way of the price, ask."
        elif "gain" in words and not _RESULT.search(quote) and not any(said.search(quote) and found.search(rule.text) for said, found in _EXITS):  # fmt: skip
            yield f"“{quote[:80]}” does not say whether it is about a profit or a loss of the short position: ask."
        elif "gain" in words and (match := _MOVES.search(_OWN.sub(" ", quote))):
            yield f"“{quote[:80]}” says “{match[0]}”, which may be said of the price, whose gain is a loss of the short position: ask which of both it is, a profit or a loss of the position."
