"""Words that say on which side of a strategy something happens: deeds of the long and of the short side, ways out of either, and words for both."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from stratforge.intent.shorts import COVERS, NO_POSITION, SHORTS

_I = re.IGNORECASE


class Side(StrEnum):
    """Of which side words are: `mode` is how one follows the other, `scope` says of which side other words are, `none` says nothing."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"
    MODE = "mode"
    SCOPE = "scope"
    NONE = ""


class Deed(StrEnum):
    """The deeds of a side; where it is only `named`, as in “for longs”, or `heads` what is said of it, nothing is done; what is `barred` (“no shorts on Fridays”) is not entered then."""

    ENTERS = "enters"
    LEAVES = "leaves"
    NAMED = "named"
    HEADS = "heads"
    BARRED = "barred"


@dataclass(frozen=True, slots=True)
class Mark:
    """Words for a deed: where they stand and whose it is; a way out that names no side is of none, and of both where it is out of everything (`whole`). What leaves one
    side and enters the other with one condition (“sell and go short”) `turns`."""

    start: int
    end: int
    side: Side
    deed: Deed
    whole: bool = False
    turns: bool = False


# Not a “long average”, not “as long as”, and no “longer” one.
_NO_SIDE = rf"(?! ?[-–]?(?:{NO_POSITION}|as\b|enough|only|time|run|and short|or short))"
_OUT_OF_LONG = re.compile(
    r"\b(?:(?:clos(?:e[sd]?|ing)|exit(?:s|ed|ing)?|sell(?:s|ing)?|get(?:s|ting)? out of) (?:(?:the|my|any|all|every) )?longs?(?: positions?| trades?)?|sell(?:s|ing)?|sold)\b",
    _I,
)
_INTO_LONG = re.compile(
    rf"\b(?:(?:go(?:es|ing)?|went|get(?:s|ting)?|be) long(?! ?[-–]?(?:term|only))|(?:open(?:s|ed|ing)?|enter(?:s|ed|ing)?|take[sn]?|taking) (?:a |the )?(?:new )?long(?: positions?| trades?)?|buy(?:s|ing)?|bought|(?<!as )(?<!so )(?<!how )long{_NO_SIDE})\b",
    _I,
)
_TURNING_ROUND = re.compile(
    r"\b(?:(?:sell|exit|close)s?(?: (?:it|(?:the |my )?(?:longs?|position)(?: position)?))? and (?:then )?(?:(?:go(?:es)? |sells? )?short)"
    r"|(?:cover|buy to cover|buy (?:it )?back|exit|close)s?(?: (?:it|(?:the |my )?(?:shorts?|position)(?: position)?))? and (?:then )?(?:go(?:es)? long|buys?)(?! (?:to cover|back)))\b",
    _I,
)
_NAMED = re.compile(
    r"\b(?:for|on|of|with) (?:the |my |any |all |every )?(?P<side>long|short)s?(?: (?:positions?|trades?|side|entry|entries))?\b(?! (?:when|if|once|above|below|over|under)\b)"
    # “Long stop 2%”: at the beginning of its clause no deed.
    r"|(?:^|(?<=[.,;:\n] )|(?<=\band ))(?P<own>long|short)(?: side)?(?= (?:stop|target|take[- ]?profit|trailing|size|position size)\b)",
    _I,
)
# “For longs: …” and “Shorts: …”, before what is done.
_HEADS = re.compile(
    r"(?:^|(?<=[.!?;\n])|(?<=[.!?;] ))(?:(?:for|on) (?:the |my )?(?P<side>long|short)s?(?: (?:positions?|trades?|side|rules?|setups?))?\s*[:,]|(?P<alone>long|short)s?(?: (?:positions?|trades?|side|rules?|setups?))?\s*:)"
    r"(?=\s+(?:(?:I|we|it)\s+)?(?:buy|go|enter|open|sell|short|take)s?\b)",
    _I,
)
# What a heading says of its side without naming it.
_ENTERS = re.compile(r"\benters?\b(?: (?:it|a (?:trade|position)))?(?! (?:a |the )?(?:new )?(?:long|short)\b)", _I)
# “Long entry: …”, “short exit when …”.
_ROLES = re.compile(r"\b(?P<side>long|short) (?P<role>entr(?:y|ies)|exits?)(?=\s*(?:[:=]|(?:when(?:ever)?|if|once|on|at|above|below)\b))", _I)  # fmt: skip
# “No shorts on Fridays”: what bounds the entries of a side.
_BARRED = r"(?:no|never|avoid|skip|do not|don['’]t)\s+(?:(?:go|open|take|enter|any|a|new)\s+)*(?:long|short)s?(?:ing)?(?:\s+(?:trades?|entries))?\b(?=\s+(?:on|before|after|between|from|during|in|when|if|while)\b)"
_BARRING = re.compile(rf"\b{_BARRED.replace('(?:long|short)s?', '(?P<side>long|short)s?')}", _I)
_WHOLE = r"(?:everything|all(?: (?:of it|trades|(?:open )?positions))?|(?:any|every|each|either|both) (?:(?:open )?positions?|trades?|sides?)|both|either)"
_OUT = re.compile(
    rf"\b(?:(?:exit(?:s|ed|ing)?|get(?:s|ting)? out(?: of)?|liquidate[sd]?|flatten(?:s|ed)?)(?: (?P<whole>{_WHOLE})\b| (?:it|the (?:position|trade))\b| out\b)?"
    rf"|clos(?:e|es|ing) (?:(?P<closed>{_WHOLE})\b|it\b|out\b|the (?:position|trade)\b)|(?P<flat>(?:go(?:es)? |be |get |always )?flat)(?= (?:at|by|before|from|after|over|when|if|in)\b)|(?:(?<=, )|(?<=and ))out\b(?= (?:at|above|below|over|under|when|if|once)\b)|(?P<overnight>no overnight (?:positions|holds?|holding|trades)\b))",
    _I,
)
# Words for both sides.
ON_BOTH = re.compile(
    r"(?:\b(?:for|on|in|at|with|of|each|either|both)\s+)?\b(?:(?:both|either|each) (?:the )?(?:sides?|ways?|directions?|longs? and shorts?(?: (?:positions?|trades?|side))?)|long and short(?: (?:positions?|trades?))? alike|longs? and shorts? alike|(?:for|on) longs and shorts|for (?:the )?long and (?:the )?short side|(?:for|on) both(?=\s*(?:[.,;]|$))|(?:both|each)(?= (?:with|have|has|use)\b)|longs? and shorts?(?=\s*(?:[:.,;]|$))|long(?: ?[/&-] ?| and | or | )short(?= (?:strategy|system|bot|algo\w*|model|setup|version|approach)\b|\s*:))\b",
    _I,
)
# How one side follows the other.
_OPPOSITE = r"(?: (?:when(?:ever)?|as soon as|once) (?:the other side(?:'s turn)? (?:begins|comes)|the opposite (?:signal|condition|cross(?:ing)?) (?:comes|occurs|appears|triggers|is met|happens))| (?:on|at|with|upon) (?:(?:the|an|any|every|each) )?opposite (?:signals?|conditions?|cross(?:ing|over|es)?|crossovers|breakouts?|break|triggers?|side))"
_TURNING = rf"(?:always )?(?:stop[- ]and[- ]reverse(?: (?:system|strategy))?|(?:reverse|flip|switch|close and reverse)(?: (?:the )?(?:position|sides|direction))?|turn (?:it |the position )?(?:round|around)){_OPPOSITE}?|(?:be |stay |stays |it is )?always in(?: the market)?|never flat"
_STAYING = r"(?:it )?stays?(?: in (?:it|the position))? until its own exit(?: comes)?|ignore (?:the )?(?:opposite|other) (?:signals?|side)(?: while (?:in|holding) a (?:position|trade))?|(?:never|do not|don't) (?:reverse|flip)(?: a position)?|no reversals?"
TURNS = re.compile(rf"\W*(?:(?:it|the strategy|please|should|must|will|and|so|then)\W+)*(?:{_TURNING})\W*", _I)
STAYS = re.compile(rf"\W*(?:(?:it|the strategy|please|should|must|will|and|so|then)\W+)*(?:{_STAYING})\W*", _I)
# An answer to the question of which side something is said.
SCOPED = re.compile(
    r"\W*(?:(?:that|it|this|they) (?:is|are) )?(?:meant )?(?:for )?(?:(?P<both>both(?: sides)?)|the (?P<one>long|short) (?:side|one)(?: alone| only)?)\W*",
    _I,
)
# A side as a noun, where nothing says what is done with it: “and the short at 50”, “and shorts at 50”.
NOUN = re.compile(r"\b(?:the|my|your|any|a|an|every|all|each|no|our|that|this|these|those|of|for|in|on|with)\s+$", _I)
# What is said of a side as of the other turned round.
MIRRORED = re.compile(
    r"\b(?:vice[- ]versa|(?:the |do the |does the )?(?:opposite|reverse|inverse|mirror(?:ed)?(?: image)?|same)(?= (?:for|on|with|of|rules?|way|thing)\b)|the other way (?:a?round)|likewise|conversely|respectively|and so on)\b",
    _I,
)
NEGATED = re.compile(r"(?:\b(?:no|not|never|without|cannot|neither|nor|instead of|rather than|avoid\w*|skip\w*|refrain\w*|stop|ignor\w*|exclud\w*|except|omit\w*|unless|bans?|banned|forbid\w*)|n['’]t)\b(?:\s+\w+){0,2}\s*$", _I)  # fmt: skip

# Behind a comma too one says how one side follows the other, and what is of one side by its name: “…, always in the market”, “…, no shorts on Fridays”, “…, short stop 1%”.
SENTENCE = re.compile(
    rf"(?:[.!?]+(?=\s|$)|[;\n]|\s+and(?=\s+{_BARRED})|,(?=\s*(?:(?:and|but)\s+)?(?:(?:then\s+)?(?:{_TURNING}|{_STAYING})\s*(?:[.!;\n]|$)|{_BARRED}|(?:long|short) (?:stop|target|take[- ]?profit|trailing)\b)))\s*", re.IGNORECASE
)  # fmt: skip
# What is compared with a level by its name alone; and a title that names it, maybe with its levels: “RSI 30/70 both ways on MSFT: …”.
INDICATOR = r"(?:RSI|MFI|CCI|ADX|ROC|CMO|Williams ?%? ?R|Stoch(?:astic)?(?: RSI)?)"
TITLE = re.compile(
    rf"\W*(?P<measure>(?:\d+[- ](?:bar|period)s? )?{INDICATOR}(?: ?\( ?\d+ ?\)|\d+)?)(?P<levels>(?: [-−]?\d+ ?/ ?[-−]?\d+)?)(?P<rest>(?: [^:.;\n,]*)?):(?=\s)",
    _I,
)
# What leads a sentence, up to its colon.
LEAD = re.compile(r"(?:[^:;\n]|:(?=\S))*?:(?=\s)")
# What is no part of a condition any more.
SET_OFF = re.compile(r"(?:\s*(?:[,–—]|:(?=\s))|\s-(?=\s)|\s\((?!\d))\s*(?!(?:and|but) (?:the |its )?(?:close|price|volume|\w+ (?:is|are|crosses|closes)\b))|\s+(?:with|using|plus|while|during|at half)\s+|\s+(?:and|but)\s+(?=(?:then |also |always |never )*(?:cut|book|bank|lock|take|limit|protect|bail|lose|risk|hold|keep|wait|invest|trade|stop|close(?! (?:is|above|below|over|under|cross|<|>)))\b)", _I)  # fmt: skip
# Sentences without a deed of either side that can only be of both.
OF_BOTH = re.compile(
    r"\W*(?:(?:please|and|also|then|use|set|put|with|have|having|an?|the|my|each|initial|fixed|hard|tight)\W+)*(?:\d+(?:\.\d+)? ?%? )?(?:stop(?:s|[- ]loss\w*)?|trailing|take[- ]?profit|profit target|target|risk|invest|position size|size|trade size|only (?:trade|enter|open)|trade (?:\$?(?-i:[A-Z]{1,5}) )?only|no (?:new )?(?:trades|entries|positions|trading)|no overnight|(?:do not|don't|never) (?:trade|enter|open|hold)|\d+ shares|\$ ?\d|\d+ ?% of|\d+(?:\.\d+)? ?% (?:stop|target|take|trailing|per|each))",
    _I,
)
SAYS_NOTHING = re.compile(r"(?:\W|(?i:\b(?:please|thanks|thank you|hi|hello|strategy|trade|trading|bot|simple|a|an|the|my|for|on|with|of|symbol|stock|is|it|i|want|would|like|here|this)\b)|\$?\b[A-Z]{1,5}\b)*")  # fmt: skip


def negated(mark: Mark, before: str) -> bool:
    """Returns whether the words right before a mark say that it is not done; the stop in “a 2% stop for longs” says nothing of the kind."""
    match = NEGATED.search(before)
    if match is None or not re.match(r"stop\b", match[0], _I):
        return match is not None
    return mark.deed is not Deed.NAMED and not re.search(r"(?:%|percent|\ban?|\bthe)\s*$", before[: match.start()], _I)


def marks_in(text: str) -> list[Mark]:
    """The deeds that a text names, in the order of its words."""
    found = list[Mark]()
    taken = list[tuple[int, int]]([match.span() for match in ON_BOTH.finditer(text)])
    for match in _TURNING_ROUND.finditer(text):
        if not any(start < match.end() and match.start() < end for start, end in taken):
            taken.append(match.span())
            side = Side.SHORT if "short" in match[0].lower().rpartition(" and ")[2] else Side.LONG
            found.append(Mark(*match.span(), side, Deed.ENTERS, turns=True))
    for pattern, deed in ((_HEADS, Deed.HEADS), (_BARRING, Deed.BARRED), (_NAMED, Deed.NAMED), (_ROLES, Deed.ENTERS)):
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            taken.append(match.span())
            said = match.groupdict()
            side = Side(next(said[name] for name in ("side", "own", "alone") if said.get(name)).lower())
            found.append(
                Mark(*match.span(), side, Deed.LEAVES if (said.get("role") or "").lower().startswith("exit") else deed)
            )
            if deed is Deed.HEADS:
                until = SENTENCE.search(text, match.end())
                for each in _ENTERS.finditer(text, match.end(), until.start() if until else len(text)):
                    taken.append(each.span())
                    found.append(Mark(*each.span(), side, Deed.ENTERS))
    for pattern, side, deed in (
        (COVERS, Side.SHORT, Deed.LEAVES),
        (SHORTS, Side.SHORT, Deed.ENTERS),
        (_OUT_OF_LONG, Side.LONG, Deed.LEAVES),
        (_INTO_LONG, Side.LONG, Deed.ENTERS),
        (_OUT, Side.NONE, Deed.LEAVES),
    ):
        for match in pattern.finditer(text):
            if any(start < match.end() and match.start() < end for start, end in taken):
                continue
            whole = side is Side.NONE and any(match[name] for name in ("whole", "closed", "flat", "overnight"))
            taken.append(match.span())
            found.append(Mark(*match.span(), side, deed, whole))
    return sorted(found, key=lambda each: each.start)


# What is said beside conditions, by its kind.
_BESIDE = {
    "stop": re.compile(r"\btrail\w*(?: stops?)?|\bstops?(?:[- ]?loss(?:es)?)?\b(?! and reverse)|\bSL\b|\b(?:cut|limit)(?:s|ting|ing)? (?:(?:my|the|all|any) )?loss(?:es)?\b|\bmax(?:imum)? loss\b", _I),
    "target": re.compile(r"\btake[- ]?profits?\b|\b(?:profit )?targets?\b|\bTP\b|\b(?:book|bank|lock in|take)(?:s|ing)? (?:(?:my|the|all|any) )?(?:profits?|gains?)\b", _I),
    "size": re.compile(r"\bshares?\b|[$€£] ?\d|\bdollars?\b|\bequity\b|\bcapital\b|\brisk(?:ing)?\b|\b(?:position )?size\b|\d ?% (?:of|per|each|position)\b", _I),
    "clock": re.compile(
        r"\b\d{1,2}[:.h]\d\d\b(?! ?%)|\b\d{1,2} ?(?:am|pm|a\.m|p\.m|o'clock)\b|\b(?:end of (?:the )?day|overnight|noon|midday|lunch|the bell|(?:at|by|before|until|till|into|after|from|near|on) the (?:open|close))\b|\b(?:mon|tues|wednes|thurs|fri)days?\b|\b(?:minutes?|hours?) (?:before|after|into)\b|\b(?:morning|afternoon)s?\b",
        _I,
    ),
    "bound": re.compile(r"\b(?:only|unless|except\w*|but not|never|as long as|provided)\b", _I),
}  # fmt: skip
COUNTED = re.compile(
    r"\b(?:at most|max(?:imum)?(?: of)?|no more than|up to|limit\w*) (?:\d+|one|two|three|four|five)\b(?! ?%)|\b(?:trades?|times?|entries|buys|shorts) (?:a|per|each|every) day\b|\bonce (?:a|per) day\b|\b(?:wait|pause|cool ?down)\b|\blosses? (?:in a row|a day)\b|\bafter (?:a|\d+|two|three) (?:loss|losses|stops?)\b",
    _I,
)


def beside(text: str) -> Iterator[tuple[str, int, int]]:
    """Finds what a text says beside deeds and conditions: stops, targets, sizes, times and bounds, each with its kind and its place."""
    for kind, pattern in _BESIDE.items():
        for match in pattern.finditer(text):
            yield kind, *match.span()
