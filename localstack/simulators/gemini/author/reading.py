"""Reading a request: what holds for the whole of it, then its clauses of buying and selling, each for its conditions."""

from __future__ import annotations

import re

from simulators.gemini.author.book import Book, Condition, Side
from simulators.gemini.author.conditions import conditions_in

_BUY = r"\b(?:buys?|buying|enters?|go(?:es)? long|get in|long(?! (?:average|ema|sma|term|moving))|purchases?|invests?|entry)\b"
_SELL = r"\b(?:sells?|selling|exits?|get out|close (?:the |my |out |it|position|trade)|liquidates?|leaves?|takes? profits?)\b"
_NUMBER = r"(\d+(?:\.\d+)?)"
_NOT_IN = r"(?:not?|never|avoid|skip|except|ignore|without)[^.;]{0,25}"
_IN = r"(?:only )?(?:in|during|within)? ?"
# How it begins, which end of the day, and whether buying begins there or ends.
_SESSIONS = ((_NOT_IN, "first", True), (_NOT_IN, "last", False), (_IN, "first", False), (_IN, "last", True))
_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")


def read(text: str) -> Book:
    """What a request in English and lower case says."""
    book = Book()
    text = _sizes(text, book)
    text = _exits(text, book)
    text = _holding(text, book)
    text = _clock(text, book)
    text = _frequency(text, book)
    for side, clause in clauses(text):
        found, left = conditions_in(clause, book, side)
        for condition in found:
            book.add(side, condition)
        if side == "exit" and not found and re.search(r"\b(?:when|if|once|on|at|after|as soon)\b", clause):
            book.unread.append(clause)
        if len(found) > 1 and side == "entry" and re.search(r"\bor\b", clause) and not re.search(r"\band\b", left):
            book.joined["entry"] = "or"
    # Sessions of the day, days and the like hold for any rule; they are no rule of their own, unless nothing else was said.
    if not book.entry and not re.search(_BUY, text):
        return book
    book.entry += _pending(book)
    return book


def _pending(book: Book) -> list[Condition]:
    filters, book.filters = book.filters, []
    if filters and book.entry and book.joined["entry"] == "or":
        # "a or b" and a filter: the alternatives become one.
        joined = " or ".join(each.code for each in book.entry)
        said = " or ".join(each.said for each in book.entry)
        book.entry, book.joined["entry"] = [Condition(joined, said)], "and"
    return filters


def clauses(text: str) -> list[tuple[Side, str]]:
    """The parts of a request, each with the side it is about; a part without a verb is about buying."""
    found: list[tuple[Side, str]] = []
    for sentence in re.split(r"[.;\n!?]+(?=\s|$)", text):
        verbs = sorted(
            [(match.start(), match.end(), "entry") for match in re.finditer(_BUY, sentence)]
            + [(match.start(), match.end(), "exit") for match in re.finditer(_SELL, sentence)]
        )
        if not verbs:
            found.append(("entry", sentence))
            continue
        before = sentence[: verbs[0][0]]
        conditional = r"\b(?:when|if|once|whenever|as soon as|after)\b|\b(?:above|below|over|under|oversold)\b[^:]*: *$"
        if verbs[0][2] == "exit" and before.strip(" ,") and not re.search(conditional, before):
            # "A breakout of the high, sell below the low": what comes first is the rule to buy by.
            found.append(("entry", before))
            before = ""
        leading = bool(re.search(conditional, before))
        for index, (start, end, side) in enumerate(verbs):
            if leading:
                clause = sentence[verbs[index - 1][1] if index else 0 : end]
                if index == len(verbs) - 1:
                    clause += sentence[end:]
            else:
                following = verbs[index + 1][0] if index + 1 < len(verbs) else len(sentence)
                clause = (before if index == 0 else "") + sentence[start:following]
            found.append(("entry" if side == "entry" else "exit", clause))
    return found


def _take(pattern: str, text: str) -> tuple[re.Match[str] | None, str]:
    """The first match, and the text without it."""
    match = re.search(pattern, text)
    return match, text if match is None else f"{text[: match.start()]} {text[match.end() :]}"


def _sizes(text: str, book: Book) -> str:
    of_all = r"(?:my |the |its |our )?(?:total )?(?:equity|portfolio|capital|cash|account|money|balance)"
    match, text = _take(rf"(?:with |using |for |invest(?:ing)? )?{_NUMBER}\s*% of {of_all}", text)
    if match:
        part = float(match[1]) / 100
        name = book.constant("FRACTION", part, "part of the equity that a purchase takes")
        book.size = f"fraction={name}"
        book.said.append(f"Every purchase is {float(match[1]):g} % of the equity.")
        return text
    match, text = _take(rf"(?:with |using |for )?(half|a quarter|a third|all) (?:of )?{of_all}", text)
    if match:
        part = {"half": 0.5, "a quarter": 0.25, "a third": 0.33, "all": 1.0}[match[1]]
        name = book.constant("FRACTION", part, "part of the equity that a purchase takes")
        book.size = f"fraction={name}"
        book.said.append(f"Every purchase is {part * 100:g} % of the equity.")
        return text
    match, text = _take(rf"(?:for |with |worth )?(?:\$\s?{_NUMBER}|{_NUMBER} (?:dollars|usd)\b)", text)
    if match:
        amount = float(match[1] or match[2])
        name = book.constant("CASH", amount, "dollars that a purchase takes")
        book.size = f"notional={name}"
        book.said.append(f"Every purchase is for {amount:g} dollars.")
        return text
    match, text = _take(r"\b(\d+) (?:shares|coins|units)\b", text)
    if match:
        name = book.constant("SHARES", float(match[1]), "shares that a purchase takes")
        book.size = f"quantity={name}"
        book.said.append(f"Every purchase is {match[1]} shares.")
    return text


def _exits(text: str, book: Book) -> str:
    """Stops and targets."""
    near = r"[^\d.;]{0,25}?"
    match, text = _take(
        rf"trail(?:ing)?(?: stop)?(?:[- ]loss)?{near}{_NUMBER}\s*%|{_NUMBER}\s*% trailing(?: stop)?(?:[- ]loss)?", text
    )
    if match:
        percent = float(match[1] or match[2])
        name = book.constant("TRAIL", percent / 100, "fall from the highest close since the entry at which it sells")
        book.before += [
            'peak = max(state.get("peak", 0), bar.close) if position.quantity > 0 else bar.close',
            'state["peak"] = peak',
        ]
        book.add(
            "exit",
            Condition(
                f"bar.close < peak * (1 - {name})", f"the close is {percent:g} % below its highest since the entry"
            ),
        )
    match, text = _take(
        rf"stop(?:[- ]loss)?{near}{_NUMBER}\s*(?:times )?(?:x )?(?:the )?atrs?\b|{_NUMBER}\s*(?:x )?atr stop", text
    )
    if match:
        times = float(match[1] or match[2])
        name = book.constant("ATR_STOP", times, "average true ranges below the entry at which it sells")
        atr = book.column("atr", "ta.atr(bars.high, bars.low, bars.close, length=14)")
        book.add(
            "exit",
            Condition(
                f"bar.close < position.average_entry_price - {name} * {atr}",
                f"the close is {times:g} times the 14-bar ATR (average true range) below the entry",
            ),
        )
    match, text = _take(
        rf"(?:stop(?:[- ]loss)?|(?:max(?:imum)? )?loss(?:es)?|loses?|lost|down|risk(?:ing)?){near}{_NUMBER}\s*%(?! (?:below|under|in|over|within|of (?:my|the|equity|capital)))|{_NUMBER}\s*% (?:stop|loss)",
        text,
    )
    if match:
        percent = float(match[1] or match[2])
        name = book.constant("STOP", percent / 100, "loss of a position at which it sells")
        book.add("exit", Condition(f"position.unrealized_return < -{name}", f"the position has lost {percent:g} %"))
    match, text = _take(
        rf"(?:(?:take[- ])?profits?|targets?|gains?|gained|up){near}{_NUMBER}\s*%(?! (?:above|over|in|within))|{_NUMBER}\s*% (?:profit|gain|target|up)",
        text,
    )
    if match:
        percent = float(match[1] or match[2])
        name = book.constant("TARGET", percent / 100, "gain of a position at which it sells")
        book.add("exit", Condition(f"position.unrealized_return > {name}", f"the position has gained {percent:g} %"))
    return text


def _holding(text: str, book: Book) -> str:
    match, text = _take(
        r"(?:(?:sell|exit|close|get out)\w*(?: it| the position)?,? after|hold(?:s|ing)?(?: it)?(?: for)?|no longer than|for at most)(?: at most| exactly| about)? (\d+|an?|half an) ?(bars?|minutes?|hours?)\b",
        text,
    )
    if match:
        count = {"a": 1.0, "an": 1.0, "half an": 0.5}.get(match[1]) or float(match[1])
        bars = count * (60 if match[2].startswith("hour") else 1)
        name = book.constant("HOLD_BARS", bars, "bars after which it sells")
        book.add("exit", Condition(f"position.bars_held >= {name}", f"it has held for {bars:g} bars"))
    return text


def _clock(text: str, book: Book) -> str:
    """Sessions of the day, in New York time; they hold for buying."""
    minutes = "bar.time.hour * 60 + bar.time.minute"

    def within(code: str, said: str) -> None:
        book.filters.append(Condition(code, said))

    match, text = _take(
        r"(?:close|sell|exit|be flat|flat|liquidate)[^.;]{0,40}?(?:before|by|at|into) (?:the )?(?:market )?(?:close|end of (?:the )?(?:day|session))|(?:never|do not|don't|no) hold(?:ing)?[^.;]{0,20}overnight|not overnight|day trade\w* only|intraday only",
        text,
    )
    if match:
        book.add("exit", Condition(f"{minutes} >= 955", "it is 15:55 New York time"))
        within(f"{minutes} < 955", "it is before 15:55 New York time")
    match, text = _take(r"between (\d{1,2})(?::(\d\d))? ?(am|pm)? and (\d{1,2})(?::(\d\d))? ?(am|pm)?", text)
    if match:
        start, end = _minute(match[1], match[2], match[3] or match[6]), _minute(match[4], match[5], match[6])
        within(
            f"{minutes} >= {start} and {minutes} < {end}",
            f"it is between {_time(start)} and {_time(end)} New York time",
        )
    for lead, edge, begins in _SESSIONS:
        match, text = _take(rf"{lead}(?:the )?{edge} (?:(\d+) minutes|(half[- ]hour)|hour)", text)
        if match:
            span = int(match[1]) if match[1] else 30 if match[2] else 60
            limit = 570 + span if edge == "first" else 960 - span
            if begins:
                within(f"{minutes} >= {limit}", f"it is {_time(limit)} New York time or later")
            else:
                within(f"{minutes} < {limit}", f"it is before {_time(limit)} New York time")
    for word, sign in (("before", "<"), ("until", "<"), ("after", ">="), ("from", ">="), ("at", "==")):
        pattern = rf"\b{word} (\d{{1,2}})(?::(\d\d) ?(am|pm)?| ?(am|pm)|(?= o'clock))"
        while match := re.search(pattern, text):
            near, text = text[max(0, match.start() - 60) : match.start()], _take(pattern, text)[1]
            limit = _minute(match[1], match[2], match[3] or match[4])
            later = Condition(f"{minutes} >= {limit}", f"it is {_time(limit)} New York time or later")
            if re.search(_SELL, near) and not re.search(_BUY, re.split(_SELL, near)[-1]):
                book.add("exit", later)
            elif sign == "==":
                book.add("entry", Condition(f"{minutes} == {limit}", f"it is {_time(limit)} New York time"))
            else:
                before = Condition(f"{minutes} < {limit}", f"it is before {_time(limit)} New York time")
                book.filters.append(before if sign == "<" else later)
    for number, day in enumerate(_DAYS):
        match, text = _take(rf"(?:not|never|except|avoid|skip)(?: trade| buy)?(?: on)? {day}s?", text)
        if match:
            within(f"bar.time.weekday != {number}", f"it is not {day.capitalize()}")
        match, text = _take(rf"(?:only )?on {day}s?", text)
        if match:
            within(f"bar.time.weekday == {number}", f"it is {day.capitalize()}")
    return text


def _minute(hour: str, minute: str | None, half: str | None) -> int:
    value = int(hour) % 12 if half else int(hour)
    return (value + (12 if half == "pm" else 0)) * 60 + int(minute or 0)


def _time(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}"


def _frequency(text: str, book: Book) -> str:
    match, text = _take(
        r"(?:only |at most |no more than )?(?:once|1 trade|one trade|one purchase|a single trade) (?:a|per|each|every) day",
        text,
    )
    if match:
        book.before += [
            'if bar.time.weekday != state.get("weekday", -1):',
            '    state["bought"] = 0',
            'state["weekday"] = bar.time.weekday',
        ]
        book.on_buy.append('state["bought"] = 1')
        book.filters.append(Condition('state.get("bought", 0) == 0', "it has not bought yet on that day"))
    match, text = _take(r"wait(?:s|ing)?(?: at least)? (\d+) (?:bars|minutes) (?:after|between|before)[^.;,]*", text)
    if match:
        name = book.constant("PAUSE", float(match[1]), "bars it waits after a sale")
        book.before += [
            'state["flat"] = state.get("flat", 1000) + 1 if position.quantity == 0 else 0',
        ]
        book.filters.append(
            Condition(f'state["flat"] > {name}', f"the last position ended more than {match[1]} bars ago")
        )
    return text
