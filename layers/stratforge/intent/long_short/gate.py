"""The gate of strategies that go long and short: each side is judged as a request of its own, and what is true only of both is judged besides."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from stratforge.intent.clocks import asked_of_moments, days_told
from stratforge.intent.deciders import said_by_no_rule
from stratforge.intent.follow_ups import ASK
from stratforge.intent.gate import readings_to_tell, words_findings
from stratforge.intent.lines import lines_findings
from stratforge.intent.long_short.changes import NUMBER, Changed, changed
from stratforge.intent.long_short.image import Image, image_of, of_request
from stratforge.intent.long_short.marks import SCOPED, STAYS, TURNS, Side
from stratforge.intent.long_short.reference import both_ways
from stratforge.intent.long_short.rules import TURN, SideRule, of_both_sides, read_side_rule, read_side_rules
from stratforge.intent.long_short.sides import BY_ITSELF, Piece, Sides, goes_both_ways, sides_of
from stratforge.intent.long_short.turning import (
    CLOSED_FIRST,
    TURNS_ROUND,
    Turning,
    asked_after_change,
    contrary,
    turning_of,
)
from stratforge.intent.program import program_of
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import TURNED, Rule, RuleError, RuleKind
from stratforge.intent.scenarios import never_acts
from stratforge.intent.shorts import (
    OPT_IN,
    PARTS_LEFT_OUT,
    as_bought,
    code_as_bought,
    in_whole_shares,
    not_judged,
    rule_as_short,
)
from stratforge.intent.trial import disagreement
from stratforge.intent.turns import places_of, plain_words
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.strategy import Strategy, compile_strategy

ANEW = "What was said before is replaced by the last message, which says both sides anew."
SAY_ALL = "What you say now and what you said before are not put together for strategies that go long and short. Please say the whole strategy once more, both sides, or begin anew for one side alone."
NOT_DONE = "“{}” was not done."
ONE_SIDE = "The code goes long and short, and the words do not say both: write one side, or ask."

# A comparison that has nothing of its own but its direction.
_TURNED = re.compile(
    r"(?:\W|\b(?:and|but|then|when(?:ever)?|while|if|once|as soon as|it|is|goes|gets|turns|crosses|closes|breaks|falls|drops|rises|trades|moves|back|below|under|above|over|down|up|negative|positive)\b)+",
    re.IGNORECASE,
)
_PRICE = re.compile(r"\b(?:the )?(?:price|close|stock)\b", re.IGNORECASE)
# A level without a way to it.
_AT = re.compile(
    r"\A(?!.*\b(?:above|below|over|under|up|down|ris\w*|fall\w*|higher|lower)\b)[^<>]*\bat\b[^<>]*\Z", re.IGNORECASE
)
_SIGN = re.compile(r"[<>]=?")
# What is read otherwise of a sale than of what enters.
_CLOCKS = frozenset({"minute", "minutes_to_close", "weekday", *map(clock_field, CLOCKS)})


@dataclass(frozen=True)
class Judged:
    """The outcome of judging an answer.

    Attributes:
        findings: The points on which request, rules and code do not agree.
        told: What the person has to be told of how the words were read.
        requirements: The answer's, with those whose words were read into called assumed.
    """

    findings: tuple[str, ...]
    told: tuple[str, ...] = ()
    requirements: tuple[Requirement, ...] = ()


def said_together(turns: Sequence[str]) -> tuple[str, tuple[str, ...]] | None:
    """Puts open turns together to one request, with what the person is told of that; None where they cannot be put together.

    An answer to a question of the gate's is put behind what it answers; a message that says both sides anew takes the place of all before it.
    """
    if all(any(form.fullmatch(each) for form in (SCOPED, TURNS, STAYS)) for each in turns[1:]):
        return ". ".join(each.strip().rstrip(" .") for each in turns) + ".", ()
    if goes_both_ways(turns[-1]):
        return turns[-1], (ANEW,)
    return None


def judged(
    text: str, requirements: Sequence[Requirement], strategy: Strategy, assumptions: Sequence[str], symbol: str
) -> Judged:
    """Judges an answer whose code goes long and short.

    Args:
        text: The person's words.
        requirements: What the answer says they ask for.
        strategy: The answer's code.
        assumptions: What the answer says it decided by itself.
        symbol: What it trades.
    """
    if not goes_both_ways(text):
        return Judged((ONE_SIDE,))
    if "/" in symbol:
        return Judged((f"{symbol} cannot be sold short: only stocks can. Ask what it should trade.",))
    if strategy.other_symbols:
        return Judged((f"The code looks at {', '.join(strategy.other_symbols)}, which is not written for strategies that go long and short: leave it out, or ask.",))  # fmt: skip
    sides = sides_of(text)
    if sides.asks:
        return Judged(tuple(f"{each} {ASK}" for each in sides.asks))
    rules, wrong = _read(requirements)
    if wrong:
        return Judged(tuple(wrong))
    long, short = of_both_sides([each for of_it in rules for each in of_it])
    try:
        turning = _turning(sides, long, short)
        reference = both_ways(long, short, turns=turning.turns, minutes=strategy.bar_minutes)
    except RuleError as error:
        return Judged((f"The rules of the requirements are no strategy: {error}.",))
    found = [f"{each} {ASK}" for each in turning.asks]
    found += _said_to_turn(requirements, turning)
    found += _placed(requirements, rules, sides)
    sold_short = [_of_short(each, of_it) for each, of_it in zip(requirements, rules, strict=True)]
    found += not_judged(sold_short)
    told, marked = [*turning.told, *sides.told], list(requirements)
    for side in images_of(sides, turning):
        image = image_of(sides, side)
        found += (f"{each} {ASK}" for each in image.asks)
        of_image, said, called = _judged_image(image, side, sides, requirements, rules, assumptions, symbol)
        found += of_image
        told += said
        if side is None:
            found += _as_entry(sides, long, short, requirements, rules, assumptions, symbol)
        marked = [each.model_copy(update={"status": Status.ASSUMED}) if index in called else each for index, each in enumerate(marked)]  # fmt: skip
    program = program_of(strategy.source)
    in_code = [(each, [one.rule for one in of_it]) for each, of_it in zip(requirements, rules, strict=True) if each.rules != [TURN]]  # fmt: skip
    found += lines_findings([each for each, _ in in_code], [of_it for _, of_it in in_code], program, strategy.bar_minutes, assumptions)  # fmt: skip
    found += (f"{each} {ASK}" for of_side in (long, short) for each in asked_of_moments(of_side, strategy.bar_minutes))
    found += said_by_no_rule(strategy, reference)
    if not found and (differs := disagreement(strategy, reference)) is not None:
        found.append(differs)
    if not found:
        found += never_acts(strategy, program)
    told += [*days_told([*long, *short], minutes=strategy.bar_minutes), *([PARTS_LEFT_OUT] if in_whole_shares(sold_short) else []), OPT_IN]  # fmt: skip
    return Judged(tuple(dict.fromkeys(found)), tuple(dict.fromkeys(told)), tuple(marked))


def judged_change(
    before: Sequence[str],
    words: str,
    requirements: Sequence[Requirement],
    strategy: Strategy,
    assumptions: Sequence[str] = (),
) -> Judged:
    """Judges an answer that changes a strategy that goes long and short.

    Args:
        before: The rules that stood.
        words: The person's words.
        requirements: What the answer says they ask for, with what is kept.
        strategy: The answer's code.
        assumptions: What the answer says it decided by itself.
    """
    wanted = changed(before, words)
    if wanted.asks:
        return Judged((f"{wanted.asks} {ASK}",))
    said = [text for each in requirements for text in each.rules]
    stand = {text for text in said if not text.startswith(("drop ", "symbol "))}
    gone = {text.removeprefix("drop ") for text in said if text.startswith("drop ")}
    found = [f"After this change the rule “{text}” stands: keep it, or write it." for text in wanted.rules if text not in stand]  # fmt: skip
    found += [f"The rule “{text}” is not what the words come to: leave it out." for text in sorted(stand - {*wanted.rules})]  # fmt: skip
    found += [f"A requirement that quotes “{words[:80]}” says “drop {text}”." for text in wanted.gone if text not in gone]  # fmt: skip
    found += [f"Nobody asks that “{text}” goes." for text in sorted(gone - {*wanted.gone})]
    found += [f"No words of this change name what it trades: leave “{text}” out." for text in said if text.startswith("symbol ")]  # fmt: skip
    for each in requirements:
        mine = {*each.rules}
        if each.status is Status.KEPT and mine <= {*before}:
            continue
        if each.status is not Status.COVERED or plain_words(each.quote).strip(" .!") != plain_words(words).strip(" .!"):
            found.append(f"“{(each.quote or each.meaning)[:80]}” is {each.status.value}: what stood is kept, and what is new is covered and quotes all of “{words[:80]}”.")  # fmt: skip
    if found:
        return Judged(tuple(found))
    try:
        return _judged_code(wanted, before, requirements, strategy, assumptions)
    except RuleError as error:
        return Judged((f"The rules of the requirements are no strategy: {error}. {ASK}",))


def _judged_code(
    wanted: Changed,
    before: Sequence[str],
    requirements: Sequence[Requirement],
    strategy: Strategy,
    assumptions: Sequence[str],
) -> Judged:
    long, short = of_both_sides(read_side_rules(wanted.rules))
    told, code, found = [OPT_IN], strategy, list[str]()
    entered = [any(each.kind is RuleKind.BUY for each in of_side) for of_side in (long, short)]
    if all(entered):
        turns = TURN in wanted.rules
        found += (f"{each} {ASK}" for each in asked_after_change(before, wanted.rules))
        reference = both_ways(long, short, turns=turns, minutes=strategy.bar_minutes)
        told.insert(0, TURNS_ROUND if turns else CLOSED_FIRST)
    else:
        reference = reference_strategy(long if entered[0] else short, strategy.bar_minutes)
        if entered[1]:
            image, faults = code_as_bought(strategy.source)
            if faults:
                return Judged(tuple(faults))
            code = compile_strategy(image)
        elif strategy.shorts:
            return Judged(("No rule goes short any more, and the code does: leave short() and cover() out.",))
        else:
            told = []
    program = program_of(strategy.source)
    plain = [[one.rule for one in read_side_rules(text for text in each.rules if not text.startswith("drop "))] for each in requirements]  # fmt: skip
    with_lines = [(each, of_it) for each, of_it in zip(requirements, plain, strict=True) if each.status is Status.COVERED and of_it]  # fmt: skip
    new = [each.model_copy(update={"quote": " ".join(NUMBER.findall(" ".join(each.rules[: len(of_it)])))}) for each, of_it in with_lines]  # fmt: skip
    found += lines_findings(new, [of_it for _, of_it in with_lines], program, strategy.bar_minutes, assumptions)
    found += (f"{each} {ASK}" for of_side in (long, short) for each in asked_of_moments(of_side, strategy.bar_minutes))
    found += said_by_no_rule(code, reference)
    if not found and (differs := disagreement(code, reference)) is not None:
        found.append(differs)
    if not found:
        found += never_acts(strategy, program)
    told += days_told([*long, *short], minutes=strategy.bar_minutes)
    return Judged(tuple(dict.fromkeys(found)), tuple(told), tuple(requirements))


def standing_both_ways(requirements: Sequence[Requirement]) -> tuple[str, ...] | None:
    """The rules of a strategy that goes long and short; None of another one."""
    texts = dict.fromkeys(text for each in requirements for text in each.rules if not text.startswith(("drop ", "symbol ")))  # fmt: skip
    return tuple(texts) if goes_both_ways_by([*texts]) else None


def follows_both_ways(rules: Sequence[str], strategy: Strategy) -> bool:
    """Says whether code does what the rules of both sides say and nothing else, tried on made-up bars."""
    try:
        long, short = of_both_sides(read_side_rules(rules))
        reference = both_ways(long, short, turns=TURN in rules, minutes=strategy.bar_minutes)
    except RuleError:
        return False
    return not said_by_no_rule(strategy, reference) and disagreement(strategy, reference) is None


def goes_both_ways_by(rules: Sequence[str]) -> bool:
    """Says whether rules enter a long and a short side."""
    return any(each.startswith("buy when ") for each in rules) and any(each.startswith("short when ") for each in rules)


def images_of(sides: Sides, turning: Turning) -> tuple[Side | None, ...]:
    """The sides as which a request is judged: as one, where each ends the other and has no exit of its own."""
    alone = turning.turns and not sides.leaves(Side.LONG) and not sides.leaves(Side.SHORT)
    return (None,) if alone else (Side.LONG, Side.SHORT)


def _turning(sides: Sides, long: Sequence[Rule], short: Sequence[Rule]) -> Turning:
    for rules, form in ((long, "buy when …"), (short, "short when …")):
        if not any(each.kind is RuleKind.BUY for each in rules):
            raise RuleError(f"there is no rule “{form}”")
    return turning_of(sides, long, short)


def _read(requirements: Sequence[Requirement]) -> tuple[list[list[SideRule]], list[str]]:
    rules, wrong = list[list[SideRule]](), list[str]()
    for each in requirements:
        of_it = list[SideRule]()
        for text in each.rules:
            try:
                read = read_side_rule(text)
            except RuleError as error:
                wrong.append(f"The rule “{text[:120]}”: {error}.")
                continue
            of_it += [read] if read is not None else []
        rules.append(of_it)
        if each.status not in (Status.COVERED, Status.ASSUMED):
            wrong.append(f"“{each.quote[:80]}” is {each.status.value}: what cannot be written of a strategy that goes long and short is asked about.")  # fmt: skip
    return rules, wrong


def _said_to_turn(requirements: Sequence[Requirement], turning: Turning) -> Iterator[str]:
    said = any(TURN in each.rules for each in requirements)
    if said is not turning.turns and not turning.asks:
        yield (
            f"Here one side's turn ends the other: a requirement says the rule “{TURN}”, and the code does so."
            if turning.turns
            else f"No words say that one side's turn ends the other: leave the rule “{TURN}” out."
        )


def _placed(requirements: Sequence[Requirement], rules: Sequence[Sequence[SideRule]], sides: Sides) -> Iterator[str]:
    """That every rule is of the side of its words."""
    for each, of_it in zip(requirements, rules, strict=True):
        if not each.quote.strip() or not of_it:
            continue
        places = [sides.of(*place) - {Side.MODE, Side.SCOPE} for place in places_of(sides.text, each.quote)]
        if not any(_fits(place, of_it, each.quote) for place in places):
            yield f"“{each.quote[:80]}” is not of the side of its rules ({'; '.join(each.rules)}): quote each side's own words, and give what is said of both sides for each of them, or say the side before the rule (“long stop loss 2%”)."


def _fits(place: set[Side], rules: Sequence[SideRule], quote: str) -> bool:
    said = [each for each in rules if each.rule.kind is not RuleKind.SYMBOL]
    if not said:
        return True
    if len(place) != 1:
        return False
    (side,) = place
    if side is not Side.BOTH:
        return all(each.side is side for each in said)
    long, short = ({each.rule.text for each in said if each.side in (one, Side.BOTH)} for one in (Side.LONG, Side.SHORT))  # fmt: skip
    # “Exit both at 50”: from below for the one, from above for the other, as each side's image is held against its rules.
    return long == short or (_AT.search(quote) is not None and long == {_SIGN.sub(lambda each: TURNED[each[0]], text) for text in short})  # fmt: skip


def _of_short(requirement: Requirement, rules: Sequence[SideRule]) -> Requirement:
    """A requirement with its rules of the short side."""
    texts = [rule_as_short(each.rule.text) for each in rules if each.side in (Side.SHORT, Side.BOTH)]
    return requirement.model_copy(update={"rules": texts})


def _judged_image(
    image: Image,
    side: Side | None,
    sides: Sides,
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[SideRule]],
    assumptions: Sequence[str],
    symbol: str,
) -> tuple[list[str], list[str], set[int]]:
    """What is found of the words of an image, what of them is told, and which requirements were read into."""
    of_image, places, found = list[Requirement](), list[int](), list[str]()
    for index, (each, of_it) in enumerate(zip(requirements, rules, strict=True)):
        texts = _as_image(of_it, side)
        if texts is None:
            found.append(f"“{each.quote[:80]}” bounds or closes one side by itself, where one side's turn ends the other. {ASK}")  # fmt: skip
            continue
        quote = _quote(image, side, sides, each.quote, of_it)
        if (each.quote.strip() and not quote) or (not each.quote.strip() and not texts) or each.rules == [TURN]:
            continue
        of_image.append(each.model_copy(update={"quote": quote, "meaning": as_bought(each.meaning), "rules": texts}))
        places.append(index)
    quotes = [(each.quote, requirements[index].quote) for each, index in zip(of_image, places, strict=True) if each.quote]  # fmt: skip
    said = [_seen(each, quotes, short=side is Side.SHORT) for each in assumptions]
    told, marked = readings_to_tell(image.text, of_image, said, symbol=symbol)
    found += words_findings(image.text, of_image, [*said, *told], symbol=symbol)
    called = {index for index, each, now in zip(places, of_image, marked, strict=True) if now.status is not each.status}
    return [of_request(each, quotes, side) for each in found], [of_request(each, quotes, side) for each in told], called


def _as_entry(
    sides: Sides,
    long: Sequence[Rule],
    short: Sequence[Rule],
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[SideRule]],
    assumptions: Sequence[str],
    symbol: str,
) -> list[str]:
    """That what enters the short side is read so by itself: as a sale of the image a condition may say something else, such as “at 13:00”, or a list."""
    sided = [each for each in sides.pieces if each.side in (Side.LONG, Side.SHORT)]
    if len(sided) != 2:
        return [f"{BY_ITSELF.format(sides.text.strip()[:200])} {ASK}"]
    image = image_of(sides, Side.SHORT)
    of_price = any(
        "close" in way for rule in long if rule.kind is RuleKind.BUY for atom in rule.atoms for way in atom.ways
    )
    said = [_without_deeds(sides, each) for each in sided if each.side is Side.SHORT]
    turned = any(_TURNED.fullmatch(_PRICE.sub("", each) if of_price else each) for each in said)
    if turned and contrary(long, short):
        # “When it crosses below” says what the long side does, the other way round, and nothing more.
        return []
    if not image.asks:
        return _judged_image(image, Side.SHORT, sides, requirements, rules, assumptions, symbol)[0]
    return [] if contrary(long, short) else [f"{each} {ASK}" for each in image.asks]


def _without_deeds(sides: Sides, piece: Piece) -> str:
    """The words of a piece that say when."""
    found, at = "", piece.start
    for each in sides.marks:
        if piece.start <= each.start < piece.end:
            found, at = f"{found}{sides.text[at : each.start]} ", each.end
    return found + sides.text[at : piece.end]


def _as_image(rules: Sequence[SideRule], side: Side | None) -> list[str] | None:
    """The rules as the image has them; None where it has none for them."""
    if side is not None:
        return [each.rule.text for each in rules if each.side in (side, Side.BOTH)]
    long = [each.rule.text for each in rules if each.side in (Side.LONG, Side.BOTH)]
    found = list(long)
    for each in rules:
        if each.side is Side.SHORT and each.rule.kind is RuleKind.BUY and not each.rule.facts & _CLOCKS:
            found.append(Rule(RuleKind.SELL, each.rule.condition).text)
        elif each.side is Side.SHORT and each.rule.text not in long:
            return None
    # What bounds or closes one side alone is no part of the other's words.
    twins = {each.rule.text for each in rules if each.side in (Side.SHORT, Side.BOTH)}
    alone = [each for each in rules if each.side is Side.LONG and each.rule.kind is not RuleKind.BUY and each.rule.text not in twins]  # fmt: skip
    return None if alone else found


def _quote(image: Image, side: Side | None, sides: Sides, quote: str, rules: Sequence[SideRule]) -> str:
    """The image of a quotation, at the first of its places whose side its rules are of."""
    places = list(places_of(sides.text, quote))
    fitting = [place for place in places if _fits(sides.of(*place) - {Side.MODE, Side.SCOPE}, rules, quote)] or places
    for start, end in fitting:
        mine = side is None or bool({side, Side.BOTH} & sides.of(start, end))
        if mine and (found := image.of(start, end).strip(" ,;.")):
            return found
    return ""


def _seen(text: str, quotes: Sequence[tuple[str, str]], *, short: bool) -> str:
    """What is assumed, as it is said of the image."""
    for image, words in sorted(quotes, key=lambda each: -len(each[1])):
        if words in text:
            text = text.replace(words, image)
    return as_bought(text) if short else text
