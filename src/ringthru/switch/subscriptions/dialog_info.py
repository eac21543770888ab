"""Dialog event packages on the wire: ``application/dialog-info+xml`` (RFC 4235 §4).

A document is always full, so that a lost one harms nobody. A call that is over stands once more in the next
one, ``terminated``: there are phones that put out no lamp for a call that is merely missing.

Lives here: one document. Never here: which calls there are, who may see their tags.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final
from urllib.parse import quote

from ...net.values import replace
from .markup import xml_text
from .watched import Line

KIND: Final = "application/dialog-info+xml"
NAMESPACE: Final = "urn:ietf:params:xml:ns:dialog-info"
ANONYMOUS: Final = ("Anonymous", "sip:anonymous@anonymous.invalid")  # RFC 3323 §4.1.1.3
PICK_UP: Final = "**"  # the tree's and FreeSWITCH's: dialled before an extension it takes what rings there
SAFE: Final = "-_.!~*'()&=+$,;?/"  # in a user part (RFC 3261 §25.1)


def document(entity: str, version: int, lines: Sequence[Line], before: Sequence[Line] = ()) -> bytes:
    """The calls of ``entity``, a SIP URI; ``before`` are those of the document before this one."""
    there = {each.id for each in lines}
    over = [replace(each, state="terminated") for each in before if each.id not in there]
    head = (
        f'<?xml version="1.0"?>\n<dialog-info xmlns="{NAMESPACE}" version="{version}" state="full"'
        f' entity="{xml_text(entity)}">\n'
    )
    return (head + "".join(_dialog(entity, each) for each in (*lines, *over)) + "</dialog-info>\n").encode()


def _dialog(entity: str, line: Line) -> str:
    """One ``dialog`` element (§4.1.1), its children in the order of the schema."""
    tags = ""
    if line.call_id:
        pairs = (("call-id", line.call_id), ("local-tag", line.local_tag), ("remote-tag", line.remote_tag))
        tags = "".join(f' {name}="{xml_text(value)}"' for name, value in pairs)
    way = "initiator" if line.calls else "recipient"
    begin = f'<dialog id="{xml_text(line.id)}"{tags} direction="{way}">\n<state>{line.state}</state>\n'
    return f"{begin}{'' if line.state == 'terminated' else _parties(entity, line)}</dialog>\n"


def _parties(entity: str, line: Line) -> str:
    """Who is watched, and whom he talks to (§4.1.6); the other one's target picks up what rings."""
    user, _, host = entity.removeprefix("sips:").removeprefix("sip:").rpartition("@")
    own = xml_text(f"sip:{user}@{host}")
    rendering = f'<param pname="+sip.rendering" pvalue="{"no" if line.held else "yes"}"/>'
    local = f'<local><identity>{own}</identity><target uri="{own}">{rendering}</target></local>\n'
    if line.hidden:
        name, uri = ANONYMOUS
    else:
        name, uri = line.other_name, f"sip:{quote(line.other_number, SAFE, errors='replace')}@{host}"
    display = f' display="{xml_text(name)}"' if name else ""
    target = f"sip:{PICK_UP}{user}@{host}" if line.state == "early" else uri
    remote = f'<identity{display}>{xml_text(uri)}</identity><target uri="{xml_text(target)}"/>'
    return f"{local}<remote>{remote}</remote>\n" if line.hidden or line.other_number else local
