"""How a module's source is broken: every comparison, operator, choice and bound, one at a time."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass

_COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.Div,
    ast.Div: ast.Mult,
    ast.BitOr: ast.BitAnd,
}
_NAMES = {"min": "max", "max": "min", "ROUND_UP": "ROUND_DOWN", "ROUND_DOWN": "ROUND_UP", "ZERO": "ONE_MUTANT"}
_MEMBERS = {"BUY": "SELL", "SELL": "BUY"}


@dataclass(frozen=True)
class Mutant:
    """One change of a module: what it is called, and the whole source with it."""

    name: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mutant of a module's source, in the order of its lines."""
    tree = ast.parse(source)
    for index, node in enumerate(ast.walk(tree)):
        for label, change in _changes(node):
            broken = copy.deepcopy(tree)
            for other, there in enumerate(ast.walk(broken)):
                if other == index:
                    change(there)
                    break
            before = ast.unparse(node)
            text = ast.unparse(ast.fix_missing_locations(broken)).replace("ONE_MUTANT", "Decimal(1)")
            if not _only_described(tree, node):
                yield Mutant(f"{getattr(node, 'lineno', 0)}: {before[:70]}  [{label}]", text)


def _only_described(tree: ast.Module, node: ast.AST) -> bool:
    """Whether a node is an annotation, a type alias or a decorator, which nothing computes with."""
    for parent in ast.walk(tree):
        described: list[ast.AST | None] = []
        if isinstance(parent, ast.FunctionDef):
            arguments = [*parent.args.args, *parent.args.kwonlyargs]
            described = [parent.returns, *(each.annotation for each in arguments)]
        elif isinstance(parent, ast.ClassDef):
            described = [*parent.decorator_list]
        elif isinstance(parent, ast.AnnAssign):
            described = [parent.annotation]
        elif isinstance(parent, ast.Assign) and isinstance(parent.value, ast.Subscript | ast.BinOp):
            described = [parent.value] if isinstance(parent.value, ast.Subscript) else []
        elif isinstance(parent, ast.Raise | ast.JoinedStr):
            described = [parent]
        if any(each is not None and node in ast.walk(each) for each in described):
            return True
    return False


def _changes(node: ast.AST) -> list[tuple[str, Callable[[ast.AST], None]]]:
    changes: list[tuple[str, Callable[[ast.AST], None]]] = []
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            other = _COMPARISONS[type(operator)]
            changes.append((other.__name__, lambda there, place=place, other=other: _compare(there, place, other)))  # type: ignore[misc]
    elif isinstance(node, ast.BinOp | ast.AugAssign) and type(node.op) in _ARITHMETIC:
        operation = _ARITHMETIC[type(node.op)]
        changes.append((operation.__name__, lambda there: setattr(there, "op", operation())))
    elif isinstance(node, ast.BoolOp):
        word = ast.Or if isinstance(node.op, ast.And) else ast.And
        changes.append((word.__name__, lambda there: setattr(there, "op", word())))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        changes.append(("not not", _affirm))
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        changes.append(("positive", lambda there: setattr(there, "op", ast.UAdd())))
    elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in _NAMES:
        renamed = _NAMES[node.id]
        changes.append((renamed.replace("ONE_MUTANT", "1"), lambda there: setattr(there, "id", renamed)))
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        opposite = not node.value
        changes.append((str(opposite), lambda there: setattr(there, "value", opposite)))
    elif isinstance(node, ast.Attribute) and node.attr in _MEMBERS:
        member = _MEMBERS[node.attr]
        changes.append((member, lambda there: setattr(there, "attr", member)))
    elif isinstance(node, ast.IfExp):
        changes.append(("the other", _swap))
    return changes


def _compare(there: ast.AST, place: int, other: type[ast.cmpop]) -> None:
    assert isinstance(there, ast.Compare)
    there.ops[place] = other()


def _affirm(there: ast.AST) -> None:
    assert isinstance(there, ast.UnaryOp)
    there.operand = ast.UnaryOp(ast.Not(), there.operand)


def _swap(there: ast.AST) -> None:
    assert isinstance(there, ast.IfExp)
    there.body, there.orelse = there.orelse, there.body
