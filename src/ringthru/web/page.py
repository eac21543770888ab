"""Whole documents: the page of sections, and the form to log in.

Lives here: which sections there are, in which order. Never here: what stands in one.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from ..net.values import frozen
from .markup import Html, element, joined
from .sections import calls, chain, nat, people, telling
from .view import View

ICON: Final = "/static/icon.svg"


@frozen
class Section:
    """One part of the page, which is replaced as a whole when it changes."""

    id: str
    title: str  # empty: it has no heading
    render: Callable[[View, str], Html]
    wide: bool = False


SECTIONS: Final = (
    Section("summary", "", telling.summary, wide=True),
    Section("chain", "", chain.chain, wide=True),
    Section("calls", "Calls now", calls.live, wide=True),
    Section("recent", "Recent calls", calls.recent, wide=True),
    Section("findings", "Findings", telling.findings, wide=True),
    Section("phones", "Phones", people.phones, wide=True),
    Section("trunks", "Providers", people.trunks, wide=True),
    Section("router", "Router", nat.router),
    Section("setup", "Set up a phone", people.setup),
    Section("mappings", "Open ports", nat.mappings, wide=True),
    Section("profiles", "Profiles", people.profiles, wide=True),
    Section("log", "Warnings", telling.log, wide=True),
)


def sections(view: View, token: str) -> dict[str, str]:
    """The inside of each section, by its id."""
    return {each.id: str(each.render(view, token)) for each in SECTIONS}


def page(view: View, token: str) -> bytes:
    """The whole page; without scripts it is as complete, and is loaded anew by a link."""
    inside = sections(view, token)
    parts = [_section(each, Html(inside[each.id])) for each in SECTIONS]
    main = element("main", *parts, id="main")
    name = view.snapshot.hostname or "Ringthru"
    return _document(
        f"{name} – Ringthru",
        joined(_head(token), main, _foot()),
        script=True,
        data_now=round(view.now, 1),
    )


def _section(section: Section, inside: Html) -> Html:
    title = element("h2", section.title, id=f"{section.id}-title") if section.title else None
    body = element("div", inside, id=section.id, class_="inside")
    return element(
        "section",
        title,
        body,
        class_="wide" if section.wide else "half",
        aria_labelledby=f"{section.id}-title" if title else None,
        aria_label=None if title else section.id.capitalize(),
        hidden=not inside,
    )


def _head(token: str) -> Html:
    mark = element("img", src=ICON, alt="", width=28, height=28)
    again = element("a", "Look again", href="/", class_="again", id="again")
    live = element("span", "live", class_="badge good", id="live", hidden=True)
    out = element(
        "form",
        element("input", type="hidden", name="token", value=token),
        element("button", "Log out", type="submit"),
        method="post",
        action="/logout",
    )
    skip = element("a", "To the content", href="#main", class_="skip")
    said = element("p", "", id="said", role="status")
    return element("header", skip, element("h1", mark, "Ringthru"), said, live, again, out, class_="top")


def _foot() -> Html:
    data = element("a", "/api/snapshot", href="/api/snapshot")
    return element("footer", "The same as data: ", data)


def login_page(words: str) -> bytes:
    """The form; ``words`` say what was wrong before, or nothing."""
    known = "current-password"
    field = element(
        "input", type="password", name="password", id="password", autocomplete=known, required=True
    )
    label = element("label", "Password", for_="password")
    hint = element(
        "p",
        "It is in the file web_password of the switch’s state folder; the log names it. "
        "web.conf may say another one.",
        class_="quiet",
    )
    form = element(
        "form",
        element("h1", element("img", src=ICON, alt="", width=40, height=40), "Ringthru"),
        element("p", words, role="alert", class_="alert") if words else None,
        label,
        field,
        element("button", "Log in", type="submit", class_="main"),
        hint,
        method="post",
        action="/login",
        class_="login",
    )
    return _document("Log in – Ringthru", element("main", form), script=False)


def password_page(user: str, password: str) -> bytes:
    """The answer to "Show password" where no script puts it into the page."""
    told = element("p", "The password of ", element("code", user), " is ", element("code", password))
    back = element("p", element("a", "Back", href="/#setup"))
    return _document("Password – Ringthru", element("main", told, back, class_="login"), script=False)


def _document(title: str, body: Html, *, script: bool, **data: float) -> bytes:
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="icon", href=ICON, type="image/svg+xml"),
        element("link", rel="stylesheet", href="/static/page.css"),
        element("script", src="/static/page.js", type="module") if script else None,
    )
    return ("<!DOCTYPE html>\n" + element("html", head, element("body", body, **data), lang="en")).encode()
