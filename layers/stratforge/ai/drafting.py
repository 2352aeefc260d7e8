"""From a conversation to a strategy that passed every gate: ask, compile, backtest, compare, send findings back, at most three times.

This is the one door. What did not come out of it as `Passed` has no compiled `Strategy`, and nothing else is stored or runs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from pydantic import ValidationError

from stratforge.ai.draft import AnswerKind, Lookup, StrategyDraft, Timeframe
from stratforge.ai.failures import NotADraft
from stratforge.ai.framing import frame_of
from stratforge.ai.long_short import examined_both_ways, examined_change
from stratforge.ai.prompts import Request, looked_up, quant_instructions, repair_request, words_in
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.review import review, review_portfolio, told, told_of_portfolio
from stratforge.ai.shorts import examined_short
from stratforge.ai.trading_symbol import TradingSymbol
from stratforge.intent.gate import rules_of
from stratforge.intent.long_short.gate import goes_both_ways_by, standing_both_ways
from stratforge.intent.plain_answers import answer_findings, claims_change
from stratforge.intent.requirements import Status
from stratforge.intent.rotation.rules import is_rotation_rule
from stratforge.intent.spoken import said_in, spoken_in
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.constants import timeframe_of, with_timeframe
from stratforge.strategy.rotation import PortfolioStrategy, compile_portfolio, is_portfolio

MAX_REPAIRS = 3
# How often a model may look something up before it answers.
MAX_LOOKS = 3
# What is said of a symbol for which the broker takes no orders.
CANNOT_BE_TRADED = "cannot be traded here"
# And where it is only looked at.
CANNOT_BE_LOOKED_AT = "is not traded here, so it cannot be looked at"
_NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?")
# Numbers up to this count things that an answer names.
_COUNTED = 3
# How much of an answer that is no draft the model is shown again.
_SHOWN = 2_000


class Quant(Protocol):
    """A model that drafts strategies; what it drafts is believed by nobody before the gate has looked."""

    model: str

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The draft for a conversation, and what it cost; `heard` is told what can be read of it as it comes."""
        ...


@dataclass(frozen=True, slots=True)
class Passed:
    """A draft that passed every gate, and how it came about. `strategy` is None when the model asks questions instead."""

    draft: StrategyDraft
    strategy: Strategy | PortfolioStrategy | None
    tokens: int
    repairs: tuple[tuple[str, ...], ...]
    model: str = ""


class NotPassed(Exception):
    """The last repair that may be asked for did not pass either; its findings, and the language in which the person spoke."""

    def __init__(self, draft: StrategyDraft, findings: list[str], tokens: int, repairs: int, language: str) -> None:
        super().__init__(f"the code did not pass after {repairs} repairs")
        self.draft, self.findings, self.tokens, self.repairs = draft, findings, tokens, repairs
        self.language = language


def write_strategy(
    ask: Callable[[str, list[Turn]], Drafted],
    conversation: list[Turn],
    progress: Callable[[str], None],
    check_symbol: Callable[[str], list[str]],
    look_up: Callable[[Lookup], dict[str, Any]] | None = None,
    trades: TradingSymbol = TradingSymbol(),  # noqa: B008 - frozen
    affordable: Callable[[], bool] = lambda: True,
) -> Passed:
    """Asks until a draft passes.

    Args:
        ask: The model: system instruction and turns in, draft out.
        conversation: What was said so far; the last turn is the request.
        progress: Is told where the work stands, in a few words for a person.
        check_symbol: What is wrong with a symbol; nothing when it can be traded.
        look_up: Reads data of the user's for an answer; without it nothing can be looked up.
        trades: The symbols that are known before: given beside the request, or that of the strategy to be changed.
        affordable: Whether the model may take more tokens for a repair.

    Raises:
        TwoSymbols: if the request names another symbol than is given beside it.
        NotPassed: if the last repair that may be asked for did not pass.
        ModelUnavailable: if the service did not answer.
        ModelRefused: if it refused to answer.
        NotADraft: if the last answer is not a draft.
    """
    turns, tokens, repairs, looks = list(conversation), 0, list[tuple[str, ...]](), 0
    request, known = request_of(conversation), [each.text for each in conversation]
    while len(repairs) <= MAX_REPAIRS:
        progress(f"repairing {len(repairs)}/{MAX_REPAIRS}" if repairs else "answering" if looks else "writing")
        try:
            drafted = ask(quant_instructions(), turns)
        except NotADraft as error:
            tokens += error.tokens
            if len(repairs) == MAX_REPAIRS or not affordable():
                raise
            findings = [f"{error}; answer with one complete JSON object by the schema, and shorter."]
            repairs.append(tuple(findings))
            # A turn without any text is refused by the service.
            shown = [Turn("model", error.text[:_SHOWN])] if error.text.strip() else []
            turns += [*shown, Turn("user", repair_request(findings))]
            continue
        draft, tokens = drafted.draft, tokens + drafted.tokens
        strategy, last = None, len(repairs) == MAX_REPAIRS or not affordable()
        if draft.kind is AnswerKind.LOOK and draft.lookups and look_up is not None and looks < MAX_LOOKS:
            looks += 1
            progress("looking it up")
            known.append(looked_up([look_up(each) for each in draft.lookups]))
            turns += [Turn("model", draft.model_dump_json()), Turn("user", known[-1])]
            continue
        if draft.kind is AnswerKind.LOOK:
            findings = ["Nothing more can be looked up: answer with what is known, and say what is not."]
        elif draft.kind is AnswerKind.ANSWER:
            said = draft.answer or draft.plan
            findings = [*answer_findings(request.text, said), *numbers_unknown(said, known)]
        elif draft.kind is not AnswerKind.STRATEGY or (draft.questions and not draft.python_code.strip()):
            findings = _asked_nothing(draft)
        else:
            draft, strategy, findings = _examine(draft, request, trades, progress)
            looked_at = () if strategy is None else strategy.other_symbols
            symbols = strategy.symbols if isinstance(strategy, PortfolioStrategy) else [draft.symbol, *looked_at]
            untradable = [
                each.replace(CANNOT_BE_TRADED, CANNOT_BE_LOOKED_AT) if symbol in looked_at else each
                for symbol in symbols
                for each in check_symbol(symbol)
            ]
            if untradable and not findings and (last or draft.symbol == trades.given):
                # No other answer mends what the person has to say: what else it should trade.
                return Passed(
                    _spoken(_asking(draft, untradable, alone=not looked_at), conversation),
                    None,
                    tokens,
                    tuple(repairs),
                    drafted.model,
                )
            findings += untradable
        if not findings:
            return Passed(_spoken(draft, conversation), strategy, tokens, tuple(repairs), drafted.model)
        if last:
            raise NotPassed(draft, findings, tokens, len(repairs), _language_of(conversation))
        repairs.append(tuple(findings))
        turns += [Turn("model", draft.model_dump_json()), Turn("user", repair_request(findings))]
    raise AssertionError("unreachable")


def request_of(conversation: list[Turn]) -> Request:
    """Returns what a conversation asks for: all that was said since the last strategy and not answered otherwise.

    Raises:
        ValueError: if the last turn is no request.
    """
    still_open, whole, before, timeframe, code, traded = list[str](), True, None, None, "", ""
    for turn in conversation:
        if turn.role == "user":
            words = words_in(turn.text)
            still_open += [] if words is None else [words]
            continue
        try:
            draft = StrategyDraft.model_validate_json(turn.text)
        except ValidationError:
            continue
        if draft.kind is AnswerKind.STRATEGY and draft.python_code.strip():
            still_open, whole, before = [], False, _rules_that_stand(draft) or None
            timeframe, code, traded = timeframe_of(draft.python_code), draft.python_code, draft.symbol.upper()
        elif draft.kind is AnswerKind.ANSWER:
            # A question that was answered asks for nothing more.
            del still_open[-1:]
    if conversation[-1].role != "user" or not still_open or words_in(conversation[-1].text) is None:
        raise ValueError("the last turn of a conversation is a request")
    unknown = code if code and before is None else None
    return Request(still_open[-1], whole, before, tuple(still_open[:-1]), timeframe, unknown, traded)


def _rules_that_stand(draft: StrategyDraft) -> tuple[str, ...]:
    """The rules of a strategy that passed: of a portfolio those of portfolios."""
    if both := standing_both_ways(draft.requirements):
        return both
    said = [text for each in draft.requirements if each.status is not Status.SUPERSEDED for text in each.rules]
    of_portfolio = [text for text in said if is_rotation_rule(text) and not text.startswith("drop ")]
    return tuple(dict.fromkeys(of_portfolio)) if draft.symbol == PORTFOLIO else tuple(rules_of(draft.requirements))


def numbers_unknown(answer: str, known: Sequence[str]) -> list[str]:
    """Lists the numbers of an answer that stand neither in the conversation nor in what was looked up, but for their rounding."""
    numbers = {abs(each) for text in known for each in _numbers_of(text)}
    found = []
    for written in dict.fromkeys(_NUMBER.findall(answer)):
        value = float(written.replace(",", ""))
        half = 0.5 * 10.0 ** -len(written.partition(".")[2])
        if value > _COUNTED and not any(abs(value - each) <= half + 1e-9 for each in numbers):
            found.append(f"The answer says {written}, which was not looked up: leave it out, or look it up.")
    return found


def _numbers_of(text: str) -> list[float]:
    return [float(each.replace(",", "")) for each in _NUMBER.findall(text)]


def _asked_nothing(draft: StrategyDraft) -> list[str]:
    """What is wrong with questions, or with the reasons of a refusal: that there are none, or that they say what was not done."""
    if not any(each.strip() for each in draft.questions):
        return [f"kind is {draft.kind.value}, and questions is empty: say there what is missing, or why it cannot be done, or write the strategy."]  # fmt: skip
    if claimed := claims_change(" ".join(draft.questions)):
        return [f"questions says “{claimed}”, and {draft.kind.value} changes nothing: write the strategy with all its code, or leave that out."]  # fmt: skip
    return []


def _asking(draft: StrategyDraft, untradable: Sequence[str], *, alone: bool) -> StrategyDraft:
    """A question in the place of a strategy whose symbols cannot be traded; `alone` where it looks at no other symbol, so that a name is an answer."""
    said = [each.removeprefix("symbol: ").split(". ")[0].removesuffix(".") for each in untradable]
    asks = "Which symbol should it be?" if alone else "Please describe all of it as a new strategy, with another symbol in its place."  # fmt: skip
    questions = [f"{each}. {asks}" for each in said]
    return draft.model_copy(update={"kind": AnswerKind.CLARIFY, "questions": questions, "python_code": "", "requirements": [], "assumptions": []})  # fmt: skip


def _language_of(conversation: Sequence[Turn]) -> str:
    """The language in which the person spoke last; empty for English."""
    return spoken_in([words for each in conversation if each.role == "user" and (words := words_in(each.text))])


def _spoken(draft: StrategyDraft, conversation: Sequence[Turn]) -> StrategyDraft:
    """The draft with the fixed sentences of what it assumes and asks in the person's language."""
    language = _language_of(conversation)
    if not language:
        return draft
    said = {"questions": said_in(language, draft.questions), "assumptions": said_in(language, draft.assumptions)}
    return draft.model_copy(update=said)


def _examine(
    draft: StrategyDraft, request: Request, trades: TradingSymbol, progress: Callable[[str], None]
) -> tuple[StrategyDraft, Strategy | PortfolioStrategy | None, list[str]]:
    """The draft with what the person has to be told of how it was read, its strategy, and what is wrong with it."""
    progress("checking")
    strategy: Strategy | PortfolioStrategy
    try:
        if is_portfolio(draft.python_code):
            strategy = compile_portfolio(draft.python_code)
            unused = [f"It names its symbols itself: {trades.given}, which is given beside the request, is not used."] if trades.given else []  # fmt: skip
            draft = draft.model_copy(update={"symbol": PORTFOLIO, "assumptions": [*draft.assumptions, *unused]})
        else:
            # On which bars it decides is the person's choice, said or made with the code: no draft changes it.
            frame = frame_of(request)
            stood = frame.timeframe or Timeframe.MINUTE
            # One that the language has no more is a finding of the compiler.
            kept = {"timeframe": Timeframe(stood)} if stood in [*Timeframe] and not frame.spoken else {}
            code = with_timeframe(draft.python_code, frame.timeframe)
            draft = draft.model_copy(update={"python_code": code, "symbol": trades.of(draft), **kept})
            strategy = compile_strategy(draft.python_code)
        # Measuring the lookback runs the indicators once over made-up bars.
        _ = strategy.lookback
    except StrategyError as error:
        return draft, None, [str(finding) for finding in error.findings]
    progress("comparing with the request")
    if isinstance(strategy, PortfolioStrategy):
        judged, shown = told_of_portfolio(draft, strategy, request)
        findings = review_portfolio(judged, strategy, request)
    elif not request.whole and goes_both_ways_by(request.before or ()):
        judged, shown, findings = examined_change(draft, strategy, request)
    elif strategy.shorts and "buy" in strategy.decisions:
        judged, shown, findings = examined_both_ways(draft, strategy, request)
    elif strategy.shorts:
        judged, shown, findings = examined_short(draft, request)
    else:
        judged, shown = told(draft, strategy, request)
        findings = review(judged, strategy, request)
    # What was read into words is shown so; until it has passed, it is judged as the answer calls it.
    return judged if findings else shown, strategy, findings
