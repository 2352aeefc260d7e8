"""What travels to the sandbox means what the author wrote."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stratforge.strategy import compile_strategy
from stratforge.strategy.language_reference import EXAMPLE
from stratforge.strategy.wire import without_comments

from tests.evaluation.cases import CASES
from tests.support.tiers import examples

# Everything that may stand between the words of a strategy without meaning anything, and what only looks like it.
COMMENTS = st.sampled_from(
    [
        "# plain",
        "#",
        '# with "quotes',
        "# it's",
        "## \\",
        '# """',
        "# '''",
        "#\t🙈",
        "# def on_bar(bar, position, state):",
    ]
)
TEXTS = st.sampled_from(
    [
        '"""A text."""',
        "'# not a comment'",
        '"say \\"#\\" twice"',
        "'it\\'s # inside'",
        "'''# over\n# lines\n'''",
        f'"""{"long " * 400}"""',
        f"'{'long # ' * 400}'",
        "'\\\\'",
        '"\'#"',
        "r'\\#'",
    ]
)


@given(st.lists(COMMENTS, min_size=6, max_size=6), st.lists(TEXTS, min_size=3, max_size=3))
@settings(max_examples=examples(200), deadline=None)
def test_without_its_comments_a_strategy_is_the_same(comments: list[str], texts: list[str]) -> None:
    source = f"""{texts[0]}
{comments[0]}
N = 3  {comments[1]}
def indicators(bars):{comments[2]}
    {texts[1]}
    return {{"x": ta.sma(bars.close, length=N)}}  {comments[3]}
{comments[4]}
def on_bar(bar, position, state):
    {texts[2]}  {comments[5]}
    state['k'] = state.get("k", 0) + 1  {comments[0]}
    if bar.x > state["k"]:  {comments[1]}
        return buy()
"""
    written, sent = compile_strategy(source), compile_strategy(without_comments(source))
    assert sent.on_bar == written.on_bar
    assert sent.columns == written.columns
    assert sent.parameters == written.parameters
    assert "#" not in without_comments(source).replace("'# not a comment'", "").replace(
        '"say \\"#\\" twice"', ""
    ).replace("'it\\'s # inside'", "").replace("'''# over\n# lines\n'''", "").replace('"\'#"', "").replace("r'\\#'", "")


def test_strategies_of_the_evaluation_set_are_the_same_without_comments() -> None:
    sources = [EXAMPLE] + [reference.code for case in CASES for reference in case.references]
    for source in sources:
        written, sent = compile_strategy(source), compile_strategy(without_comments(source))
        assert (sent.on_bar, sent.columns, sent.parameters) == (written.on_bar, written.columns, written.parameters)


def test_long_texts_are_not_sent() -> None:
    source = f'"""{"🙈" * 20_000}"""\ndef on_bar(bar, position, state):\n    return\n'
    assert len(without_comments(source)) < 100


@pytest.mark.parametrize(
    "key", ["a\\\n" * 3 + "\\\n" * 700 + "b", "\\\r\n" * 700 + "k" * 40, "\\x61" * 40, "\\N{LATIN SMALL LETTER A}" * 40]
)
def test_a_key_that_is_long_to_write_and_short_to_read_stays_what_it_is(key: str) -> None:
    source = f'def on_bar(bar, position, state):\n    state["a"] = 1\n    state["a" "{key}"] = 2\n'
    if not key.startswith("a"):
        source = source.replace('"a" ', "")
    written, sent = compile_strategy(source), compile_strategy(without_comments(source))
    assert sent.on_bar == written.on_bar
