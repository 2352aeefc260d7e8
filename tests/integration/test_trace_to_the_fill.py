"""One trace from the executor's invocation over the broker's stream to the settler's queue."""

from __future__ import annotations

import json
import threading
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import pytest
from stratforge import tracing
from stratforge.bus.messages import OrderUpdate
from stratforge.tracing import Segments, Trace

from functions.ingestor import order_updates
from functions.ingestor.order_updates import OrderUpdatePipeline
from tests.support.ledger import OPEN, add_signal, add_trader, set_price
from tests.support.world import World

ROOT = "1-5759e988-bd862e3fe1be46a994272793"
HEADER = f"Root={ROOT};Parent=53995c3f42cd8ad8;Sampled=1"


@pytest.fixture
def world(world: World) -> World:
    """A world with a user who buys."""
    with world.database.transaction() as connection:
        add_signal(connection, add_trader(connection, "ada"), "buy", set_price(connection, "100"))
    return world


def told_of(world: World, monkeypatch: pytest.MonkeyPatch, client_order_id: str) -> tuple[str | None, list[Any]]:
    """What an update of the stream carries into the settler's queue, and the segments that X-Ray is told."""
    carried: list[str | None] = []
    arrived = threading.Event()
    documents: list[Any] = []

    def send(_url: str, _update: OrderUpdate) -> None:
        carried.append(tracing.carried.get())
        arrived.set()

    def take(batch: Sequence[str]) -> None:
        documents.extend(json.loads(each) for each in batch)

    monkeypatch.setattr(order_updates, "send_order_update", send)
    segments = Segments("stratforge-ingestor", take)
    pipeline = OrderUpdatePipeline(world.broker, world.database, "queue", pytest.fail, segments)
    order = SimpleNamespace(client_order_id=client_order_id, symbol="AAPL", filled_qty="1", filled_avg_price="100")
    pipeline.update(SimpleNamespace(order=order, event="fill", timestamp=OPEN, execution_id="1", price="100", qty="1"))
    assert arrived.wait(30)
    deadline = threading.Event()
    while carried[0] is not None and not segments._waiting:
        deadline.wait(0.01)
    segments.flush()
    return carried[0], documents


def test_a_fill_belongs_to_the_trace_that_sent_its_order(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", HEADER)
    sent = world.executor.execute("AAPL").client_order_id
    assert sent is not None
    carried, (document,) = told_of(world, monkeypatch, sent)
    assert (document["trace_id"], document["parent_id"]) == (ROOT, "53995c3f42cd8ad8")
    assert document["annotations"]["client_order_id"] == sent
    assert Trace.parse(carried) == Trace(ROOT, document["id"]), "the settler's function hangs below the ingestor"


def test_an_order_that_was_not_traced_is_passed_on_without(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("_X_AMZN_TRACE_ID", f"Root={ROOT};Sampled=0")
    sent = world.executor.execute("AAPL").client_order_id
    assert sent is not None
    assert told_of(world, monkeypatch, sent) == (None, [])
    assert told_of(world, monkeypatch, "sf-AAPL-of-somebody-else") == (None, [])
