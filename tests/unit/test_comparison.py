"""Two models are compared on the same conversations, with intervals and an exact test."""

from __future__ import annotations

import pytest
from stratforge.ai.usage import Usage

from tests.evaluation.cases import Case
from tests.evaluation.run import Kind, Outcome, better, dollars, interval


def _outcomes(*kinds: Kind) -> list[Outcome]:
    usage = Usage(prompt=1_000_000, cached=400_000, answer=100_000)
    return [Outcome(Case("x", str(index)), kind, "", 0, usage, 0.0, "") for index, kind in enumerate(kinds)]


@pytest.mark.parametrize(("count", "total", "low", "high"), [(0, 10, 0.0, 0.28), (5, 10, 0.24, 0.76), (10, 10, 0.72, 1.0)])  # fmt: skip
def test_an_interval_is_wide_where_few_were_asked(count: int, total: int, low: float, high: float) -> None:
    assert interval(count, total) == pytest.approx((low, high), abs=0.01)


def test_models_that_differ_on_nothing_are_as_good_as_each_other() -> None:
    same = _outcomes(*[Kind.RIGHT, Kind.WRONG] * 5)
    assert better(same, same) == 1.0


def test_a_model_that_is_right_where_the_other_is_not_is_told_apart() -> None:
    assert better(_outcomes(*[Kind.RIGHT] * 10), _outcomes(*[Kind.CLARIFIED] * 10)) == pytest.approx(2 / 2**10)


def test_a_known_question_costs_its_own_price(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GEMINI_PRICES", "1,0.1,10")
    assert dollars(_outcomes(Kind.RIGHT)) == pytest.approx(0.6 + 0.04 + 1.0)
    assert dollars(_outcomes(Kind.RIGHT), side=1) == dollars(_outcomes(Kind.RIGHT))
    monkeypatch.setenv("GEMINI_PRICES", "1,0.1,10;2,0.2,20")
    assert dollars(_outcomes(Kind.RIGHT), side=1) == pytest.approx(2 * (0.6 + 0.04 + 1.0))
    monkeypatch.delenv("GEMINI_PRICES")
    assert dollars(_outcomes(Kind.RIGHT)) is None
