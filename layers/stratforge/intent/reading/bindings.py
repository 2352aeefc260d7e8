"""Words that bind to buying or to selling, that look back in time, that only ask, or that name an amount without what it is of: each is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratforge.intent.reading.doubts import WEEKDAY, doubts_in

_I = re.IGNORECASE
_BUY = r"\b(?:buy|enter|go long|purchase)\b"
_SELL = r"\b(?:sell|exit|get out)\b"
_VERBS = r"\b(?:buy|enter|go long|sell|exit|close (?:it|out|the position|everything)|get out|hold|stop|target)\b"
_IF = r"\b(?:when|if|once|whenever|as soon as)\b"
_COMPARED = r"(?:[<>]|\b(?:above|below|over|under|cross\w*|ris\w+|fall\w*|profit|higher|lower)\b|\d)"
_SIDES = r"(?:above|below|over|under|between|inside|outside)"

BUYING_OR_BOTH = "Does it bound buying alone, selling alone, or both?"
_EVER = "Since when: at this bar alone, today, or in the last so many bars?"
DOLLARS_OR_SHARES = "Is that dollars, or shares?"
WHICH_CLOSE = "Is it yesterday's close, or the close of the bar before?"
WHICH_EXTREME = "Is it yesterday's, or that of the bar before?"
OF_CLOSES = "The highest or lowest close, or that of all prices?"
HOW_LONG = "For how many bars?"
BACK_OR_LEVEL = "Is it a level, or the crossing back?"
A_SYMBOL_OR_A_WORD = "Is that a symbol? Then please write it behind a dollar sign, and otherwise in small letters."
WHICH_MARKET = "Of which symbol: of the one that is traded, or of another one, such as SPY? Please name it."
A_QUESTION = "Is that a question, or should it be done? Please say it as an order if it should."

_PATTERNS = (
    (re.compile(rf"{_BUY}[^;.\n]*{_SELL}[^,;.\n]*{_COMPARED}[^,;.\n]*(?P<words>, (?:but )?(?:if|unless(?! (?:it is |it's )?(?:before|after|on|in|mon|tue|wed|thu|fri))|when|whenever|where|between|before|after|on {WEEKDAY}|in the (?:morning|afternoon)s?|not (?:before|after|until))\b(?![^;.\n]*{_VERBS})(?![^;.\n]*\bor (?:when|if|after|at)\b)[^,;.\n]*)", _I), BUYING_OR_BOTH),
    (re.compile(rf"(?:^|[.\n]\s*)(?P<words>(?:only )?(?:when|if|while|whenever|as long as|on|in the|before|after|between|during|from)\b(?:(?!{_VERBS})[^,;.\n])*?),? (?:then )?{_BUY}[^;.\n]*{_IF}[^;.\n]*\band (?:then )?{_SELL}[^;.\n]*(?:{_IF}|{_COMPARED})", _I), BUYING_OR_BOTH),
    (re.compile(rf"(?:^|[.\n]\s*)(?:if|when|while)\b[^,;.\n]*, ?{_BUY}[^;.\n]*{_IF}[^;.\n]*?(?P<words>\b(?:otherwise|else),? (?:sell|exit|close)\b)", _I), "Otherwise than which of the conditions: any of them, or the first alone?"),
    (re.compile(r"\b(?:(?:has|have|had) (?:never|not)|(?:has|have|had)n't|was never|were never|never (?:has|had|was)|wasn't ever)\b(?: (?:been|crossed|risen|fallen|dropped|closed|touched|hit|broken|gone|was|were))?(?: (?:above|below|over|under))?", _I), _EVER),
    (re.compile(r"\b(?:never cross\w*|does(?: not|n't) cross|do(?: not|n't) cross)(?: (?:above|below|over|under))?", _I), _EVER),
    (re.compile(rf"\b(?:has|have) been {_SIDES}\b(?![^,;.\n]*\b(?:for|since|in the last|within|during|at least|over the (?:last|past)|today)\b)", _I), _EVER),
    (re.compile(rf"\bis first {_SIDES}\b|(?<!the )\bfirst (?:crosses|rises|falls|goes|drops|closes|breaks|gets)\b(?: {_SIDES})?", _I), "The first time of the day, or each time it comes to be so?"),
    (re.compile(r"\breturns (?:above|below|over|under)\b", _I), BACK_OR_LEVEL),
    (re.compile(rf"\b(?:stays?|remains?|keeps?) {_SIDES}\b(?![^,;.\n]*\b(?:for|since|until|\d+ (?:bars?|minutes?|candles?)|bars? in a row)\b)", _I), HOW_LONG),
    (re.compile(r"(?:^|[.!?\n]\s+)(?P<words>(?:should (?:i|it|we|the|there|my)|is (?:it|a|an|the|that|\d)|are (?:these|the)|would (?:a|an|the|\d)|does (?:it|a)|do i|may i|what if)\b(?:[^.?!\n]|\.\d)*\?)", _I), A_QUESTION),
    (re.compile(r"(?P<words>\bthe (?:broad(?:er)? |overall |whole |general )?(?:stock )?market(?:'s)? (?:is|trades|closes|crosses|falls|drops|rises|goes|rallies|rsi|price|close|average|trend)\b(?! (?:open|closed|shut)\b))", _I), WHICH_MARKET),
    (re.compile(r"(?P<words>(?-i:\b(?:LOW|OPEN|NOW|ALL|KEY|GAP|CASH|ON|SO|CAN|HAS|PLAY|FAST|COST|BIG|REAL|TRUE|LOVE|WELL|POST|BILL|HOLD)\b))(?=(?-i:['’]s\b| (?:is|crosses|falls|rises|closes|trades|drops|goes|climbs|breaks|RSI)\b))", _I), A_SYMBOL_OR_A_WORD),
    (re.compile(r"\b(?:buy|purchase|get) (?P<words>\d+(?:\.\d+)?k)(?= of\b)", _I), DOLLARS_OR_SHARES),
    (re.compile(r"\b(?P<words>(?:the )?(?:previous|prior) close)\b(?! (?:price )?(?:of|was|were)\b)(?! \d)", _I), WHICH_CLOSE),
    (re.compile(r"(?:[<>]|\b(?:above|below|over|under|breaks?|clears|exceeds)) (?P<words>(?:the |its )?(?:(?:previous|prior|last) (?:high|low)|last close))\b(?! (?:of|was|were)\b)(?! \d)", _I), WHICH_EXTREME),
    (re.compile(r"\bclose is (?P<words>the (?:highest|lowest) (?:of|in) the (?:last|past|previous) \d+)", _I), OF_CLOSES),
)  # fmt: skip
_AS_LONG_AS = re.compile(r"\b(?:provided(?: that)?|as long as|so long as|while)\b[^,;.\n]*$", _I)


def bindings_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The words of a turn that leave open what they are of: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return doubts_in(turn, _PATTERNS, {HOW_LONG: _AS_LONG_AS})
