"""A change of what stands: nothing that was asked for before goes without a word, and words that may mean several changes are asked about.

The checks are on the finished answer, so they hold for whoever wrote it: on the rules that stood and the rules that stand, and on the words of the last turn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.additions import one_more_symbol
from stratforge.intent.bounds import bought_by_the_clock, never_buys, same_deeds
from stratforge.intent.reading.bindings import A_QUESTION
from stratforge.intent.reading.doubts import not_understood
from stratforge.intent.reading.meaning import on_a_usual_day
from stratforge.intent.reading.reach import ANOTHER_WAY
from stratforge.intent.reading.said import in_words
from stratforge.intent.requirements import SETTLED, Requirement, Status
from stratforge.intent.rules import TURNED, Rule, RuleError, RuleKind, is_number, read_rule

_I = re.IGNORECASE
ASK = "Ask the person, and write nothing before it is answered."
_MORE = r"(?:also|too|as well|and|plus|additionally)"
_TICKER = r"\$?[A-Z]{2,5}(?:/[A-Z]{3,4})?"
_ONE_MORE_SYMBOL = re.compile(
    rf"^\W*(?i:{_MORE}|but|ok|okay|please|then|now)(?i:\W+(?:buy|trade|use|run|for|on|with|try|it|do|the same|also|too))*\W+(?P<one>{_TICKER})(?i:\W+(?:please|too|as well|also))*\W*$"
    rf"|^\W*(?i:(?:buy|trade|use|run|for|on|with|try|it|do|the same|same)\W+)*(?P<two>{_TICKER})(?i:\W+(?:too|as well|also|and so on))+\W*$"
)
_ONE_MORE_CONDITION = re.compile(r"^(?!.*\b(?:buy|enter|only)\b)(?!\W*(?:and\W+|also\W+)*(?:sell|exit|close (?:it|out|the|when|if|at))\b)(?:.*?(?:[<>]|\b(?:above|below|over|under|cross\w*)\b).*?\b(?:too|as well|also)(?=\W*(?:please\W*)?(?:$|and (?:sell|exit)\b))|\W*also\W+(?!(?:sell|exit|close (?:it|out|the|when|if|at))\b).*?(?:[<>]|\b(?:above|below|over|under|cross\w*)\b))", _I)  # fmt: skip
_OF_THE_SALE = re.compile(r"^\W*(?:(?:and|also|please|then|now|add|with|use|put|set|make|a|the|my|an?other|one|more|but|ok|okay)\W+)*(?:\d+(?:\.\d+)?\s?%?\s+)?(?:(?:initial|hard|fixed|trailing)\W+)?(?:stop|target|take[- ]profit|profit|tp|sl|trail\w*|sell|exit|cut|get out)\b(?!.*\b(?:buy\w*|enter\w*|entry|purchas\w*|long)\b)", _I | re.DOTALL)  # fmt: skip
_BARE_SYMBOL = re.compile(rf"^\W*(?P<one>{_TICKER})\W*$")
_NO_SYMBOL = re.compile(
    r"(?:RSI|MACD|SMA|EMA|VWAP|ATR|ADX|MFI|CCI|BUY|SELL|YES|NO|OK|OKAY|STOP|GO|AM|PM|EST|ET|ALL|THE|AND|NOT|TP|SL)$"
)
_POLITELY = re.compile(
    r"\b(?:can|could|would|will|may|let)\b[^?]*\b(?:you|we|i|us|it|this)\b|\bplease\b|\bpossible\b", _I
)
_IN_BINDINGS = re.compile(r"(?:^|[.!?\n]\s+)(?:should|is|are|do|does|what if)\b", _I)
_INSTEAD = re.compile(r"\binstead\b|\brather\b|\bonly\b|\bjust\b|\bswitch\w*|\bchange\w*|\bmove\b|\breplac\w*|\bmake it\b|\bnow\b", _I)  # fmt: skip
_WHOLE = re.compile(r"^(?=.*\b(?:buy|enter|long)\w*)(?=.*\b(?:sell|exit|close)\w*)", _I | re.DOTALL)
_ASKED_TO_BUY = re.compile(r"\b(?:buy|enter|purchase)\w*\b[^.\n]*(?:[<>]|\b(?:above|below|over|under|when|if|after|before)\b)", _I)  # fmt: skip
_SOLD_FROM = re.compile(
    r"sell when (?P<minute>minute >= \d+|minutes_to_close <= \d+)(?: and weekday == \d)?|sell when weekday == \d and (?P<late>minute >= \d+|minutes_to_close <= \d+)"
)
_POLITE = re.compile(
    r"(?:\W|\b(?:thanks|thank you|ok|okay|great|good|nice|perfect|cool|yes|fine|super|danke|gracias|merci|very much|a lot|so much|that is|that's|it|looks|all|done|please)\b)*",
    _I,
)
DIRECTION = re.compile(
    r"[<>≤≥]|\b(?:above|over|below|under\w*|beneath|more|less|higher|lower|greater|smaller|least|most|cross\w*|ris\w*|rose|fall\w*|fell|drop\w*|dip\w*|climb\w*|exceed\w*|oversold|overbought|opposite|revers\w*|invert\w*|up|down"
    r"|über\w*|unter\w*|oberhalb|höher|niedriger|steig\w*|fäll\w*|encima|debajo|mayor|menor|más|menos|sube|baja|dessus|dessous|sous|plus|moins|supérieure?|inférieure?)\b|高于|低于|超|以上|以下|大于|小于|上穿|下穿|上回|下回|未満",
    _I,
)
_NAMES_A_SIDE = re.compile(
    r"\b(?:buy\w*|bought|sell\w*|sold|enter\w*|entry|entries|exit\w*|get (?:in|out)|long|purchas\w*|close it|kauf\w*|verkauf\w*|einstieg\w*|ausstieg\w*|compr\w*|vend\w*|entra\w*|sal[ei]\w*|achet\w*|achèt\w*|achat\w*|vente\w*|entrée|sortie)\b|买|買|卖|賣|売",
    _I,
)
_MINUTES = re.compile(r"buy only when minute(?:s_to_close)? (?P<sign>[<>]=?) \d+")


def turn_questions(turn: str, *, stands: bool, traded: str = "") -> Iterator[str]:
    """The questions that the words of a later turn leave: one more symbol is no symbol in the place of the first.

    Args:
        turn: The person's words.
        stands: Whether a strategy stands that they may change.
        traded: What it trades; "" where that is not known.
    """
    if turn.rstrip().endswith("?") and not _POLITELY.search(turn) and not _IN_BINDINGS.search(turn):
        yield not_understood(turn.strip()[:200], A_QUESTION)
    if stands and _ONE_MORE_CONDITION.search(turn):
        yield not_understood(turn.strip()[:200], ANOTHER_WAY)
    match = _ONE_MORE_SYMBOL.search(turn)
    if match is None and stands:
        match = _BARE_SYMBOL.search(turn)
    name = ((match.groupdict().get("one") or match.groupdict().get("two") or "") if match else "").lstrip("$")
    if name and not _NO_SYMBOL.match(name):
        yield one_more_symbol(turn, name, traded)


def change_findings(
    request: str,
    requirements: Sequence[Requirement],
    standing: Sequence[Rule],
    before: Sequence[str],
    *,
    symbol: str = "",
) -> Iterator[str]:
    """Finds what a change does to the rules that stood, and its words do not surely ask for.

    Args:
        request: The words of the change.
        requirements: What the answer says they ask for.
        standing: The rules after it.
        before: The rules before it.
        symbol: The symbol of the answer.
    """
    crypto = "/" in symbol
    old = [read_rule(each) for each in before]
    stood = {each.text for each in old}
    words = request.strip()[:120]
    new = [each for each in standing if each.text not in stood]
    if bought_by_the_clock(standing, around_the_clock=crypto) and not bought_by_the_clock(old, around_the_clock=crypto):
        entries = " or ".join(in_words(each).removeprefix("buy when ") for each in old if each.kind is RuleKind.BUY)
        yield not_understood(
            words,
            f"Should it buy at that time alone, whatever else holds, or is that a time at which it may buy when {entries}? {ASK}",
        )
    if new and never_buys(standing, around_the_clock=crypto):
        bounds = "; ".join(in_words(each) for each in old if each.kind is RuleKind.ONLY)
        yield not_understood(
            words,
            f"Together with what stands ({bounds or 'what it buys by'}) it could never buy. Should it take the place of that, or be one more time at which it may buy? {ASK}",
        )
    elif new and same_deeds(old, standing, around_the_clock=crypto):
        yield not_understood(
            words,
            f"Beside what stands it changes nothing ({'; '.join(in_words(each) for each in new)}). Should it take the place of something, and of what? {ASK}",
        )
    now = {each.text for each in standing}
    bought = [each for each in (*old, *new) if each.kind is RuleKind.BUY and each.text not in stood & now]
    if bought and _OF_THE_SALE.search(request):
        yield not_understood(words, f"It speaks of selling, and would change what it buys by ({'; '.join(map(in_words, bought))}). What should it sell by? {ASK}")  # fmt: skip
    for each in requirements:
        yield from _lost_bounds(each, standing, words)
    asked_for = [each for each in requirements if each.status is not Status.KEPT and each.quote.strip()]
    # Who says with the words that nothing is to change, and why, is no finding: the person is told so.
    claimed = all(each.status is Status.COVERED for each in asked_for)
    if asked_for and claimed and not any(each.rules for each in asked_for) and not _POLITE.fullmatch(request):
        yield not_understood(words, f"It would change nothing in what stands. What should change? {ASK}")
    for added in new:
        match = _SOLD_FROM.fullmatch(added.text)
        if match and not any(_stops_before(one, match["minute"] or match["late"]) for one in standing):
            yield not_understood(
                words,
                f"It would {in_words(added)}, and buy then too, so what was bought would be sold on the next bar. Should it buy no more from then on? {ASK}",
            )


def _end(rule: Rule) -> str:
    """Which end of the hours in which it buys a rule is: `<` for the later one, `>` for the earlier; empty for other rules."""
    match = _MINUTES.fullmatch(rule.text)
    if match is None:
        return ""
    return TURNED[match["sign"]][0] if "minutes_to_close" in rule.text else match["sign"][0]


def _stops_before(bound: Rule, sale: str) -> bool:
    """Whether a rule lets it buy no more from the time on at which it sells."""
    late = on_a_usual_day(tuple(sale.split()))
    bounds = [on_a_usual_day((atom.left, atom.operator, atom.right)) for atom in bound.atoms] if bound.kind is RuleKind.ONLY else []  # fmt: skip
    return any(fact[:2] == ("minute", "<") and float(str(fact[2])) <= float(str(late[2])) for fact in bounds)


def turned_round(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], before: Sequence[str] | None
) -> Iterator[str]:
    """Finds changes of a level that turn the comparison with it round, in words that name no direction, or no side though both sides compare with it.

    Args:
        requirements: What the answer says is asked for.
        rules: The rules of each of them.
        before: The rules that stood; None where none did.
    """
    stood = [read_rule(each) for each in before or ()]
    for each, of_it in zip(requirements, rules, strict=True):
        directed, sided = DIRECTION.search(each.quote), _NAMES_A_SIDE.search(each.quote)
        if each.status in SETTLED or (directed and sided):
            continue
        new = [rule for rule in of_it if rule.dropped is None]
        for gone in (rule.dropped for rule in of_it if rule.dropped is not None):
            now = {fact for rule in new if rule.kind is gone.kind for fact in _levels(rule)}
            turned = [(line, sign) for line, sign in now if (line, TURNED[sign]) in _levels(gone) and (line, TURNED[sign]) not in now]  # fmt: skip
            others = {fact for rule in stood if rule.kind is not gone.kind for fact in _levels(rule)}
            if turned and (not directed or others & set(turned)):
                yield f"“{each.quote.strip()[:200]}” does not say that it turns round ({in_words(gone)}), and its rules do ({'; '.join(in_words(rule) for rule in new if rule.kind is gone.kind)}). Is the level of buying or of selling meant, and above it or below it? {ASK}"


def _levels(rule: Rule) -> set[tuple[str, str]]:
    """What a rule compares with numbers, each with the direction; the clock aside, whose “before” and “after” say it."""
    return {(line, sign[0]) for atom in rule.atoms for line, sign, level in atom.ways if is_number(level) and not is_number(line) and sign[0] in "<>" and not line.startswith(("minute", "weekday"))}  # fmt: skip


def _lost_bounds(requirement: Requirement, standing: Sequence[Rule], words: str) -> Iterator[str]:
    """Hours from which on, or until which, it buys that go because the other end is said."""
    if requirement.status not in (Status.COVERED, Status.ASSUMED):
        return
    try:
        rules = [read_rule(each) for each in requirement.rules]
    except RuleError:
        return
    ends = {_end(rule) for rule in standing}
    added = any(_MINUTES.fullmatch(rule.text) for rule in rules)
    for gone in (rule.dropped for rule in rules if rule.dropped is not None):
        if _end(gone) and added and _end(gone) not in ends and not _INSTEAD.search(requirement.quote):
            yield not_understood(
                words, f"Does “{in_words(gone)}” still hold beside it, or does it take the place of that? {ASK}"
            )


def open_findings(
    turns: Sequence[str], requirements: Sequence[Requirement], assumptions: Sequence[str]
) -> Iterator[str]:
    """Finds what open turns said and the answer to the last of them forgets, or denies that anyone said it."""
    if len(turns) < 2:
        return
    *earlier, last = turns
    anew = bool(_WHOLE.search(last)) or bool(re.fullmatch(r"\W*(?:\w+\W+){0,3}[123]\W*|.*\b(?:first|second|third)\b.*", last, _I))  # fmt: skip
    for turn in earlier:
        if anew or not _ASKED_TO_BUY.search(turn):
            continue
        mine = [each for each in requirements if each.quote.strip() and " ".join(each.quote.split()) in " ".join(turn.split())]  # fmt: skip
        if mine and not any(rule for each in mine for rule in each.rules if not rule.startswith("symbol ")):
            yield f"“{turn.strip()[:200]}” was asked about, and “{last.strip()[:120]}” does not say all of it anew. Please say the whole strategy once more. {ASK}"
    yield from _denied(turns, assumptions)


_DENIALS = (
    ("No size was given", re.compile(r"\bbuy \d+(?:\.\d+)?\b(?! ?%)|\b\d+ shares\b|\$ ?\d[\d,.]* (?:of|worth)\b", _I)),
    ("No symbol was named", re.compile(r"\b(?i:buy|buying|trade|purchase) (?:\d+ )?(?:(?i:shares of) )?\$?(?!RSI|MACD|VWAP|SMA|EMA)[A-Z]{2,5}\b")),
    ("No rule for selling was given", re.compile(r"\b(?:sell|exit)\w* (?:when|if|once|above|below|over|under)\b", _I)),
)  # fmt: skip


def _denied(turns: Sequence[str], assumptions: Sequence[str]) -> Iterator[str]:
    """Sentences that nobody said what an open turn says."""
    for sentence, said in _DENIALS:
        told = next((each for each in assumptions if each.startswith(sentence)), "")
        if told and (match := next(filter(None, map(said.search, turns)), None)):
            yield f"“{match[0]}” was said before, and assumptions denies it ({told[:80]}): keep what was said. Please say the whole strategy once more. {ASK}"


def moving_distances(rules: Sequence[Rule]) -> list[str]:
    """The sentence that tells a person that an exit so many true ranges away moves with them."""
    if not any(re.search(r"(?:gain|drop)_dollars [<>]=? [^<>]*ta\.n?atr\(", each.text) for each in rules):
        return []
    return [
        "The distance in ATR is that of the bar at which it is looked at, so it moves with the market; it is not the one at the purchase."
    ]


_OF_A_DAY = re.compile(r"\b(?:day_(?:open|high|low)|opening_(?:high|low))")


def first_days(rules: Sequence[Rule]) -> list[str]:
    """The sentences that tell a person from when on a strategy knows what it keeps of a day, and of the day before."""
    text = " ; ".join(each.text for each in rules)
    found = []
    if _OF_A_DAY.search(text):
        found.append("What it knows of a day (its open, its high and low so far) it knows from the day's first bar on: where it is started within a day, nothing is decided by it until the next day.")  # fmt: skip
    if "yesterday_" in text:
        found.append("The day before is known from the second day on, and its open, high and low where it was seen from its first bar on: until then nothing is decided by it.")  # fmt: skip
    return found


_CLOSING = re.compile(r"\bovernight\b|\b(?:by|before|at|into) the (?:market )?close\b|\b(?:end|close) of (?:the )?day\b|\beod\b|\bintraday\b|über nacht|börsenschluss", _I)  # fmt: skip
# The minute of an early close.
_EARLY = 780


def early_closes(turns: Sequence[str], rules: Sequence[Rule]) -> list[str]:
    """The sentence that tells a person who wants to hold nothing overnight that a time of the clock does not come on days with an early close."""
    atoms = [atom for each in rules if each.kind is RuleKind.SELL for atom in each.atoms]
    sold = [int(atom.right) for atom in atoms if atom.left == "minute" and atom.operator in (">", ">=") and atom.right.isdigit()]  # fmt: skip
    if not any(each > _EARLY for each in sold) or not any(map(_CLOSING.search, turns)):
        return []
    hour, minute = divmod(min(sold), 60)
    return [f"On the few days on which the exchange closes at 13:00 it does not come to {hour}:{minute:02}: what is held then is held until the next day."]  # fmt: skip


def no_longer(requirements: Sequence[Requirement]) -> list[str]:
    """The sentences that tell a person which rules of what stood are gone; they are made from the rules."""
    found = dict[str, None]()
    for each in requirements:
        for text in each.rules:
            try:
                dropped = read_rule(text).dropped
            except RuleError:
                continue
            if dropped is not None:
                found[f"No longer: {in_words(dropped)}."] = None
    return list(found)
