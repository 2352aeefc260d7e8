"""Portfolio strategies: a universe of symbols, and target weights for them at declared times.

>>> from stratforge.strategy.rotation import compile_portfolio
>>> strategy = compile_portfolio('''
... UNIVERSE = ["QQQ", "GLD", "TLT", "IWM"]
... SCHEDULE = "monthly"
... TOP = 2
...
... def indicators(bars):
...     return {"momentum": bars.close.pct_change(126), "trend": bars.close.rolling(200).mean()}
...
... def rebalance(universe, portfolio, state):
...     market = universe.of("SPY").close
...     if not market > universe.of("SPY").trend:
...         return cash()
...     return weights.equal(universe.momentum.top(TOP, where=universe.momentum > 0))
... ''')
>>> strategy.symbols
('QQQ', 'GLD', 'TLT', 'IWM', 'SPY')

When `rebalance` is called, what it sees, and how weights become orders and fills is said in [ROTATION.md](ROTATION.md).
"""

from stratforge.strategy.rotation.strategy import PortfolioStrategy, compile_any, compile_portfolio, is_portfolio

__all__ = ["PortfolioStrategy", "compile_any", "compile_portfolio", "is_portfolio"]
