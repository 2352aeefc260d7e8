"""Phrases for moving averages of the price and of the volume."""

from __future__ import annotations

import re

from simulators.gemini.author.rules import Cross, Operand, Plan, Series, TimeOfDay, Turn, nodes, plain
from simulators.gemini.author.scanner import ARTICLES, UNIT, N, Scanner, Unexpressible, length_of

# The kind of an average of days begins so, before what it is.
OF_DAYS = "day_"
_KINDS = {
    **{kind + plural: kind for kind in ("ema", "sma") for plural in ("", "s")},
    **{kind: kind for kind in ("wma", "hma", "rma", "dema", "tema")},
    **{"exponential": "ema", "simple": "sma", "weighted": "wma", "linearly weighted": "wma", "hull": "hma"},
    **{"smoothed": "rma", "double exponential": "dema", "triple exponential": "tema"},
}
_KIND_WORD = r"(linearly weighted|double exponential|triple exponential|exponential|simple|weighted|hull|smoothed)"
_SHORT = r"(emas?|smas?|wma|hma|rma|dema|tema)"
_AVERAGE = r"(?:moving averages?|averages?|mas?|mean|mvg avg|avg|moving avg)"


def average(kind: str, length: float, of: str = "bars.close", what: str = "") -> Series:
    """A moving average of so many bars; of days of the exchange where its kind says so."""
    if kind.startswith(OF_DAYS):
        return Series(kind, f'ta.{kind.removeprefix(OF_DAYS)}(bars.resample("1d").close, length={{0}})', f"the {{0}}-day {kind.removeprefix(OF_DAYS).upper()}", (length,), (f"{kind.upper()}_LENGTH",))  # fmt: skip
    name = kind if of == "bars.close" else "volume_average"
    return Series(
        name,
        f"ta.{kind}({of}, length={{0}})",
        f"the {{0}}-bar {kind.upper()}{what}",
        (length,),
        (f"{name.upper()}_LENGTH",),
    )


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
        rf"{N} ?{UNIT}? ?(?:{_KIND_WORD} {_AVERAGE}|{_SHORT}(?: line| average)?|(?:rolling )?{_AVERAGE})(?: of (?:the )?(?:price|closes?|closing prices?))?(?: line)?"
    )
    if match:
        return _of_span(_KINDS.get(match[3] or match[4] or "", "sma"), match[1], match[2])
    match = scan.take(
        rf"(?:{_KIND_WORD} {_AVERAGE}|{_SHORT}(?: average)?|{_AVERAGE})(?: \( (?:{_SHORT} )?)?(?: ?(?:of|over|with|for|from|length|period|using))*(?: the)?(?: last| past| previous)? ?\(? ?{N} ?{UNIT}?(?: \))?(?: line)?"
    )
    if match:
        return _of_span(_KINDS.get(match[1] or match[2] or match[3] or "", "sma"), match[4], match[5])
    scan.at = at
    return None


def _of_span(kind: str, count: str, unit: str | None) -> Series:
    if re.fullmatch(r"days?", unit or "") and float(count).is_integer():
        return average(f"{OF_DAYS}{kind}", float(count))
    return average(kind, length_of(count, unit, "moving average"))


def looks_at_days(plan: Plan) -> list[Series]:
    """The averages of days that a plan compares."""
    series = (each for rule in plan.rules for each in nodes(rule.condition) if isinstance(each, Series))
    return list(filter(_is_of_days, series))


def _is_of_days(series: Operand) -> bool:
    return isinstance(series, Series) and series.name.startswith(OF_DAYS) and "resample" in series.call


def asked_of_days(plan: Plan) -> str | None:
    """The question about averages of days where no time of the day says that the rest is decided within it, as that may be a strategy on daily bars; and about how one moves."""
    of_days, every = looks_at_days(plan), [each for rule in plan.rules for each in nodes(rule.condition)]
    try:
        if of_days and not any(isinstance(each, TimeOfDay) for each in every):
            length_of(plain(of_days[0].parameters[0]), "day", "moving average")
    except Unexpressible as question:
        return str(question)
    moves = next((each for each in every if isinstance(each, Cross | Turn) and _is_of_days(each.left)), None)
    if moves is None:
        return None
    return f"“{moves.words}”: an average of days changes once a day. Should it be that it stands above or below something, or should all of it be decided on daily bars?"


def average_volume(scan: Scanner) -> Series | None:
    """Reads an average of the volume; None where there is none."""
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        rf"{N} ?{UNIT}? ?(?:moving )?(?:average|avg|mean|sma) (?:of )?(?:the )?(?:trading )?volume|{N} ?{UNIT}? volume (?:moving )?(?:average|avg|ma|sma)"
        rf"|(?:average|avg|mean|normal|usual|typical) (?:trading )?volume(?: (?:of|over|for|in) (?:the )?(?:last|past|previous)? ?{N} ?{UNIT}?)?|volume (?:moving )?(?:average|avg|ma)(?: ?(?:of|over|\() ?(?:the )?(?:last|past|previous)? ?{N} ?{UNIT}?(?: \))?)?"
    )
    if match is None:
        scan.at = at
        return None
    counts = [(match[i], match[i + 1]) for i in (1, 3, 5, 7) if match[i]]
    return volume_over(scan, *counts[0]) if counts else usual_volume(scan)


def volume_over(scan: Scanner, count: str, unit: str | None) -> Series:
    """The average of the volume over so many bars; named again without them, it is the same."""
    length = length_of(count, unit, "average volume")
    scan.known[f"volume {length:g}"] = (length,)
    return average("sma", length, "bars.volume", " of the volume")


def usual_volume(scan: Scanner) -> Series:
    """“Its average”, of the volume: the one that was named before, or the usual one."""
    named = [length for key, (length, *_) in scan.known.items() if key.startswith("volume ")]
    if len(named) > 1:
        raise Unexpressible("“average”: which of the averages of the volume is meant?")
    return average("sma", named[0] if named else 20, "bars.volume", " of the volume")
