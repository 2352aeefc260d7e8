"""Changes of a standing strategy, made on its formal rules: a number, an exit, a condition that is added, replaced or taken away."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from stratforge.intent.bounds import never_buys
from stratforge.intent.reading.statements import Statement, statements_of
from stratforge.intent.rules import EXIT_KINDS, TURNED, Rule, RuleError, RuleKind, looks_at_another, read_rule

from simulators.gemini.author.strict import rules_of_statement

_N = r"(-?\d+(?:,\d{3})*(?:\.\d+)?)"
_THING = r"(?:the |my |a |any |that |this )?"
_EXITS = {
    "trailing stop": RuleKind.TRAIL, "trailing stop loss": RuleKind.TRAIL, "trail": RuleKind.TRAIL, "trailing": RuleKind.TRAIL, "stop": RuleKind.STOP, "stop loss": RuleKind.STOP, "stop-loss": RuleKind.STOP, "stops": RuleKind.STOP, "sl": RuleKind.STOP, "target": RuleKind.TARGET,
    "take profit": RuleKind.TARGET, "profit target": RuleKind.TARGET, "tp": RuleKind.TARGET, "profit": RuleKind.TARGET, "take-profit": RuleKind.TARGET,
}  # fmt: skip
_EXIT = rf"(?:(?:fixed|normal|regular|old|hard|current|plain) )?({'|'.join(sorted(map(re.escape, _EXITS), key=len, reverse=True))})"
_CHANGE = (
    r"(?:change|switch|set|move|raise|lower|increase|decrease|reduce|bump|update|tighten|widen|make|adjust|push|put)"
)
_REMOVE = r"(?:remove|drop|delete|forget|lose|get rid of|take out|take away|leave out|cancel|scrap|ditch|without|skip|no more|no)"
_INDICATORS = {
    "rsi": "ta.rsi", "macd": "ta.macd", "vwap": "ta.vwap", "volume": "volume", "adx": "ta.adx", "mfi": "ta.mfi", "cci": "ta.cci", "stochastic": "ta.stoch", "sma": "ta.sma", "ema": "ta.ema", "atr": "ta.atr", "supertrend": "ta.supertrend", "bollinger": "ta.bbands", "roc": "ta.roc",
}  # fmt: skip
_ALSO = re.compile(r"\b(?:also|too|as well|additionally|in addition|earlier|besides|at the latest|no matter what|anyway|another)\b", re.IGNORECASE)  # fmt: skip
_INSTEAD = re.compile(r"\binstead\b", re.IGNORECASE)
_MORE = re.compile(r"\b(?:also|too|as well|additionally|in addition|another)\b", re.IGNORECASE)
# A bound by itself: hours, or a level.
_BOUNDS = re.compile(
    r"buy only when (?P<left>minute|minutes_to_close|ta\.\w+\([^()]*\)(?:\.\w+)?) (?P<sign>[<>]=?) \S+"
)
_LEAD = re.compile(
    r"(?:\s|[,;.:!]|(?:and|also|then|now|please|ok|okay|but|plus|actually|additionally|well|hm+|oh|nah|no|yes|let it|in addition|can you|could you|i want(?: you)? to|i'd like to|furthermore)\b(?!:))+",
    re.IGNORECASE,
)
_COUNTS = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "ten": 10, "fifteen": 15, "twenty": 20, "thirty": 30}
_COUNT = re.compile(r"\b(?:one(?= hour| minute| bar)|two|three|four|five|ten|fifteen|twenty|thirty)\b", re.IGNORECASE)
_BOUND = re.compile(
    r"\s+(?:unless|if|when|on|except|after|before|only|until|while|for|but|at|in|once|as long as)\b", re.IGNORECASE
)
_TAIL = re.compile(r"(?:\s|[,;.:!]|\b(?:please|pls|thanks|thank you|too|as well|instead|no matter what|anyway|in every case|for entries|for buying|for the entry|as well|then|also)\b)+$", re.IGNORECASE)  # fmt: skip


@dataclass
class Amended:
    """The rules of a strategy while a turn changes them."""

    rules: list[str]
    dropped: list[str] = field(default_factory=list)
    added: list[str] = field(default_factory=list)

    def replace(self, old: str, new: str | None) -> None:
        """Puts a rule in the place of another one; nothing where it is taken away."""
        self.rules.remove(old)
        if old in self.added:
            self.added.remove(old)
        else:
            self.dropped.append(old)
        if new is not None and new not in self.rules:
            self.add(new)

    def add(self, new: str) -> None:
        """Adds a rule to those that stand, and notes that it is new."""
        self.rules.append(new)
        self.added.append(new)

    def exits(self, kind: RuleKind) -> list[str]:
        """The stops, targets or trailing stops, however they are written."""
        fact = {RuleKind.STOP: r"gain(?:_dollars)? <=", RuleKind.TARGET: r"gain(?:_dollars)? >=", RuleKind.TRAIL: r"drop(?:_dollars)? >="}[kind]  # fmt: skip
        plain = re.compile(rf"sell when {fact}(?!.* (?:and|or) )")
        for text in [each for each in self.rules if re.match(rf"sell when .*{fact}", each) and " or " in each]:
            condition = read_rule(text).condition
            if isinstance(condition, ast.BoolOp) and isinstance(condition.op, ast.Or):
                # “At 3 % profit or 1.5 % loss”: two exits in one rule.
                self.replace(text, None)
                for part in condition.values:
                    self.add(f"sell when {ast.unparse(part)}")
        return [each for each in self.rules if each.startswith(kind.value) or plain.match(each)]


class _Unclear(Exception):
    """A change that is not plain."""


def amended(rules: Sequence[str], turn: str, symbol: str) -> Amended | None:
    """The rules after a change; None where any word of it is not understood."""
    work = Amended(list(rules))
    rest = _COUNT.sub(lambda match: str(_COUNTS[match[0].lower()]), turn.replace("’", "'"))
    try:
        while True:
            rest = rest[match.end() :] if (match := _LEAD.match(rest)) else rest
            if not rest.strip(" ,.;!"):
                return work if work.dropped or work.added else None
            for pattern, change in _CHANGES:
                if match := pattern.match(rest):
                    change(work, match)
                    rest = rest[match.end() :]
                    if _BOUND.match(rest):
                        # “Remove the stop unless it is Friday”: a change that holds at times is none of the rules.
                        raise _Unclear
                    break
            else:
                _stated(work, rest, turn, symbol)
                return work if work.dropped or work.added else None
    except (_Unclear, RuleError, ValueError):
        return None


def _stated(work: Amended, words: str, turn: str, symbol: str) -> None:
    """What is said as a rule: it is added, or stands in the place of what it says anew."""
    text = re.sub(r"\b(?:earlier|already)\b ?", "", _TAIL.sub("", words))
    for lead, prefix in _PREFIXES:
        if match := lead.match(text):
            text = f"{prefix}{text[match.end() :]}"
            break
    text = _IT.sub(lambda match: f"{match[1]} {_spoken_of(work, match[1])}", text)
    read = statements_of(text, symbol, beside=looks_at_another(work.rules))
    if not read or any(not each.kind for each in read):
        raise _Unclear
    # What was just taken away has its place taken by what follows.
    also = bool(_ALSO.search(turn)) or bool(work.dropped)
    instead = bool(_INSTEAD.search(words))
    for each in read:
        for rule in rules_of_statement(each):
            if not _said_anew(work, rule, turn):
                _put(work, each, rule, also=also, instead=instead)


_IT = re.compile(r"\b(buy when|sell when|buy if|sell if|exit when|enter when) it\b", re.IGNORECASE)
_WORDS = re.compile(r"ta\.(rsi|mfi|cci|willr|adx)\([^()]*length=(\d+)\)(?:\.adx)?")


def _spoken_of(work: Amended, lead: str) -> str:
    """The indicator that “it” is: the one by which that side is decided."""
    side = "buy when" if lead[0].lower() == "b" or lead.lower().startswith("en") else "sell when"
    stood = {match[0]: match for each in work.rules if each.startswith(side) for match in _WORDS.finditer(each)}
    if len(stood) != 1:
        raise _Unclear
    match = next(iter(stood.values()))
    return f"{match[1]}({match[2]})"


def _put(work: Amended, said: Statement, rule: str, *, also: bool, instead: bool) -> None:
    kind = read_rule(rule).kind
    if rule in work.rules:
        return
    if kind in (RuleKind.SIZE, RuleKind.LIMIT, RuleKind.PAUSE, RuleKind.LOSSES, *EXIT_KINDS):
        stood = work.exits(kind) if kind in EXIT_KINDS else [each for each in work.rules if each.startswith(kind.value)]
        for old in stood:
            work.replace(old, None)
        work.add(rule)
    elif said.kind in ("buy", "sell") and (instead or not also):
        lead = "buy when" if said.kind == "buy" else "sell when"
        timed = re.compile(rf"{lead} (minute|minutes_to_close|bars_held|days_held|gain|gain_risks|drop)\b")
        about = timed.match(rule)
        stood = [each for each in work.rules if each.startswith(lead)]
        alike = [each for each in stood if _clock((timed.match(each) or [""])[0]) == _clock(about[0] if about else "")]
        if said.kind == "sell" and about and not instead:
            if about[1] in ("minute", "minutes_to_close", "bars_held", "days_held"):
                for old in alike:
                    _guarded_anew(work, old, rule)
            work.add(rule)
        elif instead and alike:
            for old in alike[1:]:
                work.replace(old, None)
            work.replace(alike[0], rule)
        else:
            raise _Unclear
    else:
        work.add(rule)


def _said_anew(work: Amended, rule: str, turn: str) -> bool:
    """Puts a bound, or a condition to buy by, in the place of the one of its kind that stands; tells whether there was one."""
    more = bool(_MORE.search(turn))
    read = read_rule(rule)
    if read.kind in EXIT_KINDS and more and work.exits(read.kind):
        # “Also a 3 % stop”: one of the two would be dead.
        raise _Unclear
    bound = _BOUNDS.fullmatch(rule)
    if read.kind is RuleKind.ONLY and bound:
        alike = [each for each in work.rules if each not in work.added and (one := _BOUNDS.fullmatch(each)) and _end(one) == _end(bound)]  # fmt: skip
    elif read.kind is RuleKind.BUY and not more and not _INSTEAD.search(turn):
        stood = [each for each in work.rules if each.startswith(RuleKind.BUY.value)]
        alike = stood if len(stood) == 1 and measures_of(stood[0]) == measures_of(rule) else []
    else:
        return _only_anew(work, rule, turn)
    if not alike:
        return _only_anew(work, rule, turn)
    if more:
        raise _Unclear
    for old in alike:
        work.replace(old, None)
    if rule not in work.rules:
        work.add(rule)
    return True


def _only_anew(work: Amended, rule: str, turn: str) -> bool:
    """“Only on Fridays”, where “only on Mondays” stands: what excludes it goes, where the words say “only”."""
    if not rule.startswith(RuleKind.ONLY.value) or not never_buys([read_rule(each) for each in [*work.rules, rule]]):
        return False
    alike = [
        each for each in work.rules if each.startswith(RuleKind.ONLY.value) and measures_of(each) == measures_of(rule)
    ]
    if not re.match(r"\W*(?:(?:no|ok|okay|please|trade|buy|but)\W+)*(?:only|just)\b", turn, re.IGNORECASE) or not alike:
        raise _Unclear
    for old in alike:
        work.replace(old, None)
    work.add(rule)
    return True


def measures_of(rule: str) -> frozenset[str]:
    """Returns what the condition of a rule speaks of, without its numbers."""
    text = rule.partition(" when ")[2]
    words = re.findall(r"ta\.\w+\([^()]*\)(?:\.\w+)?|[a-z_]{3,}", text)
    return frozenset(words) - {"and", "not"}


def _guarded_anew(work: Amended, old: str, new: str) -> None:
    """A time to sell at, with the guard that nothing is bought from it on."""
    before, after = _until(old), _until(new)
    work.replace(old, None)
    if before and after and before in work.rules:
        work.replace(before, after)


def _until(sale: str) -> str:
    """The rule that nothing is bought from the time of a sale on; empty where it has none."""
    match = re.search(r"minute >= (?P<minute>\d+)|minutes_to_close <= (?P<left>\d+)", sale)
    if match is None:
        return ""
    return (
        f"buy only when minutes_to_close > {match['left']}"
        if match["left"]
        else f"buy only when minute < {match['minute']}"
    )


def _clock(words: str) -> str:
    """What a rule looks at first, where what is counted to the close is a time of the day."""
    return words.replace("minutes_to_close", "minute")


def _end(bound: re.Match[str]) -> tuple[str, str]:
    """What a bound is of, and which end of it: less than so much until the close is late in the day."""
    sign = bound["sign"][0]
    return _clock(bound["left"]), TURNED[sign] if bound["left"] == "minutes_to_close" else sign


def _number(text: str, unit: str | None = None) -> float:
    value = float(text.replace(",", ""))
    return value * 60 if unit and unit.startswith("hour") else value


def _plain(value: float) -> str:
    return f"{value:.10g}"


def _exchanged(work: Amended, old: float, new: float, *, among: Callable[[str], bool] = lambda _rule: True) -> None:
    """One number for another, wherever it stands in one role."""
    found = dict[str, str]()
    roles = set[str]()
    for text in filter(among, work.rules):
        changed = text
        for was, now in ((old, new), (1 - old / 100, 1 - new / 100), (1 + old / 100, 1 + new / 100)):
            number = re.compile(rf"(?<![\w.]){re.escape(_plain(was))}(?:\.0)?(?![\w.])")
            for match in number.finditer(text):
                before = re.search(r"(\w+=|[<>]=? |\* |buy |loss |profit |stop |size |most |wait |\()$", text[: match.start()])  # fmt: skip
                roles.add(re.sub(r"[<>]=? ", "level", before[1]) if before else "")
            if number.search(changed):
                changed = number.sub(_plain(now), changed)
                break
        if changed != text:
            found[text] = changed
    if not found or len(roles) != 1:
        raise _Unclear
    for text, changed in found.items():
        work.replace(text, read_rule(changed).text)


def _size_for_size(work: Amended, match: re.Match[str]) -> None:
    read = statements_of(f"use {match['size']}")
    stood = [each for each in work.rules if each.startswith("size")]
    if len(read) != 1 or read[0].kind != "setting" or len(stood) != 1:
        raise _Unclear
    work.replace(stood[0], rules_of_statement(read[0])[0])


def _limit_anew(work: Amended, match: re.Match[str]) -> None:
    """“Make it 5 a day”: how often it buys, where that was limited before."""
    stood = [each for each in work.rules if each.startswith(RuleKind.LIMIT.value)]
    if len(stood) != 1:
        raise _Unclear
    work.replace(stood[0], read_rule(f"at most {match['new']} buys a day").text)


def _break_even(work: Amended, match: re.Match[str]) -> None:
    work.add(read_rule(f"stop loss 0% when gain >= {_plain(_number(match['new']))}").text)


def _beside(work: Amended, match: re.Match[str]) -> None:
    """“Change 1 % below VWAP to 0.7 %”: where the rule speaks of it."""
    name = _INDICATORS[match["about"].lower()]
    _exchanged(work, _number(match["old"]), _number(match["new"]), among=lambda rule: name in rule)


def _new_for_old(work: Amended, match: re.Match[str]) -> None:
    _exchanged(work, _number(match["old"], match["old_unit"]), _number(match["new"], match["new_unit"] or match["old_unit"]))  # fmt: skip


def _exit_moved(work: Amended, match: re.Match[str]) -> None:
    kind = _EXITS[match[1].lower()]
    stood = work.exits(kind)
    if not stood:
        raise _Unclear
    for old in stood:
        work.replace(old, None)
    work.add(f"{kind.value} {_plain(_number(match[2]))}%")


def _only_percent(work: Amended, match: re.Match[str]) -> None:
    """“Make it 3 %”: the one percentage that there is."""
    found = re.compile(r"(?:loss|profit|stop|size|gain [<>]=|drop >=) -?(\d+(?:\.\d+)?)")
    stood = [each for each in work.rules if found.search(each)]
    if len(stood) != 1 or len(found.findall(stood[0])) != 1:
        raise _Unclear
    place = found.search(stood[0])
    assert place is not None
    new = f"{stood[0][: place.start(1)]}{_plain(_number(match['new']))}{stood[0][place.end(1) :]}"
    work.replace(stood[0], read_rule(new).text)


def _opening_range(work: Amended, match: re.Match[str]) -> None:
    stood = [each for each in work.rules if "opening_" in each]
    if not stood:
        raise _Unclear
    for text in stood:
        work.replace(text, read_rule(re.sub(r"(opening_(?:high|low))\(\d+\)", rf"\g<1>({_plain(_number(match['new']))})", text)).text)  # fmt: skip


def _scaled(work: Amended, match: re.Match[str]) -> None:
    factor = 2.0 if match[1].lower() == "double" else 0.5
    for name in re.findall(_EXIT, match[2], re.IGNORECASE):
        stood = work.exits(_EXITS[name.lower()])
        if len(stood) != 1:
            raise _Unclear
        numbers = re.findall(r"-?\d+(?:\.\d+)?", stood[0])
        if len(numbers) != 1:
            raise _Unclear
        work.replace(stood[0], read_rule(stood[0].replace(numbers[0], _plain(float(numbers[0]) * factor))).text)


def _exit_removed(work: Amended, match: re.Match[str]) -> None:
    stood = work.exits(_EXITS[match[1].lower()])
    if not stood:
        raise _Unclear
    for old in stood:
        work.replace(old, None)


def _trailing_instead(work: Amended, match: re.Match[str]) -> None:
    stood = work.exits(RuleKind.STOP)
    far = re.search(r"(\d+(?:\.\d+)?)(?:%|$)", stood[0]) if len(stood) == 1 else None
    if far is None or match is None:
        raise _Unclear
    work.replace(stood[0], f"trailing stop {far[1]}%")


def _condition_removed(work: Amended, match: re.Match[str]) -> None:
    name = _INDICATORS[match[1].lower()]
    found = False
    for text in list(work.rules):
        rule = read_rule(text)
        if rule.condition is None or name not in ast.unparse(rule.condition):
            continue
        left = _without(rule.condition, name)
        if left is None and rule.kind is not RuleKind.ONLY:
            raise _Unclear
        found = True
        work.replace(text, None if left is None else Rule(rule.kind, left, rule.value).text)
    if not found:
        raise _Unclear


def _beside_removed(work: Amended, match: re.Match[str]) -> None:
    """“Remove the SPY filter”: what bounds buying by another symbol alone."""
    of_it = f"bars.of({match['beside'].removeprefix('$').upper()!r})"
    stood = [each for each in work.rules if of_it in each]
    if not stood or any(read_rule(each).kind is not RuleKind.ONLY for each in stood):
        raise _Unclear
    for old in stood:
        work.replace(old, None)


def _without(node: ast.expr, name: str) -> ast.expr | None:
    """A condition without the parts that speak of something; None where nothing is left."""
    if isinstance(node, ast.BoolOp):
        values = [each for each in (_without(value, name) for value in node.values) if each is not None]
        return None if not values else values[0] if len(values) == 1 else ast.BoolOp(node.op, values)
    return None if name in ast.unparse(node) else node


def _kind_of_average(work: Amended, match: re.Match[str]) -> None:
    new = "ema" if re.match(r"e|exp", match["new"], re.IGNORECASE) else "sma"
    old = "sma" if new == "ema" else "ema"
    stood = [each for each in work.rules if f"ta.{old}(bars.close" in each]
    if not stood:
        raise _Unclear
    for text in stood:
        work.replace(text, read_rule(text.replace(f"ta.{old}(bars.close", f"ta.{new}(bars.close")).text)


def _parameter(work: Amended, match: re.Match[str]) -> None:
    """“Use 7 periods for the RSI”, “set the multiplier to 2”."""
    values = match.groupdict()
    name, argument = (_INDICATORS[values["name"].lower()], "length") if values.get("name") else ("", values["argument"].lower())  # fmt: skip
    pattern = re.compile(rf"({re.escape(name)}\([^()]*?{'multiplier|scalar|std' if argument == 'multiplier' else argument}=)(\d+(?:\.\d+)?)") if name else re.compile(r"((?:multiplier|scalar|std)=)(\d+(?:\.\d+)?)")  # fmt: skip
    stood = [each for each in work.rules if pattern.search(each)]
    if not stood:
        raise _Unclear
    for text in stood:
        work.replace(text, read_rule(pattern.sub(rf"\g<1>{_plain(_number(values['new']))}", text)).text)


def _level_of_side(work: Amended, match: re.Match[str]) -> None:
    """“Change the sell to 70”: the one level by which that side is decided."""
    side = "buy when" if re.match(r"b|en", match["side"], re.IGNORECASE) else "sell when"
    stood = [each for each in work.rules if each.startswith(side) and not re.match(rf"{side} (?:minute|minutes_to_close|bars_held|gain|drop)\b", each)]  # fmt: skip
    levels = [(text, found) for text in stood for found in re.finditer(r"(?:[<>]=? |, )(-?\d+(?:\.\d+)?)(?=$| |\))", text)]  # fmt: skip
    if len(levels) != 1:
        raise _Unclear
    text, found = levels[0]
    work.replace(text, read_rule(f"{text[: found.start(1)]}{_plain(_number(match['new']))}{text[found.end(1) :]}").text)


def _both_lengths(work: Amended, match: re.Match[str]) -> None:
    """“Use the 20 and 50 SMA”: both lengths of two averages."""
    lengths = sorted({float(each) for text in work.rules for each in re.findall(r"ta\.[seh]ma\(bars\.close, length=(\d+)", text)})  # fmt: skip
    new = sorted([_number(match[1]), _number(match[2])])
    if len(lengths) != 2 or lengths == new:
        raise _Unclear
    for text in [each for each in work.rules if "ma(bars.close, length=" in each]:
        changed = re.sub(r"(ta\.[seh]ma\(bars\.close, length=)(\d+)", lambda each: f"{each[1]}{_plain(new[lengths.index(float(each[2]))])}", text)  # fmt: skip
        if changed != text:
            work.replace(text, read_rule(changed).text)


def _levels_of(work: Amended, match: re.Match[str]) -> None:
    """“Use 20 and 15 for the ADX levels”: in the order of buying and selling."""
    name = _INDICATORS[match[3].lower()]
    pattern = re.compile(rf"({re.escape(name)}\([^()]*\)(?:\.\w+)? [<>]=? |{re.escape(name)}\([^()]*\)(?:\.\w+)?, )(-?\d+(?:\.\d+)?)")  # fmt: skip
    for side, new in (("buy", match[1]), ("sell", match[2])):
        stood = [each for each in work.rules if each.startswith(side) and pattern.search(each)]
        if len(stood) != 1 or len(pattern.findall(stood[0])) != 1:
            raise _Unclear
        work.replace(stood[0], read_rule(pattern.sub(rf"\g<1>{_plain(_number(new))}", stood[0])).text)


def _again(_work: Amended, _match: re.Match[str]) -> None:
    """Words that lead to what is said next."""


def _rules(*pairs: tuple[str, Callable[[Amended, re.Match[str]], None]]) -> Iterator[tuple[re.Pattern[str], Callable[[Amended, re.Match[str]], None]]]:  # fmt: skip
    for pattern, change in pairs:
        yield re.compile(rf"(?:{pattern})(?=$|[\s,.;!])", re.IGNORECASE), change


_NEW, _OLD = rf"(?P<new>{_N[1:-1]})(?:\s*(?P<new_unit>%|percent|bars?|minutes?|mins?|periods?|hours?))?", rf"(?P<old>{_N[1:-1]})(?:\s*(?P<old_unit>%|percent|bars?|minutes?|mins?|periods?|hours?))?"  # fmt: skip
_CHANGES = tuple(
    _rules(
        (rf"(?:(?:use|make it|make that|take|try|have|with|let's use|set it to|put) )?{_NEW} (?:instead of|rather than|in place of|and not|, not|not) (?:the )?{_OLD}", _new_for_old),
        (r"(?:(?:use|make it|make that|take|trade) )?(?P<size>[\d.]+ ?% of [a-z ]+?|\d+ shares|\$[\d,.]+|[\d,.]+ dollars) instead of (?:the )?(?:[\d.]+ ?% of [a-z ]+|\d+ shares|\$[\d,.]+|[\d,.]+ dollars)", _size_for_size),
        (rf"{_NEW} later, not {_OLD}", _new_for_old),
        (rf"{_CHANGE} (?:the )?{_OLD} (?:below|above|under|over) (?:the |its )?(?P<about>{'|'.join(_INDICATORS)}) to {_NEW}", _beside),
        (rf"(?:(?:after|on) [a-z ]{{1,30}}? )?{_CHANGE} (?:the |my )?stop(?: loss)? to (?:break ?-?even|entry|the entry price|my entry price)(?: price)? (?:at|when (?:it is |it's |we're |i'm )?(?:up )?|once (?:it is |it's )?(?:up )?|after) ?\+?(?P<new>{_N[1:-1]}) ?%(?: (?:profit|gain))?", _break_even),
        (rf"(?:replace|swap|exchange) (?:the )?{_OLD} (?:with|by|for|to) {_NEW}", _new_for_old),
        (rf"{_CHANGE} {_THING}{_OLD}(?: [a-z]+){{0,4}}? (?:to|into) {_NEW}", _new_for_old),
        (rf"{_CHANGE} {_THING}{_EXIT} (?:to|at|into|be)? ?{_N}\s*(?:%|percent)", _exit_moved),
        (rf"(?:make|have) {_THING}{_EXIT} {_N}\s*(?:%|percent)", _exit_moved),
        (rf"(?:(?:make|have|set|change) (?:it|that)(?: to)? |rather |better )?(?P<new>{_N[1:-1]}) ?(?:%|percent)(?: instead)?(?=$|[.!]? *$)", _only_percent),
        (rf"{_CHANGE} (?:the |my )?(?:opening )?range(?: to)? (?P<new>{_N[1:-1]}) minutes", _opening_range),
        (r"(?:make (?:it|that|them)|have|do|allow|up to|raise (?:it|that) to|lower (?:it|that) to|change (?:it|that) to)? ?(?P<new>\d+) (?:trades? |buys? |entries |times )?(?:a|per|each|every) day(?: are ok| is ok| is fine| are fine| max)?", _limit_anew),
        (rf"(double|halve|half) ((?: ?(?:the |both |and |, ?)*{_EXIT})+)", _scaled),
        (rf"{_REMOVE} {_THING}{_EXIT}(?: part| rule| order| exit)?(?! at| of| when| below)", _exit_removed),
        (r"(?:a |use a |make it a )?trailing(?: stop)? (?:in place of|instead of|rather than) (?:the |a )?(?:normal|fixed|regular|old|hard|plain)? ?(?:one|stop loss|stop)", _trailing_instead),
        (rf"(?:swap|replace|exchange) {_THING}{_EXIT} (?:for|with|by)(?= )", _exit_removed),
        (rf"instead of {_THING}{_EXIT},?", _exit_removed),
        (rf"{_REMOVE} {_THING}(?P<beside>(?!(?:{'|'.join(_INDICATORS)})\b)\$?[a-z]{{1,5}})(?:'s)? (?:filter|condition|rule|requirement|check)", _beside_removed),
        (rf"{_REMOVE} {_THING}({'|'.join(_INDICATORS)})(?: part| condition| filter| rule| requirement| thing| bit| check)", _condition_removed),
        (r"(?:(?:use|make it|switch to|take|change to) )?(?:the |an |a )?(?P<new>emas?|smas?|exponential(?: moving)? averages?|simple(?: moving)? averages?) (?:instead of|rather than|in place of) (?:the |an |a )?(?:emas?|smas?|exponential(?: moving)? averages?|simple(?: moving)? averages?)", _kind_of_average),
        (r"(?:use|switch to|make (?:it|them)) (?:the |an |a )?(?P<new>emas?|smas?|exponential(?: moving)? averages?|simple(?: moving)? averages?)", _kind_of_average),
        (rf"(?:use|take|make it|with) (?P<new>{_N[1:-1]})[ -](?:periods?|bars?) for (?:the )?(?P<name>{'|'.join(_INDICATORS)})", _parameter),
        (rf"{_CHANGE} (?:the )?(?P<name>{'|'.join(_INDICATORS)})(?: length| period| periods)? to (?P<new>{_N[1:-1]})(?: periods?| bars?)?", _parameter),
        (rf"{_CHANGE} (?:the )?(?P<argument>multiplier) (?:to )?(?P<new>{_N[1:-1]})", _parameter),
        (rf"{_CHANGE} (?:the )?(?P<side>sell|exit|buy|entry|selling|buying)(?: level| threshold| limit)? (?:to|at)? ?(?P<new>{_N[1:-1]})", _level_of_side),
        (rf"(?P<side>sell|exit|buy|enter) (?:at|above|below|over|under) (?P<new>{_N[1:-1]}) instead", _level_of_side),
        (rf"(?:use|make it|make them|take|switch to|with)(?: the)? {_N} and {_N}(?: bars?)?(?: smas?| emas?| averages?| moving averages?)?", _both_lengths),
        (rf"(?:use|take|make it|with) {_N} and {_N} for (?:the )?({'|'.join(_INDICATORS)})(?: levels?| thresholds?)?", _levels_of),
    )
)  # fmt: skip
# The order matters: the longer forms of “20 and 15 for the ADX levels” come before “20 and 50”.
_CHANGES = (_CHANGES[-1], *_CHANGES[:-1])
_PREFIXES = tuple(
    (re.compile(pattern, re.IGNORECASE), prefix)
    for pattern, prefix in (
        (r"(?:add|use|set|have)? ?(?:a |an |one more |another )?(?:filter|condition|requirement|entry filter|entry condition)(?: that|:)? ", "only buy when "),
        (r"(?:it )?(?:require|requires|demand|insist)(?: that)? ", "only buy when "),
        (r"only (?:take|do|make|allow) (?:the |a |any )?(?:buys?|trades?|entr(?:y|ies)|longs?|purchases?|signals?|position) (?:when|if) ", "only buy when "),
        (r"only (?:when|if) ", "only buy when "),
        (r"(?:add )?(?:a )?time stop: ?", ""),
        (r"(?:cap|limit|restrict) (?:the )?(?:holding time|hold time|holding period|time in the trade|trade duration|holding) (?:at|to) ", "hold for "),
        (r"(?:the )?(?:sell|exit) should be when ", "sell when "),
        (r"(?:the )?(?:buy|entry) should be when ", "buy when "),
        (r"(?:add|use|put|include|set)(?: a| an| the)? ", ""),
    )
)  # fmt: skip
