"""Words that turn, bind or bound what is said, and of which no reading is sure: a person is asked about them, and no answer passes that took them one way."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from stratforge.intent.reading.bindings import BACK_OR_LEVEL, bindings_in
from stratforge.intent.reading.doubts import HOW_MUCH, PRICE_OR_LENGTH, WEEKDAY, Table, not_understood
from stratforge.intent.reading.indices import indices_in
from stratforge.intent.reading.languages import language_of
from stratforge.intent.reading.reach import reaches_in
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.scopes import scopes_in
from stratforge.intent.reading.twofold import twofold_in
from stratforge.intent.rules import read_rule
from stratforge.strategy.indicators import REGISTRY

_I = re.IGNORECASE


@dataclass(frozen=True, slots=True)
class Unsure:
    """Words of a turn that may mean several things, with their place and what there is to ask about them."""

    start: int
    end: int
    words: str
    asks: str


_BUYS = r"(?:buy\w*|enter\w*|(?:entry|entries)(?=\s*(?::|when\b|rules?\b|if\b))|long|kauf\w*|einstieg\w*|compra\w*|ach[eè]t\w*|买入|买进|買い|買う)"
_SELLS = r"(?:sell\w*|exit\w*|close (?:when|if|at|after)|gets? (?:me )?out|go flat|flat|stop\w*|target\w*|take profit\w*|trail\w*|verkauf\w*|aussteigen|ausstieg|vend[a-z]*|卖出|卖掉|止损|止盈|売り|売る)"
_SIDE = re.compile(rf"(?<![A-Za-zÀ-ÿ])(?:(?P<buy>{_BUYS})|(?P<sell>{_SELLS}))(?![a-zà-ÿ])", _I)
_BOUND = re.compile(
    r"[,;.\n(—–]\s*(?:[-*•–]\s+|\d[.)]\s+)?(?:but\s+|and\s+)?(?:only\s+(?:if|when|while|as long as|once)|(?:but\s+)?not\s+(?:if|when|while)\b|(?:not|never)\s+(?:in|within|during)\s+the\s+first|(?:but\s+)not\s+(?:before|after|until)|but\s+never\s+(?:if|when|in))"
    r"|\b(?:but|and)\s+(?:only\s+(?:if|when|while)|not\s+(?:if|when|while|within|in|during|before|until))"
    r"|[,;.\n(—–]\s*(?:aber\s+|und\s+)?(?:nur\s+(?:wenn|falls)|nicht\s+(?:wenn|falls))|[,;.\n]\s*(?:solo\s+si|sólo\s+si|seulement\s+(?:si|quand))|[,，;；]?\s*(?:仅当|只有当|只当|除非)",
    _I,
)
_OPPOSED = re.compile(
    r"[,;.\n]\s*(?:[-*•–]\s+|\d[.)]\s+)?(?:but\s+)?(?:only|not)\s+(?:buy|enter|go long|sell|exit)", _I
)
_UNITS = r"(?:bars?|candles?|minutes?|mins?|hours?|periods?|sessions?|m|balken|kerzen|minuten)"
_LAST = re.compile(
    rf"\b(?:in|within|during|over|any ?time in)\s+the\s+(?:last|past|previous|prior)\s+(?:\w+\s+)?{_UNITS}\b(?!\s+of\s+(?:the\s+)?(?:day|session|trading|market))",
    _I,
)
_HAPPENED = re.compile(
    r"\b(?:was|were|had|has been|have been|been|below|above|under|over|cross\w*|hit|touched|dropped|rose|fell|broke|reached)\b|[<>]",
    _I,
)
_PAST = re.compile(
    r"\b(?:was|were|had|has|have|been|crossed|hit|touched|dropped|rose|fell|broke|reached|went|came|closed|turned|got|made)\b",
    _I,
)
_MEASURED = re.compile(
    r"(?:(?<![\d-] )(?<!\bbar )\b(?:highest|lowest|high|low|close|volume|average|mean|range|trades?)|%|percent|\bby \d+(?:\.\d+)?|\bdollars?|\$\d+(?:\.\d+)?)\s*$",
    _I,
)
_CLAUSE = re.compile(rf"[,;.\n]|\b(?:when|if|unless|and|or|once|{_BUYS}|{_SELLS})\b", _I)
_NAMES = r"(?:rsi|macd|mfi|cci|adx|atr|sma|ema|stochastic|stoch|williams %r|roc|vwap|obv|trix|tsi|ppo|supertrend)"
_FRAMED = re.compile(rf"\b(?:\d+\s*-?\s*(?:m|min|mins|minutes?|h|hours?)|hourly)\s+(?P<name>{_NAMES})\b", _I)
_CHANGED_FRAME = re.compile(
    rf"\b(?:use|with|switch to|take|on|make it)\s+(?:the\s+)?(?:\d+\s*-?\s*(?:m|min|mins|minutes?|h|hours?)|hourly)\s+{_NAMES}\b",
    _I,
)
# Questions whose answers are known by their names.
BOUNDS_WHAT = "Does it bound the sale that it follows, or buying?"
LEVEL_OR_MOMENT = "Is it a level, or the moment at which it changes?"
ONE_OR_ALL_BARS = "At which of these bars has it to hold: at one of them, or at all?"
ALL_OR_ONE = "Have all of these to hold, or one of them?"
SAME_BAR_OR_AFTER = "Both at the same bar, or one after the other?"
WHEN_WAS_IT = "When was it so: at the bar before, at some bar of the last ones, or is now meant?"
_NUMBERED = (
    "stochastic|stoch",
    "supertrend|super trend",
    "trix",
    "tsi",
    "ppo",
    "pvo",
    "kdj",
    "kst",
    "qqe",
    "squeeze",
    "psar",
    "sar",
)
_SIMPLE: Table = (
    (re.compile(r"\bprice is (?:above|below|over|under) \d+(?:\.\d+)?(?=,?\s+(?:and |then )?(?:sell|exit)\b[^.;\n]*\b(?:above|below|over|under) (?:the |its )?\d+ ?(?:sma|ema|ma|wma)\b)", _I), PRICE_OR_LENGTH),
    (re.compile(rf"(?<!every day )(?<!any day )(?<!each day )(?<!all days )\bbut\s+(?:on\s+)?{WEEKDAY}\b", _I), "Only then, or except then?"),
    (re.compile(r"\btouch(?:es|ed)?\s+(?:the\s+)?vwap\b", _I), "By the close of a bar, or within it, and from which side?"),
    (re.compile(r"(?<!\bmost )(?<!\bthan )(?<!\bat )(?<!\ball at )\bonce\b(?=\s*(?:[,;.:!\n]|$|and\b|or\b))", _I), "How often, or when, is meant?"),
    (re.compile(rf"(?<!yesterday's )(?<!previous )(?<!last )(?<!prior )\b(?:{_NAMES}|price|close|volume) was (?:above|below|over|under) (?:\$?\d+(?:\.\d+)?|(?:the |its )?(?:\d+ )?{_NAMES})(?=\s*(?:[,;!\n]|\.(?!\d)|$|and (?:then )?(?:sell|exit|buy)\b))", _I), WHEN_WAS_IT),
    (re.compile(r"\bonce again\b|(?<!not )(?<!buy )(?<!buying )(?<!bought )(?<!enter )(?<!entering )(?<!trade )(?<!trading )(?<!start )(?<!in )\bagain\b(?! (?:from|between)\b)|^\W*(?:buy|enter) again\b", _I), "Which event is meant, and what came before it?"),
    (re.compile(r"\bno longer\b|\bnot any ?more\b|\bisn't any ?more\b|\bnicht mehr\b|\bya no\b|\bne\b[^,;.]*\bplus\b(?! de\b)", _I), LEVEL_OR_MOMENT),
    (re.compile(r"\b(?:is|it's|are)\s+back\s+(?:above|below|over|under|inside|within|outside)\b", _I), BACK_OR_LEVEL),
    (re.compile(r"\b(?:well|far|way|clearly|significantly|comfortably|deeply|slightly|strongly|substantially|much|sharply|solidly|firmly)\s+(?:above|below|over|under|higher|lower|oversold|overbought|into)\b", _I), HOW_MUCH),
    (re.compile(r"\b(?:at most|no more than|not more than|less than|not less than|no less than|not at least|up to|under|fewer than|maximum|max)\s+\d+(?:\.\d+)?\s*(?:%|percent\b|per cent\b)\s*(?:below|above|under|over|off|away from|from|lower|higher|beneath)\b", _I), "Between which two levels?"),
    (re.compile(r"\brest\s+(?:after|at|in)\s+\d+(?=\s*(?:[,;.!\n]|$))", _I), "After how many bars, or at what time?"),
    (re.compile(r"\bstop(?:[- ]loss)?\s+(?:at|of)?\s*\+\s?\d", _I), "A stop lies below the price of the purchase: is it a target?"),
    (re.compile(rf"\b(?:when|if)\b[^,;.\n]*\bthen\s+(?!{_BUYS}|{_SELLS}|go\b|it\b|i\b|we\b|hold\b|wait\b|close\s+(?:when|if|all|the|it|out)\b)(?=\w+ *(?:[<>]|is\b|crosses|above|below|\())", _I), SAME_BAR_OR_AFTER),
    (re.compile(r"\b(?:golden|death) cross\b[^.\n]*[,;(]\s*(?:sma|ema|wma|hma|ma)s?\s*\(?\d+\s*[/,]\s*\d+", _I), "Between which two averages is each cross?"),
)  # fmt: skip
_COMES_BACK = re.compile(
    r"(?:cross\w*|turns?|goes|falls?|drops?|dips?|rises?|climbs?|closes?|moves?|gets?|comes?)\b[^,;.]*\b(?:above|below|over|under|up|down|negative|positive|red|green|bullish|bearish)\b[^,;.]* again$|\b(?:is|it's|its|are)\s+back\s+(?:above|below|over|under)$",
    _I,
)
_GERMAN_NOT = re.compile(
    r"\bnicht\b(?!\s+(?:unter|über|ueber|oberhalb|unterhalb|größer als|höher als|kleiner als|niedriger als)(?: von)? [\w.$%€ -]{1,40}? (?:liegt|ist|notiert|steht)\b)(?!\s+(?:am|an|vor|nach|zwischen|in der ersten|in den ersten|in der letzten|in den letzten|mehr als|montags?|dienstags?|mittwochs?|donnerstags?|freitags?|wenn|falls)\b)",
    _I,
)
_OTHERWISE = re.compile(r"\b(?:otherwise|else|sonst|andernfalls)\s*,?\s*(?:sell|exit|close|verkauf\w*)\b", _I)
_EVENT = re.compile(r"\bcross\w*|\bturns?\b|\bflips?\b|\bbecomes?\b|\bbreaks?\b|kreuzt|schneidet|durchbricht", _I)
_ONLY_SELL = re.compile(
    r"\bonly\s+(?:sell|exit|close)\s+(?:when|if|while)\b|\b(?:sell|exit)\s+only\s+(?:when|if|while)\b"
    r"|\b(?:exits?|sells?|selling|sales) only (?:on|after|before|between|from|in|at)\b|\bonly (?:sells?|exits?) (?:on|after|before|between|from)\b",
    _I,
)
_LABELED = re.compile(
    r"^\s*(?:entry|exit|entries|exits)[^:\n]*:[^\n;]*;[^\n;]*(?:[<>]|above|below)[^\n]*$", re.IGNORECASE | re.MULTILINE
)


_CHANGED = re.compile(
    r"^\W*(?:please )?(?:change|replace|switch|set|move|raise|lower|increase|decrease|reduce) (?:the )?(?P<old>\d+(?:\.\d+)?) ?%? (?:to|with|by|into) (?:\d+(?:\.\d+)?) ?%?\W*$",
    _I,
)
_INSTEAD = re.compile(
    r"^\W*(?:use|make it|take|with)?\s*\d+(?:\.\d+)? ?%? instead of (?P<old>\d+(?:\.\d+)?) ?%?\W*$", _I
)


@lru_cache(256)
def unsure_in(turn: str) -> tuple[Unsure, ...]:
    """Lists the words of a turn of which no reading is sure. All that judges a turn asks for them, so they are kept.

    Args:
        turn: The person's words.
    """
    plain = turn.replace("’", "'")
    found = [
        Unsure(start, end, plain[start:end].strip(" ,;.\n-*•"), asks)
        for start, end, asks in (
            *indices_in(plain),
            *twofold_in(plain),
            *bindings_in(plain),
            *scopes_in(plain),
            *reaches_in(plain),
            *((*match.span(), asks) for match, asks in _found(plain)),
        )
    ]
    return tuple(sorted(found, key=lambda each: each.start))


def questions_about(turn: str) -> list[str]:
    """The questions that a turn leaves, one for each of its unsure words."""
    return list(dict.fromkeys(not_understood(each.words, each.asks) for each in unsure_in(turn)))


def several_of(turn: str, before: Iterable[str]) -> list[str]:
    """The question that “use 20 instead of 10” leaves, where several of the rules before it have that number."""
    rules = list(before)
    match = _INSTEAD.search(turn) or _CHANGED.search(turn)
    if match is None:
        return []
    # “2 % above” stands in a rule as a factor.
    far = float(match["old"]) / 100
    texts = "|".join(re.escape(each) for each in (match["old"], f"{1 + far:.10g}", f"{1 - far:.10g}"))
    number = re.compile(rf"(?<![\w.])-?(?:{texts})(?![\d.]*\d)")
    holders = [each for each in rules if any(each[one.start() - 1] != "=" for one in number.finditer(each))]
    roles = {_role(each, one.start()) for each in rules for one in number.finditer(each)}
    if len(roles) < 2 and (len(holders) < 2 or not _INSTEAD.search(turn)):
        return []
    asks = (
        "Which of them is meant: " + "; ".join(in_words(read_rule(each)) for each in rules if number.search(each)) + "?"
    )
    return [not_understood(match[0], asks)]


def _role(rule: str, at: int) -> str:
    """What a number of a rule is: a size, a length, a level of something."""
    if re.match(r"(?:size|at most|wait|stop loss|take profit|trailing stop)\b", rule):
        return rule.partition(" ")[0]
    named = re.search(r"(?:ta\.)?(\w+)\([^()]*\w+=$", rule[:at])
    if named:
        return f"length {named[1]}"
    compared = re.search(r"(\w+)(?:\([^()]*\)(?:\.\w+)?)? (?P<sign>[<>])=? -?$", rule[:at])
    return f"level {compared[1]}{compared['sign'] if compared[1] in ('gain', 'drop') else ''}" if compared else ""


def _found(turn: str) -> Iterator[tuple[re.Match[str], str]]:
    for pattern, asks in _SIMPLE:
        for match in pattern.finditer(turn):
            # A sale is at the moment at which it comes back, and the other way than the purchase.
            if _side_of(turn, *match.span()) == "sell" and _COMES_BACK.search(turn, _clause_of(turn, match.start()), match.end()):  # fmt: skip
                continue
            yield match, asks
    for match in _BOUND.finditer(turn):
        if re.match(r"[.\n]\s*(?:[-*•–]\s+|\d[.)]\s+)?only\s", match[0], _I):
            # A sentence of its own restricts buying, and is told so.
            continue
        if _side_before(turn, match.start()) == "sell" and not _OPPOSED.match(turn, match.start()):
            yield match, BOUNDS_WHAT
    for match in _LAST.finditer(turn):
        begins = max((each.end() for each in _CLAUSE.finditer(turn, 0, match.start())), default=0)
        clause = turn[begins : match.start()]
        # “RSI < 30 in the last 30 minutes” is said of the session, “was below 30” of the bars before.
        looks_back = _PAST if re.search(r"minute|min|hour|session|\bm\b", match[0], _I) else _HAPPENED
        crossed = re.search(r"\bcross(?:ed|es)\b", clause, _I) and re.search(r"(?:bars|candles|periods)$", match[0], _I)
        if (
            match[0].lower().startswith("any")
            or crossed
            or re.search(r"\b(?:at some (?:point|time)|at any (?:point|time)|sometime|at least once)\s*$", clause, _I)
        ):
            # At one of them.
            continue
        if looks_back.search(clause) and not _MEASURED.search(clause):
            yield match, ONE_OR_ALL_BARS
    yield from _of_language(turn)
    yield from _carried(turn)
    otherwise = _OTHERWISE.search(turn)
    if otherwise and _EVENT.search(turn, 0, otherwise.start()):
        yield otherwise, "At the opposite event, or at the next bar?"
    for match in _ONLY_SELL.finditer(turn):
        if any(each["sell"] and not match.start() <= each.start() < match.end() for each in _SIDE.finditer(turn)):
            yield match, "Has it to hold for every sale, or is it one more way to sell?"
    for match in _LABELED.finditer(turn):
        yield match, ALL_OR_ONE


def _side_of(turn: str, start: int, end: int) -> str:
    """The side of which a sentence speaks; its verb may come last: “if it turns negative again, sell”."""
    begin = max((each.end() for each in re.finditer(r"[.;\n]", turn[:start])), default=0)
    if _SIDE.search(turn, begin, start):
        return _side_before(turn, start)
    rest = re.compile(r"[.;\n]").search(turn, end)
    after = _SIDE.search(turn, end, rest.start() if rest else len(turn))
    return _side_before(turn, start) if after is None else "buy" if after["buy"] else "sell"


def _clause_of(turn: str, at: int) -> int:
    """Where the clause begins in which something stands."""
    return max((each.end() for each in re.finditer(r"[,;.\n]|\b(?:and|or|then)\b", turn[:at], _I)), default=0)


def _side_before(turn: str, at: int) -> str:
    last = ""
    for each in _SIDE.finditer(turn, 0, at):
        last = "buy" if each["buy"] else "sell"
    return last


def _of_language(turn: str) -> Iterator[tuple[re.Match[str], str]]:
    if language_of(turn) == "de":
        for match in _GERMAN_NOT.finditer(turn):
            yield match, "What is it that must not be?"


def _carried(turn: str) -> Iterator[tuple[re.Match[str], str]]:
    """Numbers and timeframes that stand at one mention of an indicator, and not at another."""
    for name in _NUMBERED:
        mentions = list(re.finditer(rf"\b(?:{name})s?\b(?P<given>\s*\(?\s*\d+\s*[,/]\s*\d+[^)]*\)?|\s*\(\s*\d+\s*\))?", turn, _I))  # fmt: skip
        lines = r"(?<![\w)] )(?<!\) )%[kd]\b" if name.startswith("stoch") else r"(?!)"
        given = [each for each in mentions if each["given"]]
        bare = [each for each in mentions if not each["given"]]
        bare += [each for each in re.finditer(lines, turn, _I) if given and each.start() > given[0].end() + 2]
        if given and bare and bare[0].start() > given[0].start():
            yield bare[0], f"Has it the numbers of “{given[0][0]}”?"
    for match in _FRAMED.finditer(turn):
        count = re.match(r"\d+(?=\s*-?\s*m)", match[0])
        if count and int(count[0]) > 60:
            # “200-minute SMA” is of so many bars.
            continue
        framed = [each.span("name") for each in _FRAMED.finditer(turn)]
        for other in re.finditer(rf"\b{match['name']}\b", turn[match.end() :], _I):
            start = match.end() + other.start()
            if not any(one <= start < end for one, end in framed):
                yield match, "Is the same timeframe meant where the indicator is named without one?"
                break
    changed = _CHANGED_FRAME.search(turn)
    if changed and not _SIDE.search(turn):
        yield changed, "In which rules, and of how many bars?"


_NAMED_ELSEWHERE = """
TRIX KAMA PPO PVO WILLR NATR TSI CHOP CMO VWMA QQE MASSI PSAR SAR HMA DEMA TEMA WMA SMA EMA RSI MACD
CCI ADX ATR MFI CMF OBV ROC MOM VWAP DMI KST EFI EOM FISHER KDJ RVI RVGI STC ZLEMA ALMA T3 DPO
SMI PMO CTI BBANDS BB KC APO BOP PVT ADL ADOSC NVI PVI VORTEX AROON SQZ CRSI STOCH ERI ICHI
"""
# What reads as an indicator, and so as no symbol; Mastercard (MA) and AT&T (T) are symbols.
INDICATOR_NAMES = frozenset(each.upper() for each in (*REGISTRY, *_NAMED_ELSEWHERE.split())) - {"MA", "AD", "T", "AO", "UO", "VI"}  # fmt: skip


def is_indicator(symbol: str, turns: tuple[str, ...]) -> bool:
    """Tells whether the symbol of an answer is only the name of an indicator in the person's words, which nobody wrote as a symbol (`$TSI`, “TSI stock”)."""
    name = symbol.upper()
    said = re.compile(
        rf"\$\s?{re.escape(name)}\b|\b{re.escape(name)}\s+(?:stock|shares?)\b|\b(?:shares? of|ticker|symbol:?)\s+{re.escape(name)}\b"
    )
    named = re.compile(rf"(?<![\w$]){re.escape(name)}(?!\w)", _I)
    return (
        name in INDICATOR_NAMES
        and any(named.search(each) for each in turns)
        and not any(said.search(each) for each in turns)
    )
