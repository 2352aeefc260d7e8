"""The portfolio with ten positions, warm, through the local gateway, against the same SQL bare behind an empty FastAPI route.

The floor is asked through the same gateway and function runtime, so that the ratio is of what we do, not of what the engine does; what a
route without SQL costs there is shown as well. And the API function's cold import, in a fresh process.
"""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import httpx
import psycopg
from local_platform.deployment import client
from local_platform.platform import Options, Platform
from local_platform.synthesis import ROOT
from stratforge.client import Client

Row = tuple[str, str, str, str, str]
_REQUESTS = 300
_SYMBOLS = ("AAPL", "MSFT", "GOOG", "IBM", "META", "BTC/USD", "AMZN", "NFLX", "NVDA", "TSLA")

_FLOOR = '''
import os
import psycopg
from fastapi import FastAPI
from mangum import Mangum

app = FastAPI()
connection = psycopg.connect(os.environ["CONNINFO"], autocommit=True)
SQL = """
    SELECT u.virtual_balance, u.reserved_cash, u.initial_balance,
           (SELECT coalesce(sum(r.realized_pnl), 0) FROM positions r WHERE r.user_id = u.id),
           p.symbol, p.quantity, p.avg_entry_price, l.price, p.realized_pnl
    FROM users u LEFT JOIN positions p ON p.user_id = u.id AND p.quantity > 0 LEFT JOIN latest_prices l ON l.symbol = p.symbol
    WHERE u.id = %s ORDER BY p.symbol
"""

@app.get("/floor/sql")
def sql():
    with connection.transaction():
        rows = connection.execute(SQL, (os.environ["USER_ID"],)).fetchall()
    return [[str(value) for value in row] for row in rows]

@app.get("/floor/empty")
def empty():
    return {}

_adapter = Mangum(app, lifespan="off")
def handler(event, context):
    print("answered")
    return _adapter(event, context)
'''


def _add_positions(platform: Platform, email: str) -> str:
    with psycopg.connect(platform.conninfo("owner"), autocommit=True) as connection:
        row = connection.execute("SELECT id FROM users WHERE email = %s", (email,)).fetchone()
        assert row is not None
        for symbol in _SYMBOLS:
            connection.execute(
                "INSERT INTO positions (user_id, symbol, quantity, cost_basis) VALUES (%s, %s, 3, 300)",
                (row[0], symbol),
            )
            connection.execute(
                "INSERT INTO latest_prices (symbol, price, time) VALUES (%s, 100, now()) ON CONFLICT DO NOTHING",
                (symbol,),
            )
    return str(row[0])


def _deploy_floor(platform: Platform, user_id: str) -> str:
    """The empty FastAPI application as a function behind an HTTP API of the same engine; gives its address."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", _FLOOR)
    functions, gateway = (client(name, platform.engine_address) for name in ("lambda", "apigatewayv2"))
    arn = functions.create_function(
        FunctionName="floor-api",
        Runtime="python3.13",
        Role="arn:aws:iam::000000000000:role/floor",
        Handler="index.handler",
        Code={"ZipFile": buffer.getvalue()},
        Timeout=29,
        Environment={"Variables": {"CONNINFO": platform.conninfo("owner"), "USER_ID": user_id}},
    )["FunctionArn"]
    api = gateway.create_api(Name="floor", ProtocolType="HTTP")["ApiId"]
    integration = gateway.create_integration(
        ApiId=api, IntegrationType="AWS_PROXY", IntegrationUri=arn, PayloadFormatVersion="2.0"
    )["IntegrationId"]
    gateway.create_route(ApiId=api, RouteKey="$default", Target=f"integrations/{integration}")
    gateway.create_stage(ApiId=api, StageName="$default", AutoDeploy=True)
    return f"{platform.engine_address}/_aws/execute-api/{api}/$default"


def _p50(http: httpx.Client, address: str) -> float:
    times = []
    for _ in range(_REQUESTS):
        began = time.perf_counter()
        answer = http.get(address)
        times.append((time.perf_counter() - began) * 1000)
        assert answer.status_code == 200, answer.text
    times.sort()
    return times[len(times) // 2]


def _cold_import(module: str) -> float:
    """Milliseconds that importing a module takes in a fresh process, byte code compiled."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    code = f"import time; b = time.perf_counter(); import {module}; print((time.perf_counter() - b) * 1000)"
    times = [
        float(
            subprocess.run(
                [sys.executable, "-c", code], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
            ).stdout
        )
        for _ in range(6)
    ]
    return sorted(times[1:])[2]


def run() -> list[Row]:
    """The rows of the table."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="stratforge-bench-") as folder:
        Path(folder).chmod(0o755)
        platform = Platform(
            Options(Path(folder) / "state", speed=1.0, fresh=True, assemblies=ROOT / ".stratforge" / "assemblies"),
            lambda text: print(text, file=sys.stderr),
        )
        try:
            platform.start()
            user = Client(platform.address)
            user.register("bench@example.com", "a long enough password")
            user_id = _add_positions(platform, "bench@example.com")
            assert len(user.call("GET", "/api/portfolio")["positions"]) == len(_SYMBOLS)
            floor = _deploy_floor(platform, user_id)
            ours = f"{platform.engine_address}/_aws/execute-api/{platform.outputs['ApiId']}/$default/api/portfolio"
            with httpx.Client(headers={"Authorization": f"Bearer {user._token}"}, timeout=30) as http:
                for address in (ours, f"{floor}/floor/sql", f"{floor}/floor/empty"):
                    _p50(http, address)
                mine, sql, empty = (_p50(http, each) for each in (ours, f"{floor}/floor/sql", f"{floor}/floor/empty"))
        finally:
            platform.stop()
    rows.append(
        (
            "portfolio of 10 positions, p50",
            f"{mine:.1f} ms, 2 round trips",
            f"the same SQL behind an empty route: {sql:.1f} ms (no SQL: {empty:.1f} ms)",
            f"{mine / sql:.1f} x",
            "< 3 x",
        )
    )
    cold, python = _cold_import("functions.api.handler"), _cold_import("json")
    rows.append(
        ("cold import of the api function", f"{cold:.0f} ms", f"import json: {python:.0f} ms", "", "< 1,000 ms")
    )
    print(json.dumps({"portfolio_ms": mine, "floor_ms": sql, "cold_import_ms": cold}), file=sys.stderr)
    return rows
