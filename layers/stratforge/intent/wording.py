"""Compares a rule with its quotation: directions, connectives, names, what is bought or sold, and words that the language has nothing for."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from stratforge.intent.elements import Kind, Unit, elements_of
from stratforge.intent.lexicon import (
    AT_LEAST,
    AT_MOST,
    ATR,
    BUY,
    CHART,
    DAILY,
    DOWN,
    EVENT,
    FACT_WORDS,
    IN_OTHER_WORDS,
    INDICATORS,
    LASTING,
    LEVERAGE,
    LONGER,
    NEGATED,
    NO_SYMBOL,
    OLD,
    OR,
    OTHERWISE,
    SELL,
    SHORT,
    STOP,
    TARGET,
    TRAILING,
    UP,
)
from stratforge.intent.measures import day_findings, holds, judges_gain, near, number_findings, texts, time_findings
from stratforge.intent.rules import EXIT_KINDS, GREATER, LESS, TERM_KINDS, Atom, Rule, RuleKind, numbers_in_text
from stratforge.strategy.indicators import REGISTRY
from stratforge.strategy.trees import walk

_GLUED = re.compile(r"\b(sl|tp|stop|target)(?=\d)", re.IGNORECASE)


def wording_findings(
    quote: str,
    rules: Sequence[Rule],
    *,
    symbol: str = "",
    told: frozenset[float] = frozenset(),
    columns: frozenset[str] = frozenset(),
    named: frozenset[str] = frozenset(),
) -> Iterator[str]:
    """Finds what a covered requirement's rules say otherwise than its quotation.

    Args:
        quote: The person's words.
        rules: What they come to.
        symbol: The symbol of the answer; another one in the quotation is found.
        told: Numbers that the answer names as its own decisions.
        columns: Columns whose numbers another quotation says.
        named: Indicators that another quotation, or an assumption, names.
    """
    said = f"“{quote[:80]}”"
    quote = _GLUED.sub(r"\1 ", quote)
    gone = [each.dropped for each in rules if each.dropped is not None]
    # What takes something away is read by what it takes away.
    standing = [each for each in rules if each.dropped is None]
    meant = standing if any(each.kind is not RuleKind.SYMBOL for each in standing) or not gone else gone
    changed = bool(gone)
    atoms = [each for rule in meant for each in rule.atoms]
    told = told | frozenset(number for rule in gone for number in rule.numbers)
    problems = [
        *number_findings(quote, meant, gone, told, columns, coins="/" in symbol),
        *time_findings(quote, meant, coins="/" in symbol),
        *day_findings(quote, meant, gone),
        *directions(quote, atoms),
        *_names(quote, meant, gone, symbol),
        *_connectives(quote, meant, changed=changed),
        *_actions(quote, meant, changed=changed),
        *_exits(quote, meant, atoms, changed=changed),
        *_terms(quote, meant),
        *_nothing_for(quote, meant),
        *(_unsaid(quote, meant, named) if not changed else ()),
    ]
    for problem in problems:
        yield f"{said} {problem}"


def indicators_named(text: str) -> frozenset[str]:
    """The indicators that a text may mean."""
    return frozenset(
        name for pattern, meant in (*INDICATORS, *IN_OTHER_WORDS) if pattern.search(text) for name in meant
    )


def _unsaid(quote: str, rules: Sequence[Rule], named: frozenset[str]) -> Iterator[str]:
    """Facts and indicators of a rule that no word speaks of."""
    here = named | indicators_named(quote)
    for rule in rules:
        if rule.condition is None:
            continue
        for node in walk(rule.condition):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "ta":
                if node.attr not in here and not re.search(rf"(?<![a-z]){node.attr}(?![a-z])", quote, re.IGNORECASE):
                    yield f"does not speak of {node.attr}, and its rule does ({rule.text})."
            elif (
                isinstance(node, ast.Name)
                and node.id in FACT_WORDS
                and not re.search(FACT_WORDS[node.id], quote, re.IGNORECASE)
            ):
                yield f"does not speak of “{node.id}”, and its rule does ({rule.text})."


def _clause(quote: str, end: int) -> str:
    """The words before a place, from the last clause break on."""
    return re.split(r"[,;:.!?](?=\s)|，|。|；|\bbut\b|\baber\b|\bpero\b|\bmais\b|\bthen\b", quote[:end])[-1]


def _operand_after(rest: str) -> tuple[re.Pattern[str], tuple[str, ...]] | float | None:
    """What a word of direction is followed by: a number, or an indicator's name."""
    stretch = re.split(
        r"[,;.!?](?=\s|$)|\band\b|\bor\b|\bund\b|\boder\b|\by\b|\bet\b|\bou\b|\bthen\b|\bbut\b|\bunless\b|\bwhen\b",
        rest,
        maxsplit=1,
        flags=re.IGNORECASE,
    )[0][:60]
    number = next(iter(elements_of(stretch, Kind.NUMBER)), None)
    if number is not None and number.unit in (Unit.NONE, Unit.MONEY, Unit.MINUTES):
        return number.value
    names = [(match.start(), pattern, meant) for pattern, meant in INDICATORS if (match := pattern.search(stretch))]
    if number is None and names:
        _, pattern, meant = min(names, key=lambda each: each[0])
        return pattern, meant
    return None


_OFF = re.compile(
    rf"((?:{UP.pattern}|{DOWN.pattern})\s+[\d.]+\s*(?:%|percent|dollars?|ATRs?|times the [^,;]*?))\s+(?:above|below|over|under)\b",
    re.IGNORECASE,
)


# From where something crosses: it goes the other way.
_FROM_BELOW = re.compile(r"\bfrom (?:below|under|underneath|beneath)\b", re.IGNORECASE)
_FROM_ABOVE = re.compile(r"\bfrom (?:above|over)\b", re.IGNORECASE)


def directed(words: str) -> str:
    """The words with “from below” said as “upwards”, “from above” as “downwards”, and “above 2 dollars below the average” as “above 2 dollars off” it."""
    return _OFF.sub(r"\1 off ", _FROM_ABOVE.sub("downwards", _FROM_BELOW.sub("upwards", words)))


def directions(quote: str, atoms: Sequence[Atom]) -> Iterator[str]:
    """Levels and lines that the words go above or below, and their rules the other way."""
    quote = directed(quote)
    if re.search(r"[\u3040-\u30ff]", quote):
        # In Japanese the level comes before the word.
        return
    found = sorted(
        [(m.start(), m.end(), True) for m in UP.finditer(quote)]
        + [(m.start(), m.end(), False) for m in DOWN.finditer(quote)]
    )
    for start, end, up in found:
        operand = _operand_after(quote[end:])
        if operand is None:
            continue
        before = _clause(quote, start)
        turned = bool(NEGATED.search(before.rsplit(" and ", 1)[-1]))
        wants = up != turned
        signs: set[str] = set()
        for atom in atoms:
            signs |= {sign for _, sign, other in atom.ways if _stands(other, operand)}
        right, wrong = (GREATER, LESS) if wants else (LESS, GREATER)
        if signs & wrong and signs.isdisjoint(right):
            what = f"{operand:g}" if isinstance(operand, float) else operand[1][0]
            yield f"means {'above' if wants else 'at or below'} {what}, and its rule compares the other way."


def _stands(side: str, operand: tuple[re.Pattern[str], tuple[str, ...]] | float) -> bool:
    if isinstance(operand, float):
        return any(near(operand, each) for each in numbers_in_text(side))
    return holds(side, *operand[1])


_TAKEN = re.compile(
    r"(?:\b(?:without|remove|drop|delete|get rid of|ohne|sin|sans|not|no longer|stop)|n't)\b(?:\s+(?:the|any|my|on|by|sell\w*|buy\w*|exit\w*|because|of|when|using|use))*\s*$",
    re.IGNORECASE,
)


def _names(quote: str, rules: Sequence[Rule], gone: Sequence[Rule], symbol: str) -> Iterator[str]:
    text = texts(rules)
    for pattern, meant in INDICATORS:
        if (match := pattern.search(quote)) and not OLD.search(quote[: match.start()]):
            if any(each.kind is RuleKind.SIZE for each in rules) and len(rules) == 1:
                continue
            longer = any(
                len(other.pattern) > len(pattern.pattern)
                and (wider := other.search(quote))
                and pattern.search(wider[0])
                for other, _ in INDICATORS
                if other is not pattern
            )
            taken = _TAKEN.search(quote[: match.start()]) if holds(texts(gone), *meant) else None
            if (
                taken
                and "not" not in taken[0]
                and "n't" not in taken[0]
                and holds(text, *meant)
                and text != texts(gone)
            ):
                yield f"takes “{match[0]}” away, and its rules ({text}) still have it."
            if not longer and not taken and not holds(text, *meant):
                yield f"speaks of “{match[0]}”, and its rules ({text}) do not."
    if ATR.search(quote) and not holds(text, "atr", "natr"):
        yield "counts in average true ranges (ATR), and its rules do not."
    if quote.upper() == quote and re.search(r"[A-Z]{4}", quote):
        return
    names = {name.upper() for name in REGISTRY}
    for match in re.finditer(r"(?<![\w/.])\$?([A-Z]{2,5}(?:\.[A-Z](?!\w))?)(?!\w)", quote):
        word = match[1]
        base = symbol.split("/", maxsplit=1)[0].upper()
        if OLD.search(quote[: match.start()]):
            continue
        if (
            symbol
            and word not in NO_SYMBOL
            and word not in names
            and word != base
            and word != symbol.upper()
            and word not in ("USD", "MACD", "RSI", "VWAP", "BBANDS", "KDJ")
            and f"bars.of('{word}')" not in text
        ):
            yield f"names {word}, and neither trades it nor has a rule that looks at it."


# “Unless a or b” is neither of them.
_NEITHER = re.compile(
    r"\b(?:unless|except|neither|außer|sauf|salvo)\b(?:(?!\b(?:when|buy\w*|sell\w*)\b)[^,;])*$", re.IGNORECASE
)


def _connectives(quote: str, rules: Sequence[Rule], *, changed: bool) -> Iterator[str]:
    kinds = [(each.kind, each.value) for each in rules]
    several = len(kinds) != len(set(kinds))
    choice = any(each.offers_choice for each in rules) or several
    days = any("weekday" in each.text for each in rules)
    if (
        (found := OR.search(quote))
        and not choice
        and not days
        and len(rules) < 2
        and not _NEITHER.search(quote[: found.start()])
    ):
        yield f"offers a choice (or), and its rule does not ({texts(rules)})."
    if (
        not changed
        and choice
        and any(each.offers_choice for each in rules)
        and not OR.search(quote)
        and not OTHERWISE.search(quote)
        and not NEGATED.search(quote)
    ):
        yield f"does not say “or”, and its rule does ({texts(rules)})."
    if LASTING.search(quote) and not re.search(r"for_bars|within_bars|rolling|previous|shift", texts(rules)):
        yield "speaks of bars in a row, and its rules do not: use for_bars(n, condition)."
    if (
        not changed
        and re.search(r"\bfor_bars\b", texts(rules))
        and not LASTING.search(quote)
        and not re.search(
            r"\b(?:for|last|past|over|stay\w*|remain\w*|bars?|minutes?|candles?|each|every|all|seit|für|während|durante|pendant|desde|depuis|velas?|barras?|bougies?|kerzen?)\b|根|本|分",
            quote,
            re.IGNORECASE,
        )
    ):
        yield "does not speak of bars in a row, and its rule does (for_bars)."
    crossing = any(atom.crossing for rule in rules for atom in rule.atoms) or "previous(" in texts(rules)
    plain_state = re.search(r"\b(?:is|are|stays|being|while|ist|sind|está|esté|est)\b", quote, re.IGNORECASE)
    events = [
        m[0].lower()
        for m in EVENT.finditer(quote)
        if m[0].lower() not in ("when", "close", "closes", "closing", "x", "starts", "start")
    ]
    if (
        not changed
        and crossing
        and plain_state
        and not events
        and not re.search(r"\b(?:higher|lower|previous|prior|last|before|than)\b", quote, re.IGNORECASE)
    ):
        yield f"speaks of a state, and its rule of a crossing ({texts(rules)})."
    if (
        re.search(r"\b(?:cross(?:es|ing|ed|over)?|kreuzt|schneidet|cruz[ae]|croise)\b|金叉|死叉", quote, re.IGNORECASE)
        and rules
        and not crossing
        and all(each.kind in (RuleKind.BUY,) for each in rules)
    ):
        yield f"speaks of a crossing, and its rule of a state ({texts(rules)}): use crosses_above or crosses_below."


def _actions(quote: str, rules: Sequence[Rule], *, changed: bool) -> Iterator[str]:
    latin = re.search(r"[a-z]", quote, re.IGNORECASE) and not changed
    for rule in rules:
        # “RSI 30/70” says both at once.
        if rule.kind is RuleKind.SELL and latin and not SELL.search(quote) and not re.search(r"\d\s*[/-]\s*\d", quote):
            yield f"does not speak of selling, and its rule does ({rule.text})."
        if (
            rule.kind is RuleKind.BUY
            and re.search(r"\bsell|\bexit|\bverkauf|\bvend", quote, re.IGNORECASE)
            and not BUY.search(quote)
            and not any(each.kind is RuleKind.SELL for each in rules)
        ):
            yield f"speaks of selling, and its rule buys ({rule.text})."
        if (
            rule.kind is RuleKind.SELL
            and re.match(r"\s*(?:buy|enter|go long|kaufe?|compra|achète)\b", quote, re.IGNORECASE)
            and len(rules) == 1
            and not re.search(
                r"\bsell\w*|\bexit\w*|\bstop\w*|\btarget|\bprofit|\bhold|\bclose|\bverkauf\w*|\bvend\w*|\bout\b|\btrail",
                quote,
                re.IGNORECASE,
            )
        ):
            yield f"speaks of buying, and its rule sells ({rule.text})."
        if rule.kind is RuleKind.LIMIT:
            if AT_LEAST.search(quote):
                yield "asks for at least so many, and the language can only limit purchases: say it is unsupported."
            elif not AT_MOST.search(quote):
                yield f"does not limit purchases, and its rule does ({rule.text})."
    part = re.search(
        r"\b(?:half|hälfte|mitad|moitié|third|quarter)\b(?!\s+(?:an? )?(?:past|hour|stunde|hora|heure|percent|atr|%))|一半|半分",
        quote,
        re.IGNORECASE,
    )
    resized = bool(rules) and all(each.kind is RuleKind.SIZE for each in rules)
    if (
        part
        and not resized
        and not any(each.value in (50.0, 25.0) or 30 < each.value < 34 or 0.5 in each.numbers for each in rules)
    ):
        yield f"speaks of a part ({part[0]}), and its rules ({texts(rules)}) do not."
    if (
        not changed
        and not part
        and not re.search(r"%|percent|prozent|por ciento|pour ?cent|\bpart|\brest\b|\bsome\b|\d", quote, re.IGNORECASE)
    ):
        for rule in rules:
            if rule.kind is RuleKind.SELL and rule.value != 100:
                yield f"does not speak of a part, and its rule sells one ({rule.text})."


_EXIT_WORDS = {
    RuleKind.STOP: re.compile(rf"{STOP.pattern}|\bloss\w*|\brisk\w*|\bbreak[- ]?even|\bprotect\w*|\bverlust\w*|\bpérdida\w*|\bperte\w*", re.IGNORECASE),
    RuleKind.TARGET: re.compile(rf"{TARGET.pattern}|\btargets?\b|\bprofits?\b|\bgains?\b|\blimit\b|\bgewinn\w*|\bganancia\w*|\bbénéfice\w*", re.IGNORECASE),
    RuleKind.TRAIL: TRAILING,
}  # fmt: skip


# An order that rests at a limit or a stop of its own.
_RESTS = re.compile(
    r"\blimit(?:[- ]?(?:order|preis|price|kauf|verkauf))?s?\b(?! (?:of )?\d+ (?:trades?|buys?|times?|purchases?))|\blímite\b|\bstop[- ](?:entry|buy|order|limit)\w*|\b(?:buy|sell)[- ]stops?\b|指値|逆指値|限价",
    re.IGNORECASE,
)
_LIMIT_ORDER = re.compile(
    r"\blimit[- ]?orders?\b|\b(?:at|with|by) a (?:buy |sell )?limit\b|\bstop[- ]entry\b|\b(?:buy|sell)[- ]stop[- ]orders?\b|指値|限价",
    re.IGNORECASE,
)


def _terms(quote: str, rules: Sequence[Rule]) -> Iterator[str]:
    """Orders that rest, which words or rules speak of alone."""
    resting = [each for each in rules if each.kind in TERM_KINDS]
    said = _LIMIT_ORDER.search(quote)
    if resting and not _RESTS.search(quote):
        yield f"does not speak of an order that rests at a limit or a stop, and its rule has one ({texts(resting)})."
    elif said and rules and not resting and not any(each.kind in EXIT_KINDS for each in rules):
        yield f"speaks of “{said[0]}”, and its rules ({texts(rules)}) do not: use buy at limit, buy at stop, sell at limit or sell at stop."


_ON_THE_ORDER = re.compile(
    r"\b(?:on|with|to|in) (?:this|the|that|each|every|my|its) (?:same |buy |entry )?orders?\b|\b(?:within|inside) (?:the|a|each) (?:bar|minute|candle)\b|\bintra[- ]?bar\b|\bbracket\b|\bat the broker\b",
    re.IGNORECASE,
)


def _exits(quote: str, rules: Sequence[Rule], atoms: Sequence[Atom], *, changed: bool) -> Iterator[str]:
    ways = {_way(each) for rule in rules if rule.kind is RuleKind.SELL for each in rule.atoms} - {""}
    within = {RuleKind.STOP: "loss", RuleKind.TARGET: "gain", RuleKind.TRAIL: "trail"}
    ways |= {within[each.kind] for each in rules if each.kind in within}
    for rule, words in ((each, _EXIT_WORDS[each.kind]) for each in rules if each.kind in within):
        if not words.search(quote):
            yield f"does not speak of a {rule.kind.value}, and its rule sets one ({rule.text})."
    sold = any(each.kind is RuleKind.SELL for each in rules) and not any(each.kind in EXIT_KINDS for each in rules)
    if sold and (match := _ON_THE_ORDER.search(quote)):
        yield f"speaks of an exit “{match[0]}”, and its rules ({texts(rules)}) look at the close: use stop loss, take profit or trailing stop."
    if TRAILING.search(quote):
        if "trail" not in ways and not any(
            holds(each.text, "drop", "drop_dollars", "supertrend", "psar") for each in atoms
        ):
            yield f"speaks of a trailing stop, and its rules ({texts(rules)}) do not: use drop or drop_dollars."
    elif (
        (match := STOP.search(quote))
        and "loss" not in ways
        and not TARGET.search(quote)
        and not (changed and _TAKEN.search(quote[: match.start()]))
    ):
        if ways or not any(each.kind is RuleKind.SELL for each in rules):
            yield f"speaks of a stop, and its rules ({texts(rules)}) do not sell at a loss."
    elif STOP.search(quote) and ways == {"trail"}:
        yield f"speaks of a stop that stands still, and its rule trails ({texts(rules)})."
    if TARGET.search(quote) and "gain" not in ways:
        yield f"speaks of taking a profit, and its rules ({texts(rules)}) do not sell at a gain."
    if changed:
        return
    if (
        "loss" in ways
        and not STOP.search(quote)
        and not re.search(
            r"\bloss\w*|\blos[et]\w*|\bdown\b|\bdrops?\b|\bfalls?\b|\bcut\b|\bbelow\b|\bunder\b|\brisk\w*|\bminus\b|-\s?\d|\bverl\w*|\bperd\w*|\bpérd\w*|\bpert\w*|\bgegen\b|\bagainst\b|\bunless\b|亏|損",
            quote,
            re.IGNORECASE,
        )
    ):
        yield f"does not speak of a loss, and its rule does ({texts(rules)})."
    if (
        "gain" in ways
        and not TARGET.search(quote)
        and not re.search(
            r"\bgain\w*|\bprofit\w*|\btarget\w*|\bup\b|\bwin\w*|\babove\b|\bover\b|\brises?\b|\bmake[sn]?\b|\bmade\b|\bgewinn\w*|\bgana\w*|\bbénéf\w*|\bplus\b|\+|\breturn|\bhigher\b|\bahead\b|\bunless\b|\bmore\b|\bat \+?\d|赚|盈|利",
            quote,
            re.IGNORECASE,
        )
    ):
        yield f"does not speak of a gain, and its rule does ({texts(rules)})."


def _way(atom: Atom) -> str:
    """How an atom of a sale judges the position: by its gain, its loss, or from its highest close."""
    for side, sign, other in atom.ways:
        if side in ("drop", "drop_dollars"):
            return "trail"
        if judges_gain(side, other):
            return "gain" if sign in GREATER else "loss"
    return ""


def _nothing_for(quote: str, rules: Sequence[Rule]) -> Iterator[str]:
    if match := LONGER.search(quote):
        yield f"speaks of “{match[0]}”, and the language has days at most: say it is unsupported, or ask."
    if (match := DAILY.search(quote)) and not re.search(r"day_|yesterday_|buys a day", texts(rules)):
        yield f"speaks of “{match[0]}”, and bars are of one minute: say it is unsupported or assumed, or ask."
    if match := SHORT.search(quote):
        yield f"speaks of “{match[0]}”, and strategies here only buy and sell what they hold: say it is unsupported, or decline."
    if match := LEVERAGE.search(quote):
        yield f"speaks of “{match[0]}”, which there is not: say it is unsupported, or decline."
    if (
        (match := CHART.search(quote))
        and not re.match(r"(?:1|one)[- ]?m", match[0], re.IGNORECASE)
        and not re.search(r"for_bars|within_bars|rolling|shift", texts(rules))
    ):
        number = float(re.sub(r"\D.*", "", match[0]) or 0)
        if not any(number in each.numbers for each in rules):
            yield f"speaks of “{match[0]}”, and bars are of one minute: say it is assumed, or ask."
