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
_MONEY = r"(?:\$ ?(?:[2-9]\d|\d{3,})(?:\.\d+)?|(?:[2-9]\d|\d{3,})(?:\.\d+)? ?(?:dollars?|bucks|usd)\b)"
_OF_A_SHARE = r"(?! ?(?:a |per |each|/|of |in total|total|below|above|under|over|from|away|higher|lower|for the|on the))(?![\d.,]*\d)"

BUYING_OR_BOTH = "Does it bound buying alone, selling alone, or both?"
_WHEN_BEFORE = "Has it to hold at the same bar, or before it, and how many bars before at most?"
_EVER = "Since when: at this bar alone, today, or in the last so many bars?"
DOLLARS_OR_SHARES = "Is that dollars, or shares?"
WHICH_CLOSE = "Is it yesterday's close, or the close of the bar before?"
HOW_LONG = "For how many bars?"
BACK_OR_LEVEL = "Is it a level, or the crossing back?"
A_QUESTION = "Is that a question, or should it be done? Please say it as an order if it should."
_SHARE_OR_ALL = "Is that so many dollars a share, or of the whole position?"

_PATTERNS = (
    (re.compile(rf"{_BUY}[^;.\n]*{_SELL}[^,;.\n]*{_COMPARED}[^,;.\n]*(?P<words>, (?:but )?(?:if|unless(?! (?:it is |it's )?(?:before|after|on|in|mon|tue|wed|thu|fri))|when|whenever|where|between|before|after|on {WEEKDAY}|in the (?:morning|afternoon)s?|not (?:before|after|until))\b(?![^;.\n]*{_VERBS})(?![^;.\n]*\bor (?:when|if|after|at)\b)[^,;.\n]*)", _I), BUYING_OR_BOTH),
    (re.compile(rf"(?:^|[.\n]\s*)(?P<words>(?:only )?(?:when|if|while|whenever|as long as|on|in the|before|after|between|during|from)\b(?:(?!{_VERBS})[^,;.\n])*?),? (?:then )?{_BUY}[^;.\n]*{_IF}[^;.\n]*\band (?:then )?{_SELL}[^;.\n]*(?:{_IF}|{_COMPARED})", _I), BUYING_OR_BOTH),
    (re.compile(rf"(?:^|[.\n]\s*)(?:if|when|while)\b[^,;.\n]*, ?{_BUY}[^;.\n]*{_IF}[^;.\n]*?(?P<words>\b(?:otherwise|else),? (?:sell|exit|close)\b)", _I), "Otherwise than which of the conditions: any of them, or the first alone?"),
    (re.compile(rf"{_IF}[^,;.\n]*{_COMPARED}[^,;.\n]*?(?P<words>\bafter (?:the )?(?:price|close|it|rsi|macd|volume|[\w ]{{1,20}}?) (?:was|were|had|has|crossed|rose|fell|broke|dropped|went|closed|touched|hit)\b[^,;.\n]*)", _I), _WHEN_BEFORE),
    (re.compile(r"\b(?:(?:has|have|had) (?:never|not)|(?:has|have|had)n't|was never|were never|never (?:has|had|was)|wasn't ever)\b(?: (?:been|crossed|risen|fallen|dropped|closed|touched|hit|broken|gone|was|were))?(?: (?:above|below|over|under))?", _I), _EVER),
    (re.compile(r"\b(?:never cross\w*|does(?: not|n't) cross|do(?: not|n't) cross)(?: (?:above|below|over|under))?", _I), _EVER),
    (re.compile(rf"\b(?:has|have) been {_SIDES}\b(?![^,;.\n]*\b(?:for|since|in the last|within|during|at least|over the (?:last|past)|today)\b)", _I), _EVER),
    (re.compile(rf"\bis first {_SIDES}\b|(?<!the )\bfirst (?:crosses|rises|falls|goes|drops|closes|breaks|gets)\b(?: {_SIDES})?", _I), "The first time of the day, or each time it comes to be so?"),
    (re.compile(r"\breturns (?:above|below|over|under)\b", _I), BACK_OR_LEVEL),
    (re.compile(rf"\b(?:stays?|remains?|keeps?) {_SIDES}\b(?![^,;.\n]*\b(?:for|since|until|\d+ (?:bars?|minutes?|candles?)|bars? in a row)\b)", _I), HOW_LONG),
    (re.compile(r"(?:^|[.!?\n]\s+)(?P<words>(?:should (?:i|it|we|the|there|my)|is (?:it|a|an|the|that|\d)|are (?:these|the)|would (?:a|an|the|\d)|does (?:it|a)|do i|may i|what if)\b(?:[^.?!\n]|\.\d)*\?)", _I), A_QUESTION),
    (re.compile(rf"\b(?:stop[- ]?loss|stop|max(?:imum)? loss|loss limit|loss|target|take[- ]profit|profit target)(?: of| is|:| at)? (?P<words>{_MONEY}){_OF_A_SHARE}", _I), _SHARE_OR_ALL),
    (re.compile(rf"(?P<words>{_MONEY}) (?:stop|loss|target|take profit|trailing)\b", _I), _SHARE_OR_ALL),
    (re.compile(r"\b(?:buy|purchase|get) (?P<words>\d+(?:\.\d+)?k)(?= of\b)", _I), DOLLARS_OR_SHARES),
    (re.compile(r"\b(?P<words>(?:the )?(?:previous|prior) close)\b(?! (?:price )?(?:of|was|were)\b)(?! \d)", _I), WHICH_CLOSE),
)  # fmt: skip
_AS_LONG_AS = re.compile(r"\b(?:provided(?: that)?|as long as|so long as|while)\b[^,;.\n]*$", _I)
_ONE_SHARE = re.compile(r"\b(?:1|one|a|single) share\b", _I)


def bindings_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The words of a turn that leave open what they are of: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    found = doubts_in(turn, _PATTERNS, {HOW_LONG: _AS_LONG_AS})
    return (each for each in found if each[2] != _SHARE_OR_ALL or not _ONE_SHARE.search(turn))
