"""Words of a request that two traders read differently, where each part by itself is plain: what they bind to is asked about."""

from __future__ import annotations

import re
from collections.abc import Iterator

from stratforge.intent.reading.doubts import CHART_OR_LENGTH, WEEKDAY, doubts_in

_I = re.IGNORECASE
_BUY = r"\b(?:buy|enter|go long|long)\b"
_SELL = r"\b(?:sell|exit|get out|close|flat)\b"
_COMPARED = r"(?:[<>]|\b(?:above|below|over|under|cross\w*|ris\w+|fall\w*)\b)"
_HOUR = r"\d{1,2}(?:[:.h]\d\d| ?[ap]m|\b(?! ?(?:bars?|minutes?|candles?|%|days?|dollars?)))"
_LINE = r"(?:ema|sma|wma|hma|ma|average|vwap|rsi|macd|adx|obv)"
_FRAME = r"\d+ ?(?:m|min|mins|minutes?|h|hr|hrs|hours?)"
_TURNS = r"(?:slopes?|is sloping|points?|is pointing|curls?|bends?|heads?|(?:starts?|begins?) (?:to (?:rise|fall|climb|drop)|rising|falling|climbing|dropping))"
_VERBS = r"(?:crosses|breaks|falls|drops|goes|moves|closes|dips|rises|climbs|gets|is)"
_INDICATOR = r"(?:rsi|ema|sma|wma|macd|mfi|cci|adx|atr|stochastic|stoch|roc|vwap|hma)"

# Questions by which something else is decided too.
_WHICH_LINE = "What is “it”: what it bought by, or what stands after “with”?"
_WHICH_AVERAGE = "What is “it”: the line that was named, or the price?"
_CROSSING = "Is it the crossing, or also later, as long as it stays so?"
_OF_WHAT = "Of what is it said?"

_PATTERNS = (
    (re.compile(rf"\b(?:cross\w*|breaks?|goes|moves|gets|climbs|is) (?:above|below|over|under)\b[^;.\n]*?\bwith [^,;.\n]*?{_COMPARED}[^;.\n]*?{_SELL} (?:when|if|once|as soon as) (?P<words>it {_VERBS}) (?:back )?(?:above|below|over|under)\b", _I), _WHICH_LINE),
    (re.compile(rf"\b{_LINE} {_TURNS}\b[^;\n]*?{_SELL} (?:when|if|once|as soon as) (?P<words>it {_TURNS})\b", _I), _WHICH_AVERAGE),
    (re.compile(rf"{_BUY}(?:[^;.\n]*?(?:\b\d+[- ](?:bar |day |period )?{_LINE}\b|\b{_LINE}[ (]?\d+\b|\bvwap\b)){{2}}[^;.\n]*?{_SELL} (?:when|if|once) (?:the )?(?:price|close|it)\b[^,;.\n]*?\b(?P<words>(?:above|below|over|under) it)\b", _I), "Which of those that were named is “it”?"),
    (re.compile(rf"\b{_INDICATOR} ?\( ?(?:\d+ ?, ?)?{_FRAME} ?\)", _I), CHART_OR_LENGTH),
    (re.compile(rf"{_BUY}[^;\n]*{_SELL}[^;.\n]*?(?P<words>[,;] ?(?:but )?(?:as long as|so long as|provided(?: that)?|assuming(?: that)?|given that|while|on condition that)\b)", _I), "Does it bound the sale that it follows, buying, or both?"),
    (re.compile(r"\b(?:buys?|add|enter)\b(?= (?:\$ ?)?\d)[^;.\n]*?(?P<words>\b(?:each|every) time\b)(?= \w)", _I), "Does it buy more while it holds, or only when it holds nothing?"),
    (re.compile(rf"\bon {WEEKDAY}, {WEEKDAY} (?P<words>(?:before|after|until|from|at) {_HOUR})", _I), "Does it bound all of the days, or the last one alone?"),
    (re.compile(r"(?<!not )(?<!n't )(?<!never )\b(?:buy|enter)s? (?P<words>again (?:when|if|at|once|as soon as|below|above)\b)", _I), "Is it one more purchase while it holds, or the next one after a sale?"),
    (re.compile(r"\b(?:take[- ]profit|tp|profit target|target|stop(?:[- ]loss)?|sl)\s+(?P<words>at \$ ?\d+(?:\.\d+)?|\$ ?(?:[2-9]\d|\d{3,})(?:\.\d+)?)(?![\d.]*\d)(?! ?(?:profit|loss|gain|a share|per share|each|below|above|under|over|of|from|away|higher|lower))", _I), "Is it that price, or so many dollars of gain or loss?"),
    (re.compile(r"\beither\b(?:(?!\bor\b|\bbetween\b)[^,;.\n])*?(?P<words>\band\b(?:(?!\bor\b)[^,;.\n])*\bor\b)", _I), "Which of these belong together?"),
    (re.compile(r"\bexcept\b[^;.\n]*?(?P<words>, (?:when|where) (?:it|they|we|you|i) (?:sells?|buys?|exits?|closes?))\b", _I), "Is it a rule for the exception alone?"),
    (re.compile(rf"\b(?:not|never|unless|except)\b(?: (?:when|if|while|on|in))?(?:(?!{_BUY}|{_SELL})[^;.\n])*?(?P<words>,? ?\b(?:except|unless)\b)(?=[^;.\n]*(?:[<>]|\babove\b|\bbelow\b|\bover\b|\bunder\b))", _I), "Is it an exception of the exception, or one more?"),
    (re.compile(rf"\b(?:be|stay|remain|hold) (?:long|invested|it|in)\b[^;.\n]*?\b(?:from|between) {_HOUR}[^;.\n]*?(?P<words>\b(?:except|unless|but not|other than))\b(?![^\n]*{_SELL})", _I), "When is it sold: at the end of that time?"),
    (re.compile(r"\b(?P<words>(?:the (?:moment|instant|minute|second)|as soon as)\b[^,;.\n]*?\b(?:goes|gets|moves|climbs|drops|falls|rises|comes) (?:above|over|below|under))\b[^;.\n]*?\b(?:provided|as long as|assuming|unless)\b", _I), _CROSSING),
    (re.compile(r"(?:%|\bpercent) of (?P<words>(?:(?:my|the|available|free|account) )*cash)\b", _I), "Is it what is free, or all that the account is worth?"),
    (re.compile(r"\b(?:never|not|only) (?:when |if )?(?P<words>(?:above|below|over|under) (?:\$ ?\d+(?:\.\d+)?|\d+(?:\.\d+)? ?(?:dollars?|usd|bucks|cents?)\b))(?<!price )", _I), _OF_WHAT),
    (re.compile(r"\b(?P<words>(?:always (?:be |stay )?|(?:be|stay) always )in(?: the market)?)\b(?=\s*(?:[.,;!]|$))", _I), "Does it go short when it sells? One that only buys and sells is out of the market between a sale and the next purchase."),
    (re.compile(r"\b(?:take[- ]profits?|tp|target|stop(?:[- ]loss)?|sl)\b[^,;.\n]*?(?P<words>\b(?:[5-9]\d|\d{3,})(?:\.\d+)? ?(?:%|percent) of (?:the |my |our )?(?:entry|purchase|buy|buying|cost|fill)\b)", _I), "Is it a price that is that part of the entry's, or so much profit or loss?"),
)  # fmt: skip
_PRICED = re.compile(r"\b(?:price|close|it trades|trading|stock|share)s?\b[^,;.\n]*$", _I)


def twofold_in(turn: str) -> Iterator[tuple[int, int, str]]:
    """The words of a turn that bind to one of several things: where they begin and end, with what there is to ask.

    Args:
        turn: The person's words, with straight apostrophes.
    """
    return doubts_in(turn, _PATTERNS, {_OF_WHAT: _PRICED})


def readings_of(words: str, asks: str, turn: str, start: int) -> list[tuple[str, str]]:
    """The turn as it is said surely, each with what a person may call that reading; none where no words say it surely.

    Args:
        words: The words of which no reading is sure.
        asks: What is asked about them.
        turn: The turn in which they stand.
        start: Where they stand.
    """
    before, after = turn[:start], turn[start + len(words) :]
    if asks == CHART_OR_LENGTH:
        framed = list(_FRAMED.finditer(turn))
        # The length that is usual is one for these alone.
        known = all(each["n"] or re.fullmatch(r"rsi|mfi|cci|adx|atr", each["name"], _I) for each in framed)
        return [(r"chart|timeframe|candles?", _FRAMED.sub(_of_the_chart, turn))] if framed and known else []
    if asks in (_WHICH_LINE, _WHICH_AVERAGE):
        verb = words[3:]
        bought = re.search(rf"(?:when|if|once) (?P<one>(?:the )?[\w ]+?) (?:{_VERBS}|{_TURNS})\b", before, _I)
        if bought is None:
            return []
        one = bought["one"]
        other = re.search(rf"{re.escape(one)} {_VERBS} (?:above|over|below|under) (?P<other>[\w ]+?) with ", before, _I)
        side = re.match(r" (?:above|over|below|under)\b", after, _I)
        if other and side:
            said = f"{before}{one} {verb}{side[0]} {other['other']}{after[side.end() :]}"
            return [(r"price|averages?|what it bought by", said)]
        return [] if other or asks == _WHICH_LINE else [(r"average|what it bought by", f"{before}{one} {verb}{after}")]
    if asks == _CROSSING:
        crosses = re.sub(r"\b(?:goes|gets|moves|climbs|drops|falls|rises|comes) (?=\w+$)", "crosses ", words)
        return [(r"cross\w*|(?:the )?moment", f"{before}{crosses}{after}")]
    return []


_FRAMED = re.compile(
    rf"(?P<name>{_INDICATOR}) ?\( ?(?:(?P<n>\d+) ?, ?)?(?P<far>\d+) ?(?P<unit>m|min|mins|minutes?|h|hr|hrs|hours?) ?\)",
    _I,
)


def _of_the_chart(match: re.Match[str]) -> str:
    unit = "h" if match["unit"].lower().startswith("h") else "min"
    return f"{match['far']} {unit} {match['name']}({match['n'] or 14})"
