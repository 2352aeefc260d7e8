"""What cannot be written: rules that need the future, or what the strategy language does not have."""

from __future__ import annotations

import re

_FUTURE = (
    r"\btomorrow|\bnext (?:bar|day|minute|candle|hour|week)(?:'s|s')? (?:\w+ )?(?:close|high|low|open|price|will|is|rises|falls|closes|goes)|\bwill (?:rise|fall|go|be|close|"
    r"break|drop|cross|jump|reverse|recover)|\bbefore (?:it|the price|a) (?:\w+ )?(?:rises|falls|goes|jumps|drops|rally|crash)|\babout to\b|\bin (?:advance|hindsight)|"
    r"\b(?:the )?(?:exact |absolute )?(?:low|bottom|high|top|lowest (?:price|point)|highest (?:price|point)) of (?:the|each|every) (?:day|week|move)|\bday's (?:low|bottom|lowest)|"
    r"\bshift\(-|\bfuture\b|\bpredict"
)
_MISSING = {
    r"\b(?:go|goes|going|sell|selling) short\b|\bshort(?:ing)? (?:it|the stock|selling|positions?|sell)|\bshort when|\bcover the short": "short positions: it only buys and sells what it holds",
    r"\bnews|\btweets?\b|\btwitter|\bsentiment|\breddit|\bheadlines?": "news: it sees prices and volumes only",
    r"\bearnings|\bp/e\b|\bdividends?|\bbalance sheet|\bfundamentals?|\binsider|\brevenue": "company figures: it sees prices and volumes only",
    r"\boptions?\b|\bbuy calls?\b|\bbuy puts?\b|\bputs\b|\bleverag\w+|\bon margin|\bborrow": "options or borrowed money: it buys shares and coins with free cash",
    r"\bvix\b|\bs&p|\bthe index\b|\bspread between|\bpairs? trad|\bcorrelation (?:with|to|between)|\banother stock|\bother stocks": "other symbols: a strategy sees the bars of its own symbol",
    r"\border ?book|\bbid[- ]ask|\blevel 2|\btick data": "order books: it sees 1-minute bars",
    r"\bguarantee\w*|\bnever los\w+|\brisk[- ]free|\balways (?:win|profit)\w*": "certainty: no rule wins always",
}


def questions_about(text: str) -> list[str]:
    """Why a request cannot be written as it is; nothing when it can."""
    questions = []
    if re.search(_FUTURE, text):
        questions.append(
            "This needs to know the future: a rule can use finished bars only. Which sign that has already happened should it act on?"
        )
    questions += [
        f"A strategy here has no {what}. Which rule on prices and volumes should it follow instead?"
        for sign, what in _MISSING.items()
        if re.search(sign, text)
    ]
    return questions
