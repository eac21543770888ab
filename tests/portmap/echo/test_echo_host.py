"""The echo host: of use to those who are where they say, and of none to an attacker."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.net.values import replace
from ringthru.portmap.echo.echo_host import (
    COOKIE_LIFE,
    MOST_SOURCES,
    MOST_TOKENS,
    PROBES_A_SECOND,
    PROBES_AT_ONCE_EACH,
    EchoHost,
    ProbeOrder,
)
from ringthru.portmap.values import Protocol
from ringthru.portmap.wire.echo import SIZE, Kind, Message, Outcome, decode

ASKER = Endpoint("11.0.113.1", 40000)
HELLO = Message(Kind.HELLO, Protocol.UDP, 5060, b"t" * 12)


class Host(EchoHost):
    def __init__(self, secret: bytes = b"s" * 32) -> None:
        super().__init__(secret)

    def ask(self, message: Message, source: Endpoint = ASKER, now: float = 100.0) -> list[Message]:
        """What is answered, and that it goes to the asker alone, no bigger than what was asked."""
        self.receive_datagram(message.encode(), source, now)
        sent = self.datagrams_to_send()
        assert all(to == source and len(data) == SIZE for data, to in sent)
        assert len(sent) <= 1
        return [decode(data) for data, _ in sent]

    def cookie(self, message: Message = HELLO, source: Endpoint = ASKER, now: float = 100.0) -> Message:
        """The question again, with the cookie that belongs to it."""
        (challenge,) = self.ask(message, source, now)
        return replace(message, kind=Kind.PROVE, cookie=challenge.cookie)


@pytest.fixture
def host() -> Host:
    return Host()


def test_the_first_answer_is_a_cookie_and_the_askers_own_address(host):
    (challenge,) = host.ask(HELLO)
    assert (challenge.kind, challenge.token, challenge.address) == (Kind.CHALLENGE, HELLO.token, ASKER.host)
    assert host.probes() == []


def test_with_the_cookie_the_askers_own_port_is_knocked_at(host):
    prove = host.cookie()
    assert host.ask(prove) == []
    (order,) = host.probes()
    assert (order.protocol, order.to, order.asker) == (Protocol.UDP, Endpoint(ASKER.host, 5060), ASKER)
    assert decode(order.datagram) == Message(Kind.PROBE, Protocol.UDP, 5060, HELLO.token)


@pytest.mark.parametrize("outcome", [Outcome.SENT, Outcome.REFUSED, Outcome.TIMEOUT])
def test_what_came_of_it_is_reported(host, outcome):
    host.ask(host.cookie())
    (order,) = host.probes()
    host.done(order, outcome, 101.0)
    ((data, to),) = host.datagrams_to_send()
    report = decode(data)
    assert (to, report.kind, report.outcome, report.token) == (ASKER, Kind.REPORT, outcome, HELLO.token)


class TestNobodyIsHarmed:
    def test_a_spoofed_source_gets_one_datagram_for_one_of_the_same_size(self, host):
        """Whoever writes a victim's address on a question makes no more of it than it was."""
        victim = Endpoint("22.51.100.50", 5060)
        (challenge,) = host.ask(HELLO, victim)
        assert len(challenge.encode()) == len(HELLO.encode())

    def test_a_cookie_is_good_for_its_own_asker_only(self, host):
        prove = host.cookie()
        for other in (Endpoint("22.51.100.50", ASKER.port), Endpoint(ASKER.host, 40001)):
            assert host.ask(prove, other) == []
        assert host.probes() == []
        assert host.counters()["forged"] == 2

    @pytest.mark.parametrize(
        "changed",
        [{"port": 22}, {"protocol": Protocol.TCP}, {"token": b"u" * 12}, {"cookie": bytes(16)}],
        ids=["port", "protocol", "token", "no cookie"],
    )
    def test_a_cookie_is_good_for_its_own_question_only(self, host, changed):
        prove = host.cookie()
        assert host.ask(replace(prove, **changed)) == []
        assert host.probes() == []

    def test_a_cookie_ends(self, host):
        prove = host.cookie(now=100.0)
        assert host.ask(prove, now=100.0 + COOKIE_LIFE) == []
        assert host.probes() == []

    def test_another_host_makes_other_cookies(self, host):
        assert host.ask(Host(b"o" * 32).cookie()) == []

    def test_a_replayed_question_knocks_once(self, host):
        prove = host.cookie()
        for _ in range(5):
            assert host.ask(prove) == []
        (order,) = host.probes()
        host.done(order, Outcome.SENT, 100.5)
        host.datagrams_to_send()
        for now in (101.0, 119.0):
            assert [report.outcome for report in host.ask(prove, now=now)] == [Outcome.SENT]
        assert host.probes() == []

    @pytest.mark.parametrize("kind", [Kind.CHALLENGE, Kind.PROBE, Kind.REPORT])
    def test_a_hosts_words_are_never_answered(self, host, kind):
        """Or two echo hosts, told of each other, would talk for ever."""
        assert host.ask(replace(HELLO, kind=kind)) == []

    @given(st.binary(max_size=70))
    def test_no_bytes_raise_or_are_answered(self, data):
        host = Host()
        host.receive_datagram(data, ASKER, 1.0)
        assert host.datagrams_to_send() == []


class TestLimits:
    def knock(self, host: Host, number: int, source: Endpoint, now: float) -> list[ProbeOrder]:
        host.ask(host.cookie(replace(HELLO, token=number.to_bytes(12)), source, now), source, now)
        return host.probes()

    def test_one_asker_is_told_when_it_is_too_much(self, host):
        orders = [each for number in range(30) for each in self.knock(host, number, ASKER, 100.0)]
        assert len(orders) == PROBES_AT_ONCE_EACH
        prove = host.cookie(replace(HELLO, token=b"x" * 12))
        assert [report.outcome for report in host.ask(prove)] == [Outcome.LIMITED]
        assert len(self.knock(host, 99, ASKER, 110.0)) == 1  # and later it may again

    def test_a_whole_ipv6_site_is_one_asker(self, host):
        orders = []
        for number in range(30):
            orders += self.knock(host, number, Endpoint(f"2001:db8::{number:x}", 1), 100.0)
        assert len(orders) == PROBES_AT_ONCE_EACH

    def test_a_flood_of_spoofed_questions_leaves_nothing_behind(self, host):
        for number in range(5000):
            host.receive_datagram(HELLO.encode(), Endpoint(f"11.{number >> 8}.{number & 255}.1", 1), 100.0)
            host.datagrams_to_send()
        assert host._sources == {}
        assert host._used == {}
        assert host.counters()["dropped"] == 4500

    def test_a_flood_of_true_askers_is_bounded_in_memory_and_in_probes(self, host):
        probes = 0
        for number in range(6000):
            source = Endpoint(f"11.{number >> 8}.{number & 255}.1", 1)
            probes += len(self.knock(host, number, source, 100.0 + number / 400))
        assert probes <= PROBES_A_SECOND * (1 + 6000 / 400)
        assert len(host._sources) <= MOST_SOURCES
        assert len(host._used) <= MOST_TOKENS

    def test_the_memory_of_used_cookies_outlives_every_cookie(self):
        assert PROBES_A_SECOND * (COOKIE_LIFE + 1) < MOST_TOKENS
