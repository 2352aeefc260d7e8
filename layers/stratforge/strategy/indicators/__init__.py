"""The indicators of the language, by category. Importing this package fills the registry."""

from stratforge.strategy.indicators import (
    crossing,
    momentum,
    overlap,
    regression,
    statistics,
    stochastics,
    trend,
    volatility,
    volume,
)
from stratforge.strategy.indicators.registry import MAX_LENGTH, REGISTRY, Indicator, Parameter

__all__ = [
    "MAX_LENGTH",
    "REGISTRY",
    "Indicator",
    "Parameter",
    "crossing",
    "momentum",
    "overlap",
    "regression",
    "statistics",
    "stochastics",
    "trend",
    "volatility",
    "volume",
]
