"""Model output that skipped the gate has no way into the store or into a session: not by care, but by construction."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from pathlib import Path

import stratforge.storage.strategies.strategies as stored
from stratforge.ai import drafting
from stratforge.strategy import Strategy
from stratforge.strategy.rotation.strategy import PortfolioStrategy

_ROOT = Path(__file__).parents[3]
_SOURCES = [path for part in ("layers/stratforge", "functions") for path in (_ROOT / part).rglob("*.py")]
_JOBS = _ROOT / "layers/stratforge/application/jobs"
# What writes code into a table; a deletion does not, nor a company that trades under another symbol.
_WRITES = re.compile(
    r"(?:INSERT INTO|UPDATE)\s+(strategies|strategy_versions)\b(?!.*deleted_at = now\(\)| SET symbol = \S+ WHERE)",
    re.IGNORECASE | re.DOTALL,
)


def _strings(path: Path) -> list[str]:
    nodes = list(ast.walk(ast.parse(path.read_text())))
    joined = [
        "".join(str(each.value) for each in node.values if isinstance(each, ast.Constant))
        for node in nodes
        if isinstance(node, ast.JoinedStr)
    ]
    plain = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    return [*joined, *plain]


def test_one_module_writes_code_into_the_store() -> None:
    writers = {
        path.relative_to(_ROOT).as_posix() for path in _SOURCES if any(_WRITES.search(each) for each in _strings(path))
    }
    assert writers == {"layers/stratforge/storage/strategies/strategies.py"}


def test_what_writes_code_takes_a_compiled_strategy_and_no_text() -> None:
    """`add_strategy` and `change_strategy` take the code from a compiled strategy, of one symbol or of several, and have no argument for code itself."""
    for writer in (stored.add_strategy, stored.change_strategy, stored._add_version):
        hints = typing.get_type_hints(writer)
        assert set(typing.get_args(hints["strategy"])) == {Strategy, PortfolioStrategy}
        assert not {"source", "code", "python_code"} & set(inspect.signature(writer).parameters)


def test_only_the_compilers_make_strategies() -> None:
    makers = set()
    for path in _SOURCES:
        text = path.read_text()
        # What does not have the word has no such call.
        for node in ast.walk(ast.parse(text)) if "Strategy" in text else ():
            if (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ("Strategy", "PortfolioStrategy")
            ):
                makers.add(path.relative_to(_ROOT).as_posix())
    assert makers == {"layers/stratforge/strategy/compiler.py", "layers/stratforge/strategy/rotation/strategy.py"}


def test_the_assistant_compiles_nowhere_but_at_the_door() -> None:
    """Neither the function nor its use case has a compiler of its own: what is stored came out of the door."""
    writing = _JOBS / "write_strategy.py"
    for path in [*(_ROOT / "functions/assistant").rglob("*.py"), writing, _JOBS / "conversation.py"]:
        assert "compile_strategy" not in path.read_text(), path
    assert "drafting.write_strategy(" in writing.read_text()
    assert "compile_strategy" in inspect.getsource(drafting)


def test_nothing_of_the_models_reaches_a_backtest() -> None:
    """Research knows today's news: a backtest that read it would look ahead."""
    for part in (
        "layers/stratforge/backtest",
        "layers/stratforge/strategy",
        "functions/backtester",
        "functions/evaluator",
        "functions/sandbox",
    ):
        for path in (_ROOT / part).rglob("*.py"):
            assert "stratforge.ai" not in path.read_text(), path
    for name in ("backtest_strategy.py", "replay_session.py"):
        assert "stratforge.ai" not in (_JOBS / name).read_text(), name
