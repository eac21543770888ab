"""How a phone registers, and how it is then reached: freeswitch's words and ours, each row a REGISTER."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote

import pytest

from ringthru.net.acl import builtin_lists
from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.sip import Bindings, Flow, Origin
from ringthru.sip.wire.message import Request
from ringthru.sip.wire.parsing import parse
from ringthru.switch.configuration import RegistrationSettings, User
from ringthru.switch.configuration.errors import Position
from ringthru.switch.registrations.nat import (
    NatRules,
    calling_reason,
    dialled_uri,
    next_flow,
    request_uri,
    status_of,
)

HERE = Endpoint("192.168.1.103", 5060)
FAR, NEAR = "198.51.100.7", "192.168.1.20"
RULES = NatRules(RegistrationSettings(), False, "localnet.auto", builtin_lists(["192.168.1.0/24"]))


def register(contact: str, via: str = "10.0.0.5:5060", more: list[tuple[str, str]] | None = None) -> Request:
    headers = [
        ("Via", f"SIP/2.0/UDP {via};rport;branch=z9hG4bK1"),
        ("From", "<sip:1000@home>;tag=1"),
        ("To", "<sip:1000@home>"),
        ("Call-ID", "1"),
        ("CSeq", "1 REGISTER"),
        ("Contact", f"<{contact}>"),
        *(more or []),
    ]
    request = parse(Request("REGISTER", "sip:home", headers).encode())
    assert isinstance(request, Request)
    return request


def flow(host: str, port: int = 40000, transport: str = "UDP") -> Flow:
    return Flow(transport, HERE, Endpoint(host, port), 0 if transport == "UDP" else 7)


def rules(**settings: Any) -> NatRules:
    aggressive = settings.pop("aggressive", False)
    return replace(RULES, settings=RegistrationSettings(**settings), aggressive=aggressive)


PATH = [("Path", "<sip:edge.example;lr>")]
ROWS = [
    # what the phone says            where it was heard         rules                      word         why
    ("sip:1000@192.168.1.20:5062", flow(NEAR, 5062), RULES, "UDP", ""),
    ("sip:1000@192.168.1.20", flow(NEAR, 5060), RULES, "UDP", ""),
    ("sip:1000@10.0.0.5:5060", flow(FAR), RULES, "UDP-NAT", "contact host"),
    (f"sip:1000@{FAR}:5060", flow(FAR), RULES, "UDP-NAT", "contact port"),
    ("sip:1000@phone.example", flow(FAR), RULES, "UDP", ""),
    (f"sip:1000@{FAR}:5060", flow(FAR, transport="TCP"), RULES, "TCP", ""),
    ("sip:1000@10.0.0.5", flow(FAR, transport="TCP"), RULES, "TCP-NAT", "contact host"),
    ("sip:1000@10.0.0.5", flow(FAR, transport="TLS"), RULES, "TLS-NAT", "contact host"),
    (f"sip:1000@{FAR}", flow(FAR, transport="TCP"), rules(tcp_always_nat=True), "TCP-NAT", "tcp-always-nat"),
    (f"sip:1000@{FAR}", flow(FAR, transport="TLS"), rules(tls_always_nat=True), "TLS-NAT", "tls-always-nat"),
    (f"sip:1000@{FAR}:40000", flow(FAR), rules(aggressive=True), "UDP-NAT", "via host"),
    (
        "sip:1000@10.0.0.5",
        flow(FAR),
        rules(apply_nat_acl=("rfc1918.auto",)),
        "UDP-NAT",
        "10.0.0.5 is in apply-nat-acl",
    ),
    ("sip:1000@10.0.0.5", flow(FAR), rules(ndlb_connectile_dysfunction=True), "AUTO-NAT", "NDLB-connec"),
]


@pytest.mark.parametrize(("contact", "heard", "of", "word", "why"), ROWS)
def test_the_word_and_the_reason(contact: str, heard: Flow, of: NatRules, word: str, why: str) -> None:
    status, reason = status_of(register(contact), heard, of, None)
    assert (status, reason[:11]) == (word, why[:11])


def test_lists_must_all_hold_the_contact_and_the_source_must_be_foreign() -> None:
    both = rules(apply_nat_acl=("rfc1918.auto", "192.168.0.0/16"))
    name = register("sip:1000@10.0.0.5", via=f"{FAR}:40000")
    assert status_of(name, flow(FAR), both, None)[1] == "contact host"  # not by the lists
    near = register("sip:1000@192.168.1.20:5060")
    assert status_of(near, flow(NEAR, 5060), rules(apply_nat_acl=("rfc1918.auto",)), None) == ("UDP", "")


@pytest.mark.parametrize("more", [PATH, [("Via", "SIP/2.0/UDP 10.0.0.5;branch=z9hG4bK2")]])
def test_behind_a_proxy_nothing_is_guessed(more: list[tuple[str, str]]) -> None:
    assert status_of(register("sip:1000@10.0.0.5", more=more), flow(FAR), RULES, None) == ("UDP", "")


@pytest.mark.parametrize(
    ("variable", "word"),
    [
        ("NDLB-connectile-dysfunction", "AUTO-NAT"),
        ("NDLB-connectile-dysfunction-2.0", "AUTO-NAT-2.0"),
        ("NDLB-tls-connectile-dysfunction", "TLSHACK"),
        ("nat-connectile-dysfunction", "UDP-NAT"),
    ],
)
def test_the_users_own_word(variable: str, word: str) -> None:
    user = User("1000", "home", Position(None, 0), {}, {"sip-force-contact": variable})  # type: ignore[arg-type]
    assert status_of(register("sip:1000@10.0.0.5"), flow(FAR), RULES, user)[0] == word


class TestTheWay:
    """The contact stays as it was written; the way to it stands beside."""

    def binding(self, contact: str, heard: Flow, of: NatRules = RULES, more: Any = None) -> Any:
        request = register(contact, more=more)
        origin = Origin(heard, "internal", status_of(request, heard, of, None)[0])
        return Bindings().process("1000@home", request, origin, 0.0).added[0]

    def test_a_phone_that_is_where_it_says(self) -> None:
        binding = self.binding("sip:1000@192.168.1.20:5062", flow(NEAR, 5062))
        assert dialled_uri(binding) == "sip:1000@192.168.1.20:5062"
        assert next_flow(binding) is None  # the contact says it

    def test_a_phone_behind_a_nat(self) -> None:
        binding = self.binding("sip:1000@10.0.0.5:5060;line=1", flow(FAR))
        uri, _, path = dialled_uri(binding).partition(";fs_path=")
        assert uri == "sip:1000@10.0.0.5:5060;line=1;fs_nat=yes"
        assert unquote(path) == "sip:1000@198.51.100.7:40000"
        assert next_flow(binding).remote == (FAR, 40000)
        assert str(request_uri(binding)) == "sip:1000@10.0.0.5:5060;line=1"

    def test_a_connection_is_used_again(self) -> None:
        binding = self.binding(f"sip:1000@{FAR}:5060;transport=tcp", flow(FAR, transport="TCP"))
        assert "fs_nat" not in dialled_uri(binding)
        assert unquote(dialled_uri(binding)).endswith(";fs_path=sip:1000@198.51.100.7:40000;transport=tcp")

    def test_through_the_proxies_between(self) -> None:
        path = [("Path", "<sip:one.example;lr>, <sip:two.example;lr>")]
        binding = self.binding("sip:1000@10.0.0.5", flow(FAR), more=path)
        assert unquote(dialled_uri(binding)) == (
            "sip:1000@10.0.0.5;fs_path=sip:one.example;lr,sip:two.example;lr"
        )
        assert next_flow(binding) is None

    def test_a_contact_that_is_written_anew(self) -> None:
        binding = self.binding("sip:1000@10.0.0.5:5060", flow(FAR), rules(ndlb_connectile_dysfunction=True))
        assert dialled_uri(binding) == f"sip:1000@{FAR}:40000"
        assert next_flow(binding).remote == (FAR, 40000)

    def test_a_contact_cannot_ring_somebody_else(self) -> None:
        binding = self.binding("sip:1000,error/BUSY@192.168.1.20:5062", flow(NEAR, 5062))
        assert "," not in dialled_uri(binding)


NAT_LIST = rules(apply_nat_acl=("nat.auto",))
CALLING = [
    # what the Contact says, and the Via      where it was heard   rules                   why
    ("sip:1000@10.0.0.5", "10.0.0.5:5060", flow(FAR), RULES, ""),
    ("sip:1000@10.0.0.5", "10.0.0.5:5060", flow(FAR), NAT_LIST, "10.0.0.5 is in apply-nat-acl"),
    ("sip:1000@10.0.0.5", f"{FAR}:40000", flow(FAR), NAT_LIST, "10.0.0.5 is in apply-nat-acl"),
    (f"sip:1000@{FAR}", f"{FAR}:40000", flow(FAR), NAT_LIST, ""),
    ("sip:1000@10.0.0.5", "10.0.0.5:5060", flow("10.0.0.5"), NAT_LIST, ""),
    ("sip:1000@10.0.0.5", "10.0.0.5:5060", flow(FAR), rules(aggressive=True), "via host"),
    (f"sip:1000@{FAR}", f"{FAR}:5060", flow(FAR), rules(aggressive=True), "via port"),
    (f"sip:1000@{FAR}", f"{FAR}:40000", flow(FAR), rules(aggressive=True), ""),
]


@pytest.mark.parametrize(("contact", "via", "heard", "rules_", "why"), CALLING)
def test_who_calls_from_behind_a_nat(contact: str, via: str, heard: Flow, rules_: NatRules, why: str) -> None:
    assert calling_reason(register(contact, via), heard, rules_) == why


def test_a_call_through_a_proxy_is_the_proxys_business() -> None:
    through = [("Via", "SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK2")]
    request = register("sip:1000@10.0.0.5", more=through)
    assert calling_reason(request, flow(FAR), rules(aggressive=True, apply_nat_acl=("nat.auto",))) == ""
