"""Pages from templates: what every page has, how numbers and times look, and what a browser may load."""

from __future__ import annotations

import gzip
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup
from stratforge.ai.research import Citation
from stratforge.market import amounts
from stratforge.market.bar_names import bar_began, bar_kind, bar_name
from stratforge.market.symbols import PORTFOLIO
from stratforge.strategy.constants import written
from stratforge.strategy.source import OWN_BARS

from functions.api.answers import SMALLEST_COMPRESSED, takes_gzip
from functions.api.context import settings
from functions.api.dashboard import assets
from functions.api.dashboard.chart_tables import pictured

_TEMPLATES = Path(__file__).parent / "templates"
_EXCHANGE = ZoneInfo("America/New_York")


def traded(symbol: str) -> str:
    """The thing that a strategy trades, in words: its symbol, or a portfolio."""
    return "A portfolio" if symbol == PORTFOLIO else symbol


def money(value: Any) -> str:
    """Shows dollars and cents, as in -$1,234.50; what is no cent has no sign."""
    if value is None:
        return "–"
    number = round(Decimal(str(value)), 2)
    return f"{'-' if number < 0 else ''}${abs(number):,.2f}"


def signed_money(value: Any) -> str:
    """An amount in dollars with its sign, such as +$12.00."""
    if value is None:
        return "–"
    return f"+{money(value)}" if round(Decimal(str(value)), 2) > 0 else money(value)


def quantity(value: Any) -> str:
    """Shares or coins without trailing zeros, to four decimals; None as a dash."""
    if value is None:
        return "–"
    return amounts.units(Decimal(str(value)))


def price(value: Any) -> str:
    """A price: cents, and more decimals below a dollar; None as a dash."""
    return "–" if value is None else amounts.price(Decimal(str(value)))


def figure(value: Any) -> str:
    """A number of a strategy, to six digits, or all before the point; None, which is not known, as a dash."""
    return "–" if value is None else f"{value:,.0f}" if 1e6 <= abs(value) < 1e15 else f"{value:,.6g}"


def percent(value: Any) -> str:
    """A fraction of one as a percentage, such as 2.50 %."""
    return "–" if value is None else f"{float(value) * 100:.2f} %"


def signed_percent(value: Any) -> str:
    """A fraction as a percentage with its sign."""
    if value is None:
        return "–"
    text = f"{float(value) * 100:+.2f} %"
    return "0.00 %" if text[1:] == "0.00 %" else text


def number(value: Any) -> str:
    """Formats any number briefly; None as a dash."""
    if value is None:
        return "–"
    return (
        f"{value:,}"
        if isinstance(value, int)
        else f"{float(value):,.4g}"
        if abs(float(value)) < 1e4
        else f"{float(value):,.0f}"
    )


def ratio(value: Any) -> str:
    """A ratio such as Sharpe's, to two decimals."""
    return "–" if value is None else f"{float(value):,.2f}"


def duration(seconds: Any) -> str:
    """A length of time by its two largest units: 12 d 4 h, 3 h 20 min, 45 s."""
    if seconds is None:
        return "–"
    units = (("d", 86_400), ("h", 3_600), ("min", 60), ("s", 1))
    left, parts = round(float(seconds)), []
    for name, length in units:
        count, left = divmod(left, length)
        if count:
            parts.append(f"{count} {name}")
    return " ".join(parts[:2]) or "0 s"


def tone(value: Any) -> str:
    """The class of a gain or a loss."""
    if value is None or float(value) == 0:
        return ""
    return "gain" if float(value) > 0 else "loss"


_BROWSERS = (("Edg", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)


def client_name(user_agent: str) -> str:
    """Turns a browser's or program's own name into what its owner knows it by: `Chrome on macOS`, or a program's first word."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or (user_agent.split() or ["unknown client"])[0]


def bar_length(minutes: int) -> str:
    """The length of bars in words: 15-minute bars."""
    return f"{bar_kind(minutes)}s"


def moment(value: Any) -> str:
    """A time on the exchange's clock, New York's: 2026-11-21 09:30."""
    if value is None:
        return "–"
    if isinstance(value, int | float):
        value = datetime.fromtimestamp(value, UTC)
    if isinstance(value, str):
        value = datetime.fromisoformat(value)
    return f"{value.astimezone(_EXCHANGE):%Y-%m-%d %H:%M}"


def our_moment(value: datetime) -> str:
    """A time on our own clock, which goes on where the market's is a replay: 2026-11-21 14:30 UTC."""
    return f"{value.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def day_and_time(value: datetime) -> str:
    """A time on the exchange's clock with its weekday: Thu 5 Jan 2012, 09:30."""
    at = value.astimezone(_EXCHANGE)
    return f"{at:%a} {at.day} {at:%b %Y, %H:%M}"


def wall_clock(value: datetime) -> float:
    """The exchange's time on the wall, in seconds since 1970 as if it were UTC's: a browser writes it without knowing about zones."""
    return value.astimezone(_EXCHANGE).replace(tzinfo=UTC).timestamp()


def ago(value: datetime | None) -> str:
    """Says how long ago somebody did something, by our own clock: 12 min ago."""
    if value is None:
        return "–"
    passed = (datetime.now(UTC) - value).total_seconds()
    return "just now" if passed < 60 else f"{duration(passed - passed % (3600 if passed > 86400 else 60))} ago"


def clock(text: str) -> str:
    """The time of day of a moment as `moment` shows it."""
    return text[11:]


def spark(values: list[float], width: int = 120, height: int = 28, least: float = 0.0) -> str:
    """Points of a line through the values, for an SVG of this size, whose height is a difference of `least` at least."""
    if len(values) < 2:
        return ""
    low, high = min(values), max(values)
    span = max(high - low, least) or 1.0
    step = width / (len(values) - 1)
    return " ".join(
        f"{index * step:.1f},{2 + (height - 4) * (1 - (value - low) / span):.1f}" for index, value in enumerate(values)
    )


def cited(answer: str, citations: Sequence[Citation]) -> list[tuple[str, list[int]]]:
    """The answer in pieces, each with the numbers of the sources that stand behind it."""
    ends: dict[int, list[int]] = {}
    for number, citation in enumerate(citations, start=1):
        for _start, end in citation.spans:
            ends.setdefault(min(end, len(answer)), []).append(number)
    pieces, begin = [], 0
    for end in sorted(ends):
        pieces.append((answer[begin:end], sorted(set(ends[end]))))
        begin = end
    if begin < len(answer):
        pieces.append((answer[begin:], []))
    return pieces


_HEADING, _ROW, _CELL = (
    re.compile(r"<th\b[^>]*>(.*?)</th>", re.S),
    re.compile(r"<tr\b.*?</tr>", re.S),
    re.compile(r"<td\b"),
)
_TAG, _NOTHING = re.compile(r"<[^>]*>"), re.compile(r"<td([^>]*)>–</td>")


def labeled(table: Markup) -> Markup:
    """The inside of a table whose cells know their columns' headings: on a phone each row is a card. Values are escaped, so every tag is of a template."""
    head, body, rows = str(table).partition("<tbody")
    names = [_TAG.sub("", each).strip() for each in _HEADING.findall(head)]

    def row(found: re.Match[str]) -> str:
        columns = iter(names)
        named = _CELL.sub(lambda _cell: f'<td data-label="{next(columns, "")}"', found[0])
        # Of a card, what there is none of is left out.
        return _NOTHING.sub(r"<td data-none\1>–</td>", named)

    return Markup(head + body + _ROW.sub(row, rows))  # noqa: S704 - put together from what was escaped


@lru_cache(maxsize=1)
def environment() -> Environment:
    """The templates; every value is escaped."""
    found = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    filters = (
        traded,
        money,
        signed_money,
        quantity,
        price,
        percent,
        signed_percent,
        number,
        figure,
        ratio,
        duration,
        tone,
        client_name,
        bar_began,
        bar_length,
        bar_name,
        moment,
        exact,
        our_moment,
        day_and_time,
        wall_clock,
        ago,
        clock,
        spark,
        pictured,
        cited,
        labeled,
    )
    for filter_ in filters:
        found.filters[filter_.__name__] = filter_
    found.globals["asset"] = assets.address
    found.globals["timeframes"] = {name: bar_length(minutes) for name, minutes in OWN_BARS.items()}
    return found


@lru_cache(maxsize=1)
def security_headers() -> dict[str, str]:
    """Returns the headers that restrict a page to our own scripts and styles: nothing inline, nothing from
    elsewhere."""
    realtime = urlsplit(settings().realtime_url)
    sockets = f" {realtime.scheme}://{realtime.netloc}" if realtime.netloc else ""
    return {
        "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; "
        f"connect-src 'self'{sockets}; font-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cache-Control": "no-store",
    }


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """A page or a part of one."""
    html = (
        environment()
        .get_template(template)
        .render(path=request.url.path, simulated=settings().simulated_market, **values)
    )
    return compressed(request, html.encode(), "text/html; charset=utf-8", status)


def exact(value: float) -> str:
    """A number with every digit it has, for a field that gives it back."""
    return written(value)


def framed(html: str) -> Response:
    """A stranger's HTML for a frame of ours: it is drawn, its links open beside the page, and nothing of it runs, loads or sends."""
    headers = {
        "Content-Security-Policy": "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
        "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
        "X-Frame-Options": "SAMEORIGIN",
        "Cache-Control": "no-store",
    }
    return Response(f'<!doctype html><base target="_blank">{html}', 200, headers, "text/html; charset=utf-8")


def compressed(request: Request, content: bytes, media_type: str, status: int = 200) -> Response:
    """An answer, compressed where that is worth it and understood."""
    headers = {**security_headers(), "Vary": "Accept-Encoding, HX-Request"}
    if len(content) >= SMALLEST_COMPRESSED and takes_gzip(request):
        headers["Content-Encoding"] = "gzip"
        content = gzip.compress(content, 6)
    return Response(content, status, headers, media_type)


def go_to(request: Request, address: str) -> Response:
    """Sends the browser to another page, after a form as well as after a link."""
    if request.headers.get("HX-Request"):
        return Response(status_code=204, headers={"HX-Redirect": address, **security_headers()})
    return Response(status_code=303, headers={"Location": address, **security_headers()})
