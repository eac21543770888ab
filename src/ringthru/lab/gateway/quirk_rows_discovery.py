"""The rows that show before a mapping is asked for: SSDP, HTTP, descriptions.

Lives here: texts and expectations. Never here: what plays them (upnp_ssdp, upnp_http, upnp_description).
"""

from __future__ import annotations

from typing import Final

from .quirk_row import NOTHING, Row

SSDP: Final = (
    Row("SD01", "answers searches from a UDP port other than 1900"),
    Row("SD02", "answers from its second address (CARP/VRRP), and LOCATION names that address"),
    Row("SD03", "LOCATION names [::1] in an answer sent over IPv4", excludes=("SD21",)),
    Row("SD04", "ssdp:all yields only the Wi-Fi set-up device's descriptor"),
    Row("SD05", "answers upnp:rootdevice with the Wi-Fi set-up device's descriptor first"),
    Row("SD06", "hears multicast searches only, none sent to its address"),
    Row("SD07", "answers one spelling only: header names in capitals, HOST MAN MX ST or HOST ST MAN MX"),
    Row("SD08", "ignores a search without the final empty line"),
    Row("SD09", "answers brokenly when IPv4 and IPv6 searches arrive within a second"),
    Row("SD10", "an IGD:2 that answers no search for IGD:1"),
    Row("SD11", "lower-case header names, AL: instead of LOCATION:, a space after the name"),
    Row("SD13", "two SERVER: headers"),
    Row("SD14", "headers that strict HTTP libraries reject: no colon, control characters, odd status line"),
    Row("SD16", "other devices (a lamp bridge, a printer) answer at its address before it does"),
    Row("SD18", "the description's port changes with each reboot; every gateway of this laboratory does it"),
    Row("SD19", "answers only the second search, and later than MX"),
    Row("SD20", "floods the searcher: fifty answers with made-up names before its own"),
    Row(
        "SD21", "answers with LOCATIONs that must not be followed, and then with its own", excludes=("SD03",)
    ),
    Row("SD23", "answers also come from the router's address in another network"),
)
HTTP: Final = (
    Row("HT01", "HTTP/1.0 without Content-Length, then closes", excludes=("HT02", "HT05")),
    Row("HT02", "no Content-Length, and the connection stays open", excludes=("HT01", "HT05")),
    Row("HT05", "always chunked, without the last chunk", excludes=("HT01", "HT02")),
    Row("HT06", "header lines end in LF, one lacks its colon, one has a space before it"),
    Row("HT07", "reads only the first segment of a POST"),
    Row("HT08", "resets the connection when the client half-closes it"),
    Row("HT09", "refuses chunked requests and Expect: 100-continue"),
    Row("HT10", "compares SOAPAction's name and value by case"),
    Row("HT12", "GetSpecificPortMappingEntry and GetStatusInfo get an HTML page with status 200"),
    Row("HT14", "HTTP 500 with an empty body to GetSpecificPortMappingEntry and GetStatusInfo"),
    Row("HT15", "resets the connection on AddAnyPortMapping and GetListOfPortMappings"),
    Row("HT16", "one connection at a time; the second is reset"),
    Row("HT17", "takes five seconds over each action"),
    Row("HT18", "melts under bursts: the third action within a third of a second is reset"),
    Row("HT19", "redirects every request to its administration page", NOTHING),
    Row("HT20", "an endless description: a byte each second", NOTHING),
    Row("HT21", "checks that Host names its own address and port"),
    Row("HT23", "wants a login (401 Digest) for every action", NOTHING),
)
DESCRIPTIONS: Final = (
    Row("DE01", "white space around types and URLs in the description"),
    Row("DE02", "URLBase names another port and a host that is not there"),
    Row("DE03", "control URLs are absolute and carry a query", excludes=("DE02",)),
    Row(
        "DE04", "a byte-order mark, a blank line, two XML declarations, control bytes, trailing NULs and junk"
    ),
    Row("DE06", "mismatched tags in the SCPD", excludes=("DE07",)),
    Row("DE07", "the SCPD is not there", excludes=("DE06",)),
    Row(
        "DE08",
        "a WANPPPConnection that is not connected comes before the WANIPConnection",
        excludes=("DE10",),
    ),
    Row("DE09", "two WAN devices; the first is dead"),
    Row("DE10", "WANPPPConnection only", excludes=("DE08", "DE11", "DE13")),
    Row("DE11", "WANIPConnection:2 only", excludes=("DE10",)),
    Row("DE13", "claims WANIPConnection:2 and has no AddAnyPortMapping", excludes=("DE10",)),
    Row("DE15", "neither WANCommonInterfaceConfig nor Layer3Forwarding in the description"),
    Row("DE17", "negative counters and an uptime that is no number"),
    Row("DE18", "a hostile description: DTD with nested entities, deep nesting, a huge attribute", NOTHING),
)
