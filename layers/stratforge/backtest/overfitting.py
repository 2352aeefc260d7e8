"""The deflated Sharpe ratio: how much of the best result of a sweep is luck.

Bailey and Lopez de Prado, "The Deflated Sharpe Ratio: Correcting for Selection Bias, Backtest Overfitting and Non-Normality"
(Journal of Portfolio Management, 2014).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
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
    deviation = float(returns.std(ddof=1)) if len(returns) > 1 else 0.0
    if deviation == 0.0:
        return math.nan
    sharpe = float(returns.mean()) / deviation
    standard = (returns - returns.mean()) / returns.std()
    skewness, kurtosis = float((standard**3).mean()), float((standard**4).mean())
    variance = 1.0 - skewness * sharpe + (kurtosis - 1.0) / 4.0 * sharpe * sharpe
    if variance <= 0.0:
        return math.nan
    edge = (sharpe - expected_maximum_sharpe(sharpes)) * math.sqrt(len(returns) - 1) / math.sqrt(variance)
    return _NORMAL.cdf(edge)
