"""Words whose reach is open and that no structure shows, as `reach` shows others: what is counted, how often, how much, and lengths without a name."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratforge.intent.reading.bindings import BUYING_OR_BOTH
from stratforge.intent.reading.doubts import CHART_OR_LENGTH, HOW_MUCH, PRICE_OR_LENGTH, WEEKDAY, Table, doubts_in
from stratforge.intent.reading.reach import ANOTHER_WAY, AT_OTHER_TIMES, BOTH_OR_EITHER, ORDER

_I = re.IGNORECASE
_DAY = r"(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|satur|sun)(?:days?)?"
_DAYS = rf"(?:on (?:a )?|every |each )?{WEEKDAY}"
_HOUR = r"(?:\d{1,2}(?::\d\d| ?[ap]\.?m\b\.?)|\d{1,2}\b(?![:.]\d)(?! ?(?:bars?|minutes?|candles?|%|days?|dollars?|red|green|or\b|trades?))|noon|lunch|midday)"
_TIME = rf"(?:(?:before|after|until|till|at|from|by) {_HOUR}|(?:in|during) the (?:morning|afternoon|first|last|opening|closing)\b)"
_BUY = r"\b(?:buy|enter|go long|entry)\b"
_COMPARED = r"(?:[<>]|\b(?:above|below|over|under|cross\w*|drop\w*|ris\w+|fall\w*)\b)"
_NUMBER = r"\d+(?:\.\d+)?"
_END = r"(?=\s*(?:[,;.!\n]|$))"

HOW_OFTEN = "How often: once in all, once a day, or each time?"
COUNTED = "Is that a number of bars or trades, and of which?"
WHOSE_RESULT = "Of what, and when?"
WHICH_TURN = "Does it begin to rise or fall then, or does it change its sign?"
WHICH_SIDE = "From which side does it cross?"
CROSSED_BY_WHAT = "What crosses it, and from which side?"
HOLDS_WHILE = "Is it sold as soon as that holds no more?"
OF_THIS_BAR = (
    "The day's low and high so far are those of this bar too: is yesterday's meant, or that of the bars before?"
)
BAR_OR_DAY = "Is that the open of the bar, or of the day?"
LEVEL_OR_PASSING = "Is it a level, or the moment at which it is passed?"
FAR_OR_PART = "Is it a part of the position, or how far away the price is?"

_MEASURE = r"(?:the )?(?:\d+[- ](?:bar |day |period )?)?(?:rsi|macd|mfi|cci|adx|atr|stochastic|stoch|%k|roc|vwap|price|close|volume)\b"
_NO_SALE = r"(?:(?!\b(?:sell|exit|close|buy|enter)\b)[^;.\n])"

_PATTERNS: Table = (
    # Occasions, each with something of its own.
    (re.compile(rf"{_BUY}[^.\n]*,? (?P<words>otherwise,? (?:buy|enter)\b)", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?:^|[.\n]\s*)(?P<words>{_DAYS},? buy (?:only )?{_NUMBER}\b(?: shares)?){_END}", _I), AT_OTHER_TIMES),
    (re.compile(rf"\bfilter:? not [^,;.\n]*{_DAY}[^,;.\n]*(?P<words>\b{_TIME})", _I), BOTH_OR_EITHER),
    (re.compile(rf"(?P<words>\bbut (?:if|when|while|where)\b{_NO_SALE}*?\b(?:only|unless|if|when)\b)", _I), AT_OTHER_TIMES),
    (re.compile(r"(?P<words>\bbut (?:it(?:'s| is) |(?:the )?price (?:is )?)?(?:above|below|over|under)\b[^;.\n]*?\b(?:only|unless|if|when)\b)", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?P<words>\bor (?:if|when)\b[^;.,\n]*, {_MEASURE})", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?P<words>\band (?:if|when|while)\b{_NO_SALE}*?\b(?:if|when)\b)", _I), AT_OTHER_TIMES),
    (re.compile(r"(?P<words>\b(?:not|never) (?:if|when|while)\b[^;.\n]*?\bunless\b)", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?P<words>\band, (?:{_TIME}|(?:if|when|while|whenever|in case|as long as|unless|once)\b|{_DAYS})[^;.,\n]*,)(?!\s*(?:then )?(?:sell|exit|close|buy|enter|get out)\b)", _I), AT_OTHER_TIMES),
    # “And if it is after 14:00 below 20”: what follows the time is compared with nothing of its own.
    (re.compile(rf"(?P<words>\band (?:if|when|while) (?:it(?:'s| is) )?{_TIME}(?: [\w ]{{2,12}} time)?),? (?=(?:it (?:is|has to be) )?(?:only )?(?:above|below|over|under|<|>))", _I), AT_OTHER_TIMES),
    (re.compile(rf"(?P<words>\b(?:never|not|no|nothing)\b[^;,.\n]*?\b{_TIME}[^;,.\n]*\b(?:and|or) (?:never|not|no|nothing)\b[^;,.\n]*{_TIME})", _I), BOTH_OR_EITHER),
    (re.compile(rf"(?P<words>\bdo nothing (?:{_TIME}|between|on)\b)|^\W*(?P<more>nothing {_TIME})(?=.*\bsell\b)", _I), BUYING_OR_BOTH),
    (re.compile(rf"(?P<words>{_COMPARED}[^,;.\n]*\botherwise)" + _END, _I), AT_OTHER_TIMES),
    (re.compile(r"(?P<words>\bno positions? (?:on|in|during|before|after|over|until|overnight)\b)(?<!overnight)", _I), BUYING_OR_BOTH),
    (re.compile(r"(?P<words>\bhold(?:ing|s)?(?: (?:it|them|on|on to it))? (?:while|as long as|so long as)\b)(?!.*\b(?:sell|exit)\b)(?<!sell)", _I), HOLDS_WHILE),
    # Turns, crossings and distances that go either way.
    (re.compile(r"\b(?:macd|adx|obv|atr)\b[^,;.\n]*?(?P<words>\bturn(?:s|ed|ing)? (?:up|down)\b)|(?P<more>\bturn(?:s|ed|ing)? (?:up|down) (?:above|below|over|under)\b)", _I), WHICH_TURN),
    (re.compile(r"(?P<words>\b(?:is|are|was|gets?|been|being) crossed\b(?: (?:upwards?|downwards?|up|down|from (?:above|below)))?)(?! by\b)", _I), CROSSED_BY_WHAT),
    (re.compile(r"(?P<words>\bcross\w* (?:up(?:wards?)? (?:below|under)|down(?:wards?)? (?:above|over)))\b", _I), WHICH_SIDE),
    (re.compile(r"(?P<words>\b(?:sell|exit) [1-9]\d ?(?:%|percent) (?:above|below|over|under))\b", _I), FAR_OR_PART),
    (re.compile(r"(?P<words>\b(?:climb|ris|push|mov|go|get|fall|drop|slip)\w* past)\b(?= (?:the |its )?-?\$?\d)", _I), LEVEL_OR_PASSING),
    (re.compile(r"(?P<words>\b(?:1|one)[- ]min(?:ute)? (?:rsi|macd|mfi|cci|adx|atr|sma|ema|stochastic|stoch))\b(?! ?\()", _I), CHART_OR_LENGTH),
    (re.compile(r"(?P<words>\bclos\w* (?:below|under) (?:the )?(?:low of the day|day'?s low|today'?s low)|\bclos\w* (?:above|over) (?:the )?(?:high of the day|day'?s high|today'?s high)|\bstop(?:[- ]loss)? (?:is |just )?(?:below|under|at) (?:the )?(?:low of the day|day'?s low|today'?s low))\b", _I), OF_THIS_BAR),
    (re.compile(r"(?P<words>\bopens? (?:above|below|over|under)\b[^,;.\n]*\band closes? (?:above|below|over|under))\b|(?P<more>\b(?:bar|candle|candlestick) opens?)\b|(?P<most>\bopens? (?:above|below|over|under) (?:the )?(?:\d+[- ])?(?:vwap|sma|ema|average|lower|upper))\b", _I), BAR_OR_DAY),
    # A sale, and how far it is bound.
    (re.compile(r"\btrail(?:ing)?(?: stop)?[^,;.\n]*(?P<words>\b(?:once|when|after|as soon as) (?:in profit|up|we(?:'re| are) up|it(?:'s| is) up|the gain)\b)", _I), WHOSE_RESULT),
    # “And” between ways in.
    (re.compile(rf"{_BUY}[^;.\n]*(?P<words>\b(?:and every {_DAY}))", _I), ANOTHER_WAY),
    (re.compile(rf"{_BUY}[^,;.\n]*{_COMPARED}[^,;.\n]*(?P<words>\band {_DAYS} too)\b", _I), ANOTHER_WAY),
    # Negations and alternatives over two conditions.
    (re.compile(r"\b(?P<words>(?:not|isn't|aren't) (?:above|below|over|under) [^,;.\n]*\bor\b)(?! (?:equal|at))", _I), BOTH_OR_EITHER),
    (re.compile(r"\b(?P<words>(?:above|below|over|under) either)\b", _I), BOTH_OR_EITHER),
    (re.compile(r"\beither\b[^,;.\n]*\bor\b[^,;.\n]*(?P<words>\band\b)", _I), BOTH_OR_EITHER),
    # One after the other.
    (re.compile(r"\bafter (?P<words>a (?:red|green) (?:candle|bar) and a (?:red|green) (?:candle|bar))\b", _I), ORDER),
    (re.compile(r"(?:^|[.\n]\s*)(?:setup\b[^:\n]*:[^\n]*?[.\n]\s*(?P<words>(?:trigger|entry)\b[^:\n]*:)|entry\b[^:\n]*:[^\n]*?[.\n]\s*(?P<more>trigger\b[^:\n]*:))", _I), ORDER),
    # What is counted, and waited for.
    (re.compile(rf"(?P<words>\bafter {_NUMBER} (?:or {_NUMBER} )?(?:red|green)\b[^,;.\n]*?\bor\b|\bafter {_NUMBER} or {_NUMBER} (?:red|green)\b|\bstop (?:buying|trading) after {_NUMBER} \w+)", _I), COUNTED),
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
    """The words of a turn that leave open what they are said of: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return doubts_in(turn, _PATTERNS, {})
