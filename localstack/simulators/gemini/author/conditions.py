"""Phrases for conditions: levels, crosses, moves, streaks, states of indicators, times, and what joins them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Literal

from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Cross,
    Either,
    Held,
    Lasting,
    Not,
    Number,
    Operand,
    Result,
    Series,
    TimeOfDay,
    Trail,
    Turn,
    Weekdays,
    contrary,
)
from simulators.gemini.author.scanner import ARTICLES, BARS, THE, N, Scanner, Unexpressible, bars_of
from simulators.gemini.author.series import CLOSE, VOLUME, average, channel, macd, operand, series

_IS = r"(?:is|are|was|gets?|has|have|been|being|stays?|remains?|sits?|trades?|trading|moves?|goes|go|going|comes?|come|closes?|closing|closed|falls?|falling|drops?|dropping|dips?|dipping|sinks?|declines?|pulls back|rises?|rising|climbs?|climbing|pushes|pops|returns?|recovers?|gone|fallen|risen|dropped|reads?|hits?|currently|already|still|then|also|now|back|well|to|at|again|even|significantly|significant|first|finally|must|should|needs? to|has to|have to|be)"
_UP = r"(?:above|over|greater than|more than|higher than|bigger than|larger than|exceeds?|exceeding|>|up above|up over|up through|on top of|north of)"
_DOWN = r"(?:below|under|beneath|underneath|less than|lower than|smaller than|<|down below|down under|south of)"
_AT_LEAST = r"(?:at least|at or above|>=|or more|no less than|not less than|greater than or equal to)"
_AT_MOST = r"(?:at most|at or below|<=|no more than|not more than|less than or equal to)"
_CROSS = r"(?:crosses|cross|crossing|crossed|crossover|breaks|break|breaking|broke|breaks out|break out|breaking out|punches|pierces|cuts|cut)"
_SPAN = rf"(?:in|within|over|during|inside)(?: of)?(?: the)?(?: last| past| previous)* ?(?:{N} ?({BARS}|hours?|hrs?|h|days?|weeks?)|(an?|one|half an) (hour|minute|day|week))"
_FALLS = r"(?:falls?|fell|fallen|drops?|dropped|declines?|declined|dips?|dipped|is down|are down|goes down|went down|down|loses?|lost|slides?|plunges?|crashes|tanks|sinks?|decreases?|sells off|pulls back)"
_RISES = r"(?:rises?|rose|risen|gains?|gained|is up|are up|goes up|went up|up|climbs?|climbed|jumps?|jumped|rallies|rallied|increases?|surges?|spikes?|soars?|moves up)"


@dataclass(slots=True)
class Memory:
    """The subjects that were spoken of last, for “it crosses back” and “above 70”."""

    left: Series | None = None
    right: Operand | None = None
    pair: tuple[Series, Operand] | None = None
    position: bool = False
    notes: list[str] = field(default_factory=list)
    bought_below: bool | None = None


def condition(scan: Scanner, memory: Memory, *, joined: bool = True) -> Condition | None:
    """A condition with all that is joined to it.

    Raises:
        Unexpressible: if it is understood and the language cannot say it, or if its `and` and `or` can be read in two ways.
    """
    either = scan.take(r"either(?: when| if)?|(?:any|one) of(?: the following| these)?:?")
    scan.take(r"both|all of(?: the following| these)?:?")
    first = _negated(scan, memory)
    if first is None:
        return None
    parts, words = [first], list[str]()
    while joined:
        at = scan.at
        # A comma before the next one is read with the word that joins it.
        match = scan.take(
            r",? ?(?:and (?:also|only if|if|when|while|at the same time|simultaneously)|as well as|and|while|but (?:in (?:both|either|all|any|each) cases? )?only (?:if|when|while)|but|when|if|after|once|as long as|provid(?:ed|ing)(?: that)?|assuming(?: that)?|only if|only when|given(?: that)?|where|with)|,? ?(or if|or when|or once|or)|,? ?(unless|except(?: when| if| on)?)|,"
        )
        if match is None:
            timed = time_condition(scan, memory)
            if timed is None:
                scan.at = at
                break
            scan.take("only")
            words.append("and")
            parts.append(timed)
            continue
        scan.take(r"(?:only )?(?:if|when|while|the|that)(?= )") if not match[2] else None
        try:
            following = _negated(scan, memory)
        except Unexpressible:
            scan.at = at
            raise
        if following is None:
            scan.at = at
            break
        if match[2]:
            following = _none_of(scan, memory, following)
        anew = match[1] is not None and match[1] != "or"
        words.append("or when" if anew else "or" if match[1] else "," if match[0].strip() == "," else "and")
        parts.append(following)
    if {"or when", "and"} <= set(words) and not either:
        return _alternatives(parts, words)
    words = ["or" if each == "or when" else each for each in words]
    joins = {each for each in words if each != ","}
    if len(joins) == 2 and not either:
        said = " … ".join(each.words for each in parts)
        raise Unexpressible(
            f"“and” and “or” stand together here ({said}), and it can be read in two ways. Please say it in two sentences, or with “either … or …”."
        )
    if not words:
        return first
    if either and len(joins) == 2:
        # "either a or b, and c": the alternatives come first.
        last = len(words) - 1 - words[::-1].index("or")
        return Both((Either(tuple(parts[: last + 2])), *parts[last + 2 :]))
    return Either(tuple(parts)) if "or" in joins else Both(tuple(parts))


def _none_of(scan: Scanner, memory: Memory, first: Condition) -> Condition:
    """“Unless a or b”: neither of them."""
    parts = [first]
    while True:
        at = scan.at
        following = _negated(scan, memory) if scan.take(r"or(?: if| when)?") else None
        if following is None:
            scan.at = at
            break
        parts.append(following)
    denied = tuple(contrary(each) if isinstance(each, Compare) else Not(each) for each in parts)
    return denied[0] if len(denied) == 1 else Both(denied)


def _alternatives(parts: list[Condition], words: list[str]) -> Condition:
    """“When a and b, or when c”: each “or when” begins anew. What is joined to the last one may be meant for all."""
    groups: list[tuple[list[Condition], list[str]]] = [([parts[0]], [])]
    for word, part in zip(words, parts[1:], strict=True):
        if word == "or when":
            groups.append(([part], []))
        else:
            groups[-1][0].append(part)
            groups[-1][1].append(word)
    if groups[-1][1] or any({"and", "or"} <= set(joins) for _, joins in groups):
        raise Unexpressible(
            "“and” and “or” stand together here, and it can be read in two ways. Please say it in two sentences."
        )
    made = (
        of_it[0] if len(of_it) == 1 else Either(tuple(of_it)) if "or" in joins else Both(tuple(of_it))
        for of_it, joins in groups
    )
    return Either(tuple(made))


def _negated(scan: Scanner, memory: Memory) -> Condition | None:
    at = scan.at
    if scan.take(r"\("):
        found = condition(scan, memory)
        if found is not None and scan.take(r"\)"):
            return found
        scan.at = at
        return None
    if scan.take(r"(?:it is )?not (?:the case )?(?:that|when|if)"):
        found = _lasting(scan, memory)
        if found is not None:
            return contrary(found) if isinstance(found, Compare) else Not(found)
        scan.at = at
    return _lasting(scan, memory)


def _lasting(scan: Scanner, memory: Memory) -> Condition | None:
    found = _simple(scan, memory)
    if found is None:
        return None
    at = scan.at
    match = scan.take(
        rf"for (?:at least )?(?:the )?(?:last |past )?{N} (?:consecutive |straight |successive )?({BARS}|hours?|closes|times)(?: in a row| straight| running)?|{N} ({BARS}|times|closes) (?:in a row|straight|running)"
    )
    if match and isinstance(found, Compare | Turn):
        count = float(match[1] or match[3])
        return Lasting(found, count * 60 if (match[2] or "").startswith("h") else count)
    scan.at = at
    return found


def _simple(scan: Scanner, memory: Memory) -> Condition | None:
    for read in (
        time_condition,
        _first_close,
        _position,
        _streak,
        _pair_crossing,
        _macd_words,
        _band_words,
        _breakout,
        _move,
        _comparison,
        _named_cross,
        _anaphora,
    ):
        at = scan.at
        found = read(scan, memory)
        if found is not None:
            return found
        scan.at = at
    return None


# Times ---------------------------------------------------------------------------------------------------------


_CLOCK = r"(\d{1,2})(?: : (\d\d))? ?(am|pm|o'clock)?(?: (?:new york(?: time)?|eastern(?: time)?|et|est|edt|ny time|market time|exchange time))?"
_ZONE = r"(?:utc|gmt|london|cet|pst|pt|pacific|central|ct|berlin|german|tokyo|paris|local|my time|bst|ist|hong kong)(?: time)?"


# Hours from a zone to New York, but for the few weeks in which only one of them has changed its clocks.
_ZONES = {
    "london": -5,
    "bst": -5,
    "gmt": -5,
    "berlin": -6,
    "german": -6,
    "paris": -6,
    "cet": -6,
    "pst": 3,
    "pt": 3,
    "pacific": 3,
    "central": 1,
    "ct": 1,
}


def _hours_to_new_york(scan: Scanner) -> int | None:
    at = scan.at
    match = scan.take(r"(london|bst|berlin|german|paris|cet|pst|pt|pacific|central|ct)(?: time)?")
    if match is None:
        scan.at = at
        return None
    scan.known[f"zone {match[1]}"] = (float(_ZONES[match[1]]),)
    return _ZONES[match[1]]


def minute_of_day(scan: Scanner) -> int | None:
    """A time of the day, in minutes after midnight in New York.

    Raises:
        Unexpressible: for times of another zone.
    """
    at = scan.at
    if scan.take(r"(?:the |the market |market )(?:open|opening)(?: bell)?"):
        return 570
    if scan.take(r"(?:the |the market |market )(?:close|closing bell)|the end of the (?:trading )?day"):
        return 960
    match = scan.take(_CLOCK)
    if match is None or (match[2] is None and match[3] is None):
        scan.at = at
        return None
    hour, minute, shift = int(match[1]), int(match[2] or 0), None
    if scan.sees(_ZONE) and (shift := _hours_to_new_york(scan)) is not None:
        hour += shift
    elif scan.sees(_ZONE):
        zone = scan.take(_ZONE)
        raise Unexpressible(
            f"Times of a strategy are New York times, and “{match[0].strip()} {zone[0].strip() if zone else ''}” is another zone's. What is it in New York time?"
        )
    if match[3] in ("am", "pm") and not shift:
        hour = hour % 12 + (12 if match[3] == "pm" else 0)
    elif match[3] in ("am", "pm"):
        hour = (int(match[1]) % 12 + (12 if match[3] == "pm" else 0)) + (shift or 0)
    elif shift is None and hour < 8 and match[2] is not None:
        # Half past three is in the afternoon: the market is closed at night.
        hour += 12
    if hour > 23 or minute > 59:
        scan.at = at
        return None
    return hour * 60 + minute


def _span(match: re.Match[str], first: int) -> float:
    if match[first]:
        return float(match[first]) * (60 if (match[first + 1] or "").startswith("h") else 1)
    return 30 if "half" in match[0] else 60


_EDGE = rf"(first|opening|last|final|closing) (?:{N} ?(minutes?|mins?|hours?|bars?)|(half hour|half an hour|hour))(?: of (?:the )?(?:trading )?(?:day|session|trading|market)| of trading| after the open| before the close)?"


def time_condition(scan: Scanner, memory: Memory) -> Condition | None:
    """Reads a condition on the time of day or the weekday; None where there is none."""
    at = scan.at
    scan.take(r"(?:it is|it 's|the time is|time is)")
    if scan.take(r"between|from"):
        start = _bare_minute(scan)
        if start is not None and scan.take(r"and|to|until|till|-"):
            end = minute_of_day(scan) or _bare_minute(scan)
            if end is not None:
                if start > end and start >= 720:
                    start -= 720
                return Both((TimeOfDay(start, until=False), TimeOfDay(end, until=True)))
        scan.at = at
        scan.take(r"(?:it is|it 's|the time is|time is)")
    lunch = scan.take(r"(?:during|over|in|at|outside(?: of)?) (?:the )?lunch(?: ?time| hours?| break)?")
    outside = "outside" in lunch[0] if lunch else scan.take(r"outside(?: of)?(?: the hours(?: of| from)?)?") is not None
    if lunch or outside:
        bracket = scan.take(r"\(")
        scan.take(r"between|from")
        start = _bare_minute(scan)
        end = _bare_minute(scan) if start is not None and scan.take(r"and|to|until|till|-") else None
        if end is not None and (not bracket or scan.take(r"\)")):
            assert start is not None
            if outside:
                return Either((TimeOfDay(start, until=True), TimeOfDay(end, until=False)))
            return Both((TimeOfDay(start, until=False), TimeOfDay(end, until=True)))
        scan.at = at
        return None
    match = scan.take(rf"(?:in|during|within) (?:the )?{_EDGE}")
    if match:
        span = _span(match, 2)
        return (
            TimeOfDay(round(570 + span), until=True)
            if match[1] in ("first", "opening")
            else TimeOfDay(round(960 - span), until=False)
        )
    match = scan.take(rf"after (?:the )?{_EDGE}")
    if match and match[1] in ("first", "opening"):
        return TimeOfDay(round(570 + _span(match, 2)), until=False)
    match = scan.take(rf"before (?:the )?{_EDGE}")
    if match and match[1] in ("last", "final", "closing"):
        return TimeOfDay(round(960 - _span(match, 2)), until=True)
    match = scan.take(
        rf"{N} (minutes?|mins?|hours?) (after the open|after (?:the )?market open\w*|before the close|before (?:the )?market close\w*|before the end of the day)"
    )
    if match:
        span = float(match[1]) * (60 if match[2].startswith("h") else 1)
        return TimeOfDay(round(570 + span if "after" in match[3] else 960 - span), until=False)
    if scan.take(r"(?:in|during) the morning"):
        return TimeOfDay(720, until=True)
    if scan.take(r"(?:in|during) the afternoon"):
        return TimeOfDay(720, until=False)
    for words, until in (
        (r"no earlier than|not (?:before|earlier than|until)", False),
        (r"before|until|till|no later than|earlier than|prior to", True),
        (r"(?:at or )?after|past|from|since|later than|starting (?:at|from)|beginning at", False),
    ):
        if scan.take(words):
            minute = minute_of_day(scan)
            if minute is not None and 0 < minute < 1440:
                scan.take("on|onwards?")
                return TimeOfDay(minute, until=until and not memory.position)
            scan.at = at
            scan.take(r"(?:it is|it 's|the time is|time is)")
    if scan.take(r"(?:exactly )?at(?: exactly)?"):
        minute = minute_of_day(scan)
        if minute is not None and memory.position:
            return TimeOfDay(minute, until=False)
        if minute is not None and 570 < minute < 960:
            return Both((TimeOfDay(minute, until=False), TimeOfDay(minute + 1, until=True)))
        scan.at = at
    days = weekdays(scan)
    if days:
        here = scan.at
        if scan.take("at|around"):
            minute = minute_of_day(scan)
            if minute is not None and 0 < minute < 1440:
                return Both((Weekdays(days), TimeOfDay(minute, until=False), TimeOfDay(minute + 1, until=True)))
        scan.at = here
        return Weekdays(days)
    scan.at = at
    return None


def _bare_minute(scan: Scanner) -> int | None:
    """A time that may be a bare hour, where “between” or “from” says that it is one."""
    found = minute_of_day(scan)
    if found is not None:
        return found
    at = scan.at
    match = scan.take(r"(\d{1,2})(?= (?:and|to|until|till|-|$))")
    if match and 1 <= int(match[1]) <= 23:
        hour = int(match[1])
        return (hour + 12 if hour < 8 else hour) * 60
    scan.at = at
    return None


_DAY_WORDS = r"(mondays?|tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|mon|tues?|wed|thurs?|thu|fri)"
_DAY_NUMBER = {"mon": 0, "tue": 1, "wed": 2, "thu": 3, "fri": 4, "sat": 5, "sun": 6}


def weekdays(scan: Scanner) -> tuple[int, ...]:
    """Days of the week; nothing when none comes next."""
    at = scan.at
    scan.take(r"(?:on |every |any |each )+")
    if scan.take(r"weekdays|working days"):
        return (0, 1, 2, 3, 4)
    if scan.take(r"weekends?"):
        return (5, 6)
    found: list[int] = []
    while match := scan.take(rf"(?:,? ?(?:and|or|,) )?(?:on )?{_DAY_WORDS}" if found else _DAY_WORDS):
        found.append(_DAY_NUMBER[match[1][:3]])
        through = scan.take(rf"(?:to|through|thru|until|-) {_DAY_WORDS}")
        if through:
            found += range(found[-1] + 1, _DAY_NUMBER[through[1][:3]] + 1)
    if not found:
        scan.at = at
    return tuple(sorted(set(found)))


# The position --------------------------------------------------------------------------------------------------


_MINE = r"(?:(?:the |my |our |this )?(?:position|trade|investment|holding|it|we|i|you|unrealized (?:profit|loss|return|gain|pnl)|profit|pnl)(?: has| have| is| are| 's| am)*)"


def _position(scan: Scanner, memory: Memory) -> Condition | None:
    if not memory.position:
        return None
    at = scan.at
    match = scan.take(
        rf"(?:{_MINE} )?(?:held|open|been held|been open|in the (?:trade|position))(?: for)?(?: at least| more than)? {N} ({BARS}|hours?|days?)"
    )
    if match is None:
        match = scan.take(
            rf"(?:after )?{N} ({BARS}|hours?|days?) (?:have passed|later|pass|after (?:entry|buying|the (?:buy|entry|purchase))|in the trade)"
        )
    if match is None:
        match = scan.take(rf"after {N} ({BARS}|hours?)(?= [.,;)]| or | and |$)")
    if match:
        return Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}"))
    for words, gain in (
        (
            rf"(?:{_MINE} )?(?:(?:gained|made|earned|risen|grown|recovers?|recovered|bounces?|up|in profit|gains?|profits?|wins?|rises?|a (?:gain|profit) of|profit reaches|profit exceeds|profit of)(?: by| of| more than| at least| over| >| >=)*)",
            True,
        ),
        (
            rf"(?:{_MINE} )?(?:(?:lost|down|fallen|dropped|loses?|losing|in loss|a loss of|loss reaches|loss exceeds|loss of|loss|falls?|drops?)(?: by| of| more than| at least| over| >| >=)*)",
            False,
        ),
    ):
        if scan.take(words):
            amount = amount_of(scan)
            if (
                amount
                and not scan.sees(r"(?:below|above|under|over|in|within|from) ")
                and not (amount[1] == "%" and scan.sees(_SPAN))
            ):
                scan.take(
                    r"(?:from|since|on|over|versus|above|below) (?:the |my )?(?:entry|purchase|buy|position|trade|cost|entry price|purchase price)(?: price)?|(?:profit|gain|loss)"
                )
                return Result(amount[0], amount[1], gain)
            scan.at = at
    amount = amount_of(scan)
    if amount:
        match = scan.take(
            r"(?:in )?(?:of )?(profit|gain|gains|up|above (?:the |my )?(?:entry|purchase|buy)(?: price)?|in profit|loss|losses|down|below (?:the |my )?(?:entry|purchase|buy)(?: price)?)"
        )
        if match:
            return Result(amount[0], amount[1], match[1].startswith(("profit", "gain", "up", "above", "in profit")))
    scan.at = at
    return None


def amount_of(scan: Scanner) -> tuple[float, Literal["%", "$", "ATR"]] | None:
    """Reads an amount with its unit: percent, dollars, or times the average true range; None where there is none."""
    at = scan.at
    match = scan.take(
        rf"(?:a |an |\+ ?)?(?:{N} ?(%|basis points?|bps?)|\$ ?{N}|{N} ?(dollars?|usd|cents?|bucks)|{N} ?(?:x |times )?(?:the )?(?:\d+ bar )?(atrs?)(?: \( 14 \))?)(?: (?:a|per) share)?"
    )
    if match is None:
        scan.at = at
        return None
    if match[1]:
        return float(match[1]) / (1 if match[2] == "%" else 100), "%"
    if match[3]:
        return float(match[3]), "$"
    if match[4]:
        return float(match[4]) / (100 if match[5].startswith("cent") else 1), "$"
    return float(match[6]), "ATR"


def _first_close(scan: Scanner, memory: Memory) -> Condition | None:
    """“The first close back above the lower band after being below it”: a cross."""
    if not scan.take(r"(?:the )?(?:first )?(?:close|bar|candle)(?: that| which)?(?: closes)? back"):
        return None
    found = _anaphora(scan, memory) or _comparison(scan, memory)
    if not isinstance(found, Compare):
        return None
    scan.take(
        r"after (?:being|having been|it was|it has been|closing|trading) (?:below|under|above|over|outside)(?: it| there| that)?"
    )
    return Cross(found.left, found.op in (">", ">="), found.right)


# Streaks, moves, crosses ---------------------------------------------------------------------------------------


_GREEN = Series(
    "up_bar", "np.where(bars.close > bars.open, 1.0, 0.0)", "the bar's rise (1 when it closes above its open)"
)
_RED = Series(
    "down_bar", "np.where(bars.close < bars.open, 1.0, 0.0)", "the bar's fall (1 when it closes below its open)"
)


def _streak_of(kind: str, count: float) -> Condition:
    code, said = {
        "green": ("bars.close > bars.open", "green bars (close above open)"),
        "red": ("bars.close < bars.open", "red bars (close below open)"),
        "up": ("bars.close > bars.close.shift(1)", "higher closes"),
        "down": ("bars.close < bars.close.shift(1)", "lower closes"),
    }[kind]
    series_of = Series(
        f"{kind}_bars",
        f"np.where({code}, 1.0, 0.0).rolling({{0}}).sum()",
        f"the number of {said} among the last {{0}}",
        (count,),
        (f"{kind.upper()}_BARS",),
    )
    return Compare(series_of, ">=", Number(count))


def _streak(scan: Scanner, _memory: Memory) -> Condition | None:
    match = scan.take(
        rf"(?:the )?(?:last|past|previous) {N} (?:{BARS}|closes) (?:were|are|was|have been|closed|close)(?: all)? (green|red|up|down|bullish|bearish|higher|lower)"
    )
    if match:
        kinds = {"bullish": "green", "bearish": "red", "higher": "up", "lower": "down", "up": "green", "down": "red"}
        return _streak_of(kinds.get(match[2], match[2]), float(match[1]))
    scan.take(r"(?:after|there (?:are|have been|were)|we see|we get|see)")
    match = scan.take(
        rf"(?:at least )?{N} (?:consecutive |straight |successive )*(green|red|up|down|bullish|bearish|white|black|rising|falling|higher|lower) ({BARS}|closes|bars)(?: (?:in a row|straight|running|back to back))?"
    )
    if match:
        word = match[2]
        kind = {
            "bullish": "green",
            "white": "green",
            "bearish": "red",
            "black": "red",
            "rising": "up",
            "higher": "up",
            "falling": "down",
            "lower": "down",
        }.get(word, word)
        if kind in ("up", "down") and word in ("up", "down") and match[3] not in ("closes",):
            kind = {"up": "green", "down": "red"}[kind]
        return _streak_of(kind, float(match[1]))
    match = scan.take(
        rf"(?:(?:the )?(?:price|it|stock|close|market|@\S+) )?(?:has )?(?:closes|closed|close|rises|risen|rose|falls|fallen|fell|drops|dropped|is|goes|gone)?(?: been)? ?(up|down|higher|lower|rising|falling|risen|fallen|rises|falls|drops|dropped|declined)? ?(?:for )?(?:at least )?{N} (?:consecutive |straight |successive )?({BARS}|times|closes)(?: (in a row|straight|running|in succession))?"
    )
    if (
        match
        and (match[1] or re.search(r"\b(rises|risen|rose|falls|fallen|fell|drops|dropped)\b", match[0]))
        and (match[4] or re.search(r"consecutive|straight|successive|for", match[0]))
    ):
        up = bool(re.search(r"\b(?:up|higher|rising|risen|rises|rose)\b", match[0]))
        return _streak_of("up" if up else "down", float(match[2]))
    match = scan.take(
        r"(?:the |a |an )?(?:last |current |previous )?(?:bar|candle)(?: is| was| closes)?(?: a)? (green|red|bullish|bearish)|(?:a |the )?(green|red|bullish|bearish) (?:candle|bar)"
    )
    if match:
        word = match[1] or match[2]
        return Compare(
            CLOSE, ">" if word in ("green", "bullish") else "<", Series("open", "bar.open", "the bar's open")
        )
    return None


def _change(bars: float, percent: float, up: bool) -> Condition:
    moved = Series(
        "change",
        "bars.close.pct_change({0}) * 100",
        "the change of the close over {0} bars in percent",
        (bars,),
        ("CHANGE_BARS",),
    )
    return Compare(moved, ">=" if up else "<=", Number(percent if up else -percent, "%"))


def _move(scan: Scanner, memory: Memory) -> Condition | None:
    at = scan.at
    what = scan.take(
        rf"{THE}(?:price|stock|it|close|market|shares|coin|asset|@\S+)(?: (?:price|stock))?(?: has| have| is| 's)*"
    )
    for words, up in ((_FALLS, False), (_RISES, True)):
        here = scan.at
        match = scan.take(rf"(?:{words})(?: by| more than| at least| over| down| up| another)* ?{N} ?%(?: or more)?")
        if match is None and not what:
            match = scan.take(
                rf"(?:an? )?{N} ?% (?:{'drop|dip|fall|decline|pullback|loss|crash|sell off|decrease' if not up else 'rise|gain|jump|rally|increase|surge|spike|move up'})(?: in (?:the )?price)?"
            )
        if match:
            percent = float(match[1])
            span = scan.take(_SPAN)
            if span:
                bars = (
                    bars_of(float(span[1]), span[2], f"“{span[0].strip()}”")
                    if span[1]
                    else bars_of(1, span[4], "a day") * (0.5 if span[3] == "half an" else 1)
                )
                return _change(bars, percent, up)
            if memory.position and scan.take(
                r"(?:from|off|below)(?: its| the)? (?:peak|top|highest price|highest close|high since (?:the )?(?:entry|purchase)|highest point)"
            ):
                return Trail(percent, "%")
            if scan.take(r"(?:from|below|off|under|above|over|versus|since|compared (?:to|with))"):
                right = series(scan)
                if right is not None and right.name not in ("close", "open", "high", "low", "volume"):
                    times = 1 + (1 if up else -1) * percent / 100
                    return Compare(CLOSE, ">=" if up else "<=", replace(right, times=times))
                if scan.take(r"(?:the )?(?:recent )?(?:high|low|peak|top)"):
                    raise Unexpressible(f"“{match[0].strip()} from the high”: the high of how many bars?")
                scan.at = at
                return None
            if memory.position:
                # Of a position: what it has lost or gained since it was bought.
                return Result(percent, "%", up)
            raise Unexpressible(f"“{scan.text[at : scan.at].strip()}”: within how many minutes, or from which price?")
        scan.at = here
    scan.at = at
    return None


def _pair_crossing(scan: Scanner, memory: Memory) -> Condition | None:
    """“The 10-bar average crosses the 30-bar one”, “the fast crosses above the slow”, “EMA 12/26 crossover”, “the averages cross back”."""
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        rf"{N} ?(?:{BARS} ?)?(?:/|and|-|over|x|,) ?{N} ?{BARS}? ?(?:period )?(exponential|simple|weighted|ema|emas|sma|smas|moving averages?|mas?|averages?|hma|wma)?(?: moving averages?| averages?| mas?)? ?(crossover|crossovers|cross|crosses over|crossing|crossunder)?(?: (up|upwards?|bullishly|above|down|downwards?|below))?"
    )
    kind, fast, slow = None, 0.0, 0.0
    if match and (match[3] or match[4]):
        kind, fast, slow = match[3], float(match[1]), float(match[2])
        down = (match[4] == "crossunder") or (match[5] or "").startswith(("down", "below"))
    else:
        scan.at = at
        scan.take(ARTICLES)
        match = scan.take(
            rf"(emas?|smas?|wma|hma|exponential moving averages?|simple moving averages?|moving averages?|mas?|averages?) ?\(? ?{N} ?{BARS}? ?(?:/|and|-|over|,|crosses above|crossing|x) ?{N} ?{BARS}? ?\)? ?(crossover|crossovers|cross|crosses over|crossing)?(?: (up|upwards?|above|down|downwards?|below))?"
        )
        if match is None:
            scan.at = at
            return _golden(scan, memory)
        kind, fast, slow = match[1], float(match[2]), float(match[3])
        down = (match[5] or "").startswith(("down", "below"))
    averages = {"exponential": "ema", "ema": "ema", "emas": "ema", "hma": "hma", "wma": "wma", "weighted": "wma"}.get(
        (kind or "").split()[0] if kind else "", "sma"
    )
    left, right = average(averages, fast), average(averages, slow)
    right = replace(right, name=right.name)
    memory.pair, memory.left, memory.right = (left, right), left, right
    scan.take(r"(?:strategy|system|signal|rule|bullish)")
    return Cross(left, not down, right)


def _golden(scan: Scanner, memory: Memory) -> Condition | None:
    match = scan.take(
        r"(?:at |on |after )?(?:the |a |an )?(golden|death) cross(?:es|over)?(?: (?:occurs|happens|appears|forms))?"
    )
    if match is None:
        return None
    left, right = average("sma", 50), average("sma", 200)
    memory.pair, memory.left, memory.right = (left, right), left, right
    return Cross(left, match[1] == "golden", right)


def _named_cross(scan: Scanner, memory: Memory) -> Condition | None:
    """“It crosses back below”, “the fast one crosses under the slow one”, “the averages cross back”, “on the opposite cross”."""
    if memory.pair is None:
        return None
    fast, slow = memory.pair
    at = scan.at
    match = scan.take(
        rf"(?:the )?(?:(?:fast(?:er)?|short(?:er)?|first|quick(?:er)?|it|they|lines|averages|two|emas?|smas?|mas|moving averages?)(?: one| line| average| ema| sma| ma| moving average| averages)?)? ?(?:then )?(?:{_CROSS}|goes|falls|drops|moves|is|turns|comes)(?: back)?(?: again)?(?: (above|over|up|upwards?|below|under|beneath|down|downwards?))?(?: again)?(?: (?:the )?(?:slow(?:er)?|long(?:er)?|second|other)(?: one| line| average| ema| sma| ma| moving average)?| it| each other)?"
    )
    if match and match[1]:
        up = match[1] in ("above", "over", "up", "upward", "upwards")
        return Cross(fast, up, slow)
    scan.at = at
    match = scan.take(
        r"(?:the )?(?:averages|they|lines|emas|smas|mas|two|moving averages|it)(?: \w+)? (?:crosses|cross) (?:back|again|the other way|in the (?:opposite|other) direction|back again|down again)|(?:on |at )?(?:a |an |the )?(?:opposite|reverse|bearish|death) (?:cross(?:over)?|crossing)"
    )
    if match:
        return Cross(fast, False, slow)
    scan.at = at
    return None


def _macd_words(scan: Scanner, memory: Memory) -> Condition | None:
    at = scan.at
    scan.take(ARTICLES)
    match = scan.take(
        r"macd(?: line| indicator| histogram)?(?: is| are| gets| goes| turns?| becomes?| has turned| turned| flips?)+ (positive|negative|bullish|bearish|green|red|up|down)"
        r"|(?:a )?(bullish|bearish) macd(?: cross(?:over)?)?|macd (?:shows |has |gives )?(?:a )?(bullish|bearish) (?:cross(?:over)?|signal)"
        r"|macd (?:crosses|cross|crossing|crossed|crosses back|goes|moves|is|comes)(?: back)? (above|over|up through|below|under|down through|up|down)(?: (?:its |the )?signal(?: line)?)?(?= |$)"
        r"|macd (crossover|cross|buy signal)(?: up)?"
    )
    if match is None:
        scan.at = at
        return None
    histogram = macd("histogram")
    if match[1]:
        up = match[1] in ("positive", "bullish", "green", "up")
        zero = macd("macd") if match[1] in ("positive", "negative") and "histogram" not in match[0] else histogram
        memory.left, memory.right = zero, Number(0)
        return Compare(zero, ">" if up else "<", Number(0))
    if match[4]:
        # "MACD crosses above zero" and levels are for the comparison.
        rest = scan.text[scan.at :].lstrip()
        if "signal" not in match[0] and re.match(r"(?:zero|the zero|0|-?\d)", rest):
            scan.at = at
            return None
        up = match[4] in ("above", "over", "up through", "up")
        event = re.search(r"cross", match[0]) is not None
        line, signal = macd("macd"), macd("signal")
        memory.pair, memory.left, memory.right = (line, signal), line, signal
        return Cross(line, up, signal) if event else Compare(line, ">" if up else "<", signal)
    line, signal = macd("macd"), macd("signal")
    memory.pair, memory.left, memory.right = (line, signal), line, signal
    return Cross(line, "bearish" not in match[0], signal)


def _band_words(scan: Scanner, memory: Memory) -> Condition | None:
    """Oversold and overbought, touches of bands, SuperTrend, trends by an average's slope."""
    at = scan.at
    match = scan.take(
        r"(?:the )?super ?trend(?: indicator)?(?: is| turns?| goes| flips?| points?| becomes?| gives| signals?| to| a| says)*(?: (up|green|bullish|buy|long|positive|down|red|bearish|sell|short|negative))(?:wards?| signal)?"
    )
    if match:
        direction = Series(
            "supertrend",
            "ta.supertrend(bars.high, bars.low, bars.close, length={0}, multiplier={1}).direction",
            "the SuperTrend's direction (supertrend, {0} bars, {1} ATR; 1 is up)",
            (7, 3),
            ("SUPERTREND_LENGTH", "SUPERTREND_MULTIPLIER"),
        )
        memory.left, memory.right = direction, Number(0)
        return Compare(
            direction, ">" if match[1] in ("up", "green", "bullish", "buy", "long", "positive") else "<", Number(0)
        )
    if scan.take(
        r"(?:the )?(?:price|it|close|stock|@\S+)? ?(?:bounces|bounce|rebounds|rebound|bouncing|recovers)(?: back)?(?: up)?(?: off| from| at)(?: of)?"
    ):
        right = series(scan)
        if right is not None and right.scale == "price" and right != CLOSE:
            memory.left, memory.right, memory.pair = CLOSE, right, (CLOSE, right)
            memory.notes.append(f"A bounce off {right.words} is read as the close crossing back above it.")
            return Cross(CLOSE, True, right)
        scan.at = at
    left = series(scan)
    if left is not None and left.levels:
        match = scan.take(
            rf"(?:{_IS} )*(?:in |into )?(?:the )?(oversold|overbought)(?: (?:territory|zone|area|levels?|region|conditions?))?(?: \(? ?(?:below|above|under|over|<|>)? ?{N} ?\)?)?"
        )
        if match:
            low = match[1] == "oversold"
            level = float(match[2]) if match[2] else left.levels[0 if low else 1]
            memory.left, memory.right = left, Number(level)
            return Compare(left, "<" if low else ">", Number(level))
    scan.at = at
    match = scan.take(
        r"(?:when |if )?(?:it |the (?:stock|price|market) |@\S+ )?(?:is |gets |becomes )?(oversold|overbought)(?: \( ?(?:below|above|under|over|<|>)? ?(\d+) ?\))?"
    )
    if match:
        if memory.left is None or memory.left.levels is None:
            raise Unexpressible(
                f"“{match[1]}” by which measure, and at which level? For example: the RSI of 14 bars is {'below 30' if match[1] == 'oversold' else 'above 70'}."
            )
        low = match[1] == "oversold"
        level = float(match[2]) if match[2] else memory.left.levels[0 if low else 1]
        return Compare(memory.left, "<" if low else ">", Number(level))
    scan.take(ARTICLES)
    here = scan.at
    scan.take(r"(?:price|it|close|stock|@\S+)")
    match = scan.take(
        r"(?:(?:is |gets )?(?:touches|touch|touched|hits|hit|reaches|reached|tags|tag|falls to|drops to|rises to|closes (?:at|outside)|at|back (?:to|at))) "
    )
    if match:
        right = series(scan)
        if right is not None and right.name not in ("close", "open", "high", "low", "volume"):
            lower = right.name.startswith(("lower", "lowest", "keltner_lower")) or bool(
                re.search(r"falls|drops", match[0])
            )
            upper = right.name.startswith(("upper", "highest", "keltner_upper")) or bool(re.search(r"rises", match[0]))
            if not lower and not upper and memory.position and memory.bought_below is not None:
                lower, upper = not memory.bought_below, memory.bought_below
            if lower or upper:
                memory.left, memory.right = CLOSE, right
                return Compare(CLOSE, "<=" if lower else ">=", right)
            raise Unexpressible(
                f"“{scan.text[at : scan.at].strip()}”: from above or from below? Please say “falls to” or “rises to”."
            )
    scan.at = here
    return None


def _breakout(scan: Scanner, memory: Memory) -> Condition | None:
    """“A breakout above the 20-bar high”, “a new 50-bar low”, “breaks out of its 20-bar range”."""
    at = scan.at
    match = scan.take(
        r"(?:on )?(?:a |an |the )?(?:break ?out|breakout|break|breaks? out|breaking out|breaks?|breakdown|makes?|making|sets?|hits?|prints?|reaches)(?: out)?(?: (?:above|below|of|over|under|through|from|to))*(?: the| its| an?)?(?: new)? "
    )
    start = scan.at
    scan.take(ARTICLES)
    scan.take("new")
    found = scan.take(rf"{N} ?({BARS}|hours?|days?|weeks?) (high|low)s?")
    subject = None
    if found is None and match is None:
        scan.at = at
        subject = scan.take(rf"{THE}(?:price|it|close|stock|market|@\S+)")
        if subject:
            match = scan.take(
                r"(?:makes?|sets?|hits?|prints?|reaches|breaks?|closes? at|breaks? out)(?: out)?(?: (?:above|below|of|over|under|through|to))*(?: the| its| a| an)?(?: new)? "
            )
            scan.take(ARTICLES)
            scan.take("new")
            found = scan.take(rf"{N} ?({BARS}|hours?|days?|weeks?) (high|low)s?") if match else None
    if found is None and match is not None:
        scan.at = start
        line = series(scan)
        if line is not None and line.name.startswith(("highest", "lowest")):
            memory.left, memory.right = CLOSE, line
            return Compare(CLOSE, ">" if line.name.startswith("highest") else "<", line)
    if found is None:
        scan.at = at
        return None
    if match is None and not re.search(r"new", scan.text[at:start] + found[0]):
        scan.at = at
        return None
    right = channel(found[3], bars_of(float(found[1]), found[2], f"“{found[0].strip()}”"))
    up = found[3] == "high"
    memory.left, memory.right = CLOSE, right
    return Compare(CLOSE, ">" if up else "<", right)


def _comparison(scan: Scanner, memory: Memory) -> Condition | None:
    at = scan.at
    spoken = (
        scan.take(r"it|they|this|that") if memory.left is not None and memory.left.name in ("supertrend",) else None
    )
    left = memory.left if spoken else series(scan)
    if left is None:
        return None
    negative = False
    event = None
    if (
        left == CLOSE
        and memory.left is not None
        and memory.left.levels is not None
        and scan.text[at : scan.at].strip() in ("it", "they")
    ):
        # "It" is what was spoken of, where the level says so too.
        here = scan.at
        scan.take(rf"(?:{_IS} )*(?:{_CROSS} )?(?:back )?(?:{_UP}|{_DOWN}|{_AT_LEAST}|{_AT_MOST})")
        level = scan.take(rf"{N}(?! ?(?:%|dollars|bars?))")
        scan.at = here
        if level:
            left = memory.left
    while True:
        if scan.take(r"(?:does not|do not|not|no longer|never)"):
            negative = not negative
        elif match := scan.take(rf"(?:has |have )?{_CROSS}(?: back)?(?: up| down| out)?(?= )"):
            event = match
        elif not scan.sees(rf"{_AT_LEAST}|{_AT_MOST}|within") and scan.take(_IS):
            continue
        else:
            break
    op: str | None = None
    distance = _distance(scan)
    if distance is not None:
        line, above = distance
        memory.left, memory.right, memory.pair = left, line, (left, line)
        off: Condition = Compare(left, ">=" if above else "<=", line)
        return contrary(off) if negative else off
    more = scan.take(rf"(?:at |to )?{N} or (less|lower|below|under|more|higher|above)") if left.levels else None
    if more:
        sign: Literal["<=", ">="] = "<=" if more[2] in ("less", "lower", "below", "under") else ">="
        return _made(left, sign, Number(float(more[1])), memory, event=False, negative=negative)
    if both := _both_lines(scan, left):
        memory.left, memory.right = left, both.parts[-1].right  # type: ignore[union-attr]
        return both
    if scan.take(_AT_LEAST):
        op = ">="
    elif scan.take(_AT_MOST):
        op = "<="
    elif scan.take(rf"{_UP}(?: or equal to)?"):
        op = ">"
    elif scan.take(_DOWN):
        op = "<"
    elif event and re.search(r"\bup\b", event[0]):
        op = ">"
    elif event and re.search(r"\bdown\b", event[0]):
        op = "<"
    elif left is VOLUME and scan.sees(rf"{N} ?(?:x|times)|twice|double|triple|{N} ?% of"):
        op = ">="
    elif near := scan.take(rf"within {N} ?% of"):
        about = series(scan)
        if about is None:
            scan.at = at
            return None
        part = float(near[1]) / 100
        return Both(
            (Compare(left, ">=", replace(about, times=1 - part)), Compare(left, "<=", replace(about, times=1 + part)))
        )
    elif scan.take(r"between"):
        low, joint = operand(scan, left), scan.take(r"and|-|to")
        high = operand(scan, left) if joint else None
        if low is not None and high is not None:
            memory.left = left
            return Both((Compare(left, ">=", low), Compare(left, "<=", high)))
        scan.at = at
        return None
    elif event and (other := _crossed(scan, left)) is not None:
        crossed, up = other
        if up is None:
            if memory.position:
                raise Unexpressible(f"“{left.words} crosses {crossed.words}”: from above or from below?")
            memory.notes.append(f"“Crosses” is read as: {left.words} crosses above {crossed.words}.")
        memory.left, memory.right = left, crossed
        if isinstance(crossed, Series):
            memory.pair = (left, crossed)
        _check_scales(left, crossed)
        return Cross(left, up is not False, crossed)
    else:
        rest = _state_of(scan, left, at, memory.left)
        if rest is not None:
            memory.left = left
            return rest
    if op is None:
        scan.at = at
        return None
    right = operand(scan, left)
    if isinstance(right, Number) and (more := scan.take(r"or (?:less|lower|below|under|more|higher|above)")):
        op = "<=" if more[0].split()[-1] in ("less", "lower", "below", "under") else ">="
    if right is None:
        if memory.pair and memory.pair[0] == left and event:
            return Cross(left, op == ">", memory.pair[1])
        scan.at = at
        return None
    found = _made(left, op, right, memory, event=event is not None, negative=negative)
    if event:
        scan.take(r"from (?:below|above|under|underneath|over)|to the (?:upside|downside)|again")
    further = [found]
    while isinstance(right, Series) and (more := scan.take(r"(>|<|>=|<=)")):
        # "a > b > c".
        before, right = right, operand(scan, right)
        if right is None:
            scan.at = at
            return None
        further.append(_made(before, more[1], right, memory, event=False, negative=False))
    return Both(tuple(further)) if len(further) > 1 else found


def _both_lines(scan: Scanner, left: Series) -> Both | None:
    """“Above both the 20 and the 50 SMA”."""
    at = scan.at
    match = scan.take(
        rf"({_UP}|{_DOWN}) (?:both )?{THE}{N} ?(?:{BARS} )?and {THE}{N} ?(?:{BARS} )?(smas?|emas?|moving averages?|averages?|mas?)"
    )
    if match is None or left.scale != "price":
        scan.at = at
        return None
    kind = "ema" if match[4].startswith("ema") else "sma"
    op: Literal["<", ">"] = ">" if re.fullmatch(_UP, match[1].strip()) else "<"
    return Both(tuple(Compare(left, op, average(kind, float(each))) for each in (match[2], match[3])))


def _crossed(scan: Scanner, left: Series) -> tuple[Operand, bool | None] | None:
    """What is crossed where no direction stands before it, and the direction if one stands behind it."""
    at = scan.at
    line = operand(scan, left)
    if line is None or line == left:
        scan.at = at
        return None
    if scan.take(r"to the upside|upwards?|from below|from underneath|up"):
        return line, True
    if scan.take(r"to the downside|downwards?|from above|down"):
        return line, False
    return line, None


def _distance(scan: Scanner) -> tuple[Series, bool] | None:
    """“0.5 % below the 50-bar average”, “2 dollars above VWAP”."""
    at = scan.at
    scan.take(r"(?:at least|more than|over)")
    match = scan.take(
        rf"(?:{N} ?%|\$ ?{N}|{N} ?(?:dollars?|usd))(?: or more)? (above|over|higher than|below|under|beneath|lower than)"
    )
    right = series(scan) if match else None
    if match is None or right is None or right == CLOSE:
        scan.at = at
        return None
    above = match[4] in ("above", "over", "higher than")
    sign = 1 if above else -1
    if match[1]:
        return replace(right, times=1 + sign * float(match[1]) / 100), above
    return replace(right, plus=sign * float(match[2] or match[3])), above


def _check_scales(left: Series, right: Operand) -> None:
    """Prices are compared with prices, volumes with volumes, an oscillator with its levels and others of its kind."""
    if isinstance(right, Series):
        if left.scale != right.scale:
            raise Unexpressible(
                f"{left.words} and {right.words} are not measured alike, so they cannot be compared. Which level, or which other line, is meant?"
            )
    elif left.scale == "price" and (right.value <= 0 or right.unit == "%"):
        raise Unexpressible(f"{left.words} compared with {right.words}: which indicator is meant?")
    elif left.levels is not None and left.levels[0] >= 0 and not 0 < right.value < 100:
        raise Unexpressible(
            f"{left.words} lies between 0 and 100, so it is never compared with {right.words}. Which level is meant?"
        )


def _made(left: Series, op: str, right: Operand, memory: Memory, *, event: bool, negative: bool) -> Condition:
    if (
        isinstance(right, Number)
        and right.unit == ""
        and left is CLOSE
        and 0 < right.value <= 100
        and memory.left is not None
        and memory.left.levels
    ):
        # "Sell when it is above 70", said of an oscillator.
        left = memory.left
    _check_scales(left, right)
    if right == left:
        # "It closes below it": the second one is what the first was compared with before.
        if memory.pair is None or memory.pair[0] != left:
            raise Unexpressible(f"“{left.words}” is compared with itself. With what should it be compared?")
        right = memory.pair[1]
    memory.left, memory.right = left, right
    if isinstance(right, Series):
        memory.pair = (left, right)
    if left is CLOSE and isinstance(right, Series) and right.name.startswith(("highest", "lowest")):
        event = False
    found: Condition = Cross(left, op == ">", right) if event else Compare(left, op, right)  # type: ignore[arg-type]
    if negative:
        return contrary(found) if isinstance(found, Compare) else Not(found)
    return found


def _state_of(scan: Scanner, left: Series, start: int, memory_left: Series | None) -> Condition | None:
    said = scan.text[start : scan.at]
    if left.name == "supertrend" and (
        found := scan.take(
            r"(?:turns?|points?|pointing|flips?|goes|is)? ?(up|green|bullish|down|red|bearish)(?:wards?)?"
        )
    ):
        return Compare(left, ">" if found[1] in ("up", "green", "bullish") else "<", Number(0))
    match = scan.take(
        r"(?:turns?|turning|starts?|begins?|to|slopes?|sloping|points?|pointing)* ?(rise|rising|up|upwards?|increasing|higher|fall|falling|down|downwards?|decreasing|lower)(?! than)(?:wards?)?(?! \d)"
    )
    if match:
        return Turn(left, match[1] in ("rise", "rising", "up", "upward", "upwards", "increasing", "higher"))
    if re.search(r"\b(?:rising|rises)\s*$", said) and left is not CLOSE:
        return Turn(left, True)
    if re.search(r"\b(?:falling|falls)\s*$", said) and left is not CLOSE:
        return Turn(left, False)
    if left is VOLUME and scan.take(r"(?:spikes?|surges?|unusually high|high|elevated|strong)"):
        raise Unexpressible("A volume spike: how many times the average volume of how many bars?")
    if left.scale == "price":
        if memory_left is None or memory_left.scale == "price":
            return None
        left = memory_left
    match = scan.take(
        r"(?:turns?|becomes?|flips?)(?: from)?(?: (?:negative|positive) to)? (positive|negative)(?: after (?:being|having been) (?:positive|negative))?"
    )
    if match:
        return Cross(left, match[1] == "positive", Number(0))
    match = scan.take(r"(positive|negative)")
    if match:
        return Compare(left, ">" if match[1] == "positive" else "<", Number(0))
    return None


def _anaphora(scan: Scanner, memory: Memory) -> Condition | None:
    """“Above 70”, “back under the average”: of what was spoken of before."""
    at = scan.at
    if (
        memory.left is not None
        and memory.left != CLOSE
        and (turn := scan.take(r"(?:is )?(rising|increasing|going up|falling|decreasing|going down)"))
    ):
        return Turn(memory.left, turn[1] in ("rising", "increasing", "going up"))
    event = scan.take(rf"{_CROSS}(?: back)?")
    scan.take(rf"(?:{_IS} )*")
    op = (
        ">"
        if scan.take(_UP)
        else "<"
        if scan.take(_DOWN)
        else ">="
        if scan.take(_AT_LEAST)
        else "<="
        if scan.take(_AT_MOST)
        else None
    )
    if op is None:
        scan.at = at
        if memory.left is not None and memory.left.levels:
            if more := scan.take(rf"(?:at )?{N} or (less|lower|below|under|more|higher|above)"):
                sign: Literal["<=", ">="] = "<=" if more[2] in ("less", "lower", "below", "under") else ">="
                return Compare(memory.left, sign, Number(float(more[1])))
            match = scan.take(rf"at {N}(?= |$)(?! ?(?:%|:|am|pm|bars|minutes))")
            if match and isinstance(memory.right, Number):
                level = float(match[1])
                return Compare(memory.left, ">=" if level > memory.right.value else "<=", Number(level))
            scan.at = at
        return None
    right = operand(scan, memory.left)
    if isinstance(right, Number) and scan.sees(
        r"(?:new |more |open )?(?:trades?|times?|entries|entry|buys?|purchases?|positions?|orders?|shares?|coins?|bars?|minutes?|hours?|days?|%|a day|per day|dollars|signals?)"
    ):
        scan.at = at
        return None
    if right is None:
        if memory.pair and (event or scan.done or scan.sees(r"[.,;]|and|with|or")):
            if event:
                return Cross(memory.pair[0], op == ">", memory.pair[1])
            return Compare(memory.pair[0], op, memory.pair[1])  # type: ignore[arg-type]
        if memory.right is not None and memory.left is not None and scan.take(r"(?:it|that|again|there)"):
            return Compare(memory.left, op, memory.right)  # type: ignore[arg-type]
        scan.at = at
        return None
    if isinstance(right, Series):
        if right.scale == "price" and (memory.left is None or memory.left.scale != "price"):
            left = CLOSE
        else:
            left = (
                CLOSE
                if memory.left is None
                or memory.left.levels is not None
                or right.name in ("vwap",)
                or not isinstance(memory.right, Series)
                else memory.left
            )
    elif memory.left is not None and memory.left is not CLOSE and isinstance(memory.right, Number):
        left = memory.left
    elif right.unit == "$":
        left = CLOSE
    elif memory.left is None or (memory.left == CLOSE and isinstance(memory.right, Number)):
        memory.notes.append(f"{right.words} is read as a price, since no indicator is named.")
        left = CLOSE
    else:
        scan.at = at
        return None
    return _made(left, op, right, memory, event=event is not None, negative=False)
