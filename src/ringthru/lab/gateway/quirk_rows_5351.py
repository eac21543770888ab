"""The rows of NAT-PMP and PCP.

Lives here: texts and expectations. Never here: what plays them (port_control, natpmp_server, pcp_server).
"""

from __future__ import annotations

from typing import Final

from .quirk_row import IN_NAME_ONLY, NOTHING, Row

NATPMP: Final = (
    Row("NP01", "no server: the port is closed", NOTHING),
    Row("NP03", "grants another external port than the suggested one"),
    Row("NP04", "a suggested external port of 0 is refused (4, out of resources)"),
    Row("NP05", "answers echo the internal port as the external one, or 0"),
    Row("NP06", "60 seconds of life whatever is asked"),
    Row("NP07", "each renewal succeeds, and nothing is forwarded", IN_NAME_ONLY),
    Row("NP09", "no mapping for anybody: result 2 (not authorised)", NOTHING),
    Row("NP10", "the public address is 0.0.0.0 with result 0"),
    Row("NP12", "answers come from another address", NOTHING),
    Row("NP13", "answers only the third try"),
    Row("NP15", "the epoch jumps back, stands still, or runs fast, by turns"),
    Row("NP16", "another host of the LAN forges announcements"),
    Row("NP17", "deleting is answered with a lifetime and a port"),
    Row("NP18", "TCP and UDP of one internal port get different external ports"),
    Row("NP19", "answers only what is sent to 224.0.0.1", NOTHING),
)
PCP: Final = (
    Row("PC01", "the nonce is checked: another one is NOT_AUTHORIZED"),
    Row("PC02", "ADDRESS_MISMATCH for everybody", NOTHING),
    Row("PC03", "NOT_AUTHORIZED until the device is allowed", NOTHING),
    Row("PC04", "13 seconds of life whatever is asked"),
    Row("PC06", "a second MAP with the same nonce does not extend the mapping"),
    Row("PC07", "there, but disabled: NO_RESOURCES for ever", NOTHING),
    Row("PC09", "UNSUPP_VERSION, in PCP's form and in NAT-PMP's by turns", NOTHING),
    Row("PC10", "FILTER is accepted and not enforced"),
    Row("PC11", "UNSUPP_OPTION for every mandatory option"),
    Row("PC12", "a suggested external address other than ours or none is CANNOT_PROVIDE_EXTERNAL"),
    Row("PC13", "the epoch goes on after an address change, and nothing is announced"),
    Row("PC14", "another host of the LAN forges ANNOUNCEs"),
    Row("PC15", "malformed answers before the good one: wrong nonce, odd size, no R bit"),
    Row("PC18", "a server on the gateway's link-local IPv6 address only", NOTHING),
    Row("PC19", "one nonce for several mappings is refused"),
    Row("PC20", "no server of its own; the carrier's answers at the anycast address"),
    Row("PC21", "an IPv6 mapping that was renewed cannot be deleted: NOT_AUTHORIZED (miniupnpd 2.3.1)"),
    Row("PC22", "MALFORMED_OPTION for a DESCRIPTION (RFC 7220), as miniupnpd says"),
)
