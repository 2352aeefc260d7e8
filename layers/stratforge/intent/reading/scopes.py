"""Words that hold at some times only, for one of two sides, for both of two conditions or for one of them, or in some order: how far they reach is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratforge.intent.reading.doubts import HOW_MUCH, PRICE_OR_LENGTH, WEEKDAY, Table, doubts_in

_I = re.IGNORECASE
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|satur|sun)(?:days?)?"
_DAYS = rf"(?:on (?:a )?|every |each )?{WEEKDAY}"
_HOUR = r"(?:\d{1,2}(?::\d\d| ?[ap]\.?m\b\.?)|\d{1,2}\b(?![:.]\d)(?! ?(?:bars?|minutes?|candles?|%|days?|dollars?|red|green|or\b|trades?))|noon|lunch|midday)"
_TIME = rf"(?:(?:before|after|until|till|at|from|by) {_HOUR}|(?:in|during) the (?:morning|afternoon|first|last|opening|closing)\b)"
_WHEN = rf"(?:\b{_DAYS}\b|\b{_TIME})"
_IF = r"(?:when|if|while|whenever)"
_BUY = r"\b(?:buy|enter|go long|entry)\b"
_SELL = r"\b(?:sell|exit|get out|close out)\b"
_COMPARED = r"(?:[<>]|\b(?:above|below|over|under|cross\w*|drop\w*|ris\w+|fall\w*)\b)"
_OTHER = r"(?!\b(?:sell|exit|close|get out)\b)"
_OF_ONE_SIDE, _OF_ONE_SIDE_LONG = rf"(?:{_OTHER}[^,;.\n])*", rf"(?:{_OTHER}[^;.\n])*"
_NUMBER = r"\d+(?:\.\d+)?"
_END = r"(?=\s*(?:[,;.!\n]|$))"

ANOTHER_WAY = "Is it one more condition, or another way in or out by itself?"
AT_OTHER_TIMES = "Has the other condition to hold then too, and what holds at other times?"
OF_THE_SALE = "Does it bound the sale, or buying?"
UNTIL_OR_AT = "Is it sold only before then, or at that time at the latest?"
BOTH_OR_EITHER = "Both of them, or one of them?"
ORDER = "Both at the same bar, or one after the other, and within how many bars?"
HOW_OFTEN = "How often: once in all, once a day, or each time?"
COUNTED = "Is that a number of bars or trades, and of which?"
WAITS = "Has the position to be held so long at least, or is buying to wait?"
ONE_MORE_OR_ANOTHER = "Has the first condition to hold then too, or at these times the other one alone?"
WHOSE_RESULT = "Of what, and when?"

# A time or a day within a sentence that has a condition already, and one more for it.
_AT_SOME_TIMES = (
    rf"(?:on\s+{WEEKDAY}|(?:before|after|until|from|between|at|around)\s+\d[\d:]*\s*(?:[ap]\.?m\.?)?(?:\s*(?:and|to|-|–)\s*\d[\d:]*\s*(?:[ap]\.?m\.?)?)?"
    r"|(?:in|during)\s+the\s+(?:first|last|opening|closing|morning|afternoon)\b[^,;.\n]{0,20}?)"
)
_AFTER_A_CONDITION = "|".join(
    f"(?<={end}{comma})"
    for end in (r"\d", "%", "vwap", "average", "band", "line", "sma", "ema", "high", "low", "oversold", "overbought")
    for comma in ("", ",")
)
_PATTERNS: Table = (
    # Two occasions, each with a condition of its own.
    (re.compile(rf"(?P<words>{_WHEN}){_OF_ONE_SIDE}{_COMPARED}{_OF_ONE_SIDE_LONG}?(?:,|\band\b|\bor\b){_OF_ONE_SIDE_LONG}?(?<!between )(?:{_WHEN})[^,;.\n]*{_COMPARED}", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^,;.\n]*(?P<words>{_WHEN}),?(?: and| or|,)? (?:when |if )?{_OF_ONE_SIDE}{_COMPARED}{_OF_ONE_SIDE}\b{_WHEN}", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^;.\n]*?(?:,|\band\b|\bor\b),? *(?P<words>{_WHEN}),? {_IF}\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^,;.\n]*,? (?P<words>(?:except|but not) {_DAYS}(?: and {_DAYS})? (?:when|if|where|unless))\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"\bat {_HOUR} {_DAYS}[^,;.\n]*\band\b[^,;.\n]*(?P<words>\bat {_HOUR} {_DAYS})|{_DAYS} at {_HOUR} and (?P<more>{_DAYS} at {_HOUR})", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^,;.\n]*\b(?P<words>{_DAY}(?: ?[-–] ?{_DAY})),[^,;.\n]*{_COMPARED}[^,;.\n]*\b{_DAY}\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^,;.\n]*(?P<words>\b{_TIME}) or\b[^,;.\n]*{_COMPARED}", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^;.\n]*\b(?P<words>any day, {_DAYS} only)\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_COMPARED}[^;.\n]*\bbut (?P<words>{_WHEN},? only {_IF})\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?:{_AFTER_A_CONDITION})\s*(?:but\s+|and\s+)?\b{_AT_SOME_TIMES}\s*,?\s*only\s+(?:if|when|while|as long as)\b", _I), ONE_MORE_OR_ANOTHER),
    (re.compile(rf"(?:[.\n]\s*)(?P<words>(?:{_WHEN}|{_IF}\b[^,;.\n]*?),? only buy {_IF})\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"{_BUY}[^.\n]*,? (?P<words>otherwise,? (?:buy|enter)\b)", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?:^|[.\n]\s*)(?P<words>{_DAYS},? buy (?:only )?{_NUMBER}\b(?: shares)?){_END}", _I), AT_OTHER_TIMES),
    (re.compile(rf"\b(?P<words>(?:do(?:n't| not) (?:buy|enter|trade)|no (?:trades|entries|buys|trading|buying)) {_DAYS}[^,;.\n]*\bunless)\b", _I), AT_OTHER_TIMES),
    (re.compile(rf"\bfilter:? not [^,;.\n]*{_DAY}[^,;.\n]*(?P<words>\b{_TIME})", _I), BOTH_OR_EITHER),
    (re.compile(rf"\b(?:no (?:trades|entries|buys|buying|trading)|not?) (?P<words>before {_HOUR} and after {_HOUR})", _I), BOTH_OR_EITHER),
    # A sale, and how far it is bound.
    (re.compile(rf"(?:^|[.\n]\s*)(?:{_SELL}|\bstop(?: loss)?\b)[^;.\n]*(?:{_COMPARED}|%)[^,;.\n]*(?P<words>,? ?(?:(?:but )?(?:only|never|not) (?:before|after|until|on|in)\b)[^,;.\n]*)", _I), OF_THE_SALE),
    (re.compile(rf"(?:{_SELL}|\bexit:)[^,;.\n]*?(?:{_COMPARED}|%)[^,;.\n]*?(?P<words>(?<!it's )(?<!it is )(?<!not )\b(?:before|until|till) {_HOUR})(?! (?:or|,))", _I), UNTIL_OR_AT),
    (re.compile(rf"{_SELL} (?P<words>(?:only )?(?:before|until|till) {_HOUR})", _I), UNTIL_OR_AT),
    (re.compile(rf"\bstop(?: loss)?(?: of)? ?{_NUMBER} ?% (?P<words>(?:on (?:a )?{_DAY}\b|unless\b))|\b{_NUMBER} ?% stop (?P<more>(?:on (?:a )?{_DAY}\b|unless\b))", _I), OF_THE_SALE),
    (re.compile(r"\btrail(?:ing)?(?: stop)?[^,;.\n]*(?P<words>\b(?:once|when|after|as soon as) (?:in profit|up|we(?:'re| are) up|it(?:'s| is) up|the gain)\b)", _I), WHOSE_RESULT),
    # “And” between ways in or out.
    (re.compile(rf"{_SELL} (?:at|with|when|if)[^,;.\n]*\b(?:profit|gain|up|rises)\b[^,;.\n]*(?P<words>\band\b)[^,;.\n]*\b(?:loss|down|falls)\b", _I), BOTH_OR_EITHER),
    (re.compile(rf"{_SELL} (?:at|with)? ?(?:a )?{_NUMBER} ?%[^,;.\n]*(?P<words>\band\b) (?:at )?(?:a )?{_NUMBER} ?%", _I), BOTH_OR_EITHER),
    (re.compile(rf"{_SELL}[^,;.\n]*{_COMPARED}[^,;.\n]*(?P<words>\band (?:also )?(?:when|if|on {_DAY}|after {_NUMBER} bars)\b)", _I), BOTH_OR_EITHER),
    (re.compile(rf"{_BUY}[^;.\n]*(?P<words>\b(?:and also (?:when|if|on|at|every)|as well as (?:when|if|on|at)|and every {_DAY}))", _I), ANOTHER_WAY),
    (re.compile(rf"{_BUY}[^,;.\n]*{_COMPARED}[^,;.\n]*(?P<words>\band {_DAYS} too)\b", _I), ANOTHER_WAY),
    (re.compile(rf"{_BUY} (?P<words>{_DAYS} and (?:also )?(?:when|if))\b", _I), ANOTHER_WAY),
    # Negations and alternatives over two conditions.
    (re.compile(rf"\b(?P<words>(?:except (?:if|when)|not (?:if|when)|not the case that)\b(?! both)[^,;.\n]*{_COMPARED}[^,;.\n]*\band\b)", _I), BOTH_OR_EITHER),
    (re.compile(r"\b(?P<words>(?:not|isn't|aren't) (?:above|below|over|under) [^,;.\n]*\bor\b)(?! (?:equal|at))", _I), BOTH_OR_EITHER),
    (re.compile(r"\b(?P<words>(?:above|below|over|under) either)\b", _I), BOTH_OR_EITHER),
    (re.compile(r"\beither\b[^,;.\n]*\bor\b[^,;.\n]*(?P<words>\band\b)", _I), BOTH_OR_EITHER),
    (re.compile(r"\b(?P<words>unless\b[^,;.\n]*\band\b)[^,;.\n]*\bvolume\b[^,;.\n]*\baverage\b", _I), BOTH_OR_EITHER),
    # One after the other.
    (re.compile(rf"(?:^|[.\n]\s*)(?P<words>(?:after\b(?! {_HOUR})|once\b(?=[^,;.\n]*\b(?:has|have|drop\w*|cross\w*|fell|falls|rises|rose|breaks|broke)\b))[^,;.\n]*{_COMPARED}[^,;.\n]*), ?(?:then )?(?:buy|sell|enter|exit)\b[^,;.\n]*{_COMPARED}", _I), ORDER),
    (re.compile(rf"{_COMPARED}[^,;.\n]*(?P<words>\bafter (?:being\b|(?:the )?(?:price|rsi|macd|volume|close|it)\b[^,;.\n]*{_COMPARED}))", _I), ORDER),
    (re.compile(rf"{_COMPARED}[^,;.\n]*(?P<words>\band then\b)(?! (?:sell|exit|buy|hold|close)\b)", _I), ORDER),
    (re.compile(r"\bafter (?P<words>a (?:red|green) (?:candle|bar) and a (?:red|green) (?:candle|bar))\b", _I), ORDER),
    (re.compile(r"(?:^|[.\n]\s*)(?:setup\b[^:\n]*:[^\n]*?[.\n]\s*(?P<words>(?:trigger|entry)\b[^:\n]*:)|entry\b[^:\n]*:[^\n]*?[.\n]\s*(?P<more>trigger\b[^:\n]*:))", _I), ORDER),
    # What is counted, and waited for.
    (re.compile(rf"(?P<words>\bafter {_NUMBER} (?:or {_NUMBER} )?(?:red|green)\b[^,;.\n]*?\bor\b|\bafter {_NUMBER} or {_NUMBER} (?:red|green)\b|\bstop (?:buying|trading) after {_NUMBER} \w+)", _I), COUNTED),
    (re.compile(rf"(?P<words>\bwait (?:at least )?{_NUMBER} bars?)\b(?:,? (?:then|and) |, )(?:then )?(?:sell|exit|buy if)\b|(?P<more>(?<!, )\bwait (?:at least )?{_NUMBER} bars?) before (?:selling|exiting)\b", _I), WAITS),
    (re.compile(r"(?P<words>\bbuy once) (?:when|if)\b|(?P<more>\bone and done\b|(?:^|[.;,\n]\s*)(?:only )?one trade(?: only)?" + _END + ")", _I), HOW_OFTEN),
    (re.compile(r"(?:^|[.\n]\s*)(?P<words>trend: ?\w+|exit: ?(?:the )?opposite)" + _END, _I), WHOSE_RESULT),
    (re.compile(r"(?P<words>\bhalf (?:at|when)\b[^,;.\n]*(?:,| and) half (?:at|when))\b", _I), "Half of what is left, or of the whole, and what about the rest?"),
    (re.compile(r"(?P<words>\b(?:just|right) (?:above|below|over|under)\b|\bis just \d)", _I), HOW_MUCH),
    (re.compile(r"(?P<words>\bis going to\b)", _I), "Nobody knows what comes: when has it to be so?"),
    # Lengths without a name.
    (re.compile(r"(?P<words>\bprice(?: is| closes)? (?:above|below|over|under) the \d+)(?! ?-?(?:bar|day|period|minute|week|month|sma|ema|wma|hma|ma|moving|average|d\b|%|dollar))\b", _I), PRICE_OR_LENGTH),
    (re.compile(r"\b(?:sma|ema|wma|ma|average)s?\b[^;\n]*(?P<words>\b(?:price(?: is)? (?:above|below|over|under)) \d{2,3})" + _END, _I), PRICE_OR_LENGTH),
    (re.compile(rf"\bmacd\b[^;.\n]*\band\b[^;.\n]*{_COMPARED}[^;.\n]*(?:sell|exit)[^;.\n]*(?P<words>\bopposite(?: cross)?)\b", _I), "The opposite of which of them?"),
    (re.compile(rf"\bbuy at {_HOUR} or {_HOUR}\b[^\n]*(?P<words>\bsell at {_HOUR} or {_HOUR})", _I), "Which sale follows which purchase?"),
)  # fmt: skip


def scopes_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The words of a turn of which it is open how far they reach: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return doubts_in(turn, _PATTERNS, {})
