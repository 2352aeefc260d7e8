"""How many examples a property is shown: all of them by `make test-all` and to whoever runs a file, a quarter by `make test`."""

from __future__ import annotations

from typing import TypeVar

import hypothesis

_QUARTER = 4
_Much = TypeVar("_Much", int, float)


def show_fewer() -> None:
    """From here on properties are shown a quarter of their examples: those that say nothing of it, and those that ask `examples`."""
    now = hypothesis.settings()
    hypothesis.settings.register_profile("fewer", now, max_examples=now.max_examples // _QUARTER)
    hypothesis.settings.load_profile("fewer")


def in_short(little: _Much, much: _Much) -> _Much:
    """As little as `make test` has time for, or else as much as there is: a test that is the same but for how long it looks is not run twice."""
    return little if hypothesis.settings.get_current_profile_name() == "fewer" else much


def examples(all_of_them: int) -> int:
    """The number of examples that a property is shown of as many as it has."""
    return in_short(all_of_them // _QUARTER, all_of_them)
