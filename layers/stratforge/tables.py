"""Answers of the API as tables, for people who look at them in a terminal."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

# Of a cell; what is longer is in the JSON.
_LONGEST = 60


def print_answer(answer: dict[str, Any], console: Console | None = None) -> None:
    """Prints an answer: a list as rows, with what goes on after it; anything else as names and values, with a table for each list in it."""
    out = console or Console()
    if isinstance(answer.get("items"), list):
        _print_list(out, answer["items"])
        if answer.get("next"):
            out.print(Text(f"More with ?cursor={answer['next']}", style="dim"))
        return
    plain = Table(show_header=False, box=None)
    lists = {}
    for name, value in answer.items():
        if isinstance(value, list) and value and all(isinstance(each, dict) for each in value):
            lists[name] = value
        else:
            plain.add_row(Text(name, style="bold"), _cell(value))
    if plain.row_count:
        out.print(plain)
    for name, items in lists.items():
        _print_list(out, items, name)


def _print_list(out: Console, items: list[dict[str, Any]], title: str | None = None) -> None:
    """Prints rows; columns in which nothing stands are left out, and so are texts of many lines."""
    names = [
        name
        for name in dict.fromkeys(name for each in items for name in each)
        if any(each.get(name) not in (None, [], {}, "") for each in items)
        and not any("\n" in str(each.get(name, "")) for each in items)
    ]
    if not names:
        out.print(Text(f"{title}: nothing" if title else "Nothing.", style="dim"))
        return
    table = Table(*names, title=title)
    for each in items:
        table.add_row(*(_cell(each.get(name)) for name in names))
    out.print(table)


def _cell(value: Any) -> Text:
    """A value in a few characters; never read as markup, and without what would move the cursor."""
    if value is None:
        return Text("–", style="dim")
    said = "".join(each if each.isprintable() else " " for each in str(value))
    return Text(said if len(said) <= _LONGEST else said[: _LONGEST - 1] + "…")
