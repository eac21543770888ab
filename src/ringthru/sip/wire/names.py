"""Header names: long and compact forms, and which of them are lists.

Lives here: names only.
Never here: values.
"""

# ruff: noqa: SIM905 (a list of words reads as words)

from __future__ import annotations

from typing import Final

COMPACT: Final = {
    "i": "Call-ID",
    "m": "Contact",
    "e": "Content-Encoding",
    "l": "Content-Length",
    "c": "Content-Type",
    "f": "From",
    "s": "Subject",
    "k": "Supported",
    "t": "To",
    "v": "Via",
    "a": "Accept-Contact",  # RFC 3841
    "j": "Reject-Contact",  # RFC 3841
    "b": "Referred-By",  # RFC 3892
    "d": "Request-Disposition",  # RFC 3841
    "o": "Event",  # RFC 6665
    "r": "Refer-To",  # RFC 3515
    "u": "Allow-Events",  # RFC 6665
    "x": "Session-Expires",  # RFC 4028
    "y": "Identity",  # RFC 8224
}
LIST_HEADERS: Final = frozenset(
    "Accept Accept-Encoding Accept-Language Alert-Info Allow Allow-Events Call-Info Contact Content-Encoding "
    "Content-Language Error-Info History-Info In-Reply-To P-Asserted-Identity Path Proxy-Require Reason "
    "Record-Route Require Route Service-Route Supported Unsupported Via Warning".split()
)
# Of these a second one makes the message unreadable; a second User-Agent hurts nobody.
SINGLE_HEADERS: Final = frozenset("Call-ID Content-Length Content-Type CSeq From Max-Forwards To".split())
OTHER_HEADERS: Final = (
    "Authentication-Info Authorization Content-Disposition Date Diversion Event Expires MIME-Version "
    "Min-Expires Min-SE Organization P-Preferred-Identity Priority Privacy Proxy-Authenticate "
    "Proxy-Authorization RAck Refer-To Referred-By Remote-Party-ID Replaces Reply-To Retry-After RSeq "
    "Server Session-Expires SIP-ETag SIP-If-Match Subject Subscription-State Timestamp User-Agent "
    "WWW-Authenticate"
).split()
CANONICAL: Final = {name.lower(): name for name in (*LIST_HEADERS, *SINGLE_HEADERS, *OTHER_HEADERS)} | COMPACT
# As most peers spell them: one look-up instead of two.
SPELLED: Final = {name: name for name in CANONICAL.values()} | CANONICAL


def canonical(name: str) -> str:
    """The long name in its usual spelling; an unknown name as it is."""
    return SPELLED.get(name) or CANONICAL.get(name.lower(), name)
