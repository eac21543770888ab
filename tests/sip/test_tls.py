"""RFC 5922: which names a certificate bears, and which of them counts."""

from __future__ import annotations

import pytest

from ringthru.sip.transport.tls import bears, names_of


def certificate(*alternative: tuple[str, str], common: str = "old.example") -> dict:
    made: dict = {"subject": ((("commonName", common),),)}
    return made | {"subjectAltName": alternative} if alternative else made


class TestNames:
    """§7.1: sip URIs before DNS names, the common name only where there is neither."""

    @pytest.mark.parametrize(
        ("peer", "names"),
        [
            (certificate(("URI", "sip:Example.COM"), ("DNS", "other.example")), ["example.com"]),
            (certificate(("DNS", "pbx.example."), ("DNS", "two.example")), ["pbx.example", "two.example"]),
            (certificate(("URI", "sip:bob@example.com"), ("DNS", "other.example")), ["other.example"]),
            (certificate(("URI", "https://example.com")), []),
            (certificate(("IP Address", "192.0.2.1")), ["192.0.2.1"]),
            (certificate(), ["old.example"]),
            ({}, []),
            (None, []),
        ],
    )
    def test_which(self, peer, names):
        assert names_of(peer) == names


class TestBearing:
    @pytest.mark.parametrize(
        ("entry", "wanted", "bearing"),
        [
            (("DNS", "pbx.example"), "PBX.example.", True),
            (("DNS", "*.example"), "pbx.example", False),  # §7.2: no wildcards
            (("DNS", "pbx.example"), "evil.pbx.example", False),
            (("IP Address", "2001:DB8:0:0:0:0:0:1"), "2001:db8::1", True),
            (("DNS", "pbx.example"), "", False),
        ],
    )
    def test_one_name(self, entry, wanted, bearing):
        assert bears(certificate(entry), [wanted]) is bearing

    def test_any_of_several(self):
        assert bears(certificate(("DNS", "b.example")), ["a.example", "b.example"])

    def test_an_address_nobody_has(self):
        assert not bears(certificate(("DNS", "pbx.example")), ["192.0.2.1"])
