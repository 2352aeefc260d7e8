"""The statements that `make mutants` breaks are the product's."""

from __future__ import annotations

from tests.mutants.run import broken_statements
from tests.mutants.short_statements import SHORT_STATEMENTS
from tests.mutants.statements import STATEMENTS


def test_every_statement_that_is_broken_stands_in_its_module_once() -> None:
    assert len(list(broken_statements())) == len(STATEMENTS) + len(SHORT_STATEMENTS) > 120
