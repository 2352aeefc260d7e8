"""The examples of the public names are true."""

from __future__ import annotations

import doctest
from types import ModuleType

import pytest
from stratforge.backtest import config, engine


@pytest.mark.parametrize("module", [config, engine])
def test_the_examples_give_what_they_say(module: ModuleType) -> None:
    result = doctest.testmod(module)
    assert (result.failed, result.attempted > 0) == (0, True)
