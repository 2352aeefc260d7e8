"""The table of indicators: names, inputs, parameters and outputs, by pandas-ta's conventions.

One entry is all there is to an indicator: the checker, the reference page, the model's prompt and the
tests against pandas-ta-classic read the same table.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np
import numpy.typing as npt

from stratforge.market.columns import BarColumns
from stratforge.strategy.indicators.stretches import through_stretches

Floats = npt.NDArray[np.float64]
Value = float | bool | str
Kernel = TypeVar("Kernel", bound=Callable[..., "Floats | tuple[Floats, ...]"])
Kind = Literal["length", "number", "flag", "choice"]
MAX_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter: its default and the values it may take."""

    name: str
    kind: Kind
    default: Value
    minimum: float = 1
    maximum: float = MAX_LENGTH
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Indicator:
    """An indicator of the strategy language, with its inputs, parameters and outputs.

    `inputs` are the series it reads, in the order of pandas-ta's arguments. `outputs` is empty for an indicator that is one series, and names the fields of one
    that gives several. `compute(bars, inputs, parameters)` gives the outputs in that order. `logical` outputs
    are true or false. `anchored` indicators begin anew on every exchange day.
    """

    name: str
    category: str
    summary: str
    inputs: tuple[str, ...]
    parameters: tuple[Parameter, ...]
    outputs: tuple[str, ...]
    compute: Callable[..., tuple[Floats, ...]]
    logical: bool = False
    anchored: bool = False


REGISTRY: dict[str, Indicator] = {}


def length(default: int, name: str = "length", minimum: int = 1) -> Parameter:
    """A whole number of bars."""
    return Parameter(name, "length", default, minimum)


def number(name: str, default: float, minimum: float = -1e9, maximum: float = 1e9) -> Parameter:
    """Declares a parameter that is a number."""
    return Parameter(name, "number", default, minimum, maximum)


def flag(name: str, default: bool) -> Parameter:
    """Declares a parameter that is true or false."""
    return Parameter(name, "flag", default)


def choice(name: str, default: str, choices: tuple[str, ...]) -> Parameter:
    """One of a few words."""
    return Parameter(name, "choice", default, choices=choices)


def indicator(
    name: str,
    category: str,
    summary: str,
    inputs: str,
    *parameters: Parameter,
    outputs: str = "",
    logical: bool = False,
    anchored: bool = False,
) -> Callable[[Kernel], Kernel]:
    """Registers the decorated kernel `f(*inputs, *parameters)` as `ta.<name>`.

    An anchored kernel gets the bars as its first argument.
    """

    def register(kernel: Kernel) -> Kernel:
        names = tuple(parameter.name for parameter in parameters)

        def compute(bars: BarColumns, series: tuple[Floats, ...], values: dict[str, Value]) -> tuple[Floats, ...]:
            rest = [values[each] for each in names]

            def run(of: BarColumns, columns: tuple[Floats, ...]) -> tuple[Floats, ...]:
                result = kernel(of, *columns, *rest) if anchored else kernel(*columns, *rest)
                return result if isinstance(result, tuple) else (result,)

            return through_stretches(bars, run, series) if anchored else run(bars, series)

        REGISTRY[name] = Indicator(
            name,
            category,
            summary,
            tuple(inputs.split()),
            parameters,
            tuple(outputs.split()),
            compute,
            logical,
            anchored,
        )
        return kernel

    return register
