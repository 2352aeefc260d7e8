"""The Quant's job on PostgreSQL, with a model that says what it is told to."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from uuid import UUID

import pytest
from simulators.gemini.author import write_answer
from stratforge.ai.draft import DraftParameter, StrategyDraft
from stratforge.ai.drafting import Quant, request_of
from stratforge.ai.failures import ModelRefused, ModelUnavailable, NotADraft
from stratforge.ai.prompts import REPAIR, words_in
from stratforge.ai.quant import Drafted, Turn
from stratforge.ai.research import Research
from stratforge.application.jobs.answer_question import answer_question
from stratforge.application.jobs.work import run_job
from stratforge.application.jobs.write_strategy import write_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import jobs, strategies
from stratforge.storage.strategies.jobs import JobKind
from stratforge.storage.users.accounts import register_user

from tests.support.analysts import StandInAnalyst
from tests.support.ledger import person
from tests.unit.ai.test_review import CODE, RULES, TRUE


class Model:
    """Answers in turn, naming each open turn of the conversation as a requirement; an exception is raised."""

    model = "told"

    def __init__(self, *answers: StrategyDraft | Exception, whole: bool = True) -> None:
        self.answers, self.whole = list(answers), whole
        self.heard: list[list[Turn]] = []

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The next answer."""
        self.heard.append(list(turns))
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        repaired = next((index for index, turn in enumerate(turns) if turn.text.startswith(REPAIR)), len(turns) + 1)
        asked = request_of(turns[: repaired - 1])
        lines = list(range(1, answer.python_code.count("\n") + 2))
        wider = "STOP = 0.03" in answer.python_code
        rules = [RULES[0], "sell when gain <= -3", f"drop {RULES[1]}"] if wider else RULES
        words = [*(asked.earlier if self.whole else ()), asked.text]
        wanted = [
            Requirement(quote=each, meaning="as it says", status=Status.ASSUMED, rules=rules, lines=lines)
            for each in words
        ]
        said = [*(f"“{each}” is read so." for each in words), *answer.assumptions]
        return Drafted(answer.model_copy(update={"requirements": wanted, "assumptions": said}), 100)


def draft(code: str = CODE, explanation: str = TRUE) -> StrategyDraft:
    """A draft."""
    return StrategyDraft(name="test", symbol="AAPL", python_code=code, logic_explanation=explanation)


def run(database: Database, user: UUID, model: Quant, prompt: str = "a strategy", **request: str) -> jobs.Job:
    """Runs a job; the job as it ended."""
    with database.transaction() as connection:
        job = jobs.add_job(connection, user, JobKind.GENERATE, {"prompt": prompt, **request})
    run_job(database, job.job_id, {JobKind.GENERATE: lambda work: write_strategy(work, lambda: model)})
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    return found


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("stratforge.application.jobs.asking.sleep", lambda _seconds: None)


def test_findings_of_both_gates_go_back_to_the_model(database: Database, user_id: UUID) -> None:
    model = Model(draft("import os\n"), draft(explanation="It makes money."), draft())
    job = run(database, user_id, model)
    assert (job.status, job.error) == ("SUCCEEDED", None)
    assert job.result is not None
    assert [len(each) > 0 for each in job.result["repairs"]] == [True, True]
    assert "1:1" in model.heard[1][-1].text
    assert "does not mention" in model.heard[2][-1].text
    assert job.result["tokens"] == 300


def test_what_never_passes_is_stored_nowhere(database: Database, user_id: UUID) -> None:
    job = run(database, user_id, Model(*[draft(explanation="It makes money.")] * 4))
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("FAILED", "not-passed")
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM strategies").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM strategy_versions").fetchone() == (0,)


def test_a_change_is_the_next_version_and_the_model_hears_what_was_said(database: Database, user_id: UUID) -> None:
    first = run(database, user_id, Model(draft()), "the first request")
    assert first.result is not None
    model = Model(draft(CODE.replace("STOP = 0.02", "STOP = 0.03"), TRUE.replace("2 %", "3 %")))
    second = run(database, user_id, model, "a wider stop", strategy_id=first.result["strategy_id"])
    assert (second.status, second.error) == ("SUCCEEDED", None)
    assert second.result is not None
    assert (second.result["version"], second.result["strategy_id"]) == (2, first.result["strategy_id"])
    heard = [turn.text for turn in model.heard[0]]
    assert heard[0].endswith('"the first request"')
    assert "STOP = 0.02" in heard[1]
    assert heard[2].endswith('"a wider stop"')
    with database.transaction() as connection:
        versions = strategies.list_versions(connection, UUID(first.result["strategy_id"]))
    assert [(each.version, each.prompt, each.tokens) for each in versions] == [
        (2, "a wider stop", 100),
        (1, "the first request", 100),
    ]


def test_a_strategy_of_somebody_else_is_not_changed(database: Database, user_id: UUID) -> None:
    first = run(database, user_id, Model(draft()))
    assert first.result is not None
    stranger = person(database, "bob")
    job = run(database, stranger, Model(draft()), "steal it", strategy_id=first.result["strategy_id"])
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("FAILED", "model-refused")


def test_a_service_that_is_away_is_asked_again_and_then_the_job_says_so(database: Database, user_id: UUID) -> None:
    away = ModelUnavailable("Gemini answered 503")
    assert run(database, user_id, Model(away, away, draft())).status == "SUCCEEDED"
    job = run(database, user_id, Model(*[away] * 9))
    assert job.error is not None
    assert (job.status, job.error["code"]) == ("FAILED", "model-unavailable")


def test_without_a_key_the_job_says_what_is_missing(database: Database, user_id: UUID) -> None:
    from stratforge.ai.quant import GeminiQuant
    from stratforge.configuration import GeminiSecret

    with database.transaction() as connection:
        job = jobs.add_job(connection, user_id, JobKind.GENERATE, {"prompt": "anything"})
    kinds = {JobKind.GENERATE: lambda work: write_strategy(work, lambda: GeminiQuant(GeminiSecret()))}
    run_job(database, job.job_id, kinds)
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    assert found.error is not None
    assert "no Gemini API key is configured" in found.error["message"]


def test_answers_to_questions_are_told_with_what_was_asked(database: Database, user_id: UUID) -> None:
    asks = StrategyDraft(
        name="-", symbol="", python_code="", logic_explanation="", questions=["Which rule decides when to buy?"]
    )
    first = run(database, user_id, Model(asks), "make money")
    assert first.result is not None
    assert first.result["questions"] == ["Which rule decides when to buy?"]
    model = Model(draft())
    second = run(database, user_id, model, "when the RSI is low", follows=str(first.job_id))
    assert second.status == "SUCCEEDED"
    assert second.result is not None
    assert second.result["strategy_id"]
    heard = [turn.text for turn in model.heard[0]]
    assert heard[0].endswith('"make money"')
    assert "Which rule decides" in heard[1]
    assert heard[2].endswith('"when the RSI is low"')


def test_an_answer_to_a_question_may_not_forget_what_was_asked_first(database: Database, user_id: UUID) -> None:
    asks = StrategyDraft(name="-", symbol="", python_code="", logic_explanation="", questions=["Which average?"])
    first = run(database, user_id, Model(asks), "buy above the average, never on Fridays")
    job = run(database, user_id, Model(*[draft()] * 4, whole=False), "the 10-bar one", follows=str(first.job_id))
    assert job.error is not None
    assert job.error["code"] == "not-passed"
    assert any("never" in each and "earlier turn" in each for each in job.error["findings"])


def test_a_draft_that_failed_does_not_hide_the_strategy_that_stands(database: Database, user_id: UUID) -> None:
    """The change that failed is asked for anew: what stood before still has to be kept or dropped by name."""
    stands = run(database, user_id, Model(draft()), "the first request")
    assert stands.result is not None
    strategy = {"strategy_id": stands.result["strategy_id"]}
    failed = run(database, user_id, Model(*[draft("import os\n")] * 4), "a wider stop", **strategy)
    model = Model(draft(CODE.replace("STOP = 0.02", "STOP = 0.03"), TRUE.replace("2 %", "3 %")))
    job = run(database, user_id, model, "3 percent", follows=str(failed.job_id), **strategy)
    assert (job.status, job.error) == ("SUCCEEDED", None)
    asked = request_of(model.heard[0])
    assert (asked.text, asked.earlier, asked.whole) == ("3 percent", ("a wider stop",), False)
    assert asked.before is not None
    assert "sell when gain <= -2" in asked.before


def test_a_draft_that_failed_can_be_corrected_by_the_user(database: Database, user_id: UUID) -> None:
    first = run(database, user_id, Model(*[draft("import os\n")] * 4), "something")
    model = Model(draft())
    assert run(database, user_id, model, "without files, please", follows=str(first.job_id)).status == "SUCCEEDED"
    assert "import os" in model.heard[0][1].text


def test_an_answer_that_is_no_draft_goes_back_like_any_finding(database: Database, user_id: UUID) -> None:
    broken = NotADraft("finish reason: MAX_TOKENS", '{"name": "Ha', 50)
    job = run(database, user_id, Model(broken, draft()))
    assert job.result is not None
    assert (job.status, job.result["tokens"], len(job.result["repairs"])) == ("SUCCEEDED", 150, 1)
    assert run(database, user_id, Model(*[broken] * 4)).status == "FAILED"


def test_parameters_that_the_code_does_not_have_are_findings(database: Database, user_id: UUID) -> None:
    lying = draft().model_copy(update={"parameters": [DraftParameter(name="FAST", value=99, meaning="bars")]})
    right = draft().model_copy(
        update={"parameters": [DraftParameter(name="FAST", value=10, meaning="bars of the fast one")]}
    )
    job = run(database, user_id, Model(lying, right))
    assert job.result is not None
    assert "FAST = 99" in job.result["repairs"][0][0]
    with database.transaction() as connection:
        (version,) = strategies.list_versions(connection, UUID(job.result["strategy_id"]))
    assert version.parameter_meanings == {"FAST": "bars of the fast one"}


def test_an_answer_can_be_watched_as_it_comes(database: Database, user_id: UUID) -> None:
    """The Analyst's text is in the job before the job is done, and gone from `partial` when it is."""
    seen: list[object] = []

    def talks(_question: str, heard: Callable[[str], None]) -> Research:
        heard("AAPL rose")
        with database.transaction() as connection:
            found = jobs.get_job(connection, job.job_id)
        seen.append(found and (found.progress, found.partial))
        return Research("AAPL rose.", False, (), (), "told", 10)

    with database.transaction() as connection:
        job = jobs.add_job(connection, user_id, JobKind.RESEARCH, {"question": "What happened?"})
    run_job(database, job.job_id, {JobKind.RESEARCH: lambda work: answer_question(work, lambda: StandInAnalyst(talks))})
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert seen == [("answering", "AAPL rose")]
    assert found is not None
    assert (found.status, found.partial) == ("SUCCEEDED", None)


class Loses(Model):
    """A model during whose answer another takes the job, and is done with it or goes on."""

    def __init__(self, meanwhile: Callable[[], object]) -> None:
        super().__init__(draft())
        self.meanwhile = meanwhile

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The answer, in two parts."""
        heard("the first half")
        self.meanwhile()
        heard("the first half and the second")
        return super().draft(system, turns, heard)


@pytest.mark.parametrize("done", [True, False])
def test_whoever_lost_a_job_in_the_middle_of_an_answer_shows_and_stores_nothing_more(
    database: Database, user_id: UUID, monkeypatch: pytest.MonkeyPatch, done: bool
) -> None:
    monkeypatch.setattr("stratforge.application.jobs.asking._SHOW_EVERY", 0.0)
    with database.transaction() as connection:
        job_id = jobs.add_job(connection, user_id, JobKind.GENERATE, {"prompt": "a strategy"}).job_id
    seen: list[str | None] = []

    def partial() -> str | None:
        with database.transaction() as connection:
            found = jobs.get_job(connection, job_id)
        assert found is not None
        return found.partial

    def another() -> None:
        seen.append(partial())
        if done:
            run_job(database, job_id, {JobKind.GENERATE: lambda work: write_strategy(work, lambda: Model(draft()))}, "message")  # fmt: skip
        else:
            with database.transaction() as connection:
                assert jobs.begin_job(connection, job_id, "message") is not None

    kinds = {JobKind.GENERATE: lambda work: write_strategy(work, lambda: Loses(another))}
    assert run_job(database, job_id, kinds, "message") is jobs.JobStatus.CANCELED
    assert seen == ["the first half"]
    assert partial() is None, "what the first had is not shown as if it were still coming"
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM strategy_versions").fetchone() == (int(done),)


def test_a_question_that_follows_another_is_asked_with_it_and_its_answer(database: Database, user_id: UUID) -> None:
    """Only the asker's own questions, only those that were answered, the oldest first, and not without end."""

    def answers(question: str, _heard: Callable[[str], None]) -> Research:
        if question == "Nobody knows":
            raise ModelRefused("there was no answer")
        return Research(f"{question}: yes", False, (), (), "told", 10)

    analyst = StandInAnalyst(answers)

    def asked(question: str, follows: UUID | None, asker: UUID = user_id) -> UUID:
        request = {"question": question, "follows": str(follows) if follows else None}
        with database.transaction() as connection:
            job = jobs.add_job(connection, asker, JobKind.RESEARCH, request)
        run_job(database, job.job_id, {JobKind.RESEARCH: lambda work: answer_question(work, lambda: analyst)})
        return job.job_id

    with database.transaction() as connection:
        stranger = register_user(connection, "stranger@example.com", "hash", Decimal(1))
    assert stranger is not None
    first = asked("How did AAPL do?", None)
    refused = asked("Nobody knows", first)
    asked("And IBM?", refused)
    assert analyst.before[-1] == [("How did AAPL do?", "How did AAPL do?: yes")]
    asked("And mine?", first, stranger)
    assert analyst.before[-1] == []
    last = first
    for number in range(10):
        last = asked(f"Then {number}?", last)
    assert [question for question, _ in analyst.before[-1]] == [f"Then {number}?" for number in range(3, 9)]


ROTATION = "every month hold the 2 strongest of SPY, QQQ, IWM by 6-month return, equal weights"


class Offline:
    """The offline author as the model: what it was asked, turn by turn, it answers."""

    model = "offline"

    def draft(self, _system: str, turns: list[Turn], _heard: Callable[[str], None]) -> Drafted:
        """Its answer."""
        said = [words for each in turns if each.role == "user" and (words := words_in(each.text)) is not None]
        return Drafted(StrategyDraft.model_validate(write_answer(said)), 100)


def test_a_portfolio_is_written_stored_for_no_symbol_and_written_anew(database: Database, user_id: UUID) -> None:
    done = run(database, user_id, Offline(), ROTATION)
    assert done.status == "SUCCEEDED", done.error
    assert done.result is not None
    assert (done.result["symbol"], done.result["parameters"]) == ("PORTFOLIO", {"RANK_LENGTH": 126.0, "TOP": 2.0})
    rules = [text for each in done.result["requirements"] for text in each["rules"]]
    assert "take top 2" in rules
    strategy_id = UUID(str(done.result["strategy_id"]))
    again = run(
        database, user_id, Offline(), ROTATION.replace("2 strongest", "3 strongest"), strategy_id=str(strategy_id)
    )
    assert again.result is not None, again.error
    assert (again.result["version"], again.result["symbol"]) == (2, "PORTFOLIO")
    with database.transaction() as connection:
        stored = strategies.get_strategy(connection, strategy_id, of_user=user_id)
    assert stored is not None
    assert "TOP = 3" in stored.python_code


def test_each_symbol_of_a_portfolio_has_to_be_tradable(database: Database, user_id: UUID) -> None:
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO assets (symbol, name, asset_class, tradable, fractionable) SELECT s, s, 'us_equity', s <> 'IWM', true FROM unnest(%s::text[]) s",
            (["SPY", "QQQ", "IWM"],),
        )
    done = run(database, user_id, Offline(), ROTATION)
    assert done.result is not None, done.error
    assert done.result["questions"] == ["IWM cannot be traded here. Which symbol should it be?"]
