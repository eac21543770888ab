"""What the answer to a request of ours tells of the way that the request took.

A server repeats our Via as it came to it (RFC 3261 §8.2.6.2), ``rport`` included (RFC 3581 §4). Where it is
another one by then, somebody on the way rewrites SIP: a SIP ALG, which many home routers have.

Lives here: the comparison. Never here: where our request came from (``received``), who is told.
"""

from __future__ import annotations

from typing import Final

from ...net.address import Endpoint, same_host
from ...sip.wire.headers import Via

SIP_PORT: Final = 5060  # of a sent-by that names none (RFC 3261 §18.1.1)


def meddling(via: Via, sent: Endpoint, asked_rport: bool) -> str | None:
    """What became of our Via over UDP, for people; None: it came back as it was sent.

    ``sent`` is the address and port that stood there, ``asked_rport`` whether ``rport`` did.
    """
    port = via.port or SIP_PORT
    if port != sent.port or not same_host(via.host, sent.host):
        return f"it names {Endpoint(via.host, port)} where we sent {sent}"
    if asked_rport and not via.wants_rport:
        return "its rport, which we had sent, is gone"
    return None
