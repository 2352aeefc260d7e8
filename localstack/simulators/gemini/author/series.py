"""Phrases for prices, averages, oscillators, bands and channels."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from simulators.gemini.author.rules import Number, Operand, Series
from simulators.gemini.author.scanner import ARTICLES, BARS, N, Scanner, Unexpressible, bars_of

CLOSE = Series("close", "bar.close", "the close")
_PRICES = {
    "open": Series("open", "bar.open", "the bar's open"),
    "high": Series("high", "bar.high", "the bar's high"),
    "low": Series("low", "bar.low", "the bar's low"),
}
PREVIOUS_CLOSE = Series("close_before", "bar.previous.close", "the close of the bar before")
VOLUME = Series("volume", "bar.volume", "the volume")
_KINDS = {
    "exponential": "ema",
    "ema": "ema",
    "emas": "ema",
    "simple": "sma",
    "sma": "sma",
    "smas": "sma",
    "weighted": "wma",
    "linearly weighted": "wma",
    "wma": "wma",
    "hull": "hma",
    "hma": "hma",
    "smoothed": "rma",
    "rma": "rma",
    "dema": "dema",
    "tema": "tema",
    "double exponential": "dema",
    "triple exponential": "tema",
}
_KIND_WORD = r"(linearly weighted|double exponential|triple exponential|exponential|simple|weighted|hull|smoothed)"
_SHORT = r"(emas?|smas?|wma|hma|rma|dema|tema)"
_AVERAGE = r"(?:moving averages?|averages?|mas?|mean|mvg avg|avg|moving avg)"
_UNIT = rf"({BARS}|hours?|h|hr|hourly|days?|d|daily|weeks?|weekly|w|months?)"
_FULL = {
    "sma": "SMA",
    "ema": "EMA",
    "wma": "WMA",
    "hma": "HMA",
    "rma": "RMA",
    "dema": "DEMA",
    "tema": "TEMA",
}
_HLC = "bars.high, bars.low, bars.close"
# Words, call with the length, usual length, what it is called, levels of oversold and overbought.
_OSCILLATORS: tuple[tuple[str, str, str, float | None, str, tuple[float, float] | None], ...] = (
    (
        r"stoch(?:astic)? rsi(?: %? ?k)?|stochrsi",
        "stochrsi",
        "ta.stochrsi(bars.close, length={0}, rsi_length={0}).k",
        14,
        "the {0}-bar stochastic RSI (stochrsi) %K",
        (20, 80),
    ),
    (
        r"rsi(?: indicator| value| reading)?|relative strength(?: index)?(?: \( rsi \))?",
        "rsi",
        "ta.rsi(bars.close, length={0})",
        14,
        "the {0}-bar RSI",
        (30, 70),
    ),
    (
        r"(?:slow |fast )?stoch(?:astics?)?(?: oscillator)?(?: %? ?d| d line)|% ?d(?: line)?",
        "stoch_d",
        "ta.stoch(" + _HLC + ", k={0}).d",
        14,
        "the {0}-bar stochastic %D",
        (20, 80),
    ),
    (
        r"(?:slow |fast )?stoch(?:astics?)?(?: oscillator)?(?: %? ?k| k line)?|% ?k(?: line)?",
        "stoch",
        "ta.stoch(" + _HLC + ", k={0}).k",
        14,
        "the {0}-bar stochastic %K",
        (20, 80),
    ),
    (
        r"cci|commodity channel(?: index)?(?: \( cci \))?",
        "cci",
        "ta.cci(" + _HLC + ", length={0})",
        14,
        "the {0}-bar CCI",
        (-100, 100),
    ),
    (
        r"mfi|money flow(?: index)?(?: \( mfi \))?",
        "mfi",
        "ta.mfi(" + _HLC + ", bars.volume, length={0})",
        14,
        "the {0}-bar MFI (money flow index)",
        (20, 80),
    ),
    (
        r"williams(?: %)? ?(?:%r|r)?|willr|williams r",
        "willr",
        "ta.willr(" + _HLC + ", length={0})",
        14,
        "the {0}-bar Williams %R (willr)",
        (-80, -20),
    ),
    (
        r"adx|average directional(?: movement)? index(?: \( adx \))?",
        "adx",
        "ta.adx(" + _HLC + ", length={0}).adx",
        14,
        "the {0}-bar ADX",
        None,
    ),
    (
        r"\+ ?di|plus di|positive di|di \+|di plus",
        "plus_di",
        "ta.adx(" + _HLC + ", length={0}).plus",
        14,
        "the {0}-bar +DI",
        None,
    ),
    (
        r"- ?di|-di|minus di|negative di|di -|di minus",
        "minus_di",
        "ta.adx(" + _HLC + ", length={0}).minus",
        14,
        "the {0}-bar -DI",
        None,
    ),
    (
        r"roc|rate of change(?: \( roc \))?",
        "roc",
        "ta.roc(bars.close, length={0})",
        10,
        "the {0}-bar rate of change (ROC) in percent",
        None,
    ),
    (r"momentum(?: indicator)?", "mom", "ta.mom(bars.close, length={0})", 10, "the {0}-bar momentum (mom)", None),
    (
        r"atr|average true range(?: \( atr \))?",
        "atr",
        "ta.atr(" + _HLC + ", length={0})",
        14,
        "the {0}-bar ATR (average true range)",
        None,
    ),
    (
        r"obv|on balance volume",
        "obv",
        "ta.obv(bars.close, bars.volume)",
        None,
        "the on-balance volume (OBV) of the day",
        None,
    ),
    (
        r"vwap|volume weighted (?:average )?price(?: \( vwap \))?|volume weighted average price",
        "vwap",
        "ta.vwap(" + _HLC + ", bars.volume)",
        None,
        "the VWAP of the day",
        None,
    ),
    (
        r"(?:parabolic )?(?:p ?)?sar|psar",
        "psar",
        "ta.psar(bars.high, bars.low, bars.close).psar",
        None,
        "the parabolic SAR (psar)",
        None,
    ),
)


def average(kind: str, length: float, of: str = "bars.close", what: str = "") -> Series:
    """A moving average of so many bars."""
    name = kind if of == "bars.close" else "volume_average"
    return Series(
        name,
        f"ta.{kind}({of}, length={{0}})",
        f"the {{0}}-bar {_FULL[kind]}{what}",
        (length,),
        (f"{name.upper()}_LENGTH",),
    )


def _length(count: str, unit: str | None, what: str) -> float:
    return bars_of(float(count), unit or "bars", f"“{count} {unit} {what}”")


def moving_average(scan: Scanner) -> Series | None:
    """`the 50-bar simple moving average`, `EMA(20)`, `20 EMA`, `its average over the last 20 bars`; once named, `the average`."""
    at = scan.at
    found = _new_average(scan)
    if found is not None:
        scan.known[f"average {found.name} {found.parameters[0]:g}"] = found.parameters
        return found
    scan.at = at
    match = scan.take(rf"(?:the|its|this|that) (?:{_KIND_WORD} {_AVERAGE}|{_SHORT}|{_AVERAGE})(?: line)?")
    if match is None:
        return None
    named = [each.split()[1:] for each in scan.known if each.startswith("average ")]
    kind = _KINDS.get(match[1] or match[2] or "")
    fitting = [each for each in named if kind in (None, each[0])]
    if len(fitting) != 1:
        scan.at = at
        if fitting:
            raise Unexpressible(f"“{match[0].strip()}”: which of the averages is meant?")
        return None
    return average(fitting[0][0], float(fitting[0][1]))


def _new_average(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        rf"{N} ?{_UNIT}? ?(?:{_KIND_WORD} {_AVERAGE}|{_SHORT}(?: line| average)?|(?:rolling )?{_AVERAGE})(?: of (?:the )?(?:price|closes?|closing prices?))?(?: line)?"
    )
    if match:
        kind = _KINDS.get(match[3] or match[4] or "", "sma")
        return average(kind, _length(match[1], match[2], "moving average"))
    match = scan.take(
        rf"(?:{_KIND_WORD} {_AVERAGE}|{_SHORT}(?: average)?|{_AVERAGE})(?: \( (?:{_SHORT} )?)?(?: ?(?:of|over|with|for|from|length|period|using))*(?: the)?(?: last| past| previous)? ?\(? ?{N} ?{_UNIT}?(?: \))?(?: line)?"
    )
    if match:
        kind = _KINDS.get(match[1] or match[2] or match[3] or "", "sma")
        return average(kind, _length(match[4], match[5], "moving average"))
    scan.at = at
    return None


def _average_volume(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        rf"{N} ?{_UNIT}? ?(?:moving )?(?:average|avg|mean|sma) (?:of )?(?:the )?(?:trading )?volume|{N} ?{_UNIT}? volume (?:moving )?(?:average|avg|ma|sma)"
        rf"|(?:average|avg|mean|normal|usual|typical) (?:trading )?volume(?: (?:of|over|for|in) (?:the )?(?:last|past|previous)? ?{N} ?{_UNIT}?)?|volume (?:moving )?(?:average|avg|ma)(?: ?(?:of|over|\() ?(?:the )?(?:last|past|previous)? ?{N} ?{_UNIT}?(?: \))?)?"
    )
    if match is None:
        scan.at = at
        return None
    counts = [(match[i], match[i + 1]) for i in (1, 3, 5, 7) if match[i]]
    length = _length(counts[0][0], counts[0][1], "average volume") if counts else 20
    return average("sma", length, "bars.volume", " of the volume")


def oscillator(scan: Scanner) -> Series | None:
    """Reads an oscillator such as “14-period RSI”; None where there is none."""
    at = scan.at
    scan.take(ARTICLES)
    before = scan.take(rf"{N} ?{_UNIT}?")
    for words, name, call, usual, said, levels in _OSCILLATORS:
        if scan.take(words):
            length = usual
            if before and usual is not None:
                length = _length(before[1], before[2], name.upper())
            elif before:
                break
            elif usual is not None:
                after = scan.take(
                    rf"\( {N} ?{_UNIT}? ?\)|(?:with )?(?:a )?(?:length|period) (?:of )?{N}|(?:of|over|on) (?:the )?(?:last )?{N} {_UNIT}|{N}(?= (?:is|falls?|drops?|rises?|crosses|goes|dips|below|above|under|over|<|>))"
                )
                if after:
                    count = next(after[i] for i in (1, 3, 4, 6) if after[i])
                    length = _length(count, after[2] or after[5], name.upper())
            if length is None:
                return Series(name, call, said, levels=levels)
            if before or length != usual:
                scan.known[name] = (length,)
            elif name in scan.known:
                length = scan.known[name][0]
            return Series(name, call, said, (length,), (f"{name.upper()}_LENGTH",), levels)
    scan.at = at
    return None


def macd(part: str = "histogram") -> Series:
    """A part of the MACD of 12, 26 and 9 bars."""
    said = {
        "macd": "the MACD line ({0}, {1}, {2})",
        "signal": "the MACD's signal line ({0}, {1}, {2})",
        "histogram": "the MACD histogram ({0}, {1}, {2})",
    }
    return Series(
        {"macd": "macd", "signal": "macd_signal", "histogram": "histogram"}[part],
        f"ta.macd(bars.close, fast={{0}}, slow={{1}}, signal={{2}}).{part}",
        said[part],
        (12, 26, 9),
        ("MACD_FAST", "MACD_SLOW", "MACD_SIGNAL"),
    )


_TRIPLE = rf"(?: \( {N} ?,? ?{N} ?,? ?{N} \)| {N} ?[/,] ?{N} ?[/,] ?{N})?"


def _macd(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    for words, part in (
        (rf"macd{_TRIPLE} histogram|histogram(?: of the macd)?{_TRIPLE}", "histogram"),
        (rf"macd{_TRIPLE} signal(?: line)?|signal(?: line)?(?: of the macd)?{_TRIPLE}", "signal"),
        (rf"macd{_TRIPLE}(?: line| indicator| value)?", "macd"),
    ):
        match = scan.take(words)
        if match:
            numbers = tuple(float(each) for each in match.groups() if each)
            if len(numbers) == 3:
                scan.known["macd"] = numbers
            return replace(macd(part), parameters=scan.known.get("macd", (12, 26, 9)))
    scan.at = at
    return None


def band(edge: str, length: float = 20, width: float = 2) -> Series:
    """Reads an upper, middle or lower Bollinger band; None where there is none."""
    field = {"lower": "lower", "upper": "upper"}.get(edge, "mid")
    called = {"lower": "lower", "upper": "upper"}.get(edge, "middle")
    return Series(
        f"{field}_band",
        f"ta.bbands(bars.close, length={{0}}, std={{1}}).{field}",
        f"the {called} Bollinger band ({{0}} bars, {{1}} standard deviations)",
        (length, width),
        ("BAND_LENGTH", "BAND_WIDTH"),
    )


def _band(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    settings = rf"(?: ?\( ?{N}(?: ?{BARS})? ?,? ?{N}?(?: (?:sd|std|standard deviations?|sigma))? ?\))?"
    match = scan.take(
        rf"(lower|bottom|upper|top|middle|mid|center|centre|central) (?:bollinger|bb|bollinger bands?)(?: bands?| lines?)?{settings}"
        rf"|(?:bollinger|bb)s?(?: bands?)?{settings} (lower|bottom|upper|top|middle|mid|center)(?: bands?)?"
        rf"|(lower|bottom|upper|top|middle|mid) (?:bands?|bb)(?: of the bollinger bands?)?{settings}"
        rf"|bollinger (lower|upper|middle|mid)(?: bands?)?{settings}"
    )
    if match is None and "band used" in scan.known and (one := scan.take(r"(lower|upper|middle) one")):
        return band(one[1], *scan.known.get("band", ()))
    if match is None:
        match = scan.take(
            r"(lower|upper|middle) keltner(?: channel)?(?: bands?)?|keltner(?: channel)? (lower|upper|middle)(?: bands?)?"
        )
        if match:
            edge = match[1] or match[2]
            field = {"lower": "lower", "upper": "upper"}.get(edge, "basis")
            return Series(
                f"keltner_{field}",
                f"ta.kc({_HLC}, length={{0}}).{field}",
                f"the {edge} Keltner channel (kc, {{0}} bars)",
                (20,),
                ("KELTNER_LENGTH",),
            )
        scan.at = at
        return None
    edge = next(each for each in match.groups() if each and re.fullmatch(r"[a-z]+", each))
    numbers = [float(each) for each in match.groups() if each and not re.fullmatch(r"[a-z]+", each)]
    edge = {"bottom": "lower", "top": "upper"}.get(edge, edge)
    scan.known["band used"] = ()
    if numbers:
        scan.known["band"] = tuple(numbers[:2])
    return band(edge, *scan.known.get("band", ()))


def channel(kind: str, length: float, price: str = "") -> Series:
    """The highest high, or the lowest low, of the bars before this one."""
    column, word = ("max", "highest") if kind == "high" else ("min", "lowest")
    of = price or kind
    return Series(
        f"{word}_{of}",
        f"bars.{of}.rolling({{0}}).{column}().shift(1)",
        f"the {word} {of} of the {{0}} bars before (the {{0}}-bar {kind})",
        (length,),
        (f"{word.upper()}_LENGTH",),
    )


def _channel(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    words = {
        "highs": "high",
        "high": "high",
        "maximum": "high",
        "max": "high",
        "lows": "low",
        "low": "low",
        "minimum": "low",
        "min": "low",
    }
    match = scan.take(
        rf"(?:highest|lowest|recent|previous|prior|rolling|new|last|past)? ?{N} ?{_UNIT} (highs?|lows?|maximum|minimum|max|min)(?: price)?(?: of the price)?"
    )
    if match:
        return channel(words[match[3]], _length(match[1], match[2], match[3]))
    match = scan.take(
        rf"(?:(highest) (high|price|close)|(lowest) (low|price|close)|(highs?|lows?|maximum|minimum)) (?:of|in|over|from|for|during) (?:the )?(?:last |past |previous |prior |preceding )*{N} ?{_UNIT}?"
    )
    if match:
        kind = "high" if match[1] or (match[5] and match[5].startswith(("h", "max"))) else "low"
        price = match[2] or match[4] or ""
        return channel(kind, _length(match[6], match[7], f"{kind}"), "close" if price == "close" else "")
    match = scan.take(r"(?:upper|lower) donchian(?: channel)?|donchian (?:upper|lower)")
    if match:
        return channel("high" if "upper" in match[0] else "low", 20)
    scan.at = at
    return None


_DAY = 'weekday = bar.time.weekday\nnew_day = weekday != state.get("day", -1)'
_TODAY = {
    "open": ('if new_day:\n    state["day_open"] = bar.open', 'state.get("day_open", bar.open)', "the day's open"),
    "high": (
        'state["day_high"] = bar.high if new_day else max(state.get("day_high", bar.high), bar.high)',
        'state["day_high"]',
        "the day's high so far",
    ),
    "low": (
        'state["day_low"] = bar.low if new_day else min(state.get("day_low", bar.low), bar.low)',
        'state["day_low"]',
        "the day's low so far",
    ),
}


def _of_the_day(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        r"(?:today 's |day 's |daily |session |session 's |intraday )?(opening price|market open|open)(?: of the (?:day|session)| price)?"
        r"|(?:today 's |day 's |daily |session 's |intraday )(open|high|low)(?: so far)?|(high|low) of (?:the )?day(?: so far)?|hod|lod"
    )
    if match:
        word = match[1] or match[2] or match[3] or {"hod": "high", "lod": "low"}[match[0].strip()]
        kind = "open" if "open" in word else word
        lines, call, said = _TODAY[kind]
        return Series(f"day_{kind}", call, said, day=(*_DAY.split("\n"), lines, 'state["day"] = weekday'))
    match = scan.take(
        r"(?:yesterday 's|previous day 's|prior day 's|last day 's) (close|closing price|high|low|open)|(?:previous|prior) (?:daily |day )(close|high|low|open)"
    )
    if match:
        kind = (match[1] or match[2]).replace("closing price", "close")
        kept = {
            "close": "bar.close",
            "open": 'bar.open if new_day else state.get("running_open", bar.open)',
            "high": 'bar.high if new_day else max(state.get("running_high", bar.high), bar.high)',
            "low": 'bar.low if new_day else min(state.get("running_low", bar.low), bar.low)',
        }[kind]
        keeping = (
            f'if new_day:\n    state["yesterday_{kind}"] = state.get("running_{kind}", bar.open)',
            f'state["running_{kind}"] = {kept}',
        )
        said = f"the day before's {kind} (on a session's first day, which has none, the first open)"
        return Series(
            f"yesterday_{kind}",
            f'state["yesterday_{kind}"]',
            said,
            day=(*_DAY.split("\n"), *keeping, 'state["day"] = weekday'),
        )
    scan.at = at
    return None


def _price(scan: Scanner) -> Series | None:
    at = scan.at
    scan.take(ARTICLES)
    if scan.take(r"(?:trading )?volume(?: of the bar)?"):
        return VOLUME
    match = scan.take(r"(?:bar 's |candle 's )?(high|low)(?: of the (?:bar|candle))?(?! of)")
    if match:
        return _PRICES[match[1]]
    if scan.take(
        r"(?:closing |stock |share |market |asset |coin |last |current |latest )*(?:prices?|closes?|closing|quote)(?: of @\S+)?|it|they|@\S+(?: 's)?(?: (?:stock|share|shares))?(?: (?:price|closing price|close))?|(?:stock|share|shares|market|coin|asset|candle|bar|security|ticker)(?: 's)?(?: (?:price|close|closing price))?"
    ):
        return CLOSE
    scan.at = at
    return None


def _changed(scan: Scanner) -> Series | None:
    """“The 5-minute change”, “the change over 10 bars”."""
    match = scan.take(
        rf"(?:the )?{N} ?({BARS}|hours?) (?:price )?(?:change|return|move)|(?:the )?(?:price )?(?:change|return) (?:over|in|of) (?:the )?(?:last |past )?{N} ({BARS}|hours?)"
    )
    if match is None:
        return None
    bars = bars_of(float(match[1] or match[3]), match[2] or match[4], "The change")
    return Series(
        "change",
        "bars.close.pct_change({0}) * 100",
        "the change of the close over {0} bars in percent",
        (bars,),
        ("CHANGE_BARS",),
    )


_READERS: tuple[Callable[[Scanner], Series | None], ...] = (
    _average_volume,
    _changed,
    _macd,
    _band,
    _channel,
    moving_average,
    oscillator,
    _of_the_day,
    _price,
)


def series(scan: Scanner) -> Series | None:
    """A series, if a phrase for one comes next."""
    for read in _READERS:
        at = scan.at
        found = read(scan)
        if found is not None:
            return found
        scan.at = at
    return None


def operand(scan: Scanner, left: Series | None = None) -> Operand | None:
    """Reads the second side of a comparison: a level, or another series, perhaps so many times it or so much above or below it."""
    at = scan.at
    match = scan.take(
        rf"{N} ?%(?: (?:or more|or less))? (above|over|higher than|below|under|beneath|lower than|less than|more than|greater than) "
    )
    if match is None:
        match = scan.take(
            rf"{N} ?% (above|over|higher than|below|under|beneath|lower than|less than|more than|greater than)"
        )
    if match:
        found = series(scan)
        if found is not None:
            up = match[2] in ("above", "over", "higher than", "more than", "greater than")
            return replace(found, times=1 + (1 if up else -1) * float(match[1]) / 100)
        scan.at = at
    match = scan.take(rf"(?:{N} ?(?:x|times)|(twice|double)|(half|half of)|(triple|three times)|{N} ?% of)")
    if match:
        times = (
            float(match[1])
            if match[1]
            else 2.0
            if match[2]
            else 0.5
            if match[3]
            else 3.0
            if match[4]
            else float(match[5]) / 100
        )
        if left is VOLUME and (
            own := scan.take(rf"(?:its|the) (?:own )?{N} ?{_UNIT}? (?:moving )?(?:average|avg|mean|ma|sma)(?: volume)?")
        ):
            return replace(
                average("sma", _length(own[1], own[2], "average volume"), "bars.volume", " of the volume"), times=times
            )
        its = scan.take(r"(?:its|the) (?:average|usual|normal|mean)(?: volume)?|average|usual|normal")
        if its and left is VOLUME:
            tail = scan.take(rf"(?:of|over|for|in) (?:the )?(?:last|past|previous)? ?{N} ?{_UNIT}?")
            length = _length(tail[1], tail[2], "average volume") if tail else 20
            return replace(average("sma", length, "bars.volume", " of the volume"), times=times)
        if its:
            scan.at = at
            return None
        found = series(scan)
        if found is not None:
            return replace(found, times=times)
        scan.at = at
    if (
        left is not None
        and left.name == "close"
        and scan.take(
            r"(?:the |its )?(?:previous|prior|last|preceding) (?:bar 's |candle 's )?(close|bar|candle|price)"
        )
    ):
        return PREVIOUS_CLOSE
    if left is VOLUME:
        match = scan.take(
            rf"(?:its|the|an?) (?:(?:own )?{N} ?{_UNIT}? (?:moving )?(?:average|avg|mean|ma|sma)|(?:average|usual|normal|mean)(?: (?:of|over|for) (?:the )?(?:last|past|previous)? ?{N} ?{_UNIT}?)?)(?: volume)?|(?:average|usual|normal)(?: volume)?"
        )
        if match:
            counts = [(match[i], match[i + 1]) for i in (1, 3) if match[i]]
            return average(
                "sma", _length(*counts[0], "average volume") if counts else 20, "bars.volume", " of the volume"
            )
    found = series(scan)
    if found is not None:
        return found
    scan.take(r"(?:the )?(?:level|value|number|line|threshold|mark)(?: of)?")
    if (
        left is not None
        and left.name in ("macd", "histogram", "roc", "mom", "cci", "macd_signal")
        and scan.take(r"(?:the )?zero(?: line)?")
    ):
        return Number(0)
    match = scan.take(rf"\$ ?{N}(?: ?(k|thousand|million))?|{N}(?: (k|thousand|million))? ?(?:dollars|usd|bucks)")
    if match:
        value = float(match[1] or match[3]) * {"k": 1e3, "thousand": 1e3, "million": 1e6}.get(
            match[2] or match[4] or "", 1
        )
        return Number(value, "$")
    if left is not None and left.name == "change":
        match = scan.take(rf"{N} ?%")
        return Number(float(match[1]), "%") if match else None
    match = scan.take(rf"{N}(?: (k|thousand|million))?(?: (?:line|level|mark))?(?! ?%)")
    if match:
        return Number(float(match[1]) * {"k": 1e3, "thousand": 1e3, "million": 1e6}.get(match[2] or "", 1))
    scan.at = at
    return None
