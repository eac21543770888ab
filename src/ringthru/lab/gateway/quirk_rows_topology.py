"""The rows about what is around the gateway and its client: other hosts, the network, time, the line.

Lives here: texts and expectations.
Never here: what plays them (company, host_side, sip_alg, core; virtual/neighbourhood and virtual/world).
"""

from __future__ import annotations

from typing import Final

from .quirk_row import NOT_FORWARDED, Row

TOPOLOGY: Final = (
    Row("TO01", "a second gateway on the same network answers searches too, and would map"),
    Row(
        "TO02", "a gateway on a container bridge answers searches, would map, and is named in answers of ours"
    ),
    Row("TO03", "no multicast arrives, neither at the gateway nor from it", excludes=("SD06",)),
    Row(
        "TO04",
        "the client's firewall lets in only answers from where the client has sent something",
        excludes=("SD01", "SD02"),
    ),
    Row("TO06", "the client's machine sleeps for an hour; the gateway does not"),
    Row(
        "TO08",
        "behind another gateway, which maps too: its own external address is private",
        NOT_FORWARDED,
        excludes=("EX01", "EX02", "EX03", "EX04", "EX05", "NP10"),
    ),
    Row("TO09", "an ALG rewrites SIP over UDP on port 5060, and does it badly"),
    Row("TO10", "port 5060 is mapped as asked, and the gateway keeps its packets for itself"),
    Row("TO11", "a hostile host of the LAN forges search answers, answers of port 5351 and announcements"),
    Row("TO12", "the external address comes and goes every 30 seconds"),
)
