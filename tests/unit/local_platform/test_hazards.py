"""A clock that jumps and a disk that fills."""

from __future__ import annotations

from pathlib import Path

from local_platform.hazards import NEEDED_BYTES, Clock, Disk


class Hands:
    """Two clocks by hand."""

    def __init__(self) -> None:
        self.wall, self.steady = 1_000_000.0, 50.0

    def clock(self) -> Clock:
        return Clock(lambda: self.wall, lambda: self.steady)

    def pass_(self, seconds: float, jump: float = 0.0) -> None:
        self.wall += seconds + jump
        self.steady += seconds


def test_a_clock_that_goes_its_way_does_not_jump() -> None:
    hands = Hands()
    clock = hands.clock()
    for _ in range(100):
        hands.pass_(3600.0, 0.001)
        assert clock.jump() == 0.0


def test_a_jump_is_told_once_with_its_direction() -> None:
    hands = Hands()
    clock = hands.clock()
    hands.pass_(1.0, -7200.0)
    assert round(clock.jump()) == -7200
    assert clock.jump() == 0.0
    hands.pass_(1.0, 30.0)
    assert round(clock.jump()) == 30


def test_a_disk_tells_when_it_fills_and_when_there_is_room_again(tmp_path: Path) -> None:
    free = [NEEDED_BYTES * 2]
    disk = Disk(tmp_path, lambda _folder: free[0])
    assert (disk.changed(), disk.full) == (False, False)
    free[0] = NEEDED_BYTES - 1
    assert (disk.changed(), disk.full) == (True, True)
    assert (disk.changed(), disk.full) == (False, True)
    free[0] = NEEDED_BYTES
    assert (disk.changed(), disk.full) == (True, False)
