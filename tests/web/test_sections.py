"""What a person at home reads off the page, in houses of every kind."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ringthru.console.phone_setup import PhoneSetup
from ringthru.net.address import AddressKind, Endpoint
from ringthru.portmap import (
    Evidence,
    GatewayType,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Rung,
)
from ringthru.switch.snapshots import (
    ChannelSnapshot,
    ProfileSnapshot,
    RegistrationSnapshot,
    RegistrationState,
    SwitchSnapshot,
)
from ringthru.web.page import page, sections
from ringthru.web.view import View

NOW = 1_800_000_000.0
PUBLIC, CARRIER = "76.237.11.11", "100.64.3.7"
PHONE = Endpoint("192.168.1.50", 5072)


def mapping(port: int, state: MappingState = MappingState.ACCEPTED, **more: Any) -> MappingSnapshot:
    usual = {"sticky": False, "listed": True, "lifetime_left": 3600.0, "reason": ""}
    external = port if state is MappingState.ACCEPTED else None
    known = {"label": f"Ringthru sip udp {port}", **usual, **more}
    return MappingSnapshot(Protocol.UDP, port, external, state, **known)


def mapper(*mappings: MappingSnapshot, address: str | None = PUBLIC, **more: Any) -> MapperSnapshot:
    kind = AddressKind.PUBLIC if address == PUBLIC else AddressKind.SHARED
    usable = address if address == PUBLIC else None
    known = {"type": GatewayType.UPNP, "gateway": "192.168.1.1", "description": "A router", **more}
    return MapperSnapshot(
        external_address=usable,
        reported_address=address,
        address_kind=kind if address else None,
        mapping_enabled=True,
        verdict_known=True,
        mappings=mappings,
        **known,
    )


def profile(*, running: bool = True) -> ProfileSnapshot:
    names = dict.fromkeys(ProfileSnapshot.__match_args__, 0)  # type: ignore[attr-defined]
    known = {"name": "internal", "running": running, "sip_ip": "192.168.1.103", "sip_port": 5060}
    return ProfileSnapshot(**{**names, "ext_sip_ip": None, **known})  # type: ignore[arg-type]


def phone(
    *, reachable: bool = True, state: RegistrationState = RegistrationState.UDP
) -> RegistrationSnapshot:
    told = ("id", "1000@pbx", "sip:1000@x", "A phone", state, 300.0, PHONE, "1000", "pbx", "internal")
    return RegistrationSnapshot(*told, reachable, 0.02)


def leg(uuid: str, **more: Any) -> ChannelSnapshot:
    zeros = dict.fromkeys(ChannelSnapshot.__match_args__, 0)  # type: ignore[attr-defined]
    usual = {
        "name": "sofia/internal/x",
        "direction": "inbound",
        "call_state": "ACTIVE",
        "destination": "1000",
        "application": "bridge(user/1000)",
        "peer": Endpoint("22.51.100.50", 5060),
        "packets_received": 100,
        "packets_sent": 100,
        "began": NOW - 5,
        "caller_name": "",
        "caller_number": "0301234",
        "call_uuid": "a",
        "codec": "",
        "bridged_to": None,
        "counted": None,
        "audio_aside": False,
    }
    return ChannelSnapshot(**{**zeros, **usual, **more, "uuid": uuid})  # type: ignore[arg-type]


def view(known: MapperSnapshot | None = None, *phones: RegistrationSnapshot, **more: Any) -> View:
    usual = {"profiles": (profile(),), "channels": (), "hostname": "pbx"}
    numbers = {name: 0 for name in SwitchSnapshot.__match_args__ if name.startswith(("sessions", "per_sec"))}  # type: ignore[attr-defined]
    snapshot = SwitchSnapshot(
        version="1", uptime=60.0, nat_enabled=known is not None, mapper=known, registrations=phones,
        **{**usual, **numbers, **more},
    )  # fmt: skip
    setup = PhoneSetup("192.168.1.103", False, ((5060, ("UDP", "TCP")),), "", None, True)
    return View(NOW, snapshot, setup, ("1000@pbx",), ())


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]*>", " ", html).split())


def read(shown: View, section: str) -> str:
    return words(sections(shown, "t")[section])


class TestAtAGlance:
    @pytest.mark.parametrize(
        ("known", "said"),
        [
            (None, "No router is asked (-nonat)"),
            (mapper(mapping(5060)), "and come in from the Internet"),
            (mapper(mapping(5060, MappingState.REFUSED)), "The router has not opened every port"),
            (mapper(mapping(5060), address=CARRIER), "Another NAT keeps calls from outside away"),
            (mapper(type=None, address=None), "No router opens ports, so nobody outside can call in"),
        ],
    )
    def test_one_sentence_says_how_it_is(self, known: MapperSnapshot | None, said: str) -> None:
        assert said in read(view(known), "summary")

    def test_without_a_profile_nobody_can_call(self) -> None:
        shown = view(mapper(mapping(5060)), profiles=(profile(running=False),))
        assert "nobody can call" in read(shown, "summary")


class TestThePicture:
    def test_the_usual_house(self) -> None:
        text = read(view(mapper(mapping(5060)), phone()), "chain")
        assert f"Internet sees us at {PUBLIC}" in text
        assert "Router 1 port open A router" in text
        assert "pbx ready" in text
        assert "Phones 1 registered 1000" in text

    def test_a_providers_nat_stands_between_and_is_told_as_what_is_in_the_way(self) -> None:
        html = sections(view(mapper(mapping(5060), address=CARRIER)), "t")["chain"]
        assert [words(each).split(" ")[0] for each in re.findall(r"<strong>.*?</strong>", html)] == [
            "Internet", "Provider’s", "Router", "pbx", "Phones",
        ]  # fmt: skip
        assert "place bad" in html

    def test_a_gateway_beyond_the_gateway_that_opens_too(self) -> None:
        outer = mapper(gateway="10.0.0.1", description="The provider’s box")
        text = read(view(mapper(mapping(5060), chain=(outer,))), "chain")
        assert text.index("Another NAT") < text.index("The provider’s box") < text.index("A router")

    def test_a_phone_that_is_silent(self) -> None:
        assert "1 of 1 silent" in read(view(mapper(), phone(reachable=False)), "chain")


class TestMappings:
    def test_the_ladder_and_its_evidence(self) -> None:
        proof = (
            Evidence(Rung.ACCEPTED, True, "the gateway said yes", 0.0),
            Evidence(Rung.LISTED, None, "it has no <table>", 0.0),
        )
        shown = view(mapper(mapping(5060, rung=Rung.ACCEPTED, evidence=proof, external_address=PUBLIC)))
        html = sections(shown, "t")["mappings"]
        assert html.count('<i class="on">') == 2
        assert "accepted , step 2 of 4" in words(html)
        assert "cannot be verified listed : it has no &lt;table&gt;" in words(html)
        assert f"{PUBLIC}:5060" in html

    def test_refusals_have_their_reason(self) -> None:
        text = read(view(mapper(mapping(5060, MappingState.REFUSED, reason="it says no"))), "mappings")
        assert "refused" in text
        assert "it says no" in text

    def test_ports_for_audio_are_folded_away(self) -> None:
        html = sections(view(mapper(mapping(5060), mapping(20000, listed=False))), "t")["mappings"]
        assert "and 1 for audio" in html
        assert html.index("5060/udp") < html.index("audio-ports") < html.index("20000/udp")


class TestPeople:
    def test_a_phone_behind_a_nat(self) -> None:
        text = read(view(mapper(), phone(state=RegistrationState.TCP_NAT)), "phones")
        assert "1000@pbx A phone TCP 192.168.1.50:5072 behind a NAT 20 ms 5m 0s" in text

    def test_what_to_type_and_no_password(self) -> None:
        text = read(view(mapper()), "setup")
        assert "Server 192.168.1.103 Port 5060 (UDP or TCP)" in text
        assert "not now: no router has opened a port" in text
        assert "Show password" in text

    def test_providers_have_no_place_where_there_are_none(self) -> None:
        assert sections(view(mapper()), "t")["trunks"] == ""
        assert re.search(r'<section[^>]* hidden><h2 id="trunks-title"', page(view(mapper()), "t").decode())


class TestCalls:
    def test_who_hears_whom(self) -> None:
        caller = leg("a", bridged_to="b", packets_sent=0)
        called = leg("b", direction="outbound", bridged_to="a", peer=PHONE, destination="1000-0xabc")
        text = read(view(mapper(), phone(), channels=(caller, called)), "calls")
        assert "0301234 → 1000" in text
        assert "0301234 hears nothing of 1000" in text  # nothing goes out to the caller
        assert "1000 hears 0301234" in text
        assert "0xabc" not in text  # it is named by who is registered there, not by what its address holds

    def test_a_leg_alone_hears_its_application(self) -> None:
        text = read(view(mapper(), channels=(leg("a", application="echo()", destination="9196"),)), "calls")
        assert "0301234 hears echo echo hears 0301234" in text

    def test_audio_that_goes_past_us_is_not_called_silence(self) -> None:
        legs = (leg("a", bridged_to="b", audio_aside=True, packets_received=0), leg("b", bridged_to="a"))
        text = read(view(mapper(), channels=legs), "calls")
        assert "from phone to phone, past the switch" in text
        assert "hears" not in text

    def test_a_call_that_rings(self) -> None:
        ringing = leg("a", call_state="RINGING", packets_received=0, packets_sent=0)
        assert "nobody has answered yet" in read(view(mapper(), channels=(ringing,)), "calls")

    def test_very_many_are_cut_and_counted(self) -> None:
        many = tuple(leg(str(number), call_uuid=str(number)) for number in range(60))
        html = sections(view(mapper(), channels=many), "t")["calls"]
        assert html.count("<article") == 50
        assert "and 10 more" in html
