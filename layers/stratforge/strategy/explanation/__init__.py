"""The rules of a strategy in words that are made from its code alone."""

from stratforge.strategy.explanation.decisions import ExplainedRule
from stratforge.strategy.explanation.explain import explain

__all__ = ["ExplainedRule", "explain"]
