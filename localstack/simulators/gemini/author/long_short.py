"""Requests that go long and short, written side by side; see `stratforge.intent.long_short`."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from stratforge.intent.follow_ups import ASK
from stratforge.intent.long_short.changes import changed
from stratforge.intent.long_short.gate import (
    NOT_DONE,
    SAY_ALL,
    images_of,
    judged,
    said_together,
    standing_both_ways,
)
from stratforge.intent.long_short.image import Image, image_of, of_request
from stratforge.intent.long_short.marks import SAYS_NOTHING, Deed, Side, beside
from stratforge.intent.long_short.reference import both_ways
from stratforge.intent.long_short.rules import TURN, SideRule, of_both_sides, read_side_rule, read_side_rules
from stratforge.intent.long_short.sides import AGAIN, BY_ITSELF, Sides, goes_both_ways, sides_of
from stratforge.intent.long_short.turning import CLOSED_FIRST, TURNS_ROUND, Turning, asked_after_change, turning_of
from stratforge.intent.reading.said import in_words
from stratforge.intent.reference_strategy import reference_strategy
from stratforge.intent.requirements import Requirement
from stratforge.intent.rules import EXIT_KINDS, Rule, RuleError, RuleKind, read_rule
from stratforge.intent.shorts import OPT_IN, as_short, code_as_short, rule_as_short
from stratforge.intent.timeframes import (
    Frame,
    Plainly,
    asked_of_spans,
    clock_findings,
    plainly,
    read_frame,
)
from stratforge.intent.timeframes import in_words as bars_in_words
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import Strategy, compile_strategy
from stratforge.strategy.constants import with_timeframe
from stratforge.strategy.explanation import explain

from simulators.gemini.author.rotations import rotation_answer
from simulators.gemini.author.shorts import BY_PRICE
from simulators.gemini.author.strict import NO_SYMBOL, named_constants
from simulators.gemini.author.wording import Wording

Answer = dict[str, Any]
_EMPTY = {"name": "Not written yet", "python_code": "", "plan": "", "logic_explanation": "", "requirements": [], "parameters": [], "assumptions": []}  # fmt: skip
_BY_HAND = "What stands here is not changed from words any more: change its code yourself, or ask for the whole anew in a new conversation."
_NO_EXIT = "When is its {} position closed? Please say the whole strategy once more, with that."
NOT_UNDERSTOOD = f"“{{}}” was not understood as the two sides of one strategy. {AGAIN}"
SAY_EXITS = "when each side is closed is not said. Please say the whole strategy once more, with when it sells and when it covers."
_OF_A_PAIR = "A pair of which one is sold short is not written from words: a strategy goes long and short of one symbol, and of a pair one of the two is bought at a time."
_TWO_SYMBOLS = "A strategy trades one symbol, and {} are named. Which one is it for?"


class _Asks(Exception):
    """Something has to be asked before anything is written."""

    def __init__(self, *questions: str) -> None:
        super().__init__(questions)
        self.questions = list(dict.fromkeys(questions))


@dataclass
class _Written:
    """Requirements of both sides, with what the person is told, as they come together."""

    requirements: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    symbol: str = ""
    sides: list[Side | None] = field(default_factory=list)

    def add(self, quote: str, meaning: str, rules: Sequence[str], status: str, side: Side | None = None) -> None:
        for each, of in zip(self.requirements, self.sides, strict=True):
            # The same words may be said of each side: “with a 2% stop”.
            if each["quote"] == quote and each["status"] == status and of is side and quote:
                each["rules"] += [rule for rule in rules if rule not in each["rules"]]
                return
        self.requirements.append({"quote": quote, "meaning": meaning[:600], "status": status, "rules": list(rules)})
        self.sides.append(side)

    @property
    def rules(self) -> list[SideRule]:
        return read_side_rules(text for each in self.requirements for text in each["rules"])


def long_short_answer(requests: Sequence[str], write: Callable[[Sequence[str]], Answer]) -> Answer | None:
    """The answer to a conversation in which a person goes long and short; None for others.

    Args:
        requests: What the person said, turn by turn.
        write: Writes the answer to those that only buy and sell.
    """

    @cache
    def earlier(count: int) -> Answer:
        """The answer to the first turns: each is found once, however many later ones look back at it."""
        return _answered(requests[:count], write, earlier) or write(requests[:count])

    return _answered(requests, write, earlier)


def _answered(
    requests: Sequence[str], write: Callable[[Sequence[str]], Answer], earlier: Callable[[int], Answer]
) -> Answer | None:
    """The answer to the last turn; `earlier` gives that to so many turns before it."""
    if not any(map(goes_both_ways, requests)) or rotation_answer(tuple(requests)):
        return None
    if len(dict.fromkeys(Wording(requests[-1]).symbols)) > 1 and re.search(r"\b(?:ratio|spread|pairs?)\b", requests[-1], re.IGNORECASE):  # fmt: skip
        return {**_EMPTY, "kind": "decline", "symbol": _symbol(requests), "questions": [_OF_A_PAIR]}
    if len(requests) > 1 and (changed_ := _of_standing(requests, earlier)):
        return changed_
    together = said_together(requests)
    try:
        if together is None:
            raise _Asks(SAY_ALL)
        return _answer(together[0], write, together[1])
    except RuleError:
        return {**_EMPTY, "kind": "clarify", "symbol": _symbol(requests), "questions": [NOT_UNDERSTOOD.format(requests[-1].strip()[:200])]}  # fmt: skip
    except _Asks as asks:
        return {**_EMPTY, "kind": "clarify", "symbol": _symbol(requests), "questions": asks.questions}


def _symbol(requests: Sequence[str]) -> str:
    """What the turns speak of, where a question is all that there is."""
    return next((symbol for each in reversed(requests) for symbol in Wording(each).symbols), "AAPL")


def _of_standing(requests: Sequence[str], earlier: Callable[[int], Answer]) -> Answer | None:
    """The answer to the last turn, where a strategy stands that an earlier one asked for; None where none does."""
    for count in range(len(requests) - 1, 0, -1):
        standing = earlier(count)
        if standing["kind"] == "strategy":
            wanted = [Requirement.model_validate(each) for each in standing["requirements"]]
            before = standing_both_ways(wanted)
            if before is None:
                return {**standing, **_EMPTY, "kind": "decline", "questions": [_BY_HAND]}
            undone = [NOT_DONE.format(each.strip()[:120]) for each in requests[count:-1]]
            return _with_change(standing, before, requests[-1], undone)
    return None


def _with_change(standing: Answer, before: Sequence[str], words: str, undone: Sequence[str]) -> Answer:
    """The strategy that stands, changed."""
    made = changed(before, words)
    asks = [made.asks] if made.asks else []
    sides = of_both_sides(read_side_rules(made.rules))
    entered = [any(each.kind is RuleKind.BUY for each in of_side) for of_side in sides]
    if not asks and all(entered):
        asks = asked_after_change(before, made.rules)
    if asks:
        return {**standing, **_EMPTY, "kind": "clarify", "questions": asks}
    turns = TURN in made.rules
    timeframe = standing.get("timeframe")
    minutes = TIMEFRAMES.get(timeframe or "", 1)
    if all(entered):
        source = both_ways(sides[0], sides[1], turns=turns, minutes=minutes).source
    else:
        source = reference_strategy(sides[0] if entered[0] else sides[1], minutes).source
    code, constants = named_constants(source if entered[0] else code_as_short(source))
    code = with_timeframe(code, timeframe)
    strategy = compile_strategy(code)
    requirements = [{"quote": words, "meaning": f"now: {'; '.join(made.new) or 'less'}"[:600], "status": "covered", "rules": [*made.new, *(f"drop {each}" for each in made.gone)]}]  # fmt: skip
    requirements += [{"quote": "", "meaning": text, "status": "kept", "rules": [text]} for text in made.rules if text not in made.new]  # fmt: skip
    long, short = (rules if enters else [] for rules, enters in zip(sides, entered, strict=True))
    follows = (TURNS_ROUND if turns else CLOSED_FIRST,) if all(entered) else ()
    explained = _explained(long, short, follows, timeframe)
    stood = [each for each in standing["assumptions"] if each.startswith("No ")]
    return {
        **standing,
        **_told_of(code, constants, explained),
        "requirements": _with_lines(requirements, strategy),
        "assumptions": [*undone, *stood, *([OPT_IN] if strategy.shorts else [])],
    }


def _answer(text: str, write: Callable[[Sequence[str]], Answer], anew: Sequence[str]) -> Answer:
    frame = read_frame([text])
    plain = plainly(text, [each for each in frame.said[0] if each.plain], frame.timeframe)
    spans = asked_of_spans([plain.text], Frame(frame.timeframe, ((),)))
    if asks := [*frame.asks, *spans]:
        raise _Asks(*asks)
    sides = sides_of(plain.text)
    if sides.asks:
        raise _Asks(*sides.asks)
    if re.search(r"\b[A-Z]{2,5}/USD", plain.text):
        raise _Asks("Coins cannot be sold short: only stocks can. Which stock should it trade?")
    written, turning = _written(sides, write)
    minutes = TIMEFRAMES.get(frame.timeframe or "", 1)
    long, short = of_both_sides(written.rules)
    if any(clock_findings([*long, *short], frame)):
        raise _Asks(f"This looks at the time of day, and decides on bars of {bars_in_words(frame.timeframe)}. Leave the time out, or take bars of a minute?")  # fmt: skip
    code, constants = named_constants(both_ways(long, short, turns=turning.turns, minutes=minutes).source)
    code = with_timeframe(code, frame.timeframe)
    strategy = compile_strategy(code)
    if turning.turns:
        written.add("", "when one side's condition comes, the other side is closed", [TURN], "assumed")
    requirements = _with_lines(written.requirements, strategy)
    wanted = [Requirement.model_validate(each) for each in requirements]
    found = judged(plain.text, wanted, strategy, [*written.told, *turning.told], written.symbol)
    if found.findings:
        raise _Asks(*_questions(found.findings, plain.text))
    told = list(dict.fromkeys([*anew, *written.told, *found.told]))
    if frame.timeframe:
        requirements = _on_its_bars(requirements, text, plain, frame, code)
    return {
        **_EMPTY,
        "kind": "strategy",
        "symbol": written.symbol,
        "questions": [],
        "name": f"{written.symbol} long and short",
        **_told_of(code, constants, _explained(long, short, turning.told, frame.timeframe)),
        "requirements": requirements,
        "assumptions": told,
        **({"timeframe": frame.timeframe} if frame.timeframe else {}),
    }


def _told_of(code: str, constants: Mapping[str, float], explained: str) -> Answer:
    """The parts of an answer that tell its code."""
    return {
        "plan": explained[:2_000],
        "python_code": code,
        "logic_explanation": f"{explained} [Written offline by fixed rules, without a language model.]"[:3_000],
        "parameters": [{"name": name, "value": value, "meaning": f"a number of: {explained}"[:300]} for name, value in constants.items()],
    }  # fmt: skip


def _written(sides: Sides, write: Callable[[Sequence[str]], Answer]) -> tuple[_Written, Turning]:
    """The rules of both sides, and how one follows the other."""
    # What one side sets at its beginning (“with a 2% stop”) is no rule of an image of both.
    own = any(kind in ("stop", "target") for each in sides.pieces if each.side in (Side.LONG, Side.SHORT) for kind, _, _ in beside(sides.text[each.start : each.end]))  # fmt: skip
    if not own and not sides.leaves(Side.LONG) and not sides.leaves(Side.SHORT) and not _closed_alike(sides):
        # Nothing of its own ends a side: it may be the other side's turn.
        written = _Written()
        _take(written, sides, None, write)
        turning = _turned(sides, written)
        if images_of(sides, turning) == (None,):
            return written, turning
    written = _Written()
    for side in (Side.LONG, Side.SHORT):
        _take(written, sides, side, write)
    return written, _turned(sides, written)


def _closed_alike(sides: Sides) -> bool:
    """Whether one condition that is no time closes either side: “exit both at 50”, which is another sale for each of them."""
    closing = [each for each in sides.pieces if each.side is Side.BOTH and any(each.start <= mark.start < each.end and mark.deed is Deed.LEAVES for mark in sides.marks)]  # fmt: skip
    return any("clock" not in {kind for kind, _, _ in beside(sides.text[each.start : each.end])} for each in closing)


def _turned(sides: Sides, written: _Written) -> Turning:
    long, short = of_both_sides(written.rules)
    for rules, side in ((long, "long"), (short, "short")):
        if not any(each.kind is RuleKind.BUY for each in rules):
            raise _Asks(f"When does it go {side}? Please say the whole strategy once more, with that.")
    turning = turning_of(sides, long, short)
    if turning.asks:
        raise _Asks(*turning.asks)
    return turning


def _take(written: _Written, sides: Sides, side: Side | None, write: Callable[[Sequence[str]], Answer]) -> None:
    """Adds what one side, or the request as one, says."""
    image = image_of(sides, side)
    if image.asks:
        raise _Asks(*image.asks)
    found = write([image.text])
    quotes = [(each["quote"], _words(sides, image, each["quote"])) for each in found["requirements"] if each["quote"]]
    quotes = [(one, other) for one, other in quotes if other]
    if found["kind"] != "strategy" or not found["python_code"] or found["symbol"] == "PORTFOLIO":
        raise _Asks(
            *(_question(each, sides, image, side) for each in found["questions"] or [BY_ITSELF.format(sides.text)])
        )
    if NO_SYMBOL not in found["assumptions"]:
        if written.symbol and written.symbol != found["symbol"]:
            raise _Asks(_TWO_SYMBOLS.format(f"{written.symbol} and {found['symbol']}"))
        written.symbol = found["symbol"]
        written.told = [each for each in written.told if each != NO_SYMBOL]
    # How words were taken is told by the gate.
    told = [of_request(each, quotes, side) for each in found["assumptions"] if each != NO_SYMBOL and not re.match(r"“.*” is taken (?:as: |to ask )", each, re.DOTALL)]  # fmt: skip
    if side is None:
        # What bounds its purchases by the time at which it sells bounds both sides.
        told = [re.sub(r"^It does not buy after (.+), the time at which it sells\.$", r"It goes neither long nor short after \1, the time at which everything is closed.", each) for each in told]  # fmt: skip
        if any(re.search(r"\b(?:s[eo]lls?|sold|sales?|selling)\b", re.sub("“[^”]*”", "", each)) for each in told):
            raise _Asks(NOT_UNDERSTOOD.format(sides.text.strip()[:200]))
    told = [each.replace("It does not short ", "It does not go short ") for each in told]
    for each in found["requirements"]:
        _add(written, sides, image, side, each)
    written.told += [each for each in told if each not in written.told]
    if not written.symbol and side is not Side.LONG:
        written.told.append(NO_SYMBOL)
        written.symbol = "AAPL"


def _question(asks: str, sides: Sides, image: Image, side: Side | None) -> str:
    """A question about an image, as one about the request: its proposals are of strategies that only buy and sell."""
    asks, proposes = re.subn(r" (?:Which rule should it follow\? )?You could say: .*", "", asks, flags=re.DOTALL)
    quotation = re.compile(r"“([^”]+)”")

    def said(match: re.Match[str]) -> str:
        return f"“{_words(sides, image, match[1]) or match[1]}”"

    if side is Side.SHORT:
        asks = as_short(asks, [(each[0], said(each)) for each in quotation.finditer(asks)])
    elif side is None and re.search(r"\b(?:s[eo]ll?|sold|sale)", quotation.sub("", asks)):
        asks = NOT_UNDERSTOOD.format(sides.text.strip()[:200])
    else:
        asks = quotation.sub(said, asks)
    return asks + (f" {AGAIN}" if proposes else "")


def _words(sides: Sides, image: Image, quote: str) -> str:
    places = image.places_of(quote)
    return sides.text[places[0][0] : places[-1][1]] if len(places) == 1 else ""


def _add(written: _Written, sides: Sides, image: Image, side: Side | None, requirement: Mapping[str, Any]) -> None:
    """A requirement of an image, as those of the words of each side that it quotes."""
    rules = [read_rule(each) for each in requirement["rules"] if not each.startswith("symbol ")]
    symbol = [each for each in requirement["rules"] if each.startswith("symbol ")]
    quote, status, meaning = requirement["quote"], requirement["status"], requirement["meaning"]
    if not quote.strip():
        if any(each.kind is RuleKind.SELL for each in rules):
            raise _Asks(*(_NO_EXIT.format(each) for each in (["long", "short"] if side is None else [side.value])))
        for each in rules:
            written.add("", _meant(meaning, side), _side_texts(each, Side.BOTH if side is None else side, side), status)
        return
    pieces = list(_pieces(sides, image.places_of(quote)))
    # “Long and short strategy:” before what is of a side says nothing of either.
    pieces = [each for each in pieces if each[0] is not Side.BOTH or not SAYS_NOTHING.fullmatch(each[1])] or pieces
    if not pieces or (len({of for of, _ in pieces}) > 1 and Side.BOTH in {of for of, _ in pieces}):
        raise _Asks(BY_ITSELF.format(_words(sides, image, quote) or quote))
    for place, (of, words) in enumerate(pieces):
        mine = rules
        if len(pieces) > 1:
            # What enters is of the words that enter, and what leaves of those that leave.
            mine = [each for each in rules if _enters(each) is (of is Side.LONG)] if side is None else rules
        texts = [text for each in mine for text in _side_texts(each, of, side)]
        written.add(words, _meant(meaning, of), [*(symbol if not place else ()), *texts], status, of)


def _enters(rule: Rule) -> bool:
    return rule.kind is not RuleKind.SELL


def _meant(meaning: str, side: Side | None) -> str:
    return as_short(meaning) if side is Side.SHORT else meaning


def _pieces(sides: Sides, places: Sequence[tuple[int, int]]) -> Iterator[tuple[Side, str]]:
    """The words of each piece that lie in some places, with what joins them to those before."""
    for start, end in places:
        inside = [each for each in sides.pieces if each.start < end and start < each.end and each.side in (Side.LONG, Side.SHORT, Side.BOTH)]  # fmt: skip
        for number, each in enumerate(inside):
            begin = start if not number else max(start, each.start)
            words = sides.text[begin : min(end, each.end) if number < len(inside) - 1 else end].strip(" ,;")
            if re.search(r"\w", words):
                yield each.side, words


def _side_texts(rule: Rule, of: Side, side: Side | None) -> list[str]:
    """A rule of an image, as rules of the side whose words it is of."""
    if rule.kind is RuleKind.SELL and (far := re.fullmatch(r"sell when drop >= (\d+(?:\.\d+)?)", rule.text)):
        rule = read_rule(f"trailing stop {far[1]}%")
    plain = rule.kind not in (RuleKind.BUY, RuleKind.ONLY, RuleKind.SELL)
    if rule.kind in (RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.LOSSES):
        raise _Asks(f"“{in_words(rule)}” is not written for strategies that go long and short. Please leave it out.")
    if plain:
        return [rule.text] if of is Side.BOTH else [f"{of.value} {rule.text}"]
    if side is None and of is Side.SHORT:
        if rule.kind is not RuleKind.SELL or rule.value != 100:
            raise _Asks(f"“{as_short(in_words(rule))}” is said of the short side alone, where it begins when the long side ends. Please leave it out, or say when each side is closed.")  # fmt: skip
        if re.search(r"\b(?:minute\w*|weekday)\b", rule.text):
            raise _Asks(f"“{in_words(rule)}” of the short side: {SAY_EXITS}")
        return [f"short when {rule.text.removeprefix('sell when ')}"]
    if of is Side.BOTH and side is None:
        return [rule.text, rule_as_short(rule.text)]
    if of is Side.BOTH:
        return [rule.text] if side is Side.LONG else [rule_as_short(rule.text)]
    return [rule_as_short(rule.text) if of is Side.SHORT else rule.text]


def _with_lines(requirements: Sequence[Mapping[str, Any]], strategy: Strategy) -> list[dict[str, Any]]:
    """The requirements with the lines that do them: conditions, constants and columns too."""
    rules = explain(strategy)
    found = []
    for each in requirements:
        does = {name for text in each["rules"] if not text.startswith("drop ") for name in _does(text)}
        lines = {line for rule in rules for line in rule.lines if rule.does in does | {"notes"}}
        if not does and each["status"] == "covered":
            # What only goes is nowhere in the code any more, and a title is what all of it does.
            lines = {1} if each["rules"] else {line for rule in rules for line in rule.lines}
        found.append({**each, "lines": sorted(lines) if does or each["status"] == "covered" else []})
    return found


def _does(text: str) -> set[str]:
    """What the code does by a rule."""
    if text.startswith("symbol "):
        return set()
    if text == TURN:
        return {"buy", "sell", "short", "cover"}
    rule = read_side_rule(text)
    assert rule is not None
    leaves = rule.rule.kind is RuleKind.SELL
    long, short = ("sell", "cover") if leaves else ("buy", "short")
    return {long} if rule.side is Side.LONG else {short} if rule.side is Side.SHORT else {long, short}


def _explained(long: Sequence[Rule], short: Sequence[Rule], follows: Sequence[str], timeframe: str | None) -> str:
    """The strategy in sentences made from its rules, each of one side, with how one side follows the other and on what bars."""
    shared = [each for each in long if each.kind in (RuleKind.SIZE, *EXIT_KINDS) and each.text in {one.text for one in short}]  # fmt: skip
    one, other = ([in_words(each) for each in _in_order(rules) if each not in shared] for rules in (long, short))
    goes = [re.sub(r"^short ", "go short ", as_short(each)) for each in other]
    sentences = [f"It will {'; '.join(each)}." for each in (one, goes) if each]
    if shared:
        sentences.append(f"Of both sides: {'; '.join(re.sub(r'^buy ', 'enter ', in_words(each)) for each in shared)}.")
    return " ".join((*sentences, *follows, *([_of_bars(timeframe)] if timeframe else [])))


def _of_bars(timeframe: str | None) -> str:
    return f"It decides on bars of {bars_in_words(timeframe)}."


def _in_order(rules: Sequence[Rule]) -> list[Rule]:
    """When it enters, how much, and when it leaves."""
    return sorted(rules, key=lambda each: (each.kind not in (RuleKind.BUY, RuleKind.ONLY), each.kind is not RuleKind.SIZE, each.kind is not RuleKind.SELL))  # fmt: skip


def _questions(findings: Sequence[str], text: str) -> list[str]:
    """What the gate finds, as questions."""
    asked = [each.removesuffix(ASK).strip() for each in findings if each.endswith(ASK)]
    if any(
        "not judged of short positions" in each or "of a short position, for which up is a loss" in each
        for each in findings
    ):
        asked.append(BY_PRICE)
    return asked or [NOT_UNDERSTOOD.format(text.strip()[:200])]


def _on_its_bars(
    requirements: Sequence[Mapping[str, Any]], text: str, plain: Plainly, frame: Frame, code: str
) -> list[dict[str, Any]]:
    """The requirements in the person's own words, with those that name the bars."""
    found = []
    for each in requirements:
        at = plain.text.find(each["quote"]) if each["quote"] else -1
        quote = text[slice(*plain.original(at, at + len(each["quote"])))] if at >= 0 else each["quote"]
        found.append({**each, "quote": quote})
    lines = [number for number, line in enumerate(code.split("\n"), 1) if line.startswith("TIMEFRAME")] or [1]
    named = {each.words: None for each in frame.said[0]}
    return [*found, *({"quote": words, "meaning": _of_bars(frame.timeframe), "status": "covered", "rules": [], "lines": lines} for words in named)]  # fmt: skip
