"""Findings about a strategy's source: the place, the fault, and what to write instead."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum


class Code(StrEnum):
    """The kinds of findings about a strategy's source."""

    SYNTAX = "syntax"
    TOO_LARGE = "too-large"
    NOT_IN_LANGUAGE = "not-in-language"
    IMPORT = "import"
    UNKNOWN_NAME = "unknown-name"
    UNKNOWN_FIELD = "unknown-field"
    UNKNOWN_FUNCTION = "unknown-function"
    ARGUMENT = "argument"
    TYPE = "type"
    LOOK_AHEAD = "look-ahead"
    UNBOUNDED = "unbounded"
    UNASSIGNED = "unassigned"
    STRUCTURE = "structure"
    NUMBER = "number"


@dataclass(frozen=True, slots=True)
class Finding:
    """One reason why a source is refused. Lines count from 1, columns from 1."""

    line: int
    column: int
    code: Code
    message: str
    suggestion: str

    def __str__(self) -> str:
        return f"{self.line}:{self.column} {self.code}: {self.message}. {self.suggestion}".rstrip()

    def as_dict(self) -> dict[str, object]:
        """The finding as plain data, for JSON."""
        return asdict(self)


class StrategyError(ValueError):
    """The source is not a strategy. `findings` holds every reason, in order of appearance."""

    def __init__(self, findings: list[Finding]) -> None:
        self.findings = tuple(sorted(findings, key=lambda finding: (finding.line, finding.column)))
        super().__init__("\n".join(str(finding) for finding in self.findings))
