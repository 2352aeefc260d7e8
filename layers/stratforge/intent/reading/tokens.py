"""The closed vocabulary of the strict reading, and how a turn is divided into its words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stratforge.intent.rules import DAYS


@dataclass(frozen=True, slots=True)
class Token:
    """A word, number or sign of a turn: what it is, what it stands for, and its place."""

    kind: str
    value: str | float
    start: int
    end: int


# Words by what they are. Each has one meaning; a word with two is left out.
_WORDS: dict[str, tuple[str, ...]] = {
    "buy": ("buy", "buys", "buying", "buys", "acquire", "open a long", "take a position", "get in", "go long", "goes long", "enter long", "enter a long position", "open a long position", "purchase", "enter"),
    "all_in": ("go all in on", "all in on", "go all in"),
    "sell": ("sell", "sells", "get out of", "unload", "offload", "cash out", "bail out", "close the long", "sell it again", "exit", "exits", "get out", "gets out", "go flat", "close the position", "close my position", "close the trade", "close it", "liquidate", "dump", "dumps"),
    "when": ("when", "whenever", "if", "once", "as soon as", "every time", "each time", "any time"),
    "and": ("and", "&", "and also", "while", "and if", "and when"),
    "or": ("or", "or if", "or when"),
    "not": ("not", "isn't", "is not", "don't", "do not", "never", "no", "avoid", "without"),
    "unless": ("unless",),
    "either": ("either",),
    "both": ("both",),
    "except": ("except", "but not", "but never"),
    "only": ("only", "but only", "and only"),
    "is": ("is", "are", "has been", "stays", "remains"),
    "it_is": ("it's", "it is"),
    "i_am": ("i'm", "i am"),
    "it": ("it",),
    "its": ("its",),
    "below": ("below", "under", "beneath", "underneath", "less than", "lower than", "smaller than", "<"),
    "above": ("above", "over", "greater than", "higher than", "more than", "bigger than", "exceeds", "surpasses", ">"),
    "at_most": ("at most", "no more than", "not more than", "at or below", "<=", "≤", "no higher than"),
    "at_least": ("at least", "no less than", "not less than", "at or above", ">=", "≥", "no lower than"),
    "or_less": ("or less", "or below", "or lower", "or under"),
    "or_more": ("or more", "or above", "or higher", "or over", "or greater"),
    "fall": ("falls", "drops", "dips", "sinks", "slips", "falling", "dropping", "fell"),
    "rise": ("rises", "climbs", "jumps", "rising", "climbing", "rose"),
    "move": ("goes", "gets", "moves", "going", "moving"),
    "trade": ("trades", "closes"),
    "break": ("breaks",),
    "cross": ("crosses", "crossing", "crossed", "cross"),
    "back": ("back",),
    "return": ("comes back", "goes back", "gets back", "moves back", "recovers", "returns", "climbs back", "falls back", "drops back", "rises back"),
    "upwards": ("upwards", "upward", "from below", "up through", "from below to above", "to the upside"),
    "downwards": ("downwards", "downward", "from above", "down through", "from above to below", "to the downside"),
    "turns": ("turns",),
    "positive": ("positive",),
    "negative": ("negative",),
    "between": ("between",),
    "after": ("after", "past"),
    "before": ("before", "prior to"),
    "until": ("until", "till", "to", "and until"),
    "at": ("at",),
    "by": ("by",),
    "on": ("on",),
    "of": ("of",),
    "for": ("for",),
    "from": ("from",),
    "with": ("with", "use", "using", "invest", "put", "set"),
    "times": ("times",),
    "twice": ("twice", "double"),
    "in_a_row": ("in a row", "consecutive", "consecutively", "straight"),
    "unit": ("bar", "bars", "minute", "minutes", "min", "mins", "candle", "candles", "period", "periods"),
    "hours": ("hour", "hours"),
    "green": ("green", "up"),
    "red": ("red", "down"),
    "stop": ("stop loss", "stop-loss", "stoploss", "sl", "stop"),
    "target": ("take profit", "take-profit", "tp", "profit target", "target", "take profits"),
    "trail": ("trailing stop", "trailing stop loss", "trailing stop-loss"),
    "profit": ("profit", "gain", "in profit"),
    "loss": ("loss",),
    "equity": ("of equity", "of my equity", "of the equity", "of my account", "of the account", "of my portfolio", "of the portfolio", "of my capital"),
    "half": ("half",),
    "rest": ("the rest", "the remainder", "rest", "remainder"),
    "position": ("the position", "my position", "everything", "it all", "all of it", "all", "the trade", "the stock", "the shares", "all shares", "shares", "stock", "the whole position", "position"),
    "max": ("max", "maximum", "at most", "no more than", "limit to", "up to"),
    "trades": ("trades", "trade", "entries", "purchases", "entry", "times"),
    "per_day": ("per day", "a day", "each day", "every day"),
    "once_a_day": ("once a day", "once per day", "one trade a day", "one trade per day", "one buy per day", "one entry per day"),
    "hold": ("hold", "hold it", "keep it", "stay in"),
    "wait": ("wait", "pause"),
    "after_a_sale": ("after a sale", "after each sale", "after every sale", "after selling", "after each exit", "after an exit", "before buying again", "before the next buy", "before the next purchase", "before the next entry", "between trades"),
    "held": ("holding for", "holding it for", "holding"),
    "average": ("average", "moving average", "mean", "ma"),
    "high": ("high", "highest high"),
    "low": ("low", "lowest low"),
    "yesterday": ("yesterday's", "previous day's", "the previous day's", "yesterdays"),
    "band": ("bollinger band", "band", "bollinger"),
    "upper": ("upper",),
    "lower": ("lower",),
    "middle": ("middle", "mid"),
    "signal": ("signal line", "signal"),
    "histogram": ("histogram",),
    "volume": ("volume",),
    "last": ("last", "previous", "prior", "past"),
    "opposite": ("the opposite", "vice versa", "the reverse", "reverse"),
    "then": ("then",),
    # What says nothing: politeness, articles, what a sentence needs. No word that restricts, denies or counts.
    "": (
        "the", "a", "an", "please", "i", "we", "you", "want to", "would like to", "i'd like to", "i want to", "i want you to", "can you", "could you", "let's",
        "strategy that", "a strategy that", "write a strategy that", "make a strategy that", "build a strategy that", "create a strategy that", "a bot that", "hi", "hello", "hey", "thanks", "thank you",
        "value", "indicator", "reading", "line", "my", "whichever comes first",
    ),
}  # fmt: skip
_COLUMNS = {
    "price": "close", "the price": "close", "close": "close", "closing price": "close", "the close": "close", "my equity": "account_equity", "my account's equity": "account_equity", "my cash": "account_cash", "my account": "account_equity", "the account": "account_equity", "my account's cash": "account_cash", "bar's open": "open", "bar's high": "high", "bar's low": "low",
}  # fmt: skip
_HLC, _HLCV = "bars.high, bars.low, bars.close", "bars.high, bars.low, bars.close, bars.volume"
# Indicators of one line: how they are called, and how a rule has them.
INDICATORS = {
    "rsi": ("ta.rsi(bars.close, length={0})", 14.0),
    "mfi": (f"ta.mfi({_HLCV}, length={{0}})", 14.0),
    "cci": (f"ta.cci({_HLC}, length={{0}})", None),
    "willr": (f"ta.willr({_HLC}, length={{0}})", 14.0),
    "adx": (f"ta.adx({_HLC}, length={{0}}).adx", 14.0),
    "roc": ("ta.roc(bars.close, length={0})", None),
    "sma": ("ta.sma(bars.close, length={0})", None),
    "ema": ("ta.ema(bars.close, length={0})", None),
    "wma": ("ta.wma(bars.close, length={0})", None),
    "hma": ("ta.hma(bars.close, length={0})", None),
    "vwap": (f"ta.vwap({_HLCV})", 0.0),
}
_CALLED = {
    "rsi": ("rsi", "relative strength index"), "mfi": ("mfi", "money flow index"), "cci": ("cci",), "willr": ("williams %r", "williams r", "willr", "williams"), "adx": ("adx",),
    "roc": ("roc",), "sma": ("sma", "simple moving average", "smas"), "ema": ("ema", "exponential moving average", "emas"), "wma": ("wma",), "hma": ("hma",), "vwap": ("vwap",),
    "macd": ("macd", "macd line"),
}  # fmt: skip
_NUMBERS = {word: float(number) for number, word in enumerate(("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"))} | {"fifteen": 15.0, "twenty": 20.0, "thirty": 30.0, "seventy": 70.0}  # fmt: skip
COMPANIES = {
    "apple": "AAPL", "tesla": "TSLA", "microsoft": "MSFT", "nvidia": "NVDA", "amazon": "AMZN", "google": "GOOGL", "alphabet": "GOOGL", "meta": "META", "facebook": "META", "netflix": "NFLX",
    "amd": "AMD", "intel": "INTC", "ibm": "IBM", "bitcoin": "BTC/USD", "ethereum": "ETH/USD",
}  # fmt: skip

_PHRASES: dict[str, tuple[str, str | float]] = {}
for _kind, _said in _WORDS.items():
    for _phrase in _said:
        _PHRASES.setdefault(_phrase, (_kind, _phrase))
_PHRASES |= {phrase: ("column", column) for phrase, column in _COLUMNS.items()}
_PHRASES |= {phrase: ("indicator", name) for name, said in _CALLED.items() for phrase in said}
for _day, _name in enumerate(each.lower() for each in DAYS):
    _PHRASES |= dict.fromkeys((_name, f"{_name}s", _name[:3]), ("day", float(_day)))
_PHRASES |= {word: ("number", value) for word, value in _NUMBERS.items()}
_PHRASES |= {"noon": ("time", 720.0), "midday": ("time", 720.0)}
_PHRASE = re.compile(
    "|".join(
        (rf"(?<!\w){re.escape(each)}(?!\w)" if each[0].isalpha() else re.escape(each)).replace(r"\ ", r"\s+")
        for each in sorted(_PHRASES, key=len, reverse=True)
    ),
    re.IGNORECASE,
)
_ET = r"(?:\s*(?:ET|EST|EDT|New York(?: time)?|exchange time)\b)?"
_TIME = re.compile(rf"(\d{{1,2}})(?:[:h](\d\d))?\s*(a\.?m\b\.?|p\.?m\b\.?)?{_ET}(?![\w:])", re.IGNORECASE)
_NUMBER = r"\d+(?:,\d{3})*(?:\.\d+)?"
_AMOUNTS = (
    ("percent", re.compile(rf"([-−]?{_NUMBER})\s*(?:%|percent\b|per cent\b)(?!\s*[a-z]\b)", re.IGNORECASE)),
    ("dollars", re.compile(rf"\$\s?({_NUMBER})(?![\w%])|({_NUMBER})\s*(?:dollars?|usd|bucks)\b", re.IGNORECASE)),
    ("shares", re.compile(rf"({_NUMBER})\s*(?:shares?|coins?)\b(?:\s+of\b)?", re.IGNORECASE)),
    ("multiple", re.compile(rf"({_NUMBER})\s?(?:x|×)(?!\w)", re.IGNORECASE)),
    ("number", re.compile(rf"([-−]?{_NUMBER})(?![\d.,]\d|\w)")),
)
_GLUED = re.compile(r"(rsi|mfi|cci|sma|ema|wma|hma|ma|adx)(\d{1,3})(?!\w)|(\d{1,3})(sma|ema|wma|hma|ma)(?!\w)", re.IGNORECASE)  # fmt: skip
_NAME = re.compile(r"\$?[A-Za-z]+(?:\.[A-Z]\b|/USD\b)?", re.IGNORECASE)
_OTHER = re.compile(r"[\w'%$/]+|.", re.DOTALL)
_SIGNS = {",": "comma", ";": "stop_sign", "\n": "stop_sign", "!": "stop_sign", "(": "open", ")": "close"}


def tokens_of(turn: str, symbol: str = "") -> list[Token]:
    """The words of a turn; what is in no vocabulary is of the kind `unknown`.

    Args:
        turn: The person's words.
        symbol: What the answer trades: its name is known, other names are not.
    """
    found = list[Token]()
    plain = turn.replace("’", "'")
    at = 0
    while at < len(plain):
        if plain[at] in ' \t\r"“”':
            at += 1
            continue
        token = _at(plain, at, symbol)
        if token.kind:
            found.append(token)
        at = token.end
    return found


def _at(text: str, at: int, symbol: str) -> Token:
    if match := _GLUED.match(text, at):
        name, length = (match[1], match[2]) if match[1] else (match[4], match[3])
        return Token("glued", f"{name.lower().replace('ma', 'sma') if len(name) == 2 else name.lower()} {length}", *match.span())  # fmt: skip
    if token := _amount(text, at):
        return token
    if match := _NAME.match(text, at):
        word = match[0].removeprefix("$")
        base = symbol.split("/", maxsplit=1)[0]
        known = COMPANIES.get(word.lower())
        if symbol and (
            word in (symbol, base)
            or (word.upper() in (symbol, base) and len(base) > 3)
            or (known is not None and known.split("/")[0] == base)
        ):
            return Token("symbol", symbol, *match.span())
    if match := _PHRASE.match(text, at):
        kind, value = _PHRASES[" ".join(match[0].lower().split())]
        return Token(kind, value, *match.span())
    if text[at] == "." and (at + 1 == len(text) or text[at + 1].isspace()):
        return Token("stop_sign", ".", at, at + 1)
    if text[at] in _SIGNS:
        return Token(_SIGNS[text[at]], text[at], at, at + 1)
    match = _OTHER.match(text, at)
    assert match is not None
    return Token("unknown", match[0], *match.span())


def _amount(text: str, at: int) -> Token | None:
    if text[at] in "-−–" and at and (text[at - 1].isalnum() or text[at - 1] in ")."):
        if re.match(r"[-−–](?:mon|tue|wed|thu|fri|sat|sun)", text[at : at + 4], re.IGNORECASE):
            return Token("until", "-", at, at + 1)
        # “20-bar”: it joins, and “10-15” is no sum.
        return Token("" if text[at + 1 : at + 2].isalpha() else "unknown", "-", at, at + 1)
    if not (text[at].isdigit() or text[at] in "-−+$"):
        return None
    match = _TIME.match(text, at)
    if match and (match[2] or match[3]):
        return _time(match)
    for kind, pattern in _AMOUNTS:
        if match := pattern.match(text, at):
            number = next(each for each in match.groups() if each is not None)
            return Token(kind, float(number.replace(",", "").replace("−", "-")), *match.span())
    return None


def _time(match: re.Match[str]) -> Token:
    """A time of day; one that may be of the morning or of the afternoon is not known."""
    hour, minute = int(match[1]), int(match[2] or 0)
    half = (match[3] or "").replace(".", "").lower()
    if (half and not 1 <= hour <= 12) or hour > 23 or minute > 59 or (not half and hour < 8):
        return Token("unknown", match[0], *match.span())
    if half:
        hour = hour % 12 + (12 if half == "pm" else 0)
    return Token("time", float(60 * hour + minute), *match.span())
