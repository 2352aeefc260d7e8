"""From what was understood to the answer that the response schema wants."""

from __future__ import annotations

import re

from simulators.gemini.author.book import Book, Condition
from simulators.gemini.author.languages import in_english
from simulators.gemini.author.limits import questions_about
from simulators.gemini.author.reading import read
from simulators.gemini.author.symbols import symbols_in

_WHICH_RULE = (
    "Which rule should decide when to buy? For example: the 10-bar average crosses above the 30-bar average, the RSI falls below 30, "
    "or the price breaks out of its 20-bar high."
)
_TITLES = {
    "fast": "average cross",
    "average": "average",
    "histogram": "MACD",
    "macd": "MACD",
    "rsi": "RSI",
    "lower": "Bollinger",
    "upper": "Bollinger",
    "highest": "breakout",
    "vwap": "VWAP",
    "stoch": "stochastic",
    "change": "move",
    "volume_average": "volume",
    "supertrend": "SuperTrend",
    "psar": "parabolic SAR",
}


def write_draft(request: str, untradable: frozenset[str] = frozenset()) -> dict[str, object]:
    """The answer to a request, as the response schema wants it.

    Args:
        request: What was said, whole.
        untradable: Symbols that were refused before.
    """
    text = in_english(request)
    symbols = symbols_in(request)
    questions = questions_about(text)
    book = read(text)
    contradiction = book.contradiction()
    if contradiction:
        questions.append(
            f"The request asks for {contradiction} at once, which never happens. Which of the two is meant?"
        )
    if len(symbols) > 1:
        questions.append(f"A strategy trades one symbol, and {', '.join(symbols)} are named. Which one is it for?")
    refused = [each for each in symbols if each in untradable]
    if refused:
        questions.append(f"{refused[0]} cannot be traded here. Which symbol should it be?")
    if not book.entry and not questions:
        questions.append(_WHICH_RULE)
    reverse = next((each.reverse for each in book.entry if each.reverse), None)
    if book.unread and not book.exit:
        if reverse is not None and re.search(
            r"opposite|revers|otherwise|back|turns?|vice versa|cross\w* (?:below|under|down)|below it", book.unread[0]
        ):
            book.add("exit", reverse)
        elif not questions:
            questions.append(
                "When to sell was not understood. Which level, cross, loss, gain or time should it sell by?"
            )
    symbol = symbols[0] if symbols else "AAPL"
    if questions:
        return _answer("Not written yet", symbol, "", "", [], [], questions)
    _complete(book)
    if not symbols:
        book.assumptions.append("No symbol was named: AAPL is used.")
    buys = f"It buys when {_sentence(book.entry, book.joined['entry'])}."
    sells = f"It sells when {_sentence(book.exit, 'or')}."
    explanation = " ".join([buys, sells, *book.said, "[Written offline by fixed rules, without a language model.]"])
    parameters = [
        {"name": name, "value": value, "meaning": book.meanings[name]} for name, value in book.constants.items()
    ]
    return _answer(_name(book, symbol), symbol, _code(book), explanation, parameters, book.assumptions, [])


def _answer(
    name: str,
    symbol: str,
    code: str,
    explanation: str,
    parameters: list[dict[str, object]],
    assumptions: list[str],
    questions: list[str],
) -> dict[str, object]:
    return {
        "name": name,
        "symbol": symbol,
        "python_code": code,
        "logic_explanation": explanation,
        "parameters": parameters,
        "assumptions": assumptions,
        "questions": questions,
    }


def _complete(book: Book) -> None:
    """Decides what the request left open."""
    reverse = next((each.reverse for each in book.entry if each.reverse), None)
    if not book.exit and reverse is not None:
        book.add("exit", reverse)
        book.assumptions.append(f"No rule for selling was given: it sells when {reverse.said}.")
    if not book.exit:
        hold = book.constant("HOLD_BARS", 30, "bars after which it sells")
        book.add("exit", Condition(f"position.bars_held >= {hold}", "it has held for 30 bars"))
        book.assumptions.append("No rule for selling was given: the position is sold after 30 bars.")
    if not book.size:
        book.size = "confidence=0.8"
        book.assumptions.append("No size was given: the session's sizing rule decides.")


def _sentence(conditions: list[Condition], word: str) -> str:
    parts = [each.said for each in conditions]
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {word} {parts[-1]}"


def _name(book: Book, symbol: str) -> str:
    titles = [
        title for name, title in _TITLES.items() if any(re.fullmatch(rf"{name}(_\d)?", each) for each in book.columns)
    ]
    return f"{symbol} {' and '.join(dict.fromkeys(titles)) or 'by the clock'}"


def _code(book: Book) -> str:
    lines = [f"{name} = {value:g}" for name, value in book.constants.items()]
    lines += ["", "", "def indicators(bars):", "    return {"] if book.columns else [""]
    lines += [f'        "{name}": {call},' for name, call in book.columns.items()]
    lines += ["    }"] if book.columns else []
    lines += ["", "", "def on_bar(bar, position, state):", *(f"    {each}" for each in book.before)]
    joint = f" {book.joined['entry']} "
    entry = joint.join(f"({each.code})" if " or " in each.code else each.code for each in book.entry)
    if book.joined["entry"] == "or":
        entry = f"({entry})"
    lines += [f"    if position.quantity == 0 and {entry}:", *(f"        {each}" for each in book.on_buy)]
    lines += [f"        return buy({book.size})"]
    leave = " or ".join(f"({each.code})" if " and " in each.code else each.code for each in book.exit)
    lines += [f"    if position.quantity > 0 and ({leave}):", "        return sell()"]
    return "\n".join(lines).lstrip("\n") + "\n"
