"""Sentences of a request: to buy and to sell, stops and targets, sizes, hours, how often. Every word is taken by a rule of the grammar, or noted as unread."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from stratforge.market.clocks import place_in_words

from simulators.gemini.author.draft import Draft, only_time
from simulators.gemini.author.exits import hold_back, hold_exits_back, holding, overnight, partial, stops
from simulators.gemini.author.restrictions import hours, prohibition
from simulators.gemini.author.rules import Both, Either, Not, Plan, Rule, TimeOfDay, nodes
from simulators.gemini.author.scanner import Unexpressible, Unlike
from simulators.gemini.author.sentences import WAS_READ_AS
from simulators.gemini.author.sizes import frequency, pause, size_sentence
from simulators.gemini.author.times import unplaced
from simulators.gemini.author.titles import subject, title, topic
from simulators.gemini.author.trades import leading, opposite, trade
from simulators.gemini.author.vocabulary import COMPANIES

_FILLERS = (
    r"(?:please|hi|hello|hey|thanks|thank you|ok(?:ay)?|so|well|just|simply|basically|then|also|and then|and also|and|additionally|furthermore|moreover|otherwise|finally|but|with|plus|too|as well|again|now|always|immediately|automatically|sure|instead)"
    r"|(?:i|we) (?:want|would like|need|wish|like|think|prefer|plan|am looking for|am looking)(?: you)?(?: to| for)?(?: have)?|(?:can|could|would|will) you(?: please)?|help me(?: to)?|give me|let us|let me|i would|you should|it should|should|must|it must|it will|will|we will|i will"
    r"|(?:write|make|create|build|generate|design|code|implement|develop|set up|try|do|run|use|using|have|show)(?: me| us| a| an)*(?: (?:simple|basic|nice|good|little|small|new|profitable|robust|trading|python))*(?: (?:strategy|bot|algorithm|algo|system|script|rule|one|something|code|robot))(?: (?:that|which|to|for|where|based on|around|using|with|where it|so that it|in which|of))*"
    r"|(?:a|an|the|my|this|simple|basic|classic|standard|long only|trend following|mean reversion|momentum|scalping|swing|intraday|day trading|algorithmic|automated)+ (?:strategy|bot|algorithm|algo|system|script|approach|trade|trades|trading|rule|rules|scalper|idea)s?(?: (?:that|which|to|for|where|based on|around|using|with|of|on|is|would be|goes like this|as follows))*"
    r"|(?:whichever (?:comes|happens) first|(?:with )?(?:the )?(?:standard|default|usual) settings|hi all|hello everyone|first post here|in advance|that is it|\d \.|symbol(?: :)? (?=@)|read|is read as)|(?:strategy|scalp(?:ing)?|rules?|entry rules?|exit rules?|idea|mean reversion|trend following|momentum strategy|the idea is|my idea|the rules are|rule \d|step \d)(?: is| are)?:?|long only|1\)|2\)|3\)|- |\* |the strategy(?: should| will| must)?|it|that|which|a|an|the|to|for|me"
)
_STATEMENTS: tuple[Callable[[Draft], bool], ...] = (
    frequency,
    pause,
    overnight,
    stops,
    size_sentence,
    hold_back,
    prohibition,
    hours,
    holding,
    partial,
    trade,
    leading,
    opposite,
    topic,
    title,
    subject,
)


class Reader(Draft):
    """Reads one request into a plan."""

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
                words = self.wording.quote(at, max(self.scan.at, at))
                said = f"“{words}”{WAS_READ_AS}{question}" if isinstance(question, Unlike) and words else str(question)
                self.plan.questions.append(said)
                self.scan.at = max(self.scan.at, at)
                self._skip_sentence()
                continue
            begin = self.scan.start
            self.scan.word()
            self._unread(begin, self.scan.at)
        hold_exits_back(self)
        self.plan.assumptions += [*self.wording.notes, *self.memory.notes]
        self.plan.questions += unplaced(self.scan)
        places = {part.place: place_in_words(part.place) for each in self.plan.rules for part in nodes(each.condition) if isinstance(part, TimeOfDay) and part.place}  # fmt: skip
        self.plan.assumptions += [
            f"Times of {said} are on the clocks there, whatever their distance to those of the exchange on the day."
            for said in places.values()
        ]
        late_there = [part for each in self.plan.of("exit") for part in nodes(each.condition) if isinstance(part, TimeOfDay) and part.late]  # fmt: skip
        if not re.search(r"@[\w.]+/", self.scan.text):
            self.plan.assumptions += [
                f"{each.time} is after the close of trading on some days of a year, when the clocks there and those of the exchange are another distance apart: it does not sell at that time then."
                for each in dict.fromkeys(late_there)
            ]
        self.plan.assumptions += [
            f"“{name.capitalize()}” is read as {symbol}."
            for name, symbol in COMPANIES.items()
            if name == "google" and re.search(r"\bgoogle\b|\balphabet\b", self.wording.original, re.IGNORECASE)
        ]
        late = [each.condition for each in self.plan.rules if each.kind == "exit"]
        for found in late:
            for part in found.parts if isinstance(found, Either) else (found,):
                guarded = any(
                    isinstance(each.condition, TimeOfDay) and each.kind == "filter" for each in self.plan.rules
                )
                if isinstance(part, TimeOfDay) and not part.until and not guarded:
                    self.plan.rules.append(Rule("filter", replace(part, until=True), (0, 0)))
                elif isinstance(part, Both) and only_time(part):
                    # "Close everything on Friday at 15:30": what it buys after that would be sold at once.
                    self.plan.rules.append(Rule("filter", Not(part), (0, 0)))
                    self.plan.assumptions.append(f"It does not buy when {part.words}: it would sell at once.")
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
        for read in _STATEMENTS:
            at = self.scan.at
            if read(self):
                return True
            self.scan.at = at
        return False
