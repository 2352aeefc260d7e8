"""Which messages to the notifier are the same to the queue."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from stratforge.bus import queues
from stratforge.bus.messages import SomethingHappened


def test_two_wakes_of_one_moment_are_one_to_a_shard_and_two_to_webhooks(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard is looked at again in a second; webhooks only when something happened, so what came after the first wake was heard would be told to nobody."""
    sent: list[tuple[SomethingHappened, str, str]] = []

    def send_all(_queue_url: str, entries: Sequence[tuple[SomethingHappened, str, str]]) -> None:
        sent.extend(entries)

    monkeypatch.setattr(queues, "_send_all", send_all)
    for now in (1_767_623_400.01, 1_767_623_400.02):
        monkeypatch.setattr("time.time", lambda now=now: now)
        queues.send_something_happened("queue", [3], webhooks=True)
    ids = {shard: [moment for message, _, moment in sent if message.shard == shard] for shard in (3, None)}
    assert ids[3][0] == ids[3][1]
    assert ids[None][0] != ids[None][1]
