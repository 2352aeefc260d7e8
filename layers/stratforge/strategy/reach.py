"""The reach of a value: how many bars before its own it depends on, by construction and not by trial.

A kernel that looks back says how far (`looks_back`). A probe is a column that carries, through whatever is computed with it, how many bars before its own a
value may depend on: so an indicator that is run once on probes tells its reach, whatever the prices are.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Kernel = TypeVar("Kernel", bound=Callable[..., Any])
# Bars of a day that never closes: what begins anew with the exchange's day looks no further back.
DAY_BARS = 1_440


class Probe(np.ndarray[Any, np.dtype[Any]]):
    """A column that knows how many bars before its own its values depend on."""

    reach: int

    def __array_finalize__(self, made_of: Any) -> None:
        self.reach = getattr(made_of, "reach", 0)

    def __array_ufunc__(self, ufunc: np.ufunc, method: str, *inputs: Any, **options: Any) -> Any:
        """Computes with the plain columns; the result looks as far back as the furthest of them."""
        options.pop("out", None)
        return _probed(getattr(ufunc, method)(*(_plain(each) for each in inputs), **options), reach_of(*inputs))

    def __array_function__(self, function: Any, _types: Any, arguments: Any, options: Any) -> Any:
        """Does so for the functions of numpy that are none of its operators."""
        plain = {name: _plain(value) for name, value in options.items()}
        return _probed(function(*_plain(arguments), **plain), reach_of(arguments, *options.values()))


def probe(reach: int = 0) -> Floats:
    """A short column whose values look `reach` bars back."""
    return _probed(np.linspace(1.0, 2.0, 8), reach)  # type: ignore[no-any-return]  # as numpy types what is a subclass


def reach_of(*values: Any) -> int:
    """Returns how far back the furthest of some values looks; 0 for what is no probe."""
    return max((_reach(each) for each in values), default=0)


def _reach(value: Any) -> int:
    if isinstance(value, Probe):
        return value.reach
    return reach_of(*value) if isinstance(value, tuple | list) else 0


def _plain(value: Any) -> Any:
    if isinstance(value, Probe):
        return value.view(np.ndarray)
    return type(value)(_plain(each) for each in value) if isinstance(value, tuple | list) else value


def _probed(value: Any, reach: int) -> Any:
    if isinstance(value, tuple | list):
        return type(value)(_probed(each, reach) for each in value)
    if not isinstance(value, np.ndarray):
        return value
    made = value.view(Probe)
    made.reach = reach
    return made


def looks_back(bars: Callable[..., int]) -> Callable[[Kernel], Kernel]:
    """Says of a kernel how many bars before its own it looks at in its columns: `bars` is given its arguments after the first column."""

    def decorate(kernel: Kernel) -> Kernel:
        @wraps(kernel)
        def call(x: Floats, *arguments: Any, **options: Any) -> Any:
            if not reach_known(x, *arguments):
                return kernel(x, *arguments, **options)
            result = kernel(_plain(x), *(_plain(each) for each in arguments), **options)
            return _probed(result, reach_of(x, *arguments) + bars(*arguments, **options))

        return cast(Kernel, call)

    return decorate


def of_the_day(value: Floats, *inputs: Floats) -> Floats:
    """Says of a column that was made of others bar by bar that it began anew with the day."""
    return _probed(value, reach_of(*inputs) + DAY_BARS) if reach_known(*inputs) else value


def reach_known(*inputs: Floats) -> bool:
    """Returns whether any of the columns is a probe."""
    return Probe in map(type, inputs)
