"""The style sheet: sizes of text come from one scale, heads of tables stay in sight, the font says whose it is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from functions.api import dashboard

HERE = Path(dashboard.__file__).parent
SHEET = (HERE / "static" / "app.css").read_text(encoding="utf-8")
# What stands outside the scale, and why: the root that the scale is measured by on the screen and on paper, the narrowest phones'
# navigation, and code, whose letters are wider.
OUTSIDE = {"93.75%", "75%", ".72rem", ".85rem", "13.5px", "13px"}


def test_every_size_of_text_is_of_the_scale_or_has_its_reason() -> None:
    sizes = re.findall(r"font-size:\s*([^;}]+?)\s*[;}]", SHEET)
    shorthands = [each for each in re.findall(r"[ ;{]font:\s*([^;}]+?)\s*[;}]", SHEET) if each != "inherit"]
    sizes += [re.findall(r"[\d.]+(?:rem|em|px|%)|var\(--[\w-]+\)", each)[0] for each in shorthands]
    scale = set(re.findall(r"(--(?:small|text-[sm]|h[123])):", SHEET))
    assert len(scale) == 6
    used = {each.removeprefix("var(").removesuffix(")") for each in sizes}
    assert used - scale == OUTSIDE
    assert scale <= used, "a step that nothing uses is none"


def test_the_head_of_a_table_stays_in_sight() -> None:
    (rule,) = re.findall(r"(?<![\w.#-] )thead th \{([^}]*)\}", SHEET)[:1]
    assert "position: sticky" in rule
    assert "top: 0" in rule


@pytest.mark.parametrize("font", sorted(HERE.glob("vendor/*.woff2")), ids=lambda each: each.name)
def test_a_font_that_is_vendored_has_its_licence_beside_it_and_its_line_in_the_list(font: Path) -> None:
    licence = (font.parent / f"{font.name.split('-')[0]}.LICENSE").read_text(encoding="utf-8")
    assert "SIL OPEN FONT LICENSE" in licence.upper()
    (line,) = [
        each
        for each in (font.parent / "README.md").read_text(encoding="utf-8").splitlines()
        if f"`{font.name}`" in each
    ]
    assert "SIL Open Font License" in line
