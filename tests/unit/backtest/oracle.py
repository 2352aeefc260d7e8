"""Writes `oracle.json`: what empyrical and quantstats say of daily returns, both to nine digits the same where both have a figure.

    uv venv oracle && uv pip install --python oracle/bin/python empyrical-reloaded==0.7.1 quantstats==0.0.86
    oracle/bin/python tests/unit/backtest/oracle.py > tests/unit/backtest/oracle.json

The two (Apache-2.0) and what they ask for are no dependency of the project; what they computed does not change.
"""

from __future__ import annotations

import json
import math
import sys
import warnings

import numpy as np
import pandas as pd

DAYS = 120
PATHS = ((0.0, 0.0008, 0.011), (1.0, -0.0005, 0.02), (2.5, 0.0001, 0.0004), (4.0, 0.003, 0.03))


def main() -> None:
    """Prints the figures by the arguments of the path and the days of a year."""
    warnings.simplefilter("ignore")
    import empyrical  # type: ignore[import-not-found]
    import quantstats  # type: ignore[import-not-found]

    found = {}
    day = np.arange(DAYS, dtype=float)
    for phase, drift, size in PATHS:
        path = drift + size * (np.sin(1.7 * day + phase) + 0.6 * np.cos(0.37 * day * day + phase))
        returns = pd.Series(path, index=pd.bdate_range("2026-01-05", periods=DAYS))
        market = pd.Series(0.0004 + 0.009 * np.sin(2.3 * day + phase), index=returns.index)
        for year in (252, 365):
            figures = {
                "annual_return": empyrical.annual_return(returns, annualization=year),
                "annual_volatility": empyrical.annual_volatility(returns, annualization=year),
                "sharpe": empyrical.sharpe_ratio(returns, annualization=year),
                "sortino": empyrical.sortino_ratio(returns, annualization=year),
                "max_drawdown": -empyrical.max_drawdown(returns),
                "calmar": empyrical.calmar_ratio(returns, annualization=year),
                "total_return": empyrical.cum_returns_final(returns),
            }
            alpha, beta = empyrical.alpha_beta(returns, market, annualization=year)
            worst = quantstats.stats.drawdown_details(quantstats.stats.to_drawdown_series(returns)).sort_values(
                "max drawdown"
            )
            analysis = {
                "alpha": alpha,
                "beta": beta,
                "value_at_risk": empyrical.value_at_risk(returns),
                "conditional_value_at_risk": empyrical.conditional_value_at_risk(returns),
                "skewness": quantstats.stats.skew(returns),
                "excess_kurtosis": quantstats.stats.kurtosis(returns),
                "correlation": returns.corr(market),
                "rolling_sharpe": quantstats.stats.rolling_sharpe(
                    returns, rolling_period=21, periods_per_year=year
                ).iloc[-1],
                "deepest": -worst["max drawdown"].iloc[0] / 100,
                "second": -worst["max drawdown"].iloc[1] / 100,
            }
            theirs = {
                "annual_volatility": quantstats.stats.volatility(returns, periods=year),
                "sharpe": quantstats.stats.sharpe(returns, periods=year),
                "sortino": quantstats.stats.sortino(returns, periods=year),
                "max_drawdown": -quantstats.stats.max_drawdown(returns),
                "total_return": quantstats.stats.comp(returns),
            }
            assert all(math.isclose(value, figures[name], rel_tol=1e-9) for name, value in theirs.items())
            found[json.dumps([phase, drift, size, year])] = {
                "metrics": {name: float(value) for name, value in figures.items()},
                "analysis": {name: float(value) for name, value in analysis.items()},
            }
    json.dump(found, sys.stdout, indent=1)
    sys.stdout.write("\n")


if __name__ == "__main__":
    main()
