"""Another symbol that a strategy of one symbol looks at: the strict reading alone says whose each measure is, and what it does not read is asked about.

Nobody is told afterwards how “it” was taken where two symbols are spoken of: where a rule looks at another symbol, every condition of prices, volumes, indicators or gains has to
be just what its words say (`reading.beside` has the rules by which they are plain), the code has to look at the symbols of the rules and at no other, and a change may add to it
or take all of it away by the symbol's name.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from stratforge.intent.follow_ups import ASK
from stratforge.intent.reading.beside import buys_another, compares_another, only_looked_at
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.tokens import Token, tokens_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rules import (
    FACTS,
    Rule,
    RuleKind,
    expressions_of,
    looked_at,
    looks_at_another,
    others_of,
    read_rule,
)
from stratforge.market.clocks import CLOCKS, clock_field
from stratforge.market.symbols import is_crypto
from stratforge.strategy import Strategy
from stratforge.strategy.trees import walk

_REMOVED = re.compile(r"\W*(?:(?:please|and|then|now|also|ok|okay)\W+)*(?:remove|drop|delete|get rid of|take out|leave out|forget|skip|no more)\b(?:\W+(?:the|my|that|this|whole))*\W+(?P<name>[^,;]{1,20}?)(?:['’]s?)? (?:filter|condition|rule|requirement|check)\W*(?:please)?\W*", re.IGNORECASE)  # fmt: skip
_TRADED = re.compile(r"\b(?:trade|buy)s?\b", re.IGNORECASE)
_BOUGHT = re.compile(r"\b(?i:buy|long|enter|trade|purchase) (?i:(?:[\d.,$%]+ )?(?:(?:shares|of|my|equity|cash) ){0,4})\$?(?P<name>[B-HJ-Z]|[A-Z]{2,5})\b(?! [A-Z]{2})")  # fmt: skip
# Facts of a rule that no words about a price can mean.
_OF_NONE = frozenset({"minute", "minutes_to_close", "weekday", "bars_held", "days_held", "account_cash", "account_equity", *map(clock_field, CLOCKS)})  # fmt: skip


def beside_findings(
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    sure: frozenset[int],
    before: Sequence[str] | None,
    symbol: str,
) -> Iterator[str]:
    """Finds what is not surely said of one symbol, where rules look at another one.

    Args:
        requirements: What the person's words are said to ask for.
        rules: The rules of each requirement.
        sure: The places of the requirements whose rules are just what their words say.
        before: The rules that stood before a change; None where they are not known, or none stood.
        symbol: What the answer trades.
    """
    yield from _left_out(requirements, rules, sure, symbol, change=before is not None)
    others = {one for of_it in rules for rule in of_it for one in others_of(rule)}
    if not others:
        return
    for other in sorted(others):
        if symbol and (other == symbol.upper() or is_crypto(other) != is_crypto(symbol)):
            yield f"A strategy that trades {symbol} cannot look at {other} as another symbol: it is the same, or is traded at other hours. {ASK}"
    stood = {read_rule(each).text for each in before or ()}
    looked = looks_at_another(stood)
    standing = {one for each, of_it in zip(requirements, rules, strict=True) if each.status is not Status.SUPERSEDED for rule in of_it if rule.dropped is None for one in others_of(rule)}  # fmt: skip
    for index, (each, of_it) in enumerate(zip(requirements, rules, strict=True)):
        said = f"“{each.quote[:120]}”"
        if each.status is Status.KEPT:
            if any(others_of(rule) and rule.text not in stood for rule in of_it):
                yield f"“{each.meaning[:120]}” looks at another symbol, is called kept, and is not known to have stood. {ASK}"
        elif each.status is Status.SUPERSEDED:
            if any(map(others_of, of_it)):
                yield f"{said} speaks of another symbol, and was corrected: what stands has to be said once more as a whole. {ASK}"
        elif each.status is not Status.UNSUPPORTED:
            moved = any(rule.kind is RuleKind.SYMBOL for rule in of_it) and before is not None
            if moved and looked and (not _TRADED.search(each.quote) or _names(each.quote, symbol) & others):
                yield f"{said} may be about what is traded ({symbol}), or about what is looked at ({', '.join(sorted(others))}): which is it? {ASK}"
            elif any(map(_is_of_prices, of_it)) and index not in sure and not _is_removal(each.quote, of_it, standing, symbol):  # fmt: skip
                yield f"{said} is about prices or indicators beside {', '.join(sorted(others))}, and it is not plain whose ({'; '.join(in_words(rule) for rule in of_it)[:300]}): say the symbol with every measure, as in “buy AAPL when SPY is above its 200 SMA and AAPL's RSI is below 30”. {ASK}"


def _left_out(
    requirements: Sequence[Requirement],
    rules: Sequence[Sequence[Rule]],
    sure: frozenset[int],
    symbol: str,
    *,
    change: bool,
) -> Iterator[str]:
    """Finds words about another symbol that rules are said to follow which look at the traded one, or at no bars, alone."""
    for index, (each, of_it) in enumerate(zip(requirements, rules, strict=True)):
        # “Trade SPY instead of AAPL” names what is traded no more.
        moves = any(rule.kind is RuleKind.SYMBOL for rule in of_it) and (change or len(of_it) == 1)
        looks = any(map(others_of, of_it))
        if each.status in (Status.COVERED, Status.ASSUMED) and index not in sure and of_it and not moves and not looks:
            tokens = tokens_of(each.quote, symbol)
            # Of a whole strategy, which of several is bought may be answered in another turn.
            bought = change and buys_another(tokens) and not any(token.kind == "symbol" for token in tokens)
            if bought or compares_another(tokens):
                other = next(str(token.value) for token in tokens if token.kind == "other")
                yield f"“{each.quote[:120]}” speaks of {other}, and its rules do not: say what {other} does with bars.of({other!r}), or ask whose each measure is. {ASK}"


def taken_for_what_is_traded(
    turns: Sequence[str], rules: Sequence[Sequence[Rule]], symbol: str, *, traded: str | None
) -> Iterator[str]:
    """Finds that an answer trades a symbol that the words only look at.

    Args:
        turns: The person's words.
        rules: The rules of each requirement.
        symbol: What the answer trades.
        traded: What was traded before a change, "" where that is not known; None where nothing stood.
    """
    if not symbol or symbol.upper() == traded:
        return
    read = [tokens_of(each, symbol) for each in turns]
    if not only_looked_at([token for tokens in read for token in (*tokens, Token("stop_sign", ".", 0, 0))]):
        return
    moved = traded is not None and any(rule.kind is RuleKind.SYMBOL for of_it in rules for rule in of_it)
    bought = any(buys_another(tokens) or _buys_a_word(turn, tokens) for turn, tokens in zip(turns, read, strict=True))
    if moved or bought:
        words = next(turn for turn, tokens in zip(turns, read, strict=True) if only_looked_at(tokens)).strip()
        yield f"“{words[:120]}” looks at {symbol}, and does not say that it is traded: should it only be looked at, or be traded in the place of {traded or 'what was'}? Please say the whole strategy once more. {ASK}"


def _buys_a_word(turn: str, tokens: Sequence[Token]) -> bool:
    """“Buy COIN when BTC is above …”: what is bought is a word as well as a name."""
    kinds = {each.start: each.kind for each in tokens}
    return any(kinds.get(each.start("name")) not in ("symbol", "indicator", "glued") for each in _BOUGHT.finditer(turn))


def _names(words: str, symbol: str) -> set[str]:
    """The other symbols that words name."""
    return {str(each.value) for each in tokens_of(words, symbol) if each.kind == "other"}


def unasked(strategy: Strategy, rules: Sequence[Rule]) -> Iterator[str]:
    """Finds symbols that the code looks at and no rule does."""
    others = {one for rule in rules for one in others_of(rule)}
    for other in strategy.other_symbols:
        if other not in others:
            yield f"The code looks at {other} with bars.of(…), and no rule does: leave it out, or quote the words that ask for it and add their rule."


def unexplained(explanation: str, strategy: Strategy, symbol: str, known: Sequence[str]) -> Iterator[str]:
    """Finds other symbols that an explanation and the code do not have in common.

    Args:
        explanation: What a person reads of the strategy.
        symbol: What it trades.
        known: What else may be spoken of: the person's words.
    """
    if not strategy.other_symbols:
        return
    said, spoken = ({str(token.value) for text in texts for token in tokens_of(text, symbol) if token.kind == "other"} for texts in ([explanation], known))  # fmt: skip
    for other in strategy.other_symbols:
        if other not in said:
            yield f"The code looks at {other}, and the explanation does not say what {other} decides."
    for other in sorted(said - spoken - {*strategy.other_symbols}):
        yield f"The explanation speaks of {other}, and the code looks at {', '.join(strategy.other_symbols)}."


def _is_of_prices(rule: Rule) -> bool:
    """Whether the condition of a rule speaks of bars or of a gain, and not of the clock, of how long it is held or of the account alone."""
    names = {each.id for node in expressions_of(rule) for each in walk(node) if isinstance(each, ast.Name)}
    return bool(names & (({*FACTS} - _OF_NONE) | {"bars"}))


def _is_removal(quote: str, rules: Sequence[Rule], standing: set[str], symbol: str) -> bool:
    """“Remove the SPY filter”: all that looks at it goes, and it bounded buying by itself."""
    match = _REMOVED.fullmatch(quote)
    named = [each for each in tokens_of(match["name"].strip(), symbol) if each.kind] if match else []
    if len(named) != 1 or named[0].kind != "other":
        return False
    other = str(named[0].value)
    whole = all(each.dropped is not None and each.dropped.kind is RuleKind.ONLY and others_of(each) == {other} for each in rules)  # fmt: skip
    # A rule that bounds buying by both symbols would take more with it.
    alone = not any("" in looked_at(node) for each in rules for node in expressions_of(each))
    return whole and alone and other not in standing
