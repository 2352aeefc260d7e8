"""Changes of a strategy that goes long and short: one of its numbers, or a side that goes. What such words do not say by themselves is asked about.

The words are read by a small grammar that leaves none of them over, so that what stands afterwards follows from what stood before.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from stratforge.intent.long_short.marks import Side
from stratforge.intent.long_short.rules import OF_ONE, TURN, read_side_rule
from stratforge.intent.rules import RuleError, RuleKind

_I = re.IGNORECASE
_POLITE = r"(?:(?:please|ok(?:ay)?|now|then|and|can you|could you|just|instead)\W+)*"
_N = r"\$?(?P<{}>\d+(?:\.\d+)?) ?(?P<{}>%|percent|dollars|shares)?"
_OF_SIDE = r"(?:,? (?:on|for|of) (?:the )?(?P<side>long|short|both)(?: sides?)?(?: alone| only)?)?"
_NEW_FOR_OLD = re.compile(rf"\W*{_POLITE}(?:use|make it|take|set it to|put) {_N.format('new', 'unit')} instead of {_N.format('old', 'its')}{_OF_SIDE}(?: please)?\W*", _I)  # fmt: skip
_OLD_TO_NEW = re.compile(rf"\W*{_POLITE}(?:change|replace|switch|swap|raise|lower|move|increase|decrease|reduce) (?:the )?{_N.format('old', 'its')} (?:to|with|into) {_N.format('new', 'unit')}{_OF_SIDE}(?: please)?\W*", _I)  # fmt: skip
_WITHOUT = re.compile(
    rf"\W*{_POLITE}(?:(?:remove|drop|delete|leave out|take out|get rid of) (?:the )?(?P<gone>long|short)(?: side| positions?| trades?| part)|(?:only(?: go)?|keep only|just) (?:the )?(?P<kept>long|short)(?: side| positions?| trades?)?|(?P<left>long|short) (?:side )?only|(?:no(?: more| longer)?|without|never|stop|quit|do(?:es)? not|don['’]t) (?:(?:any|the|go|going|take|taking|be|being|hold|holding|open|opening|more) )*(?P<no>long|short)(?:s|ing)?(?: sides?| positions?| trades?| selling| anything| it)?(?: any ?more| at all| from now on)*"
    r"|keine? (?:(?:weiteren?|mehr) )?(?P<kein>long|short)(?:s|-?positionen)?(?: mehr)?|nicht mehr (?P<nicht>short)en)(?: please| bitte)?\W*",
    _I,
)
NUMBER = re.compile(r"(?<![\w.])\d+(?:\.\d+)?(?![\w.])")

HOW = "You could say: “use 12 instead of 10 on both sides”, “change 70 to 75 on the short side”, or “remove the short side”; everything else is said anew, as a new strategy."
NOT_READ = f"Of a strategy that goes long and short, one number is changed by words, or a side is taken away, and “{{}}” is neither. {HOW}"
NOT_THERE = f"No rule has the number {{}}. {HOW}"
SEVERAL = f"The number {{}} stands in several rules ({{}}), and it is not plain which is meant. {HOW}"
NO_EXIT = "What is held is closed when the other side's condition comes, and without that side nothing is said of that. Please say the whole strategy anew, with when it is closed."


@dataclass(frozen=True, slots=True)
class Changed:
    """The outcome of a change: what stands then, or what has to be asked.

    Attributes:
        rules: Those that stand then; of one side alone, as those of a strategy of that side.
        new: Those of them that did not stand before.
        gone: Those that stood before and go.
        asks: What has to be asked; nothing is changed then.
    """

    rules: tuple[str, ...] = ()
    new: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    asks: str = ""


def changed(before: Sequence[str], words: str) -> Changed:
    """Reads a change of rules that stand from the person's words."""
    if match := _WITHOUT.fullmatch(words):
        gone = (
            match["gone"]
            or match["no"]
            or match["kein"]
            or match["nicht"]
            or {"long": "short", "short": "long"}[match["kept"] or match["left"]]
        )
        return _without(before, Side(gone.lower()))
    match = _NEW_FOR_OLD.fullmatch(words) or _OLD_TO_NEW.fullmatch(words)
    if match is None:
        return Changed(asks=NOT_READ.format(words.strip()[:120]))
    if match["unit"] and match["its"] and match["unit"] != match["its"]:
        return Changed(asks=NOT_READ.format(words.strip()[:120]))
    unit = (match["unit"] or match["its"] or "").replace("percent", "%").lower()
    return _renumbered(before, match["old"], match["new"], unit, (match["side"] or "").lower())


def _renumbered(before: Sequence[str], old: str, new: str, unit: str, side: str) -> Changed:
    holders = [text for text in before if any(_is(text, each, old, unit) for each in NUMBER.finditer(text))]
    if side in ("long", "short"):
        shared = [text for text in holders if _side(text) is Side.BOTH]
        if shared:
            return Changed(asks=SEVERAL.format(old, "; ".join(shared)))
        holders = [text for text in holders if _side(text) is Side(side)]
    if not holders:
        return Changed(asks=NOT_THERE.format(old))
    places = sum(_is(text, each, old, unit) for text in holders for each in NUMBER.finditer(text))
    if side != "both" and places > 1:
        return Changed(asks=SEVERAL.format(old, "; ".join(holders)))
    if side == "both" and {_side(text) for text in holders} not in ({Side.LONG, Side.SHORT}, {Side.BOTH}):
        return Changed(asks=SEVERAL.format(old, "; ".join(holders)))
    number = f"{float(new):g}"
    found = {text: NUMBER.sub(lambda each, text=text: number if _is(text, each, old, unit) else each[0], text) for text in holders}  # type: ignore[misc] # fmt: skip
    try:
        for text in found.values():
            read_side_rule(text)
    except RuleError as error:
        return Changed(asks=f"That cannot be: {error}. {HOW}")
    rules = tuple(dict.fromkeys(found.get(text, text) for text in before))
    return Changed(rules, tuple(found.values()), tuple(found))


def _is(text: str, number: re.Match[str], wanted: str, unit: str) -> bool:
    """Whether a number of a rule is the one that is spoken of; lengths and levels have no unit, and what has one has that."""
    if abs(float(number[0]) - float(wanted)) > 1e-9:
        return False
    rule = read_side_rule(text) if text != TURN and not text.startswith("symbol ") else None
    if rule is None:
        return False
    kind = rule.rule.kind
    if kind is RuleKind.SIZE:
        own = "%" if rule.rule.unit.startswith("%") else rule.rule.unit
    elif kind in (RuleKind.STOP, RuleKind.TARGET, RuleKind.TRAIL) or re.search(r"\b(?:gain|drop) [<>]=? -?$", text[: number.start()]):  # fmt: skip
        own = "%"
    else:
        own = ""
    if re.search(r"\bminute\w* [<>=]+ $", text[: number.start()]):
        # A time is not spoken of as its minute.
        return False
    return unit in ("", own)


def _side(text: str) -> Side:
    rule = read_side_rule(text)
    return Side.BOTH if rule is None else rule.side


def _without(before: Sequence[str], gone: Side) -> Changed:
    if TURN in before:
        return Changed(asks=NO_EXIT)
    left, dropped, new = list[str](), list[str](), list[str]()
    for text in before:
        if text.startswith("symbol "):
            left.append(text)
            continue
        side = _side(text)
        if side is gone:
            dropped.append(text)
            continue
        of_one = OF_ONE.fullmatch(text)
        bare = of_one["rule"] if of_one else text
        left.append(bare)
        if bare != text:
            dropped.append(text)
            new.append(bare)
    return Changed(tuple(dict.fromkeys(left)), tuple(new), tuple(dropped))
