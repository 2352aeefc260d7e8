"""`make bench`: runs the benchmarks (all, or those named) and prints a table of figures and ratios.

`ARGS="brackets sweep rotation universe"` are the speeds that the strategy language promises.
"""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from rich.console import Console
from rich.table import Table

NAMES = (
    "backtest",
    "brackets",
    "rotation",
    "sweep",
    "study",
    "sandbox",
    "cost",
    "bar_to_order",
    "crowd",
    "crowd_on_platform",
    "audit",
    "database",
    "forgetting",
    "ledgers",
    "ingestor",
    "universe",
    "telling",
    "api",
    "cold_starts",
)


def main() -> int:
    """Runs and prints."""
    wanted = sys.argv[1:] or list(NAMES)
    unknown = [name for name in wanted if name not in NAMES]
    console = Console()
    if unknown:
        console.print(f"there is no benchmark {unknown[0]}; there are {', '.join(NAMES)}")
        return 2
    table = Table("Benchmark", "Measured", "Compared with", "Ratio", "Wanted")
    for name in wanted:
        console.print(f"running {name} …", style="dim")
        for row in importlib.import_module(f"tests.benchmarks.{name}").run():
            table.add_row(*row)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
