"""The style sheet: sizes of text, space and corners come from a scale each, heads of tables stay in sight, the font says whose it is."""

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


# Steps of the space between things, in the root's size; and of the roundness of corners.
SPACE = {0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0}
CORNERS = {"0", ".25rem", ".5rem", ".75rem", "1rem", "50%"}
# The room that the places at the foot of a phone take, which lie over the page.
BESIDE_SPACE = {("padding-bottom", "3.75rem")}


def declared(properties: str) -> set[tuple[str, str]]:
    """Each length that the sheet gives to properties of these names, with the property."""
    text = re.sub(r"/\*.*?\*/", "", SHEET, flags=re.DOTALL)
    found = re.findall(rf"(?<=[;{{\s])((?:{properties})(?:-[a-z]+)*):\s*([^;}}]+)", text)
    return {
        (name, each) for name, value in found for each in re.findall(r"(?<![\w.-])-?\.?\d[\d.]*(?:[a-z]+|%)?", value)
    }


def test_all_space_is_of_one_scale() -> None:
    lengths = declared("margin|padding|gap|column-gap|row-gap|border-spacing")
    assert len(lengths) > 30, "they are found"
    stray = {
        (name, each)
        for name, each in lengths
        if each != "0" and not (each.endswith("rem") and abs(float(each.removesuffix("rem"))) in SPACE)
    }
    assert stray == BESIDE_SPACE


def test_all_corners_are_of_one_scale() -> None:
    corners = {each for name, each in declared("border") if name.endswith("radius")}
    assert corners == CORNERS, "and a step that nothing uses is none"


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
