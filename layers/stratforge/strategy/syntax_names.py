"""Names of pieces of Python as people call them: a message never says the name of a class of the syntax tree."""

from __future__ import annotations

import ast

_NAMES: dict[type[ast.AST], str] = {
    ast.AnnAssign: "a type annotation",
    ast.Assert: "assert",
    ast.Assign: "an assignment",
    ast.AsyncFor: "async",
    ast.AsyncFunctionDef: "async",
    ast.AsyncWith: "async",
    ast.Attribute: "a field",
    ast.AugAssign: "an assignment such as +=",
    ast.Await: "await",
    ast.BoolOp: "and or or",
    ast.Break: "break outside of a loop",
    ast.Call: "a call",
    ast.ClassDef: "a class",
    ast.Compare: "a comparison",
    ast.Constant: "a value",
    ast.Continue: "continue outside of a loop",
    ast.Delete: "del",
    ast.Dict: "a dict",
    ast.DictComp: "a comprehension",
    ast.Expr: "an expression whose value is not used",
    ast.For: "for",
    ast.FormattedValue: "an f-string",
    ast.FunctionDef: "a function",
    ast.GeneratorExp: "a comprehension",
    ast.Global: "global",
    ast.If: "if",
    ast.IfExp: "if in an expression",
    ast.Import: "import",
    ast.ImportFrom: "import",
    ast.JoinedStr: "an f-string",
    ast.Lambda: "lambda",
    ast.List: "a list",
    ast.ListComp: "a comprehension",
    ast.Match: "match",
    ast.NamedExpr: "an assignment with :=",
    ast.Nonlocal: "nonlocal",
    ast.Pass: "pass",
    ast.Raise: "raise",
    ast.Return: "return",
    ast.Set: "a set",
    ast.SetComp: "a comprehension",
    ast.Slice: "a slice",
    ast.Starred: "*",
    ast.Subscript: "[...]",
    ast.Try: "try",
    ast.TryStar: "try",
    ast.Tuple: "a tuple",
    ast.While: "while",
    ast.With: "with",
    ast.Yield: "yield",
    ast.YieldFrom: "yield",
}
_VALUES: dict[type, str] = {
    str: "text",
    bytes: "bytes",
    complex: "complex numbers",
    type(None): "None",
    type(Ellipsis): "...",
}


def syntax_name(node: ast.AST) -> str:
    """A statement or expression in words."""
    return _NAMES.get(type(node), "this")


def value_name(value: object) -> str:
    """The kind of a literal in words."""
    return _VALUES.get(type(value), "this kind of value")
