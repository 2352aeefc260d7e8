"""Random programs of the strategy language, for tests that hold for every program."""

from __future__ import annotations

from hypothesis import strategies as st
from stratforge.strategy.indicators import REGISTRY


def column_expressions(depth: int) -> st.SearchStrategy[str]:
    """Expressions of `indicators`."""
    leaf = st.sampled_from(["bars.close", "bars.open", "bars.high", "bars.low", "bars.volume"])
    if depth == 0:
        return leaf
    inner = column_expressions(depth - 1)
    calls = st.sampled_from(sorted(name for name, each in REGISTRY.items() if not each.logical)).flatmap(
        lambda name: st.tuples(*(inner for _ in REGISTRY[name].inputs)).map(lambda inputs: _call(name, inputs))
    )
    return st.one_of(
        leaf,
        calls,
        calls,
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "%", "**"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["shift", "diff", "pct_change"]), st.integers(1, 9)).map(
            lambda t: f"{t[0]}.{t[1]}({t[2]})"
        ),
        st.tuples(inner, st.sampled_from(["mean", "std", "max", "min", "sum", "median"]), st.integers(2, 60)).map(
            lambda t: f"{t[0]}.rolling({t[2]}).{t[1]}()"
        ),
        st.tuples(inner, st.integers(2, 40), st.booleans()).map(
            lambda t: f"{t[0]}.ewm(span={t[1]}, adjust={t[2]}).mean()"
        ),
        st.tuples(inner, inner, inner, inner).map(lambda t: f"np.where({t[0]} > {t[1]}, {t[2]}, {t[3]})"),
        st.tuples(inner, inner, inner).map(lambda t: f"np.where({t[0]} > {t[1]}, {t[2]}, np.nan)"),
        st.tuples(inner, inner, inner).map(lambda t: f"np.where({t[0]} > {t[1]}, {t[2]}, np.inf)"),
        inner.map(lambda text: f"{text}.ffill()"),
        inner.map(lambda text: f"np.log({text})"),
    )


def _call(name: str, inputs: tuple[str, ...]) -> str:
    outputs = REGISTRY[name].outputs
    return f"ta.{name}({', '.join(inputs)})" + (f".{outputs[0]}" if outputs else "")
