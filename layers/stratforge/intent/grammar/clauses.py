"""Composes the parts of a turn into clauses: a verb with its conditions, whichever comes first, sizes, exits, limits; every word has to lie in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache

from stratforge.intent.grammar import conditions
from stratforge.intent.grammar.deeds import Exit, Setting, Size
from stratforge.intent.grammar.parts import Part, Unread, passed_over, spread, tilings
from stratforge.intent.grammar.tokens import tokens_of
from stratforge.intent.grammar.values import Condition, Numbers, Operand, Spoken, Unclear, written


@dataclass
class Clause:
    """What a stretch of the turn says.

    Attributes:
        kind: As a `Statement` has it.
        texts: Its condition, the usual reading first.
        orders: Rules of exits of the order that say the same.
        settings: Sizes, limits and pauses.
    """

    kind: str
    begin: int
    stop: int
    texts: tuple[str, ...] = ()
    value: float = 100.0
    orders: tuple[str, ...] = ()
    settings: tuple[tuple[str, float, str], ...] = ()


_MOST_TOKENS = 200


@lru_cache(256)
def readings_of(turn: str, symbol: str) -> tuple[tuple[tuple[int, int, Clause], ...], ...]:
    """The readings of a turn, each as its clauses with their places; none where a word has no reading."""
    tokens = tokens_of(turn)
    if not tokens or len(tokens) > _MOST_TOKENS:
        return ()
    found: dict[str, list[Clause]] = {}
    for tiling in tilings(tokens, symbol):
        try:
            clauses = _Composition(tiling).clauses()
        except Unread:
            continue
        found.setdefault(
            repr(
                [(each.kind, each.texts[:1], each.value, each.settings) for each in clauses if each.kind != "nothing"]
            ),
            clauses,
        )
    return tuple(
        tuple((tokens[each.begin].start, tokens[each.stop - 1].end, each) for each in clauses)
        for clauses in found.values()
    )


@dataclass
class _Group:
    """A verb and what belongs to it."""

    side: str
    value: float = 100.0
    begin: int = 0
    stop: int = 0
    items: list[tuple[str, Part]] = field(default_factory=list)
    sizes: list[Part] = field(default_factory=list)
    marked: bool = False


class _Composition:
    def __init__(self, parts: Sequence[Part]) -> None:
        passed_over(parts)
        self.parts = list(spread(each for each in parts if each.kind not in ("filler", "article", "then")))
        self.spoken = Spoken()
        self.found = list[Clause]()
        self.minutes = 0.0
        self.lengths = list[tuple[str, float]]()
        self.topics = list[str]()

    def clauses(self) -> list[Clause]:
        pending = list[Part]()
        heading: Part | None = None
        for each in self.parts:
            if each.kind == "DefPart":
                self.minutes = each.value
            if each.kind == "TopicPart":
                self.spoken.left = each.value
                self.topics.append(each.value.text)
            if each.kind == "LenPart":
                self.lengths.append(each.value)
        self.parts = [each for each in self.parts if each.kind != "TopicPart"]
        for sentence in self._sentences():
            if [each for each in sentence if each.kind in ("DefPart", "LenPart")]:
                if any(each.kind not in ("DefPart", "LenPart", "symbol", "comma", "arrow") for each in sentence):
                    raise Unread
                self._nothing(sentence)
                continue
            if any(each.kind in ("title", "topic") for each in sentence):
                self._titled(sentence)
                continue
            core = [each for each in sentence if each.kind not in ("symbol", "bullet")]
            if not core:
                self._nothing(sentence)
                continue
            if core[0].kind == "label":
                if pending:
                    raise Unread
                heading, core = core[0], core[1:]
                if heading.value == "symbol" and not core:
                    heading = None
                    continue
                if not core:
                    continue
                self._labeled(heading, core)
                heading = None
                continue
            core = self._with_verb(core)
            verbs = any(each.kind in ("BuyPart", "SellPart") for each in core)
            if pending and not verbs and core[0].kind == "SizePart":
                core = [Part("BuyPart", "buy", core[0].begin, core[0].begin), *core]
                verbs = True
            if (
                len(core) == 1
                and core[0].kind == "BuyPart"
                and not pending
                and self.found
                and self.found[-1].kind == "buy"
            ):
                # “Setup: …. Then buy.”
                continue
            waiting = [each for each in core if each.kind in ("Cond", "TimePart")]
            if heading is not None and not verbs:
                self._labeled(heading, core)
                continue
            heading = None
            if not verbs and waiting:
                pending = [*pending, *([Part("comma", ",", core[0].begin, core[0].begin)] if pending else []), *core]
                continue
            if (
                pending
                and not any(each.kind == "BuyPart" for each in core)
                and not any(each.kind == "buy" for each in self.found)
            ):
                # What has to hold, and then only how it is sold: it is what it buys by.
                self._sentence([Part("BuyPart", "buy", pending[0].begin, pending[0].begin), *pending])
                pending = []
            if pending:
                first = next((index for index, each in enumerate(core) if each.kind in ("BuyPart", "SellPart")), None)
                own = first is not None and any(
                    each.kind in ("Cond", "TimePart") for each in core[:first] + core[first + 1 :]
                )
                if (first != 0 and not (first == 1 and core[0].kind in ("comma", "and"))) or own:
                    raise Unread
                core, pending = [*pending, *core], []
            self._sentence(core)
        if pending:
            raise Unread
        if not any(each.kind == "buy" for each in self.found):
            raise Unread
        return self._merged()

    def _with_verb(self, core: list[Part]) -> list[Part]:
        """“RSI under 30 → 100 shares”: how much is bought says that it is bought."""
        if any(each.kind in ("BuyPart", "SellPart") for each in core):
            return core
        for index, each in enumerate(core):
            if (
                each.kind == "SizePart"
                and index > 1
                and (
                    core[index - 1].kind == "arrow"
                    or (core[index - 1].kind == "comma" and each.value == Size(100, "% of equity"))
                )
                and self._conditions(core[:index])
            ):
                return [*core[:index], Part("BuyPart", "buy", each.begin, each.begin), *core[index:]]
        return core

    def _merged(self) -> list[Clause]:
        numbers = Numbers()
        try:
            for text in self.topics:
                numbers.put(text)
            for name, length in self.lengths:
                numbers.put(f"«{name}={length:g}»")
            for each in sorted(self.found, key=lambda one: one.begin):
                each.texts = tuple(map(numbers.put, each.texts))
                each.orders = tuple(map(numbers.put, each.orders))
        except Unclear as error:
            raise Unread from error
        return sorted(self.found, key=lambda one: one.begin)

    def _sentences(self) -> Iterator[list[Part]]:
        sentence = list[Part]()
        for each in self.parts:
            if each.kind in ("end", "label", "bullet") or (
                each.kind == "arrow" and any(one.kind == "title" for one in sentence)
            ):
                if sentence:
                    yield sentence
                sentence = [each] if each.kind == "label" else []
            else:
                sentence.append(each)
        if sentence:
            yield sentence

    def _titled(self, sentence: Sequence[Part]) -> None:
        """A name, or a story, and what it is about: its numbers hold where the rules name it without."""
        for each in sentence:
            if each.kind == "topic" and isinstance(each.value, tuple):
                for index, number in enumerate(each.value):
                    self.lengths.append((f"supertrend{index}", number))
                self.spoken.trend = _trend(each.value, True, False).text
            elif each.kind == "topic":
                self.topics.append(each.value.text)
            elif each.kind not in ("title", "symbol", "comma", "and", "or", "when", "either", "SymbolPart"):
                raise Unread
        self._nothing(sentence)

    def _nothing(self, sentence: Sequence[Part]) -> None:
        self.found.append(Clause("nothing", sentence[0].begin, sentence[-1].stop))

    # Headings.
    def _labeled(self, label: Part, core: list[Part]) -> None:
        role = label.value
        core = self._stripped(core)
        if role in ("buy", "sell"):
            side = [each for each in core if each.kind in ("BuyPart", "SellPart")]
            if side and core and side[0] is core[0]:
                # “Entry: buy when …”.
                self._sentence(core)
                return
            if side:
                raise Unread
            verb = Part(
                "BuyPart" if role == "buy" else "SellPart", "buy" if role == "buy" else 100.0, label.begin, label.stop
            )
            self._sentence([verb, *core], marked=True)
        elif role == "filter":
            conds = [each for each in core if each.kind in ("Cond", "WindowPart")]
            group = _Group("only", begin=label.begin, stop=core[-1].stop, items=self._items(core), marked=True)
            if not conds:
                raise Unread
            self._close(group)
        elif role == "stop" or role == "target" or role == "trail":
            self._label_exit(label, core)
        elif role == "size":
            if len(core) == 1 and core[0].kind == "SizePart":
                self._setting(core[0], label.begin)
            else:
                raise Unread
        elif role in ("limit", "pause", "time"):
            for each in core:
                if each.kind in ("LimitPart", "PausePart"):
                    self._setting(each, label.begin)
                elif each.kind == "WindowPart":
                    self._window(each, label.begin)
                elif each.kind in ("SellPart", "BuyPart"):
                    self._sentence(core)
                    return
                elif each.kind not in ("comma", "and"):
                    raise Unread
        else:
            raise Unread

    def _label_exit(self, label: Part, core: list[Part]) -> None:
        exits = [each for each in core if each.kind == "ExitPart"]
        if len(core) != 1 or not exits:
            raise Unread
        found: Exit = exits[0].value
        self.found.append(self._exit_clause(replace(exits[0], begin=label.begin), found))

    # Sentences.
    def _stripped(self, core: list[Part]) -> list[Part]:
        joints = ("comma", "and", "or", "arrow", "bullet")
        core = list(core)
        while core and core[0].kind in ("comma", "and", "arrow", "bullet", "symbol"):
            core.pop(0)
        while core and core[-1].kind in (*joints, "symbol"):
            core.pop()
        if not core:
            raise Unread
        return core

    def _sentence(self, core: list[Part], *, marked: bool = False) -> None:
        core = self._stripped([each for each in core if each.kind not in ("symbol", "bullet")])
        verbs = [index for index, each in enumerate(core) if each.kind in ("BuyPart", "SellPart")]
        if not verbs:
            self._loose(core)
            return
        before = core[: verbs[0]]
        leads = any(
            each.kind in ("Cond", "TimePart", "ElsePart", "ExitPart")
            and not (each.kind == "ExitPart" and each.value.own)
            for each in before
        )
        groups = list[_Group]()
        rest = before
        for place, index in enumerate(verbs):
            verb = core[index]
            after = core[index + 1 : verbs[place + 1] if place + 1 < len(verbs) else len(core)]
            side = "buy" if verb.kind == "BuyPart" else "sell"
            group = _Group(side, 100.0 if side == "buy" else verb.value, verb.begin, verb.stop, marked=marked)
            while leads and after and after[0].kind in ("SizePart", "TimePart") and side == "buy":
                group.sizes.append(after.pop(0))
            if leads and (
                not place
                or self._conditions(rest)
                or any(each.kind == "ExitPart" and not each.value.own for each in rest)
            ):
                mine, following = rest, after
                if self._belongs(after, last=place + 1 == len(verbs)):
                    mine, following = (
                        [
                            *rest,
                            *([Part("when", "if", verb.begin, verb.begin)] if self._conditions(rest) else []),
                            *after,
                        ],
                        [],
                    )
                rest = following
            else:
                mine, rest = ([*rest, *after] if leads else after if place else [*before, *after]), []
            group.items = [*self._items(mine), *(("", each) for each in group.sizes)]
            groups.append(group)
        if leads and self._stripped_or_none(rest):
            raise Unread
        for each in groups:
            self._close(each)

    def _stripped_or_none(self, rest: list[Part]) -> list[Part]:
        return [each for each in rest if each.kind not in ("comma", "and", "or", "arrow")]

    def _conditions(self, parts: Sequence[Part]) -> bool:
        return any(each.kind in ("Cond", "TimePart", "ElsePart") for each in parts)

    def _belongs(self, after: Sequence[Part], *, last: bool) -> bool:
        """Whether what stands after a verb is said of it, though its condition came before: nothing but sizes and what stands by itself."""
        kinds = {each.kind for each in after} - {"comma", "and", "arrow"}
        if kinds <= {"SizePart"}:
            return True
        return last and kinds <= {"SizePart", "TimePart", "OnlyPart", "LimitPart", "WindowPart", "PausePart"} | (
            {"ExitPart"} if all(each.value.own for each in after if each.kind == "ExitPart") else set()
        )

    def _items(self, parts: Sequence[Part]) -> list[tuple[str, Part]]:
        """Parts with what joins each of them to the part before."""
        found = list[tuple[str, Part]]()
        joint, begin = "", -1
        for each in parts:
            if each.kind in ("when", "either") and begin < 0 and each.stop > each.begin:
                begin = each.begin
            if each.kind == "arrow" and "then" in str(each.value) and found and found[-1][1].kind == "Cond":
                # One after the other is no “and”.
                joint = "then"
            elif each.kind in ("comma", "arrow"):
                joint = joint or "comma"
            elif each.kind in ("and", "or"):
                joint = each.kind
            elif each.kind == "when":
                joint = {"": "when", "comma": "when"}.get(joint, joint)
            elif each.kind == "either":
                continue
            else:
                found.append((joint, replace(each, begin=begin) if 0 <= begin < each.begin else each))
                joint, begin = "", -1
        return found

    def _loose(self, core: list[Part]) -> None:
        """A sentence without a verb: exits, sizes, limits and hours, each by itself."""
        if core[0].kind == "ExitPart" and core[0].value.own and any(each.kind == "or" for each in core) and all(each.kind in ("ExitPart", "or", "comma", "TimePart", "CloseTime", "when", "either") for each in core):  # fmt: skip
            self._close(_Group("sell", 100.0, core[0].begin, core[-1].stop, self._items(core)))
            return
        for each in core:
            if each.kind in ("comma", "and"):
                continue
            if each.kind in ("LimitPart", "PausePart", "SizePart"):
                self._setting(each, each.begin)
            elif each.kind == "ExitPart" and each.value.own:
                self.found.append(self._exit_clause(each, each.value))
            elif each.kind == "WindowPart" and not each.value.plain:
                self._window(each, each.begin)
            elif each.kind == "OnlyPart":
                self.spoken.side = "only"
                text, _ = self._texts(each.value)
                self.found.append(Clause("only", each.begin, each.stop, (text,)))
            else:
                raise Unread

    def _setting(self, part: Part, begin: int) -> None:
        self.found.append(Clause("setting", begin, part.stop, settings=(_set(part.value),)))

    def _window(self, part: Part, begin: int) -> None:
        self.found.append(Clause("only", begin, part.stop, (part.value.text,)))

    def _exit_clause(self, part: Part, found: Exit) -> Clause:
        text, order = self._exit(found)
        return Clause("sell", part.begin, part.stop, (text,), orders=(order,) if order else ())

    def _exit(self, found: Exit) -> tuple[str, str]:
        if found.operand is None:
            return found.text, found.order
        self.spoken.side = "sell"
        try:
            operand = self._operand(found.operand)
        except Unclear as error:
            raise Unread from error
        return found.text.format(operand), found.order.format(operand)

    def _operand(self, operand: Operand) -> str:
        if operand.kind == "range":
            return f"opening_{operand.edge}({self._opening():g})"
        text = written(Condition("compare", Operand("close", "price"), ">", operand), replace(self.spoken))
        return text.removeprefix("close > ")

    def _opening(self) -> float:
        if not self.minutes:
            raise Unread
        return self.minutes

    def _close(self, group: _Group) -> None:
        """Makes clauses of a verb with its items."""
        self.spoken.side = "buy" if group.side in ("buy", "only") else "sell"
        conds = list[tuple[str, str, str]]()
        settings = list[tuple[str, float, str]]()
        orders = list[str]()
        windows = list[str]()
        begin, stop = group.begin, group.stop
        apart = list[Clause]()
        trailing = _trailing(group)
        for place, (joint, part) in enumerate(group.items):
            kind, value = part.kind, part.value
            if place >= trailing and kind == "ExitPart":
                apart.append(self._exit_clause(part, value))
                continue
            if (
                kind in ("Cond", "TimePart", "CloseTime", "ExitPart", "WindowPart", "SizePart")
                and not (kind == "SizePart" and group.side == "sell")
                and not (kind == "ExitPart" and value.own and group.side == "buy")
                and not (kind == "WindowPart" and not value.plain)
            ):
                begin, stop = min(begin, part.begin), max(stop, part.stop)
            if kind == "Cond":
                conds.append((joint, *self._texts(value)))
            elif kind in ("TimePart", "CloseTime"):
                minute = value.minute
                text = (
                    f"minute >= {minute:g}"
                    if group.side == "sell"
                    else f"minute >= {minute:g} and minute < {minute + 1:g}"
                )
                conds.append((joint, text, text))
            elif kind == "ExitPart":
                if group.side == "sell":
                    text, order = self._exit(value)
                    conds.append((joint, text, text))
                    orders.append(order)
                elif group.side == "buy" and value.own:
                    apart.append(self._exit_clause(part, value))
                else:
                    raise Unread
            elif kind == "WindowPart":
                if group.side == "sell":
                    if value.plain and "<" in value.text:
                        raise Unread
                    if not value.plain or joint not in ("when", ""):
                        apart.append(Clause("only", part.begin, part.stop, (value.text,)))
                        if value.plain:
                            raise Unread
                    else:
                        conds.append((joint, value.text, value.text))
                elif value.plain:
                    windows.append(value.text)
                else:
                    apart.append(Clause("only", part.begin, part.stop, (value.text,)))
            elif kind == "SizePart":
                if group.side == "buy":
                    settings.append(_set(value))
                elif joint == "comma" and conds:
                    apart.append(Clause("setting", part.begin, part.stop, settings=(_set(value),)))
                else:
                    raise Unread
            elif kind == "OnlyPart" and group.side == "buy":
                apart.append(Clause("only", part.begin, part.stop, self._texts(value)[:1]))
            elif kind == "ElsePart" and group.side == "sell":
                begin, stop = min(begin, part.begin), max(stop, part.stop)
                bought = [each for each in self.found if each.kind == "buy"]
                if len(bought) != 1 or "crosses" in bought[0].texts[0] or "minute" in bought[0].texts[0]:
                    raise Unread
                conds.append((joint, f"not ({bought[0].texts[0]})", f"not ({bought[0].texts[0]})"))
            elif kind in ("LimitPart", "PausePart"):
                apart.append(Clause("setting", part.begin, part.stop, settings=(_set(value),)))
            else:
                raise Unread
        self._emit(group, conds, settings, list(orders), windows, begin, stop)
        self.found += apart

    def _texts(self, condition: Condition) -> tuple[str, str]:
        before = replace(self.spoken, averages={key: set(each) for key, each in self.spoken.averages.items()})
        try:
            moment = written(self._ranged(condition), before, moment=True)
            return written(self._ranged(condition), self.spoken), moment
        except Unclear as error:
            raise Unread from error

    def _ranged(self, condition: Condition) -> Condition:
        """A condition in which the opening range has its minutes."""

        def of(operand: Operand | None) -> Operand | None:
            if operand is not None and operand.kind == "range":
                return Operand(f"opening_{operand.edge}({self._opening():g})", "price", operand.edge)
            if operand is not None and operand.text.startswith("opening_"):
                self.minutes = float(operand.text.partition("(")[2].rstrip(")"))
            return operand

        return replace(
            condition,
            left=of(condition.left),
            right=of(condition.right),
            parts=tuple(map(self._ranged, condition.parts)),
        )

    def _emit(
        self,
        group: _Group,
        conds: list[tuple[str, str, str]],
        settings: list[tuple[str, float, str]],
        orders: list[str],
        windows: list[str],
        begin: int,
        stop: int,
    ) -> None:
        texts: tuple[str, ...] = ()
        if conds:
            joined = self._joined([(joint, usual) for joint, usual, _ in conds], group.side)
            moment = self._joined([(joint, other) for joint, _, other in conds], group.side)
            texts = (joined,) if joined == moment else (joined, moment)
            if windows:
                texts = tuple(f"({each}) and ({') and ('.join(windows)})" for each in texts)
        elif windows:
            if group.side == "buy":
                self.found.append(
                    Clause(
                        "only", begin, stop, (" and ".join(f"({each})" for each in windows),), settings=tuple(settings)
                    )
                )
                return
            texts = (" and ".join(f"({each})" for each in windows),)
        elif group.side == "buy" and settings:
            self.found.append(Clause("setting", begin, stop, settings=tuple(settings)))
            return
        elif group.side == "buy":
            raise Unread
        if not texts:
            raise Unread
        if group.side == "sell" and group.value < 100:
            self.found.append(Clause("part", begin, stop, texts, group.value))
        else:
            kept = tuple(orders) if len(conds) == 1 and orders and orders[0] else ()
            self.found.append(Clause(group.side, begin, stop, texts, orders=kept, settings=tuple(settings)))

    def _joined(self, conds: list[tuple[str, str]], side: str) -> str:
        texts = [f"({text})" for _, text in conds]
        if any(joint == "then" for joint, _ in conds):
            raise Unread
        if len(texts) == 1:
            return conds[0][1]
        joints = {joint for joint, _ in conds[1:]}
        if side == "sell":
            if "or" in joints and joints <= {"or", "comma"}:
                return " or ".join(texts)
            if joints == {"comma"}:
                return " or ".join(texts)
            if joints <= {"and", "when"} and sum("minute" in each for each in texts) < 2:
                return " and ".join(texts)
            raise Unread
        if "or" in joints:
            if joints <= {"or", "comma"}:
                return " or ".join(texts)
            raise Unread
        return " and ".join(texts)


def _trailing(group: _Group) -> int:
    """From which item on a sale is followed by nothing but exits, limits and hours that stand by themselves."""
    conds = [place for place, (_, each) in enumerate(group.items) if each.kind not in ("LimitPart", "PausePart", "SizePart") and not (each.kind == "ExitPart" and each.value.own) and not (each.kind == "WindowPart" and not each.value.plain)]  # fmt: skip
    return max(conds) + 1 if conds and group.side == "sell" else len(group.items)


def _trend(numbers: tuple[float, ...], up: bool, turned: bool) -> Condition:
    found = conditions.trend(numbers, up, turned)
    if found is None:
        raise Unread
    return found


def _set(value: Size | Setting) -> tuple[str, float, str]:
    if isinstance(value, Size):
        return "size", value.value, value.unit
    return ("at most", value.value, "") if value.kind == "at most" else ("wait", value.value, "")
