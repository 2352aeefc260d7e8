"""The tour: five steps through the pages, each with what there is to see; which one somebody is at is kept in his browser alone."""

from __future__ import annotations

from dataclasses import dataclass

from fastapi import Request

COOKIE = "stratforge_tour"
ENDED = "ended"
_EXAMPLE = "Buy MSFT when the 10-bar average crosses above the 30-bar average, sell when it crosses below"


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the tour.

    Attributes:
        address: The page that it leads to; None for that of the user's own first session, or the gallery where he has none.
        pages: What the addresses begin with on which it is shown: those where one does what it says.
    """

    address: str | None
    pages: tuple[str, ...]
    title: str
    text: str


STEPS = (
    Step("/", (), "Where you stand", "Equity, what each session made, what you hold, and what wants to be looked at. It moves by itself."),
    Step(None, ("/sessions/", "/gallery"), "Why it trades, or does not", "Each rule with its numbers now, met or not, computed by the strategy's own code. Click on a bar for how it stood then."),
    Step("/trades", ("/trades",), "Explain this trade", "Press “Why?” at a trade: the bar, the rule, the order, its netting, the fill, and what it cost against the price it was decided on."),
    Step(f"/strategies/new?prompt={_EXAMPLE.replace(' ', '+')}", ("/strategies/", "/backtests/", "/sessions/"), "Describe, test, run", "Say it in your own words and press “Write the strategy”. You get its rules and code, a preview at once, a backtest, and “Run it”."),
    Step("/leaderboard", ("/leaderboard",), "What others run", "Sessions that people show, ranked by risk-adjusted return; every figure is verified by a replay. That was the tour."),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """A step as a page shows it: which of them it is, from one."""

    number: int
    step: Step


def step_of(number: str) -> Shown | None:
    """The step of a number as an address or a cookie has it; None where there is none."""
    return next((Shown(at, step) for at, step in enumerate(STEPS, start=1) if str(at) == number), None)


def reached(request: Request) -> Shown | None:
    """The step that the visitor is at; None before the tour, after it, or when it was skipped."""
    return step_of(request.cookies.get(COOKIE, ""))


def shown(request: Request) -> Shown | None:
    """The step that the visitor is at, where the page is one of it; None on all others, which have the tour wait at home."""
    at, path = reached(request), request.url.path
    return at if at and (path == at.step.address or path.startswith(at.step.pages)) else None


def offered(request: Request) -> bool:
    """Returns whether the visitor was never asked."""
    return COOKIE not in request.cookies
