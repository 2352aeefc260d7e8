"""Clauses one by one: the texts of their conditions, their exits, sizes and limits."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from stratforge.intent.grammar.deeds import At, Exit, Setting, Size
from stratforge.intent.grammar.parts import Part, Unread
from stratforge.intent.grammar.values import Condition, Operand, Spoken, Unclear, written


@dataclass
class Clause:
    """A stretch of the turn with what it says.

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


@dataclass
class Group:
    """A verb and what belongs to it."""

    side: str
    value: float = 100.0
    begin: int = 0
    stop: int = 0
    items: list[tuple[str, Part]] = field(default_factory=list)
    sizes: list[Part] = field(default_factory=list)
    marked: bool = False


class Sayings:
    """The clauses of a turn as they are found, and what was spoken of until now."""

    def __init__(self) -> None:
        self.spoken = Spoken()
        self.found = list[Clause]()
        self.minutes = 0.0
        self.lengths = list[tuple[str, float]]()
        self.topics = list[str]()

    def nothing(self, sentence: Sequence[Part]) -> None:
        """Keeps a sentence that decides nothing."""
        self.found.append(Clause("nothing", sentence[0].begin, sentence[-1].stop))

    # Headings.
    def setting(self, part: Part, begin: int) -> None:
        """Keeps a size, a limit or a pause."""
        self.found.append(Clause("setting", begin, part.stop, settings=(_set(part.value),)))

    def window(self, part: Part, begin: int) -> None:
        """Keeps a restriction of buying by times or days."""
        self.found.append(self.restriction(part, begin))

    def restriction(self, part: Part, begin: int) -> Clause:
        """Makes a clause of times or days; the minute of a bound itself may be on either side."""
        text: str = part.value.text
        strict = re.sub(r"\bminute (>=|<) (?=\d)", lambda match: f"minute {'>' if match[1] == '>=' else '<='} ", text)
        return Clause("only", begin, part.stop, (text,) if text == strict else (text, strict))

    def exit_clause(self, part: Part, found: Exit) -> Clause:
        """Makes a clause of an exit that stands by itself."""
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

    def close(self, group: Group) -> None:
        """Makes clauses of a verb with its items."""
        self.spoken.side = "buy" if group.side in ("buy", "only") else "sell"
        self.spoken.lefts, self.spoken.now = self.spoken.now or self.spoken.lefts, frozenset()
        conds = list[tuple[str, str, str]]()
        settings = list[tuple[str, float, str]]()
        orders = list[str]()
        windows = list[str]()
        begin, stop = group.begin, group.stop
        apart = list[Clause]()
        trailing = _trailing(group)
        for (_, one), (_, other), (joint, third) in zip(group.items, group.items[1:], group.items[2:], strict=False):
            if joint in ("when", "") and (one.kind, other.kind, third.kind) == ("Cond", "WindowPart", "Cond"):
                # “…, on Fridays only when …”: another condition on some days, or one more on all.
                raise Unread
        for (_, one), (joint, other) in zip(group.items, group.items[1:], strict=False):
            if joint == "or" and group.side != "sell" and "WindowPart" in (one.kind, other.kind):
                # Hours that are one of several ways do not bound the others.
                raise Unread
            if (
                one.kind == "Cond"
                and one.value.lasting
                and other.kind in ("WindowPart", "TimePart")
                and joint in ("", "when")
            ):
                # “Has been above VWAP since 10:00” is more than above it now.
                raise Unread
            if group.side == "sell" and joint not in ("or", "comma") and "Cond" in (one.kind, other.kind) and (_is_latest(one) or _is_latest(other)):  # fmt: skip
                # “Within 10 bars if …” is not after 10 bars.
                raise Unread
        for place, (joint, part) in enumerate(group.items):
            kind, value = part.kind, part.value
            if place >= trailing and kind == "ExitPart":
                apart.append(self.exit_clause(part, value))
                continue
            if (
                kind in ("Cond", "TimePart", "CloseTime", "ExitPart", "WindowPart", "SizePart")
                and not (kind == "SizePart" and group.side == "sell")
                and not (kind == "ExitPart" and value.own and group.side == "buy")
                and not (kind == "WindowPart" and not value.plain)
            ):
                begin, stop = min(begin, part.begin), max(stop, part.stop)
            last = group.items[place - 1][1] if place else None
            if kind == "Cond" and last is not None and (_stands_alone(last) or (last.kind == "Cond" and not joint)):
                # “A stop at 2 % below the day's low”: what nothing joins may go on with what is before it.
                raise Unread
            if kind in ("TimePart", "CloseTime") and group.side == "buy" and any(map(_stands_alone, [one for _, one in group.items[:place]])):  # fmt: skip
                # “Stop 2 %, target 3 %, 15:30”: one more way out, or when it is bought.
                raise Unread
            if kind == "Cond" and group.side == "sell" and not joint and value.right is not None and value.right.away:
                # “Sell 2 % above the average” may say how much.
                raise Unread
            if kind == "Cond":
                conds.append((joint, *self.texts(value)))
            elif kind in ("TimePart", "CloseTime"):
                if value.due and group.side == "buy":
                    raise Unread
                text = value.text(once=group.side != "sell")
                conds.append((joint, text, text))
            elif kind == "ExitPart":
                if group.side == "sell":
                    text, order = self._exit(value)
                    conds.append((joint, text, text))
                    orders.append(order)
                elif group.side == "buy" and value.own:
                    apart.append(self.exit_clause(part, value))
                else:
                    raise Unread
            elif kind == "WindowPart":
                if group.side == "sell":
                    # A restriction after a sale may be of the sale or of buying.
                    if value.buying:
                        apart.append(self.restriction(part, part.begin))
                        continue
                    if not value.plain or "<" in value.text or joint not in ("when", ""):
                        raise Unread
                    conds.append((joint, value.text, value.text))
                elif value.plain:
                    windows.append(value.text)
                else:
                    apart.append(self.restriction(part, part.begin))
            elif kind == "SizePart":
                if group.side == "buy":
                    settings.append(_set(value))
                elif joint == "comma" and conds:
                    apart.append(Clause("setting", part.begin, part.stop, settings=(_set(value),)))
                else:
                    raise Unread
            elif kind == "OnlyPart" and group.side == "buy":
                if last is not None and not value.buying and is_deed(last):
                    # What a stop, a size or a limit depends on does not bound buying.
                    raise Unread
                apart.append(Clause("only", part.begin, part.stop, self.texts(value.condition)[:1]))
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

    def texts(self, condition: Condition) -> tuple[str, str]:
        """Writes a condition in its usual reading, and as the moment at which it comes to hold."""
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
        group: Group,
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
            exits = [each for each in texts if each.startswith(("(bars_held", "(minute", "(gain", "(drop"))]
            if joints <= {"and", "when"} and not ("and" in joints and exits) and len(exits) < 2:
                return " and ".join(texts)
            raise Unread
        if "or" in joints:
            if joints <= {"or", "comma"}:
                return " or ".join(texts)
            raise Unread
        return " and ".join(texts)


def is_deed(part: Part) -> bool:
    """True where a part says what is done and not when, so that “unless” after it is said of it."""
    return part.kind in ("LimitPart", "PausePart", "SizePart") or (part.kind == "ExitPart" and part.value.own)


def _is_latest(part: Part) -> bool:
    """Whether a moment of a sale is the latest one."""
    return (isinstance(part.value, At) and part.value.due) or (isinstance(part.value, Exit) and part.value.latest)


def _stands_alone(part: Part) -> bool:
    """Whether a part says something of its own, which no condition goes on with."""
    if part.kind == "ExitPart":
        return bool(part.value.own)
    return part.kind in ("LimitPart", "PausePart", "OnlyPart") or (part.kind == "WindowPart" and not part.value.plain)


def _trailing(group: Group) -> int:
    """From which item on a sale is followed by nothing but exits, limits and hours that stand by themselves."""
    conds = [place for place, (_, each) in enumerate(group.items) if each.kind not in ("LimitPart", "PausePart", "SizePart") and not (each.kind == "ExitPart" and each.value.own) and not (each.kind == "WindowPart" and not each.value.plain)]  # fmt: skip
    return max(conds) + 1 if conds and group.side == "sell" else len(group.items)


def _set(value: Size | Setting) -> tuple[str, float, str]:
    if isinstance(value, Size):
        return "size", value.value, value.unit
    return ("at most", value.value, "") if value.kind == "at most" else ("wait", value.value, "")
