"""RFC 3263 and RFC 2782: where a URI leads."""

from __future__ import annotations

from collections import Counter
from itertools import cycle
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.sip.errors import LocalError
from ringthru.sip.transport.locating import (
    LONGEST_MEMORY,
    MOST_ADDRESSES,
    MOST_REMEMBERED,
    MOST_SERVERS,
    Kind,
    Location,
    Memory,
    NotFound,
    Pointer,
    Question,
    Service,
    in_order,
)
from ringthru.sip.wire.uri import SipUri

ALL = ("UDP", "TCP", "TLS")
Zone = dict[tuple[str, str], list]


def location(uri: str, transports=ALL, family: Kind = Kind.A) -> Location:
    return Location(SipUri.parse(uri), transports=transports, family=family, chance=lambda: 0.5)


def look_up(uri: str, zone: Zone, transports=ALL, family: Kind = Kind.A) -> list[str]:
    """Ask a zone until all is answered; the targets as ``transport host:port name``."""
    looking = location(uri, transports, family)
    while questions := looking.questions():
        for each in questions:
            looking.receive_answer(each, zone.get((each.kind.value, each.name), []))
    return [f"{each.transport} {each.endpoint} {each.name}".strip() for each in looking.targets()]


EXAMPLE: Zone = {
    ("SRV", "_sip._udp.example.com"): [
        Service(20, 0, 5062, "b.example.com"),
        Service(10, 0, 5061, "a.example.com"),
    ],
    ("SRV", "_sip._tcp.example.com"): [Service(10, 0, 5070, "a.example.com")],
    ("SRV", "_sips._tcp.example.com"): [Service(10, 0, 5071, "c.example.com")],
    ("A", "a.example.com"): ["192.0.2.1"],
    ("A", "b.example.com"): ["192.0.2.2", "192.0.2.3"],
    ("A", "c.example.com"): ["192.0.2.4"],
    ("A", "example.com"): ["192.0.2.9"],
    ("AAAA", "a.example.com"): ["2001:db8::1"],
}
OVER_UDP = [
    "UDP 192.0.2.1:5061 example.com",
    "UDP 192.0.2.2:5062 example.com",
    "UDP 192.0.2.3:5062 example.com",
]


class TestNaptr:
    """§4.1: which transport the domain prefers, and where its SRV records are."""

    def pointing(self, *pointers: Pointer) -> Zone:
        return {**EXAMPLE, ("NAPTR", "example.com"): list(pointers)}

    def test_the_domains_order_counts_and_not_ours(self):
        zone = self.pointing(
            Pointer(90, 50, "SIP+D2U", "_sip._udp.example.com"),
            Pointer(50, 50, "SIPS+D2T", "_sips._tcp.example.com"),
            Pointer(50, 90, "SIP+D2T", "_sip._tcp.example.com"),
        )
        assert look_up("sip:bob@example.com", zone) == [
            "TLS 192.0.2.4:5071 example.com",
            "TCP 192.0.2.1:5070 example.com",
            *OVER_UDP,
        ]

    def test_what_we_do_not_speak_is_left_out(self):
        zone = self.pointing(
            Pointer(10, 10, "SIP+D2S", "_sip._sctp.example.com"),
            Pointer(20, 10, "SIPS+D2T", "_sips._tcp.example.com"),
            Pointer(30, 10, "SIP+D2T", "_sip._tcp.example.com"),
        )
        assert look_up("sip:bob@example.com", zone, ("UDP", "TCP")) == ["TCP 192.0.2.1:5070 example.com"]

    def test_it_may_point_to_another_domain(self):
        zone = self.pointing(Pointer(10, 10, "SIP+D2U", "_sip._udp.carrier.example"))
        zone[("SRV", "_sip._udp.carrier.example")] = [Service(1, 0, 5090, "a.example.com")]
        assert look_up("sip:bob@example.com", zone) == ["UDP 192.0.2.1:5090 example.com"]

    def test_one_that_points_to_nothing_leaves_the_address_of_the_domain(self):
        zone = self.pointing(Pointer(10, 10, "SIP+D2T", "_sip._tcp.nowhere.example"))
        assert look_up("sip:bob@example.com", zone) == ["TCP 192.0.2.9:5060 example.com"]

    @pytest.mark.parametrize("uri", ["sip:bob@example.com;transport=udp", "sips:bob@example.com"])
    def test_a_uri_that_chooses_its_transport_does_not_ask(self, uri):
        assert [each.kind for each in location(uri).questions()] == [Kind.SRV]

    def test_it_is_asked_together_with_srv(self):
        assert [each.kind for each in location("sip:bob@example.com").questions()] == [
            Kind.NAPTR,
            *[Kind.SRV] * 3,
        ]


class TestNothingToAsk:
    """§4.1, §4.2: a numeric host is the target; a port or transport in the URI is what it says."""

    @pytest.mark.parametrize(
        ("uri", "target"),
        [
            ("sip:bob@192.0.2.1", "UDP 192.0.2.1:5060"),
            ("sip:bob@192.0.2.1:5080", "UDP 192.0.2.1:5080"),
            ("sip:bob@192.0.2.1;transport=tcp", "TCP 192.0.2.1:5060"),
            ("sip:bob@192.0.2.1;transport=TLS", "TLS 192.0.2.1:5061"),
            ("sip:bob@192.0.2.1:5080;transport=tls", "TLS 192.0.2.1:5080"),
            ("sips:bob@192.0.2.1", "TLS 192.0.2.1:5061"),
            ("sips:bob@192.0.2.1;transport=tcp", "TLS 192.0.2.1:5061"),
        ],
    )
    def test_an_address(self, uri, target):
        assert location(uri).questions() == []
        assert look_up(uri, {}) == [target]

    def test_ipv6(self):
        assert look_up("sip:bob@[2001:db8::1]:5070", {}, family=Kind.AAAA) == ["UDP [2001:db8::1]:5070"]

    @pytest.mark.parametrize(
        ("uri", "family"), [("sip:b@[2001:db8::1]", Kind.A), ("sip:b@192.0.2.1", Kind.AAAA)]
    )
    def test_the_other_family(self, uri, family):
        with pytest.raises(NotFound, match="cannot be reached"):
            location(uri, family=family)

    @pytest.mark.parametrize(
        ("uri", "transports"),
        [
            ("sip:bob@192.0.2.1;transport=tls", ("UDP", "TCP")),
            ("sip:bob@192.0.2.1;transport=sctp", ALL),
            ("sips:bob@192.0.2.1", ("UDP", "TCP")),
            ("sips:bob@192.0.2.1;transport=udp", ALL),
            ("tel:+15551234", ALL),
        ],
    )
    def test_what_is_not_served(self, uri, transports):
        with pytest.raises(LocalError):
            location(uri, transports)

    def test_a_profile_with_tls_alone(self):
        assert look_up("sip:bob@192.0.2.1", {}, ("TLS",)) == ["TLS 192.0.2.1:5061"]


class TestByName:
    def test_srv_first_all_transports_in_the_order_we_like(self):
        assert look_up("sip:bob@Example.COM", EXAMPLE) == [
            *OVER_UDP,
            "TCP 192.0.2.1:5070 example.com",
            "TLS 192.0.2.4:5071 example.com",
        ]

    def test_only_what_we_serve_is_asked_for(self):
        assert location("sip:bob@example.com", ("UDP",)).questions() == [
            Question(Kind.SRV, "_sip._udp.example.com")
        ]
        assert look_up("sip:bob@example.com", EXAMPLE, ("UDP",)) == OVER_UDP

    def test_a_transport_in_the_uri_is_the_only_one(self):
        assert look_up("sip:bob@example.com;transport=tcp", EXAMPLE) == ["TCP 192.0.2.1:5070 example.com"]
        assert look_up("sip:bob@example.com;transport=tls", EXAMPLE) == ["TLS 192.0.2.4:5071 example.com"]
        assert look_up("sips:bob@example.com", EXAMPLE) == ["TLS 192.0.2.4:5071 example.com"]

    def test_with_a_port_srv_is_not_asked(self):
        looking = location("sip:bob@example.com:5090")
        assert looking.questions() == [Question(Kind.A, "example.com")]
        assert look_up("sip:bob@example.com:5090", EXAMPLE) == ["UDP 192.0.2.9:5090 example.com"]

    def test_without_srv_the_address(self):
        zone = {("A", "example.com"): ["192.0.2.9"]}
        assert look_up("sip:bob@example.com", zone) == ["UDP 192.0.2.9:5060 example.com"]
        assert look_up("sips:bob@example.com", zone) == ["TLS 192.0.2.9:5061 example.com"]

    def test_ipv6_profiles_ask_for_aaaa(self):
        assert look_up("sip:bob@example.com;transport=tcp", EXAMPLE, family=Kind.AAAA) == [
            "TCP [2001:db8::1]:5070 example.com"
        ]

    def test_a_domain_that_says_it_has_no_such_service(self):
        """RFC 2782: a target of "." means no; the domain's own address is not to be tried then."""
        zone = {("SRV", "_sip._udp.example.com"): [Service(0, 0, 0, "")], ("A", "example.com"): ["192.0.2.9"]}
        with pytest.raises(NotFound):
            look_up("sip:bob@example.com", zone)

    def test_nothing_at_all(self):
        with pytest.raises(NotFound, match=r"nowhere\.example"):
            look_up("sip:bob@nowhere.example", {})

    def test_a_server_whose_name_is_unknown_is_passed_over(self):
        zone = {key: value for key, value in EXAMPLE.items() if key[1] != "a.example.com"}
        assert look_up("sip:bob@example.com", zone, ("UDP",)) == OVER_UDP[1:]

    def test_the_name_that_tls_must_find_is_the_domains(self):
        """RFC 5922 §4: not the SRV target's, which DNS may lie about."""
        assert look_up("sips:bob@example.com", EXAMPLE) == ["TLS 192.0.2.4:5071 example.com"]

    def test_very_many_servers_with_very_many_addresses(self):
        services = [Service(0, 0, 5060, f"s{number}.example.com") for number in range(100)]
        zone: Zone = {("SRV", "_sip._udp.example.com"): services}
        zone |= {("A", each.target): [f"192.0.2.{host}" for host in range(50)] for each in services}
        assert len(look_up("sip:bob@example.com", zone)) == MOST_SERVERS * MOST_ADDRESSES

    def test_answers_nobody_asked_for(self):
        looking = location("sip:bob@example.com", ("UDP",))
        (question,) = looking.questions()
        looking.receive_answer(Question(Kind.A, "example.com"), ["192.0.2.66"])
        looking.receive_answer(question, [])
        looking.receive_answer(question, [Service(0, 0, 1, "evil.example")])
        assert looking.questions() == [Question(Kind.A, "example.com")]
        assert looking.targets() == []


class TestWeights:
    """RFC 2782: lower priorities first; among equals in proportion to the weight."""

    def test_each_stands_first_as_often_as_its_weight_says(self):
        services = [
            Service(1, 60, 1, "a"),
            Service(1, 30, 2, "b"),
            Service(1, 10, 3, "c"),
            Service(0, 1, 4, "z"),
        ]
        random = Random(1)
        first = Counter(in_order(services, random.random)[1].target for _ in range(3000))
        assert in_order(services, random.random)[0].target == "z"
        assert 0.56 < first["a"] / 3000 < 0.64
        assert 0.07 < first["c"] / 3000 < 0.13

    @given(
        st.lists(st.builds(Service, st.integers(0, 3), st.integers(0, 65535), st.just(5060), st.text("abc"))),
        st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=5),
    )
    def test_nobody_is_lost(self, services, chances):
        numbers = cycle(chances)
        ordered = in_order(services, lambda: next(numbers))
        assert Counter(ordered) == Counter(services)
        assert [each.priority for each in ordered] == sorted(each.priority for each in services)


class TestMemory:
    QUESTION = Question(Kind.A, "example.com")

    def test_for_as_long_as_the_ttl(self):
        memory = Memory()
        memory.keep(self.QUESTION, ["192.0.2.1"], 60.0, 100.0)
        assert memory.recall(self.QUESTION, 159.9) == ["192.0.2.1"]
        assert memory.recall(self.QUESTION, 160.0) is None

    def test_nothing_is_an_answer_too(self):
        memory = Memory()
        memory.keep(self.QUESTION, (), 30.0, 0.0)
        assert memory.recall(self.QUESTION, 29.0) == ()

    @pytest.mark.parametrize(
        ("ttl", "held", "gone"), [(0.0, 0.9, 1.0), (2**31, LONGEST_MEMORY - 1, LONGEST_MEMORY)]
    )
    def test_within_bounds(self, ttl, held, gone):
        memory = Memory()
        memory.keep(self.QUESTION, ["192.0.2.1"], ttl, 0.0)
        assert memory.recall(self.QUESTION, held) is not None
        assert memory.recall(self.QUESTION, gone) is None

    def test_of_very_many_the_oldest_are_forgotten(self):
        memory = Memory()
        for number in range(MOST_REMEMBERED + 10):
            memory.keep(Question(Kind.A, f"host{number}"), ["192.0.2.1"], 60.0, 0.0)
        assert len(memory) == MOST_REMEMBERED
        assert memory.recall(Question(Kind.A, "host9"), 1.0) is None
        assert memory.recall(Question(Kind.A, "host10"), 1.0) is not None
