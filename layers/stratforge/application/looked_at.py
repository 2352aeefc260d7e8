"""The other symbols that a strategy of one symbol looks at, held against the symbol that it is run on."""

from __future__ import annotations

from stratforge.application.errors import Invalid
from stratforge.market import is_crypto
from stratforge.strategy import Strategy
from stratforge.strategy.rotation import PortfolioStrategy


def check_looked_at(symbol: str, strategy: Strategy | PortfolioStrategy) -> None:
    """Refuses to run a strategy on a symbol from which it cannot look at the others.

    Raises:
        Invalid: if that is one of them, or is of another exchange.
    """
    if isinstance(strategy, PortfolioStrategy):
        return
    if symbol in strategy.other_symbols:
        message = f'The strategy looks at {symbol} as another symbol, and would run on {symbol}. Write bars.close instead of bars.of("{symbol}").close, or choose another symbol.'
        raise Invalid(message, code="looks-at-itself")
    away = [each for each in strategy.other_symbols if is_crypto(each) != is_crypto(symbol)]
    if away:
        message = f"The strategy looks at {', '.join(away)}, and would run on {symbol}: stocks and crypto trade at other hours and are not looked at together. Choose another symbol."
        raise Invalid(message, code="looks-elsewhere")
