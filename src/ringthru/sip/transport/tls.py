"""What a TLS peer must prove (RFC 5922), and what we ask of TLS.

Lives here: settings as a value, and the names a certificate may go by.
Never here: `ssl`, files, sockets (`tls_driver.py`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ...net.address import parse_address
from ...net.values import frozen


@frozen
class TlsSettings:
    """A profile's TLS. Without ``authorities`` the system's certificate authorities hold.

    ``verify_in`` and ``verify_out`` ask for a certificate that an authority signed, of those who connect to
    us and of those we connect to; ``subjects_out`` that it bears the name we meant; ``subjects_in``, if not
    empty, that it bears one of these names.
    """

    certificate: Path  # PEM: our certificate, its chain, and unless ``key`` is given, its key
    key: Path | None = None
    passphrase: str | None = None
    authorities: Path | None = None
    verify_in: bool = False
    verify_out: bool = True
    subjects_out: bool = True
    subjects_in: tuple[str, ...] = ()
    verify_date: bool = True
    oldest: str = "tlsv1.2"  # tlsv1.2 or tlsv1.3
    ciphers: str | None = None  # OpenSSL's notation; None: Python's choice


def names_of(certificate: Mapping[str, Any] | None) -> list[str]:
    """The domains and addresses that a certificate is for, lower-cased (RFC 5922 §7.1).

    ``certificate`` is what ``SSLSocket.getpeercert()`` returns. ``sip:`` URIs of the alternative names count
    before all; DNS names only where there is none; the common name only where there is neither.
    """
    alternative = [] if certificate is None else list(certificate.get("subjectAltName", ()))
    uris = [value for kind, value in alternative if kind == "URI"]
    found = [value.partition(":")[2] for value in uris if value.lower().startswith("sip:")]
    domains = [each for each in found if each and "@" not in each]  # §7.1: with a user it is no domain's
    if not domains:
        domains = [value for kind, value in alternative if kind in ("DNS", "IP Address")]
    if not domains and certificate is not None and not alternative:
        pairs = [pair for name in certificate.get("subject", ()) for pair in name]
        domains = [value for kind, value in pairs if kind == "commonName"]
    return [each.lower().rstrip(".") for each in domains]


def bears(certificate: Mapping[str, Any] | None, wanted: Iterable[str]) -> bool:
    """Whether a certificate bears one of these names. A wildcard stands for nothing (RFC 5922 §7.2)."""
    names = names_of(certificate)
    addresses = {parse_address(each) for each in names} - {None}
    return any(
        each.lower().rstrip(".") in names or parse_address(each) in addresses for each in wanted if each
    )
