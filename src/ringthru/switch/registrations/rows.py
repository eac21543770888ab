"""A user's bindings as one row of the store: text out, text in, and the two clocks.

A running switch counts by a clock that nobody sets; the file outlives it, and holds wall-clock instants. A
wall clock can be wrong: a binding that is read back never lives longer than it was granted for.

Lives here: Binding ⇄ JSON. Never here: files.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ...net.address import Endpoint
from ...net.values import frozen
from ...sip import Binding, Flow, MalformedMessage, NameAddr, Origin
from ...sip.registrar.registration import read_q

LONGEST_ROW: Final = 65_536  # characters; ten bindings at their caps have 40,000


@frozen
class Clocks:
    """One moment by both clocks, in seconds."""

    steady: float  # the event loop's
    wall: float  # since the epoch

    def to_wall(self, instant: float) -> float:
        return self.wall + (instant - self.steady)


def encode(bindings: Sequence[Binding], clocks: Clocks) -> str:
    """All bindings of one address-of-record."""
    import json  # not of the start

    return json.dumps([_fields(each, clocks) for each in bindings], separators=(",", ":"))


def _fields(binding: Binding, clocks: Clocks) -> dict[str, Any]:
    origin, flow = binding.origin, binding.origin.flow
    return {
        "contact": str(NameAddr("", binding.contact, binding.parameters)),
        "call_id": binding.call_id,
        "cseq": binding.cseq,
        "updated": round(clocks.to_wall(binding.updated_at), 3),
        "expires": round(clocks.to_wall(binding.expires_at), 3),
        "margin": binding.margin,
        "agent": binding.user_agent,
        "path": list(binding.path),
        "instance": binding.instance,
        "reg_id": binding.reg_id,
        "flow": [flow.transport, *flow.local, *flow.remote],
        "profile": origin.profile,
        "status": origin.status,
        "user": origin.username,
        "realm": origin.realm,
    }


def decode(aor: str, text: str, clocks: Clocks) -> list[Binding]:
    """The bindings of a row that still live, and can still be reached.

    A phone behind a NAT over TCP or TLS is not among them: its connection ended with the switch that held it.

    Raises:
        ValueError: not such a row.
    """
    import json  # not of the start

    if len(text) > LONGEST_ROW:
        raise ValueError(f"{len(text)} characters")
    try:
        found = [_binding(aor, fields, clocks) for fields in json.loads(text)]
    except (KeyError, TypeError, AttributeError, MalformedMessage, RecursionError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from error
    return [each for each in found if each.expires_at > clocks.steady and _outlives_a_restart(each)]


def _binding(aor: str, fields: dict[str, Any], clocks: Clocks) -> Binding:
    contact = NameAddr.parse(fields["contact"])
    granted = float(fields["expires"]) - float(fields["updated"])
    left = min(float(fields["expires"]) - clocks.wall, granted)
    transport, local, local_port, remote, remote_port = fields["flow"]
    flow = Flow(
        str(transport), Endpoint(str(local), int(local_port)), Endpoint(str(remote), int(remote_port))
    )
    return Binding(
        aor,
        contact.uri,
        str(fields["call_id"]),
        int(fields["cseq"]),
        clocks.steady + left,
        Origin(flow, *(str(fields[name]) for name in ("profile", "status", "user", "realm"))),
        str(fields["agent"]),
        read_q(contact),
        clocks.steady + left - granted,
        contact.parameters,
        tuple(str(each) for each in fields["path"]),
        str(fields["instance"]),
        int(fields["reg_id"]),
        int(fields["margin"]),
    )


def _outlives_a_restart(binding: Binding) -> bool:
    return not binding.origin.flow.reliable or not binding.origin.status.endswith("-NAT")
