"""Errors on pages: a notice beside the form, a page of its own, or the way to the login."""

from __future__ import annotations

from fastapi import Request, Response

from functions.api.dashboard.access import login_address
from functions.api.dashboard.rendering import go_to, render
from functions.api.problems import Problem

_API = ("/api/", "/internal/", "/healthz", "/livez", "/static/", "/llms.txt")


def is_page(request: Request) -> bool:
    """Returns whether the answer is shown to a person as a page."""
    path = request.url.path
    return not path.startswith(_API) and (
        bool(request.headers.get("HX-Request")) or "text/html" in request.headers.get("accept", "")
    )


def shown(request: Request, problem: Problem) -> Response:
    """Shows a problem to a person: as a page, or as a notice on the page that asked."""
    if not request.headers.get("HX-Request"):
        return render(request, "error.html", problem.status, problem=problem)
    answer = render(request, "parts/notice.html", problem.status, problem=problem)
    answer.headers["HX-Retarget"] = "#notices"
    answer.headers["HX-Reswap"] = "innerHTML show:none"
    # What a page's own script can do about it, it hears by the problem's name.
    answer.headers["HX-Trigger"] = problem.code
    return answer


def to_login(request: Request) -> Response:
    """The way to the login, and back."""
    return go_to(request, login_address(request))
