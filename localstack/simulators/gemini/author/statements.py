"""Sentences of a request: to buy and to sell, stops and targets, sizes, hours, how often. Every word is taken by a rule of the grammar, or noted as unread."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

from simulators.gemini.author.conditions import (
    Memory,
    amount_of,
    condition,
    minute_of_day,
    time_condition,
    weekdays,
)
from simulators.gemini.author.rules import (
    Both,
    Compare,
    Condition,
    Cross,
    Either,
    Held,
    Not,
    Number,
    Plan,
    Result,
    Rule,
    Series,
    Setting,
    TimeOfDay,
    Trail,
    Turn,
    Weekdays,
    contrary,
)
from simulators.gemini.author.scanner import BARS, N, Scanner, Unexpressible, bars_of
from simulators.gemini.author.series import CLOSE, average, band, channel, macd, oscillator, series
from simulators.gemini.author.symbols import COMPANIES
from simulators.gemini.author.wording import Wording

_BUY = r"(?:in(?= when| if)|go(?:es)? all in(?= )|buys?|buying|enters?|entering|(?:go|goes|going|get|gets) long|get in|gets in|longs?|purchases?|purchasing|(?:open|take|start|initiate)s? (?:a |an )?(?:new )?(?:long )?(?:position|trade)s?|open long|entry|entries|invests?|acquires?|pick up|buy in|(?:get|gets|grab)(?: me| us)?(?= (?:some|@)))"
_SELL = r"(?:(?:out|flat)(?= when| if| at)|sells?|selling|exits?|exiting|(?:get|gets|getting) out|close (?:out )?(?:it|the position|the trade|my position|positions?|everything|all|out|long)|closes? (?:the |my )?(?:position|trade)s?|close|liquidates?|(?:take|takes|taking) profits?|dump|unwind|bail(?: out)?|cash out|leaves?|flatten)"
_WHEN = r"(?:(?:only |but only |except |immediately |right |again )?(?:when(?:ever)?|if|once|as soon as|after|on|upon|at|while|as long as|every time|each time|any time|in case|the moment|where|for|following))"
_FILLERS = (
    r"(?:please|hi|hello|hey|thanks|thank you|ok(?:ay)?|so|well|just|simply|basically|then|also|and then|and also|and|additionally|furthermore|moreover|otherwise|finally|but|with|plus|too|as well|again|now|always|immediately|automatically|sure|instead)"
    r"|(?:i|we) (?:want|would like|need|wish|like|think|prefer|plan|am looking for|am looking)(?: you)?(?: to| for)?(?: have)?|(?:can|could|would|will) you(?: please)?|help me(?: to)?|give me|let us|let me|i would|you should|it should|should|must|it must|it will|will|we will|i will"
    r"|(?:write|make|create|build|generate|design|code|implement|develop|set up|try|do|run|use|using|have|show)(?: me| us| a| an)*(?: (?:simple|basic|nice|good|little|small|new|profitable|robust|trading|python))*(?: (?:strategy|bot|algorithm|algo|system|script|rule|one|something|code|robot))(?: (?:that|which|to|for|where|based on|around|using|with|where it|so that it|in which|of))*"
    r"|(?:a|an|the|my|this|simple|basic|classic|standard|long only|trend following|mean reversion|momentum|scalping|swing|intraday|day trading|algorithmic|automated)+ (?:strategy|bot|algorithm|algo|system|script|approach|trade|trades|trading|rule|rules|scalper|idea)s?(?: (?:that|which|to|for|where|based on|around|using|with|of|on|is|would be|goes like this|as follows))*"
    r"|(?:whichever (?:comes|happens) first|(?:with )?(?:the )?(?:standard|default|usual) settings|hi all|hello everyone|first post here|in advance|that is it|\d \.|symbol(?: :)? (?=@)|read|is read as)|(?:strategy|scalp(?:ing)?|rules?|entry rules?|exit rules?|idea|mean reversion|trend following|momentum strategy|the idea is|my idea|the rules are|rule \d|step \d)(?: is| are)?:?|long only|1\)|2\)|3\)|- |\* |the strategy(?: should| will| must)?|it|that|which|a|an|the|to|for|me"
)
_ORDER_SUBJECT = r"(?:@\S+(?: 's)?(?: (?:stock|shares?|coins?))?|(?:the |some |a |an |my |more )*(?:stock|shares?|coins?|position|it|them|dips?|pullbacks?|breakouts?|dip|long|asset|market|everything|all(?: of it| shares| my shares| of them)?))"


class Reader:
    """Reads one request into a plan."""

    def __init__(self, wording: Wording, memory: Memory | None = None) -> None:
        self.wording = wording
        self.scan = Scanner(wording.text)
        self.memory = memory or Memory()
        self.plan = Plan()
        self._reverse: Condition | None = None
        self.held_back: list[tuple[Condition, tuple[int, int]]] = []

    def read(self) -> Plan:
        """The plan; words that no rule took are in `unread`."""
        for match in re.finditer(r"@\S+", self.wording.text):
            self.plan.symbols.append((match[0][1:].upper(), match.span()))
        while not self.scan.done:
            if self.scan.take(r"[,.;:!?()\"'/*+-]+"):
                continue
            at = self.scan.at
            try:
                if self._statement():
                    continue
                self.scan.at = at
                if self.scan.take(_FILLERS):
                    continue
            except Unexpressible as question:
                self.plan.questions.append(str(question))
                self.scan.at = max(self.scan.at, at)
                self._skip_sentence()
                continue
            begin = self.scan.start
            self.scan.word()
            self._unread(begin, self.scan.at)
        self._hold_exits_back()
        self.plan.assumptions += [*self.wording.notes, *self.memory.notes]
        self.plan.assumptions += [
            f"Times of {each.split()[1].capitalize()} are {abs(self.scan.known[each][0]):g} hours {'later' if self.scan.known[each][0] < 0 else 'earlier'} than New York's; in the weeks in which only one of them has changed its clocks it is an hour off."
            for each in self.scan.known
            if each.startswith("zone ")
        ]
        self.plan.assumptions += [
            f"“{name.capitalize()}” is read as {symbol}."
            for name, symbol in COMPANIES.items()
            if name == "google" and re.search(r"\bgoogle\b|\balphabet\b", self.wording.original, re.IGNORECASE)
        ]
        late = [each.condition for each in self.plan.rules if each.kind == "exit"]
        for found in late:
            for part in found.parts if isinstance(found, Either) else (found,):
                if (
                    isinstance(part, TimeOfDay)
                    and not part.until
                    and not any(
                        isinstance(each.condition, TimeOfDay) and each.kind == "filter" for each in self.plan.rules
                    )
                ):
                    self.plan.rules.append(Rule("filter", TimeOfDay(part.minute, until=True), (0, 0)))
                    self.plan.assumptions.append(
                        f"It does not buy after {part.minute // 60}:{part.minute % 60:02d}, the time at which it sells."
                    )
        only = [each for each in self.plan.rules if each.kind == "entry" and each.assumed == ("only",)]
        if only and len(self.plan.of("entry")) > len(only):
            # "Only buy if …" before the rule itself: it restricts that rule.
            self.plan.rules = [
                replace(each, kind="filter", assumed=()) if each in only else each for each in self.plan.rules
            ]
        return self.plan

    def _skip_sentence(self) -> None:
        match = re.compile(r"[^.;!?]*").match(self.scan.text, self.scan.at)
        self.scan.at = match.end() if match else len(self.scan.text)

    def _unread(self, begin: int, end: int) -> None:
        if (
            self.plan.unread
            and not re.search(r"[.;]", self.wording.text[self.plan.unread[-1][1] : begin])
            and begin - self.plan.unread[-1][1] <= 2
        ):
            self.plan.unread[-1] = (self.plan.unread[-1][0], end)
        else:
            self.plan.unread.append((begin, end))

    def _statement(self) -> bool:
        readers: tuple[Callable[[], bool], ...] = (
            self._frequency,
            self._pause,
            self._overnight,
            self._stops,
            self._size_sentence,
            self._hold_back,
            self._prohibition,
            self._hours,
            self._hold,
            self._partial,
            self._trade,
            self._leading,
            self._opposite,
            self._topic,
            self._title,
            self._subject,
        )
        for read in readers:
            at = self.scan.at
            if read():
                return True
            self.scan.at = at
        return False

    def _rule(
        self, kind: Literal["entry", "exit", "filter"], found: Condition, begin: int, *assumed: str, part: float = 1.0
    ) -> None:
        self.plan.rules.append(Rule(kind, found, (begin, self.scan.at), tuple(each for each in assumed if each), part))

    # Buying and selling ------------------------------------------------------------------------------------------

    def _verb(self) -> Literal["entry", "exit"] | None:
        scan = self.scan
        scan.take(
            r"(?:then |i |we |it |you |please |only |and |should |will |would |to |immediately |want to |a |the |signal to |trigger a |do a )+"
        )
        begin = scan.start
        if scan.take(rf"{_BUY}(?: signal| rule| condition| trigger)?(?: is)?(?: :)?(?= |$)"):
            if "all in" in scan.text[begin : scan.at]:
                self.plan.settings.append(Setting("equity", 1.0, (begin, scan.at)))
            return "entry"
        if scan.take(rf"{_SELL}(?: signal| rule| condition| trigger)?(?: is)?(?: :)?(?= |$)"):
            return "exit"
        return None

    def _object(self) -> None:
        """What is bought, and how much."""
        for _ in range(6):
            at = self.scan.at
            if self.scan.take("with|using|for") and self._size():
                continue
            self.scan.at = at
            if (
                self._size()
                or self.scan.take(_ORDER_SUBJECT)
                or self.scan.take(
                    r"(?:at market|at the market|at market price|a position in|position in|of|in|worth of|a|an|some|again|back|out|position|my position|the position|into)"
                )
            ):
                continue
            break

    def _trade(self) -> bool:
        begin = self.scan.start
        side = self._verb()
        if side is None:
            return False
        self.memory.position = side == "exit"
        self._object()
        self.scan.take(r"(?:also|again|too|as well|(?:every|each) (?:trading )?day|daily)(?: :)?")
        self.scan.take(":")
        here = self.scan.at
        if not (self.scan.take(",") and self.scan.sees(_WHEN)):
            self.scan.at = here
        at = self.scan.at
        self.scan.take(_WHEN)
        if side == "exit" and self._sell_at_time(begin):
            return True
        if side == "exit" and self._with_stop():
            return True
        if side == "entry" and self._at_the_open(begin):
            return True
        found = condition(self.scan, self.memory)
        if found is None:
            # "Sell at the middle band."
            self.scan.at = at
            found = condition(self.scan, self.memory)
        if found is None:
            self.scan.at = at
            if side == "entry" and self._buy_at_time(begin):
                return True
            if self.scan.take(
                rf"(?:{_WHEN} )?(?:the )?(?:opposite|reverse|contrary|vice versa|other way round|inverse|otherwise)(?: happens| occurs| is true| signal| condition| cross(?:over)?| direction)*"
            ) and self._add_reverse(begin):
                return True
            self.scan.at = at
            return False if self.scan.at == begin else self._bare(side, begin)
        if side == "entry":
            self._bought(found)
        self._rule(side, found, begin)
        self._tail()
        return True

    def _with_stop(self) -> bool:
        """“Exit with a 2 ATR trailing stop.”"""
        at = self.scan.at
        if self.scan.take("with|on|using|by|at") and self._stops():
            return True
        self.scan.at = at
        return False

    def _at_the_open(self, begin: int) -> bool:
        scan = self.scan
        at = scan.at
        if scan.take(
            r"(?:at )?(?:the )?(?:market )?(?:open|opening bell|opening)(?= |$)(?: of the (?:day|market))?(?: every day| each day)?"
        ) and (scan.done or scan.sees(r"[.,;]|and|sell|exit|close|(?:on |every |each )*(?:mon|tue|wed|thu|fri)\w*")):
            days = weekdays(scan)
            first = (TimeOfDay(570, until=False), TimeOfDay(571, until=True))
            self._rule("entry", Both((Weekdays(days), *first) if days else first), begin)
            return True
        scan.at = at
        return False

    def _bare(self, side: str, begin: int) -> bool:
        """A verb without a condition: it is read when it belongs to something else (a size, or “buy AAPL.”)."""
        if side == "entry" and self.plan.of("entry") and self.scan.take("then|it then"):
            return True
        rest = self.scan.text[self.scan.at :].lstrip()
        if side == "entry" and (not rest or rest[0] in ".,;:" or rest.startswith(("with ", "using ", "and "))):
            return self.scan.at > begin
        return False

    def _bought(self, found: Condition) -> None:
        """Keeps what is needed to read the rule for selling."""
        self._reverse = reverse_of(found)
        for each in found.parts if isinstance(found, Both) else (found,):
            if isinstance(each, Compare | Cross) and each.left == CLOSE and isinstance(each.right, Series):
                self.memory.bought_below = each.op in ("<", "<=") if isinstance(each, Compare) else not each.up

    def _tail(self) -> None:
        """What may follow a rule at once: a size, a time."""
        at = self.scan.at
        if self.scan.take(r",? ?(?:with|using|for|worth)") and self._size():
            return
        self.scan.at = at

    def _leading(self) -> bool:
        """“When …, buy”; “RSI below 30: buy”; “in when …”."""
        scan = self.scan
        begin = scan.start
        when = scan.take(_WHEN)
        if when is None and re.search(r"\b(?:and|or|unless|if|when)\s*[(]?\s*$", scan.text[:begin]):
            # The rest of another condition, which its rule could not read: no rule of its own.
            return False
        self.memory.position = False
        try:
            found = condition(scan, self.memory)
        except Unexpressible:
            # Perhaps it is about the position: "if it drops 2 %, sell".
            scan.at = begin
            scan.take(_WHEN)
            self.memory.position = True
            found = condition(scan, self.memory)
        if found is None:
            scan.at = begin
            when = scan.take(_WHEN)
            self.memory.position = True
            found = condition(scan, self.memory)
            if found is None:
                return False
        scan.take(
            r"(?:, |: |- |-> |=> |= |then |, then |we |i |that is |this is |it is )*(?:time to |a signal to |my signal to )?"
        )
        if scan.sees("and|or|but"):
            scan.at = begin
            return False
        after = scan.at
        side = self._verb()
        if side is None:
            if re.search(r"[.;]\s*$|^$", scan.text[after:].lstrip()[:1]) and not when:
                return False
            scan.at = begin
            return False
        if when is None and not re.search(r"[:>=]\s*(?:\w+\s*)?$", scan.text[:after].rstrip()) and side == "exit":
            # "A breakout above the high, sell below the low": what comes first is the rule to buy by.
            scan.at = begin
            return False
        self._object()
        if side == "exit" and not self.memory.position:
            again = scan.at
            scan.at = begin
            scan.take(_WHEN)
            self.memory.position = True
            other = condition(scan, self.memory)
            found = other if other is not None and scan.at <= after else found
            scan.at = again
        if side == "entry":
            self._bought(found)
        at = scan.at
        extra = None
        if scan.take(r"(?:but )?(?:only )?(?:if|when|while|as long as)"):
            extra = condition(scan, self.memory)
            if extra is None:
                scan.at = at
        if extra is not None:
            found = Both((found, extra))
        self._rule(side, found, begin)
        self._tail()
        return True

    def _add_reverse(self, begin: int) -> bool:
        if self._reverse is None:
            return False
        self._rule("exit", self._reverse, begin)
        return True

    def _opposite(self) -> bool:
        scan = self.scan
        begin = scan.start
        if self.plan.of("entry") and scan.take(
            r"(?:,? ?(?:and )?(?:flat|out|cash|in cash|nothing|no position|sell|exit)) otherwise|otherwise (?:be |stay |go )?(?:flat|out|in cash|cash)"
        ):
            return self._add_reverse(begin)
        if scan.take(
            rf"(?:and )?(?:(?:{_SELL}|do|does|out) )?(?:it )?(?:on |at |with |when |if )?(?:the )?(?:opposite|reverse|contrary|vice versa|other way round|inverse|otherwise(?: out| sell| flat| exit)?)(?: happens| occurs| is true| signal| condition| cross(?:over)?| crossing| to (?:sell|exit)| for (?:selling|the exit|exits))*"
        ):
            return self._add_reverse(begin)
        return False

    def _sell_at_time(self, begin: int) -> bool:
        """“Sell at 15:30”, “before the close”, “after 20 minutes”, “20 bars later”, “at a 3 % gain”, “half of it at 2 %”."""
        scan = self.scan
        at = scan.at
        match = scan.take(
            r"(?:it )?(?:before|by|at|into|near|shortly before|just before|right before|prior to)?(?: the)? ?(?:market close|close of (?:trading|the market|the day)|closing bell|end of (?:the )?(?:trading )?(?:day|session)|eod|the close|(?<=at )close(?! of|<|>| <| >| [abiuocgfd])|day 's end)(?: at the latest)?(?: every day| each day)?"
        )
        if match:
            self._rule("exit", TimeOfDay(955, until=False), begin)
            self.plan.rules.append(Rule("filter", TimeOfDay(955, until=True), (begin, scan.at)))
            return True
        match = scan.take(
            rf"(?:no later than|at most|for|exactly|about)* ?{N} ({BARS}|hours?|days?|weeks?)(?: later| after (?:entry|buying|that|the (?:buy|entry|purchase))| after| have passed| at the latest)?"
        )
        if match is None:
            word = scan.take(
                r"(half an hour|an hour|one hour|a day|one day|a minute|a week)(?: later| after (?:entry|buying|that))?"
            )
            if word:
                span = {"half an hour": 30.0, "an hour": 60.0, "one hour": 60.0, "a minute": 1.0}.get(word[1])
                bars = span if span else bars_of(1, word[1].split()[-1], f"Holding for {word[1]}")
                self._rule("exit", Held(bars), begin)
                return True
        if match and not self.scan.sees(r"(?:high|low|average|moving|ema|sma|rsi)"):
            self._rule("exit", Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}")), begin)
            return True
        scan.at = at
        days = weekdays(scan)
        scan.take("at|around|by")
        minute = minute_of_day(scan)
        if minute is not None and 0 < minute < 1440:
            scan.take(r"(?:every|each) (?:trading )?day|daily|sharp|at the latest")
            days = days or weekdays(scan)
            later = TimeOfDay(minute, until=False)
            self._rule("exit", Both((Weekdays(days), later)) if days else later, begin)
            return True
        scan.at = at
        return False

    def _buy_at_time(self, begin: int) -> bool:
        scan = self.scan
        scan.take(r"(?:at|around|exactly at)")
        minute = minute_of_day(scan)
        if minute is None or not 0 < minute < 1440:
            days = weekdays(scan)
            if days:
                self._rule("entry", Weekdays(days), begin)
                return True
            return False
        days = weekdays(scan)
        scan.take(r"(?:every|each) day|daily")
        timed: Condition = Both((TimeOfDay(minute, until=False), TimeOfDay(minute + 1, until=True)))
        self._rule("entry", Both((timed, Weekdays(days))) if days else timed, begin)
        return True

    def _hold(self) -> bool:
        scan = self.scan
        begin = scan.start
        match = scan.take(
            rf"(?:and )?(?:then )?(?:hold(?:s|ing)?|keep|stay(?:s)? in)(?: it| them| the position| on| every position| each position| positions)*(?: for)?(?: at most| exactly| about| no longer than| a maximum of| max| up to)* ?(?:{N} ({BARS}|hours?|days?|weeks?|months?)|(half an hour|an hour|one hour|a day|a week))"
        )
        if match is None:
            match = scan.take(
                rf"(?:time stop|max(?:imum)? hold(?:ing)?(?: time| period)?|time exit)(?: of| is|:)? ?(?:{N} ({BARS}|hours?|days?)|(an hour))"
            )
        if match is None:
            return False
        words = f"Holding for {match[1] or ''} {match[2] or match[3]}"
        bars = (
            bars_of(float(match[1]), match[2], words)
            if match[1]
            else {"half an hour": 30.0, "an hour": 60.0, "one hour": 60.0}.get(match[3])
            or bars_of(1, match[3].split()[-1], words)
        )
        scan.take(r"(?:and |, )?then (?:sell|exit|close)(?: it)?|before (?:selling|exiting)")
        self._rule("exit", Held(bars), begin)
        return True

    def _partial(self) -> bool:
        """“Sell half at 2 %”."""
        scan = self.scan
        begin = scan.start
        match = scan.take(
            rf"(?:and |then )?(?:sell|close|exit|take|scale out(?: of)?|take profits? on)(?: off)? (half|a half|one half|a third|one third|a quarter|one quarter|{N} ?%|(?:the )?(?:rest|remainder|other half|remaining half|remaining))(?: (?:of )?(?:it|them|the (?:position|shares|holding)|my (?:position|shares)|position|shares|off))*"
        )
        if match is None and any(each.part != 1 for each in self.plan.of("exit")):
            match = scan.take(
                r"(?:and )?(the (?:rest|remainder|other half|remaining half|remaining)()(?: position| shares)?)"
            )
        if match is None:
            return False
        part = (
            {"half": 0.5, "third": 1 / 3, "quarter": 0.25}.get(match[1].split()[-1])
            if not match[2]
            else float(match[2]) / 100
        )
        if (
            match[1].split()[-1] in ("rest", "remainder", "remaining")
            or "other half" in match[1]
            or "remaining half" in match[1]
        ):
            part = 1.0
        if part is None:
            return False
        scan.take(_WHEN)
        self.memory.position = True
        amount = amount_of(scan)
        if amount:
            scan.take(r"(?:profit|gain|up|above entry)")
            self._rule("exit", Result(amount[0], amount[1], True), begin, part=part)
            return True
        if part == 1.0 and self._sell_at_time(begin):
            return True
        found = condition(scan, self.memory)
        if found is None:
            return False
        self._rule("exit", found, begin, part=part)
        return True

    # Stops and targets ---------------------------------------------------------------------------------------------

    def _stops(self) -> bool:
        scan = self.scan
        begin = scan.start
        lead = (
            r"(?:(?:with|use|using|set|place|put|add|have|has|include|apply|and|plus|my|a|an|the|at|keep|employ)s? )*"
        )
        near = r"(?: (?:of|at|is|set|to|by|about|equal to|:|placed|from|loss|order|with))*"
        scan.take(lead.rstrip())
        if scan.take(
            rf"(?:trailing stop(?: loss)?(?: order)?|trail(?:ing)?(?: the| my| a)?(?: stop)?(?: loss)?|stop(?: loss)? trailing){near}(?: by)?"
        ):
            amount = amount_of(scan)
            if amount is None:
                raise Unexpressible("A trailing stop: how far below the highest price, in percent or dollars?")
            scan.take(
                r"(?:below|under|from|behind|off) (?:the |its )?(?:highest|high|peak|top|price)(?: close| price)?(?: (?:since (?:the )?(?:entry|purchase|buying)))?|trail(?:ing)?"
            )
            self._rule("exit", Trail(*amount), begin)
            return True
        match_at = scan.at
        amount = amount_of(scan)
        if amount and scan.take(r"trailing(?: stop)?(?: loss)?"):
            self._rule("exit", Trail(*amount), begin)
            return True
        if amount and scan.take(r"(?:hard |fixed )?(?:stop loss|stop|sl|max(?:imum)? loss)(?: order| per trade)?"):
            self._rule("exit", Result(amount[0], amount[1], False), begin)
            return True
        if amount and scan.take(r"(?:take profit|profit target|price target|target|tp|profit taking)"):
            self._rule("exit", Result(amount[0], amount[1], True), begin)
            return True
        scan.at = match_at
        if scan.take(
            rf"(?:hard |fixed |protective |initial )?(?:stop loss|stop|stops|stoploss|sl|max(?:imum)? loss|cut losses|cut (?:my |the )?losses|cut (?:the |my )?loss)(?: order)?{near}"
        ):
            amount = amount_of(scan)
            if amount is None:
                return False
            scan.take(
                r"(?:below|under|beneath|from) (?:the |my )?(?:entry|purchase|buy|cost|fill)(?: price)?|loss|per trade|stop|away"
            )
            self._rule("exit", Result(amount[0], amount[1], False), begin)
            return True
        if scan.take(
            rf"(?:take profits?|profit targets?|price targets?|targets?|tp|take gains|profit)(?: order)?{near}"
        ):
            amount = amount_of(scan)
            if amount is None:
                return False
            scan.take(r"(?:above|over|from) (?:the |my )?(?:entry|purchase|buy|cost)(?: price)?|profit|gain|per trade")
            self._rule("exit", Result(amount[0], amount[1], True), begin)
            return True
        return False

    # Sizes -----------------------------------------------------------------------------------------------------------

    def _size_sentence(self) -> bool:
        scan = self.scan
        begin = scan.start
        if self._size():
            return True
        if not scan.take(
            r"(?:(?:with|use|using|invest(?:ing|s)?|risk(?:ing)?|allocate|allocating|commit|put|size|position size|trade size|order size|trade|for|worth|spend|spending|each trade uses|each (?:trade|position|order|time)|per trade|sizing)(?: (?:of|is|:|only|about|around|in|with|use|uses|at|equal to))*)"
        ):
            return False
        if re.search(r"\brisk", scan.text[begin : scan.at]):
            raise Unexpressible(
                "Risking a part of the account means a size that depends on the stop. Which part of the equity, or how many dollars or shares, should a purchase take?"
            )
        scan.take(r"(?:on|for|in|at) (?:each|every|a|the) (?:trade|position|order|purchase|time)")
        if not self._size():
            return False
        scan.take(r"(?:in|into|on|of) (?:@\S+|it|the stock)")
        if scan.sees("when|if|whenever|once"):
            at = scan.at
            scan.take(_WHEN)
            self.memory.position = False
            found = condition(scan, self.memory)
            if found is not None:
                self._bought(found)
                self._rule("entry", found, begin)
                return True
            scan.at = at
        scan.take(
            r"(?:(?:each|every) time|per (?:trade|position|order|purchase|entry)|(?:on|for|in|into|at|to) (?:each|every|a|the|any) (?:trade|position|order|purchase|entry|time)|each|in it|into it)"
        )
        return True

    def _size(self) -> bool:
        scan = self.scan
        begin = scan.start
        of_all = r"(?:of )?(?:my |the |its |our |your |available |total |account |current |all )*(?:equity|portfolio|capital|cash|account|money|balance|funds|buying power|net worth|account value|account balance)"
        kind: Literal["equity", "cash", "shares"] | None = None
        value = 0.0
        match = scan.take(rf"{N} ?% {of_all}")
        thousands = None if match else scan.take(rf"{N} ?(k|thousand|grand)(?: (?:dollars|usd|bucks))? worth(?: of)?")
        if match:
            kind, value = "equity", float(match[1]) / 100
        elif thousands:
            kind, value = "cash", float(thousands[1]) * 1000
        elif match := scan.take(
            rf"(half|a half|a quarter|one quarter|a third|one third|all|everything|a tenth|one tenth) {of_all}"
        ):
            kind, value = (
                "equity",
                {"half": 0.5, "quarter": 0.25, "third": 1 / 3, "all": 1.0, "everything": 1.0, "tenth": 0.1}[
                    match[1].split()[-1]
                ],
            )
        elif match := scan.take(
            rf"\$ ?{N}(?: ?(k|thousand))?(?: worth)?(?: of)?|{N}(?: ?(k|thousand))? ?(?:dollars|usd|bucks)(?: worth)?(?: of)?"
        ):
            kind, value = "cash", float(match[1] or match[3]) * (1000 if match[2] or match[4] else 1)
        elif match := scan.take(rf"(?:{N}|(a|one|a single)) (?:shares?|coins?|units?|contracts?|lots?)(?: of)?"):
            if "contract" in match[0] or "lot" in match[0]:
                raise Unexpressible(
                    "Lots and contracts are not traded here. How many shares or coins, or dollars, should a purchase take?"
                )
            kind, value = "shares", float(match[1]) if match[1] else 1.0
        if kind is None:
            return False
        scan.take(r"(?:per|each|for each|every) (?:trade|order|position|time|entry)")
        if self.memory.position and kind != "equity":
            raise Unexpressible(
                "Selling a number of shares or dollars: please say which part of the position is sold, such as half."
            )
        self.plan.settings.append(Setting(kind, value, (begin, scan.at)))
        return True

    # Hours, days, how often --------------------------------------------------------------------------------------------

    def _frequency(self) -> bool:
        scan = self.scan
        begin = scan.start
        times = r"(?:trades?|entries|entry|buys?|purchases?|positions?|times?|orders?|round trips?|signals?)"
        a_day = r"(?:per|a|each|every|in a|in one|any one) (?:trading )?(?:day|session)|daily"
        match = scan.take(
            rf"(?:(?:but |and |with |do |make |take |buy |trade |allow |only |at most |no more than |not more than |max(?:imum)?(?: of)? |a maximum of |up to |limit(?:ed)?(?: it)?(?: to)? )+)(?:{N}|(once|one|a single|twice)) ?(?:new )?{times}? ?(?:{a_day})(?: max(?:imum)?)?"
            rf"|(once|twice|{N} {times}) (?:{a_day})(?: max(?:imum)?| at most)?|max(?:imum)? (?:daily|day) trades?:? {N}|one {times} (?:{a_day})|only one {times} (?:{a_day})"
        )
        if match is None:
            return False
        count = match[1] or match[4] or match[5]
        value = float(count) if count else 2.0 if "twice" in match[0] else 1.0
        self.plan.settings.append(Setting("a day", value, (begin, scan.at)))
        return True

    def _pause(self) -> bool:
        scan = self.scan
        begin = scan.start
        scan.take(r"after (?:selling|a sale|an exit|each sale|every sale|a trade|exiting|each trade),?")
        match = scan.take(
            rf"(?:and |then )?(?:(?:wait|pause|cool ?down|cooldown)(?: for| of| at least)*|do not (?:re ?enter|buy again|trade again|reenter)(?: for| within)|no (?:re ?entry|new (?:trades?|buys?))(?: for| within)) {N} ({BARS}|hours?|days?)(?: (?:after|between|before|following|of)(?: (?:an?|the|each|every|my|any|re))* ?(?:exit(?:s|ing)?|sale|sell(?:ing)?|trades?|(?:the )?last (?:trade|sale|exit)|closing(?: a position)?|position|buying again|entering again|re ?entering|reentering|re ?entry|next (?:trade|buy|entry)|new (?:trade|entry)|position is closed|cooldown))?(?: before (?:buying|entering|trading|re ?entering|the next (?:trade|buy|entry))(?: again)?)?(?: again)?"
        )
        if match is None:
            return False
        self.plan.settings.append(Setting("pause", bars_of(float(match[1]), match[2], "A pause"), (begin, scan.at)))
        return True

    def _overnight(self) -> bool:
        scan = self.scan
        begin = scan.start
        match = scan.take(
            r"(?:and |but |do |i |we )*(?:never|not|no|do not|without) hold(?:ing|s)?(?: (?:positions?|it|anything|stocks?|shares?))?(?: open)? overnight|(?:and |but )?(?:no|not|never) overnight(?: positions?| holds?| holding| risk)?"
            r"|(?:close|exit|sell|flatten|liquidate)(?: (?:all|everything|any|open|the|my|positions?|it|out|remaining))* (?:before|by|at|into|near|prior to) (?:the )?(?:market close|close|closing bell|end of (?:the )?(?:trading )?(?:day|session)|eod)(?: (?:every|each) day| daily| at the latest)?"
            r"|(?:be |stay |go )?flat (?:by|before|at|into) (?:the )?(?:close(?! :)|market close|end of (?:the )?(?:day|session)|eod)(?: every day)?|(?:intraday|day trad(?:e|es|ing)) only"
        )
        if match is None:
            minute = (
                minute_of_day(scan)
                if scan.take(
                    r"(?:be |get |go |always |all )*(?:flat|out|all sold|everything sold) (?:by|before|at|no later than)"
                )
                else None
            )
            if minute is None or not 570 < minute < 960:
                return False
            self._rule("exit", TimeOfDay(minute, until=False), begin)
            return True
        self._rule("exit", TimeOfDay(955, until=False), begin)
        self.plan.rules.append(Rule("filter", TimeOfDay(955, until=True), (begin, scan.at)))
        return True

    def _hold_back(self) -> bool:
        """“Hold at least 20 minutes”, “do not sell before it is 0.5 % up”: what has to hold too before the rule sells."""
        scan = self.scan
        begin = scan.start
        match = scan.take(
            rf"(?:but |and |, )*(?:always )?(?:hold|keep|stay in)(?: it| them| the position| positions?| every position| on)*(?: for)?(?: at least| no less than| a minimum of| minimum)+ {N} ({BARS}|hours?)"
        )
        if match:
            held: Condition = Held(bars_of(float(match[1]), match[2], f"Holding for {match[1]} {match[2]}"))
            self.held_back.append((held, (begin, scan.at)))
            return True
        if not scan.take(
            r"(?:but |and |, )*(?:i |we |it )*(?:do not|never|not|should not|must not|will not|no)(?: ever)? (?:sell|sells|selling|exit|exiting)(?: it)? (?:before|until|unless|earlier than)"
        ):
            return False
        self.memory.position = True
        minute = minute_of_day(scan)
        found = TimeOfDay(minute, until=False) if minute is not None else condition(scan, self.memory)
        if found is None:
            return False
        self.held_back.append((found, (begin, scan.at)))
        return True

    def _hold_exits_back(self) -> None:
        """Puts what holds a sale back into the rule that sells; of several ways to sell it is not plain which it is about."""
        if not self.held_back:
            return
        exits = self.plan.of("exit")
        if len(exits) != 1 or exits[0].part != 1 or isinstance(exits[0].condition, Result | Trail | TimeOfDay | Held):
            words = " and ".join(each.words for each, _ in self.held_back)
            self.plan.questions.append(
                f"Should “{words}” hold back every sale, stops and targets too, or only one of them? Please say which."
            )
            return
        places = [exits[0].place, *(place for _, place in self.held_back)]
        whole = Both((exits[0].condition, *(each for each, _ in self.held_back)))
        place = (min(each[0] for each in places), max(each[1] for each in places))
        self.plan.rules[self.plan.rules.index(exits[0])] = replace(exits[0], condition=whole, place=place)

    def _prohibition(self) -> bool:
        """“Don't buy above 70”, “never on Mondays”, “no trades in the first hour”, “skip it when …”."""
        scan = self.scan
        begin = scan.start
        match = scan.take(
            rf"(?:and |but |also |except |, )*(?:(?:i |we |it )*(?:do not|never|should not|must not|will not|not|avoid|skip|ignore|stay out|stay away|no)(?: (?:ever|to|want to|any|new|more|a))*)(?: (?:{_BUY}|trad(?:e|es|ing)|trades|buys|buying|entries|it|positions?|signals?|anything|the market|@\S+))*(?= (?:when|if|while|on|in|during|before|after|between|above|below|under|over|until|at|unless|the|mondays?|tuesdays?|wednesdays?|thursdays?|fridays?))"
        )
        if match is None or (re.search(r"\bnot\b", match[0]) and re.search(rf"\b{_SELL}\b", match[0])):
            return False
        match = scan.take(r"(?:when(?:ever)?|if|while|as long as|in case|unless|at)")
        unless = match is not None and "unless" in match[0]
        position, self.memory.position = self.memory.position, False
        try:
            found = condition(scan, self.memory) or self._edge()
        finally:
            self.memory.position = position
        if found is None:
            return False
        if unless:
            self._rule("filter", found, begin)
            return True
        self._rule("filter", _contrary_of_window(found), begin)
        return True

    def _edge(self) -> Condition | None:
        """“The first hour”, without “in”."""
        scan = self.scan
        at = scan.at
        match = scan.take(
            rf"(?:the )?(first|opening|last|final) (?:{N} (minutes?|mins?|hours?|bars?)|(half hour|hour))(?: of (?:the )?(?:day|session|trading))?"
        )
        if match is None:
            scan.at = at
            return None
        span = (
            float(match[2]) * (60 if match[3].startswith("h") else 1) if match[2] else 30 if "half" in match[4] else 60
        )
        return (
            TimeOfDay(round(570 + span), until=True)
            if match[1] in ("first", "opening")
            else TimeOfDay(round(960 - span), until=False)
        )

    def _hours(self) -> bool:
        """“Only between 10:00 and 15:00”, “trade only on Mondays”, “only if the price is above the 200-bar average”."""
        scan = self.scan
        begin = scan.start
        only = scan.take(
            rf"(?:and |but |, |also |please )*(?:(?:only|just) (?:{_BUY}|trade|trades|trading|take (?:trades?|signals?|entries)|do this|do it|enter|in|take it)?(?: it| long| signals| positions| trades)*|(?:trade|trading|{_BUY}|active)(?: it| only| just)+|only|trades?(?= (?:between|on|from|in the|during|after|before))|trading hours?(?: are| is|:)?|entries only)(?= )"
        )
        if only is None:
            return False
        scan.take(r"(?:when(?:ever)?|if|while|as long as|allowed|permitted|take place|happen)")
        position, self.memory.position = self.memory.position, False
        try:
            found = condition(scan, self.memory) or self._edge()
        finally:
            self.memory.position = position
        if found is None:
            return False
        if re.search(rf"\b{_BUY}\b", only[0]) and not self.plan.of("entry") and not _only_time(found):
            self._bought(found)
            self._rule("entry", found, begin, "only")
            return True
        self._rule("filter", found, begin)
        return True

    # Names of strategies -------------------------------------------------------------------------------------------------

    def _topic(self) -> bool:
        """“Follow the SuperTrend:”, “with the RSI:”: what the next words are about."""
        scan = self.scan
        if not scan.take(r"(?:follow(?:s|ing)?|use|using|with|watch|based on|by|trade(?: by| with)?)(?: the)?"):
            return False
        if scan.take(r"super ?trend(?: indicator)?(?: on @\S+)?"):
            condition(Scanner("supertrend is up"), self.memory)
            return True
        about = series(scan)
        if about is None or about == CLOSE or not scan.sees(r"[:,.]|on @|for @|$"):
            return False
        scan.take(r"(?:on|for) @\S+")
        self.memory.left = about
        return True

    def _title(self) -> bool:
        """“EMA 12/26 crossover on MSFT”, “RSI mean reversion”, “a Bollinger bounce”: strategies that have a name."""
        scan = self.scan
        begin = scan.start
        self.memory.position = False
        scan.take(r"(?:a |an |the |my |simple |classic |standard |use |trade )+")
        kinds = r"(?: (?:strategy|system|signal|crossover|cross|bot|trading))*"
        found: Condition | None = None
        leave: Condition | None = None
        if self.plan.of("entry"):
            return False
        if match := scan.take(
            rf"(?:buy (?:the )?)?rsi (?:\( ?{N} ?\) )?(?:mean reversion|reversal|oversold(?: bounce)?|dip buying){kinds}"
        ):
            rsi = oscillator(Scanner(f"rsi ( {match[1]} )" if match[1] else "rsi"))
            assert rsi is not None
            found, leave = Compare(rsi, "<", Number(30)), Compare(rsi, ">", Number(70))
            self.plan.assumptions.append(
                "An RSI mean reversion buys below 30 and sells above 70 unless other levels are given."
            )
        elif match := scan.take(rf"rsi(?: \( ?(\d+) ?\))? {N} ?/ ?{N}{kinds}"):
            rsi = oscillator(Scanner(f"rsi ( {match[1]} )" if match[1] else "rsi"))
            assert rsi is not None
            found, leave = Compare(rsi, "<", Number(float(match[2]))), Compare(rsi, ">", Number(float(match[3])))
        elif match := scan.take(
            rf"(exponential |simple |ema |sma )?(?:moving averages?|averages?|mas?|ema|sma)? ?(?:crossover|cross)(?: of| with|:)? ?\(? ?(?:fast )?{N} ?(?:bars?)? ?(?:,|and|/|x) ?(?:slow )?{N} ?(?:bars?)? ?\)?"
        ):
            kind = "ema" if (match[1] or "").startswith("e") or " ema " in f" {match[0]} " else "sma"
            found = Cross(average(kind, float(match[2])), True, average(kind, float(match[3])))
        elif scan.take(rf"(?:bollinger(?: band)?s?|bb) (?:bounce|mean reversion|reversal|strategy){kinds}"):
            found, leave = Compare(CLOSE, "<", band("lower")), Compare(CLOSE, ">", band("middle"))
            self.plan.assumptions.append(
                "A Bollinger mean reversion buys below the lower band of 20 bars and 2 deviations and sells above the middle one."
            )
        elif scan.take(rf"macd (?:crossover|cross|strategy){kinds}"):
            found = Cross(macd("macd"), True, macd("signal"))
        elif match := scan.take(rf"(?:{N} ?bar )?(?:donchian|turtle)(?: channel)?(?: breakout)?{kinds}"):
            length = float(match[1]) if match[1] else 20
            found, leave = (
                Compare(CLOSE, ">", channel("high", length)),
                Compare(CLOSE, "<", channel("low", length / 2 if length >= 4 else length)),
            )
            self.plan.assumptions.append(f"The channel is {length:g} bars to buy by and {length / 2:g} to sell by.")
        else:
            at = scan.at
            got = condition(scan, self.memory)
            before = scan.text[:at].split()
            if (
                got is None
                or _only_time(got)
                or (before and before[-1] in ("and", "or", "when", "if", "unless", "(", "not"))
            ):
                scan.at = at
                return False
            found = got
            if not isinstance(found, Cross):
                self.plan.assumptions.append(
                    f"It was not said what to do when {found.words}: it is the rule to buy by."
                )
        scan.take(r"(?:strategy|system|signals?|crossover|bot)?(?: (?:on|for|in|with) @\S+)?")
        timed = time_condition(scan, self.memory)
        self._bought(found)
        self._reverse = leave or self._reverse
        if timed is not None:
            found = Both((found, timed))
        self._rule("entry", found, begin)
        if leave is not None:
            self._rule("exit", leave, begin)
        return True

    def _subject(self) -> bool:
        """“On AAPL”, “for Tesla”, “AAPL”."""
        if self.scan.take(
            r"(?:(?:on|for|in|with|of|trade|trading|the) )*@\S+(?: 's)?(?: (?:stock|shares?|only))?(?: :)?(?= |$)"
        ):
            return True
        return bool(
            self.scan.take(
                r"(?:on |using |with )?(?:the )?(?:1|one|1 ?minute|one minute|minute) ?(?:minute|min|m)? ?(?:bars|candles|chart|timeframe|data|time frame)"
            )
        )


def _only_time(found: Condition) -> bool:
    return isinstance(found, TimeOfDay | Weekdays) or (
        isinstance(found, Both | Either) and all(_only_time(each) for each in found.parts)
    )


def reverse_of(found: Condition) -> Condition | None:
    """The rule to sell by that “the opposite” means; None where it is not plain."""
    if isinstance(found, Compare) and isinstance(found.right, Series) and found.right.name.startswith("highest"):
        return Compare(found.left, "<", channel("low", found.right.parameters[0]))
    if isinstance(found, Cross | Compare | Turn):
        return contrary(found)
    if isinstance(found, Both):
        for each in found.parts:
            if isinstance(each, Cross):
                return contrary(each)
    return None


def _contrary_of_window(found: Condition) -> Condition:
    if isinstance(found, Both) and all(isinstance(each, TimeOfDay) for each in found.parts):
        return Either(tuple(_contrary_of_window(each) for each in found.parts))
    if isinstance(found, TimeOfDay):
        return replace(found, until=not found.until)
    if isinstance(found, Weekdays):
        return Weekdays(tuple(each for each in range(7) if each not in found.days))
    return contrary(found) if isinstance(found, Compare) else Not(found)
