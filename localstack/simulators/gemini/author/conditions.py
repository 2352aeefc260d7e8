"""The conditions of one clause: crosses, levels, breakouts, bands, moves, volume and candles."""

from __future__ import annotations

import re
from collections.abc import Callable

from simulators.gemini.author.book import Book, Condition, Side

_UP = r"(?:above|over|through|exceeds?|greater than|more than|higher than|>=?|reaches)"
_DOWN = r"(?:below|under|beneath|less than|lower than|<=?)"
_IS = r"(?:\s*(?:is|are|at|was|gets?|goes|falls?|drops?|rises?|climbs?|crosses|comes?|moves?|closes?|dips?|trades?|sinks?|back|well|stays?|the|level|line|of|to|price|has|been|turns?|it))*\s*"
_BAR = r"[- ]?(?:bars?|days?|minutes?|min|periods?|candles?|m)?"
_KINDS = {
    "exponential": "ema",
    "ema": "ema",
    "simple": "sma",
    "sma": "sma",
    "weighted": "wma",
    "wma": "wma",
    "hull": "hma",
    "hma": "hma",
}
_KIND = r"(exponential|ema|simple|sma|weighted|wma|hull|hma)?"
_AVERAGE = rf"(?:{_KIND}[ -]*(?:average)?[ ]*(?:of )?\(?(\d{{1,3}})\)?{_BAR}\s*{_KIND}\s*(?:average|line)?|{_KIND} ?(\d{{1,3}}))"
_NUMBER = r"(-?\d+(?:\.\d+)?)"
# name -> (words, call with the length, length, what it is called, level of oversold, of overbought)
_OSCILLATORS: dict[str, tuple[str, str, int, str, float, float]] = {
    "stochrsi": (
        r"stoch(?:astic)?[- ]?rsi",
        "ta.stochrsi(bars.close, length={n}, rsi_length={n}).k",
        14,
        "stochastic RSI (stochrsi)",
        20,
        80,
    ),
    "rsi": (r"rsi|relative strength(?: index)?", "ta.rsi(bars.close, length={n})", 14, "RSI", 30, 70),
    "stoch": (
        r"stoch\w*(?: oscillator)?(?: ?%k)?",
        "ta.stoch(bars.high, bars.low, bars.close, k={n}).k",
        14,
        "stochastic %K",
        20,
        80,
    ),
    "cci": (
        r"cci|commodity channel(?: index)?",
        "ta.cci(bars.high, bars.low, bars.close, length={n})",
        14,
        "CCI",
        -100,
        100,
    ),
    "mfi": (
        r"mfi|money flow(?: index)?",
        "ta.mfi(bars.high, bars.low, bars.close, bars.volume, length={n})",
        14,
        "MFI",
        20,
        80,
    ),
    "williams": (
        r"williams ?%?r?|willr",
        "ta.willr(bars.high, bars.low, bars.close, length={n})",
        14,
        "Williams %R",
        -80,
        -20,
    ),
    "adx": (r"adx", "ta.adx(bars.high, bars.low, bars.close, length={n}).adx", 14, "ADX", 20, 25),
    "roc": (r"roc|rate of change", "ta.roc(bars.close, length={n})", 10, "rate of change (ROC) in percent", -1, 1),
    "momentum": (r"momentum", "ta.mom(bars.close, length={n})", 10, "momentum", 0, 0),
}


Recognizer = Callable[[str, Book, Side], tuple[list[Condition], str]]


def conditions_in(clause: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    """The conditions of a clause, and what is left of it."""
    found: list[Condition] = []
    for recognize in (
        _macd,
        _crosses,
        _oscillators,
        _bands,
        _channels,
        _vwap,
        _moves,
        _volume,
        _candles,
        _trend,
        _averages,
        _levels,
    ):
        more, clause = recognize(clause, book, side)
        found += more
    return found, clause


def _without(text: str, match: re.Match[str]) -> str:
    return f"{text[: match.start()]} | {text[match.end() :]}"


def _macd(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    match = re.search(r"macd[^,;|]{0,60}", text)
    if match is None:
        return [], text
    down = bool(re.search(rf"\b{_DOWN}|negative|falls|bearish|turns down|dies", match[0]))
    over_zero = "zero" in match[0] or re.search(r"\b0\b", match[0])
    column = (
        book.column("macd", "ta.macd(bars.close, fast=12, slow=26, signal=9).macd")
        if over_zero and "histogram" not in match[0]
        else book.column("histogram", "ta.macd(bars.close, fast=12, slow=26, signal=9).histogram")
    )
    what = "the MACD (12, 26, 9) is {} zero" if column == "bar.macd" else "the MACD (12, 26, 9) is {} its signal line"
    below = Condition(f"{column} < 0", what.format("below"))
    above = Condition(f"{column} > 0", what.format("above"), reverse=below)
    if side == "entry" and "cross" in match[0] and not down:
        above = Condition(
            f"{column} > 0 and bar.previous.{column[4:]} <= 0",
            what.format("crossing above").replace("is ", "is ", 1),
            reverse=below,
        )
    end = re.search(r"\b(?:and|while|but|with|if|when)\b", match[0])
    cut = match.start() + (end.start() if end else len(match[0]))
    return [below if down else above], f"{text[: match.start()]} | {text[cut:]}"


def _length(match: re.Match[str], *groups: int) -> float | None:
    for group in groups:
        if match[group]:
            return float(match[group])
    return None


def _average_column(book: Book, name: str, kind: str, length: float) -> tuple[str, str]:
    constant = book.constant(name.upper(), length, f"bars of the {kind.upper()}")
    return book.column(name, f"ta.{kind}(bars.close, length={constant})"), f"the {length:g}-bar {kind.upper()} average"


def _cross_of(book: Book, kind: str, first: float, second: float, up: bool, strict: bool) -> Condition:
    """The first average above the second, or crossing it."""
    fast, slow = min(first, second), max(first, second)
    over = up == (first < second)
    fast_column, fast_said = _average_column(book, "fast", kind, fast)
    slow_column, slow_said = _average_column(book, "slow", kind, slow)
    sign, back, word, other = (">", "<=", "above", "below") if over else ("<", ">=", "below", "above")
    reverse = Condition(f"{fast_column} {'<' if over else '>'} {slow_column}", f"{fast_said} is {other} {slow_said}")
    if not strict:
        return Condition(f"{fast_column} {sign} {slow_column}", f"{fast_said} is {word} {slow_said}", reverse=reverse)
    before = f"bar.previous.{fast_column[4:]} {back} bar.previous.{slow_column[4:]}"
    return Condition(
        f"{fast_column} {sign} {slow_column} and {before}", f"{fast_said} crosses {word} {slow_said}", reverse=reverse
    )


def _crosses(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    if match := re.search(r"(golden|death|dead) cross", text):
        return [_cross_of(book, "sma", 50, 200, match[1] == "golden", side == "entry")], _without(text, match)
    pattern = rf"\b{_AVERAGE}\s*(?:is |are |closes? |(cross\w*|cuts?|goes|moves|rises|falls) ?)*(?:back )?({_UP}|{_DOWN}|up|down)\s*(?:the |its |a )?{_AVERAGE}\b"
    if match := re.search(pattern, text):
        kind = next(
            (_KINDS[each] for each in (match[1], match[3], match[4], match[8], match[10], match[11]) if each), "sma"
        )
        first, second = _length(match, 2, 5), _length(match, 9, 12)
        if first and second and first != second:
            up = bool(re.fullmatch(rf"{_UP}|up", match[7]))
            return [_cross_of(book, kind, first, second, up, side == "entry" and bool(match[6]))], _without(text, match)
    pair = re.search(
        rf"(\d{{1,3}})\s*(?:/|and|,|with|-|over)\s*(?:the )?(\d{{1,3}}){_BAR}\s*{_KIND}\s*(?:average|line)?s?\s*(?:cross\w*)?|{_KIND}\s*\(?(\d{{1,3}})\s*(?:/|and|,)\s*(\d{{1,3}})\)?",
        text,
    )
    crossing = re.search(r"cross|average|\bema|\bsma", text)
    if pair and crossing and not re.search(r"rsi|stoch|boll", text[: pair.start()][-12:]):
        kinds = re.search(r"\b(exponential|ema|weighted|wma|hull|hma)", text)
        first, second = _length(pair, 1, 5), _length(pair, 2, 6)
        if first and second and first != second:
            up = not re.search(rf"cross\w*\s+(?:back )?{_DOWN}|falls below", text)
            fast, slow = min(first, second), max(first, second)
            kind = _KINDS[kinds[1]] if kinds else "sma"
            return [_cross_of(book, kind, fast, slow, up, side == "entry" and "cross" in text)], _without(text, pair)
    if (
        side == "exit"
        and "fast" in book.columns
        and re.search(r"cross\w* (?:back|again|down|below|under)|opposite|reverse|crosses the other", text)
    ):
        return [Condition("bar.fast < bar.slow", "the faster average is below the slower one")], re.sub(
            r"cross\w*", "|", text
        )
    if (
        side == "entry"
        and not book.columns
        and re.search(r"averages? cross|cross\w* of (?:\w+ )?averages|crossover", text)
    ):
        book.assumptions.append("Lengths of the averages were not given: 10 and 30 bars are used.")
        return [
            _cross_of(book, "ema" if "ema" in text or "exponential" in text else "sma", 10, 30, True, True)
        ], re.sub(r"crossover|cross\w*", "|", text)
    return [], text


def _oscillators(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    found = []
    for name, (words, call, usual, called, low, high) in _OSCILLATORS.items():
        while match := re.search(
            rf"(?:(\d{{1,3}}){_BAR} )?\b(?:{words})\b\s*(?:\(?(\d{{1,3}})(?:[- ]?(?:bars?|periods?))?\)?(?=\s*(?:is|falls|drops|rises|crosses|goes|below|above|under|over|<|>|\)|climbs|dips|gets)))?{_IS}"
            rf"(?:between {_NUMBER} and {_NUMBER}|({_UP}|{_DOWN}){_IS}{_NUMBER}|(oversold)|(overbought)|(positive)|(negative))",
            text,
        ):
            length = float(match[1] or match[2] or book.constants.get(f"{name.upper()}_LENGTH", usual))
            key = (
                book.constant(f"{name.upper()}_LENGTH", length, f"bars of the {called}")
                if length != usual
                else f"{usual}"
            )
            column = book.column(name, call.format(n=key))
            said = f"the {length:g}-bar {called} is"
            if match[3]:
                a, b = float(match[3]), float(match[4])
                found.append(Condition(f"{column} > {a:g} and {column} < {b:g}", f"{said} between {a:g} and {b:g}"))
                text = _without(text, match)
                continue
            up = bool(match[5] and re.fullmatch(_UP, match[5])) or bool(match[8] or match[9])
            level = float(match[6]) if match[6] else low if match[7] else high if match[8] else 0.0
            crosses = side == "entry" and bool(re.search(r"cross|turns", match[0]))
            constant = book.constant(f"{name.upper()}_{'ABOVE' if up else 'BELOW'}", level, f"level of the {called}")
            sign, back, word = (">", "<=", "above") if up else ("<", ">=", "below")
            code = f"{column} {sign} {constant}"
            if crosses:
                code += f" and bar.previous.{column[4:]} {back} {constant}"
            found.append(
                Condition(code, f"{said} {'crossing ' if crosses else ''}{word} {level:g}", (column, sign, level))
            )
            # "and sell above 60" in another clause has no name of its own.
            book.last = name
            text = _without(text, match)
    if not found and side == "exit" and book.last:
        more, text = _same_oscillator(text, book)
        found += more
    return found, text


def _same_oscillator(text: str, book: Book) -> tuple[list[Condition], str]:
    """ "… and sell above 60": the oscillator that was named before."""
    name = book.last
    _words, _call, _usual, called, low, high = _OSCILLATORS[name]
    match = re.search(
        rf"^\W*(?:sells?|exits?|\w+ ?\w*)?[\s,]*(?:when |if |it |is |again |once |at )*(?:({_UP}|{_DOWN}) {_NUMBER}\b(?! ?%)(?! ?-?(?:bar|day|minute|ema|sma))|(oversold)|(overbought))",
        text,
    )
    if match is None:
        return [], text
    up = bool(match[1] and re.fullmatch(_UP, match[1])) or bool(match[4])
    level = float(match[2]) if match[2] else low if match[3] else high
    constant = book.constant(f"{name.upper()}_{'ABOVE' if up else 'BELOW'}", level, f"level of the {called}")
    sign, word = (">", "above") if up else ("<", "below")
    return [Condition(f"bar.{name} {sign} {constant}", f"the {called} is {word} {level:g}")], _without(text, match)


def _bands(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    match = re.search(
        r"(?:(?:touch\w*|reach\w*|hit\w*|below|under|above|over|closes?|falls?|rises?|breaks?|back|outside|at|to|the|its) )*(lower|upper|middle|mid)(?: bollinger)? (?:bollinger )?band|bollinger[^,;|]*",
        text,
    )
    if match is None or ("keltner" in text):
        return [], text
    deviation = re.search(rf"{_NUMBER} (?:standard )?dev|\((\d+), ?{_NUMBER}\)", text)
    length = re.search(r"\((\d{1,3})[,)]|(\d{1,3})[- ](?:bar|period|day|minute)", text)
    bars = int(next(each for each in length.groups() if each)) if length else 20
    std = float(next((each for each in (deviation[1], deviation[3]) if each), 2)) if deviation else 2.0
    band = match[1] or ("upper" if re.search(r"upper|top|above|break", text) else "lower")
    field = {"middle": "mid", "mid": "mid"}.get(band, band)
    column = book.column(
        "middle" if field == "mid" else field, f"ta.bbands(bars.close, length={bars}, std={std:g}).{field}"
    )
    said = f"the close is {{}} the {'middle' if field == 'mid' else field} Bollinger band ({bars}, {std:g})"
    up = field == "upper" or (field == "mid" and side == "exit") or bool(re.search(r"above|over", match[0]))
    if field == "lower" and side == "entry" and not re.search(r"back above|crosses above|closes above", text):
        up = False
    reverse = None
    if side == "entry":
        middle = book.column("middle", f"ta.bbands(bars.close, length={bars}, std={std:g}).mid")
        word = "below" if up and field == "upper" else "above"
        reverse = Condition(
            f"bar.close {'<' if word == 'below' else '>'} {middle}",
            f"the close is {word} the middle Bollinger band ({bars}, {std:g})",
        )
    code = f"bar.close {'>' if up else '<'} {column}"
    if field == "lower" and up:
        code += f" and bar.previous.close <= bar.previous.{column[4:]}"
    return [Condition(code, said.format("above" if up else "below"), reverse=reverse)], _without(text, match)


def _channels(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    found = []
    patterns = (
        (
            rf"(?:(?:makes?|sets?|hits?|reach\w*|at|on) )?(?:a )?(?:(?:break\w*|break ?out|closes?|rises?|goes|trades?|above|over|out|through|of|the|its|new|a|previous|prior|last|past) )*(\d{{1,3}}){_BAR} (?:rolling )?(high|low)s?\b",
            1,
            2,
        ),
        (
            rf"(highest|lowest)(?: (?:high|low|close|price|point))?(?: (?:of|in|over|for))?(?: the)?(?: last| past| previous)? (\d{{1,3}}){_BAR}",
            2,
            1,
        ),
        (rf"(high|low) (?:of|in|over)(?: the)?(?: last| past| previous) (\d{{1,3}}){_BAR}", 2, 1),
    )
    for pattern, number, word in patterns:
        for match in list(re.finditer(pattern, text)):
            before = text[max(0, match.start() - 30) : match.end()]
            percent = re.search(rf"{_NUMBER} ?% (?:below|under|from|off)", before)
            if percent:
                continue
            found.append(_channel(book, side, int(match[number]), match[word].startswith("high"), before))
            text = text.replace(match[0], " | ", 1)
    if not found and (
        named := re.search(
            r"donchian[^,;|]*|break(?:s|ing)?[ -]?outs?[^,;|]*|new highs?|breaks? (?:its|the|a) (?:recent|previous) (?:high|range)[^,;|]*",
            text,
        )
    ):
        length = re.search(r"(\d{1,3})[- ]?(?:bar|day|minute|period|candle)|\((\d{1,3})\)|channel of (\d{1,3})", text)
        bars = int(next(each for each in length.groups() if each)) if length else 20
        if length is None:
            book.assumptions.append("The length of the channel was not given: 20 bars are used.")
        low = bool(re.search(r"low|down|below", named[0]))
        found.append(_channel(book, side, bars, not low, named[0]))
        text = _without(text, named)
    return found, text


def _channel(book: Book, side: Side, bars: int, high: bool, words: str) -> Condition:
    name = book.constant("CHANNEL", bars, "bars of the channel")
    top = f"ta.donchian(bars.high, bars.low, lower_length={name}, upper_length={name}).upper.shift(1)"
    bottom = f"ta.donchian(bars.high, bars.low, lower_length={name}, upper_length={name}).lower.shift(1)"
    said = f"the close is {{}} the {{}} of the {bars:g} bars before"
    if (high and side == "exit" and re.search(r"below|falls", words) is None) or (high and side == "entry"):
        highest = book.column("highest", top)
        lowest = book.column("lowest", bottom) if side == "entry" else ""
        reverse = Condition(f"bar.close < {lowest}", said.format("below", "low")) if side == "entry" else None
        return Condition(f"bar.close > {highest}", said.format("above", "high"), reverse=reverse)
    lowest = book.column("lowest", bottom)
    return Condition(f"bar.close < {lowest}", said.format("below", "low"))


def _vwap(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    match = re.search(rf"(?:({_UP}|{_DOWN}) (?:the |its )?(?:day's )?)?vwap", text)
    if match is None:
        return [], text
    column = book.column("vwap", "ta.vwap(bars.high, bars.low, bars.close, bars.volume)")
    around = text[max(0, match.start() - 40) : match.end()]
    down = (
        bool(re.search(rf"\b{_DOWN}\b|dips?|pull", around))
        if side == "entry"
        else not re.search(rf"\b{_UP}\b|back to|returns to|reaches", around)
    )
    percent = re.search(rf"{_NUMBER} ?% {_DOWN}", around)
    distance, away = "", ""
    if percent and down:
        name = book.constant("DISTANCE", float(percent[1]) / 100, "distance from the VWAP as a fraction")
        distance, away = f" * (1 - {name})", f"{float(percent[1]):g} % "
    reverse = Condition(
        f"bar.close {'>' if down else '<'} {column}", f"the close is {'above' if down else 'below'} the day's VWAP"
    )
    return [
        Condition(
            f"bar.close {'<' if down else '>'} {column}{distance}",
            f"the close is {away}{'below' if down else 'above'} the day's VWAP",
            reverse=reverse,
        )
    ], _without(text, match)


def _moves(text: str, book: Book, _side: Side) -> tuple[list[Condition], str]:
    found = []
    if match := re.search(rf"{_NUMBER} ?% (?:below|under|off|from)[^,;|]{{0,30}}?(\d{{1,3}}){_BAR} high", text):
        part, bars = float(match[1]), int(match[2])
        length = book.constant("HIGH_BARS", bars, "bars of the high it falls from")
        dip = book.constant("DIP", part / 100, "fall from that high as a fraction")
        column = book.column("from_high", f"bars.close / bars.high.rolling({length}).max() - 1")
        found.append(Condition(f"{column} < -{dip}", f"the close is {part:g} % below its {bars}-bar high"))
        text = _without(text, match)
    pattern = rf"\b(drop|fall|dip|decline|los|down|ris|gain|climb|jump|up|rall)\w*(?: (?:by|more|than|at|least|over|is))* {_NUMBER} ?%(?: or more)?(?: (?:within|in|over|during|inside))?(?: the)?(?: last| past)? ?(?:(\d{{1,3}}) ?(?:bars?|minutes?|candles?)|(an? hour|half an hour))?"
    if match := re.search(pattern, text):
        part = float(match[2])
        bars = int(match[3]) if match[3] else {"half an hour": 30}.get(match[4] or "", 60 if match[4] else 1)
        if not match[3] and not match[4]:
            book.assumptions.append("How long the move may take was not said: one bar.")
        down = match[1] in ("drop", "fall", "dip", "decline", "los", "down")
        length = book.constant("MOVE_BARS", bars, "bars within which it must move")
        name = book.constant("MOVE", part / 100, "move of the close as a fraction")
        column = book.column("change", f"bars.close.pct_change({length})")
        found.append(
            Condition(
                f"{column} {'< -' if down else '> '}{name}",
                f"the close {'fell' if down else 'rose'} by {part:g} % within {bars} bars",
            )
        )
        text = _without(text, match)
    return found, text


def _volume(text: str, book: Book, _side: Side) -> tuple[list[Condition], str]:
    match = re.search(
        rf"volume[^,;|]{{0,30}}?(?:{_NUMBER} ?(?:times|x) |{_UP} )(?:the |its |of |than |average |normal |usual )*(?:(\d{{1,3}}){_BAR} )?(?:average|normal|usual)?|{_NUMBER} ?(?:times|x) (?:the |its )?(?:average|normal|usual) volume|(?:high|heavy|strong|rising) volume|volume (?:spike|surge|confirm)\w*",
        text,
    )
    if match is None:
        return [], text
    times = float(match[1] or match[3] or (1 if re.search(_UP, match[0]) else 2))
    bars = int(match[2] or 20)
    name = book.constant("VOLUME_TIMES", times, "times the usual volume")
    length = book.constant("VOLUME_BARS", bars, "bars of the usual volume")
    column = book.column("volume_average", f"bars.volume.rolling({length}).mean()")
    if not match[1] and not match[3] and not match[2]:
        book.assumptions.append(f"High volume means {times:g} times the {bars}-bar average.")
    return [
        Condition(f"bar.volume > {name} * {column}", f"the volume is more than {times:g} times its {bars}-bar average")
    ], _without(text, match)


def _candles(text: str, book: Book, _side: Side) -> tuple[list[Condition], str]:
    match = re.search(
        r"(\d) (?:consecutive |straight |successive )?(red|down|falling|lower|green|up|rising|higher|bullish|bearish)(?: \w+)?(?: in a row| consecutively)?",
        text,
    )
    if match is None or not re.search(r"bar|candle|close|row|consecutive|straight", text):
        return [], text
    down = match[2] in ("red", "down", "falling", "lower", "bearish")
    name = book.constant("IN_A_ROW", float(match[1]), "bars in a row")
    by_close = match[2] in ("lower", "higher")
    comparison = (
        ("bars.close < bars.close.shift(1)" if down else "bars.close > bars.close.shift(1)")
        if by_close
        else ("bars.close < bars.open" if down else "bars.close > bars.open")
    )
    column = book.column("row", f"np.where({comparison}, 1.0, 0.0).rolling({name}).sum()")
    word = {"red": "fell", "down": "fell", "falling": "fell", "bearish": "fell", "lower": "closed lower"}.get(
        match[2], "closed higher" if by_close else "rose"
    )
    return [Condition(f"{column} >= {name}", f"{match[1]} bars in a row {word}")], _without(text, match)


def _trend(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    found = []
    if match := re.search(r"super ?trend[^,;|]{0,30}", text):
        column = book.column(
            "supertrend", "ta.supertrend(bars.high, bars.low, bars.close, length=7, multiplier=3).direction"
        )
        down = bool(re.search(r"down|bear|red|negative|sell|below", match[0])) or side == "exit"
        reverse = Condition(f"{column} < 0", "the SuperTrend (supertrend 7, 3) points down")
        found.append(
            reverse
            if down
            else Condition(f"{column} > 0", "the SuperTrend (supertrend 7, 3) points up", reverse=reverse)
        )
        text = _without(text, match)
    if match := re.search(r"(?:parabolic )?p?sar\b[^,;|]{0,30}", text):
        long = book.column("psar", "ta.psar(bars.high, bars.low).long.notna()")
        down = side == "exit" or bool(re.search(r"above", match[0]))
        reverse = Condition(f"{long} == 0", "the parabolic SAR (psar) is above the price")
        found.append(
            reverse
            if down
            else Condition(f"{long} > 0", "the parabolic SAR (psar) is below the price", reverse=reverse)
        )
        text = _without(text, match)
    if match := re.search(r"keltner[^,;|]{0,40}", text):
        upper = bool(re.search(r"upper|top|above|break", text[: match.end()]))
        field = "upper" if upper else "lower"
        column = book.column(f"keltner_{field}", f"ta.kc(bars.high, bars.low, bars.close, length=20, scalar=2).{field}")
        middle = book.column("keltner_middle", "ta.kc(bars.high, bars.low, bars.close, length=20, scalar=2).basis")
        reverse = Condition(
            f"bar.close {'<' if upper else '>'} {middle}",
            f"the close is {'below' if upper else 'above'} the middle of the Keltner channel (kc 20, 2)",
        )
        found.append(
            Condition(
                f"bar.close {'>' if upper else '<'} {column}",
                f"the close is {'above' if upper else 'below'} the {field} Keltner channel (kc 20, 2)",
                reverse=reverse,
            )
        )
        text = _without(text, match)
    return found, text


def _averages(text: str, book: Book, side: Side) -> tuple[list[Condition], str]:
    """The close against an average."""
    found = []
    percent = rf"(?:{_NUMBER} ?% )?"
    while match := re.search(
        rf"{percent}\b(cross\w* )?(?:back )?({_UP}|{_DOWN})\s*(?:the |its |a |an )?{_AVERAGE}(?=\s|$|[,;|)])", text
    ):
        length = _length(match, 5, 8)
        around = text[max(0, match.start() - 10) : match.end()]
        if (
            length is None
            or not re.search(r"average|ema|sma|wma|hma|line", match[0])
            or re.search(r"rsi|adx", around[:10])
        ):
            break
        kind = next((_KINDS[each] for each in (match[4], match[6], match[7]) if each), "sma")
        column, said = _average_column(book, "average", kind, length)
        up = bool(re.fullmatch(_UP, match[3]))
        sign, back, word, other = (">", "<=", "above", "below") if up else ("<", ">=", "below", "above")
        bound, away = column, ""
        if match[1]:
            name = book.constant("DISTANCE", float(match[1]) / 100, "distance from the average as a fraction")
            bound, away = f"{column} * (1 {'+' if up else '-'} {name})", f"{float(match[1]):g} % "
        code = f"bar.close {sign} {bound}"
        if match[2] and side == "entry":
            code += f" and bar.previous.close {back} bar.previous.{column[4:]}"
        reverse = Condition(f"bar.close {'<' if up else '>'} {column}", f"the close is {other} {said}")
        found.append(
            Condition(code, f"the close is {away}{'crossing ' if match[2] else ''}{word} {said}", reverse=reverse)
        )
        text = _without(text, match)
    return found, text


def _levels(text: str, book: Book, _side: Side) -> tuple[list[Condition], str]:
    """The price against a fixed number."""
    match = re.search(
        rf"\b(?:price|close|trades|closes|stock|it)\b(?: is| falls| drops| rises| goes| trades| closes| crosses| gets)* ({_UP}|{_DOWN}) \$?{_NUMBER}\b(?! ?%)(?!{_BAR} ?(?:average|ema|sma|high|low))(?! ?(?:bar|minute))",
        text,
    )
    if match is None:
        return [], text
    up, level = bool(re.fullmatch(_UP, match[1])), float(match[2])
    name = book.constant("LEVEL", level, "price")
    sign, word = (">", "above") if up else ("<", "below")
    return [
        Condition(f"bar.close {sign} {name}", f"the close is {word} {level:g}", ("bar.close", sign, level))
    ], _without(text, match)
