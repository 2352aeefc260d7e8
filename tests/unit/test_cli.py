"""The command `stratforge`."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tomllib
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pandas as pd
import pytest
from stratforge import cli
from stratforge.client import Client
from stratforge.strategy.lookback import _random_history
from stratforge.tables import print_answer

CROSS = """
FAST, SLOW = 5, 20
def indicators(bars):
    return {"fast": ta.sma(bars.close, length=FAST), "slow": ta.sma(bars.close, length=SLOW)}
def on_bar(bar, position, state):
    if position.quantity == 0 and bar.fast > bar.slow:
        return buy()
    if position.quantity > 0 and bar.fast < bar.slow:
        return sell()
"""


@pytest.fixture
def strategy(tmp_path: Path) -> Path:
    """A strategy's file."""
    path = tmp_path / "cross.py"
    path.write_text(CROSS)
    return path


@pytest.fixture
def bars(tmp_path: Path) -> Path:
    """A CSV file with odd column names."""
    columns = _random_history(2, 800, 0.002, 20.0)
    frame = pd.DataFrame({name.upper(): getattr(columns, name) for name in ("open", "high", "low", "close", "volume")})
    frame.insert(0, "Timestamp", pd.to_datetime(columns.time, unit="s").strftime("%Y-%m-%dT%H:%M:%SZ"))
    path = tmp_path / "bars.csv"
    frame.to_csv(path, index=False)
    return path


def test_check_tells_what_a_strategy_is_made_of(strategy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(strategy), "--json"]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["indicators"] == ["fast", "slow"]
    assert answer["parameters"] == {"FAST": 5, "SLOW": 20}
    assert 20 <= answer["lookback"] <= 30


def test_check_shows_the_cost_and_what_it_goes_to(strategy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(strategy), "--json"]) == 0
    cost = json.loads(capsys.readouterr().out)["cost"]
    assert 0 < cost["milliseconds"] < 1
    assert cost["operations"] > 2
    assert cli.main(["check", str(strategy), "--cost"]) == 0
    told = capsys.readouterr().out
    assert f"{cost['operations']:,} operations" in told
    assert "ms a bar of 20" in told
    assert told.count("ms  ta.sma(") == 2


def test_check_says_what_the_code_does(strategy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(strategy), "--json"]) == 0
    rules = json.loads(capsys.readouterr().out)["rules"]
    assert {each["does"] for each in rules} == {"buy", "sell"}
    assert cli.main(["check", str(strategy), "--rules"]) == 0
    told = capsys.readouterr().out
    assert all(f"line {each['line']:<5}  {each['text']}\n" in told for each in rules)


def test_check_refuses_with_places_and_exit_code_1(strategy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    strategy.write_text(CROSS.replace("bars.close", "bars.close.shift(-1)", 1))
    assert cli.main(["check", str(strategy)]) == 1
    assert f"{strategy}:4:" in capsys.readouterr().out


def test_backtest_prints_one_json_object_and_draws(
    strategy: Path, bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("plot.png", "plot.html"):
        arguments = [
            "backtest",
            str(strategy),
            "--bars",
            str(bars),
            "--json",
            "--set",
            "FAST=3",
            "--plot",
            str(tmp_path / name),
        ]
        assert cli.main(arguments) == 0
        answer = json.loads(capsys.readouterr().out)
        assert answer["metrics"]["bars"] == 800
        assert answer["assumptions"]
        assert (tmp_path / name).stat().st_size > 10_000


def test_it_decides_from_a_day_on_and_knows_the_bars_before(
    rotation: Path, strategy: Path, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*arguments: object) -> dict[str, Any]:
        assert cli.main([*map(str, arguments), "--json"]) == 0
        return dict(json.loads(capsys.readouterr().out))

    shares = rotation.parent / "daily" / "AAPL.csv"
    report = run("backtest", strategy, "--bars", shares, "--since", "2023-06-01")
    begin = datetime(2023, 6, 1, tzinfo=ZoneInfo("America/New_York")).timestamp()
    assert report["curve"]["time"][0] == begin
    assert all(None not in each["values"] for each in report["curve"]["indicators"])
    point = run("sweep", strategy, "--bars", shares, "--since", "2023-06-01", "--range", "FAST=3,4", "--processes", 1)
    alone = run("backtest", strategy, "--bars", shares, "--since", "2023-06-01", "--set", "FAST=4")
    assert point["results"][1]["final_equity"] == pytest.approx(alone["metrics"]["final_equity"])
    folder = rotation.parent / "daily"
    rotated = run("backtest", rotation, "--bars", folder, "--since", "2023-06-01")
    assert rotated["curve"]["time"][0] == begin
    ranged = run("sweep", rotation, "--bars", folder, "--since", "2023-06-01", "--range", "TOP=1,2", "--processes", 1)
    assert ranged["results"][0]["final_equity"] == pytest.approx(rotated["metrics"]["final_equity"])
    assert cli.main(["backtest", str(strategy), "--bars", str(bars), "--since", "2099-01-01"]) == 2
    assert "no bars in this period" in capsys.readouterr().err


def test_the_bars_of_another_symbol_are_given_beside_its_own(
    rotation: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own, other, *_ = sorted((rotation.parent / "daily").glob("*.csv"))
    looking = tmp_path / "looking.py"
    looking.write_text(
        'LENGTH = 5\ndef indicators(bars):\n    spy = bars.of("SPY")\n    return {"spy": spy.close, "mean": ta.sma(spy.close, LENGTH)}\n'
        "def on_bar(bar, position, state):\n    if position.quantity == 0 and bar.spy > bar.mean:\n        return buy()\n    if position.quantity > 0 and bar.spy < bar.mean:\n        return sell()\n"
    )
    assert cli.main(["check", str(looking), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["looked_at"] == ["SPY"]
    asked = ["backtest", str(looking), "--bars", str(own), "--json"]
    assert cli.main([*asked, "--bars-of", f"SPY={other}"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["metrics"]["trades"] > 10
    swept = ["sweep", str(looking), "--bars", str(own), "--bars-of", f"SPY={other}", "--range", "LENGTH=4,5", "--json", "--processes", "1"]  # fmt: skip
    assert cli.main(swept) == 0
    results = json.loads(capsys.readouterr().out)["results"]
    assert results[1]["final_equity"] == pytest.approx(report["metrics"]["final_equity"])
    for wrong, why in ((asked, "--bars-of SPY=FILE"), ([*asked, "--bars-of", "spy.csv"], "is not SYMBOL=FILE")):
        assert cli.main(wrong) == 2
        assert why in capsys.readouterr().err


def test_parquet_gives_what_csv_gives(strategy: Path, bars: Path, capsys: pytest.CaptureFixture[str]) -> None:
    frame = pd.read_csv(bars, parse_dates=["Timestamp"]).set_index("Timestamp")
    frame.to_parquet(bars.with_suffix(".parquet"))
    outputs = []
    for path in (bars, bars.with_suffix(".parquet")):
        assert cli.main(["backtest", str(strategy), "--bars", str(path), "--json"]) == 0
        outputs.append(json.loads(capsys.readouterr().out)["metrics"])
    assert outputs[0] == outputs[1]


ROTATION = """
UNIVERSE = ["BRK.B", "AAPL"]
SCHEDULE = "monthly"
TOP = 1
def indicators(bars):
    return {"momentum": bars.close.pct_change(20)}
def rebalance(universe, portfolio, state):
    return weights.equal(universe.momentum.top(TOP)) if universe.of("SPY").momentum > -1 else cash()
"""


@pytest.fixture
def rotation(tmp_path: Path) -> Path:
    """A portfolio strategy's file, beside a folder of daily bars."""
    (tmp_path / "daily").mkdir()
    for seed, symbol in enumerate(("AAPL", "BRK.B", "SPY"), 3):
        columns = _random_history(seed, 300, 0.01, 50.0)
        frame = pd.DataFrame({name: getattr(columns, name) for name in ("open", "high", "low", "close", "volume")})
        frame.insert(0, "date", pd.bdate_range("2023-01-02", periods=300).strftime("%Y-%m-%d"))
        frame.to_csv(tmp_path / "daily" / f"{symbol}.csv", index=False)
    path = tmp_path / "rotation.py"
    path.write_text(ROTATION)
    return path


def test_a_portfolio_strategy_is_checked_and_backtested(rotation: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["check", str(rotation), "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["universe"], told["looked_at"], told["schedule"]) == (["BRK.B", "AAPL"], ["SPY"], "monthly")
    assert cli.main(["check", "--cost", str(rotation)]) == 0
    assert "ms a decision" in capsys.readouterr().out
    folder = rotation.with_name("daily")
    asked = ["backtest", str(rotation), "--bars", str(folder), "--json", "--set", "TOP=2"]
    assert cli.main(asked) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["metrics"]["bars"] == 300
    assert answer["decisions"][-1]["weights"] == {"BRK.B": 0.5, "AAPL": 0.5}
    # One file with a column of symbols gives the same.
    every = [pd.read_csv(path).assign(Symbol=path.stem) for path in sorted(folder.iterdir())]
    pd.concat(every).sort_values(["date", "Symbol"]).to_csv(rotation.with_name("all.csv"), index=False)
    asked[3] = str(rotation.with_name("all.csv"))
    assert cli.main(asked) == 0
    assert json.loads(capsys.readouterr().out) == answer
    assert cli.main(["backtest", str(rotation), "--bars", str(folder)]) == 0
    assert "Held at the end" in capsys.readouterr().out
    assert (
        cli.main(["sweep", str(rotation), "--bars", str(folder), "--range", "TOP=1:2", "--folds", "2", "--json"]) == 0
    )
    swept = json.loads(capsys.readouterr().out)
    (two,) = [each for each in swept["results"] if each["parameters"] == {"TOP": 2}]
    assert two["final_equity"] == answer["metrics"]["final_equity"]
    assert len(swept["walk_forward"]) == 2


def test_what_is_not_there_for_portfolios_is_refused(
    rotation: Path, bars: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = rotation.with_name("daily")
    (folder / "SPY.csv").unlink()
    for options, code, message in (
        (["backtest", "--bars", str(folder)], 2, "has no file SPY.csv with the bars of SPY"),
        (["backtest", "--bars", str(bars)], 2, "no column symbol"),
        (["backtest", "--bars", str(folder), "--plot", "x.png"], 2, "--plot draws strategies of one symbol"),
        (["sweep", "--bars", str(folder), "--range", "TOP=1:2"], 2, "has no file SPY.csv"),
    ):
        assert cli.main([options[0], str(rotation), *options[1:]]) == code
        assert message in capsys.readouterr().err
    table = pd.read_csv(folder / "AAPL.csv").assign(symbol="AAPL")
    table.loc[7, "high"] = None
    table.to_csv(rotation.with_name("all.csv"), index=False)
    assert cli.main(["backtest", str(rotation), "--bars", str(rotation.with_name("all.csv"))]) == 2
    assert "has no bars of BRK.B, SPY" in capsys.readouterr().err
    pd.concat([table.assign(symbol="SPY")[:3], table.assign(symbol="BRK.B")[:3], table]).to_csv(
        rotation.with_name("all.csv"), index=False
    )
    assert cli.main(["backtest", str(rotation), "--bars", str(rotation.with_name("all.csv"))]) == 2
    assert "row 15: high is empty" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda text: text.replace("VOLUME", "VOL"), "no column volume"),
        (lambda text: text.replace(text.splitlines()[4].split(",")[2], "abc", 1), "row 5: high is 'abc'"),
        (
            lambda text: text.replace(text.splitlines()[7].split(",")[0], "yesterday", 1),
            "row 8: 'yesterday' is not a time",
        ),
        (lambda text: text + text.splitlines()[3] + "\n", "row 802: this time came before"),
        (lambda text: text.splitlines()[0] + "\n", "has no rows"),
        (lambda _text: "", "cannot be read"),
    ],
)
def test_bad_files_get_the_row_and_the_reason(
    strategy: Path, bars: Path, change: Callable[[str], str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    bars.write_text(change(bars.read_text()))
    assert cli.main(["backtest", str(strategy), "--bars", str(bars)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [["--set", "NOPE=3"], ["--set", "FAST"], ["--set", "FAST=-1"], ["--stop-loss", "2"], ["--plot", "x.jpg"]],
)
def test_wrong_options_are_refused_without_a_trace(strategy: Path, bars: Path, arguments: list[str]) -> None:
    assert cli.main(["backtest", str(strategy), "--bars", str(bars), *arguments]) in (1, 2)


def test_missing_files_are_named(strategy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["backtest", str(strategy), "--bars", "nowhere.csv"]) == 2
    assert "nowhere.csv" in capsys.readouterr().err
    assert cli.main(["check", "nowhere.py"]) == 2


def test_sweep_ranks_points_and_says_how_much_is_luck(
    strategy: Path, bars: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = [
        "sweep",
        str(strategy),
        "--bars",
        str(bars),
        "--range",
        "FAST=3:9:3",
        "--range",
        "SLOW=20,40",
        "--folds",
        "2",
        "--json",
    ]
    assert cli.main([*arguments, "--results", str(tmp_path / "r.jsonl")]) == 0
    answer = json.loads(capsys.readouterr().out)
    assert answer["points"] == len(answer["results"]) == 6
    assert len(answer["walk_forward"]) == 2
    assert 0 <= answer["deflated_sharpe_ratio"] <= 1
    assert cli.main(["sweep", str(strategy), "--bars", str(bars), "--range", "FAST=9:3"]) == 2


def test_the_reference_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["reference"]) == 0
    assert "ta.supertrend(" in capsys.readouterr().out


ANSWER: dict[str, Any] = {
    "items": [
        {"symbol": "AAPL", "note": "[red]no markup[/]\x1b[2J", "gone": None, "code": "a\nb"},
        {"symbol": "BTC/USD", "note": "x" * 100, "gone": None, "code": ""},
    ],
    "next": "cursor-7",
}


# A running platform -----------------------------------------------------------------------------------------------


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, ...]]:
    """What is asked of the API, with which key."""
    seen: list[tuple[str, ...]] = []

    class Recording(Client):
        def __init__(self, address: str, key: str = "") -> None:
            super().__init__(address, key)
            self._key = key

        def call(self, method: str, path: str, body: dict[str, Any] | None = None, **_query: Any) -> dict[str, Any]:
            seen.append((self._key, method, path, json.dumps(body)))
            return ANSWER

    monkeypatch.setattr("stratforge.client.Client", Recording)
    monkeypatch.setenv("STRATFORGE_API_KEY", "sfk_of_the_environment")
    return seen


def test_a_path_is_what_comes_after_the_version(asked: list[tuple[str, ...]]) -> None:
    for path in ("portfolio", "/v1/portfolio", "/api/portfolio"):
        assert cli.main(["api", "get", path]) == 0
    assert [each[2] for each in asked] == ["/v1/portfolio", "/v1/portfolio", "/api/portfolio"]


@pytest.mark.parametrize("path", ["a b", "\x00", "\u00fc"])
def test_a_path_that_is_none_is_an_error_and_no_traceback(path: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["api", "--address", "http://127.0.0.1:1", "get", path]) == 2
    assert capsys.readouterr().err.startswith("stratforge: ")


def test_a_body_comes_from_standard_input(asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO('{"name": "a"}'))
    assert cli.main(["api", "post", "strategies", "-"]) == 0
    assert asked[0][3] == '{"name": "a"}'


def test_a_strategy_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(CROSS))
    assert cli.main(["check", "-"]) == 0


def test_a_key_is_never_on_the_command_line(
    asked: list[tuple[str, ...]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        cli.main(["api", "--key", "sfk_seen_by_everybody", "get", "portfolio"])
    file = tmp_path / "key"
    file.write_text("sfk_of_a_file\n")
    cli.main(["api", "get", "portfolio"])
    cli.main(["api", "--key-file", str(file), "get", "portfolio"])
    assert [each[0] for each in asked] == ["sfk_of_the_environment", "sfk_of_a_file"]
    assert cli.main(["api", "--key-file", str(tmp_path / "none"), "get", "portfolio"]) == 2
    assert "Traceback" not in capsys.readouterr().err


def test_it_says_its_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(["--version"])
    assert ended.value.code == 0
    declared = tomllib.loads((Path(__file__).resolve().parents[2] / "pyproject.toml").read_text())["project"]["version"]
    assert capsys.readouterr().out == f"stratforge {declared}\n"


def test_a_toolset_that_there_is_not_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["mcp", "--toolsets", "market,casino"]) == 2
    assert "there is no toolset casino; there are market, " in capsys.readouterr().err


def test_programs_get_json_and_people_a_table(
    asked: list[tuple[str, ...]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.main(["api", "get", "orders"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert cli.main(["api", "--json", "get", "orders"]) == 0
    assert json.loads(capsys.readouterr().out) == ANSWER
    monkeypatch.setenv("COLUMNS", "160")
    assert cli.main(["api", "get", "orders"]) == 0
    told = capsys.readouterr().out
    assert "[red]no markup[/]" in told, "what somebody wrote is not read as markup"
    assert "\x1b[2J" not in told, "and does not clear the screen"
    assert "x" * 59 + "…" in told
    assert "gone" not in told
    assert "code" not in told
    assert "More with ?cursor=cursor-7" in told


def test_a_table_shows_lists_in_an_object_below_it(capsys: pytest.CaptureFixture[str]) -> None:
    print_answer({"equity": "100", "positions": [{"symbol": "AAPL", "quantity": "2"}], "flags": ["a", "b"]})
    told = capsys.readouterr().out
    assert [word in told for word in ("equity", "100", "positions", "AAPL", "['a', 'b']")] == [True] * 5
    print_answer({"items": [], "next": None})
    assert capsys.readouterr().out == "Nothing.\n"


def test_a_key_is_asked_for_without_showing_it(
    asked: list[tuple[str, ...]], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(cli, "getpass", lambda _prompt: "sfk_typed")
    assert cli.main(["api", "--ask", "get", "portfolio"]) == 0
    assert asked[0][0] == "sfk_typed"
    assert "sfk_typed" not in capsys.readouterr().out


@pytest.mark.parametrize("place", ["host=db password=secret", "postgresql://ada:secret@db/x"])
def test_a_password_of_the_database_is_not_taken_from_the_command_line(
    place: str, capsys: pytest.CaptureFixture[str]
) -> None:
    session = "0b9f0c3e-52a4-4c38-9f57-5d1c2f6a7e10"
    assert cli.main(["replay", session, "--database", place]) == 2
    told = capsys.readouterr().err
    assert "STRATFORGE_DATABASE" in told
    assert "secret" not in told


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_a_shell_is_given_what_completes_the_command(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["completion", shell]) == 0
    script = capsys.readouterr().out
    for word in ("backtest", "sweep", "--slippage", "--key-file", "completion"):
        assert word in script, word
    checked = (
        subprocess.run([shell, "-n"], input=script, text=True, capture_output=True) if shutil.which(shell) else None
    )
    assert checked is None or (checked.returncode, checked.stderr) == (0, "")
