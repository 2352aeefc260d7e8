"""The Analyst through the real queue and the SDK, answered by the simulator."""

from __future__ import annotations

import time

import pytest
from local_platform.platform import Platform
from stratforge.client import ApiError, Client

pytestmark = pytest.mark.timeout(900)


def test_an_answer_names_its_sources_and_where_they_stand_behind_it(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("curious@example.com", "a long enough password")
    found = client.research("How did Apple and Microsoft do?", portfolio=True)
    (citation,) = found["citations"]
    assert found["grounded"] is True
    assert "not investment advice" in found["disclaimer"]
    parts = [found["answer"][start:end] for start, end in citation["spans"]]
    assert [part.split()[0] for part in parts] == ["AAPL", "MSFT"]
    assert all(part.endswith("trading days.") for part in parts)


def test_an_answer_without_sources_says_so(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("curious@example.com", "a long enough password")
    found = client.research("What is the meaning of it all?")
    assert (found["grounded"], found["citations"]) == (False, [])


def test_an_answer_comes_in_parts_and_a_dropped_stream_is_asked_again(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("curious@example.com", "a long enough password")
    platform.simulator("faults", {"fault": "cut", "count": 1}, of="gemini")
    job = client.call("POST", "/api/ai/research", {"question": "How did Apple, Microsoft, Google and IBM do?"})
    seen = set()
    deadline = time.monotonic() + 240
    while job["status"] in ("QUEUED", "RUNNING"):
        assert time.monotonic() < deadline, job
        time.sleep(0.05)
        job = client.call("GET", f"/api/jobs/{job['job_id']}")
        if job["partial"]:
            seen.add(job["partial"])
    assert job["status"] == "SUCCEEDED"
    assert job["partial"] is None
    assert seen
    assert all(job["result"]["answer"].startswith(part) for part in seen)
    assert any(len(part) < len(job["result"]["answer"]) for part in seen)


def test_a_question_needs_the_scope(platform: Platform) -> None:
    client = Client(platform.address)
    client.register("curious@example.com", "a long enough password")
    key = client.call("POST", "/api/users/me/api-keys", {"name": "reader", "scopes": ["read"]})["key"]
    with pytest.raises(ApiError) as refused:
        Client(platform.address, key).research("What happened?")
    assert refused.value.status == 403
