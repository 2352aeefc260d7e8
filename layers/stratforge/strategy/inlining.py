"""Puts the helper functions of a strategy where they are called.

A helper is read as the one expression that it means: names that it assigns are replaced by what they are, and its branches become
`a if condition else b`. So nothing else of the language knows of helpers: what passes the gate, what it costs, what runs,
and what is told of a strategy are those of the code without them. An expression of this language changes nothing and cannot fail, so it
does not matter how often or when it is computed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from stratforge.strategy.findings import Code
from stratforge.strategy.syntax_names import syntax_name
from stratforge.strategy.trees import walk

Tree = TypeVar("Tree", bound=ast.AST)
# A name of a helper that has no value on some path.
_UNASSIGNED = ast.Constant(...)
_LIBRARIES = ("np", "pd", "ta")
_NO_VALUE = "Assign it before, on every path"


class Refused(Exception):
    """A part of a helper is not in the language; says which, and what to write instead."""

    def __init__(self, node: ast.AST, code: Code, message: str, suggestion: str) -> None:
        super().__init__(message)
        self.node, self.code, self.message, self.suggestion = node, code, message, suggestion


@dataclass(frozen=True, slots=True)
class _Signature:
    names: tuple[str, ...]
    defaults: Mapping[str, ast.expr]


class Inliner:
    """Replaces calls of helpers by what they mean."""

    def __init__(self, helpers: Mapping[str, ast.FunctionDef], constants: Iterable[str], most_nodes: int) -> None:
        """`constants` are the names of the module's constants, and `most_nodes` what all calls together may grow to."""
        self.helpers = helpers
        self._constants = frozenset(constants)
        self._left = most_nodes
        self._running: list[str] = []
        # What names of helpers stand for, each with the place that says so; and which of them were read.
        self._kept: list[tuple[ast.expr, ast.AST, str]] = []
        self._read: set[int] = set()
        self.used: set[str] = set()

    def inlined(self, function: ast.FunctionDef) -> ast.FunctionDef:
        """The function with every call of a helper replaced.

        Raises:
            Refused: at the first thing that is not in the language.
        """
        for node in walk(function):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if node.id in self.helpers:
                    raise Refused(node, Code.NOT_IN_LANGUAGE, f"{node.id} is a function", "Choose another name")
                if node.id in self._constants and self.helpers:
                    message = f"{node.id} is a constant and cannot be assigned where there are functions"
                    raise Refused(node, Code.NOT_IN_LANGUAGE, message, "Choose another name")
        found: ast.FunctionDef = _Calls(self).visit(_copied(function))
        return found

    def call(self, node: ast.Call, name: str) -> ast.expr:
        """The expression that a call means; its arguments are inlined already."""
        helper = self.helpers[name]
        if name in self._running:
            raise Refused(node, Code.UNBOUNDED, f"{name} calls itself", "Write it without recursion")
        self.used.add(name)
        self._running.append(name)
        body = _body(helper)
        _check_reached(body)
        outer, self._kept, self._read = (self._kept, self._read), [], set()
        arguments = self._arguments(node, helper)
        for argument, value in arguments.items():
            # A value of its own, so that what is read is this argument and no other that stands for the same.
            arguments[argument] = self._keep(_copied(value), node, f"{name[:40]} never reads {argument[:40]}")
        found = self._value(body, arguments, helper)
        self._check_read()
        self._kept, self._read = outer
        self._running.pop()
        return found

    def read(self, value: ast.expr) -> ast.expr:
        """Notes that the value of a name is read, and gives it."""
        self._read.add(id(value))
        return value

    def _keep(self, value: ast.expr, place: ast.AST, unread: str) -> ast.expr:
        self._kept.append((value, place, unread))
        return value

    def _check_read(self) -> None:
        """Refuses what comes to nothing, on every path: nobody would look at it, and it may be a mistake."""
        read = {(id(place), unread) for value, place, unread in self._kept if id(value) in self._read}
        for _, place, unread in self._kept:
            if (id(place), unread) not in read:
                raise Refused(place, Code.NOT_IN_LANGUAGE, unread, "Remove it, or read it")

    def spend(self, tree: ast.AST) -> None:
        """Counts what is put somewhere; raises `Refused` when it is too much."""
        self._count(tree, sum(1 for _ in walk(tree)))

    def _count(self, tree: ast.AST, nodes: int) -> None:
        self._left -= nodes
        if self._left < 0:
            message = "the functions of the strategy grow too large where they are called"
            raise Refused(tree, Code.TOO_LARGE, message, "Call them less often, or keep what they give in names")

    def check_free_name(self, node: ast.Name, helper: ast.FunctionDef) -> None:
        """Refuses a name that is none of the helper's own and none of the module's."""
        self.check_not_assigned(node, helper)
        if node.id in self._constants or node.id in self.helpers or node.id in _LIBRARIES:
            return
        message = f"the name {node.id[:40]} is not known in {helper.name[:40]}"
        raise Refused(node, Code.UNKNOWN_NAME, message, "A function sees its arguments and the constants: pass it on")

    def check_not_assigned(self, node: ast.Name, helper: ast.FunctionDef) -> None:
        """Refuses a name without a value that the helper assigns somewhere: it is its own everywhere, as in Python."""
        if any(
            isinstance(each, ast.Name) and each.id == node.id and isinstance(each.ctx, ast.Store)
            for each in walk(helper)
        ):
            raise Refused(node, Code.UNASSIGNED, f"{node.id[:40]} may not have a value here", _NO_VALUE)

    def _arguments(self, node: ast.Call, helper: ast.FunctionDef) -> dict[str, ast.expr]:
        signature = _signature(helper)
        takes = f"It takes {', '.join(signature.names) or 'none'}"
        if any(isinstance(each, ast.Starred) for each in node.args) or any(each.arg is None for each in node.keywords):
            raise Refused(node, Code.NOT_IN_LANGUAGE, "* and ** in calls are not in the language", "Write them out")
        if len(node.args) > len(signature.names):
            raise Refused(node, Code.ARGUMENT, f"{helper.name} takes {len(signature.names)} arguments", takes)
        given = dict(zip(signature.names, node.args, strict=False))
        for keyword in node.keywords:
            name = str(keyword.arg)
            if name not in signature.names or name in given:
                message = (
                    f"{helper.name} gets {name} twice"
                    if name in given
                    else f"{helper.name} has no argument {name[:40]}"
                )
                raise Refused(keyword.value, Code.ARGUMENT, message, takes)
            given[name] = keyword.value
        given = {**signature.defaults, **given}
        missing = [name for name in signature.names if name not in given]
        if missing:
            raise Refused(node, Code.ARGUMENT, f"{helper.name} needs {missing[0]}", takes)
        return given

    def _value(self, body: Sequence[ast.stmt], known: dict[str, ast.expr], helper: ast.FunctionDef) -> ast.expr:
        """What the helper returns when it runs `body` with these names."""
        known = dict(known)
        for index, each in enumerate(body):
            self._count(each, 1)
            if isinstance(each, ast.Return):
                return (
                    self._put(each.value, known, helper) if each.value else ast.copy_location(ast.Constant(None), each)
                )
            if isinstance(each, ast.If) and _returns(each):
                test, rest = self._put(each.test, known, helper), body[index + 1 :]
                yes = self._value([*each.body, *rest], known, helper)
                no = self._value([*each.orelse, *rest], known, helper)
                return self._choice(test, yes, no, each)
            self._assign(each, known, helper)
        return ast.copy_location(ast.Constant(None), helper)

    def _assign(self, node: ast.stmt, known: dict[str, ast.expr], helper: ast.FunctionDef) -> None:
        if isinstance(node, ast.If):
            test = self._put(node.test, known, helper)
            branches = []
            for part in (node.body, node.orelse):
                branches.append(dict(known))
                for each in part:
                    self._count(each, 1)
                    self._assign(each, branches[-1], helper)
            yes, no = branches
            self._keep(test, node.test, "this condition decides nothing")
            for name in sorted(yes.keys() | no.keys()):
                a, b = yes.get(name, _UNASSIGNED), no.get(name, _UNASSIGNED)
                if a is not known.get(name) or b is not known.get(name):
                    both = a is not _UNASSIGNED and b is not _UNASSIGNED
                    self._read |= {id(test), id(a), id(b)} if both else {id(test)}
                    chosen = self._choice(test, a, b, node) if both else _UNASSIGNED
                    known[name] = self._keep(chosen, node, f"{name[:40]} is never read") if both else chosen
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            self._store(node.targets[0], node.value, known, helper)
        elif isinstance(node, ast.AugAssign) and isinstance(node.target, ast.Name):
            before = ast.copy_location(ast.Name(node.target.id, ast.Load()), node.target)
            value = ast.copy_location(ast.BinOp(before, node.op, node.value), node)
            known[node.target.id] = self._keep(
                self._put(value, known, helper), node, f"{node.target.id[:40]} is never read"
            )
        elif isinstance(node, ast.For):
            message = "a loop is not allowed in a function of a strategy"
            raise Refused(node, Code.NOT_IN_LANGUAGE, message, "Write the loop in on_bar, and call the function in it")
        elif not isinstance(node, ast.Pass):
            message = f"{syntax_name(node)} is not allowed in a function of a strategy"
            suggestion = 'Assign names, use if and return; state["key"] is assigned in on_bar'
            raise Refused(node, Code.NOT_IN_LANGUAGE, message, suggestion)

    def _store(self, target: ast.expr, value: ast.expr, known: dict[str, ast.expr], helper: ast.FunctionDef) -> None:
        if isinstance(target, ast.Name):
            known[target.id] = self._keep(self._put(value, known, helper), value, f"{target.id[:40]} is never read")
        elif (
            isinstance(target, ast.Tuple)
            and isinstance(value, ast.Tuple)
            and len(target.elts) == len(value.elts)
            and all(isinstance(each, ast.Name) for each in target.elts)
        ):
            values = [self._put(each, known, helper) for each in value.elts]
            for each, found, place in zip(target.elts, values, value.elts, strict=True):
                assert isinstance(each, ast.Name)
                known[each.id] = self._keep(found, place, f"{each.id[:40]} is never read")
        else:
            message = "this cannot be assigned in a function of a strategy"
            raise Refused(target, Code.NOT_IN_LANGUAGE, message, 'Assign to names; state["key"] is assigned in on_bar')

    def _put(self, node: ast.expr, known: dict[str, ast.expr], helper: ast.FunctionDef) -> ast.expr:
        """An expression of a helper with its names replaced by what they are."""
        self.spend(node)
        found: ast.expr = _Names(self, known, helper).visit(_copied(node))
        return found

    def _choice(self, test: ast.expr, yes: ast.expr, no: ast.expr, node: ast.AST) -> ast.expr:
        chosen = ast.copy_location(ast.IfExp(*(_copied(each) for each in (test, yes, no))), node)
        self.spend(chosen)
        return chosen


class _Calls(ast.NodeTransformer):
    """Replaces calls of helpers, innermost first."""

    def __init__(self, inliner: Inliner) -> None:
        self._inliner = inliner

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Replaces a call once its arguments are."""
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in self._inliner.helpers:
            return self._inliner.call(node, node.func.id)
        return node


class _Names(_Calls):
    """Replaces names of a helper by what they are, and calls of other helpers."""

    def __init__(self, inliner: Inliner, known: Mapping[str, ast.expr], helper: ast.FunctionDef) -> None:
        super().__init__(inliner)
        self._known = known
        self._helper = helper

    def visit_Name(self, node: ast.Name) -> ast.expr:
        """Replaces a name by what it is."""
        found = self._known.get(node.id)
        if found is _UNASSIGNED:
            raise Refused(node, Code.UNASSIGNED, f"{node.id[:40]} may not have a value here", _NO_VALUE)
        if found is not None:
            found = _copied(self._inliner.read(found))
            self._inliner.spend(found)
            return found
        self._inliner.check_free_name(node, self._helper)
        return node

    def visit_Call(self, node: ast.Call) -> ast.expr:
        """Replaces the arguments of a call, and the call when it is a helper's."""
        # What is called is no value: whether there is such a function is for the compilers to say.
        called = node.func
        if isinstance(called, ast.Name) and called.id not in self._known:
            self._inliner.check_not_assigned(called, self._helper)
            node.func = ast.Constant(None)
            self.generic_visit(node)
            node.func = called
            return self._inliner.call(node, called.id) if called.id in self._inliner.helpers else node
        self.generic_visit(node)
        return node


def _copied(tree: Tree) -> Tree:
    """A copy of a tree, in a tenth of the time that `copy.deepcopy` takes."""
    made = tree.__class__.__new__(tree.__class__)
    for name, value in tree.__dict__.items():
        if isinstance(value, ast.AST):
            value = _copied(value)
        elif isinstance(value, list):
            value = [_copied(each) if isinstance(each, ast.AST) else each for each in value]
        made.__dict__[name] = value
    return made


def _check_reached(body: Sequence[ast.stmt]) -> bool:
    """Refuses statements that come after every path has returned; says whether every path of these returns."""
    ended = False
    for each in body:
        if ended:
            raise Refused(each, Code.NOT_IN_LANGUAGE, "this is never reached", "Remove it")
        parts = [_check_reached(part) for part in (each.body, each.orelse)] if isinstance(each, ast.If) else [False]
        ended = isinstance(each, ast.Return) or all(parts)
    return ended


def _body(helper: ast.FunctionDef) -> list[ast.stmt]:
    first = helper.body[0]
    documented = (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    )
    return helper.body[1:] if documented else helper.body


def _returns(node: ast.stmt) -> bool:
    return any(isinstance(each, ast.Return) for each in walk(node))


def _signature(helper: ast.FunctionDef) -> _Signature:
    given = helper.args
    plain = not (given.posonlyargs or given.kwonlyargs or given.vararg or given.kwarg or helper.decorator_list)
    names = tuple(each.arg for each in given.args)
    annotated = helper.returns is not None or any(each.annotation for each in given.args)
    # A name in one would be read where the function is called.
    numbers = not any(isinstance(each, ast.Name) for default in given.defaults for each in walk(default))
    if not plain or annotated or not numbers or getattr(helper, "type_params", None) or {*names} & {*_LIBRARIES}:
        message = f"{helper.name} must be written def {helper.name}(x, n=14):"
        suggestion = "Arguments are names, with numbers as defaults; no annotations or decorators"
        raise Refused(helper, Code.STRUCTURE, message, suggestion)
    return _Signature(names, dict(zip(names[len(names) - len(given.defaults) :], given.defaults, strict=True)))
