"""A request as the grammar reads it: lower case, plain words, numbers as digits, symbols marked; every place leads back to the person's own words."""

from __future__ import annotations

import re
from bisect import bisect_right
from difflib import get_close_matches

from stratforge.intent.spelling import is_compared, near_indicator, one_letter_apart

from simulators.gemini.author.vocabulary import (
    COMMON,
    COMPANIES,
    NAMES_AND_TERMS,
    NOT_SYMBOLS,
    SAID,
    SHORT_TERMS,
    SHORT_WORDS,
    TERMS,
    TYPOS,
)

_TOKEN = re.compile(
    r"(?<![\w.)])[-−]\d+(?:\.\d+)?"
    r"|\$(?=[A-Za-z])[A-Za-z]{1,5}(?:\.[A-Z])?\b"
    r"|\b[AaPp]\.[Mm]\.?"
    r"|[A-Za-z]{2,5}/(?:USD|usd)\b"
    r"|[A-Z]{1,4}\.[A-Z]\b(?!\.)"
    r"|\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
    r"|[^\W\d_]+(?:['’][^\W\d_]+)*"
    r"|->|=>|>=|<=|[^\w\s]"
)
# Prices of a bar, lines of indicators and short names of averages, which are names of symbols as well.
_OF_FORMULAS = frozenset(["B", "C", "H", "J", "L", "N", "O", "P", "V", "GD", "ST"])
# What only stands beside a line: signs, the words of lines, “50er GD”, “2N”.
_FORMULA_BEFORE = re.compile(
    r"(?:[<>=≤≥+*/]\s*|\b(?:span|line|band|%)\s?|\d(?:\.\d+)?\s?(?:er\s|-)?|\b(?:den|dem|des)\s)$", re.IGNORECASE
)
_FORMULA_AFTER = re.compile(r"\s*(?:[<>≤≥]|=|[+*/](?!USD)|\(\d|[\[]|\d|(?:crosses|cross|line)\b)|\s-\s*[A-Z\d]")
# How a symbol is said.
_SAID_BEFORE = re.compile(
    r"(?:^|[.;\n]\s*|\b(?:buy|sell|trade|long|short|own|hold|purchase|shares of|symbol|ticker|stock|kaufe?|verkaufe?|handle|compra|vende|ach[eè]te|vends|instead of|with|to|use|for|on)\b:?\s+(?:\d+ )?)$",
    re.IGNORECASE,
)
_DAY_NAME = r"(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*"
_CONTRACTIONS = {"can't": "can not", "cannot": "can not", "won't": "will not", "shan't": "shall not", "let's": "let us"}
_ENDINGS = {"n't": " not", "'s": " 's", "'d": " would", "'ll": " will", "'re": " are", "'ve": " have", "'m": " am"}


class Wording:
    """A request and its normalized form.

    Attributes:
        original: The request as the person wrote it.
        text: What the grammar reads: words and signs with one blank between them. A symbol is `@` and its letters in lower case (`@aapl`).
    """

    def __init__(self, original: str) -> None:
        self.original = original
        shouted = original.upper() == original and any(each.isalpha() for each in original)
        self._spans: list[tuple[int, int]] = []
        words: list[str] = []
        for match in _TOKEN.finditer(original):
            compared = near_indicator(match[0].lower()) is not None and is_compared(original, *match.span())
            written = _normalized(match[0], _joins(original, match), shouted=shouted, compared=compared)
            for word in written.split():
                self._spans.append(match.span())
                words.append(word)
        self.notes: list[str] = []
        for index, word in enumerate(words[:-1]):
            # “By AAPL when …”, at the beginning of a sentence.
            if word == "by" and words[index + 1][0] == "@" and (index == 0 or words[index - 1] in (".", ";", "!", "?")):
                words[index] = "buy"
                self.notes.append("“by” is read as “buy”.")
        words = self._lines_named(words)
        words = [self._spelled(each) for each in words]
        self.text = " ".join(words)
        # The places of the words, once they are spelled as they should be.
        self._starts: list[int] = []
        length = 0
        for word in words:
            self._starts.append(length)
            length += len(word) + 1

    def _lines_named(self, words: list[str]) -> list[str]:
        """The words with “C”, “J” and “GD” as they are said where they stand in a formula or beside another symbol: as lines, and no symbols."""
        letters = [at for at, word in enumerate(words) if word[1:].upper() in _OF_FORMULAS and word[0] == "@" and self.original[self._spans[at][0]] != "$"]  # fmt: skip
        named = {word for at, word in enumerate(words) if word[0] == "@" and at not in letters}
        found = list(words)
        for at in letters:
            start, end = self._spans[at]
            before, after = self.original[:start], self.original[end:]
            formula = _FORMULA_BEFORE.search(before) or _FORMULA_AFTER.match(after)
            said = _SAID_BEFORE.search(before) or (
                before.endswith("(") and after.startswith(")") and not before[-2:-1].isalnum()
            )
            if formula or (named and not said):
                found[at] = words[at][1:]
        return found

    def _spelled(self, word: str) -> str:
        """A word as it should be spelled, where one of the grammar's words is very near."""
        if (
            len(word) < 2
            or not word.isalpha()
            or not word.isascii()
            or word in TERMS
            or word.removesuffix("s") in TERMS
        ):
            return word
        near = get_close_matches(word, NAMES_AND_TERMS, 1, 0.86) if len(word) > 5 else []
        found = TYPOS.get(word) or (near[0] if near and word not in COMMON else None)
        if found is None and word not in SHORT_WORDS:
            found = next((each for each in SHORT_TERMS if one_letter_apart(word, each)), None) or near_indicator(word)
        if found is None:
            return word
        self.notes.append(f"“{word}” is read as “{found}”.")
        return f"@{COMPANIES[found].lower()}" if found in COMPANIES else found

    @property
    def symbols(self) -> list[str]:
        """The symbols it names, each once, in their order."""
        return list(dict.fromkeys(each[1:].upper() for each in self.text.split() if each.startswith("@")))

    def quote(self, start: int, end: int) -> str:
        """The person's own words behind a stretch of the normalized text."""
        while end > start and self.text[end - 1] in " ,.;":
            end -= 1
        while start < end and self.text[start] in " ,.;":
            start += 1
        if start >= end:
            return ""
        first = bisect_right(self._starts, start) - 1
        last = bisect_right(self._starts, end - 1) - 1
        return self.original[self._spans[first][0] : self._spans[last][1]]


def _joins(original: str, match: re.Match[str]) -> bool:
    """Whether a sign stands between two words without a blank, as in `10-bar`; between two days it means “to”."""
    if re.match(rf"{_DAY_NAME}", original[match.end() :], re.IGNORECASE) and re.search(
        rf"{_DAY_NAME}$", original[: match.start()], re.IGNORECASE
    ):
        return False
    around = original[max(0, match.start() - 1) : match.start()] + original[match.end() : match.end() + 1]
    return len(around) == 2 and around.isalnum() and not around.isdigit()


def _normalized(written: str, joins: bool, *, shouted: bool, compared: bool) -> str:
    if written in ("->", "=>"):
        return ":"
    if written in ("-", "–"):
        return "" if joins else "-" if written == "-" else ","
    if re.fullmatch(r"[AaPp]\.[Mm]\.?", written):
        return written.lower().replace(".", "")
    if written[0] in "-−" and len(written) > 1:
        return "-" + written[1:]
    if written[0] == "$" and len(written) > 1:
        return f"@{written[1:].lower()}"
    if re.fullmatch(r"[A-Za-z]{2,5}/(?:USD|usd)", written) or re.fullmatch(r"[A-Z]{1,4}\.[A-Z]", written):
        return f"@{written.lower()}"
    word = written.replace("’", "'").lower()
    if word in COMPANIES:
        return f"@{COMPANIES[word].lower()}"
    if word.endswith("'s") and word[:-2] in COMPANIES:
        return f"@{COMPANIES[word[:-2]].lower()} 's"
    if re.fullmatch(r"[A-Z]{1,5}", written) and not shouted and written not in NOT_SYMBOLS and not compared:
        return f"@{word}"
    if re.fullmatch(r"[A-Z]{2,5}'s", written.replace("’", "'")) and not shouted and written[:-2] not in NOT_SYMBOLS:
        return f"@{word[:-2]} 's"
    if word[0].isdigit() or word[0] == ".":
        return word.replace(",", "")
    if word in _CONTRACTIONS:
        return _CONTRACTIONS[word]
    if word in ("it's", "that's", "there's", "what's", "he's", "she's"):
        return f"{word[:-2]} is"
    for ending, full in _ENDINGS.items():
        if word.endswith(ending) and len(word) > len(ending):
            return word[: -len(ending)] + full
    return SAID.get(word, word)
