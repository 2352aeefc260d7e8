"""The application on a database of its own, and somebody who has just registered."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.api import Api, User, running_api


@pytest.fixture
def api(migrated: str) -> Iterator[Api]:
    """The application on a database of its own."""
    with pytest.MonkeyPatch.context() as patch, running_api(migrated, patch) as found:
        yield found


@pytest.fixture
def ada(api: Api) -> User:
    """Somebody who has just registered."""
    return api.user("ada")
