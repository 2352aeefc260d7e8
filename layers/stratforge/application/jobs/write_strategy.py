"""Having a strategy written, or changed, from plain language; what passed its gates is stored."""

from __future__ import annotations

from collections.abc import Callable
from uuid import UUID, uuid5

from stratforge.ai import drafting
from stratforge.ai.deadline import Deadline
from stratforge.ai.draft import AnswerKind
from stratforge.ai.drafting import MAX_REPAIRS, NotPassed, Passed, Quant
from stratforge.ai.failures import ModelRefused, NotADraft
from stratforge.ai.trading_symbol import TradingSymbol, TwoSymbols
from stratforge.application.caps import require_room_for_strategy
from stratforge.application.errors import Conflict, Invalid
from stratforge.application.jobs.asking import TOKENS_A_JOB, asked, showing
from stratforge.application.jobs.conversation import MAX_OPEN, TooManyOpen, read_conversation, symbol_given
from stratforge.application.jobs.going_back import version_wanted
from stratforge.application.jobs.lookups import Lookups
from stratforge.application.jobs.requests import GenerateRequest
from stratforge.application.jobs.results import OpenQuestions, RefusedDraft, WrittenStrategy
from stratforge.application.jobs.work import Failed, Work
from stratforge.application.strategies import compiled_version, origin_of, store_restored
from stratforge.intent.spoken import findings_in, said_in
from stratforge.market import InvalidSymbol, parse_symbol
from stratforge.market.symbols import PORTFOLIO
from stratforge.storage.market import assets
from stratforge.storage.postgres.database import Connection
from stratforge.storage.strategies import strategies
from stratforge.storage.strategies.jobs import FailureCode
from stratforge.storage.strategies.strategies import Description, Origin, StoredStrategy
from stratforge.strategy import Strategy
from stratforge.strategy.rotation import PortfolioStrategy


def write_strategy(work: Work, quant_of: Callable[[], Quant], deadline: Deadline | None = None) -> None:
    """Has a model write what the job asks for, and stores it as a new strategy or as the next version of one.

    Args:
        quant_of: Makes the model, which needs a key: without one the job fails and says what is missing.
        deadline: Until when the strategy has to be there, repairs included.

    Raises:
        Failed: if the model did not answer, or nothing it wrote passed the gates.
        Canceled: if nobody wants it any more.
    """
    request = GenerateRequest.model_validate(work.job.request)
    try:
        quant = quant_of()
        with work.database.transaction() as connection:
            before = None
            if request.strategy_id:
                before = strategies.get_strategy(connection, request.strategy_id, of_user=work.job.user_id)
                if before is None:
                    raise _deleted()
            versions = strategies.list_versions(connection, before.strategy_id) if before else []
            given = symbol_given(connection, work.job, request)
            turns = read_conversation(connection, work.job, request, before, given)
        back_to = version_wanted(request.prompt, versions) if versions else None
        if before is not None and back_to is not None:
            _restore(work, before, back_to, request.symbol)
            return
        stood = before.symbol if before and before.symbol != PORTFOLIO else None
        passed = drafting.write_strategy(
            lambda system, turns: asked(work, lambda: quant.draft(system, turns, showing(work, "writing")), deadline),
            turns,
            work.tell,
            lambda symbol: _symbol_findings(work, symbol),
            Lookups(work.database, work.job.user_id, request.strategy_id),
            TradingSymbol(given, stood),
            lambda: work.tokens() < TOKENS_A_JOB,
        )
    except TooManyOpen as error:
        message = (
            f"More than {MAX_OPEN} turns are open since the last strategy. Begin anew, with all you want in one text."
        )
        raise Failed(FailureCode.MODEL_REFUSED, message) from error
    except TwoSymbols as error:
        raise Failed(FailureCode.NOT_PASSED, f"{error} Nothing was written: say it with one of them alone.") from error
    except (ModelRefused, NotADraft) as error:
        raise Failed(FailureCode.MODEL_REFUSED, str(error)) from error
    except NotPassed as error:
        refused = RefusedDraft(
            python_code=error.draft.python_code,
            logic_explanation=error.draft.logic_explanation,
            requirements=error.draft.requirements,
        )
        what = "code" if error.draft.python_code.strip() else "answer"
        more = (
            ""
            if error.repairs == MAX_REPAIRS
            else f", and more than {TOKENS_A_JOB:,} tokens are not spent on one request"
        )
        message = f"The {what} did not pass after {error.repairs} repair{'' if error.repairs == 1 else 's'}{more}. Nothing was {'changed' if request.strategy_id else 'written'}."
        (told,) = said_in(error.language, [message])
        findings = findings_in(error.language, error.findings)
        raise Failed(FailureCode.NOT_PASSED, told, findings=findings, draft=refused) from error
    strategy = passed.strategy
    if strategy is None:
        draft = passed.draft
        said = [draft.answer or draft.plan] if draft.kind is AnswerKind.ANSWER else [each for each in draft.questions if each.strip()]  # fmt: skip
        questions = OpenQuestions(kind=draft.kind, questions=said, assumptions=draft.assumptions)
        work.succeed(lambda _connection: questions)
        return
    symbol = PORTFOLIO if isinstance(strategy, PortfolioStrategy) else parse_symbol(passed.draft.symbol)
    if before is not None and strategy.source == before.python_code and symbol == before.symbol:
        work.succeed(lambda _connection: _nothing_changed("the strategy does just that already"))
    else:
        work.succeed(
            lambda connection: _stored(connection, work, request, passed, strategy, symbol, passed.model or quant.model)
        )


def _nothing_changed(why: str) -> OpenQuestions:
    return OpenQuestions(kind=AnswerKind.ANSWER, questions=[f"Nothing changed, because {why}."])


def _restore(work: Work, before: StoredStrategy, version: int, given: str | None) -> None:
    """Takes changes back: what stood in a version before stands again, as the next version.

    Args:
        given: The symbol that is given beside the words.
    """
    with work.database.transaction() as connection:
        older = strategies.get_version(connection, before.strategy_id, version)
    if older is not None and given not in (None, older.symbol):
        raise TwoSymbols(str(given), older.symbol)
    if older is None or (older.python_code == before.python_code and older.symbol == before.symbol):
        why = "there is no version before this one" if version < 1 else f"there is no version {version}" if older is None else f"the code is that of version {version} already"  # fmt: skip
        work.succeed(lambda _connection: _nothing_changed(why))
        return
    try:
        strategy = compiled_version(older)
    except Invalid:
        work.succeed(lambda _connection: _nothing_changed(f"the code of version {version} is not in the language any more"))  # fmt: skip
        return

    def store(connection: Connection) -> WrittenStrategy:
        current = strategies.lock_strategy(connection, before.strategy_id)
        if current is None:
            raise _deleted()
        stored = store_restored(connection, work.job.user_id, current, older, strategy)
        return _written(stored, older.logic_explanation, strategy, origin_of(older, model=older.model))

    work.succeed(store)


def _require_room(connection: Connection, user_id: UUID) -> None:
    """Makes sure that there is room for what was written: others may have been written while it was."""
    try:
        require_room_for_strategy(connection, user_id)
    except Conflict as full:
        raise Failed(FailureCode.NOT_PASSED, full.message) from None


def _deleted() -> Failed:
    return Failed(FailureCode.MODEL_REFUSED, "the strategy was deleted; choose another")


def _symbol_findings(work: Work, symbol: str) -> list[str]:
    """Lists the faults of a symbol; where the broker's assets are not known yet, only its form counts."""
    try:
        parsed = parse_symbol(symbol)
    except InvalidSymbol as error:
        return [f"symbol: {error}"]
    with work.database.transaction() as connection:
        asset = assets.read_asset(connection, parsed)
        known = asset is not None or assets.knows_assets(connection)
    if known and (asset is None or not asset.tradable):
        return [f"symbol: {parsed} {drafting.CANNOT_BE_TRADED}. Use the symbol the user means, or ask which one."]
    return []


def _stored(
    connection: Connection,
    work: Work,
    request: GenerateRequest,
    passed: Passed,
    strategy: Strategy | PortfolioStrategy,
    symbol: str,
    model: str,
) -> WrittenStrategy:
    draft, user_id = passed.draft, work.job.user_id
    meanings = {each.name: each.meaning for each in draft.parameters if each.meaning}
    origin = Origin(
        request.prompt,
        model,
        passed.tokens,
        tuple(draft.assumptions),
        passed.repairs,
        meanings,
        tuple(draft.requirements),
    )
    if request.strategy_id:
        current = strategies.lock_strategy(connection, request.strategy_id)
        if current is None:
            raise _deleted()
        description = Description(current.name, symbol, draft.logic_explanation)
        stored = strategies.change_strategy(connection, user_id, current, description, strategy, origin)
    else:
        _require_room(connection, user_id)
        # Found again when the job is done anew after an interruption.
        strategy_id = uuid5(work.job.job_id, "strategy")
        description = Description(draft.name, symbol, draft.logic_explanation)
        stored = strategies.add_strategy(connection, user_id, description, strategy, origin, strategy_id)
    return _written(stored, draft.logic_explanation, strategy, origin)


def _written(
    stored: StoredStrategy, explanation: str, strategy: Strategy | PortfolioStrategy, origin: Origin
) -> WrittenStrategy:
    return WrittenStrategy(
        strategy_id=stored.strategy_id,
        version=stored.version,
        name=stored.name,
        symbol=stored.symbol,
        python_code=strategy.source,
        logic_explanation=explanation,
        parameters=strategy.parameters,
        parameter_meanings=dict(origin.parameter_meanings),
        indicators=list(strategy.indicators),
        lookback=strategy.lookback,
        assumptions=list(origin.assumptions),
        requirements=list(origin.requirements),
        model=origin.model or "",
        tokens=origin.tokens,
        repairs=[list(each) for each in origin.repairs],
    )
