"""The library of the functions is imported once for all of them: one that hangs holds up nobody for ever."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from local_platform.function_host.host import ForkServer

from tests.integration.test_function_host import define, host_of, invocation, run


def test_a_library_whose_import_hangs_is_ended_and_its_place_is_free(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of the layers as of the handler: whoever asks next has it imported anew."""
    begun = tmp_path / "begun"
    package = tmp_path / "layer" / "stratforge"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text(
        f"import pathlib, time\nbegun = pathlib.Path({str(begun)!r})\nwas = begun.exists()\nbegun.touch()\n"
        "while not was:\n    time.sleep(0.01)\n"
    )
    layered = replace(define(tmp_path / "code"), layers=(str(tmp_path / "layer"),))
    monkeypatch.setattr("local_platform.function_host.environments.OPEN_SECONDS", 8.0)
    server = ForkServer(import_seconds=0.5)
    server.start()

    async def asked() -> tuple[tuple[int, bytes], int]:
        host = host_of(layered, server)
        first = await host.invoke(invocation({}, seconds=60))
        for _ in range(20):
            if begun.exists():
                break
            # On a busy machine it was ended before it had begun to hang.
            first = await host.invoke(invocation({}, seconds=60))
        # What is imported now does not hang: however busy the machine, it is waited for.
        server.import_seconds = 60.0
        monkeypatch.setattr("local_platform.function_host.environments.OPEN_SECONDS", 120.0)
        return first, (await host.invoke(invocation({}, seconds=60)))[0]

    try:
        (status, answer), again = run(asked())
    finally:
        server.stop()
    assert (status, json.loads(answer)["errorType"]) == (500, "Runtime.ExitError")
    assert again == 200
