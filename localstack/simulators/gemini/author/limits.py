"""The things that a strategy here cannot do, each with the true reason."""

from __future__ import annotations

import re

_FUTURE = (
    r"\btomorrow\b(?! (?:at|morning|afternoon)\b)|\bnext (?:bar|day|minute|candle|hour|week)(?: 's)? (?:\w+ )?(?:close|high|low|open|price|will|is|rises|falls|closes|goes)|\bwill (?:rise|fall|go up|go down|be up|be down|close (?:higher|lower)|"
    r"break out|drop|jump|reverse|recover|rally|crash)|\b(?:right |just |shortly )?before (?:it|the price|a|@\S+) (?:\w+ )?(?:rises|falls|goes up|goes down|jumps|drops|rally|crash|spikes)|\babout to (?:rise|fall|go|jump|drop|rally|break|crash)|(?<!thanks )(?<!thank you )\bin (?:advance|hindsight)\b|"
    r"\b(?:at |near )?(?:the )?(?:exact|absolute|very) (?:low|bottom|high|top)\b|\b(?:at )?the (?:bottom|top|lowest (?:price|point)|highest (?:price|point)) of (?:the|each|every) (?:day|week|move|dip|trend)|"
    r"\bsell (?:it )?at the (?:day 's |daily )?high(?: of the day)?$|\bbuy (?:it )?at the (?:day 's |daily )?low(?: of the day)?\b(?! (?:of|plus))|\bshift \( -|\bfuture (?:price|bar|close|return)|\bpredict\w*"
)
# The next open is no price of the future for who trades at it: what is decided on a bar is filled at the next one's.
_AT_THE_NEXT_OPEN = re.compile(
    r"\b(?:at|on|by|before) (?:the )?(?:(?:next|following) (?:trading )?(?:bar|day|session|morning|minute|candle)(?: 's)?|tomorrow(?: 's)?|tomorrow morning(?: 's)?) (?:market )?open(?:ing)?(?: price| bell)?\b|\btomorrow (?:morning )?(?:at|on) (?:the )?(?:market )?open(?:ing)?\b"
)
_MISSING = (
    (r"\b(?:go|goes|going|sell|selling|sells|open|enter|entering|take|be) (?:a )?short\b|\bshort(?:ing|s)? (?:it|the|@\S+|stock|selling|positions?|sell|when|if|at)|\bcover (?:the |my )?short|\blong and short|\blong / short|\bshort side|\bshort entry|\bshort (?:entry|trade|once|as)|\bbet against", "This goes short, and it is not plain when: say when it goes short and when it covers, and, where it goes long too, when it buys and when it sells. Short selling has to be enabled in the account."),
    (r"\bnews\b|\btweets?\b|\btwitter|\bsentiment\b|\breddit|\bheadlines?|\bsocial media|\bpress releases?|\bfomc|\bfed (?:meeting|announce\w*|raises)|\bcpi\b|\binterest rates?|\banalyst (?:upgrades?|ratings?)|\belon", "News, ratings and economic data are not available: a strategy sees prices and volumes only."),
    (r"\bearnings|\bp / e\b|\bpe ratio|\bdividends?|\bbalance sheet|\bfundamentals?|\binsider|\brevenue|\bmarket cap|\beps\b|\bbook value", "Company figures are not available: a strategy sees prices and volumes only."),
    (r"\boptions?\b(?! :)|\bcalls?\b(?= (?:option|when|on|with|at|contracts?)|$)|\bputs?\b(?= (?:option|when|contracts?)|$)|\bcovered calls?|\bleverag\w+|\bon margin|\bborrow\w*|\bfutures contracts?|\biron condor|\bstraddle|\bstrike\b|\b\d+ ?x leverage", "Options, futures and borrowed money are not available: shares and coins are bought with free cash."),
    (r"\bthe index\b", "An index has no bars here, and cannot be traded or looked at: shares, funds and coins can. Which fund should stand for it, such as SPY for the S&P 500, or VIXY for the VIX?"),
    (r"\bspread between(?! the \d+(?:-bar|-day)? (?:and|ema|sma|ma\b|average))|\bpairs? trad\w+|\bcorrelation (?:with|to|between)|\banother stock|\bother stocks|\bbasket of|\brebalanc\w+|\brotat\w+ (?:between|into|among)|\bportfolio of|\btop \d+ (?:stocks|shares)|\bbest performing", "What several symbols do beside each other is written from words as a portfolio (“hold the 3 strongest of SPY, QQQ, …”), or where a strategy of one symbol looks at another (“buy AAPL when SPY is above its 200 SMA”): say it so, or write the code yourself, with bars.of(\"SPY\")."),
    (r"\border ?book|\bbid ask|\bbid / ask|\blevel 2|\btick data|\border flow|\bdark pool", "Order books and ticks are not available: a strategy sees 1-minute bars."),
    (r"\bguarantee\w*|\bnever los\w+(?! (?:more|over|greater)\b)|\brisk free\b|\balways (?:win|profit)\w*|\bcan not lose|\bno risk", "No rule wins for certain, so this cannot be promised. A rule on prices and volumes can be tested on history."),
    (r"\b(?:anti ?-? ?)?martingale|\bdouble (?:the (?:position|size|stake|bet) |up )?after\b|\bdouble (?:the (?:position|size|stake|bet)|up) (?:on|with) (?:each|every) (?:win|loss)", "A size that depends on how the trades before it went is not written offline: each purchase is of the same size here."),
    (r"\bdouble down|\baverag\w+ down|\badd (?:to (?:the|my) (?:position|winners?|losers?)|more (?:shares|when)|another)|\bpyramid\w*|\bscale in\b|\bdca\b|\bdollar cost averag\w+|\bgrid (?:trading|bot|strategy)|\bbuy more\b", "Adding to a position is not written offline: a strategy written here buys once, and again after everything was sold."),
    (r"\bmachine learning|\bneural net\w*|\blstm\b|\btrain(?:ed)? (?:a|an|the) model|\breinforcement learning|\bgpt\b|\bdeep learning|\brandom forest|\bllm\b", "Learned models are not part of the strategy language: it has indicators, comparisons and a memory of numbers."),
    (r"\brandom(?:ly)?\b|\bcoin (?:flip|toss)|\bflip a coin|\bdice\b", "Chance is not part of the strategy language: the same bars always give the same signals."),
)  # fmt: skip

_DENIED = re.compile(r"\b(?:never|not|no|without)(?: (?:ever|any))? $")


# “Martingale... no. Just: …”.
_TAKEN_BACK = re.compile(r"[\w -]+?(?: ?[.,:;!?])+ ?(?:no|nope|never mind|not that|nah)\b(?! (?:more|longer))")


def declined(text: str) -> list[str]:
    """Lists the reasons for which a request cannot be written at all; nothing when it may be."""
    found = (
        [
            "This needs to know the future: a rule can use finished bars only. Which sign that has already happened should it act on?"
        ]
        if re.search(_FUTURE, _AT_THE_NEXT_OPEN.sub("at the open", text))
        else []
    )
    return found + [reason for sign, reason in _MISSING if any(not _denied(text, match.start()) for match in re.finditer(sign, text))]  # fmt: skip


def _denied(text: str, at: int) -> bool:
    """Whether words that begin somewhere are said not to be done, or taken back: “never go short”, “martingale… no”."""
    if text.startswith(("martingale", "anti"), at):
        return bool(_DENIED.search(text, 0, at) or _TAKEN_BACK.match(text, at))
    return text.startswith(("go", "short"), at) and bool(_DENIED.search(text, 0, at))
