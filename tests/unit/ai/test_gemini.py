"""What is asked of Gemini, over its own protocol, and what becomes of a service that is away, slow or cut off."""

from __future__ import annotations

import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import uvicorn
from pydantic import SecretStr
from simulators.credentials import GEMINI_API_KEY
from simulators.gemini.__main__ import create_app
from simulators.gemini.faults import Faults
from stratforge.ai.analyst import GeminiAnalyst
from stratforge.ai.deadline import Deadline
from stratforge.ai.draft import Lookup, LookupKind
from stratforge.ai.drafting import write_strategy
from stratforge.ai.failures import ModelUnavailable, NotADraft
from stratforge.ai.prompts import first_request, quant_instructions
from stratforge.ai.quant import GeminiQuant, Turn, readable
from stratforge.ai.usage import Usage
from stratforge.configuration import GeminiSecret

TURNS = [Turn("user", first_request("Buy AAPL when the RSI is below 30 and sell when it is above 70"))]


class Service:
    """The simulated service, and what it heard."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.app = create_app(pause=0)
        self._server = uvicorn.Server(
            uvicorn.Config(self.app, host="127.0.0.1", port=self.port, log_level="critical", lifespan="off")
        )
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        while not self._server.started:
            time.sleep(0.01)

    def quant(self, deadline: Deadline | None = None, **models: str) -> GeminiQuant:
        secret = GeminiSecret(api_key=SecretStr(GEMINI_API_KEY), base_url=f"http://127.0.0.1:{self.port}", **models)
        return GeminiQuant(secret, deadline)

    @property
    def heard(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.app.state.heard
        return found

    def fail(self, fault: str, count: int, seconds: float = 1.0) -> None:
        faults: Faults = self.app.state.faults
        faults.set(fault, count, seconds)

    def stop(self) -> None:
        # What it still does is for nobody.
        self._server.should_exit = self._server.force_exit = True
        self._thread.join(10)


@pytest.fixture
def service() -> Iterator[Service]:
    """A service for one test."""
    found = Service()
    yield found
    found.stop()


def test_the_draft_comes_with_its_tokens_and_is_signed_by_who_wrote_it(service: Service) -> None:
    drafted = service.quant().draft(quant_instructions(), TURNS)
    assert drafted.draft.symbol == "AAPL"
    assert drafted.tokens == drafted.usage.prompt + drafted.usage.answer > 0
    assert drafted.model == "offline-author"


def test_the_model_is_asked_with_its_own_temperature_room_to_think_and_an_order_of_properties(
    service: Service,
) -> None:
    service.quant().draft(quant_instructions(), TURNS)
    body = service.heard[-1]["body"]
    config = body["generationConfig"]
    assert "temperature" not in config
    assert list(config["thinkingConfig"].values()) == ["MEDIUM"]
    assert config["maxOutputTokens"] >= 32_000
    schema = config["responseSchema"]
    order = schema.get("propertyOrdering") or schema["property_ordering"]
    assert order[:4] == ["kind", "plan", "requirements", "questions"]
    assert order.index("python_code") > order.index("requirements")
    assert {each["threshold"] for each in body["safetySettings"]} == {"BLOCK_ONLY_HIGH"}


def test_every_request_begins_with_the_same_text_so_that_the_service_knows_it_already(service: Service) -> None:
    quant = service.quant()
    for words in ("Buy when RSI < 30, sell when RSI > 70", "Buy at 10:00, sell at 11:00"):
        quant.draft(quant_instructions(), [Turn("user", first_request(words))])
    first, second = (each["body"]["systemInstruction"] for each in service.heard[-2:])
    assert first == second


def test_another_model_is_asked_when_the_first_is_away(service: Service) -> None:
    service.fail("503", 1)
    service.quant(quant_model="first", fallback_model="second").draft(quant_instructions(), TURNS)
    assert [each["path"].split("/")[-1].split(":")[0] for each in service.heard] == ["first", "second"]


def test_without_another_model_the_service_is_away(service: Service) -> None:
    service.fail("503", 1)
    with pytest.raises(ModelUnavailable):
        service.quant().draft(quant_instructions(), TURNS)


def test_every_answer_is_paid_for_also_one_that_is_cut_off(service: Service) -> None:
    taken: list[tuple[str, Usage]] = []
    secret = GeminiSecret(api_key=SecretStr(GEMINI_API_KEY), base_url=f"http://127.0.0.1:{service.port}")
    quant = GeminiQuant(secret, None, lambda model, usage: taken.append((model, usage)))
    drafted = quant.draft(quant_instructions(), TURNS)
    assert taken == [("offline-author", drafted.usage)]
    for fault, error in (("cut", ModelUnavailable), ("truncated", NotADraft), ("503", ModelUnavailable)):
        service.fail(fault, 1)
        with pytest.raises(error):
            quant.draft(quant_instructions(), TURNS)
    assert len(taken) == 3, "who answers nothing is not paid"
    assert all(each.prompt > 5_000 for _, each in taken)


def test_a_question_is_answered_over_the_wire_with_what_was_looked_up(service: Service) -> None:
    quant, wanted = service.quant(), list[Lookup]()

    def look_up(lookup: Lookup) -> dict[str, Any]:
        wanted.append(lookup)
        return {"backtest": None}

    passed = write_strategy(
        lambda system, turns: quant.draft(system, turns),
        [Turn("user", first_request("Why did it lose in March?"))],
        lambda _said: None,
        lambda _symbol: [],
        look_up,
    )
    assert [(each.what, each.month) for each in wanted] == [(LookupKind.BACKTEST, "03")]
    assert passed.strategy is None
    assert passed.draft.answer.startswith("There is no backtest of it yet")


def test_a_slow_answer_ends_with_the_deadline(service: Service) -> None:
    # Longer than any test may take.
    service.fail("slow", 1, seconds=3600)
    with pytest.raises(ModelUnavailable):
        service.quant(Deadline.in_seconds(3)).draft(quant_instructions(), TURNS)


def test_past_the_deadline_nothing_is_asked(service: Service) -> None:
    with pytest.raises(ModelUnavailable, match="used up"):
        service.quant(Deadline.in_seconds(0)).draft(quant_instructions(), TURNS)
    assert service.heard == []


def test_an_answer_that_ends_in_the_middle_is_no_draft(service: Service) -> None:
    service.fail("truncated", 1)
    with pytest.raises(NotADraft, match="MAX_TOKENS"):
        service.quant().draft(quant_instructions(), TURNS)


def test_what_is_written_can_be_read_as_it_comes(service: Service) -> None:
    heard: list[str] = []
    drafted = service.quant().draft(quant_instructions(), TURNS, heard.append)
    assert len(set(heard)) > 2
    assert all(heard[-1].startswith(each) for each in heard)
    assert drafted.draft.logic_explanation in heard[-1]


def test_no_place_to_stop_makes_an_answer_unreadable() -> None:
    text = json.dumps({"plan": 'Kauft „günstig“ \\ "und" \n verkauft 😀', "logic_explanation": "Ü"})
    for end in range(len(text) + 1):
        readable(text[:end])
    assert "😀" in readable(text)


def test_the_offline_analyst_knows_nothing_of_what_comes_and_signs_with_its_own_name(service: Service) -> None:
    secret = GeminiSecret(api_key=SecretStr(GEMINI_API_KEY), base_url=f"http://127.0.0.1:{service.port}")
    now = datetime(2012, 7, 3, 15, 0, tzinfo=UTC)
    found = GeminiAnalyst(secret).research("How did AAPL do?", None, lambda _text: None, now)
    days = re.findall(r"\d{4}-\d\d-\d\d", found.answer)
    assert days
    assert all(each < "2012-07-03" for each in days)
    assert found.model == "offline-author"
    before_all = datetime(1990, 1, 1, tzinfo=UTC)
    assert not GeminiAnalyst(secret).research("How did AAPL do?", None, lambda _text: None, before_all).grounded
