"""The statements of a function that decides, as rules in the order of the code: when, and what is done then.

The rules are read from the first to the last, as the code runs: the first that decides ends the bar, and conditions are as they stand where the code asks them.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, cast

from stratforge.strategy.exits import EXITS
from stratforge.strategy.explanation.expressions import ARITHMETIC, Expressions
from stratforge.strategy.explanation.wording import PHRASE, Said, counted, number, percent
from stratforge.strategy.on_bar_expressions import is_adjustment, is_signal, state_key, written_key
from stratforge.strategy.source import is_docstring
from stratforge.strategy.trees import walk

Does = Literal["buy", "sell", "short", "cover", "adjust", "weights", "nothing", "notes", "setting", "unused"]
# A value with a name of its own is put where it is read, if it is no longer than this.
_SHORT = 160
# So many conditions of a rule are told in full; those further out by their lines.
_MAX_TESTS = 10


@dataclass(frozen=True, slots=True)
class ExplainedRule:
    """A rule of a strategy, read from its code alone.

    Attributes:
        does: What it decides: an order's side, `adjust` for exits alone, `weights` of a portfolio, `nothing` where it ends the bar without a decision,
            `notes` for what is remembered or calculated on the way, `setting` for what holds for the whole strategy, `unused` for what decides nothing.
        what: What is done, in words.
        when: The conditions, in words; empty where there are none.
        line: Its line in the code.
        lines: All lines that have a part in it: conditions, constants and columns too.
        decided_at: The lines where it is decided: those of its statement, and of the condition right before it.
    """

    does: Does
    what: str
    when: str
    line: int
    lines: tuple[int, ...]
    decided_at: tuple[int, ...] = ()

    @property
    def text(self) -> str:
        """The rule as a sentence without its period."""
        return f"{self.what}, {self.occasion}" if self.when else self.what

    @property
    def occasion(self) -> str:
        """The conditions as they follow what is done: “when …”, or “for each …”; empty where there are none."""
        return f"when {self.when}" if self.when and not self.when.startswith("for each ") else self.when


@dataclass(frozen=True, slots=True)
class _Test:
    """A condition on the way to a statement: what it must be, its line, and how many changes were told before it is asked; a loop is one too, with its words."""

    node: ast.expr
    wanted: bool
    line: int
    asked: int
    words: str = ""


_Tests = tuple[_Test, ...]


@dataclass(slots=True)
class Lines:
    """The lines of the code that constants, columns and names stand on."""

    constants: Mapping[str, frozenset[int]]
    columns: Mapping[str, frozenset[int]]
    names: dict[str, frozenset[int]] = field(default_factory=dict)

    def of(self, *nodes: ast.AST) -> frozenset[int]:
        """All lines that have a part in these nodes."""
        found = set[int]()
        for node in nodes:
            for each in walk(node):
                found |= {getattr(each, "lineno", 0)} - {0}
                if isinstance(each, ast.Name):
                    found |= self.names.get(each.id) or self.constants.get(each.id) or frozenset()
                elif isinstance(each, ast.Attribute) and not _is_named(each.value, "position", "account"):
                    found |= self.columns.get(each.attr, frozenset())
        return frozenset(found)


class Decisions:
    """Reads the rules of `on_bar`; whoever reads another function says what its decisions are."""

    def __init__(self, function: ast.FunctionDef, words: Expressions, lines: Lines) -> None:
        self._words, self._lines = words, lines
        self._body = function.body[1:] if is_docstring(function.body[0]) else function.body
        stores = [node for each in self._body for node in walk(each) if isinstance(node, ast.Name)]
        self._assigned = Counter(each.id for each in stores if isinstance(each.ctx, ast.Store))
        self._loaded = {each.id for each in stores if isinstance(each.ctx, ast.Load)}
        nodes = [node for each in self._body for node in walk(each)]
        # A name whose value is changed where it stands is no longer what it was given.
        self._assigned.update(each.target.id for each in nodes if isinstance(each, ast.AugAssign) and isinstance(each.target, ast.Name))  # fmt: skip
        self._written = {key for each in nodes if (key := written_key(each)) is not None}
        self._said = dict[int, Said]()
        self._places = dict[int, frozenset[int]]()
        # The names and keys of state whose changes were told, in their order; the conditions that were told in full; and the loops that were begun.
        self._changes = list[str]()
        self._in_full, self._begun = set[int](), set[int]()
        self._read = dict[int, set[str]]()

    def rules(self) -> Iterator[ExplainedRule]:
        """The rules, in the order of the code.

        Raises:
            TooLong: if they are too much to say.
        """
        found = list(self._block(self._body, (), in_loop=False))
        # A bar that comes to the end decides nothing: a return there says nothing more.
        if found and found[-1].does == "nothing" and isinstance(self._body[-1], ast.Return):
            found.pop()
        yield from found

    def _block(self, statements: Sequence[ast.stmt], tests: _Tests, *, in_loop: bool) -> Iterator[ExplainedRule]:
        doings, nodes, before = list[str](), list[ast.AST](), 0

        def noted() -> Iterator[ExplainedRule]:
            if doings:
                yield self._rule("notes", "; ".join(doings), tests, nodes, before)
            doings.clear()
            nodes.clear()

        for each in statements:
            if isinstance(each, ast.Assign | ast.AugAssign):
                before = before if doings else len(self._changes)
                for text in self._kept(each, in_loop=in_loop):
                    doings.append(text)
                    nodes.append(each)
                continue
            yield from noted()
            if isinstance(each, ast.If):
                yield from self._if(each, tests, in_loop=in_loop)
                if _ends([each]):
                    return
            elif isinstance(each, ast.For):
                yield from self._for(each, tests)
            elif isinstance(each, ast.Return):
                yield from self._returned(each, each.value, tests)
                return
            elif isinstance(each, ast.Break | ast.Continue):
                what = "leave the loop" if isinstance(each, ast.Break) else "go on with the next round of the loop"
                yield self._rule("notes", what, tests, [each])
                return
        yield from noted()

    def _if(self, node: ast.If, tests: _Tests, *, in_loop: bool) -> Iterator[ExplainedRule]:
        asked = len(self._changes)
        yield from self._block(node.body, (*tests, _Test(node.test, True, node.lineno, asked)), in_loop=in_loop)
        # What is behind a branch that always ends is looked at only where that was not met, as with any earlier rule.
        other = tests if _ends(node.body) else (*tests, _Test(node.test, False, node.lineno, asked))
        yield from self._block(node.orelse, other, in_loop=in_loop)

    def _for(self, node: ast.For, tests: _Tests) -> Iterator[ExplainedRule]:
        assert isinstance(node.iter, ast.Call)
        bounds = [self._words.value(each) for each in node.iter.args]
        first, end = ("0", bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
        step = f" in steps of {bounds[2]}" if len(bounds) == 3 else ""
        words = f"for each `{ast.unparse(node.target)}` from {first} to below {end}{step}"
        loop = _Test(node.iter, True, node.lineno, len(self._changes), words)
        yield from self._block(node.body, (*tests, loop), in_loop=True)

    def _returned(self, node: ast.Return, value: ast.expr | None, tests: _Tests) -> Iterator[ExplainedRule]:
        if isinstance(value, ast.IfExp) and _is_decision(value):
            test = _Test(value.test, True, value.test.lineno, len(self._changes))
            yield from self._returned(node, value.body, (*tests, test))
            yield from self._returned(node, value.orelse, tests)
        elif value is None or (isinstance(value, ast.Constant) and value.value is None):
            yield self._rule("nothing", self._nothing, tests, [node])
        else:
            does, what = self._decided(value)
            yield self._rule(does, what, tests, [value, ast.Return(lineno=node.lineno)])

    _nothing = "decide nothing on this bar"

    def _rule(
        self, does: Does, what: str, tests: _Tests, nodes: Sequence[ast.AST], before: int | None = None
    ) -> ExplainedRule:
        """A rule, before which so many changes were told; all that were, if it does not say."""
        changes = len(self._changes) if before is None else before
        line = min(getattr(each, "lineno", 0) for each in nodes)
        lines = self._lines.of(*nodes).union(*(self._lines_of_test(each.node) for each in tests))
        budget = self._words.budget
        what, when = budget.spend(what), budget.spend(self._when(tests, changes))
        budget.count(len(lines))
        near = {row for each in (*nodes, *(test.node for test in tests[-1:])) for row in _rows(each)}
        near |= {test.line for test in tests[-1:]}
        return ExplainedRule(does, what, when, line, tuple(sorted(lines)), tuple(sorted(near)))

    def _lines_of_test(self, node: ast.expr) -> frozenset[int]:
        found = self._places.get(id(node))
        if found is None:
            found = self._places[id(node)] = self._lines.of(node)
        return found

    def _when(self, tests: _Tests, changes: int) -> str:
        """Loops and conditions in the order in which they are come to."""
        far = len(asked := [each for each in tests if not each.words]) - _MAX_TESTS
        groups = [("", list[str]())]
        for each in tests:
            if each.words:
                # What follows in the same loop is done round by round, and not in a loop of its own.
                again = " in the same rounds" if id(each.node) in self._begun else ""
                self._begun.add(id(each.node))
                groups.append((f"{each.words}{again}", []))
                continue
            told, far = groups[-1][1], far - 1
            if far >= 0 and id(each.node) in self._in_full:
                told.append(f"it is {'' if each.wanted else 'not '}as line {each.line} asks")
                continue
            self._in_full.add(id(each.node))
            told.append(self._asked(each, alone=len(asked) == 1, changes=changes))
        first, *loops = [(words, " and ".join(conditions)) for words, conditions in groups]
        rounds = " ".join(f"{words}{' when ' if conditions else ''}{conditions}" for words, conditions in loops)
        return f"{first[1]}, then {rounds}" if first[1] and rounds else first[1] or rounds

    def _asked(self, test: _Test, *, alone: bool, changes: int) -> str:
        """A condition in words; with its line, where what it asks for is changed between that and the rule."""
        said = self._test(test)
        if self._reads(test.node).isdisjoint(self._changes[test.asked : changes]):
            return said.text if alone else said.joined("and")
        return f"{said.joined('or')} [as line {test.line} finds it]"

    def _reads(self, node: ast.expr) -> set[str]:
        """The names and keys of state that an expression reads."""
        found = self._read.get(id(node))
        if found is None:
            nodes = list(walk(node))
            keys = {key for each in nodes if isinstance(each, ast.expr) and (key := state_key(each)) is not None}
            found = {f'state["{key}"]' for key in keys} | {each.id for each in nodes if isinstance(each, ast.Name)}
            self._read[id(node)] = found
        return found

    def _test(self, test: _Test) -> Said:
        said = self._said.get(id(test.node))
        if said is None:
            said = self._said[id(test.node)] = self._words.truth(test.node)
        return said if test.wanted else Said(f"not ({said.text})")

    # What is kept ---------------------------------------------------------------------------------------

    def _kept(self, node: ast.Assign | ast.AugAssign, *, in_loop: bool) -> Iterator[str]:
        """What an assignment does, in words; nothing for a name that stands for a short value, which is told where it is read."""
        if isinstance(node, ast.AugAssign):
            before = self._read_of(node.target)
            changed = f"{before} {ARITHMETIC[type(node.op)]} {self._words.value(node.value)}"
            yield self._keep(node.target, Said(changed, PHRASE))
            return
        target = node.targets[0]
        if isinstance(target, ast.Tuple) and isinstance(node.value, ast.Tuple):
            values = [self._words.said(each) for each in node.value.elts]
            pairs = list(zip(target.elts, node.value.elts, values, strict=True))
        else:
            pairs = [(target, node.value, self._words.said(node.value))]
        kept = list[str]()
        for where, value, said in pairs:
            if isinstance(where, ast.Name) and self._stands_for(where.id, value, said, in_loop=in_loop):
                self._words.meant[where.id], self._words.stands_for[where.id] = said, value
                self._lines.names[where.id] = self._lines.of(value) | {where.lineno}
            else:
                if isinstance(where, ast.Name):
                    known = self._lines.names.get(where.id, frozenset())
                    self._lines.names[where.id] = known | self._lines.of(value) | {where.lineno}
                kept.append(self._keep(where, said))
        read = [self._reads(value) for _, value, _ in pairs]
        if any(self._changed(where) in later for at, (where, _, _) in enumerate(pairs) for later in read[at + 1 :]):
            yield f"at once ({'; '.join(kept)})"
        else:
            yield from kept

    def _stands_for(self, name: str, value: ast.expr, said: Said, *, in_loop: bool) -> bool:
        """Whether a name is its value wherever it is read: it has no other, and nothing that the value reads changes in between."""
        if in_loop or self._assigned[name] != 1 or name not in self._loaded or len(said.text) > _SHORT:
            return False
        for each in walk(value):
            if state_key(each) in self._written:
                return False
            if isinstance(each, ast.Name) and each.id in self._assigned and each.id not in self._words.meant:
                return False
        return True

    def _read_of(self, target: ast.expr) -> str:
        if isinstance(target, ast.Name):
            return f"`{target.id}`"
        return f"the remembered `{state_key(target)}` (0 before)"

    @staticmethod
    def _changed(target: ast.expr) -> str:
        key = state_key(target)
        return ast.unparse(target) if key is None else f'state["{key}"]'

    def _keep(self, target: ast.expr, said: Said) -> str:
        self._changes.append(self._changed(target))
        key = state_key(target)
        if key is None:
            unused = "" if isinstance(target, ast.Name) and target.id in self._loaded else ", which nothing reads"
            return f"call `{ast.unparse(target)}`: {said.text}{unused}"
        return f"forget `{key}`" if said.text == "unknown" else f"remember as `{key}`: {said.text}"

    # Decisions -----------------------------------------------------------------------------------------

    def _decided(self, node: ast.expr) -> tuple[Does, str]:
        """What is decided, and its words."""
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and (is_signal(node) or is_adjustment(node)):
            side = node.func.id
            parts = [self._argument(side, str(each.arg), each.value) for each in node.keywords]
            sized = any(each.arg in ("fraction", "quantity", "notional") for each in node.keywords)
            lead = {"adjust": "set", "sell": "sell" if sized else "sell everything", "cover": "cover" if sized else "cover everything"}.get(side, side)  # fmt: skip
            first, *rest = sorted(parts, key=lambda each: each[0]) or [(0, "")]
            said = f"{lead} {first[1]}" if first[0] == 0 or side == "adjust" else f"{lead}, {first[1]}"
            return cast("Does", side), ", ".join([said.strip(), *(each[1] for each in rest)])
        return "nothing", f"return `{ast.unparse(node)}`"

    def _argument(self, side: str, name: str, value: ast.expr) -> tuple[int, str]:
        """The words of one argument of a decision, and their place in the sentence."""
        fixed, text = self._words.fixed(value), self._words.side(value)
        if name in EXITS:
            return 3, f"{'' if side == 'adjust' else 'with '}{self._exit(name, value, text)}"
        match name:
            case "fraction":
                lead, of = ("", "the position") if side in ("sell", "cover") else ("for ", "equity")
                part = f"a part of {of}: {text}" if fixed is None else f"{self._percent(value, fixed)} of {of}"
                return 0, f"{lead}{part}"
            case "quantity":
                return 0, f"{text} shares or coins"
            case "notional":
                return 0, f"for {text} dollars"
            case "confidence":
                return 1, f"with confidence {text}"
            case "limit" | "stop":
                return 2, f"as a {name} order at {text}"
            case "or_stop":
                return 2, f"or as a stop order at {text}, whichever the market comes to first"
        return 2, f"resting for {counted(fixed, 'bar') if fixed is not None else f'{text} bars'}"

    def _exit(self, name: str, value: ast.expr, text: str) -> str:
        """The words of a stop or a target of the position; `text` says its value."""
        fixed = self._words.fixed(value)
        kind = name.removesuffix("_price").removesuffix("_distance")
        said = {"stop_loss": "a stop loss", "take_profit": "a take profit", "trailing_stop": "a trailing stop"}[kind]
        if name.endswith("_distance"):
            return f"{said} at a distance of {text} in price"
        if name.endswith("_price"):
            return f"{said} at {text}"
        return f"{said} of {self._percent(value, fixed) if fixed is not None else f'this part of the price: {text}'}"

    def _percent(self, node: ast.expr, fixed: float) -> str:
        told = self._words.said(node).text
        return percent(fixed) if told == number(fixed) else f"{percent(fixed)} ({told})"


def _is_decision(node: ast.expr) -> bool:
    """Whether what is returned is a decision, or one of two, rather than a value that is chosen."""
    if isinstance(node, ast.IfExp):
        return _is_decision(node.body) or _is_decision(node.orelse)
    if isinstance(node, ast.Call):
        return is_signal(node) or is_adjustment(node) or ast.unparse(node.func).startswith(("cash", "weights."))
    return isinstance(node, ast.Constant | ast.Dict)


def _rows(node: ast.AST) -> range:
    """The lines on which a node is written."""
    first = getattr(node, "lineno", 0)
    return range(first, (getattr(node, "end_lineno", None) or first) + 1)


def _is_named(node: ast.expr, *names: str) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _ends(statements: Sequence[ast.stmt]) -> bool:
    """Whether nobody comes to what follows these statements."""
    if not statements:
        return False
    last = statements[-1]
    if isinstance(last, ast.If):
        return _ends(last.body) and _ends(last.orelse)
    return isinstance(last, ast.Return | ast.Break | ast.Continue)
