"""The style can be read by everybody (WCAG 2.2, 1.4.3), and loads nothing; so does the script."""

from __future__ import annotations

import re
from importlib.resources import files

import pytest

from ringthru.web.page_driver import FILES

STATIC = {name: files("ringthru.web").joinpath("static", name).read_text() for name, _ in FILES}
DAY, NIGHT = STATIC["page.css"].split("@media (prefers-color-scheme: dark)")[:2]
PAIRS = (
    *((ink, ground) for ink in ("ink", "quiet", "accent") for ground in ("ground", "paper")),
    *((state, f"{state}-ground") for state in ("good", "warn", "bad", "idle")),
    *((state, "paper") for state in ("good", "warn", "bad", "idle")),
    ("on-accent", "accent"),
)
AA = 4.5


def colours(part: str) -> dict[str, str]:
    return dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", part))


def luminance(colour: str) -> float:
    """Relative luminance of sRGB (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("time", ["day", "night"])
@pytest.mark.parametrize(("ink", "ground"), PAIRS)
def test_words_stand_out_from_their_ground(time: str, ink: str, ground: str) -> None:
    known = colours(DAY if time == "day" else NIGHT)
    assert contrast(known[ink], known[ground]) >= AA


@pytest.mark.parametrize("name", STATIC)
def test_nothing_is_loaded_from_elsewhere(name: str) -> None:
    text = STATIC[name].replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert not re.search(r"https?://|@import|url\(|//[a-z]+\.", text)


def test_the_script_makes_no_markup_of_text() -> None:
    """One place takes HTML, and it is the switch's own, which is escaped there."""
    assert STATIC["page.js"].count("innerHTML") == 1
    for word in ("eval(", "document.write", "insertAdjacentHTML", "outerHTML", "new Function"):
        assert word not in STATIC["page.js"]
