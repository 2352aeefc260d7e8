"""Accounts as production and development leave them, read once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.infrastructure.policies.account import Account
from tests.infrastructure.policies.simulator import Simulator
from tests.infrastructure.policies.templates import Deployment


@pytest.fixture(scope="session")
def simulator() -> Iterator[Simulator]:
    """The engine."""
    found = Simulator()
    yield found
    found.close()


@pytest.fixture(scope="session", params=["prod", "dev", "dev by a stream"])
def account(
    request: pytest.FixtureRequest,
    simulator: Simulator,
    production_assembly: Path,
    development_assembly: Path,
    streaming_assembly: Path,
) -> Account:
    """The account after a stage was deployed to it."""
    assemblies = {"prod": production_assembly, "dev": development_assembly, "dev by a stream": streaming_assembly}
    return Account(Deployment.read(assemblies[str(request.param)]), simulator)


@pytest.fixture(scope="session")
def production_account(simulator: Simulator, production_assembly: Path) -> Account:
    """The account after production was deployed to it."""
    return Account(Deployment.read(production_assembly), simulator)
