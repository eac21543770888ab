"""libsrtp2 as we use it against the vectors of RFC 3711, RFC 6188 and RFC 7714.

The RFCs give vectors for parts: a keystream, derived keys, packets under session keys. Those a reference of
the tests' own must make (``reference_srtp``); and what the library makes of a master key and a packet must be
what the reference makes of them, in every suite.
"""

from __future__ import annotations

import pytest

from ringthru.media.description.sdes import SUITES
from ringthru.media.leg import libsrtp
from ringthru.media.leg.libsrtp import SYSTEM, Library, Session, load
from ringthru.media.rtp.packet import RtpPacket
from ringthru.media.rtp.rtcp import ReceiverReport, SourceDescription, encode_compound

from .reference_srtp import aes, counted, derived, under_master, with_counter_mode, with_gcm


def octets(text: str) -> bytes:
    return bytes.fromhex(text)


def libraries() -> list[Library]:
    """The one that is used, and the system's beside it, where there is one."""
    found = [load()]
    try:
        return [*found, Library(SYSTEM)]
    except OSError:
        return found


@pytest.fixture(params=libraries(), ids=lambda each: each.path.rpartition("/")[2])
def library(request: pytest.FixtureRequest) -> Library:
    found: Library = request.param
    return found


class TestRfc3711:
    def test_the_keystream_of_appendix_b_2(self):
        key = octets("2b7e151628aed2a6abf7158809cf4f3c")
        offset = int("f0f1f2f3f4f5f6f7f8f9fafbfcfd0000", 16)
        begins = (
            "e03ead0935c95e80e166b16dd92b4eb4d23513162b02d0f72a43a2fe4a5f97ab41e95b3bb0a2e8dd477901e4fca894c0"
        )
        ends = (
            "ec8cdf7398607cb0f2d21675ea9ea1e4362b7c3c6773516318a077d7fc5073ae6a2cc3787889374fbeb4c81b17ba6c44"
        )
        assert counted(key, offset, 48).hex() == begins
        assert counted(key, offset + 0xFEFF, 48).hex() == ends

    def test_the_keys_of_appendix_b_3(self):
        key, salt = octets("e1f97a0d3e018be0d64fa32c06de4139"), octets("0ec675ad498afeebb6960b3aabe6")
        assert derived(key, salt, 0, 16).hex() == "c61e7a93744f39ee10734afe3ff7a087"
        assert derived(key, salt, 2, 14).hex() == "30cbbc08863d8c85d49db34a9ae1"
        assert derived(key, salt, 1, 20).hex() == "cebe321f6ff7716b6fd4ab49af256a156d38baa4"


class TestRfc6188:
    """Section 7: keys that are derived from longer ones."""

    def test_aes_256(self):
        key = octets("f0f04914b513f2763a1b1fa130f10e2998f6f6e43e4309d1e622a0e332b9f1b6")
        salt = octets("3b04803de51ee7c96423ab5b78d2")
        cipher = "5ba1064e30ec51613cad926c5a28ef731ec7fb397f70a960653caf06554cd8c4"
        assert derived(key, salt, 0, 32).hex() == cipher
        assert derived(key, salt, 2, 14).hex() == "fa31791685ca444a9e07c6c64e93"
        assert derived(key, salt, 1, 20).hex() == "fd9c32d39ed5fbb5a9dc96b30818454d1313dc05"

    def test_aes_192(self):
        key = octets("73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1")
        salt = octets("c8522f3acd4ce86d5add78edbb11")
        assert derived(key, salt, 0, 24).hex() == "31874736a8f1143870c26e4857d8a5b2c4a354407faadabb"
        assert derived(key, salt, 2, 14).hex() == "2372b82d639b6d8503a47adc0a6c"
        assert derived(key, salt, 1, 20).hex() == "355b10973cd95b9eacf4061c7e1a7151e7cfbfcb"


class TestRfc7714:
    """Sections 16 and 17: packets under session keys."""

    SALT = octets("517569642070726f2071756f")
    RTP = octets("8040f17b8041f8d35501a0b2") + b"Gallia est omnis divisa in partes tres"
    RTCP = octets(
        "81c8000d4d6172734e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef"
    )

    @pytest.mark.parametrize(
        ("size", "made"),
        [
            (
                16,
                "f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833"
                "899d7f27beb16a9152cf765ee4390cce",
            ),
            (
                32,
                "32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b"
                "7aa3db36dfffd6b0f9bb7878d7a76c13",
            ),
        ],
    )
    def test_srtp_of_section_16(self, size: int, made: str):
        assert with_gcm(self.RTP, bytes(range(size)), self.SALT) == self.RTP[:12] + octets(made)

    def test_srtcp_of_section_17_2(self):
        made = (
            "d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047"
            "6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be800005d4"
        )
        found = with_gcm(self.RTCP, bytes(range(32)), self.SALT, rtcp=True, index=0x5D4)
        assert found == self.RTCP[:8] + octets(made)


def test_the_cipher_of_fips_197():
    """Appendix C: one block under keys of each size."""
    block = octets("00112233445566778899aabbccddeeff")
    made = {
        16: "69c4e0d86a7b0430d8cdb78070b4c55a",
        24: "dda97ca4864cdfe06eaf70a0ec0d7191",
        32: "8ea2b7ca516745bfeafc49904b496089",
    }
    assert {size: aes(bytes(range(size)), block).hex() for size in made} == made


def test_what_the_library_makes_as_nobody_else_does_is_not_used(library: Library):
    """AES-192 of most libraries is no RFC 6188: it is neither offered nor taken. All else is here."""
    assert [name for name in SUITES if "192" not in name] == [n for n in library.suites if "192" not in n]
    session = Session(library, "AES_192_CM_HMAC_SHA1_80", libsrtp.KNOWN_MASTER, inbound=False)
    made = with_counter_mode(libsrtp.KNOWN_PACKET, libsrtp.KNOWN_MASTER[:24], libsrtp.KNOWN_MASTER[24:], 10)
    assert made[12:28] == libsrtp.KNOWN_STREAM
    right = session.protect(libsrtp.KNOWN_PACKET, rtcp=False) == made
    assert ("AES_192_CM_HMAC_SHA1_80" in library.suites) is right


@pytest.mark.parametrize("suite", SUITES)
class TestEverySuite:
    """What leaves this machine, octet for octet."""

    @staticmethod
    def parts(suite: str) -> tuple[bytes, bytes, bytes]:
        whole = bytes(17 * each % 251 for each in range(SUITES[suite].size))
        salt = 12 if "GCM" in suite else 14
        return whole, whole[:-salt], whole[-salt:]

    def test_srtp(self, library: Library, suite: str):
        whole, key, salt = self.parts(suite)
        session = Session(library, suite, whole, inbound=False)
        for number in (1, 2, 40_000):  # the last begins a roll-over's half
            packet = RtpPacket(0, number, 160, 0xDEADBEEF, bytes(range(160)), False).encode()
            if "GCM" in suite:
                made = under_master(packet, key, salt)
            else:
                made = with_counter_mode(packet, key, salt, 4 if suite.endswith("32") else 10)
            assert (session.protect(packet, rtcp=False) == made) is (suite in library.suites)

    def test_srtcp(self, library: Library, suite: str):
        """Its tag has 80 bits in every suite of counter mode (RFC 4568 §6.2.2, RFC 6188 §3)."""
        whole, key, salt = self.parts(suite)
        session = Session(library, suite, whole, inbound=False)
        packet = encode_compound([ReceiverReport(0xDEADBEEF, ()), SourceDescription(0xDEADBEEF, "us")])
        for index in (1, 2):
            if "GCM" in suite:
                made = under_master(packet, key, salt, rtcp=True, index=index)
            else:
                made = with_counter_mode(packet, key, salt, 10, rtcp=True, index=index)
            assert (session.protect(packet, rtcp=True) == made) is (suite in library.suites)

    def test_each_undoes_what_it_did(self, library: Library, suite: str):
        key = bytes(range(SUITES[suite].size))
        out, back = Session(library, suite, key, inbound=False), Session(library, suite, key, inbound=True)
        packet = RtpPacket(0, 7, 160, 5, bytes(160), False).encode()
        made = out.protect(packet, rtcp=False)
        assert made is not None
        assert len(made) - len(packet) == {"AEAD": 16, "AES_": SUITES[suite].tails[0]}[suite[:4]]
        assert back.unprotect(made, rtcp=False).data == packet
