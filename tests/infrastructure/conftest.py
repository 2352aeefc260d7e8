"""Assemblies that several files look at, each synthesized once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.assemblies import assembly_of


@pytest.fixture(scope="session")
def production_assembly() -> Path:
    """Production with everything that can be switched on."""
    return assembly_of("prod", edge=True, operator_email="ada@example.com")


@pytest.fixture(scope="session")
def streaming_assembly() -> Path:
    """Development whose bars come by one stream."""
    return assembly_of("dev", bars="stream")


@pytest.fixture(scope="session")
def development_assembly() -> Path:
    """Development as it comes."""
    return assembly_of("dev")
