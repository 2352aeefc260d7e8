"""The gate between request and code. What it finds goes back to whoever wrote the answer; nothing passes that leaves a part of the request out.

Between the two stand the requirements' formal rules. What the person's words say is held against the rules (`wording`), and the rules, which are a strategy by
themselves, against what the code does (`trial`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from stratforge.intent.accounts import unaccounted
from stratforge.intent.additions import added_instead, told_of_another
from stratforge.intent.alternatives import alternatives_unasked, permissions
from stratforge.intent.ambiguous import ambiguous_findings
from stratforge.intent.bounds import bounds_nothing, never_buys, sold_where_bought
from stratforge.intent.clocks import asked_of_moments, filled_next_day, sold_at_once
from stratforge.intent.counts import bare_bounds, cash_told
from stratforge.intent.deciders import said_by_no_rule
from stratforge.intent.elements import Kind, elements_of
from stratforge.intent.exceptions import one_sided
from stratforge.intent.follow_ups import (
    ASK,
    change_findings,
    early_closes,
    first_days,
    moving_distances,
    no_longer,
    open_findings,
    turn_questions,
    turned_round,
)
from stratforge.intent.leftover import words_left
from stratforge.intent.lines import lines_findings
from stratforge.intent.measures import columns_of, columns_said
from stratforge.intent.other_symbols import beside_findings, taken_for_what_is_traded, unasked
from stratforge.intent.places import whose_clocks, whose_days
from stratforge.intent.program import program_of
from stratforge.intent.reading.check import checked
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.unsure import is_indicator, questions_about, several_of
from stratforge.intent.reading.words import names_symbol
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import Rule, RuleError, RuleKind, read_rule
from stratforge.intent.scenarios import never_acts
from stratforge.intent.sides import side_findings
from stratforge.intent.spelling import misspelt, respelled
from stratforge.intent.states import moves_told
from stratforge.intent.stops import stop_findings, stops_told
from stratforge.intent.trial import disagreement
from stratforge.intent.turns import (
    INSTEAD,
    corrections_left,
    dropped_unasked,
    judged_together,
    plain_words,
    spans_by_turn,
)
from stratforge.intent.unlike import never_holds, unlike_findings
from stratforge.intent.wording import indicators_named, wording_findings
from stratforge.strategy import Strategy


def contract_findings(
    request: str,
    requirements: Sequence[Requirement],
    strategy: Strategy,
    assumptions: Sequence[str] = (),
    *,
    whole: bool = True,
    symbol: str = "",
    before: Sequence[str] | None = None,
    earlier: Sequence[str] = (),
    traded: str = "",
) -> list[str]:
    """Lists the points on which request, requirements and code do not agree.

    Args:
        request: The person's words of this turn.
        requirements: What the answer says it asks for.
        strategy: The compiled code of the answer.
        assumptions: What the answer says it decided by itself.
        whole: Whether the request describes the whole strategy; of a change, the rest is what stood before.
        symbol: The symbol of the answer.
        before: The rules that stood before a change; None when they are not known.
        earlier: The person's words of the turns before this one that no strategy has answered yet: they are part of the request.
        traded: What the strategy that is changed trades; "" where that is not known.

    Returns:
        One sentence for each disagreement, saying what to do; nothing when they agree.
    """
    found = words_findings(
        request, requirements, assumptions, whole=whole, symbol=symbol, before=before, earlier=earlier, traded=traded
    )
    program = program_of(strategy.source)
    rules, wrong = _read(requirements)
    found += lines_findings(requirements, rules, program, strategy.bar_minutes, assumptions)
    if not wrong:
        moments = asked_of_moments(_standing(requirements, rules), strategy.bar_minutes, around_the_clock="/" in symbol)
        found += [*unasked(strategy, _standing(requirements, rules)), *(f"{each} {ASK}" for each in moments)]
        found += behavior_findings(_standing(requirements, rules), strategy, symbol)
    return [*found, *never_acts(strategy, program, around_the_clock="/" in symbol)]


def words_findings(
    request: str,
    requirements: Sequence[Requirement],
    assumptions: Sequence[str] = (),
    *,
    whole: bool = True,
    symbol: str = "",
    before: Sequence[str] | None = None,
    earlier: Sequence[str] = (),
    traded: str = "",
) -> list[str]:
    """Lists the points on which the request and the rules of its requirements do not agree, whatever the code does; see `contract_findings`."""
    turns = tuple(respelled(each, assumptions) for each in (*earlier, request))
    # What is written twice is one requirement: each is judged in every place that it quotes.
    once = {(each.quote, each.status, each.meaning, *each.rules): each for each in requirements}
    requirements = [each.model_copy(update={"quote": respelled(each.quote, assumptions)}) for each in once.values()]
    assumptions = [respelled(each, assumptions) for each in assumptions]
    rules, wrong = _read(requirements)
    spans = spans_by_turn(turns, requirements, rules)
    reading = checked(turns, requirements, rules, spans, symbol)
    missing = [each for each in reading.told if each not in assumptions]
    # What is said in the rules' own words shows how they are read, and proves no reading right.
    assumptions = [each for each in assumptions if each not in reading.told]
    # What is read strictly is what its rules say: no other look at its words is needed.
    doubted = [
        each.model_copy(update={"status": Status.KEPT}) if index in reading.proven else each
        for index, each in enumerate(requirements)
    ]
    found = [
        *_quotations(turns, requirements, spans, whole=whole),
        *_left_over(turns, requirements, spans, symbol),
        *wrong,
        *reading.contrary,
        *beside_findings(requirements, rules, reading.sure, before, symbol),
        *taken_for_what_is_traded(turns, rules, symbol, traded=None if whole else traded),
        *(
            f"{each} {ASK}"
            for index, turn in enumerate(turns)
            for each in questions_about(turn)
            if not (index + 1 < len(turns) and _answered(each, assumptions))
        ),
        *several_of(request, before or ()),
        *(
            [f"{symbol} is the name of an indicator, and nobody named it as what to trade."]
            if is_indicator(symbol, turns)
            else []
        ),
        *(
            f"Nobody has shown that the rules say what these words do: tell the person in assumptions, in these words: {each}"
            for each in missing
        ),
    ]
    found += [*corrections_left(requirements, rules, spans), *dropped_unasked(requirements, rules, assumptions)]
    if earlier or not whole:
        asked = [*turn_questions(request, stands=not whole and not earlier, traded=traded), *added_instead(request, earlier, symbol, traded)]  # fmt: skip
        found += [f"{each} {ASK}" for each in dict.fromkeys(asked)]
    found += [*told_of_another(assumptions, symbol), *open_findings(turns, requirements, assumptions)]
    found += [
        *side_findings(turns, doubted, rules, spans, assumptions),
        *misspelt(requirements, rules, assumptions),
        *alternatives_unasked(turns, requirements, rules, spans, assumptions),
        *permissions(requirements, rules),
        *stop_findings(turns, requirements, rules),
        *bare_bounds(turns, requirements, rules),
    ]
    told = _numbers_told(assumptions)
    said = frozenset(
        one for each, of_it in zip(requirements, rules, strict=True) for one in columns_said(each.quote, of_it)
    )
    named = indicators_named(" ; ".join([*turns, *assumptions]))
    said |= frozenset(one for each in before or () for one in columns_of(read_rule(each)))
    found += ambiguous_findings(turns, requirements, rules, spans, assumptions, told)
    found += [*unaccounted(turns, doubted, rules, spans, assumptions), *whose_clocks(turns, requirements, rules, before or (), coins="/" in symbol)]  # fmt: skip
    for each, of_it in zip(requirements, rules, strict=True):
        if each.status not in (Status.COVERED, Status.KEPT):
            found += _not_told(each, of_it, assumptions, told)
        if each.status is Status.SUPERSEDED:
            found += wording_findings(each.quote, of_it, told=told, columns=said, named=named)
    for quote, of_it in judged_together(doubted, rules, spans):
        found += wording_findings(quote, of_it, symbol=symbol, told=told, columns=said, named=named)
    for rule in _standing(requirements, rules, RuleKind.SYMBOL):
        if symbol and rule.unit != symbol.upper():
            found.append(f"The rule “{rule.text}” names another symbol than the answer ({symbol}).")
    found += [*unlike_findings(doubted, rules), *turned_round(requirements, rules, before)]
    found += (f"{each} {ASK}" for each in never_holds(_standing(requirements, rules)))
    found += whose_days(_standing(requirements, rules), coins="/" in symbol)
    if "/" in symbol and (late := next((each for each in _standing(requirements, rules) if "minutes_to_close" in each.facts), None)):  # fmt: skip
        found.append(f"“{late.text}” looks at the close, and {symbol} is traded around the clock: at which time should it be? {ASK}")  # fmt: skip
    if not wrong:
        if not whole and before is not None:
            found += _kept(requirements, rules, before)
            found += _moved(requirements, rules)
            found += change_findings(request, requirements, _standing(requirements, rules), before, symbol=symbol)
        elif never_buys(_standing(requirements, rules), around_the_clock="/" in symbol):
            found.append(f"What has to hold at once for a purchase excludes itself, so it could never buy. {ASK}")
        found += _one_sided(turns, _standing(requirements, rules), assumptions)
        found += (
            f"“{each.rule.text}” holds where it buys, so what was bought is sold on the next bar: bound the sale or the purchase by the clock, and tell the person, or ask."
            for each in sold_at_once(_standing(requirements, rules), around_the_clock="/" in symbol)
        )
        if idle := bounds_nothing(_standing(requirements, rules), around_the_clock="/" in symbol):
            found.append(f"“{in_words(read_rule(idle))}” leaves out no time of any day, so it bounds nothing. When should it not buy? {ASK}")  # fmt: skip
        if sale := sold_where_bought(_standing(requirements, rules), around_the_clock="/" in symbol):
            found.append(f"“{sale}” may hold where it buys, so that what was bought is sold on the next bar: use crosses_above or crosses_below where a crossing is meant. {ASK}")  # fmt: skip
        found += (
            f"“{each.text}” counts days from the fill, and what is decided on a day's last bar is filled on the next day: buy a minute earlier, and tell the person, or ask."
            for each in filled_next_day(_standing(requirements, rules), around_the_clock="/" in symbol)
        )
    return found


def _answered(question: str, assumptions: Sequence[str]) -> bool:
    """Whether the person was asked about these words, has said more since, and is told how they are read now."""
    words = question.partition("”")[0].removeprefix("“")
    return any(f"“{words}”" in each for each in assumptions)


def readings_to_tell(
    request: str,
    requirements: Sequence[Requirement],
    assumptions: Sequence[str] = (),
    *,
    symbol: str = "",
    earlier: Sequence[str] = (),
) -> tuple[list[str], list[Requirement]]:
    """Says how the rules take the words that the strict reading does not know, and which requirements these are.

    A person is shown them as assumptions, whoever wrote the answer: a wrong reading is then no silent one.

    Returns:
        The sentences, and the requirements with those of such words called assumed.
    """
    turns = tuple(respelled(each, assumptions) for each in (*earlier, request))
    spelled = [each.model_copy(update={"quote": respelled(each.quote, assumptions)}) for each in requirements]
    rules, _ = _read(spelled)
    reading = checked(turns, spelled, rules, spans_by_turn(turns, spelled, rules), symbol)
    marked = [
        each.model_copy(update={"status": Status.ASSUMED}) if index in reading.unread else each
        for index, each in enumerate(requirements)
    ]
    standing = _standing(spelled, rules)
    more = [*no_longer(spelled), *moving_distances(standing), *first_days(standing), *stops_told(spelled, rules)]
    more += cash_told(spelled, rules)
    more += moves_told(spelled, rules, around_the_clock="/" in symbol)
    more += [] if "/" in symbol else early_closes(turns, standing)
    return [*reading.told, *(each for each in more if each not in assumptions)], marked


def rules_of(requirements: Sequence[Requirement]) -> list[str]:
    """The rules that stand, in their canonical form; what cannot be read is left out."""
    rules, _ = _read(requirements)
    return list(dict.fromkeys(each.text for each in _standing(requirements, rules)))


def _read(requirements: Sequence[Requirement]) -> tuple[list[list[Rule]], list[str]]:
    rules, wrong = list[list[Rule]](), list[str]()
    for each in requirements:
        of_it = list[Rule]()
        for text in each.rules:
            try:
                of_it.append(read_rule(text))
            except RuleError as error:
                wrong.append(f"The rule “{text[:120]}”: {error}.")
        rules.append(of_it)
        if each.status is Status.UNSUPPORTED and each.rules:
            wrong.append(f"“{each.quote[:80]}” is unsupported, and has a rule: it is one or the other.")
    return rules, wrong


def _standing(
    requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], kind: RuleKind | None = None
) -> list[Rule]:
    """The rules that make the strategy; or those of one kind."""
    return [
        rule
        for each, of_it in zip(requirements, rules, strict=True)
        if each.status is not Status.SUPERSEDED
        for rule in of_it
        if (rule.kind is kind if kind else rule.kind not in (RuleKind.DROP, RuleKind.SYMBOL))
    ]


def behavior_findings(rules: Sequence[Rule], strategy: Strategy, symbol: str) -> Iterator[str]:
    """Finds what code does otherwise than rules, tried on made-up bars."""
    try:
        reference = reference_strategy(rules, strategy.bar_minutes)
    except RuleError as error:
        yield f"The rules of the requirements are no strategy: {error}. All rules together must say everything that the code does."
        return
    yield from said_by_no_rule(strategy, reference)
    found = disagreement(strategy, reference, around_the_clock="/" in symbol)
    if found is not None:
        yield found


def _kept(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]], before: Sequence[str]) -> Iterator[str]:
    """That of what stood before nothing is lost or slipped in without a word."""
    stood = {read_rule(each).text for each in before}
    kept = {
        each.text for of, of_it in zip(requirements, rules, strict=True) if of.status is Status.KEPT for each in of_it
    }
    dropped = {each.dropped.text for of_it in rules for each in of_it if each.dropped is not None}
    now = {each.text for each in _standing(requirements, rules)}
    for text in sorted(kept - stood):
        yield f"The rule “{text}” is called kept, and did not stand before."
    for each, of_it in zip(requirements, rules, strict=True):
        moved = any(rule.kind is RuleKind.SYMBOL for rule in of_it) and len(of_it) == 1
        if (
            each.status is Status.COVERED
            and not moved
            and not any(rule.dropped for rule in of_it)
            and INSTEAD.search(each.quote)
        ):
            yield f"“{each.quote[:80]}” puts something in the place of what stood, and drops nothing: say “drop <rule>” too."
    for text in sorted(stood - now - dropped):
        yield f"The rule “{text}” stood before, and is gone: keep it, or let the requirement that asks for it say “drop {text}”."


def _moved(requirements: Sequence[Requirement], rules: Sequence[Sequence[Rule]]) -> Iterator[str]:
    """That a strategy is moved by words that name what it is to trade."""
    for each, of_it in zip(requirements, rules, strict=True):
        for rule in of_it:
            if rule.kind is RuleKind.SYMBOL and each.quote.strip() and not names_symbol(each.quote, rule.unit):
                yield f"“{each.quote[:80]}” names no {rule.unit}, and “{rule.text}” is said of it: quote the words that name it, leave the rule out, or ask."


def _quotations(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    spans: Sequence[Sequence[Sequence[tuple[int, int]]]],
    *,
    whole: bool,
) -> Iterator[str]:
    seen: dict[str, Requirement] = {}
    for each, places in zip(requirements, spans, strict=True):
        if each.status is Status.KEPT:
            if whole:
                yield f"“{each.meaning[:80]}” is called kept, and no strategy stands yet: quote it, or call it assumed."
            continue
        if not each.quote.strip():
            if each.status is not Status.ASSUMED:
                yield f"“{each.meaning[:80]}” quotes nothing: what the request does not ask for is assumed."
            continue
        if not any(places):
            yield f"requirements quotes “{each.quote[:80]}”, and no turn of the request says that: quote its own words, of one turn."
        ruled = any(not rule.startswith("symbol ") for rule in each.rules)
        cuts = [_cut(turn, span) for turn, found in zip(turns, places, strict=True) for span in found]
        if ruled and cuts and all(cuts):
            yield f"“{each.quote[:80]}” is cut out of a phrase: quote what it belongs to with it."
        twin = seen.setdefault(plain_words(each.quote), each)
        if twin is not each and twin.status is not each.status:
            yield f"requirements quotes “{each.quote[:80]}” twice, as {twin.status.value} and as {each.status.value}: which is it?"
        elif twin.status is Status.COVERED and set(twin.rules) != set(each.rules):
            yield f"requirements quotes “{each.quote[:80]}” twice, for different rules: quote each rule's own words, or say all of them in one requirement."


# Words that need others after them, before them, and what makes a clause of a few words.
_GOES_ON = re.compile(
    r"\b(?:of|than|between|the|a|an|not|never|no|unless|except|every day but|but|and|or|either|neither|both|to|from|is|it is|above|below|over|under|at|on|by|when|if|after|before|until)\s*$",
    re.IGNORECASE,
)
_BELONGS = re.compile(
    r"^\W*(?:of|than|between(?! \d+[:.h ]?\d* ?(?:am|pm)? ?(?:and|-))|to(?! (?:sell|buy|exit|enter|close)))\b",
    re.IGNORECASE,
)
_JOINED = re.compile(r"^\W*(?:and|or|und|oder|y|o|et|ou)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"[<>=%$≤≥]|\b(?:is|are|above|below|over|under|at|on|when|if|after|before|until|by|with|in|not|no|never|only|sell\w*|buy\w*|exit\w*|close\w*|stop\w*|cross\w*|ris\w*|fall\w*|max\w*|most|per|size|use|hold|green|red)\b|\b(?:unter|über|bei|nur|nicht|kein\w*|wenn|con|en|sin|sólo|si|cuando|sous|dessus|quand|avec|sans)\b|[^\x00-\x7f]",
    re.IGNORECASE,
)


_LEADS_ON = re.compile(
    r"(?:\b(?:but|and)|[,;.])\s*(?:if|when|once|whenever|on|wenn|cuando|quand)\b[^,;.]*$", re.IGNORECASE
)
_VERB = re.compile(
    r"\s*(?:then )?(?:buy|sell|exit|enter|close|get out|kauf|verkauf|compra|vend|achète)\w*\b", re.IGNORECASE
)


def _cut(turn: str, span: tuple[int, int]) -> bool:
    """Whether a quotation begins or ends in the middle of a phrase."""
    start, end = span
    quote, before, after = turn[start:end], turn[:start], turn[end:]
    # "…, but if it is Friday | sell when …": what leads to the next verb belongs to it.
    if _LEADS_ON.search(quote) and _VERB.match(after):
        return True
    if _BELONGS.search(quote) or (re.match(r"\s*\w", after) and _GOES_ON.search(quote)):
        return True
    inside = bool(re.search(r"\w\s*$", before))
    return inside and (bool(_GOES_ON.search(before)) or (bool(_JOINED.search(quote)) and not _CLAUSE.search(quote)))


def _left_over(
    turns: Sequence[str],
    requirements: Sequence[Requirement],
    spans: Sequence[Sequence[Sequence[tuple[int, int]]]],
    symbol: str,
) -> Iterator[str]:
    quoted = [places for each, places in zip(requirements, spans, strict=True) if each.status is not Status.KEPT]
    for index, turn in enumerate(turns):
        inside = [span for places in quoted for span in places[index]]
        where = "The request" if index == len(turns) - 1 else "An earlier turn that is still open"
        lost = False
        for element in elements_of(turn):
            if not any(start <= element.start and element.end <= end for start, end in inside):
                lost = True
                around = turn[max(0, element.start - 25) : element.end + 25].strip()
                yield f"{where} says “{element.text}” (in “…{around}…”), and no requirement quotes it: add it as covered, assumed or unsupported."
        if not lost:
            for words in words_left(turn, inside, symbol):
                yield f"No requirement quotes “{words}” of the request: add it as covered, assumed or unsupported."


def _one_sided(turns: Sequence[str], rules: Sequence[Rule], assumptions: Sequence[str]) -> Iterator[str]:
    told = plain_words(" ".join(assumptions))
    for words, side in one_sided(turns, rules):
        if plain_words(words) not in told:
            does, goes_on = ("buys", "sells") if side is RuleKind.BUY else ("sells", "buys")
            yield f"“{words}” names no side, and its rule is about when it {does} alone: ask, or quote the words in assumptions and say that it {goes_on} then all the same."


def _numbers_told(assumptions: Sequence[str]) -> frozenset[float]:
    told = " ".join(assumptions)
    numbers = {float(each.replace(",", "")) for each in re.findall(r"\d+(?:,\d{3})*(?:\.\d+)?", told)}
    numbers |= {60.0 * int(hour) + int(minute) for hour, minute in re.findall(r"\b(\d{1,2}):(\d\d)\b", told)}
    return frozenset(
        numbers
        | {each / 100 for each in numbers}
        | {1 - each / 100 for each in numbers}
        | {1 + each / 100 for each in numbers}
    )


def _not_told(
    requirement: Requirement, rules: Sequence[Rule], assumptions: Sequence[str], told: frozenset[float]
) -> Iterator[str]:
    """What is assumed or unsupported has to be said to the person before anything runs."""
    if requirement.quote.strip():
        said = [plain_words(each) for each in assumptions]
        if not any(plain_words(requirement.quote) in each for each in said):
            yield f"“{requirement.quote[:80]}” is {requirement.status.value}, and assumptions does not say so: quote the words there and say what becomes of them."
        return
    days = {each.value for each in elements_of(" ".join(assumptions), Kind.DAY)}
    for rule in rules:
        named = {float(each) for each in re.findall(r"weekday [<>=!]+ (\d)", rule.text)} & days
        missing = [
            each for each in rule.numbers - named - {0.0, 1.0} if not any(abs(each - other) < 1e-9 for other in told)
        ]
        if missing or not assumptions:
            yield f"Nobody asked for “{rule.text}”, and assumptions does not say it with its numbers."
