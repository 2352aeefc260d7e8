"""The Quant through the real queue and SDK: conversations, and every way the model can fail ends in a clear state."""

from __future__ import annotations

from typing import Any

import pytest
from local_platform.deployment import client as aws
from local_platform.platform import Platform
from stratforge.client import ApiError, Client

from tests.support.trading import wait_for

pytestmark = pytest.mark.timeout(900)
PROMPT = "Buy AAPL when the 10-bar average crosses above the 30-bar average"


@pytest.fixture
def user(platform: Platform) -> Client:
    """A user."""
    client = Client(platform.address)
    client.register("quant@example.com", "a long enough password")
    return client


def finished(user: Client, job: dict[str, Any], seconds: float = 60.0) -> dict[str, Any]:
    """The job when nothing more will come."""

    def ended() -> dict[str, Any] | None:
        found = user.call("GET", f"/api/jobs/{job['job_id']}")
        return found if found["status"] not in ("QUEUED", "RUNNING") else None

    return wait_for(ended, seconds, "the end of the job")


def test_a_turn_refines_the_last_version(user: Client) -> None:
    first = user.generate(PROMPT)
    second = user.wait(
        user.call("POST", "/api/ai/generate", {"prompt": "only in the first hour", "strategy_id": first["strategy_id"]})
    )
    third = user.wait(
        user.call("POST", "/api/ai/generate", {"prompt": "add a stop of 2 %", "strategy_id": first["strategy_id"]})
    )
    assert [each["version"] for each in (first, second, third)] == [1, 2, 3]
    assert first["strategy_id"] == second["strategy_id"] == third["strategy_id"]
    assert "630" in second["python_code"]
    assert ("630" in third["python_code"], third["parameters"]["STOP_LOSS_PERCENT"]) == (True, 2)
    versions = user.call("GET", f"/api/strategies/{first['strategy_id']}/versions")["items"]
    assert "+STOP_LOSS_PERCENT = 2" in versions[0]["diff"]
    assert versions[0]["prompt"] == "add a stop of 2 %"
    assert versions[0]["tokens"] > 0


def test_another_users_strategy_cannot_be_refined(platform: Platform, user: Client) -> None:
    mine = user.generate(PROMPT)
    stranger = Client(platform.address)
    stranger.register("stranger-to-quant@example.com", "a long enough password")
    with pytest.raises(ApiError) as refused:
        stranger.call(
            "POST", "/api/ai/generate", {"prompt": "only in the first hour", "strategy_id": mine["strategy_id"]}
        )
    assert refused.value.status == 404


@pytest.mark.parametrize(
    ("fault", "count", "status", "code"),
    [
        ("outside", 1, "SUCCEEDED", None),
        ("outside", 4, "FAILED", "not-passed"),
        pytest.param("truncated", 1, "SUCCEEDED", None, marks=pytest.mark.long),
        pytest.param("truncated", 4, "FAILED", "model-refused", marks=pytest.mark.long),
        pytest.param("not json", 4, "FAILED", "model-refused", marks=pytest.mark.long),
        pytest.param("safety", 1, "FAILED", "model-refused", marks=pytest.mark.long),
        ("blocked", 1, "FAILED", "model-refused"),
    ],
)
def test_a_wrong_answer_ends_in_a_clear_state(
    platform: Platform, user: Client, fault: str, count: int, status: str, code: str | None
) -> None:
    stored = len(list(user.items("/api/strategies")))
    platform.simulator("faults", {"fault": fault, "count": count}, of="gemini")
    job = finished(user, user.call("POST", "/api/ai/generate", {"prompt": PROMPT}))
    assert job["status"] == status
    if code is None:
        assert len(job["result"]["repairs"]) == 1
        assert ("1:1" if fault == "outside" else "not a strategy") in job["result"]["repairs"][0][0]
        assert len(list(user.items("/api/strategies"))) == stored + 1
    else:
        assert job["error"]["code"] == code
        assert len(list(user.items("/api/strategies"))) == stored, "what did not pass is stored nowhere"
    if code == "not-passed":
        assert job["error"]["findings"]
        assert "os.environ" in job["error"]["draft"]["python_code"]


def test_a_service_that_is_away_is_asked_again(platform: Platform, user: Client) -> None:
    platform.simulator("faults", {"fault": "503", "count": 1}, of="gemini")
    job = user.call("POST", "/api/ai/generate", {"prompt": PROMPT})
    assert finished(user, job)["status"] == "SUCCEEDED"


def messages(platform: Platform, queue: str) -> int:
    """How many messages a queue holds, those that somebody works on included."""
    sqs = aws("sqs", platform.engine_address)
    wanted = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    url = sqs.get_queue_url(QueueName=f"stratforge-local-{queue}")["QueueUrl"]
    return sum(map(int, sqs.get_queue_attributes(QueueUrl=url, AttributeNames=wanted)["Attributes"].values()))


def test_a_canceled_job_stores_nothing(platform: Platform, user: Client) -> None:
    stored = len(list(user.items("/api/strategies")))
    platform.simulator("faults", {"fault": "slow", "count": 1, "seconds": 3}, of="gemini")
    job = user.call("POST", "/api/ai/generate", {"prompt": PROMPT})
    assert user.call("DELETE", f"/api/jobs/{job['job_id']}")["status"] == "CANCELED"
    # Whoever worked on it is done with it.
    wait_for(lambda: messages(platform, "jobs") == 0, 60, "the end of the work")
    assert finished(user, job)["status"] == "CANCELED"
    assert len(list(user.items("/api/strategies"))) == stored


def test_the_queue_is_empty_afterwards(platform: Platform) -> None:
    wait_for(lambda: messages(platform, "jobs") == 0, 30, "the end of all jobs")
    assert messages(platform, "jobs-dead") == 0
