"""Assemblies that several files look at, each synthesized once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.assemblies import assembly_of


@pytest.fixture(scope="session")
def production_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Production with everything that can be switched on."""
    return assembly_of("prod", tmp_path_factory.mktemp("prod"), edge=True, operator_email="ada@example.com")


@pytest.fixture(scope="session")
def development_assembly(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Development as it comes."""
    return assembly_of("dev", tmp_path_factory.mktemp("dev"))
