"""The strategy language: a closed subset of Python that is safe, causal and bounded by construction.

>>> from stratforge.strategy import compile_strategy
>>> strategy = compile_strategy('''
... def indicators(bars):
...     return {"fast": ta.sma(bars.close, length=10), "slow": ta.sma(bars.close, length=20)}
...
... def on_bar(bar, position, state):
...     if position.quantity == 0 and bar.fast > bar.slow:
...         return buy(confidence=0.8)
...     if position.quantity > 0 and bar.fast < bar.slow:
...         return sell()
... ''')
>>> strategy.indicators
('fast', 'slow')
"""

from stratforge.strategy.compiler import Strategy, compile_strategy
from stratforge.strategy.evaluation import Evaluation, PositionView, evaluate_last_bar
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.signals import SignalValue

__all__ = [
    "Code",
    "Evaluation",
    "Finding",
    "PositionView",
    "SignalValue",
    "Strategy",
    "StrategyError",
    "compile_strategy",
    "evaluate_last_bar",
]
