"""The settler's handler: a batch of updates, in order within each block; what fails is reported with what stands behind it in its block."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from stratforge.application.settle_fill import Settled
from stratforge.bus import retries
from stratforge.bus.messages import OrderUpdate

from functions.settler import handler as settler
from tests.support.lambda_context import CONTEXT


def record(number: int, block: str, **other: Any) -> dict[str, Any]:
    """An update of a block as the queue hands it over; its cumulative quantity says which it is."""
    update = OrderUpdate(
        client_order_id=block,
        symbol="AAPL",
        event="partial_fill",
        filled_quantity=Decimal(number),
        filled_average_price=Decimal(100),
        occurred_at=datetime(2026, 1, 5, 15, tzinfo=UTC),
    )
    return {
        "messageId": f"m{number}",
        "receiptHandle": "r",
        "body": update.model_dump_json(),
        "attributes": {"MessageGroupId": block, "ApproximateReceiveCount": "1"},
        "eventSource": "aws:sqs",
        "eventSourceARN": "arn:aws:sqs:us-east-1:1:stratforge-dev-order-updates.fifo",
        **other,
    }


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Blocks and quantities that were settled; the block called “broken” never is."""
    seen: list[tuple[str, int]] = []

    def settle(_database: object, _wake: object, update: OrderUpdate) -> Settled:
        seen.append((update.client_order_id, int(update.filled_quantity)))
        if update.client_order_id == "broken":
            raise RuntimeError("the database is away")
        return Settled(1, None)

    monkeypatch.setattr(settler, "settle_fill", settle)
    monkeypatch.setattr(retries, "back_off", lambda _records: None)
    return seen


def test_updates_are_settled_in_their_order(settled: list[tuple[str, int]]) -> None:
    answer = settler.handler({"Records": [record(1, "a"), record(2, "b"), record(3, "a")]}, CONTEXT)
    assert answer == {"batchItemFailures": []}
    assert settled == [("a", 1), ("b", 2), ("a", 3)]


def test_a_failure_comes_again_with_what_follows_in_its_block_and_holds_up_no_other(
    settled: list[tuple[str, int]],
) -> None:
    answer = settler.handler(
        {"Records": [record(1, "a"), record(2, "broken"), record(3, "broken"), record(4, "a")]}, CONTEXT
    )
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m2", "m3"]
    assert settled == [("a", 1), ("broken", 2), ("a", 4)]


def test_what_is_no_update_fails_by_itself(settled: list[tuple[str, int]]) -> None:
    answer = settler.handler({"Records": [record(1, "a", body='{"symbol": "AAPL"}'), record(2, "b")]}, CONTEXT)
    assert [each["itemIdentifier"] for each in answer["batchItemFailures"]] == ["m1"]
    assert settled == [("b", 2)]


def test_the_executor_is_woken_by_way_of_its_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, ...]] = []
    monkeypatch.setenv("SIGNALS_QUEUE_URL", "https://queue")
    monkeypatch.setattr(settler, "send_work_ready", lambda *told: sent.append(told))
    settler.wake_executor("AAPL", "done-a")
    assert sent == [("https://queue", "AAPL", "done-a")]
