"""Every value of ext-sip-ip and ext-rtp-ip, beside every value of the other, with a gateway and without."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import pytest

from ringthru.net.address import Endpoint
from ringthru.switch.addresses.external_address import ExternalAddress
from ringthru.switch.configuration import AddressKind, AddressSetting, Position, ProfileSettings

OWN, GATEWAY, FIXED, NAMED, STUNNED = (
    "192.168.1.103",
    "203.0.113.9",
    "198.51.100.4",
    "198.51.100.5",
    "198.51.100.6",
)
SIP = Endpoint(OWN, 5060)


class Answers:
    """DNS and a STUN server that have answered."""

    def __init__(self, answered: bool = True) -> None:
        self.answered = answered
        self.wanted: list[AddressSetting] = []

    def want(self, setting: AddressSetting) -> None:
        self.wanted.append(setting)

    def address(self, setting: AddressSetting) -> str | None:
        return {AddressKind.HOST: NAMED, AddressKind.STUN: STUNNED}[setting.kind] if self.answered else None

    def words(self, setting: AddressSetting) -> str:
        return f"somebody asked for {setting.value}"


def profile(
    ext_sip: str | None,
    ext_rtp: str | None,
    *,
    gateway: str | None = None,
    port: int | None = None,
    answered: bool = True,
) -> ExternalAddress:
    settings = ProfileSettings(
        "internal",
        Position(Path("x"), 1),
        ext_sip_ip=AddressSetting.parse(ext_sip),
        ext_rtp_ip=AddressSetting.parse(ext_rtp),
        ext_sip_port=port,
    )
    made = ExternalAddress(settings, OWN, Answers(answered))  # type: ignore[arg-type]
    made.gateway = gateway
    return made


def told(*values: str | None, **how: object) -> tuple[str | None, str | None, bool]:
    now = profile(*values, **how).now(SIP, OWN, port=5060)  # type: ignore[arg-type]
    return (now.ext_sip.host if now.ext_sip else None, now.ext_rtp_ip, now.auto_nat)


class TestValues:
    @pytest.mark.parametrize(
        ("ext_sip", "ext_rtp", "without", "with_gateway"),
        [
            (None, None, (None, None, False), (None, None, False)),
            ("auto-nat", "auto-nat", (None, None, False), (GATEWAY, GATEWAY, True)),
            ("auto-nat", None, (None, None, False), (GATEWAY, GATEWAY, True)),
            (None, "auto-nat", (None, None, False), (GATEWAY, GATEWAY, True)),
            (FIXED, FIXED, (FIXED, FIXED, False), (FIXED, FIXED, False)),
            (FIXED, None, (FIXED, None, False), (FIXED, None, False)),
            (f"autonat:{FIXED}", f"autonat:{FIXED}", (FIXED, FIXED, True), (FIXED, FIXED, True)),
            # The wiki page's one line: Contact and SDP agree, or the gateway knows better about the SDP
            (f"autonat:{FIXED}", None, (FIXED, FIXED, True), (FIXED, GATEWAY, True)),
            (None, f"autonat:{FIXED}", (FIXED, FIXED, True), (FIXED, FIXED, True)),
            ("auto", "auto", (OWN, OWN, False), (OWN, OWN, False)),
            ("0.0.0.0", "0.0.0.0", (OWN, OWN, False), (OWN, OWN, False)),
            ("", "", (None, None, False), (None, None, False)),
            ("", "auto-nat", (None, None, False), (GATEWAY, GATEWAY, True)),
            ("host:pbx.example", "host:pbx.example", (NAMED, NAMED, False), (NAMED, NAMED, False)),
            ("stun:s.example", "stun:s.example", (STUNNED, STUNNED, False), (STUNNED, STUNNED, False)),
            ("autonat:stun:s.example", None, (STUNNED, STUNNED, True), (STUNNED, GATEWAY, True)),
            (
                "autonat:host:pbx.example",
                "autonat:stun:s.example",
                (NAMED, STUNNED, True),
                (NAMED, STUNNED, True),
            ),
        ],
    )
    def test_what_they_come_to(self, ext_sip, ext_rtp, without, with_gateway):
        assert told(ext_sip, ext_rtp) == without
        assert told(ext_sip, ext_rtp, gateway=GATEWAY) == with_gateway

    @pytest.mark.parametrize("value", ["stun:s.example", "host:pbx.example"])
    def test_nobody_has_answered_yet(self, value):
        assert told(value, value, answered=False) == (None, None, False)
        assert told(f"autonat:{value}", None, answered=False) == (None, None, True)

    def test_with_auto_nat_on_contact_and_sdp_are_both_external_or_neither(self):
        values = (None, "auto-nat", FIXED, f"autonat:{FIXED}", "stun:s", "autonat:host:n", "")
        for ext_sip, ext_rtp, gateway in product(values, values, (None, GATEWAY)):
            sip, rtp, auto_nat = told(ext_sip, ext_rtp, gateway=gateway)
            assert not auto_nat or (sip is None) == (rtp is None), (ext_sip, ext_rtp, gateway)

    def test_each_is_looked_up_once_the_profile_starts(self):
        made = profile("stun:a", "auto-nat")
        made.start()
        assert [each.value for each in made._lookups.wanted] == ["a", ""]  # type: ignore[attr-defined]


class TestPort:
    def test_it_goes_with_the_address_and_says_where_it_comes_from(self):
        made = profile("auto-nat", None, gateway=GATEWAY)
        now = made.now(SIP, OWN, port=15060, port_source="the gateway")
        assert (now.ext_sip, now.port_source) == (Endpoint(GATEWAY, 15060), "the gateway")
