"""What runs here as it is shipped has nothing that its deployment has not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def test_a_module_gets_its_arguments_and_nothing_that_is_not_shipped(tmp_path: Path) -> None:
    (tmp_path / "service.py").write_text(
        "import sys\ntry:\n    import pyarrow\nexcept ImportError:\n    print('none', __name__, sys.argv[1:])\n"
    )
    said = subprocess.run(
        [sys.executable, "-m", "local_platform.as_shipped", "service", "--port", "1"],
        env={"PYTHONPATH": f"localstack:{tmp_path}"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert said.stdout == "none __main__ ['--port', '1']\n"
