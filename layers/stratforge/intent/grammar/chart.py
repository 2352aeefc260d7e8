"""Composes typed parts over the words of a turn: every way in which a rule's pattern fits from a place on, each found once.

A rule is a category, a pattern and what makes a value of the parts. A pattern is a row of elements: a category (`Operand`), kinds of words
(`above|below`), or words themselves (`'of|for`); `=` keeps the value of a word, `?` lets an element be left out. Between two elements only words that
carry nothing (articles) may stand.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from stratforge.intent.grammar.tokens import Token

# Values of a category are of its own type; the patterns name categories by text, so they meet here as `Any`.
Build = Callable[..., Any]


@dataclass(frozen=True, slots=True)
class _Element:
    names: frozenset[str]
    words: bool
    category: bool
    kept: bool
    optional: bool


@dataclass(frozen=True, slots=True)
class Production:
    """One way in which a category is composed."""

    category: str
    elements: tuple[_Element, ...]
    build: Build


def rule(category: str, pattern: str, build: Build) -> Production:
    """A rule of the grammar; `build` gets the categories and the words kept, in their order, and gives None where they do not fit."""
    return Production(category, tuple(_element(each) for each in pattern.split()), build)


@lru_cache(4096)
def _element(text: str) -> _Element:
    kept, optional = text.startswith("="), text.endswith("?")
    plain = text.removeprefix("=").removesuffix("?")
    words = plain.startswith("'")
    names = frozenset(plain.removeprefix("'").split("|"))
    return _Element(names, words, not words and plain[0].isupper(), kept, optional)


class Grammar:
    """Rules by their categories, and for each of them the kinds of words and the words (behind a `'`) of which one must stand where it begins."""

    def __init__(self, productions: Iterable[Production]) -> None:
        rules: dict[str, list[Production]] = {}
        for each in productions:
            rules.setdefault(each.category, []).append(each)
        self.begins: dict[str, frozenset[str]] = dict.fromkeys(rules, frozenset())
        before: dict[str, frozenset[str]] = {}
        # What a category begins with may be another one; with every round they are known a step further.
        while before != self.begins:
            before = self.begins
            self.begins = {
                category: frozenset[str]().union(*map(self._first, each)) for category, each in rules.items()
            }
        self.rules = {category: [(one, self._first(one)) for one in each] for category, each in rules.items()}

    def _first(self, production: Production) -> frozenset[str]:
        found = frozenset[str]()
        for each in production.elements:
            if each.category:
                found = found.union(*(self.begins[name] for name in each.names))
            else:
                found |= {f"'{name}" for name in each.names} if each.words else each.names
            if not each.optional:
                break
        return found


class Chart:
    """The parts that stand in a row of tokens.

    Attributes:
        tokens: The words of the turn.
        lexemes: At each place the words and phrases that begin there: where they end, their kind, their value.
    """

    def __init__(
        self, tokens: Sequence[Token], lexemes: Sequence[Sequence[tuple[int, str, Any]]], grammar: Grammar
    ) -> None:
        self.tokens, self.lexemes, self._grammar = tokens, lexemes, grammar
        self._found: dict[tuple[str, int], list[tuple[int, Any]]] = {}
        self._here: dict[int, set[str]] = {}
        self._behind = [tuple(self._over_articles(at)) for at in range(len(tokens) + 1)]

    def parts(self, category: str, at: int) -> list[tuple[int, Any]]:
        """The parts of a category that begin at a place: where each ends, and its value."""
        key = category, at
        if key not in self._found:
            # What contains itself at the same place is not composed without end.
            self._found[key] = []
            here = self._begins(at)
            if self._grammar.begins[category].isdisjoint(here):
                return self._found[key]
            found = dict[tuple[int, str], tuple[int, Any]]()
            for each, first in self._grammar.rules[category]:
                if first.isdisjoint(here):
                    continue
                for end, values in self._fit(each.elements, 0, at, ()):
                    value = each.build(*values)
                    if value is not None and end > at:
                        found.setdefault((end, repr(value)), (end, value))
            self._found[key] = list(found.values())
        return self._found[key]

    def _begins(self, at: int) -> set[str]:
        """What a part may begin with at a place, behind articles too: whoever leaves out its first element goes over them."""
        if at not in self._here:
            places = [each for each in self._behind[at] if each < len(self.tokens)]
            words = {f"'{self.tokens[each].text}" for each in places}
            self._here[at] = words | {kind for each in places for _, kind, _ in self.lexemes[each]}
        return self._here[at]

    def _fit(
        self, elements: tuple[_Element, ...], index: int, at: int, values: tuple[Any, ...]
    ) -> Iterator[tuple[int, tuple[Any, ...]]]:
        if index == len(elements):
            yield at, values
            return
        element = elements[index]
        if element.optional:
            yield from self._fit(elements, index + 1, at, (*values, None) if element.category or element.kept else values)  # fmt: skip
        for begin in self._behind[at] if index else (at,):
            for end, value in self._one(element, begin):
                yield from self._fit(elements, index + 1, end, (*values, value) if element.category or element.kept else values)  # fmt: skip

    def _one(self, element: _Element, at: int) -> Iterator[tuple[int, Any]]:
        if at >= len(self.tokens):
            return
        if element.category:
            for name in element.names:
                yield from self.parts(name, at)
        elif element.words:
            if self.tokens[at].text in element.names:
                yield at + 1, self.tokens[at].text
        else:
            for end, kind, value in self.lexemes[at]:
                if kind in element.names:
                    yield end, value

    def _over_articles(self, at: int) -> Iterator[int]:
        yield at
        while at < len(self.tokens) and any(kind == "article" and end == at + 1 for end, kind, _ in self.lexemes[at]):
            at += 1
            yield at
