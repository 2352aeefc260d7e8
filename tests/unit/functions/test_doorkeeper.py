"""The doorkeeper: only who shows the edge's secret is let in."""

from __future__ import annotations

import pytest
from stratforge.edge import EDGE_HEADER

from functions.doorkeeper import handler as doorkeeper
from tests.support.lambda_context import CONTEXT


@pytest.fixture(autouse=True)
def secret(monkeypatch: pytest.MonkeyPatch) -> None:
    """The edge's secret is “key”."""
    monkeypatch.setenv("EDGE_SECRET", "stratforge/dev/edge")
    monkeypatch.setattr(
        doorkeeper, "read_secret", lambda model, name: model.model_validate({"key": "key"} if "edge" in name else {})
    )


@pytest.mark.parametrize(
    ("event", "let_in"),
    [
        ({"headers": {EDGE_HEADER: "key"}}, True),
        ({"headers": {EDGE_HEADER: "ke"}}, False),
        ({"headers": {EDGE_HEADER: "schlüssel"}}, False),
        ({"headers": {EDGE_HEADER: ""}}, False),
        ({"headers": {"x-other": "key"}}, False),
        ({}, False),
    ],
)
def test_only_the_whole_secret_in_its_own_header_opens(event: dict[str, object], let_in: bool) -> None:
    assert doorkeeper.handler(event, CONTEXT) == {"isAuthorized": let_in}
