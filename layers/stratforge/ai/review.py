"""The gates after the compiler: a draft must run, its explanation must say what its code does, and both must be what was asked for."""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.framing import Framed
from stratforge.ai.prompts import Request
from stratforge.intent.deeds import deeds_lost
from stratforge.intent.gate import contract_findings, readings_to_tell, rules_of
from stratforge.intent.other_symbols import unexplained
from stratforge.intent.program import constants_of
from stratforge.intent.requirements import Requirement, Status
from stratforge.intent.rotation.gate import rotation_findings, rotation_told
from stratforge.intent.rotation.rules import is_rotation_rule
from stratforge.intent.rules import read_rule
from stratforge.intent.sides import explained_otherwise
from stratforge.intent.unfounded import unfounded
from stratforge.intent.written_rules import beyond_told, nowhere
from stratforge.strategy import Strategy, StrategyError, compile_strategy
from stratforge.strategy.explanation import explain
from stratforge.strategy.rotation import PortfolioStrategy

# How people call an indicator when they do not use its name.
_ALSO_CALLED = {
    "sma": ("average", "mean", "durchschnitt", "moyenne", "media", "média"),
    "ema": ("average", "durchschnitt", "moyenne", "media", "média"),
    "wma": ("average",),
    "hma": ("average",),
    "rma": ("average",),
    "dema": ("average",),
    "tema": ("average",),
    "bbands": ("bollinger", "band"),
    "donchian": ("channel", "high", "low", "breakout"),
    "atr": ("true range", "volatility"),
    "stoch": ("stochastic",),
    "roc": ("rate of change", "momentum"),
    "mom": ("momentum",),
    "stdev": ("deviation", "volatility"),
    "kc": ("keltner",),
    "psar": ("parabolic",),
    "supertrend": ("super trend",),
    "willr": ("williams",),
    "obv": ("on-balance", "on balance"),
    "vwap": ("volume-weighted", "volume weighted"),
    "cross": ("cross",),
}


def review(draft: StrategyDraft, strategy: Strategy, request: Request) -> list[str]:
    """Lists the faults of a draft that compiled; empty if there are none.

    Args:
        request: What was asked for, in the person's words.
    """
    framed = Framed.of(draft, request)
    contract = contract_findings(
        framed.request,
        framed.requirements,
        strategy,
        framed.assumptions,
        whole=request.whole,
        symbol=draft.symbol,
        before=_of_one_symbol(request.before),
        earlier=framed.earlier,
        traded=request.traded,
    )
    contract += framed.findings(draft)
    explained = explained_otherwise(draft.logic_explanation, [read_rule(each) for each in rules_of(draft.requirements)])
    taken, _ = _taken(draft, request)
    return [*contract, *explained, *by_the_code(draft, strategy, request, taken)]


def by_the_code(
    draft: StrategyDraft, strategy: Strategy | PortfolioStrategy, request: Request, taken: Sequence[str]
) -> list[str]:
    """Lists the points on which the lines, the explanation and the parameters of a draft do not agree with its code; `taken` are assumptions that explain nothing."""
    words = [request.text, *request.earlier]
    rules, formal = explain(strategy), [text for each in draft.requirements for text in each.rules]
    if isinstance(strategy, PortfolioStrategy):
        # It names its symbols itself.
        symbols, others = strategy.symbols, list[str]()
    else:
        symbols = (draft.symbol,)
        others = list(unexplained(draft.logic_explanation, strategy, draft.symbol, words))
    return [
        *others,
        *nowhere(rules, draft.requirements),
        *unfounded(draft.logic_explanation, rules, [*words, *formal], symbols),
        *_explanation(_without(draft, taken)),
        *_parameters(draft, strategy),
    ]


def review_portfolio(draft: StrategyDraft, strategy: PortfolioStrategy, request: Request) -> list[str]:
    """Lists the faults of a draft of a portfolio strategy that compiled; empty if there are none."""
    contract = rotation_findings(
        request.text,
        draft.requirements,
        strategy,
        draft.assumptions,
        before=request.before,
        earlier=request.earlier,
    )
    taken = rotation_told(request.text, draft.requirements, strategy, before=request.before, earlier=request.earlier)
    return [*contract, *by_the_code(draft, strategy, request, taken)]


def told_of_portfolio(
    draft: StrategyDraft, strategy: PortfolioStrategy, request: Request
) -> tuple[StrategyDraft, StrategyDraft]:
    """Adds to the draft of a portfolio how words were taken that the strict reading does not know; see `told`."""
    if not all(map(is_rotation_rule, (text for each in draft.requirements for text in each.rules))):
        return draft, draft
    taken = rotation_told(request.text, draft.requirements, strategy, before=request.before, earlier=request.earlier)
    judged = _with(draft, taken)
    beside = beyond_told(explain(strategy), draft.requirements)
    if not taken:
        return judged, _with(judged, beside)
    marked = [
        each.model_copy(update={"status": Status.ASSUMED})
        if each.status is Status.COVERED
        and any(said.startswith(f"“{each.quote.strip()}” is read as: ") for said in taken)
        else each
        for each in draft.requirements
    ]
    return judged, _with(judged.model_copy(update={"requirements": marked}), beside)


def told(draft: StrategyDraft, strategy: Strategy, request: Request) -> tuple[StrategyDraft, StrategyDraft]:
    """Adds to a draft's assumptions how words were taken that the strict reading does not know, and what code before it did and this does not.

    Returns:
        The draft to be judged, and as it is shown once it has passed: with the requirements of such words called assumed, and with what the code does
        at places that no requirement names.
    """
    taken, marked = _taken(draft, request)
    judged = _with(draft, [*taken, *_lost(strategy, request, draft.symbol)])
    shown = judged.model_copy(update={"requirements": marked})
    return judged, _with(shown, beyond_told(explain(strategy), draft.requirements))


def _with(draft: StrategyDraft, taken: Sequence[str]) -> StrategyDraft:
    """The draft that tells how its words were taken, too."""
    return draft.model_copy(update={"assumptions": list(dict.fromkeys([*draft.assumptions, *taken]))})


def _without(draft: StrategyDraft, taken: Sequence[str]) -> StrategyDraft:
    """The draft as its author explains it: what is told of a reading is made from the rules, and explains nothing."""
    return draft.model_copy(update={"assumptions": [each for each in draft.assumptions if each not in taken]})


def _of_one_symbol(before: tuple[str, ...] | None) -> tuple[str, ...] | None:
    """The rules that stood, where they are those of a strategy of one symbol."""
    return None if before is None or any(map(is_rotation_rule, before)) else before


def _taken(draft: StrategyDraft, request: Request) -> tuple[list[str], list[Requirement]]:
    framed = Framed.of(draft, request)
    taken, marked = readings_to_tell(
        framed.request, framed.requirements, framed.assumptions, symbol=draft.symbol, earlier=framed.earlier
    )
    return [*taken, *(each for each in framed.days_told(draft) if each not in taken)], framed.marked(draft, marked)


def _lost(strategy: Strategy, request: Request, symbol: str) -> list[str]:
    """The sentences that tell a person what a change of code whose rules nobody knows does otherwise, found by trial."""
    if request.code is None:
        return []
    try:
        old = compile_strategy(request.code)
    except StrategyError:
        return []
    if old.bar_minutes != strategy.bar_minutes:
        return []
    holds, buys = deeds_lost(old, strategy, around_the_clock="/" in symbol)
    sentences = ((holds, "It holds in places where the code before sold."), (buys, "It buys in places where the code before did not."))  # fmt: skip
    return [sentence for so, sentence in sentences if so]


def _explanation(draft: StrategyDraft) -> list[str]:
    """Indicators and numbers of the code that neither explanation nor assumptions mention."""
    meanings = [each.meaning for each in draft.parameters]
    text = " ".join([draft.logic_explanation, *draft.assumptions, *meanings]).lower()
    # 1,000 and, where it is written so, 2,5.
    said = {float(each) for form in ("", ".") for each in re.findall(r"\d+(?:\.\d+)?", text.replace(",", form))}
    tree = ast.parse(draft.python_code)
    findings = []
    for name in sorted(_indicators(tree)):
        # Not “theatre” for atr; a name may be in the plural or have its length behind it, and other words for it may go on.
        names = "|".join(re.escape(each) for each in (name, name.replace("_", " ")))
        words = "|".join(_ALSO_CALLED.get(name, ())) or "(?!)"
        if not re.search(rf"(?<![a-z])(?:(?:{names})s?(?![a-z])|(?:{words}))", text):
            findings.append(f"The code uses ta.{name}, and the explanation does not mention it.")
    for name, value in constants_of(tree).items():
        # A percentage may be said as one.
        if not {value, abs(value), round(abs(value) * 100, 6), round(abs(1 - value) * 100, 6)} & said:
            findings.append(f"The code has {name} = {value:g}, and the explanation does not mention {abs(value):g}.")
    return findings


def _parameters(draft: StrategyDraft, strategy: Strategy | PortfolioStrategy) -> list[str]:
    """Parameters that the answer lists and the code does not have so."""
    findings = []
    for each in draft.parameters:
        value = strategy.parameters.get(each.name)
        if value is None:
            findings.append(f"parameters lists {each.name}, and the code has no such constant.")
        elif value != each.value:
            findings.append(f"parameters says {each.name} = {each.value:g}, and the code has {value:g}.")
    return findings


def _indicators(tree: ast.Module) -> set[str]:
    return {
        node.func.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id == "ta"
    }
