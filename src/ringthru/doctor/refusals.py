"""What a gateway's refusal means to a person, and what may help: a sentence for each that we know.

The mapping's own reason names the code and is the evidence; here is what follows from it.

Lives here: the sentences. Never here: what is asked next, which is ``portmap``'s.
"""

from __future__ import annotations

import re
from typing import Final

from ..net.values import frozen


@frozen
class Advice:
    """What a refusal means, and what to do."""

    meaning: str
    cure: str


FORBIDDEN: Final = Advice(
    "The gateway does not let this machine open ports.",
    "allow it there; on a FRITZ!Box tick 'Permit independent port sharing' for this machine under Internet >"
    " Permit Access; on others look for 'UPnP', 'NAT-PMP' or 'PCP' with a list of machines",
)
CONFLICT: Final = Advice(
    "Another machine, or the gateway itself, has this port outside.",
    "delete the old forward in the gateway's menu, or give the profile another sip-port; a gateway with"
    " telephony of its own (a FRITZ!Box) keeps 5060 for itself",
)
FULL: Final = Advice(
    "The gateway has no room for more mappings.",
    "delete forwards that nobody needs ('nat_map list' shows them); rtcp-mux=true in the profile halves what"
    " calls need",
)
NO_LINE: Final = Advice(
    "The gateway has no address on the Internet: its line is down, or another NAT stands in front of it.",
    "look whether the gateway is online; see wan.class",
)
NO_ROOM_OR_ADDRESS: Final = "no public address to map on"  # one code of PCP for both (RFC 6887 §7.4)
NO_ROOM: Final = Advice(
    "The gateway has no room for more mappings, or its own address is private: another NAT stands in front of"
    " it. It says the same for both; where it grants no port at all, it is the second.",
    "look at its status page: an Internet address that begins with 10., 172.16. to 172.31., 192.168. or"
    " 100.64. to 100.127. is none; then set the device in front of it to bridge mode, or forward the ports"
    " there, too",
)
LOGIN: Final = Advice(
    "The gateway asks for a login before it opens ports, which UPnP has no words for.",
    "switch that off there, or forward the ports by hand",
)
LEASE: Final = Advice(
    "The gateway takes only mappings without an end, and refused that as well.",
    "forward the ports by hand, and update the gateway's firmware",
)
ODD: Final = Advice(
    "The gateway does not understand what we ask, in any of the ways that we know.",
    "update its firmware; 'ringthru nat capture FILE' records what it says, for a report to us",
)
BETWEEN: Final = Advice(
    "Another NAT stands between this machine and the gateway that answers.",
    "set one of the two devices to bridge mode; see wan.upstream",
)
QUOTA: Final = Advice(
    "The gateway allows this machine no more mappings than it has.",
    "raise the quota there, or have fewer ready: rtcp-mux=true in the profile halves what calls need",
)
OTHER: Final = Advice(
    "The gateway does not open this port.",
    "forward it by hand in the gateway's menu, or look there for why; 'ringthru nat explain PORT/udp' shows"
    " each question and answer",
)

# Codes first: of UPnP, which begin the reason or stand in it; then words of PCP and NAT-PMP, which name none.
BY_CODE: Final[dict[int, Advice]] = {
    401: ODD,
    402: ODD,
    403: FORBIDDEN,
    501: Advice(
        "The gateway failed to do it, and does not say why: often the port is taken, its own address is"
        " private (another NAT stands in front), or its table is full.",
        "see wan.class first; then try another sip-port",
    ),
    606: FORBIDDEN,
    715: ODD,
    716: ODD,
    718: CONFLICT,
    724: Advice(
        "The gateway leads a port outside only to the same port inside, and that one is not to be had.",
        "give the profile another sip-port",
    ),
    725: LEASE,
    726: ODD,
    727: ODD,
    728: FULL,
    729: CONFLICT,
    732: ODD,
}
BY_WORDS: Final[tuple[tuple[str, Advice], ...]] = (
    ("does not let this machine", FORBIDDEN),
    ("forbids it", FORBIDDEN),
    ("for the asking host alone", FORBIDDEN),
    ("asks for a login", LOGIN),
    ("no external address", NO_LINE),
    (NO_ROOM_OR_ADDRESS, NO_ROOM),
    ("no room left", FULL),
    ("table holds about", FULL),
    ("mappings of the budget", FULL),
    ("as many mappings as the gateway allows", QUOTA),
    ("cannot give this external port", CONFLICT),
    ("another NAT between", BETWEEN),
    (
        "has it disabled",
        Advice("PCP is switched off in the gateway.", "switch PCP, NAT-PMP or UPnP on there"),
    ),
)
CODE: Final = re.compile(r"\berror (\d{3})\b")


def advice_for(reason: str) -> Advice:
    """What a mapping's ``reason`` comes to."""
    for words, advice in BY_WORDS:
        if words in reason:
            return advice
    codes = (int(each) for each in CODE.findall(reason))
    return next((BY_CODE[each] for each in codes if each in BY_CODE), OTHER)
