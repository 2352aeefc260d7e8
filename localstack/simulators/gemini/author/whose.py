"""Asks whose a measure is where several symbols are named: it offers the request as it may be meant, with a symbol at every measure, each a reply that can be pressed.

Nothing is offered that would not be written when it is pressed.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence

from stratforge.intent.reading.beside import names_traded
from stratforge.intent.reading.said import in_words
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.reading.tokens import Token, tokens_of
from stratforge.intent.rules import read_rule

from simulators.gemini.author.sentences import part_unread
from simulators.gemini.author.strict import written_strictly
from simulators.gemini.author.wording import Wording

# Asked first, and after an answer that does not say all of it.
_NOT_PLAIN = "Several symbols are named, and it is not plain which of them is bought, whose each condition is, or when it sells. You could say: "
_SO = "So that it is plain whose each condition is, and when it sells, please send the whole strategy so, or in your own words with a symbol at every condition: "
# How these questions begin.
ASKED_WHOSE = (_NOT_PLAIN, _SO)
_OFFERED, _TRIED = 3, 8
_BUYS = re.compile(r"\b(?:buy|enter|long|purchase)\b", re.IGNORECASE)
_ENDS = ("and", "or", "comma", "stop_sign", "colon", "bullet", "arrow", "when", "unless", "except", "then", "buy", "sell", "only", "otherwise")  # fmt: skip
_HEADS = ("indicator", "glued", "volume", "column", "histogram", "k_line", "d_line", "upper", "lower", "middle", "average")  # fmt: skip
_RELATES = ("is", "below", "above", "at_most", "at_least", "cross", "fall", "rise", "move", "break", "trade", "return")


def asked_whose(requests: Sequence[str], would_be_written: Callable[[str], bool]) -> str:
    """The question whose each condition is, with the request as it may be meant; empty where no way of meaning it is read.

    Args:
        requests: What the person said, turn by turn; what is said after the request may name the symbol that is meant.
        would_be_written: Whether a text would be a strategy if it were said next.
    """
    places = [index for index, each in enumerate(requests) if len(Wording(each).symbols) > 1 and _BUYS.search(each)]
    for at in reversed(places):
        request, named = re.sub(r" +", " ", requests[at].strip(" .,;!\n")), Wording(requests[-1]).symbols
        since = named[0] if at < len(requests) - 1 and len(named) == 1 else ""
        texts = dict.fromkeys(itertools.islice(_meant(request, since), _TRIED))
        offered = [each for each in texts if "“" not in each and would_be_written(each)]
        if offered:
            said = " or ".join(f"“{each}”" for each in offered[:_OFFERED])
            return f"{_NOT_PLAIN if len(requests) == 1 else _SO}{said}."
    return ""


def unread_beside(request: str) -> str:
    """The question about the clauses that no reading understands, of a request that names a symbol with every condition; empty where it is another."""
    for bought in Wording(request).symbols:
        if names_traded(tokens_of(request, bought)) and _owned(request, bought, bought) == request:
            lost = [request[each.start : each.end] for each in statements_of(request, bought) if not each.kind]
            return part_unread(lost) if lost else ""
    return ""


def _meant(request: str, named: str) -> Iterator[str]:
    """The texts that a request may stand for, the likeliest first; with the symbol that was named since at all measures that name none."""
    symbols = Wording(request).symbols
    behind = [each for each in symbols if names_traded(tokens_of(request, each))]
    for bought in behind or ([named] if named in symbols else symbols):
        whole = request if behind else re.sub(r"\b(buy|enter|purchase|go long|long)\b", rf"\1 {bought}", request, count=1, flags=re.IGNORECASE)  # fmt: skip
        others = [each for each in symbols if each != bought]
        for owner in [named] if named in symbols and behind else [bought, *others]:
            text = _owned(whole, bought, owner)
            yield from _with_a_sale(text)


def _with_a_sale(text: str) -> Iterator[str]:
    """A text that says when it sells, or with the sale by the contrary where it does not."""
    found = written_strictly(text)
    if found is None:
        return
    assumed = [rule for each in found["requirements"] if not each["quote"] for rule in each["rules"]]
    if not assumed:
        yield text
    for rule in assumed:
        yield f"{text}; {in_words(read_rule(rule))}"


def _owned(text: str, bought: str, owner: str) -> str:
    """A text with a symbol at the measures that name none, and in the place of “it”."""
    changes, sides = list[tuple[int, int, str]](), dict[str, str]()
    for clause in _clauses(tokens_of(text, bought)):
        who = next((str(each.value) for each in clause if each.kind in ("symbol", "other")), "")
        at = next((index for index, each in enumerate(clause) if each.kind in _RELATES), -1)
        far = text[clause[at].end : clause[-1].end].strip() if 0 <= at < len(clause) - 1 else ""
        if who:
            sides[who] = far
            continue
        head = clause[0]
        if at < 0 or (head.kind not in ("it", "it_is", "its", *_HEADS) and at > 0):
            continue
        if head.kind in ("it", "it_is"):
            changes.append((head.start, head.end, owner if head.kind == "it" else f"{owner} is"))
        elif head.kind in (*_HEADS, "its"):
            start = head.start - len(match[0]) if (match := re.search(r"\bthe $", text[: head.start])) else head.start
            changes.append((start, head.end if head.kind == "its" else head.start, f"{owner}'s " if head.kind != "its" else f"{owner}'s"))  # fmt: skip
        else:
            changes.append((head.start, head.start, f"{owner} {'' if head.kind == 'is' else 'is '}"))
        if not far and clause[-1].kind in ("below", "above") and sides.get(owner):
            # “Sell when it is below”: what it was compared with before.
            side = re.sub(r"^(?:above|below|over|under)\s+", "", sides[owner])
            changes.append((clause[-1].end, clause[-1].end, f" {side}"))
    for start, end, put in sorted(changes, reverse=True):
        text = text[:start] + put + text[end:]
    return text


def _clauses(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """The comparisons that tokens may be, without what joins them."""
    clause = list[Token]()
    for each in (*tokens, Token("stop_sign", ".", 0, 0)):
        if each.kind not in _ENDS:
            clause.append(each)
        elif clause:
            yield clause
            clause = []
