"""Phrases for oscillators and the MACD, with their usual lengths and levels."""

from __future__ import annotations

from dataclasses import replace

from simulators.gemini.author.rules import Series
from simulators.gemini.author.scanner import ARTICLES, UNIT, N, Scanner, length_of

HLC = "bars.high, bars.low, bars.close"
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
        "ta.stoch(" + HLC + ", k={0}).d",
        14,
        "the {0}-bar stochastic %D",
        (20, 80),
    ),
    (
        r"(?:slow |fast )?stoch(?:astics?)?(?: oscillator)?(?: %? ?k| k line)?|% ?k(?: line)?",
        "stoch",
        "ta.stoch(" + HLC + ", k={0}).k",
        14,
        "the {0}-bar stochastic %K",
        (20, 80),
    ),
    (
        r"cci|commodity channel(?: index)?(?: \( cci \))?",
        "cci",
        "ta.cci(" + HLC + ", length={0})",
        14,
        "the {0}-bar CCI",
        (-100, 100),
    ),
    (
        r"mfi|money flow(?: index)?(?: \( mfi \))?",
        "mfi",
        "ta.mfi(" + HLC + ", bars.volume, length={0})",
        14,
        "the {0}-bar MFI (money flow index)",
        (20, 80),
    ),
    (
        r"williams(?: %)? ?(?:%r|r)?|willr|williams r",
        "willr",
        "ta.willr(" + HLC + ", length={0})",
        14,
        "the {0}-bar Williams %R (willr)",
        (-80, -20),
    ),
    (
        r"adx|average directional(?: movement)? index(?: \( adx \))?",
        "adx",
        "ta.adx(" + HLC + ", length={0}).adx",
        14,
        "the {0}-bar ADX",
        None,
    ),
    (
        r"\+ ?di|plus di|positive di|di \+|di plus",
        "plus_di",
        "ta.adx(" + HLC + ", length={0}).plus",
        14,
        "the {0}-bar +DI",
        None,
    ),
    (
        r"- ?di|-di|minus di|negative di|di -|di minus",
        "minus_di",
        "ta.adx(" + HLC + ", length={0}).minus",
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
        "ta.atr(" + HLC + ", length={0})",
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
        "ta.vwap(" + HLC + ", bars.volume)",
        None,
        "the VWAP of the day",
        None,
    ),
    (
        r"(?:parabolic )?(?:p ?)?sar|psar",
        "psar",
        "ta.psar(bars.high, bars.low, bars.close).sar",
        None,
        "the parabolic SAR (psar)",
        None,
    ),
)


def oscillator(scan: Scanner) -> Series | None:
    """Reads an oscillator such as “14-period RSI”; None where there is none."""
    at = scan.at
    scan.take(ARTICLES)
    before = scan.take(rf"{N} ?{UNIT}?")
    for words, name, call, usual, said, levels in _OSCILLATORS:
        if scan.take(words):
            length = usual
            if before and usual is not None:
                length = length_of(before[1], before[2], name.upper())
            elif before:
                break
            elif usual is not None:
                after = scan.take(
                    rf"\( {N} ?{UNIT}? ?\)|(?:with )?(?:a )?(?:length|period) (?:of )?{N}|(?:of|over|on) (?:the )?(?:last )?{N} {UNIT}|{N}(?= (?:is|falls?|drops?|rises?|crosses|goes|dips|below|above|under|over|<|>))"
                )
                if after:
                    count = next(after[i] for i in (1, 3, 4, 6) if after[i])
                    length = length_of(count, after[2] or after[5], name.upper())
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


def macd_line(scan: Scanner) -> Series | None:
    """Reads a part of the MACD; None where there is none."""
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
