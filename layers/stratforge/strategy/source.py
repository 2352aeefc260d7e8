"""Reading a strategy's source: size limits, parsing, and the shape of the module."""

from __future__ import annotations

import ast
import re
import warnings
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from stratforge.market.resampling import TIMEFRAMES
from stratforge.strategy import arithmetic
from stratforge.strategy.findings import Code, Finding, StrategyError
from stratforge.strategy.inlining import Inliner, Refused
from stratforge.strategy.syntax_names import syntax_name
from stratforge.strategy.trees import children as children_of
from stratforge.strategy.wire import STRING_OR_COMMENT

MAX_CHARACTERS = 32_000
MAX_DEPTH = 60
MAX_NODES = 10_000
MAX_BRANCHES = 100
MAX_PARAMETERS = 64
MAX_NAME = 40
# More would not be read, and suggestions take time.
MAX_FINDINGS = 50
MAX_LITERAL = 1e15
# What calls of a strategy's functions may grow to.
MAX_INLINED = 15_000

_WORDS = re.compile(r"\w+")
_IMPORTS = {("pandas", "pd"), ("numpy", "np"), ("pandas_ta", "ta"), ("pandas_ta_classic", "ta")}
# Control characters, line separators that only some programs take for one, and what makes text run from right to left: the code
# that is read must be the code that runs.
_UNSEEN = re.compile(
    r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_SHAPE = (
    "Write module constants (LENGTH = 14), a function indicators(bars) that returns a dict of series, and a "
    "function on_bar(bar, position, state)"
)
_TAKEN = (
    "bars",
    "bar",
    "position",
    "state",
    "pd",
    "np",
    "ta",
    "buy",
    "sell",
    "adjust",
    "indicators",
    "on_bar",
    "TIMEFRAME",
)
_PORTFOLIO = (
    "this is a portfolio strategy, with rebalance(universe, portfolio, state)",
    "Here a strategy of one symbol is wanted, with on_bar(bar, position, state)",
)
# The bars that a strategy decides on, with their minutes.
OWN_BARS = {"1min": 1, **TIMEFRAMES}
_TIMEFRAME = "TIMEFRAME"
_ARITHMETIC: dict[type[ast.operator], str] = {
    ast.Div: "divide",
    ast.FloorDiv: "floor_divide",
    ast.Mod: "modulo",
    ast.Pow: "power",
}


@dataclass(slots=True)
class Findings:
    """Collects what is wrong, so that one look at a source tells everything (or the first `MAX_FINDINGS` of it)."""

    items: list[Finding] = field(default_factory=list)

    def add(self, node: ast.AST, code: Code, message: str, suggestion: str) -> None:
        """Notes a finding at the place of `node`; raises `StrategyError` when there are enough."""
        line, column = getattr(node, "lineno", 1), getattr(node, "col_offset", 0) + 1
        self.items.append(Finding(line, column, code, message, suggestion))
        if len(self.items) >= MAX_FINDINGS:
            self.raise_if_any()

    def raise_if_any(self) -> None:
        """Raises `StrategyError` when there are findings."""
        if self.items:
            raise StrategyError(list(dict.fromkeys(self.items)))


@dataclass(frozen=True, slots=True)
class Module:
    """The parts of a strategy's module; `timeframe` is one of `OWN_BARS`, or None where it does not say."""

    parameters: dict[str, float]
    indicators: ast.FunctionDef | None
    on_bar: ast.FunctionDef
    timeframe: str | None = None


def _refuse(line: int, column: int, code: Code, message: str, suggestion: str) -> StrategyError:
    return StrategyError([Finding(line, column, code, message, suggestion)])


def parse(source: str) -> ast.Module:
    """The syntax tree of `source`, of bounded size and depth.

    Raises:
        StrategyError: if it is not Python, or larger than a strategy may be.
    """
    if not isinstance(source, str):
        raise _refuse(1, 1, Code.SYNTAX, "the source is not text", "Pass the strategy as a string")
    if len(source) > MAX_CHARACTERS:
        message = f"the source has {len(source):,} characters; {MAX_CHARACTERS:,} are allowed"
        raise _refuse(1, 1, Code.TOO_LARGE, message, "Keep the strategy to its rules; remove data and unused code")
    for number, line in enumerate(source.split("\n"), 1):
        control = _UNSEEN.search(line)
        if control:
            message = f"the source holds the character U+{ord(control.group()):04X}, which cannot be seen"
            raise _refuse(number, control.start() + 1, Code.SYNTAX, message, "Remove it")
    # Python reads a letter of full width as the plain one: the code that is read would not be the code that runs.
    for match in _WORDS.finditer(STRING_OR_COMMENT.sub(lambda text: " " * len(text.group()), source)):
        if not match.group().isascii():
            number = source.count("\n", 0, match.start()) + 1
            column = match.start() - source.rfind("\n", 0, match.start())
            message = f"{match.group()[:MAX_NAME]} is not a name in the language"
            raise _refuse(number, column, Code.SYNTAX, message, "Use letters of a to z, digits and _")
    too_deep = _refuse(
        1, 1, Code.TOO_LARGE, "the source is nested too deeply", "Keep parts of long expressions in names of their own"
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            tree = ast.parse(source)
    except SyntaxError as error:
        if "nested" in str(error.msg) or "too complex" in str(error.msg):
            raise too_deep from None
        raise _not_python(error) from None
    except (RecursionError, MemoryError, ValueError, OverflowError):
        raise too_deep from None
    _check_size(tree, too_deep)
    return tree


def check_runs_as_python(tree: ast.Module) -> None:
    """Looks for what Python's compiler refuses in a tree that its parser took, such as an argument that is given twice.

    Raises:
        StrategyError: if it refuses it.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            compile(tree, "<strategy>", "exec", dont_inherit=True)
    except SyntaxError as error:
        raise _not_python(error) from None


def _not_python(error: SyntaxError) -> StrategyError:
    message = f"this is not valid Python: {_plain(str(error.msg))}"
    return _refuse(error.lineno or 1, max(error.offset or 1, 1), Code.SYNTAX, message, "Correct the syntax")


def _plain(message: str) -> str:
    return "the number is too long" if "integer string conversion" in message else message[:200]


def _check_size(tree: ast.Module, too_deep: StrategyError) -> None:
    level: list[ast.AST] = [tree]
    nodes = depth = 0
    while level:
        nodes, depth = nodes + len(level), depth + 1
        if depth > MAX_DEPTH:
            raise too_deep
        level = [child for node in level for child in _children(node)]
        if nodes > MAX_NODES:
            message = f"the source has more than {MAX_NODES:,} words and operators"
            raise _refuse(1, 1, Code.TOO_LARGE, message, "Keep the strategy to its rules")


def _children(node: ast.AST) -> list[ast.AST]:
    """Returns the nodes inside of a node; a chain of elif counts as one level, as it is written."""
    if not isinstance(node, ast.If):
        return children_of(node)
    children: list[ast.AST] = []
    branches = 0
    while True:
        branches += 1
        if branches > MAX_BRANCHES:
            message = f"more than {MAX_BRANCHES} branches of one if"
            raise _refuse(node.lineno, node.col_offset + 1, Code.TOO_LARGE, message, "Compute the choice instead")
        children += [node.test, *node.body]
        if len(node.orelse) != 1 or not isinstance(node.orelse[0], ast.If):
            return children + node.orelse
        node = node.orelse[0]


def literal_number(node: ast.expr, constants: Mapping[str, float] = MappingProxyType({})) -> float | None:
    """The value of a number that is written out, with its sign or as arithmetic (`5 * 60`), or of one of these constants; None for anything else."""
    if isinstance(node, ast.Name):
        return constants.get(node.id)
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        value = literal_number(node.operand, constants)
        return None if value is None else (-value if isinstance(node.op, ast.USub) else value)
    if isinstance(node, ast.Constant) and isinstance(node.value, bool | int | float):
        return float(node.value) if abs(node.value) <= MAX_LITERAL else None
    if isinstance(node, ast.BinOp):
        left, right = literal_number(node.left, constants), literal_number(node.right, constants)
        value = None if left is None or right is None else calculated(node.op, left, right)
        return value if value is not None and abs(value) <= MAX_LITERAL else None
    return None


def calculated(operator: ast.operator, left: float, right: float) -> float | None:
    """The result of an operator of arithmetic for two numbers, as in `on_bar`; None for other operators."""
    if isinstance(operator, ast.Add | ast.Sub):
        return left + right if isinstance(operator, ast.Add) else left - right
    if isinstance(operator, ast.Mult):
        return left * right
    name = _ARITHMETIC.get(type(operator))
    return None if name is None else float(arithmetic.FUNCTIONS[name](left, right))


def is_docstring(node: ast.stmt) -> bool:
    """Returns whether the statement is a bare string."""
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)


@dataclass(frozen=True, slots=True)
class Shape:
    """The function that decides in a kind of strategy: its name, its arguments, how a module of the kind is written, and names that mean something in it."""

    name: str
    arguments: tuple[str, ...]
    hint: str
    taken: tuple[str, ...] = ()


ON_BAR = Shape("on_bar", ("bar", "position", "state"), _SHAPE)


def read_module(tree: ast.Module, findings: Findings, shape: Shape = ON_BAR) -> Module | None:
    """The parts of the module; None when a required part is missing (which is then a finding)."""
    parameters: dict[str, float] = {}
    functions: dict[str, ast.FunctionDef] = {}
    helpers: dict[str, ast.FunctionDef] = {}
    timeframe = None
    for statement in tree.body:
        if is_docstring(statement):
            continue
        if _TIMEFRAME not in shape.taken and _declares_timeframe(statement):
            assert isinstance(statement, ast.Assign)
            timeframe = _timeframe(statement, timeframe, findings)
            continue
        if isinstance(statement, ast.Import):
            _check_import(statement, findings)
        elif isinstance(statement, ast.Assign | ast.AnnAssign):
            _read_parameters(statement, parameters, findings, shape.taken)
        elif isinstance(statement, ast.FunctionDef) and statement.name in ("indicators", shape.name):
            if statement.name in functions:
                findings.add(statement, Code.STRUCTURE, f"{statement.name} is defined twice", "Keep one definition")
            functions[statement.name] = statement
        elif isinstance(statement, ast.FunctionDef):
            _read_helper(statement, helpers, findings, shape.taken)
        elif isinstance(statement, ast.ImportFrom):
            findings.add(
                statement,
                Code.IMPORT,
                "from ... import is not in the language",
                "Remove it; pd, np and ta are there",
            )
        else:
            message = f"{syntax_name(statement)} is not allowed at the top of a strategy"
            findings.add(statement, Code.NOT_IN_LANGUAGE, message, shape.hint)
    if len(parameters) > MAX_PARAMETERS:
        findings.add(tree, Code.TOO_LARGE, f"{len(parameters)} constants; {MAX_PARAMETERS} are allowed", "Remove some")
    for name, arguments in (("indicators", ["bars"]), (shape.name, list(shape.arguments))):
        if name in functions:
            _check_signature(functions[name], arguments, findings)
    if shape.name not in functions:
        if "rebalance" in helpers:
            # Whatever else is not as in a strategy of one symbol need not be said.
            raise _refuse(helpers["rebalance"].lineno, 1, Code.STRUCTURE, *_PORTFOLIO)
        message = f"there is no function {shape.name}({', '.join(shape.arguments)})"
        findings.add(tree, Code.STRUCTURE, message, shape.hint)
        return None
    if helpers:
        _inline(functions, helpers, parameters, findings)
    return Module(parameters, functions.get("indicators"), functions[shape.name], timeframe)


def _declares_timeframe(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign) or len(statement.targets) != 1:
        return False
    target = statement.targets[0]
    return isinstance(target, ast.Name) and target.id == _TIMEFRAME


def _timeframe(statement: ast.Assign, known: str | None, findings: Findings) -> str | None:
    word = statement.value.value if isinstance(statement.value, ast.Constant) else None
    if known is not None:
        findings.add(statement, Code.STRUCTURE, "TIMEFRAME is set twice", "Keep one")
    elif not isinstance(word, str) or word not in OWN_BARS:
        names = ", ".join(f'"{each}"' for each in OWN_BARS)
        findings.add(statement.value, Code.STRUCTURE, "this is not a timeframe", f"Write TIMEFRAME = one of {names}")
    else:
        return word
    return known


def _read_helper(
    statement: ast.FunctionDef, helpers: dict[str, ast.FunctionDef], findings: Findings, taken: Collection[str] = ()
) -> None:
    name = statement.name
    if name in helpers:
        findings.add(statement, Code.STRUCTURE, f"{name[:MAX_NAME]} is defined twice", "Keep one definition")
    elif name in _TAKEN or name in taken:
        findings.add(statement, Code.STRUCTURE, f"{name} has a meaning of its own", "Choose another name")
    elif not name.isascii() or name.startswith("_") or len(name) > MAX_NAME:
        message = f"{name[:MAX_NAME]} is not a name in the language"
        findings.add(statement, Code.STRUCTURE, message, f"Use up to {MAX_NAME} letters of a to z and digits")
    helpers[name] = statement


def _inline(
    functions: dict[str, ast.FunctionDef],
    helpers: dict[str, ast.FunctionDef],
    constants: Collection[str],
    findings: Findings,
) -> None:
    """Replaces what calls the strategy's own functions by what they mean; what they hold is checked where it is put."""
    inliner = Inliner(helpers, constants, MAX_INLINED)
    too_deep = _refuse(
        1, 1, Code.TOO_LARGE, "the source is nested too deeply", "Keep parts of long expressions in names of their own"
    )
    try:
        for name, function in functions.items():
            functions[name] = inliner.inlined(function)
            _check_size(ast.Module([functions[name]], []), too_deep)
    except Refused as refused:
        findings.add(refused.node, refused.code, refused.message, refused.suggestion)
        findings.raise_if_any()
    except RecursionError:
        raise too_deep from None
    for name, helper in helpers.items():
        if name in constants:
            findings.add(helper, Code.STRUCTURE, f"{name} is a constant", "Choose another name")
        if name not in inliner.used:
            findings.add(helper, Code.STRUCTURE, f"nothing calls {name[:MAX_NAME]}", "Remove it, or call it")


def inlined(tree: ast.Module) -> ast.Module:
    """The tree of a strategy that passes the gate, with what its own functions mean where they are called; the functions stay."""
    helpers: dict[str, ast.FunctionDef] = {}
    functions: dict[str, ast.FunctionDef] = {}
    parameters: dict[str, float] = {}
    for each in tree.body:
        if isinstance(each, ast.FunctionDef):
            (functions if each.name in ("indicators", "on_bar") else helpers)[each.name] = each
        elif isinstance(each, ast.Assign) and not _declares_timeframe(each):
            _read_parameters(each, parameters, Findings())
    if not helpers:
        return tree
    _inline(functions, helpers, parameters, Findings())
    return ast.Module([functions.get(getattr(each, "name", ""), each) for each in tree.body], tree.type_ignores)


def _check_import(statement: ast.Import, findings: Findings) -> None:
    for alias in statement.names:
        if (alias.name, alias.asname) not in _IMPORTS:
            findings.add(
                statement,
                Code.IMPORT,
                f"import of {alias.name[:MAX_NAME]} is not in the language",
                "Remove it; pd, np and ta are there, and nothing else is needed",
            )


def _read_parameters(
    statement: ast.Assign | ast.AnnAssign,
    parameters: dict[str, float],
    findings: Findings,
    taken: Collection[str] = (),
) -> None:
    hint = "Constants are numbers: LENGTH = 14, or FAST, SLOW = 12, 26"
    if isinstance(statement, ast.AnnAssign) or len(statement.targets) != 1 or statement.value is None:
        findings.add(statement, Code.STRUCTURE, "a constant is one name and one number", hint)
        return
    target, value = statement.targets[0], statement.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        pairs = list(zip(target.elts, value.elts, strict=True))
    else:
        pairs = [(target, value)]
    for name, expression in pairs:
        number = literal_number(expression)
        if not isinstance(name, ast.Name) or number is None:
            findings.add(expression, Code.STRUCTURE, "a constant is one name and one number", hint)
        elif name.id in _TAKEN or name.id in taken:
            findings.add(name, Code.STRUCTURE, f"{name.id} has a meaning of its own", "Choose another name")
        elif not name.id.isascii() or name.id.startswith("_"):
            findings.add(
                name,
                Code.STRUCTURE,
                f"{name.id[:MAX_NAME]} is not a name in the language",
                "Use letters of a to z and digits",
            )
        elif len(name.id) > MAX_NAME:
            findings.add(
                name, Code.STRUCTURE, f"{name.id[:MAX_NAME]}… is too long a name", f"Use up to {MAX_NAME} letters"
            )
        elif name.id in parameters:
            findings.add(name, Code.STRUCTURE, f"{name.id} is set twice", "Keep one constant")
        else:
            # There is one zero.
            parameters[name.id] = number + 0.0


def _check_signature(function: ast.FunctionDef, names: list[str], findings: Findings) -> None:
    arguments = function.args
    plain = not (
        arguments.posonlyargs or arguments.kwonlyargs or arguments.vararg or arguments.kwarg or arguments.defaults
    )
    given = [argument.arg for argument in arguments.args]
    annotated = function.returns is not None or any(argument.annotation for argument in arguments.args)
    if not plain or given != names or annotated or function.decorator_list or getattr(function, "type_params", None):
        findings.add(
            function,
            Code.STRUCTURE,
            f"{function.name} must be written def {function.name}({', '.join(names)}):",
            "No other arguments, defaults, annotations or decorators",
        )
