"""Holes in a message: places for our own address, filled only when the message is encoded.

Who a message goes to decides how we are reached by him, so nobody who writes one need know it.

Lives here: the holes, their filling, and what is made of them in what others send.
Never here: which address it is.
"""

from __future__ import annotations

import re
from typing import Final

from ringthru.net.address import Endpoint

from ..errors import LocalError
from ..flow import default_port

HERE: Final = "\x00"  # our own host[:port]
HERE_HOST: Final = "\x01"  # our own host only
HERE_URI: Final = "\x02"  # our own host[:port][;transport=…], as a Contact says it

HOLES: Final = re.compile(f"[{HERE}{HERE_HOST}{HERE_URI}]")
CONTACT_HOLE: Final = re.compile(rf"<sip:([^<>{HERE_URI}]*){HERE_URI}")


def fill(text: str, here: Endpoint | None, transport: str, secure: bool) -> str:
    """The text with ``here`` in its holes, as it is told over ``transport``; a port of 5060 is left out.

    ``secure``: a Contact says ``sips:``, too.

    Raises:
        LocalError: our own address is not known.
    """
    if here is None:
        raise LocalError("our own address is not known yet")
    host = f"[{here.host}]" if ":" in here.host else here.host
    # Over TLS the port is always written: peers disagree on what its absence means (RFC 3263 §4.2, §19.1.2).
    whole = host if here.port == 5060 == default_port(transport) else f"{host}:{here.port}"
    uri = whole if transport == "UDP" else f"{whole};transport={transport.lower()}"
    if secure:  # RFC 3261 §8.1.1.8, §12.1.1; RFC 5630 §3.1.3 has no transport=tls beside sips:
        text = CONTACT_HOLE.sub(rf"<sips:\g<1>{whole}", text)
    return text.replace(HERE_URI, uri).replace(HERE, whole).replace(HERE_HOST, host)


def without_holes(text: str) -> str:
    """What somebody sent, with U+FFFD in place of what would pass for a hole."""
    return HOLES.sub("\ufffd", text)
