"""What tests stand on, and in which order it is brought up when they run side by side."""

from __future__ import annotations

import pytest
from xdist.scheduler import LoadScopeScheduling
from xdist.workermanage import WorkerController

# Tests that stand on the same thing, by the beginning of their path, first one first: one browser with a platform, another for its stories, one platform,
# another that is killed part by part (together each two would be longer than everything else), LocalStack (which has one folder on a machine),
# synthesized stacks, the starts of whole platforms. All others go by their file.
_FOUNDATIONS = {
    "tests/browser/test_stories": "stories",
    "tests/browser/test_portfolio_stories": "stories",
    "tests/browser/test_first_minutes": "stories",
    "tests/browser/test_market_stories": "stories",
    "tests/browser/": "browser",
    "tests/e2e/test_localstack": "LocalStack",
    "tests/e2e/test_stacks_on_engines": "LocalStack",
    "tests/e2e/test_up": "starts",
    "tests/e2e/test_bar_stream": "starts",
    "tests/e2e/test_recovery": "recovery",
    "tests/e2e/": "platform",
    "tests/infrastructure/": "stacks",
}
# Without the long tests few stories are left, and a platform for them would be dearer than they are. They share the one that has less to do.
_QUICK = {"stories": "platform"}
# On each of these a platform stands, with a market that goes on.
_PLATFORMS = frozenset({"browser", "stories", "platform", "recovery", "LocalStack", "starts"})
# More at once would take so much of two cores from each other that bars come late to all of them.
_PLATFORMS_AT_ONCE = 3
# What takes longest begins first: begun last, it would have the other processes wait for its end.
_LONGEST_FIRST = (
    "browser",
    "platform",
    "recovery",
    "stacks",
    "stories",
    "tests/simulation/test_days.py",
    "tests/unit/test_requests.py",
    "LocalStack",
    "starts",
    "tests/integration/test_trading_machine.py",
    "tests/integration/test_api_contract.py",
    "tests/unit/strategy/test_lookback.py",
    "tests/unit/strategy/test_explanation.py",
    "tests/unit/test_evaluation.py",
    "tests/unit/test_cli.py",
    "tests/unit/backtest/test_short_positions.py",
)


def runs_everything(config: pytest.Config) -> bool:
    """Returns whether the long tests run too."""
    return bool(config.option.markexpr != "not long")


def foundation_of(nodeid: str, *, everything: bool) -> str:
    """What a test stands on.

    Args:
        everything: Whether the long tests run too.
    """
    foundations = (name for beginning, name in _FOUNDATIONS.items() if nodeid.startswith(beginning))
    found = next(foundations, nodeid.split("::", 1)[0])
    return found if everything else _QUICK.get(found, found)


def turn_of(foundation: str) -> int:
    """Its place among those that begin first."""
    return _LONGEST_FIRST.index(foundation) if foundation in _LONGEST_FIRST else len(_LONGEST_FIRST)


class ByFoundation(LoadScopeScheduling):  # type: ignore[misc]
    """Gives tests that stand on the same thing to the same worker, so that it is brought up once, and no more platforms than a machine can bear at once."""

    def _split_scope(self, nodeid: str) -> str:
        return foundation_of(nodeid, everything=runs_everything(self.config))

    def _assign_work_unit(self, node: WorkerController) -> None:
        work = {
            scope for units in self.assigned_work.values() for scope, unit in units.items() if not all(unit.values())
        }
        if len(work & _PLATFORMS) >= _PLATFORMS_AT_ONCE:
            # What is left at the end may stand on platforms all the same: whoever asks gets something.
            scope = next((each for each in self.workqueue if each not in _PLATFORMS), next(iter(self.workqueue)))
            self.workqueue.move_to_end(scope, last=False)
        super()._assign_work_unit(node)
