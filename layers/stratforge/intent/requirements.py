"""The requirements of a request, one for each thing that it asks for."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, Field


class Status(StrEnum):
    """The outcomes of a requirement: covered by code, assumed, or unsupported."""

    COVERED = "covered"
    ASSUMED = "assumed"
    UNSUPPORTED = "unsupported"


class Requirement(BaseModel):
    """One thing that the request asks for."""

    quote: str = Field(max_length=600, description="The request's own words, verbatim")
    meaning: str = Field(max_length=600, description="What it means in the strategy language, in plain words")
    status: Status = Field(
        description="covered: the lines do just this. assumed: something was read into the words. unsupported: the language cannot do it"
    )
    lines: list[int] = Field(
        default_factory=list,
        description="The lines of the code that do it, counted from 1; its constants and columns too",
    )
