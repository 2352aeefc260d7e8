"""The requirements of a request, one for each thing that it asks for."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field


class Status(StrEnum):
    """The outcomes of a requirement.

    `covered` by code, `assumed` where something was read into the words, `unsupported` where the language cannot do it, `kept` where it stands
    since an earlier strategy, and `superseded` where the person corrected it before any strategy was written.
    """

    COVERED = "covered"
    ASSUMED = "assumed"
    UNSUPPORTED = "unsupported"
    KEPT = "kept"
    SUPERSEDED = "superseded"


# Requirements of earlier strategies, and of words that were corrected: nothing of this turn stands on them.
SETTLED = frozenset({Status.KEPT, Status.SUPERSEDED})


class Requirement(BaseModel):
    """One thing that the request asks for."""

    quote: str = Field(
        max_length=600,
        description="The request's own words, verbatim; empty for what it does not ask for and the strategy needs (then it is assumed), and for what is kept",
    )
    meaning: str = Field(max_length=600, description="What it means in the strategy language, in plain words")
    status: Status = Field(
        description="covered: the lines do just this. assumed: something was read into the words, or it was not asked for. unsupported: the language "
        "cannot do it. kept: it stands since an earlier strategy. superseded: words of an open turn that a later turn corrects, with the rules they would have been"
    )
    rules: list[str] = Field(
        default_factory=list,
        max_length=12,
        description="What it means as formal rules; all rules together say everything the code does",
    )
    lines: list[int] = Field(
        default_factory=list,
        description="The lines of the code that do it, counted from 1; its constants and columns too",
    )
