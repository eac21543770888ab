"""HTML made of values: the one place where text becomes markup, so that nothing is forgotten.

Whatever peers say (a display name, a User-Agent, a router's words) goes in as ``str`` and comes out escaped;
only what this module made itself is ``Html`` and passes as it is.

Lives here: escaping, elements, times that go on. Never here: what any page says.
"""

from __future__ import annotations

import re
from html import escape
from typing import Final

from ..console.text import visible
from ..net.spans import span

VOID: Final = frozenset(("br", "hr", "input", "link", "meta"))  # elements without an end
GOING: Final = re.compile(r'(<time class="going" [^>]*>)[^<]*')
LONGEST_TEXT: Final = 400  # characters of one text
Attribute = str | int | float | bool | None


class Html(str):
    """Text that is HTML already; nobody but this module makes any of what peers said."""

    __slots__ = ()


def escaped(text: object) -> Html:
    """What may stand in an element or in the quotes of an attribute; what would steer a screen is shown."""
    if isinstance(text, Html):
        return text
    return Html(escape(visible(str(text)[:LONGEST_TEXT]), quote=True))


def joined(*parts: object) -> Html:
    """One after another; None and empty texts leave nothing."""
    return Html("".join(escaped(part) for part in parts if part is not None))


def element(name: str, /, *inside: object, **attributes: Attribute) -> Html:
    """An element. ``class_`` is the attribute class, ``aria_label`` aria-label; True is a bare attribute,
    None and False are left out. Names come from our own code alone."""
    text = "".join(_attribute(key, value) for key, value in attributes.items())
    if name in VOID:
        return Html(f"<{name}{text}>")
    return Html(f"<{name}{text}>{joined(*inside)}</{name}>")


def _attribute(key: str, value: Attribute) -> str:
    if value is None or value is False:
        return ""
    name = key.removesuffix("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(value)}"'


def since(began: float, now: float) -> Html:
    """How long ago a moment of the wall clock was; a browser that runs scripts lets it go on."""
    return element("time", span(now - began), class_="going", data_since=round(began))


def until(end: float, now: float) -> Html:
    """How long it is until a moment of the wall clock."""
    return element("time", span(end - now), class_="going", data_until=round(end))


def at_rest(html: str) -> str:
    """The same without what goes on by itself: two that differ in it alone are the same to a reader."""
    return GOING.sub(r"\1", html)


def table(caption: str, heads: tuple[str, ...], rows: list[tuple[object, ...]]) -> Html:
    """A table; the first column names its row, and each cell knows its head.

    On a narrow screen rows become cards. Roles are written out, for browsers forget what a table is then.
    """
    if not rows:
        return Html("")
    head = element(
        "tr", *(element("th", each, scope="col", role="columnheader") for each in heads), role="row"
    )
    body = [element("tr", *_cells(heads, row), role="row") for row in rows]
    return element(
        "table",
        element("caption", caption, class_="unseen"),
        element("thead", head, role="rowgroup"),
        element("tbody", *body, role="rowgroup"),
        role="table",
    )


def _cells(heads: tuple[str, ...], row: tuple[object, ...]) -> list[Html]:
    first, *others = row
    named = zip(heads[1:], others, strict=True)
    return [
        element("th", first, scope="row", role="rowheader"),
        *(element("td", element("div", cell), data_head=head, role="cell") for head, cell in named),
    ]


def badge(state: str, words: object) -> Html:
    """A word with a colour; the word alone says it all. States: good, warn, bad, idle."""
    return element("span", words, class_=f"badge {state}")


def button(words: str, path: str, token: str, about: str = "", **fields: str) -> Html:
    """A form of one button: it posts its fields, with the token that only our own pages have."""
    hidden = {"token": token, **fields}
    return element(
        "form",
        *(element("input", type="hidden", name=name, value=value) for name, value in hidden.items()),
        element("button", words, type="submit", aria_label=about or None),
        method="post",
        action=path,
        class_="deed",
    )
