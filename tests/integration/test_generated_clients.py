"""A client that `openapi-python-client` makes of the document, without a warning, against the application itself."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.api import PASSWORD, Api

ROOT = Path(__file__).resolve().parents[2]
SCRIPTS = Path(sys.executable).parent
CODE = "def on_bar(bar, position, state):\n    return buy()\n"
Part = Callable[[str], Any]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Part]:
    """Gives a module of the client by its name."""
    folder = tmp_path_factory.mktemp("client") / "made"
    document = ROOT / "functions" / "api" / "openapi.json"
    command = (
        str(SCRIPTS / "openapi-python-client"),
        "generate",
        "--path",
        str(document),
        "--output-path",
        str(folder),
    )
    # It formats what it writes with ruff, which it looks for.
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run([*command, "--fail-on-warning"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warning" not in (done.stdout + done.stderr).lower()
    sys.path.insert(0, str(folder))
    yield lambda name: importlib.import_module(f"strat_forge_client.{name}")
    sys.path.remove(str(folder))


@pytest.mark.long
def test_what_it_is_answered_it_understands(made: Part, api: Api) -> None:
    models = made("models")
    anonymous = made("client").Client("https://testserver").set_httpx_client(api.client())
    registered = made("api.auth.register").sync(
        client=anonymous, body=models.Credentials(email="ada@example.com", password=PASSWORD)
    )
    caller = api.client()
    caller.headers["Authorization"] = f"Bearer {registered.access_token}"
    client = made("client").Client("https://testserver").set_httpx_client(caller)
    strategy = made("api.strategies.create_strategy").sync(
        client=client, body=models.NewStrategy(name="made", symbol="AAPL", python_code=CODE)
    )
    assert (strategy.name, strategy.version) == ("made", 1)
    order = made("api.orders.place_order").sync(
        client=client, body=models.PlaceOrder(symbol="AAPL", side=models.Side.BUY, quantity="1")
    )
    (listed,) = made("api.orders.list_orders").sync(client=client).items
    assert (listed.order_id, listed.status, listed.created_at) == (order.order_id, order.status, order.created_at)
    assert made("api.portfolio.get_portfolio").sync(client=client).equity == "100000"
    refused = made("api.orders.get_order").sync(client=client, order_id=strategy.strategy_id)
    assert (refused.status, refused.type_) == (404, "urn:stratforge:problem:not-found")
    bars = made("api.market.list_bars").sync(client=client, symbol="AAPL")
    assert (bars.symbol, bars.items) == ("AAPL", [])
