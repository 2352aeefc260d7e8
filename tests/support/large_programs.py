"""Large programs from the grammar of the language: as long, deep and dear as one can write them, most of them valid.

Made by a seeded generator instead of hypothesis: programs of thirty thousand characters are too much for its shrinking.
"""

from __future__ import annotations

import random

from stratforge.strategy.indicators import REGISTRY, Parameter
from stratforge.strategy.source import MAX_CHARACTERS

_PRICES = ["bars.close", "bars.open", "bars.high", "bars.low", "bars.volume"]
_LENGTHS = [2, 5, 14, 50, 100, 200, 390, 500, 1000, 1999, 2000]
_READS = ["bar.close", "bar.previous.close", "x", "state['k']", "state.get('j', 2)", "position.quantity", "N", "1.5", "bar.v0", "bar.previous.v0"]  # fmt: skip


class Programs:
    """Programs of one seed."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)

    def program(self) -> str:
        """One program, of any size up to the largest there is."""
        pick = self._random.choice
        size = pick([300, 2_000, 10_000, MAX_CHARACTERS - 500])
        # In the larger half of programs one long call decides; lengths that nobody may use would hide everything else.
        self._lengths = pick([[2, 5, 14], [2, 5, 14, 50, 200], _LENGTHS])
        source = f"N = {pick([1, 5, 14, 100, 900])}\ndef indicators(bars):\n"
        names: list[str] = []
        share = pick([0.1, 0.5, 0.9])
        deepest = pick([1, 2, 4])
        while len(source) < share * size or not names:
            source += f"    v{len(names)} = {self._series(names[-4:], self._random.randint(1, deepest))}\n"
            names.append(f"v{len(names)}")
        returned = sorted({"v0", *names[-pick([1, 5, 60]) :]})
        source += f"    return {{{', '.join(f'{name!r}: {name}' for name in returned)}}}\n"
        source += "def on_bar(bar, position, state):\n    x = 1\n"
        depth = pick([1, 2, 3, 8])
        while len(source) < size:
            source += self._statement(1, pick([0, 1, 3, 9]), depth)
        return source[: source.rindex("\n", 0, MAX_CHARACTERS - 100) + 1] if len(source) > MAX_CHARACTERS else source

    def _number(self, parameter: Parameter) -> str:
        low, high = max(parameter.minimum, -1e6), min(parameter.maximum, 1e6)
        return repr(self._random.choice([low, high, (low + high) / 2, min(max(1.0, low), high)]))

    def _call(self, names: list[str]) -> str:
        pick = self._random.choice
        indicator = REGISTRY[pick(sorted(REGISTRY))]
        arguments = [pick(names + _PRICES) for _ in indicator.inputs]
        for parameter in indicator.parameters:
            if parameter.kind == "length" and self._random.random() < 0.5:
                arguments.append(f"{parameter.name}={max(pick(self._lengths), int(parameter.minimum))}")
            elif parameter.kind == "number" and self._random.random() < 0.2:
                arguments.append(f"{parameter.name}={self._number(parameter)}")
        output = f".{pick(indicator.outputs)}" if indicator.outputs else ""
        return f"ta.{indicator.name}({', '.join(arguments)}){output}"

    def _series(self, names: list[str], depth: int) -> str:
        pick = self._random.choice
        if depth == 0:
            return pick(names + _PRICES)
        inner = [self._series(names, depth - 1) for _ in range(3)]
        return pick(
            [
                self._call(names),
                f"{inner[0]}.rolling({pick(self._lengths)}).{pick(['mean', 'std', 'median', 'max', 'sum', 'var', 'min'])}()",
                f"{inner[0]}.ewm(span={pick(self._lengths)}).mean()",
                f"{inner[0]}.{pick(['shift', 'diff', 'pct_change'])}({pick(self._lengths)})",
                f"np.where({inner[0]} > {inner[1]}, {inner[2]}, {pick(['0', 'N', '1e9', '-1e-9'])})",
                f"np.{pick(['sqrt', 'log', 'exp', 'abs'])}({inner[0]})",
                f"({inner[0]} {pick('+-*/')} {inner[1]})",
            ]
        )

    def _scalar(self, depth: int) -> str:
        pick = self._random.choice
        if depth <= 0:
            return pick(_READS)
        # One side is shallow, so that depth costs length and not its power.
        deep, shallow = self._scalar(depth - 1), self._scalar(min(depth - 1, 1))
        many = ", ".join([deep, *(self._scalar(0) for _ in range(self._random.randint(1, 7)))])
        return pick(
            [
                f"{pick(['min', 'max'])}({many})",
                f"({shallow} if {deep} else {shallow})",
                f"round({deep}, 2)",
                f"({deep} {pick(['and', 'or', '<', '==', '>='])} {shallow})",
                f"state.get('k', {deep})",
                f"(not {deep})",
                f"np.{pick(['sqrt', 'exp', 'log', 'floor'])}({deep})",
                f"({shallow} {pick(['+', '-', '*', '/', '//', '%', '**'])} {deep})",
            ]
        )

    def _statement(self, indent: int, blocks: int, depth: int) -> str:
        pick, margin = self._random.choice, "    " * indent
        kind = self._random.random()
        if blocks and kind < 0.3:
            body = "".join(self._statement(indent + 1, blocks - 1, depth) for _ in range(self._random.randint(1, 2)))
            return f"{margin}for i{indent} in range({pick([1, 1, 2, 10, 'N', 1000])}):\n{body}"
        if blocks and kind < 0.5:
            chain = "".join(
                f"{margin}elif {self._scalar(1)}:\n{self._statement(indent + 1, 0, 1)}"
                for _ in range(pick([0, 0, 1, 60]))
            )
            return f"{margin}if {self._scalar(1)}:\n{self._statement(indent + 1, blocks - 1, depth)}{chain}"
        if kind < 0.6:
            return f"{margin}state['k{self._random.randint(0, 25)}'] = {self._scalar(depth)}\n"
        if kind < 0.65:
            return f"{margin}if {self._scalar(1)}:\n{margin}    return {pick(['buy', 'sell'])}(quantity={self._scalar(1)})\n"
        return f"{margin}x {pick(['', '+', '*', '-'])}= {self._scalar(pick([depth, depth, 20 if depth > 2 else 2]))}\n"
