"""Requests that only go short, written as their mirror image is; see `stratforge.intent.shorts`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from stratforge.intent.requirements import Requirement
from stratforge.intent.shorts import (
    IN_WHOLE_SHARES,
    NEVER_MADE,
    OPT_IN,
    as_bought,
    as_short,
    code_as_bought,
    code_as_short,
    quoted,
    remembered,
    rule_as_short,
    short_findings,
    speaks_of_shorts,
)

_DECLINED = {"kind": "decline", "name": "Not written", "python_code": "", "plan": "", "logic_explanation": "", "requirements": [], "parameters": [], "assumptions": []}  # fmt: skip
_BY_HAND = "A strategy that goes short is not changed from words: change its code yourself, or ask for the whole anew."
BY_PRICE = "What is said of a short position by a way of its price is not written from words: say it as a profit or a loss in percent, or write the code yourself, with short() and cover()."

_REMEMBERS = "Prices of an earlier day or of the day's opening are not looked at by a short strategy that is written from words together with a profit or a loss: leave one of them out, or write the code yourself, with short() and cover()."


def short_answer(requests: Sequence[str], write: Callable[[Sequence[str]], dict[str, Any]]) -> dict[str, Any] | None:
    """The answer to a conversation in which a person goes short and nothing else; None for others.

    Args:
        requests: What the person said, turn by turn.
        write: Writes the answer to others.
    """
    standing = short_answer(requests[:-1], write) if len(requests) > 1 else None
    if standing is not None and (standing["kind"] == "strategy" or standing["questions"] == [_BY_HAND]):
        return {**standing, **_DECLINED, "questions": [_BY_HAND]}
    if not speaks_of_shorts(requests):
        return None
    images = [as_bought(each) for each in requests]
    found = write(images)
    if found["symbol"] == "PORTFOLIO":
        return None
    quotes = list(zip(images, requests, strict=True))
    if found["kind"] != "strategy" or not found["python_code"]:
        return {**found, "questions": [_asked(each, found["symbol"], quotes) for each in found["questions"]]}
    requirements = [_of_short(each, requests) for each in found["requirements"]]
    code = code_as_short(found["python_code"])
    wanted = [Requirement.model_validate(each) for each in requirements]
    faults = [*code_as_bought(code)[1], *short_findings(requests, wanted, found["symbol"])]
    if not faults and any(remembered(code, wanted)):
        return {**found, **_DECLINED, "questions": [_REMEMBERS]}
    if faults:
        return {**found, **_DECLINED, "questions": [_why(found["symbol"], " ".join(faults))]}
    quotes += [(each["quote"], own["quote"]) for each, own in zip(found["requirements"], requirements, strict=True)]
    texts = {name: as_short(found[name], quotes) for name in ("name", "plan", "logic_explanation")}
    told = [*(as_short(each, quotes) for each in found["assumptions"]), OPT_IN]
    meant = [{**each, "meaning": as_short(each["meaning"], quotes)} for each in found["parameters"]]
    return {
        **found,
        **texts,
        "python_code": code,
        "requirements": requirements,
        "parameters": meant,
        "assumptions": told,
    }


def _asked(question: str, symbol: str, quotes: Sequence[tuple[str, str]]) -> str:
    """A question as it is asked of a short strategy; what is proposed for buying is no proposal for going short."""
    if question.startswith("Which rule should it follow?"):
        return f"When should it go short, and when should it cover? For example: “Short {symbol} when the RSI is above 70 and cover when it is below 50”."
    return as_short(question, quotes)


def _why(symbol: str, faults: str) -> str:
    if "/" in symbol:
        return f"{symbol} cannot be sold short: only stocks can."
    if NEVER_MADE in faults:
        return f"At a profit of 100 % and more nothing would be covered: {NEVER_MADE}. Which profit is meant?"
    return f"{IN_WHOLE_SHARES}. How many are meant?" if IN_WHOLE_SHARES in faults else BY_PRICE


def _of_short(requirement: dict[str, Any], requests: Sequence[str]) -> dict[str, Any]:
    """A requirement in the person's own words."""
    image = requirement["quote"]
    said = next((each for each in requests if image and image in as_bought(each)), None)
    quote = image if said is None else quoted(said, image)
    rules = [rule_as_short(each) for each in requirement["rules"]]
    return {
        **requirement,
        "quote": quote,
        "meaning": as_short(requirement["meaning"], [(image, quote)]),
        "rules": rules,
    }
