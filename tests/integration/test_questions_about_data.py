"""Questions in a conversation are answered from the asking user's own rows; undo and “back to version 1” take changes back."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid4

import pytest
from simulators.gemini.conversation import answer_to, requests_in
from stratforge.ai.draft import AnswerKind, LookupKind, StrategyDraft
from stratforge.ai.prompts import LOOKED_UP
from stratforge.ai.quant import Drafted, Turn
from stratforge.application.jobs.results import OpenQuestions, WrittenStrategy, result_of
from stratforge.application.jobs.work import run_job
from stratforge.application.jobs.write_strategy import write_strategy
from stratforge.intent.requirements import Requirement, Status
from stratforge.storage.postgres.database import Database
from stratforge.storage.strategies import backtests, jobs, strategies
from stratforge.storage.strategies.jobs import JobKind

from tests.support.ledger import person

RULE = "Buy AAPL when the RSI is below 30 and sell when it is above 70"


class Author:
    """The offline author behind the Quant's port; what it was told is kept."""

    model = "offline-author"

    def __init__(self) -> None:
        self.heard: list[Turn] = []

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """Its answer to the conversation."""
        self.heard = list(turns)
        contents = [{"role": each.role, "parts": [{"text": each.text}]} for each in turns]
        return Drafted(StrategyDraft.model_validate(answer_to(contents)), 10)


class Says(Author):
    """A model that looks something up and then says what it is told to, whatever was found."""

    def __init__(self, *answers: str) -> None:
        super().__init__()
        self.answers = list(answers)

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The lookup first, then the answers in turn."""
        self.heard = list(turns)
        asked = any(each.text.startswith(LOOKED_UP) for each in turns)
        plain = {"name": "-", "symbol": "AAPL", "python_code": "", "logic_explanation": ""}
        if asked:
            return Drafted(StrategyDraft.model_validate({**plain, "kind": "answer", "answer": self.answers.pop(0)}), 10)
        return Drafted(
            StrategyDraft.model_validate({**plain, "kind": "look", "lookups": [{"what": LookupKind.BACKTEST}]}), 10
        )


def said(
    database: Database, user: UUID, prompt: str, model: Author | None = None, **request: str
) -> OpenQuestions | WrittenStrategy:
    """The result of one turn."""
    with database.transaction() as connection:
        job = jobs.add_job(connection, user, JobKind.GENERATE, {"prompt": prompt, **request})
    run_job(database, job.job_id, {JobKind.GENERATE: lambda work: write_strategy(work, lambda: model or Author())})
    with database.transaction() as connection:
        found = jobs.get_job(connection, job.job_id)
    assert found is not None
    result = result_of(found)
    assert isinstance(result, OpenQuestions | WrittenStrategy), found.error
    return result


def strategy_of(database: Database, user: UUID) -> UUID:
    result = said(database, user, RULE)
    assert isinstance(result, WrittenStrategy)
    return result.strategy_id


def store_backtest(database: Database, user: UUID, strategy_id: UUID, total: float, march: float) -> None:
    """Stores a backtest with one losing trade in March and a winning one in April."""
    trade = {
        "quantity": 10.0,
        "bars": 5,
        "exit_reason": "stop loss",
        "entry_price": 100.0,
        "exit_price": 95.5,
        "pnl": -45.0,
        "return": -0.045,
    }
    won = {**trade, "exit_reason": "signal", "exit_price": 107.25, "pnl": 72.5, "return": 0.0725}
    march_day, april_day = 1_773_070_200, 1_775_750_400
    report = {
        "months": [{"month": "2026-03", "return": march}, {"month": "2026-04", "return": 0.07}],
        "trades": [{**trade, "entry_time": march_day, "exit_time": march_day + 300}, {**won, "entry_time": april_day, "exit_time": april_day + 300}],
    }  # fmt: skip
    with database.transaction() as connection:
        job = jobs.add_job(connection, user, JobKind.BACKTEST, {})
        made = backtests.NewReport(
            strategy_id, 1, "AAPL", {}, {"total_return": total, "max_drawdown": 0.0456, "trades": 2}, report
        )
        backtests.add_backtest(connection, job.job_id, user, made)


def test_why_it_lost_in_march_is_answered_from_the_backtest(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    store_backtest(database, user, strategy_id, 0.0237, -0.0451)
    result = said(database, user, "Why did it lose in March?", strategy_id=str(strategy_id))
    assert isinstance(result, OpenQuestions)
    assert result.kind is AnswerKind.ANSWER
    answer = result.questions[0]
    assert "-4.51 %" in answer
    assert "1 of 1 trades closed then lost" in answer
    assert "from 100.0 to 95.5" in answer
    assert "stop loss" in answer
    assert "72.5" not in answer, "April was not asked for"
    with database.transaction() as connection:
        assert len(strategies.list_versions(connection, strategy_id)) == 1, "a question changes nothing"


def session_of(database: Database, user: UUID, strategy_id: UUID) -> UUID:
    """A session of the strategy's first version."""
    named = {"user": user, "strategy": strategy_id, "session": uuid4()}
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO sessions (id, user_id, strategy_id, strategy_version, symbol, status) VALUES (%(session)s, %(user)s, %(strategy)s, 1, 'AAPL', 'RUNNING')",
            named,
        )
    return named["session"]


def store_trade(
    database: Database, user: UUID, session: UUID, side: str, origin: str, price: int, bar: datetime
) -> None:
    """Stores a trade of ten AAPL a minute after a bar, with the signal on that bar and the order."""
    row = {"user": user, "session": session, "side": side, "origin": origin, "price": price, "bar": bar, "at": bar + timedelta(minutes=1), "order": uuid4(), "block": uuid4(), "name": f"sf-{uuid4()}"}  # fmt: skip
    with database.transaction() as connection:
        for statement in (
            "INSERT INTO signals (session_id, user_id, symbol, bar_time, side, confidence, status) VALUES (%(session)s, %(user)s, 'AAPL', %(bar)s, %(side)s, 1, 'EXECUTED')",
            "INSERT INTO block_orders (id, symbol, side, quantity, cross_quantity, reference_price, collar, cross_low, cross_high, client_order_id, status, completed_at) VALUES (%(block)s, 'AAPL', %(side)s, 10, 0, 100, 0, 1, 1, %(name)s, 'FILLED', now())",
            """INSERT INTO orders (id, user_id, session_id, block_order_id, symbol, side, quantity, filled_quantity, status, completed_at, origin, signal_id)
               SELECT %(order)s, %(user)s, %(session)s, %(block)s, 'AAPL', %(side)s, 10, 0, 'CANCELED', now(), %(origin)s::order_origin,
                      CASE WHEN %(origin)s::order_origin = 'SIGNAL' THEN id END FROM signals WHERE bar_time = %(bar)s AND session_id = %(session)s""",
            "INSERT INTO trades (order_id, user_id, session_id, block_order_id, symbol, side, quantity, price, execution_id, executed_at) VALUES (%(order)s, %(user)s, %(session)s, %(block)s, 'AAPL', %(side)s, 10, %(price)s, %(name)s, %(at)s)",
        ):
            connection.execute(statement, row)


def test_the_last_trade_is_explained_by_what_placed_its_order(database: Database) -> None:
    """A stop that sold is not taken for the rule that had sold before."""
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    session = session_of(database, user, strategy_id)
    for place, (side, origin, said_so) in enumerate(
        (
            ("buy", "SIGNAL", "bought 10 AAPL at 100 on 2026-03-02 15:31 UTC because the strategy's rule to buy held on the bar of 2026-03-02 15:30 UTC"),
            ("sell", "SIGNAL", "sold 10 AAPL at 101 on 2026-03-03 15:31 UTC because the strategy's rule to sell held on the bar of 2026-03-03 15:30 UTC"),
            ("sell", "STOP_LOSS", "sold 10 AAPL at 102 on 2026-03-04 15:31 UTC; its order was placed by: stop loss"),
        )
    ):  # fmt: skip
        store_trade(database, user, session, side, origin, 100 + place, datetime(2026, 3, 2 + place, 15, 30, tzinfo=UTC))  # fmt: skip
        answer = said(database, user, "Explain this trade", strategy_id=str(strategy_id))
        assert isinstance(answer, OpenQuestions)
        assert said_so in answer.questions[0]


def test_nothing_of_anybody_else_is_looked_up(database: Database) -> None:
    ada, bob = person(database, "ada"), person(database, "bob")
    store_backtest(database, ada, strategy_of(database, ada), 0.91, 0.5)
    mine = strategy_of(database, bob)
    store_backtest(database, bob, mine, 0.0123, -0.01)
    model = Author()
    result = said(database, bob, "Which of mine is best?", model)
    assert isinstance(result, OpenQuestions)
    assert "1.23 %" in result.questions[0]
    rows = json.loads(model.heard[-1].text.partition("\n")[2])[0]["strategies"]
    assert [each["last_backtest"]["total_return_percent"] for each in rows] == [1.23]
    for question in ("How is my portfolio?", "Explain this trade", "How did the backtest go?"):
        result = said(database, bob, question, model, strategy_id=str(mine))
        assert "91" not in model.heard[-1].text.partition("\n")[2]
        assert isinstance(result, OpenQuestions)
        assert result.kind is AnswerKind.ANSWER


def test_a_number_that_was_not_looked_up_goes_back_to_the_model(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = strategy_of(database, user)
    store_backtest(database, user, strategy_id, 0.0237, -0.0451)
    model = Says("It made 41.7 % in all.", "It made 2.4 % in all.")
    result = said(database, user, "How did it do?", model, strategy_id=str(strategy_id))
    assert isinstance(result, OpenQuestions)
    assert result.questions == ["It made 2.4 % in all."]
    assert "41.7" in model.heard[-1].text


def test_a_question_does_not_stand_in_the_way_of_the_next_change(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = str(strategy_of(database, user))
    said(database, user, "What does it do?", strategy_id=strategy_id)
    changed = said(database, user, "add a 2% stop", strategy_id=strategy_id)
    assert isinstance(changed, WrittenStrategy)
    assert changed.version == 2


def test_undo_and_back_to_a_version_take_changes_back(database: Database) -> None:
    user = person(database, "ada")
    strategy_id = str(strategy_of(database, user))

    def turn(prompt: str) -> OpenQuestions | WrittenStrategy:
        return said(database, user, prompt, strategy_id=strategy_id)

    first = turn("undo")
    assert isinstance(first, OpenQuestions)
    assert first.questions == ["Nothing changed, because there is no version before this one."]
    stop, friday = turn("add a 2% stop"), turn("never on Fridays")
    assert isinstance(stop, WrittenStrategy)
    assert isinstance(friday, WrittenStrategy)
    undone = turn("Undo that, please")
    assert isinstance(undone, WrittenStrategy)
    assert (undone.version, undone.python_code) == (4, stop.python_code)
    once_more = turn("undo")
    assert isinstance(once_more, WrittenStrategy)
    assert "STOP_LOSS" not in once_more.python_code
    back = turn("back to version 3")
    assert isinstance(back, WrittenStrategy)
    assert (back.python_code, back.requirements) == (friday.python_code, friday.requirements)
    goes_on = turn("use 25 instead of 30")
    assert isinstance(goes_on, WrittenStrategy)
    assert {"STOP_LOSS_PERCENT": 2}.items() <= goes_on.parameters.items()
    assert "weekday" in goes_on.python_code


class Repeats(Author):
    """A model that writes the standing strategy again, whatever is asked."""

    def draft(self, system: str, turns: list[Turn], heard: Callable[[str], None]) -> Drafted:
        """The standing strategy, with the new words called assumed."""
        standing = StrategyDraft.model_validate_json(
            next(each.text for each in reversed(turns) if each.role == "model")
        )
        words = requests_in([{"parts": [{"text": turns[-1].text}]}])[0]
        kept = [each.model_copy(update={"quote": "", "status": Status.KEPT}) for each in standing.requirements]
        new = Requirement(quote=words, meaning="it is so already", status=Status.ASSUMED, lines=[1])
        said = [*standing.assumptions, f"“{words}”: it is so already."]
        return Drafted(standing.model_copy(update={"requirements": [*kept, new], "assumptions": said}), 10)


@pytest.mark.parametrize("prompt", ["back to version 9", "back to version 1", "please keep it below 30"])
def test_a_turn_that_changes_nothing_says_why(database: Database, prompt: str) -> None:
    user = person(database, "ada")
    result = said(database, user, prompt, Repeats(), strategy_id=str(strategy_of(database, user)))
    assert isinstance(result, OpenQuestions)
    assert result.questions[0].startswith("Nothing changed, because ")
    with database.transaction() as connection:
        count = connection.execute("SELECT count(*) FROM strategy_versions").fetchone()
    assert count == (1,)
