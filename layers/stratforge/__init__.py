"""StratForge: strategies in a closed language, one engine for backtests and live bars, virtual portfolios."""

__version__ = "0.1.0"
