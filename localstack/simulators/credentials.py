"""The keys that the simulators take, and where they are given. Who only hands them on needs nothing else of a simulator."""

from __future__ import annotations

from typing import Any

ALPACA_KEY_ID, ALPACA_SECRET_KEY = "simulated-key", "simulated-secret"
GEMINI_API_KEY = "simulated-gemini-key"


def alpaca_secret(port: int) -> dict[str, Any]:
    """Returns the secret with which the product trades on the simulated Alpaca at a port of this machine."""
    address, socket = f"http://127.0.0.1:{port}", f"ws://127.0.0.1:{port}"
    return {
        "key_id": ALPACA_KEY_ID,
        "secret_key": ALPACA_SECRET_KEY,
        "trading_url": address,
        "data_url": address,
        "trading_stream_url": f"{socket}/stream",
        "data_stream_url": socket,
    }
