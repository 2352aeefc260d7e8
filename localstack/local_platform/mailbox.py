"""The mailbox of everybody: what the engine's SES was given to send, as a page. On one machine it stands in the place of people's own."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import httpx
from starlette.responses import HTMLResponse, Response

_PAGE = """<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Mailbox</title></head>
<body><main><h1>Mailbox</h1><p>Mails of this platform, the latest first. They are sent nowhere.</p>{mails}</main></body>
</html>
"""
_MAIL = "<article><h2>{subject}</h2><p>To {to}, {time}</p><pre>{text}</pre></article>"
_LINK = re.compile(r"https?://[^\s&<>]+")
_SHOWN = 50
_HEADERS = {"content-security-policy": "default-src 'none'; frame-ancestors 'none'", "cache-control": "no-store"}


async def show(client: httpx.AsyncClient, engine: str) -> Response:
    """The page with the mails that the engine holds."""
    answer = await client.get(f"{engine}/_ministack/ses/messages")
    mails = [each for account in answer.json()["messages"].values() for each in account]
    mails.sort(key=lambda each: each["Timestamp"], reverse=True)
    shown = "".join(map(_shown, mails[:_SHOWN])) or "<p>Nothing yet.</p>"
    return HTMLResponse(_PAGE.format(mails=shown), headers=_HEADERS)


def _shown(mail: dict[str, Any]) -> str:
    text = html.escape(str(mail["BodyText"]))
    return _MAIL.format(
        subject=html.escape(str(mail["Subject"])),
        to=html.escape(", ".join(mail["To"])),
        time=datetime.fromtimestamp(mail["Timestamp"], UTC).strftime("%Y-%m-%d %H:%M:%S UTC"),
        text=_LINK.sub(lambda found: f'<a href="{found[0]}">{found[0]}</a>', text),
    )
