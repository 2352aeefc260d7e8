"""One deadline for all that a job asks of models: what is left of it bounds every call, every pause and every repair."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment until which an answer is of use.

    Attributes:
        ends: By `time.monotonic`, in seconds.
    """

    ends: float

    @classmethod
    def in_seconds(cls, seconds: float) -> Deadline:
        """The deadline that many seconds from now, on this process's clock."""
        return cls(monotonic() + seconds)

    @property
    def left(self) -> float:
        """Seconds until then; none when it is past."""
        return max(0.0, self.ends - monotonic())


# Longer than any function runs: for those who wait by themselves.
PATIENT = 900.0
