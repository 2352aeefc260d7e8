"""Answers to the author's own questions: the request as it is said once a question about its words is answered.

A question names what the words may mean, each as the whole request in other words; a person presses one of them, or answers with a word.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from stratforge.ai.draft import StrategyDraft
from stratforge.ai.prompts import Request
from stratforge.ai.review import review
from stratforge.intent.gate import readings_to_tell
from stratforge.intent.reading import bindings
from stratforge.intent.reading import unsure as unsure_words
from stratforge.intent.reading.doubts import HOW_MUCH, PRICE_OR_LENGTH
from stratforge.intent.reading.indices import fund_of
from stratforge.intent.reading.reach import OF_THE_SALE
from stratforge.intent.reading.statements import statements_of
from stratforge.intent.reading.twofold import readings_of
from stratforge.intent.reading.unsure import Unsure, unsure_in
from stratforge.intent.requirements import Requirement
from stratforge.strategy import compile_strategy

from simulators.gemini.author.sentences import ALL_UNREAD, PART_UNREAD, all_unread, part_unread
from simulators.gemini.author.wording import Wording

_I = re.IGNORECASE
_VERB = re.compile(r"(?:buy|sell|exit|enter|close)\b", _I)
# What a person calls one of two readings, and the request in which the words say that.
Choice = tuple[str, str]
_POLITE = r"(?:(?:i|mean|meant|the|a|an|just|only|please|ok|okay|well|hm+|oh|it|is|it's|at|of|on|for|to|that|was|should|be|one|sorry|no|yes|yeah|sure|option|number|take|choose|want)\b[ ,]*)*"
_TAIL = r"(?: (?:please|only|alone|side|reading|it|one|of them|the rule|bars?))*"
_YES = re.compile(r"\W*(?:yes|yeah|yep|yup|sure|right|correct|exactly|of course|ok|okay|y|please do|do that|ja|sí|si|oui|是|はい)\b[^a-z]*(?:please|do|do that|that|the same|it is|it has)?\W*", _I)  # fmt: skip
_NUMBERED = re.compile(rf"\W*{_POLITE}(?:(?P<n>[1-3])|(?P<word>first|second|third))(?: (?:one|option|reading|please))*\W*", _I)  # fmt: skip
_LEAVE = re.compile(r"\W*(?:ok(?:ay)?[ ,]*|please |just |then |no[ ,]*)*(?:leave|skip|drop|forget|ignore|remove|omit)(?: (?:it|that|this|them|part|out|about|the|please))*\W*|\W*without (?:it|that)\W*", _I)  # fmt: skip
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*(?:%|percent)", _I)
_MORE = re.compile(r"[.;\n]")
_WHICH_SYMBOL = re.compile(r"A strategy trades one symbol, and ([\w./, ]+) are named\.")
_IN_BARS = re.compile(r"(\d+)[- ]?days?\b", _I)


def choices_of(request: str, unsure: Unsure) -> list[Choice]:
    """The readings of words of which none is sure, each with what a person may call it and the request that says so."""
    words = request[unsure.start : unsure.end]
    if words.lstrip()[:1] == "(" and (close := request.find(")", unsure.end)) >= 0:
        # “Sell when RSI > 70 (only if MACD < 0)”: what it bounds has no brackets of its own.
        request = request[:close] + request[close + 1 :]
    end = next((each.start() for each in _MORE.finditer(request, unsure.end)), len(request))

    def put(text: str) -> str:
        return f"{request[: unsure.start]}{text}{request[unsure.end :]}"

    def moved(text: str) -> str:
        rest = request[end:].strip(" ;.\n")
        return f"{request[: unsure.start].rstrip(' ,;(—–')}. {f'{rest}. ' if rest else ''}{text}{request[unsure.end : end]}."

    if fund := fund_of(unsure.asks):
        return [(rf"(?:the )?fund|(?:the )?etf|yes|yeah|yep|ja|sí|oui|{fund}", put(fund))]
    if twofold := readings_of(words, unsure.asks, request, unsure.start):
        return twofold
    if unsure.asks == bindings.DOLLARS_OR_SHARES:
        return [
            (r"dollars?|money|usd", put(f"${words}")),
            (r"shares?|stocks?", put(f"{float(words[:-1]) * 1_000:g} shares")),
        ]
    if unsure.asks == bindings.BUYING_OR_BOTH and (bound := re.match(r"\W*(?:if|when|whenever|where)\s+(.*)", words, _I)) and words.startswith(","):  # fmt: skip
        return [
            (r"buy\w*(?: alone)?|entr\w+|purchases?", moved(f"Only buy when {bound[1]}")),
            (r"sell\w*(?: alone)?|sales?|exits?", put(f" and {bound[1]}")),
        ]
    if unsure.asks == bindings.WHICH_CLOSE:
        return [(r"yesterday'?s?(?: close)?|(?:of )?(?:the )?day", put("yesterday's close")), (r"(?:of )?(?:the )?(?:previous |last )?bar(?: before)?", put("the previous bar's close"))]  # fmt: skip
    if unsure.asks == bindings.HOW_LONG:
        return [(r"(?:at )?(?:this|the|each) bar(?: alone)?|now|level|state", put(f"is {words.split()[-1]}"))]
    plain = unsure.words.lower()
    if unsure.asks == unsure_words.BOUNDS_WHAT:
        condition = re.search(r"\b(only|not|never|nur|nicht)\b\s*(.*)", plain)
        if condition is None or condition[1] in ("nur", "nicht"):
            return []
        lead = "Only buy" if condition[1] == "only" else "Do not buy"
        found = [(r"buy\w*|entr\w+|purchases?", moved(f"{lead} {condition[2]}"))]
        if condition[1] == "only":
            found.append((r"sell\w*|sales?|exits?", put(" and")))
        return found
    if unsure.asks == OF_THE_SALE and (bound := re.fullmatch(r"(?:but |and )?(only|not|never)\b (.*)", words, _I | re.DOTALL)):  # fmt: skip
        only, sale = bound[1].lower() == "only", request[: unsure.start].rstrip(" ,;(—–")
        rest = request[unsure.end :]
        if rest[:1] not in ("", ".", ";"):
            return []
        said = f"{sale}{rest}".rstrip(" .")
        if not re.search(r"\b(?:sell|exit) (?:when|if)\b[^,;.]*$", sale, _I):
            # Of a stop or a target it is said; that buying is meant has to be said anew.
            return []
        return [
            (r"buy\w*|entr\w+|purchases?", f"{said}. {'Only buy' if only else 'Do not buy'} {bound[2]}."),
            (r"sell\w*|sales?|exits?", f"{sale} and it is {'' if only else 'not '}{bound[2]}{rest}"),
        ]
    if unsure.asks == bindings.BACK_OR_LEVEL:
        side = plain.rpartition(" ")[2]
        if side not in ("above", "below", "over", "under"):
            return []
        return [
            (r"cross\w*(?: back)?|(?:the )?moment|event", put(f"crosses {side}")),
            (r"level|state", put(f"is {side}")),
        ]
    if unsure.asks == unsure_words.LEVEL_OR_MOMENT and plain == "no longer":
        return [(r"level|state", put("not"))]
    if unsure.asks == unsure_words.ONE_OR_ALL_BARS:
        bars = re.search(r"(\w+)\s+\w+$", plain)
        if bars is None:
            return []
        return [
            (r"(?:at )?(?:one|any|some|once|at least once|sometime)(?: of (?:them|these))?", put(f"at some point {words}")),
            (r"(?:at |in )?(?:all|every|each)(?: (?:one )?of (?:them|these))?", put(re.sub(r"^\S+ the (?:last|past|previous|prior)", "for", words, flags=_I))),
        ]  # fmt: skip
    if unsure.asks == unsure_words.ALL_OR_ONE:
        return [("all|both|every", put(words.replace(";", " and"))), ("one|any|either", put(words.replace(";", " or")))]
    if unsure.asks == PRICE_OR_LENGTH:
        kind = re.search(r"\d+ ?(sma|ema|ma|wma)\b", request[unsure.end :], _I)
        return [(r"average|length|sma|ema", put(f"{words} {kind[1]}"))] if kind else []
    if unsure.asks == unsure_words.SAME_BAR_OR_AFTER:
        return [(r"(?:both )?(?:at )?(?:the )?same(?: bar)?|both|together", put(re.sub(r"\s*,?\s*\b(?:and )?then\b", " and", words, flags=_I)))]  # fmt: skip
    return []


def options(request: str, unsure: Unsure, leads_on: Callable[[str], bool]) -> str:
    """Lists what a person may press: the request in other words, for each reading; where there is none, says that all of it has to be said anew.

    Args:
        request: The person's words.
        unsure: Those of them that are asked about.
        leads_on: Whether a text is understood when it is said.
    """
    texts = [" ".join(text.split()) for _, text in choices_of(request, unsure)]
    told = [f"{number}. “{text}”" for number, text in enumerate(filter(leads_on, texts), 1)]
    return f" You could say: {'; '.join(told)}." if told else say_anew()


def say_anew() -> str:
    """The end of a question that offers nothing to press."""
    return " Please say the whole strategy once more, with these words said otherwise."


def naming_clauses(request: str, found: dict[str, Any]) -> dict[str, Any]:
    """The answer with the clauses that no reading understands in its question, rather than with words that one reading did not know in clauses that another reads."""
    unread = [each for each in found["questions"] if each.startswith((PART_UNREAD, ALL_UNREAD))]
    if found["kind"] != "clarify" or not unread:
        return found
    read = statements_of(request, next(iter(Wording(request).symbols), ""))
    lost = [request[each.start : each.end] for each in read if not each.kind]
    named = bool(lost) and len(lost) < len(read)
    said = " ".join(request.lower().split())
    questions = list[str]()
    for each in found["questions"]:
        foreign = each in unread and any(" ".join(words.lower().split()) not in said for words in re.findall(r"“([^”]+)”", each))  # fmt: skip
        if foreign:
            # Words of the translation are none of the person's.
            own = [one.strip()[:200] for one in (lost if named else [request])]
            questions.append(part_unread(own) if each.startswith(PART_UNREAD) else all_unread(own))
        else:
            questions.append(_naming(each, lost) if named and each.startswith(PART_UNREAD) else each)
    return {**found, "questions": questions}


def _naming(question: str, clauses: Sequence[str]) -> str:
    known = [each for each in re.findall(r"“([^”]+)”", question) if " " in each and not _VERB.match(each)]
    words = [each for clause in clauses for each in ([one for one in known if _is_whole(one, clause)] or [clause])]
    return part_unread(dict.fromkeys(words))


def _is_whole(words: str, clause: str) -> bool:
    """Whether a clause has words that are not cut out of a number or a time."""
    return re.search(rf"(?<![\w:.]){re.escape(words)}(?![\w:%]|\.\d)", clause) is not None


def restated(requests: Sequence[str], asked: Callable[[str], Sequence[str]]) -> str:
    """The first request with all that was answered since said in its words; empty where an answer is not understood.

    Args:
        requests: What the person said: a request, and answers to questions about it.
        asked: The questions that a request by itself leaves; none where a strategy answers it.
    """
    text = requests[0]
    for answer in requests[1:]:
        questions = asked(text)
        if not questions:
            return ""
        text = next((each for each in _with(text, answer, questions) if each), "")
        if not text:
            return ""
    return text


def with_answers(requests: Sequence[str], write: Callable[[str], dict[str, Any]]) -> dict[str, Any] | None:
    """The answer to a request whose questions were answered since: it is read as it is said with the answers, and the person is told how.

    Args:
        requests: What the person said: a request, and answers to questions about it.
        write: The answer to a request by itself.
    """

    def asked(text: str) -> list[str]:
        found = write(text)
        return list(found["questions"]) if found["kind"] == "clarify" else []

    text = restated(requests, asked)
    if not text:
        return None
    found = write(text)
    if found["kind"] != "strategy":
        return None
    pieces = found["requirements"]
    quoted = [each for each in pieces if each["quote"]]
    rules = [rule for each in quoted for rule in each["rules"]]
    lines = sorted({line for each in quoted for line in each["lines"]})
    meaning = "; ".join(each["meaning"] for each in quoted)[:600]
    first = {"quote": requests[0][:600], "meaning": meaning, "status": "assumed", "rules": rules, "lines": lines}
    rest = [{"quote": each[:600], "meaning": "said of the request before it", "status": "assumed", "rules": rules, "lines": lines} for each in requests[1:]]  # fmt: skip
    told = f"With your answer “{requests[-1][:600]}” it is read as: {' '.join(text.split())}"
    told += "".join(f" (Before, it was said so: “{each[:600]}”.)" for each in requests[:-1])
    told += "".join(
        f" (“{each.words}” is said so.)" for turn in requests[:-1] for each in unsure_in(turn.replace("’", "'"))
    )
    whole = {
        **found,
        "requirements": [first, *rest, *(each for each in pieces if not each["quote"])],
        "assumptions": [*found["assumptions"], told],
    }
    wanted = [Requirement.model_validate(each) for each in whole["requirements"]]
    whole["assumptions"] += readings_to_tell(requests[-1], wanted, whole["assumptions"], symbol=whole["symbol"], earlier=requests[:-1])[0]  # fmt: skip
    draft = StrategyDraft.model_validate(whole)
    request = Request(requests[-1], whole=True, earlier=tuple(requests[:-1]))
    return None if review(draft, compile_strategy(draft.python_code), request) else whole


def _with(request: str, answer: str, questions: Sequence[str]) -> Iterator[str]:
    """The request as it is said with this answer, most surely understood first."""
    offered = any(f"“{' '.join(answer.split())}”" in each for each in questions)
    if offered or (re.search(r"\bbuy", answer, _I) and re.search(r"\bsell", answer, _I)):
        # A reply that was offered says everything; of what else says everything, the request before it is no part.
        yield answer if offered else ""
        return
    yield _of_choice(request, answer, questions)
    yield _of_days(request, answer, questions)
    yield _of_one_symbol(request, answer, questions)
    yield _of_part(request, answer)


def _of_choice(request: str, answer: str, questions: Sequence[str]) -> str:
    unsure = unsure_in(request)
    offered = [text for question in questions for text in re.findall(r"[123]\. “([^”]+)”", question)]
    if "%" not in answer and (match := _NUMBERED.fullmatch(answer)):
        index = int(match["n"] or {"first": 1, "second": 2, "third": 3}[match["word"].lower()]) - 1
        return offered[index] if sum("1. “" in each for each in questions) <= 1 and index < len(offered) else ""
    if not unsure:
        return ""
    first = unsure[0]
    if first.asks == HOW_MUCH and (far := _PERCENT.search(answer)):
        side = first.words.split()[-1]
        return f"{request[: first.start]}at least {far[1]}% {side}{request[first.end :]}" if side in ("above", "below", "over", "under") else ""  # fmt: skip
    if re.match(r"Has it the numbers of “([^”]+)”", first.asks) and _YES.fullmatch(answer):
        given = re.search(r"\s*\(?\s*\d+\s*[,/]\s*\d+[^)]*\)?|\s*\(\s*\d+\s*\)", first.asks)
        return f"{request[: first.end]}{given[0].rstrip('”')}{request[first.end :]}" if given else ""
    for called, text in choices_of(request, first):
        if re.fullmatch(rf"\W*{_POLITE}(?:{called}){_TAIL}\W*", answer, _I):
            return text
    return ""


def _of_days(request: str, answer: str, questions: Sequence[str]) -> str:
    """“Should it be 50 bars of one minute instead?” “Yes.”"""
    asks = [each for each in questions if "bars of one minute instead" in each]
    if len(asks) != len(questions) or not asks or not _YES.fullmatch(answer):
        return ""
    counts = {count for each in asks for count in re.findall(r"Should it be (\d+) bars", each)}
    return _IN_BARS.sub(lambda match: f"{match[1]}-bar" if match[1] in counts else match[0], request)


def _of_one_symbol(request: str, answer: str, questions: Sequence[str]) -> str:
    """“AAPL and SPY are named. Which one is it for?” “AAPL.”"""
    asked = [match for each in questions if (match := _WHICH_SYMBOL.match(each))]
    (named, *others) = Wording(answer).symbols or [""]
    symbols = asked[0][1].split(", ") if asked else []
    if named not in symbols or others or not re.fullmatch(rf"\W*{_POLITE}\$?{re.escape(named)}{_TAIL}\W*", answer, _I):
        return ""
    either = "|".join(re.escape(each) for each in symbols)
    listed = re.compile(rf"\$?(?:{either})(?:\s*(?:,|&|/|\+|\band\b|\bor\b)\s*\$?(?:{either}))+(?!\w)", _I)
    text, count = listed.subn(named, request)
    return text if count == 1 else ""


def _of_part(request: str, answer: str) -> str:
    """The one part that was not understood, said in other words, or left out."""
    symbol = next(iter(Wording(request).symbols), "")
    read = statements_of(request, symbol)
    lost = [each for each in read if not each.kind]
    if not lost or any(one.end < other.start and each.kind for one, other in itertools.pairwise(lost) for each in read if one.end <= each.start < other.start):  # fmt: skip
        return ""
    start, end = lost[0].start, lost[-1].end
    if _LEAVE.fullmatch(answer):
        # What is left has to say something by itself.
        left = f"{request[:start].rstrip(' ,;')}. {request[end:].lstrip(' ,;.')}".strip(" .")
        return left if len(lost) == 1 else ""
    said = statements_of(answer, symbol)
    if not said or not all(each.kind for each in said):
        return ""
    return f"{request[:start].rstrip(' ,;')}. {answer.strip(' .')}. {request[end:].lstrip(' ,;.')}".strip(" .").removeprefix(". ")  # fmt: skip
