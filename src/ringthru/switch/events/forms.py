"""An event as text: plain, json or xml, in FreeSWITCH's forms; and a plain one read again.

Lives here: the three forms. Never here: frames, who gets an event.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from enum import Enum
from typing import Final

from .bus import Header, SwitchEvent

UNDEFINED: Final = "_undef_"  # what FreeSWITCH writes for an empty value
UNSAFE: Final = re.compile(r"""[^!$'()*,\-./0-9A-Z_a-z~]""")
CODES: Final = tuple(
    chr(code) if not UNSAFE.match(chr(code)) and code < 128 else f"%{code:02X}" for code in range(256)
)
ESCAPE: Final = re.compile(rb"%([0-9A-Fa-f]{2})")
NO_XML_NAME: Final = re.compile(r"[^A-Za-z0-9_.\-]")
NO_XML_TEXT: Final = re.compile(r"[^\t\n\r\x20-\uD7FF\uE000-\uFFFD\U00010000-\U0010FFFF]")


class EventFormat(Enum):
    """How a client wants its events."""

    PLAIN = "plain"
    JSON = "json"
    XML = "xml"


def percent(value: str) -> str:
    """A value of a plain event: percent-encoded, and never empty."""
    return encoded(value) or UNDEFINED


def encoded(value: str) -> str:
    """Percent-encoded."""
    if not UNSAFE.search(value):
        return value
    return "".join([CODES[byte] for byte in value.encode("utf-8", "replace")])


def unpercent(value: str) -> str:
    """What ``percent`` was given, whoever encoded it."""
    if value == UNDEFINED:
        return ""
    if "%" not in value:
        return value
    data = ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), value.encode("utf-8", "replace"))
    return data.decode("utf-8", "replace")


def plain_lines(headers: Iterable[Header]) -> str:
    """Headers, one a line; one whose name (a variable may be called anything) breaks lines is left out."""
    return "".join([f"{name}: {percent(value)}\n" for name, value in headers if name.isprintable()])


def plain(event: SwitchEvent) -> str:
    text = plain_lines(event.headers)
    if not event.body:
        return f"{text}\n"
    return f"{text}Content-Length: {len(event.body.encode('utf-8', 'replace'))}\n\n{event.body}"


def as_json(event: SwitchEvent) -> str:
    """One object of strings; a header that comes twice is an array."""
    values: dict[str, str | list[str]] = {}
    for name, value in event.headers:
        before = values.get(name)
        if before is None:
            values[name] = value
        elif isinstance(before, list):
            before.append(value)
        else:
            values[name] = [before, value]
    if event.body:
        values["Content-Length"] = str(len(event.body.encode("utf-8", "replace")))
        values["_body"] = event.body
    return json.dumps(values, ensure_ascii=False)


def as_xml(event: SwitchEvent) -> str:
    """Values are percent-encoded here as well, as FreeSWITCH has them; the body is not."""
    headers = list(event.headers)
    if event.body:
        headers.append(("Content-Length", str(len(event.body.encode("utf-8", "replace")))))
    lines = "".join(f"    <{_tag(name)}>{encoded(value)}</{_tag(name)}>\n" for name, value in headers)
    body = f"  <body>{_text(event.body)}</body>\n" if event.body else ""
    return f"<event>\n  <headers>\n{lines}  </headers>\n{body}</event>"


PAYLOADS: Final = {EventFormat.PLAIN: plain, EventFormat.JSON: as_json, EventFormat.XML: as_xml}


def read_plain(payload: bytes) -> SwitchEvent:
    """A plain event as somebody else reads it; what is no header line is passed over."""
    head, _, body = payload.decode("utf-8", "replace").partition("\n\n")
    pairs = [line.partition(": ") for line in head.split("\n")]
    headers = tuple((name, unpercent(value)) for name, colon, value in pairs if colon)
    kept = tuple(each for each in headers if each[0].lower() != "content-length")
    named = dict(reversed(headers))
    return SwitchEvent(named.get("Event-Name", ""), kept, body, named.get("Event-Subclass", ""))


def _tag(name: str) -> str:
    """An element's name; a variable may be called anything."""
    tag = NO_XML_NAME.sub("_", name) or "_"
    return tag if tag[0].isalpha() or tag[0] == "_" else f"_{tag}"


def _text(value: str) -> str:
    value = NO_XML_TEXT.sub("\ufffd", value)
    return value.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
