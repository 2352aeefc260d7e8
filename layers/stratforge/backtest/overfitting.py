"""The deflated Sharpe ratio: how much of the best result of a sweep is luck.

Bailey and Lopez de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality"
(Journal of Portfolio Management, 2014).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

_EULER_MASCHERONI = 0.5772156649015329
_NORMAL = NormalDist()


def expected_maximum_sharpe(sharpes: Sequence[float]) -> float:
    """The Sharpe ratio that the best of so many trials is expected to have when none has skill, from the trials' spread."""
    known = [each for each in sharpes if math.isfinite(each)]
    count = len(known)
    if count < 2:
        return 0.0
    deviation = float(np.std(known, ddof=1))
    first = _NORMAL.inv_cdf(1 - 1 / count)
    second = _NORMAL.inv_cdf(1 - 1 / (count * math.e))
    return deviation * ((1 - _EULER_MASCHERONI) * first + _EULER_MASCHERONI * second)


def deflated_sharpe_ratio(returns: npt.NDArray[np.float64], sharpes: Sequence[float]) -> float:
    """Probability that the strategy's true Sharpe ratio is above zero, given how many were tried to find it.

    Args:
        returns: Returns of every day of the best trial.
        sharpes: Sharpe ratios a day (not annualized) of all trials, the best one among them.

    Returns:
        Between 0 and 1; near 1 when the best is better than luck explains. NaN when the returns do not vary.
    """
    # A deviation of equal returns may be what rounding leaves of their mean.
    if len(returns) < 2 or np.ptp(returns) <= 1e-12 * np.abs(returns).max():
        return math.nan
    deviation = float(returns.std(ddof=1))
    sharpe = float(returns.mean()) / deviation
    standard = (returns - returns.mean()) / returns.std()
    skewness, kurtosis = float((standard**3).mean()), float((standard**4).mean())
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if variance <= 0.0:
        return math.nan
    edge = (sharpe - expected_maximum_sharpe(sharpes)) * math.sqrt(len(returns) - 1) / math.sqrt(variance)
    return _NORMAL.cdf(edge)


class Shape(StrEnum):
    """The shape of a sweep's results around its best point."""

    PLATEAU = "PLATEAU"
    SLOPE = "SLOPE"
    PEAK = "PEAK"
    LOSS = "LOSS"


_PLATEAU, _SLOPE = 0.75, 0.4


@dataclass(frozen=True, slots=True)
class Robustness:
    """A comparison of the best point of a grid with its neighbors, which differ from it by a step in each parameter at most.

    Attributes:
        shape: LOSS where the best has no positive Sharpe ratio; PLATEAU where its neighbors have three quarters of it, PEAK where they have less than four tenths.
        neighbors: How many there are.
        average: Their Sharpe ratio on average; those that never traded count as 0.
        steadiest: The point whose surroundings, itself included, have the highest Sharpe ratio on average.
    """

    shape: Shape
    neighbors: int
    average: float
    steadiest: dict[str, float]


def robustness(
    parameters: Mapping[str, Sequence[float]], points: Sequence[tuple[Mapping[str, float], float | None]]
) -> Robustness | None:
    """Compares the best point of a grid with its neighbors; None where there are none.

    Args:
        parameters: The values of each parameter.
        points: Each combination with its Sharpe ratio; None where it is not defined.
    """
    steps = {name: sorted(values) for name, values in parameters.items()}
    places = {
        tuple(values.index(point[name]) for name, values in steps.items()): sharpe or 0.0 for point, sharpe in points
    }
    if not places:
        return None

    def around(center: tuple[int, ...]) -> list[float]:
        return [
            sharpe
            for place, sharpe in places.items()
            if place != center and all(abs(a - b) <= 1 for a, b in zip(place, center, strict=True))
        ]

    def steadiness(place: tuple[int, ...]) -> tuple[float, int]:
        surroundings = [places[place], *around(place)]
        return float(np.mean(surroundings)), len(surroundings)

    best = max(places, key=places.__getitem__)
    neighbors = around(best)
    if not neighbors:
        return None
    average, most = float(np.mean(neighbors)), places[best]
    if most <= 0:
        shape = Shape.LOSS
    elif average >= _PLATEAU * most:
        shape = Shape.PLATEAU
    else:
        shape = Shape.SLOPE if average >= _SLOPE * most else Shape.PEAK
    steadiest = max(places, key=steadiness)
    named = zip(steps.items(), steadiest, strict=True)
    return Robustness(shape, len(neighbors), average, {name: values[place] for (name, values), place in named})
