"""A strict reading of requests for portfolios: which of their words say which rule. What it does not know it says, and guesses nothing."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from stratforge.intent.rotation.pairs import asks_for_pair, note_of, read_pair
from stratforge.intent.rotation.rules import Part, RotationRule, RotationRuleError, read_rotation_rule
from stratforge.market.symbols import is_symbol

# The longest span that is looked at, in days: ten years.
_LONGEST = 2_520
# Trading days of a period.
DAYS = {"day": 1, "week": 5, "month": 21, "quarter": 63, "year": 252}
_EVERY = {"day": "daily", "week": "weekly", "month": "monthly", "quarter": "quarterly", "year": "yearly"}
NUMBER = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9, "ten": 10, "twelve": 12}  # fmt: skip
_N = rf"(?P<n>\d{{1,3}}|{'|'.join(NUMBER)})"
UNIT = r"(?P<unit>day|week|month|quarter|year)s?"
SYMBOL = r"[A-Z]{1,6}(?:\.[A-Z])?(?:/[A-Z]{3,4})?"
LIST = rf"{SYMBOL}(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*/\s+){SYMBOL})+"
_BEST = r"strongest|best(?:[- ]performing)?|top|highest|leading"
_WORST = r"weakest|worst(?:[- ]performing)?|bottom|lowest"
# Words that say nothing of which, when or how much.
FILLERS = frozenset(
    "a an and at by each every hold holds in into invest it its keep my me of on only please portfolio rebalance rebalanced rebalancing rotate rotating rotation strategy the them then "  # noqa: SIM905 - words
    "these this those to trade buy own with want would like i etfs etf funds fund symbols stocks assets ranked measured among between always put money switch make create build write".split()
)
# Words that make a turn of these verbs: “keep out”, “switch from”. What they turn round is read by a form of its own, or asked about.
_OUT_VERBS = r"(?:keep(?:s|ing)?|rotat(?:e|es|ing)|switch(?:es|ing)?|trad(?:e|es|ing)|get(?:s|ting)?|stay(?:s|ing)?|mov(?:e|es|ing)|go(?:es|ing)?|leav(?:e|es|ing)|tak(?:e|es|ing)|throw(?:s|ing)?|rebalanc(?:e|es|ing)|invest(?:s|ing)?|buy(?:s|ing)?)"
_TRIGGER = re.compile(
    rf"\b(?:rotat\w*|rebalanc\w*|(?:{_BEST}|{_WORST}) (?:\w+ )?(?:of|by|among|from)|(?:{_N} )?(?:{_BEST}|{_WORST})\b|equal(?:ly)?[- ]weight\w*|equal weights|inverse[- ]volatility|(?:every|each) (?:week|month|quarter|year)|weekly|monthly|quarterly|yearly|\d ?% (?:in |of )?[a-z]+(?:/[a-z]+)?\s*(?:,|and)\s*(?:and )?[-–−]?\d+(?:\.\d+)? ?%)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Piece:
    """Words of a request, and the rules that they are.

    Attributes:
        start: Where they begin.
        end: Where they end.
        rules: In canonical form.
        assumed: What was decided because the words leave it open; empty where they say it all.
        asks: What has to be asked, because it cannot be as they say.
        note: What a person is told of how they are taken.
    """

    start: int
    end: int
    rules: tuple[str, ...]
    assumed: str = ""
    asks: str = ""
    note: str = ""


@dataclass(slots=True)
class RotationReading:
    """The outcome of reading a request for a portfolio word by word.

    Attributes:
        text: The request.
        pieces: Its words with their rules, in the order of the text.
        left: Words that were not understood.
        questions: What has to be asked before anything can be written.
    """

    text: str
    pieces: list[Piece] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)

    @property
    def whole(self) -> bool:
        """True when every word was understood and nothing is open."""
        return not self.left and not self.questions

    @property
    def rules(self) -> list[RotationRule]:
        """The rules that the words say."""
        found = {text: read_rotation_rule(text) for piece in self.pieces for text in piece.rules}
        return list(found.values())

    def words(self, piece: Piece) -> str:
        """The request's own words of a piece."""
        return self.text[piece.start : piece.end]


def asks_for_rotation(text: str) -> bool:
    """Returns whether a request names several symbols and speaks of holding some of them by times or ranks, or of a pair by the ratio of its prices."""
    if asks_for_pair(text):
        return True
    symbols = {
        each for each in re.findall(rf"\b{SYMBOL}\b", capitals(text)) if is_symbol(each) and each not in _NO_SYMBOLS
    }
    return len(symbols) > 1 and _TRIGGER.search(text) is not None


# What is written in capitals and is no symbol.
_NO_SYMBOLS = frozenset(
    [
        "RSI",
        "MACD",
        "SMA",
        "EMA",
        "ATR",
        "ADX",
        "VWAP",
        "ETF",
        "ETFS",
        "USD",
        "AM",
        "PM",
        "ET",
        "AND",
        "OR",
        "NOT",
        "IF",
        "THE",
        "CCI",
        "OBV",
        "MFI",
        "WMA",
        "HMA",
        "KDJ",
        "BB",
        "UTC",
        "NY",
    ]
)


# Symbols that are known without their capitals, where several stand in a row: none of them is a word.
_KNOWN = frozenset(
    "spy qqq iwm efa eem tlt ief shy gld slv dia vti voo vea vwo bnd agg lqd hyg xlk xlf xle xlv xli xlp xlu xly xlb xlre xlc mtum usmv vnq dbc iau "  # noqa: SIM905 - symbols
    "aapl msft goog googl amzn nvda tsla nflx amd intc jpm".split()
)
_IN_A_ROW = re.compile(
    rf"\b(?:{'|'.join(sorted(_KNOWN, key=len, reverse=True))})(?:(?:\s*,\s*(?:and\s+)?|\s+and\s+|\s*/\s*)(?:{'|'.join(sorted(_KNOWN, key=len, reverse=True))}))+\b",
    re.IGNORECASE,
)
_ONE_KNOWN = re.compile(rf"\b(?:{'|'.join(sorted(_KNOWN, key=len, reverse=True))})\b", re.IGNORECASE)


def capitals(text: str) -> str:
    """The text with symbols in capitals where several well-known ones stand in a row without; places stay."""
    return _IN_A_ROW.sub(lambda row: _ONE_KNOWN.sub(lambda one: one.group().upper(), row.group()), text)


# “Switch the weakest”: into them, or out of them?
_TURNED = re.compile(
    rf"\b(?:(?:switch(?:es|ing)?|rotat(?:e|es|ing)) (?:(?:the )?(?:{_N} )?(?:{_BEST}|{_WORST})\b|those\b|the ones\b)|"
    rf"switch(?:es|ing)?(?:\W+(?!(?:to|into|in|between|among|from|out|of|hold|buy|own|keep|take)\b)\w+){{0,4}}?\W+(?:the )?(?:{_N.replace('?P<n>', '?:')} )?(?:{_WORST})\b)",
    re.IGNORECASE,
)


def turned(text: str) -> list[str]:
    """The question about words that may turn round what is held, such as “switch the weakest”; none where there are none."""
    found = _TURNED.search(text)
    return [f"“{found.group()}”: are these held, or are they left?"] if found else []


def read_rotation(text: str) -> RotationReading:
    """Reads a request for a portfolio."""
    reading = RotationReading(text)
    if (pair := read_pair(text)) is not None:
        # Of days it decides once a day.
        daily = Piece(len(text), len(text), ("rebalance daily",), assumed="Of a mean of days it decides daily.")
        reading.pieces = [Piece(0, len(text), (pair.text,), note=note_of(text)), daily]
        return reading
    free = capitals(text)
    for pattern, read in FORMS:
        while found := pattern.search(free):
            piece = read(found)
            if piece is not None:
                reading.pieces.append(piece)
            # What was read is read once; places stay.
            free = free[: found.start()] + "\x00" * (found.end() - found.start()) + free[found.end() :]
    reading.pieces.sort(key=lambda each: each.start)
    reading.questions += turned(text)
    words = re.findall(r"[^\s\x00,;.:!?()“”\"]+", free)
    reading.left = [each for each in words if each.lower().strip("'’-") not in FILLERS and each.strip("'’-–")]
    _complete(reading)
    return reading


def _complete(reading: RotationReading) -> None:
    """Asks for what is missing; what has one usual answer is left to whoever writes."""
    reading.questions += [each.asks for each in reading.pieces if each.asks]
    if reading.questions:
        return
    parts = {each.part: each for each in reading.rules}
    several = [
        part
        for part in Part
        if part not in (Part.WHERE, Part.WHEN) and sum(each.part is part for each in reading.rules) > 1
    ]
    if several:
        reading.questions.append(f"This says more than one thing about {several[0].value}. Which is it?")
    if Part.UNIVERSE not in parts:
        reading.questions.append("Which symbols may it hold? Name them, such as SPY, QQQ, IWM.")
    if Part.REBALANCE not in parts:
        reading.questions.append("How often does it decide: daily, weekly, monthly, quarterly or yearly?")
    take, weights = parts.get(Part.TAKE), parts.get(Part.WEIGHTS)
    if take is not None and take.word != "all" and Part.RANK not in parts:
        reading.questions.append("By what are they ranked, such as their 6-month return?")
    if take is None and Part.RANK in parts:
        reading.questions.append("How many are held, such as the 3 strongest?")
    if (
        take is None
        and Part.RANK not in parts
        and (weights is None or weights.word != "fixed")
        and Part.WHERE not in parts
        and weights is None
    ):
        reading.questions.append(
            "Which of them are held, and with which weights, such as the 3 strongest, or all with equal weights?"
        )
    universe = parts.get(Part.UNIVERSE)
    if universe is not None and (asked := _other_number(reading.text, len(universe.symbols))):
        reading.questions.append(asked)
    if take is not None and universe is not None and take.count > len(universe.symbols):
        reading.questions.append(
            f"It has {len(universe.symbols)} symbols to choose from, and {take.count} are to be held. How many?"
        )


def _other_number(text: str, symbols: int) -> str:
    """The question about “all three” of another number of symbols; empty where there is none."""
    found = re.search(rf"\ball (?:of (?:the |these )?|the |these )?(\d{{1,2}}|{'|'.join(NUMBER)})\b(?! ?%)(?![- ](?:day|week|month|quarter|year))", text, re.IGNORECASE)  # fmt: skip
    if not found or number(found[1]) == symbols:
        return ""
    return f"“{found.group()}”: {symbols} symbols are named. Which of them are held?"


def number(said: str) -> int:
    """A number that is written in digits or as a word."""
    return NUMBER.get(said.lower()) or int(said)


def span(found: re.Match[str]) -> int:
    """Trading days of a span that was found, such as three months."""
    return number(found["n"]) * DAYS[found["unit"].lower()]


def _piece(found: re.Match[str], *rules: str, assumed: str = "", asks: str = "") -> Piece:
    for text in rules:
        try:
            read_rotation_rule(text)
        except RotationRuleError as error:
            asks = asks or f"“{found.group().strip()}” cannot be: {error}. What should it be?"
    if asks:
        return Piece(found.start(), found.end(), (), asks=asks)
    return Piece(found.start(), found.end(), rules, assumed, note=_note(found.group()))


def _note(said: str) -> str:
    """What a person is told of words that are read as what there is."""
    if re.search(r"\btotal\s+(?:return|performance|gain|momentum)", said, re.IGNORECASE):
        return f"“{said.strip()}” is the return of the price here: prices are adjusted for splits, and dividends are not in them."
    return ""


def _of_length(found: re.Match[str], template: str, least: int = 1) -> Piece:
    """A rule with a span for its `N`, which is asked about where it is none."""
    days = span(found)
    if not least <= days <= _LONGEST:
        return _piece(
            found,
            asks=f"“{found.group().strip()}” is a span of {days} days; from {least} to {_LONGEST} can be looked at. Which should it be?",
        )
    return _piece(found, template.replace("N", str(days)))


def _schedule(found: re.Match[str]) -> Piece:
    said = (found["period"] or "").lower()
    return _piece(found, f"rebalance {_EVERY.get(said) or said}")


def _take(found: re.Match[str]) -> Piece:
    return _piece(found, f"take {_side(found)} {number(found['n'])}")


def _take_one(found: re.Match[str]) -> Piece:
    if re.search(r"(?:etfs|funds|stocks|symbols|assets|ones)$", found.group(), re.IGNORECASE):
        return _piece(found, asks=f"“{found.group()}”: how many are held, such as the 3 strongest?")
    return _piece(found, f"take {_side(found)} 1")


def _side(found: re.Match[str]) -> str:
    return "bottom" if re.search(_WORST, found.group(), re.IGNORECASE) else "top"


def _rank(found: re.Match[str]) -> Piece:
    return _of_length(found, "rank by bars.close.pct_change(N)")


def _rank_over(found: re.Match[str]) -> Piece:
    """“Over the last 3 months” ranks where it follows what is ranked; after anything else it may be of that."""
    before = found.string[: found.start()].rstrip(" ,")
    if not re.search(rf"(?:\b{SYMBOL}|\b(?i:{_BEST}|{_WORST}|{KIND}))$", before):
        return _piece(
            found,
            asks=f"“{found.group()}”: what is looked at over it? For a rank say it so: by the return of the last 3 months.",
        )
    return _rank(found)


def _taken_and_ranked(found: re.Match[str]) -> Piece:
    ranked = _rank(found)
    return ranked if ranked.asks else _piece(found, f"take {_side(found)} {number(found['count'])}", *ranked.rules)


def _usual_rank(found: re.Match[str]) -> Piece:
    return _piece(
        found,
        "rank by bars.close.pct_change(126)",
        assumed=f"“{found.group()}” names no length: it is the return of the last 126 trading days, six months.",
    )


def _inverse(found: re.Match[str]) -> Piece:
    spans = [(found[f"n{place}"], found[f"unit{place}"]) for place in (1, 2) if found[f"n{place}"]]
    if len(spans) > 1:
        return _piece(found, asks=f"“{found.group()}” names two lengths of the volatility. Which is it?")
    if spans:
        ((count, unit),) = spans
        days = number(count) * DAYS[unit.lower()]
        if not 2 <= days <= _LONGEST:
            return _piece(
                found,
                asks=f"“{found.group()}”: a volatility is of at least 2 days, and of {_LONGEST} at most. Of how many?",
            )
        return _piece(found, f"weights inverse volatility bars.close.pct_change().rolling({days}).std()")
    return _piece(
        found,
        "weights inverse volatility bars.close.pct_change().rolling(63).std()",
        assumed=f"“{found.group()}” names no length: the volatility is that of the last 63 trading days, three months.",
    )


def _fixed(found: re.Match[str]) -> Piece:
    pairs = [
        (float(part), symbol)
        for part, symbol in re.findall(rf"(\d+(?:\.\d+)?)\s*%\s*(?:in |of )?({SYMBOL})", found.group())
    ]
    said, symbols = found.group().strip(" ,"), [symbol for _, symbol in pairs]
    twice = sorted({each for each in symbols if symbols.count(each) > 1})
    together = sum(part for part, _ in pairs)
    if re.search(r"[-–−]\s*\d", said):
        return _piece(
            found,
            asks=f"“{said}”: a part below 0 would be short, which a portfolio cannot be. Which parts should they be?",
        )
    if twice:
        return _piece(
            found, asks=f"“{said}” names {', '.join(twice)} more than once. Which part of each symbol should be held?"
        )
    if together > 100 + 1e-6:
        return _piece(
            found,
            asks=f"“{said}” is {together:g} % together, and there is no more than 100 %. Which parts should they be?",
        )
    if none := [symbol for part, symbol in pairs if part == 0]:
        return _piece(
            found,
            asks=f"“{said}” holds nothing of {', '.join(none)}. Which part of it should be held, or should it be left out?",
        )
    if small := [f"{part:g} % {symbol}" for part, symbol in pairs if part < 0.01]:
        return _piece(found, asks=f"“{said}”: {', '.join(small)} is too little to hold. Which parts should they be?")
    parts = ", ".join(f"{symbol} {part / 100:g}" for part, symbol in pairs)
    return _piece(found, f"universe {', '.join(symbols)}", f"weights {parts}")


def _universe(found: re.Match[str]) -> Piece:
    return _piece(found, f"universe {', '.join(dict.fromkeys(re.findall(SYMBOL, found['list'])))}")


def _positive(found: re.Match[str]) -> Piece:
    return _of_length(found, "only where bars.close.pct_change(N) > 0")


def _left_positive(found: re.Match[str]) -> Piece:
    """Those of one sign are left, so only those of the other are held."""
    sign = "<" if found["side"].lower() == "positive" else ">"
    return _of_length(found, f"only where bars.close.pct_change(N) {sign} 0")


def _above(found: re.Match[str]) -> Piece:
    sign = "<" if found["side"].lower() == "below" else ">"
    return _of_length(found, f"only where bars.close {sign} bars.close.rolling(N).mean()", 2)


def _left_above(found: re.Match[str]) -> Piece:
    """Those on one side are left, so only those on the other are held."""
    sign = "<" if found["side"].lower() == "above" else ">"
    return _of_length(found, f"only where bars.close {sign} bars.close.rolling(N).mean()", 2)


def _all(found: re.Match[str]) -> Piece:
    return _piece(found, "take all")


def _market(found: re.Match[str]) -> Piece:
    stays = found["side"].lower() == "above"
    # Cash when it is below, cash unless it is above, only when it is above: one and the same.
    if found["turn"].lower().endswith(("cash when", "cash if", "cash while")):
        stays = not stays
    sign = ">" if stays else "<"
    days = span(found)
    if not 2 <= days <= _LONGEST:
        return _piece(
            found,
            asks=f"“{found.group().strip()}”: an average is of at least 2 days, and of {_LONGEST} at most. Of how many?",
        )
    return _piece(found, f"only when {found['symbol']}: bars.close {sign} bars.close.rolling({days}).mean()")


_AVERAGE = rf"(?:its|their|the)\s+{_N}[- ]{UNIT}(?:\s+(?:simple|moving))*\s+(?:average|mean|sma)"
KIND = r"(?:etfs?|funds?|stocks?|symbols|assets|ones?)"
RETURN = r"(?:total\s+|price\s+)?(?:returns?|momentum|performance|price change|gains?)"
# Where none is left, all is cash anyway.
_ELSE_CASH = r"(?:,? (?:otherwise|else) (?:hold |go to |stay in )?cash)?"
# What is left, of which only the others are held: “keep out those”, “rotate out of the ones”; and “keep those … out”.
_THOSE = rf"(?:(?:all|any) )?(?:of )?(?:those|the ones|any|all|(?:the )?{KIND})?,?\s*"
_LEFT = rf"(?:(?:and|but|then|always) )*\b{_OUT_VERBS} (?:out|away) (?:(?:of|from) )?{_THOSE}"
_KEPT = rf"(?:(?:and|but|then|always) )*\b(?:keep|leave)(?:s|ing)? {_THOSE}"
_SIGNED = rf"(?:that (?:have|had)|which (?:have|had)|with) (?:an? )?(?P<side>positive|negative) {_N}[- ]{UNIT} {RETURN}"
_SIDED = rf"(?:(?:that|which) (?:are|is|trade|fall|close) |trading |falling )?(?P<side>above|below) {_AVERAGE}"
# “The 2 best out of SPY, QQQ”: this one turns nothing round.
_OUT_OF = rf"(?: out(?= of (?:the )?(?-i:{SYMBOL})\b))?"
_AWAY = r"(?: out(?: of (?:the portfolio|it))?\b)"
FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], Piece | None]], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE if insensitive else 0), read)
    for pattern, insensitive, read in (
        # Conditions first: their words are those of others too.
        (rf"(?P<turn>(?:otherwise )?(?:go to |stay in |hold |move to )?(?:all )?(?i:cash (?:when|if|while|unless))|(?i:but )?(?i:only (?:when|while|if)))\s+(?P<symbol>{SYMBOL})\s+(?i:is|closes|trades)\s+(?P<side>(?i:above|below))\s+(?i:{_AVERAGE})(?i:,?\s*(?:otherwise|else)\s+(?:hold |go to )?cash)?", False, _market),
        (rf"{_LEFT}{_SIGNED}{_AWAY}?", True, _left_positive),
        (rf"{_KEPT}{_SIGNED}{_AWAY}", True, _left_positive),
        (rf"{_LEFT}{_SIDED}{_AWAY}?", True, _left_above),
        (rf"{_KEPT}{_SIDED}{_AWAY}", True, _left_above),
        (rf"(?:(?:but |and )?only )?(?:those |the ones )?(?:that (?:have|had)|which have|with|of which) (?:a )?positive {_N}[- ]{UNIT} {RETURN}{_ELSE_CASH}", True, _positive),
        (rf"(?:(?:but |and )?only )?(?:(?:those|the ones) |(?:that|which) (?:are|trade) |trading ){{1,2}}(?P<side>above|below) {_AVERAGE}{_ELSE_CASH}", True, _above),
        (rf"(?:(?<![\w.,])(?:[-–−]\s?)?\d+(?:\.\d+)?\s*%\s*(?:in |of )?{SYMBOL}(?:\s*,?\s*(?:and\s+)?)?){{2,}}", False, _fixed),
        (rf"(?:weight\w*\s+)?(?:by |with |in )?(?:the )?inverse(?:ly)?[- ](?:(?:to|of) )?(?:(?:the|their) )?(?:(?:of )?(?:their )?(?P<n1>\d{{1,3}}|{'|'.join(NUMBER)})[- ](?P<unit1>day|week|month|quarter|year)s? )?volatility(?: weights| weighting| weighted)?(?:,? (?:(?:measured|computed|calculated|taken) )?(?:of|over|in|from|for) the (?:last|past|previous|trailing) (?P<n2>\d{{1,3}}|{'|'.join(NUMBER)}) (?P<unit2>day|week|month|quarter|year)s?)?", True, _inverse),
        (rf"\b(?:the )?(?P<count>\d{{1,2}}|{'|'.join(NUMBER)}) (?:{KIND} )?(?:with|that (?:have|had)) the (?:highest|best|strongest|lowest|weakest|worst) {_N}[- ]{UNIT} {RETURN}", True, _taken_and_ranked),
        (rf"(?:ranked |measured |sorted )?(?:by|on|with) (?:the |their )?(?:highest |best |strongest )?{_N}[- ]{UNIT} {RETURN}", True, _rank),
        (rf"(?:ranked |measured |sorted )?(?:by|on) (?:the |their )?(?:highest |best )?{RETURN} (?:of|over) the (?:last|past) {_N} {UNIT}", True, _rank),
        (rf"over the (?:last|past) {_N} {UNIT}", True, _rank_over),
        (rf"(?:ranked )?by (?:the |their )?(?:{RETURN})", True, _usual_rank),
        (r"(?:with |in |at )?(?:equal(?:ly)?[- ]weight(?:ed|s)?|weighted equally|equal parts|equal weights?)", True, lambda found: _piece(found, "weights equal")),
        (r"(?:once (?:a|every|each)|(?:at the (?:beginning|start) of )(?:a|the|every|each)|every|each) (?P<period>day|week|month|quarter|year)\b", True, _schedule),
        (r"\b(?P<period>daily|weekly|monthly|quarterly|yearly)\b", True, _schedule),
        (rf"\b(?:hold |buy |own )?all (?:of (?:them|these)|\d{{1,2}}|{'|'.join(NUMBER)}|symbols)?\b", True, _all),
        (rf"\b(?:the )?{_N} (?:{_BEST}|{_WORST})(?: {KIND})?\b{_OUT_OF}", True, _take),
        (rf"\b(?:the )?(?:{_BEST}|{_WORST}) {_N}(?: {KIND})?\b{_OUT_OF}", True, _take),
        (rf"\b(?:the )(?:{_BEST}|{_WORST})(?: {KIND})?\b{_OUT_OF}", True, _take_one),
        (rf"(?:\b(?:of|from among|from|among|between|in)\s+)?(?P<list>{LIST})", False, _universe),
    )
)  # fmt: skip
