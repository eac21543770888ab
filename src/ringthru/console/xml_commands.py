"""``xml_locate`` and ``find_user_xml``: what the configuration came to, as XML; secrets are left empty.

Lives here: FreeSWITCH's forms and texts, and the XML. Never here: reading the configuration.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from ..switch.configuration import Element, User
from ..switch.variable_names import spelled
from .commands import Command
from .switch_like import SwitchLike
from .tables import xml_text
from .text import words_of

LOCATE: Final = "[root | <section> <tag> <tag_attr_name> <tag_attr_val>]"
BAD_WORDS: Final = "-Error bad args\n"
NOTHING: Final = "can't find anything\n"
SECRET: Final = re.compile(r"passw|secret|a1-hash|reverse-auth-pass|(^|-)pin$|cred$", re.IGNORECASE)


async def xml_locate(switch: SwitchLike, arguments: str) -> str:
    """All of it, a section, or the first element of a section with that attribute."""
    match words_of(arguments):
        case ["root"]:
            return _xml(switch.tree.root)
        case [section]:
            found = list(switch.tree.section(section).elements)
        case [section, tag, name, value]:
            tags = switch.tree.section(section).all(tag)
            found = [each for each in tags if each.get(name) == value][:1]
        case _:
            return BAD_WORDS
    return "".join(_xml(each) for each in found) or NOTHING


async def find_user_xml(switch: SwitchLike, arguments: str) -> str:
    """``id USER DOMAIN``: with what his group and his domain give him."""
    words = words_of(arguments)
    if len(words) < 3:
        return BAD_WORDS
    key, name, domain = words[:3]
    user = switch.calls.dialer.endpoints.user(f"{name}@{domain}")
    return "-Error can't find user\n" if user is None or key != "id" else _user_xml(user)


async def xml_flush_cache(switch: SwitchLike, arguments: str) -> str:
    """There is none: the directory is in memory, and ``reloadxml`` reads it anew."""
    return "+OK cleared 0 entries\n"


def _user_xml(user: User) -> str:
    attributes = {"id": user.id, "number-alias": user.number_alias, "cidr": ",".join(user.cidr)}
    given = {name: value for name, value in attributes.items() if value}
    inside = [*_group("param", user.params), *_group("variable", user.variables)]
    lines = [_tag("user", given, ">"), *inside, "</user>"]
    return "".join(f"{line}\n" for line in lines)


def _group(kind: str, values: Mapping[str, str]) -> Iterator[str]:
    yield f"  <{kind}s>"
    for name, value in values.items():
        yield "    " + _tag(kind, {"name": spelled(name), "value": value}, "/>")
    yield f"  </{kind}s>"


def _xml(element: Element) -> str:
    return "".join(f"{line}\n" for line in _lines(element, ""))


def _lines(element: Element, indent: str) -> Iterator[str]:
    text = xml_text(element.text)
    if not element.children:
        end = f">{text}</{element.tag}>" if text else "/>"
        yield indent + _tag(element.tag, element.attributes, end)
        return
    yield indent + _tag(element.tag, element.attributes, ">") + text
    for child in element.children:
        yield from _lines(child, indent + "  ")
    yield f"{indent}</{element.tag}>"


def _tag(tag: str, attributes: Mapping[str, str], end: str) -> str:
    secret = bool(SECRET.search(attributes.get("name", "")))
    shown = (
        f' {name}="{_quoted("" if (secret and name == "value") or SECRET.search(name) else value)}"'
        for name, value in attributes.items()
    )
    return f"<{tag}{''.join(shown)}{end}"


def _quoted(value: str) -> str:
    return xml_text(value).replace('"', "&quot;")


def commands() -> list[Command]:
    return [
        Command("find_user_xml", "<key> <user> <domain>", "Find a user", find_user_xml, ("id",)),
        Command("xml_flush_cache", "<id> <key> <val>", "Clear xml cache", xml_flush_cache),
        Command("xml_locate", LOCATE, "Find some xml", xml_locate, ("root", "directory", "configuration")),
    ]
