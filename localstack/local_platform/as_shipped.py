"""`python -m local_platform.as_shipped MODULE`: runs a module without packages that this environment has and its deployment has not.

pandas loads pyarrow wherever it finds it: 40 MB and a fifth of a second for something that no function ships.
"""

from __future__ import annotations

import runpy
import sys

_NOT_SHIPPED = ("pyarrow",)


def hide_what_is_not_shipped() -> None:
    """From here on an import of what no deployment has fails as it does there."""
    for name in _NOT_SHIPPED:
        sys.modules.setdefault(name, None)  # type: ignore[arg-type]


if __name__ == "__main__":
    hide_what_is_not_shipped()
    del sys.argv[0]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
