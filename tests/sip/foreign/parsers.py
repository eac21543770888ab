"""What sippy and aiosipua read in a message: a line of hexadecimal digits comes in, a line of JSON goes out.

Each says what it took for the method or status, number and method of the CSeq, the Call-ID, both tags, the
top branch, and how many Vias there are; or null where it refuses the message.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable
from contextlib import redirect_stdout
from typing import Any

from aiosipua import SipMessage, SipRequest  # type: ignore[import-not-found]
from sippy.SipRequest import SipRequest as SippyRequest  # type: ignore[import-not-found]
from sippy.SipResponse import SipResponse as SippyResponse  # type: ignore[import-not-found]


def by_sippy(data: bytes) -> list[Any]:
    text = data.decode()
    message = (SippyResponse if text.startswith("SIP/2.0 ") else SippyRequest)(text)
    body = message.getHFBody
    return [
        message.getSCode()[0] if isinstance(message, SippyResponse) else message.getMethod(),
        *body("cseq").getCSeq(),
        str(body("call-id")),
        body("from").getTag(),
        body("to").getTag(),
        body("via").getBranch(),
        message.countHFs("via"),
    ]


def by_aiosipua(data: bytes) -> list[Any]:
    message = SipMessage.parse(data)
    return [
        message.method if isinstance(message, SipRequest) else message.status_code,
        message.cseq.seq,
        message.cseq.method,
        message.call_id,
        message.from_addr.tag,
        message.to_addr.tag,
        message.via[0].branch,
        len(message.via),
    ]


def read(reader: Callable[[bytes], list[Any]], data: bytes) -> list[Any] | None:
    try:
        with redirect_stdout(io.StringIO()):  # sippy has things to say
            return reader(data)
    except Exception:
        return None


if __name__ == "__main__":
    for line in sys.stdin:
        octets = bytes.fromhex(line)
        print(
            json.dumps({"sippy": read(by_sippy, octets), "aiosipua": read(by_aiosipua, octets)}), flush=True
        )
