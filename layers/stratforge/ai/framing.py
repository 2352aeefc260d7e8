"""An answer and its request as they are judged: without the words that name the bars, which are held against the answer by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.intent.clocks import days_told
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import Rule, RuleError, read_rule
from stratforge.intent.timeframes import (
    MINUTE,
    Frame,
    Plainly,
    asked_of_spans,
    clock_findings,
    in_words,
    names_frame,
    plainly,
    read_frame,
)
from stratforge.intent.turns import plain_words
from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy.constants import timeframe_of


def frame_of(request: Request) -> Frame:
    """The bars on which the answer to a request has to decide."""
    return read_frame((*request.earlier, request.text), request.timeframe)


@dataclass(frozen=True, slots=True)
class Framed:
    """A request and the requirements of its answer as if its bars had been named by nobody.

    Attributes:
        frame: The bars that are named.
        request: The words of the last turn.
        earlier: Those of the open turns before it.
        requirements: Those that say something besides.
        places: Where each of them stands among the answer's.
        assumptions: The answer's.
    """

    frame: Frame
    request: str
    earlier: tuple[str, ...]
    requirements: tuple[Requirement, ...]
    places: tuple[int, ...]
    assumptions: tuple[str, ...]

    @classmethod
    def of(cls, draft: StrategyDraft, request: Request) -> Framed:
        """Takes the named bars out of a request and its answer."""
        turns, frame = (*request.earlier, request.text), frame_of(request)
        if frame.timeframe is None and not frame.spoken:
            places = tuple(range(len(draft.requirements)))
            return cls(frame, request.text, request.earlier, tuple(draft.requirements), places, tuple(draft.assumptions))  # fmt: skip
        plain = [plainly(turn, said, frame.timeframe) for turn, said in zip(turns, frame.said, strict=True)]
        quotes = [_quoted(each.quote, turns, plain, frame) for each in draft.requirements]
        left = [
            index
            for index, (each, quote) in enumerate(zip(draft.requirements, quotes, strict=True))
            if each.rules or quote.strip(" .,;:()") or not each.quote.strip()
        ]
        return cls(
            frame,
            plain[-1].text,
            tuple(each.text for each in plain[:-1]),
            tuple(draft.requirements[index].model_copy(update={"quote": quotes[index]}) for index in left),
            tuple(left),
            tuple(_in_bars(each, frame) for each in draft.assumptions),
        )

    def marked(self, draft: StrategyDraft, judged: Sequence[Requirement]) -> list[Requirement]:
        """The answer's requirements with what they are called after they were judged."""
        called = dict(zip(self.places, judged, strict=True))
        return [
            each.model_copy(update={"status": called[index].status}) if index in called else each
            for index, each in enumerate(draft.requirements)
        ]

    def days_told(self, draft: StrategyDraft) -> list[str]:
        """The sentences that tell a person which days of the week come of rules where each bar is a day."""
        minutes = TIMEFRAMES.get(timeframe_of(draft.python_code) or MINUTE, 1)
        return days_told(_rules(draft), minutes=minutes, around_the_clock="/" in draft.symbol)

    def findings(self, draft: StrategyDraft) -> list[str]:
        """Lists the points on which the answer and the bars that the person names do not agree."""
        turns, frame = (*self.earlier, self.request), self.frame
        found = [f"{each} Ask the person, and write nothing before it is answered." for each in frame.asks]
        found += (
            f"{each} Ask the person, and write nothing before it is answered." for each in asked_of_spans(turns, Frame(frame.timeframe, tuple(() for _ in turns)))
        )  # fmt: skip
        found += clock_findings(_rules(draft), frame)
        found += (f"Nobody is told on which days it trades: tell the person in assumptions, in these words: {each}" for each in self.days_told(draft) if each not in draft.assumptions)  # fmt: skip
        if not frame.spoken:
            return found
        wanted = frame.timeframe or MINUTE
        words = [each.words for said in frame.said for each in said]
        last = words[-1]
        if draft.timeframe.value != wanted:
            found.append(f"The person says “{last}”, and the answer's timeframe is {draft.timeframe.value}: it is {wanted}.")  # fmt: skip
        if timeframe_of(draft.python_code) != frame.timeframe:
            found.append(f"The person says “{last}”, and the code does not decide on bars of {in_words(frame.timeframe)}.")  # fmt: skip
        quotes = [plain_words(each.quote) for each in draft.requirements if each.status is not Status.KEPT]
        found += [
            f"No requirement quotes “{each}” of the request: add it as covered, without rules, with the line that says TIMEFRAME."
            for each in words
            if not any(plain_words(each) in quote for quote in quotes)
        ]
        if not names_frame(" ".join([draft.logic_explanation, *draft.assumptions]), frame.timeframe):
            found.append(f"The strategy decides on bars of {in_words(frame.timeframe)}, and the explanation does not say so.")  # fmt: skip
        return found


def _rules(draft: StrategyDraft) -> list[Rule]:
    """The rules of an answer that are in the vocabulary; of the others something else is found."""
    found = []
    for text in (text for each in draft.requirements for text in each.rules):
        try:
            found.append(read_rule(text))
        except RuleError:
            continue
    return [each for each in found if each.dropped is None]


def _quoted(quote: str, turns: Sequence[str], plain: Sequence[Plainly], frame: Frame) -> str:
    """What is left of a quotation."""
    for turn, text in zip(turns, plain, strict=True):
        at = turn.lower().find(quote.lower()) if quote else -1
        if at >= 0:
            return text.stretch(at, at + len(quote)).strip()
    return _in_bars(quote, frame)


def _in_bars(text: str, frame: Frame) -> str:
    """A text that quotes the request, with the words as they are judged."""
    for words in sorted({each.words for said in frame.said for each in said}, key=len, reverse=True):
        text = text.replace(words, "")
    return plainly(text, (), frame.timeframe).text
