"""Drafts of strategies that only go short, judged as their mirror image; see `intent/shorts.py`."""

from __future__ import annotations

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review, told
from stratforge.intent.shorts import (
    PARTS_LEFT_OUT,
    as_bought,
    as_short,
    code_as_bought,
    in_whole_shares,
    remembered,
    rule_as_bought,
    short_findings,
)
from stratforge.strategy import StrategyError, compile_strategy

NOT_CHANGED = "A strategy that only goes short is not changed from words, nor is another one made into it: decline, and say that its code is changed by hand, or that it can be asked for anew."


def examined_short(draft: StrategyDraft, request: Request) -> tuple[StrategyDraft, StrategyDraft, list[str]]:
    """Judges a draft whose code goes short.

    Returns:
        The draft as it was judged and as it is shown once it has passed, with what the person is told of its readings; and its faults.
    """
    if not request.whole:
        return draft, draft, [NOT_CHANGED]
    turns = (*request.earlier, request.text)
    code, faults = code_as_bought(draft.python_code)
    faults += short_findings(turns, draft.requirements, draft.symbol)
    faults += remembered(draft.python_code, draft.requirements)
    if faults:
        return draft, draft, faults
    try:
        strategy = compile_strategy(code)
        _ = strategy.lookback
    except StrategyError as error:
        return draft, draft, [str(finding) for finding in error.findings]
    image = _image(draft, code)
    asked = Request(
        as_bought(request.text),
        request.whole,
        request.before,
        tuple(map(as_bought, request.earlier)),
        request.timeframe,
    )
    judged, shown = told(image, strategy, asked)
    quotes = [(as_bought(each.quote), each.quote) for each in draft.requirements if each.quote]
    found = [as_short(each, quotes) for each in review(judged, strategy, asked)]
    said = [as_short(each, quotes) for each in judged.assumptions if each not in image.assumptions]
    if in_whole_shares(draft.requirements):
        said.append(PARTS_LEFT_OUT)
    judged_draft = draft.model_copy(update={"assumptions": [*draft.assumptions, *said]})
    requirements = [
        each.model_copy(update={"status": of_image.status})
        for each, of_image in zip(draft.requirements, shown.requirements, strict=True)
    ]
    return judged_draft, judged_draft.model_copy(update={"requirements": requirements}), found


def _image(draft: StrategyDraft, code: str) -> StrategyDraft:
    """The mirror image of a draft, with the mirror image of its code."""
    requirements = [
        each.model_copy(
            update={
                "quote": as_bought(each.quote),
                "meaning": as_bought(each.meaning),
                "rules": [rule_as_bought(text) for text in each.rules],
            }
        )
        for each in draft.requirements
    ]
    return draft.model_copy(
        update={
            "python_code": code,
            "requirements": requirements,
            "assumptions": [as_bought(each) for each in draft.assumptions],
            "logic_explanation": as_bought(draft.logic_explanation),
        }
    )
