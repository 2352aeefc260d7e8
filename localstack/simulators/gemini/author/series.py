"""Phrases for whatever has a value at every bar: prices, averages, oscillators, bands, channels."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from simulators.gemini.author.averages import average_volume, moving_average, usual_volume, volume_over
from simulators.gemini.author.oscillators import HLC, macd_line, oscillator
from simulators.gemini.author.rules import Number, Operand, Series
from simulators.gemini.author.scanner import ARTICLES, BARS, UNIT, N, Scanner, bars_of, length_of

CLOSE = Series("close", "bar.close", "the close")
_PRICES = {
    "open": Series("open", "bar.open", "the bar's open"),
    "high": Series("high", "bar.high", "the bar's high"),
    "low": Series("low", "bar.low", "the bar's low"),
}
PREVIOUS_CLOSE = Series("close_before", "bar.previous.close", "the close of the bar before")
VOLUME = Series("volume", "bar.volume", "the volume")


def band(edge: str, length: float = 20, width: float = 2) -> Series:
    """Makes an upper, middle or lower Bollinger band."""
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
                f"ta.kc({HLC}, length={{0}}).{field}",
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
        rf"(?:highest|lowest|recent|previous|prior|rolling|new|last|past)? ?{N} ?{UNIT} (highs?|lows?|maximum|minimum|max|min)(?: price)?(?: of the price)?"
    )
    if match:
        return channel(words[match[3]], length_of(match[1], match[2], match[3]))
    match = scan.take(
        rf"(?:(highest) (high|price|close)|(lowest) (low|price|close)|(highs?|lows?|maximum|minimum)) (?:of|in|over|from|for|during) (?:the )?(?:last |past |previous |prior |preceding )*{N} ?{UNIT}?"
    )
    if match:
        kind = "high" if match[1] or (match[5] and match[5].startswith(("h", "max"))) else "low"
        price = match[2] or match[4] or ""
        return channel(kind, length_of(match[6], match[7], f"{kind}"), "close" if price == "close" else "")
    match = scan.take(r"(?:upper|lower) donchian(?: channel)?|donchian (?:upper|lower)")
    if match:
        return channel("high" if "upper" in match[0] else "low", 20)
    scan.at = at
    return None


# On the day on which it begins a strategy knows the day only where it begins with the open.
_BEGINS = (
    'day_begins = bar.time.weekday != state.get("today", -1 if bar.time.minutes_to_close == 390 else bar.time.weekday)'
)
# Of every bar the last line, after which that day has begun.
SEEN = 'state["today"] = bar.time.weekday'
_TODAY = {
    "open": ('if day_begins:\n    state["day_open"] = bar.open', 'state.get("day_open")', "the day's open"),
    "high": (
        'state["day_high"] = bar.high if day_begins else max(state.get("day_high"), bar.high)',
        'state.get("day_high")',
        "the day's high so far",
    ),
    "low": (
        'state["day_low"] = bar.low if day_begins else min(state.get("day_low"), bar.low)',
        'state.get("day_low")',
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
        return Series(f"day_{kind}", call, said, day=(_BEGINS, lines, SEEN))
    match = scan.take(
        r"(?:yesterday 's|previous day 's|prior day 's|last day 's) (close|closing price|high|low|open)|(?:previous|prior) (?:daily |day )(close|high|low|open)"
    )
    if match:
        kind = (match[1] or match[2]).replace("closing price", "close")
        kept = {
            "close": "bar.close",
            "open": 'bar.open if day_begins else state.get("running_open")',
            "high": 'bar.high if day_begins else max(state.get("running_high"), bar.high)',
            "low": 'bar.low if day_begins else min(state.get("running_low"), bar.low)',
        }[kind]
        keeping = (
            f'if day_begins:\n    state["yesterday_{kind}"] = state.get("running_{kind}")',
            f'state["running_{kind}"] = {kept}',
        )
        said = f"the day before's {kind}"
        return Series(
            f"yesterday_{kind}",
            f'state.get("yesterday_{kind}")',
            said,
            day=(_BEGINS, *keeping, SEEN),
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
    return change_over(bars_of(float(match[1] or match[3]), match[2] or match[4], "The change"))


def change_over(bars: float) -> Series:
    """Makes the change of the close over so many bars, in percent."""
    return Series(
        "change",
        "bars.close.pct_change({0}) * 100",
        "the change of the close in {0} bars in percent",
        (bars,),
        ("CHANGE_BARS",),
    )


_READERS: tuple[Callable[[Scanner], Series | None], ...] = (
    average_volume,
    _changed,
    macd_line,
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
            own := scan.take(rf"(?:its|the) (?:own )?{N} ?{UNIT}? (?:moving )?(?:average|avg|mean|ma|sma)(?: volume)?")
        ):
            return replace(volume_over(scan, own[1], own[2]), times=times)
        its = scan.take(r"(?:its|the) (?:average|usual|normal|mean)(?: volume)?|average|usual|normal")
        if its and left is VOLUME:
            tail = scan.take(rf"(?:of|over|for|in) (?:the )?(?:last|past|previous)? ?{N} ?{UNIT}?")
            return replace(volume_over(scan, tail[1], tail[2]) if tail else usual_volume(scan), times=times)
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
            rf"(?:its|the|an?) (?:(?:own )?{N} ?{UNIT}? (?:moving )?(?:average|avg|mean|ma|sma)|(?:average|usual|normal|mean)(?: (?:of|over|for) (?:the )?(?:last|past|previous)? ?{N} ?{UNIT}?)?)(?: volume)?|(?:average|usual|normal)(?: volume)?"
        )
        if match:
            counts = [(match[i], match[i + 1]) for i in (1, 3) if match[i]]
            return volume_over(scan, *counts[0]) if counts else usual_volume(scan)
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
