"""Composes the parts of a turn into clauses: a verb with its conditions, whichever comes first, sizes, exits, limits; every word has to lie in one of them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache

from stratforge.intent.grammar.deeds import Exit, Size
from stratforge.intent.grammar.lexicon import lexemes_of
from stratforge.intent.grammar.parts import Part, Unread, passed_over, spread, tilings
from stratforge.intent.grammar.sayings import Clause, Group, Sayings, is_deed
from stratforge.intent.grammar.tokens import tokens_of
from stratforge.intent.grammar.values import Numbers, Unclear

_MOST_TOKENS = 200
_CONDITIONS = ("Cond", "TimePart", "CloseTime", "ExitPart", "WindowPart", "ElsePart")


@lru_cache(256)
def readings_of(
    turn: str, symbol: str, called: frozenset[str] = frozenset()
) -> tuple[tuple[tuple[int, int, Clause], ...], ...]:
    """The readings of a turn, each as its clauses with their places; none where a word has no reading.

    Args:
        symbol: What the answer trades.
        called: Names of the company by which it is called.
    """
    tokens = tokens_of(turn)
    if not tokens or len(tokens) > _MOST_TOKENS:
        return ()
    named = any(kind == "symbol" for here in lexemes_of(tokens, symbol, called) for _, kind, _ in here)
    found: dict[str, list[Clause]] = {}
    for tiling in tilings(tokens, symbol, called):
        try:
            clauses = _Composition(tiling, named=named).clauses()
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


class _Composition(Sayings):
    def __init__(self, parts: Sequence[Part], *, named: bool) -> None:
        super().__init__()
        self.spoken.named = named
        passed_over(parts)
        self.parts = list(spread(each for each in parts if each.kind not in ("filler", "article", "then")))

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
                self.nothing(sentence)
                continue
            core = [each for each in sentence if each.kind not in ("symbol", "bullet")]
            if core and core[0].kind == "or":
                # What a sentence or an item of a list is joined to by “or” is not plain.
                raise Unread
            if not core:
                self.nothing(sentence)
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
            if each.kind in ("end", "label", "bullet"):
                if sentence:
                    yield sentence
                sentence = [each] if each.kind == "label" else []
            else:
                sentence.append(each)
        if sentence:
            yield sentence

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
            group = Group("only", begin=label.begin, stop=core[-1].stop, items=self._items(core), marked=True)
            if not conds:
                raise Unread
            self.close(group)
        elif role == "stop" or role == "target" or role == "trail":
            self._label_exit(label, core)
        elif role == "size":
            if len(core) == 1 and core[0].kind == "SizePart":
                self.setting(core[0], label.begin)
            else:
                raise Unread
        elif role in ("limit", "pause", "time"):
            for each in core:
                if each.kind in ("LimitPart", "PausePart"):
                    self.setting(each, label.begin)
                elif each.kind == "WindowPart":
                    self.window(each, label.begin)
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
        self.found.append(self.exit_clause(replace(exits[0], begin=label.begin), found))

    # Sentences.
    def _stripped(self, core: list[Part]) -> list[Part]:
        joints = ("comma", "and", "or", "arrow", "bullet")
        core = list(core)
        while core and core[0].kind in ("comma", "and", "arrow", "bullet", "symbol"):
            core.pop(0)
        if core and core[-1].kind == "or":
            raise Unread
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
        if core[verbs[0]].kind == "SellPart" and before and all(each.kind in ("WindowPart", "LimitPart", "PausePart", "SizePart", "comma", "and") or (each.kind == "ExitPart" and each.value.own) for each in before):  # fmt: skip
            # What stands before the verb by itself is not said of the sale.
            self._loose(before)
            core = core[verbs[0] :]
            verbs = [each - len(before) for each in verbs]
            before = []
        leads = any(
            each.kind in ("Cond", "TimePart", "ElsePart", "ExitPart")
            and not (each.kind == "ExitPart" and each.value.own)
            for each in before
        )
        groups = list[Group]()
        rest = before
        for place, index in enumerate(verbs):
            verb = core[index]
            after = core[index + 1 : verbs[place + 1] if place + 1 < len(verbs) else len(core)]
            side = "buy" if verb.kind == "BuyPart" else "sell"
            upcoming = core[verbs[place + 1]] if place + 1 < len(verbs) else None
            if after and after[-1].kind == "or" and (upcoming is None or side == "buy" or upcoming.kind == "BuyPart"):
                raise Unread
            group = Group(side, 100.0 if side == "buy" else verb.value, verb.begin, verb.stop, marked=marked)
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
            self.close(each)

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
        joint, begin, after = "", -1, False
        for each in parts:
            if (
                each.kind == "when"
                and found
                and found[-1][1].kind == "WindowPart"
                and "weekday" in found[-1][1].value.text
            ):
                # “On Fridays only when …”: of these days, or only on them.
                raise Unread
            if each.kind in ("when", "either") and begin < 0 and each.stop > each.begin:
                begin = each.begin
            if each.kind == "arrow" and "then" in str(each.value) and found and found[-1][1].kind == "Cond":
                # One after the other is no “and”.
                joint = "then"
            elif each.kind in ("comma", "arrow"):
                joint = joint or "comma"
            elif each.kind in ("and", "or"):
                if joint in ("and", "or") and joint != each.kind:
                    raise Unread
                joint, after = each.kind, each.value == "or after"
            elif each.kind == "when":
                joint = {"": "when", "comma": "when"}.get(joint, joint)
            elif each.kind == "either":
                continue
            else:
                if joint == "or" and not (found and found[-1][1].kind in _CONDITIONS and each.kind in _CONDITIONS):
                    # There is nothing that it could be joined to.
                    raise Unread
                if after and each.kind == "TimePart":
                    # “Or after 14:00”.
                    each = replace(each, value=replace(each.value, due=True))
                found.append((joint, replace(each, begin=begin) if 0 <= begin < each.begin else each))
                joint, begin, after = "", -1, False
        return found

    def _loose(self, core: list[Part]) -> None:
        """A sentence without a verb: exits, sizes, limits and hours, each by itself."""
        if core[0].kind == "ExitPart" and core[0].value.own and any(each.kind == "or" for each in core) and all(each.kind in ("ExitPart", "or", "comma", "TimePart", "CloseTime", "when", "either") for each in core):  # fmt: skip
            self.close(Group("sell", 100.0, core[0].begin, core[-1].stop, self._items(core)))
            return
        last: Part | None = None
        for each in core:
            if each.kind in ("comma", "and"):
                continue
            if last is not None and each.kind == "OnlyPart" and not each.value.buying and is_deed(last):
                # What a stop, a size or a limit depends on does not bound buying.
                raise Unread
            last = each
            if each.kind in ("LimitPart", "PausePart", "SizePart"):
                self.setting(each, each.begin)
            elif each.kind == "ExitPart" and each.value.own:
                self.found.append(self.exit_clause(each, each.value))
            elif each.kind == "WindowPart" and not each.value.plain:
                self.window(each, each.begin)
            elif each.kind == "OnlyPart":
                self.spoken.side = "only"
                text, _ = self.texts(each.value.condition)
                self.found.append(Clause("only", each.begin, each.stop, (text,)))
            else:
                raise Unread
