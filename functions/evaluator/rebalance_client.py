"""Asking the sandbox function what portfolio strategies decide at one moment."""

from __future__ import annotations

import json
from array import array
from base64 import b64decode
from collections.abc import Sequence

import numpy as np
from stratforge.application.session_windows import SandboxFailed
from stratforge.storage.strategies.rebalances import Asking, Said
from stratforge.strategy.batch import Program, Sessions
from stratforge.strategy.evaluation import STATE_LIMIT
from stratforge.strategy.rotation.batch import encode_windows
from stratforge.strategy.rotation.seen import Windows

from functions.evaluator.sandbox_client import (
    MAX_PAYLOAD_BYTES,
    MAX_SECONDS,
    Part,
    asked,
    json_bytes,
    program_of,
    tabled,
)

# The frame of a request, generously.
_ROOM = 1 << 16
_MAX_SESSIONS = 200
# Weights together, but for rounding.
_MOST = 1.0 + 1e-9


def decide_rebalances(
    function_name: str, windows: Windows, universe: int, sessions: Sequence[Asking], seconds: float = MAX_SECONDS
) -> list[Said]:
    """Has each session's strategy decide in the sandbox at the moment of the windows.

    Args:
        function_name: The sandbox.
        windows: The bars of the symbols that all of them look at, in the order in which their strategies name them.
        universe: How many of these they may hold, the first ones.
        sessions: The sessions.
        seconds: What a batch may take.

    Returns:
        What each said. A session that the sandbox had no time for has said nothing: nothing counts against it.

    Raises:
        SandboxFailed: if the function itself failed, or the bars are more than it takes.
    """
    bars = json.dumps(encode_windows(windows, universe))
    found: list[Said] = []
    asking: list[Asking] = []
    programs = []
    for each in sessions:
        try:
            programs.append(program_of(each.session))
        except ValueError as error:
            found.append(Said(each, None, each.session.state, str(error)[:500]))
        else:
            asking.append(each)
    left = MAX_PAYLOAD_BYTES - len(bars) - _ROOM
    start = 0
    while start < len(asking):
        end, size = start, 0
        while end < len(asking) and end - start < _MAX_SESSIONS:
            size += _bytes_of(programs[end], asking[end], universe)
            if size > left and end > start:
                break
            end += 1
        if size > left and end == start + 1:
            raise SandboxFailed(f"the bars of {len(windows.bars)} symbols are more than the sandbox takes")
        part = Part(len(bars), seconds=seconds)
        part.asked = list(range(start, end))
        part.programs, program_places = tabled(programs[start:end])
        names, names_places = tabled([tuple(each.session.state) for each in asking[start:end]])
        _, owner_places = tabled([each.session.user_id.int for each in asking[start:end]])
        numbers = array("d")
        for each in asking[start:end]:
            numbers.extend((each.equity, each.cash, *each.weights, *each.session.state.values()))
        places = array("i", np.array((program_places, names_places, owner_places), dtype="<i4").T.tobytes())
        part.sessions = Sessions([each.hash for each in part.programs], names, places, numbers)
        found += _understood(asked(function_name, bars, part), asking[start:end], universe)
        start = end
    return found


def _bytes_of(program: Program, asking: Asking, universe: int) -> int:
    """Bytes that a session takes of a request at most, as if it shared nothing with others: its program, the names of its state, and its numbers, of which three are 32 characters."""
    names = tuple(asking.session.state)
    return program.bytes + json_bytes(names) + 1 + 48 + 11 * (universe + 2 + len(names))


def _understood(answer: dict[str, object], asking: Sequence[Asking], universe: int) -> list[Said]:
    names = answer["names"]
    assert isinstance(names, list)
    places = np.frombuffer(b64decode(str(answer["places"])), dtype="<i4").reshape(-1, 2).tolist()
    numbers = np.frombuffer(b64decode(str(answer["numbers"])), dtype="<f8").tolist()
    errors = answer["errors"]
    assert isinstance(errors, dict)
    found = [
        Said(asking[int(place)], None, asking[int(place)].session.state, str(error)[:500])
        for place, error in errors.items()
    ]
    start = 0
    for place, key in places:
        decided, *weights = numbers[start : start + 1 + universe]
        values = numbers[start + 1 + universe : start + 1 + universe + len(names[key])]
        if len(weights) != universe or len(values) != len(names[key]) or sum(weights) > _MOST or min(weights) < 0:
            raise SandboxFailed("the sandbox failed: it gives no weights")
        state = {name: value for name, value in zip(names[key], values, strict=True) if abs(value) <= STATE_LIMIT}
        found.append(Said(asking[place], tuple(weights) if decided else None, state))
        start += 1 + universe + len(names[key])
    return found
