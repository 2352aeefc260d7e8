"""How many examples a property is shown: all of them by `make test-all` and to whoever runs a file, a quarter by `make test`."""

from __future__ import annotations

import hypothesis

_QUARTER = 4


def show_fewer() -> None:
    """From here on properties are shown a quarter of their examples: those that say nothing of it, and those that ask `examples`."""
    now = hypothesis.settings()
    hypothesis.settings.register_profile("fewer", now, max_examples=now.max_examples // _QUARTER)
    hypothesis.settings.load_profile("fewer")


def examples(all_of_them: int) -> int:
    """The number of examples that a property is shown of as many as it has."""
    fewer = hypothesis.settings.get_current_profile_name() == "fewer"
    return all_of_them // _QUARTER if fewer else all_of_them
