"""What an agent answers by itself, our requests and digest, what no datagram may do (RFC 3261 §8, §22)."""

from __future__ import annotations

from itertools import count

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ringthru.net.address import Endpoint
from ringthru.sip import (
    HERE,
    HERE_HOST,
    CallAnswered,
    CallFailed,
    Flow,
    IncomingCall,
    Limits,
    LocalError,
    Login,
    Request,
    RequestFailed,
    RequestReceived,
    ResponseReceived,
    UserAgent,
)
from ringthru.sip.wire.authentication import Credentials

from .network import ALICE, ANSWER, BOB, Network, Party, Script, answering

CHALLENGE = 'Digest realm="home", nonce="{}", algorithm=MD5, qop="auth"{}'


@pytest.fixture
def network() -> Network:
    return Network()


@pytest.fixture
def bob(network) -> Party:
    return Party(network, BOB)


@pytest.fixture
def script(network) -> Script:
    return Script(network, ALICE)


class TestRefusedByItself:
    """§8.2.1 to §8.2.2, in this order."""

    @pytest.mark.parametrize(
        ("method", "status"),
        [
            ("PRACK", 405),
            ("DANCE", 501),
            ("invite", 501),
        ],
    )
    def test_methods_we_do_not_serve(self, network, script, bob, method, status):
        script.send(script.request(method, BOB), BOB)
        (answer,) = script.got
        assert answer.status == status
        allowed = "INVITE, ACK, CANCEL, BYE, OPTIONS, REGISTER, INFO, UPDATE, MESSAGE, REFER, NOTIFY"
        assert answer.get("Allow") == allowed
        assert bob.seen == []

    @pytest.mark.parametrize("method", ["SUBSCRIBE", "NOTIFY", "PUBLISH"])
    def test_event_packages_are_declined(self, script, bob, method):
        """RFC 6665 §8.3.2, RFC 3903 §6: a phone that asks for its message lamp then asks no more."""
        script.send(script.request(method, BOB, Event="message-summary"), BOB)
        assert script.statuses == [489]
        assert bob.seen == []

    def test_extensions_we_do_not_speak(self, script, bob):
        script.send(script.request("INVITE", BOB, Require="100rel, timer, replaces"), BOB)
        (answer,) = script.got
        assert (answer.status, answer.get("Unsupported")) == (420, "100rel")

    def test_too_many_hops(self, script, bob):
        script.send(script.request("INVITE", BOB, Max_Forwards="0"), BOB)
        assert script.statuses == [483]

    def test_a_scheme_that_is_not_sip(self, script, bob):
        request = script.request("INVITE", BOB)
        request.uri = "tel:+15551234"
        script.send(request, BOB)
        assert script.statuses == [416]

    @pytest.mark.parametrize("method", ["BYE", "UPDATE", "INFO"])
    def test_dialog_requests_without_a_dialog(self, script, bob, method):
        script.send(script.request(method, BOB), BOB)
        assert script.statuses == [481]

    def test_a_final_answer_has_a_to_tag_and_100_has_none(self, network, script, bob):
        bob.on_event = lambda e: isinstance(e, IncomingCall) and e.call.reject(network.now, 404)
        script.send(script.request("INVITE", BOB, Timestamp="54"), BOB)
        trying, final = script.got
        assert (trying.status, trying.to.tag, trying.get("Timestamp")) == (100, None, "54")
        assert final.to.tag

    def test_an_unreadable_require_raises_nothing(self, script, bob):
        script.send(script.request("INVITE", BOB, Require='"'), BOB)
        assert script.statuses == [420]


class TestHandedUp:
    @pytest.mark.parametrize("method", ["OPTIONS", "REGISTER", "MESSAGE", "REFER"])
    def test_requests_for_the_user(self, network, script, bob, method):
        script.send(script.request(method, BOB), BOB)
        incoming = bob.last(RequestReceived).incoming
        assert (incoming.request.method, incoming.call, incoming.flow.remote) == (method, None, ALICE)
        bob.agent.respond(incoming, 200, network.now, headers=[("Contact", f"<sip:bob@{HERE}>")])
        bob.agent.respond(incoming, 500, network.now)
        network.run(0.0)
        (answer,) = script.got
        assert (answer.status, str(answer.contact.uri)) == (200, f"sip:bob@{BOB.host}")

    def test_an_answer_to_options_says_what_we_allow(self, network, script, bob):
        script.send(script.request("OPTIONS", BOB), BOB)
        bob.agent.respond(bob.last(RequestReceived).incoming, 200, network.now)
        network.run(0.0)
        assert "INVITE" in script.got[0].get("Allow")

    def test_an_answer_after_its_client_gave_up_is_not_sent(self, network, script, bob):
        """RFC 4320 §4.2."""
        script.send(script.request("OPTIONS", BOB), BOB)
        network.run(33.0)
        bob.agent.respond(bob.last(RequestReceived).incoming, 200, network.now)
        network.run(0.0)
        assert script.got == []


class TestRequestsOfOurs:
    def register(self, party: Party, **more) -> object:
        headers = [("From", f"<sip:1000@{HERE_HOST}>"), ("Contact", f"<sip:1000@{HERE}>")]
        request = Request("REGISTER", "sip:home", headers)
        return party.agent.request(request, party.flow(ALICE), party.network.now, **more)

    def test_what_the_rfc_demands_is_filled_in(self, network, script, bob):
        self.register(bob)
        network.run(0.1)
        (request,) = script.got
        assert request.check() is None
        assert (request.max_forwards, request.cseq.number, request.get("To")) == (70, 1, "<sip:home>")
        assert request.from_.tag
        assert request.from_.uri.host == BOB.host

    def test_a_final_response_is_an_event(self, network, script, bob):
        handle = self.register(bob)
        network.run(0.1)
        script.send(script.response(script.got[0], 200), BOB)
        assert bob.last(ResponseReceived).handle is handle

    def test_silence_is_an_event(self, network, bob):
        handle = self.register(bob)
        network.run(33.0)
        assert bob.last(RequestFailed).handle is handle

    def test_invite_is_not_sent_this_way(self, network, bob):
        with pytest.raises(LocalError):
            bob.agent.request(Request("INVITE", "sip:x"), bob.flow(ALICE), 0.0)


class TestDigestClient:
    """§22.2, §22.3."""

    def challenged(self, script: Script, status: int = 401, nonce: str = "n1", more: str = "") -> None:
        name = "WWW_Authenticate" if status == 401 else "Proxy_Authenticate"
        last = [each for each in script.got if each.method != "ACK"][-1]
        script.send(script.response(last, status, **{name: CHALLENGE.format(nonce, more)}), BOB)

    def start(self, network, bob, login: Login | None = Login("1000", "secret")):  # noqa: B008
        request = Request("REGISTER", "sip:home", [("From", "<sip:1000@home>")])
        bob.agent.request(request, bob.flow(ALICE), network.now, credentials=login)
        network.run(0.1)

    def test_a_challenge_is_answered_once(self, network, script, bob):
        self.start(network, bob)
        self.challenged(script)
        first, second = script.got
        given = Credentials.parse(second.get("Authorization"))
        assert (given.username, given.realm, given.nonce, given.uri) == ("1000", "home", "n1", "sip:home")
        assert (second.cseq.number, second.call_id) == (2, first.call_id)
        assert second.via.branch != first.via.branch
        self.challenged(script, nonce="n2")
        assert len(script.got) == 2, "a second challenge means a wrong password"
        assert bob.last(ResponseReceived).response.status == 401

    def test_a_stale_nonce_is_replaced(self, network, script, bob):
        self.start(network, bob)
        self.challenged(script)
        self.challenged(script, nonce="n2", more=", stale=true")
        assert Credentials.parse(script.got[-1].get("Authorization")).nonce == "n2"

    def test_the_same_nonce_is_never_tried_twice(self, network, script, bob):
        self.start(network, bob)
        self.challenged(script)
        self.challenged(script, more=", stale=true")
        assert len(script.got) == 2

    def test_a_proxy_and_then_the_server(self, network, script, bob):
        self.start(network, bob)
        self.challenged(script, 407)
        self.challenged(script, 401, nonce="n2")
        last = script.got[-1]
        assert Credentials.parse(last.get("Proxy-Authorization")).nonce_count == "00000002"
        assert Credentials.parse(last.get("Authorization")).nonce_count == "00000001"

    def test_several_realms_in_one_response(self, network, script, bob):
        """§22.3: a forking proxy gathers what each of its branches asked."""
        self.start(network, bob)
        rows = [("WWW-Authenticate", f'Digest realm="{each}", nonce="{each}", qop="auth"') for each in "ab"]
        rows += [("Proxy-Authenticate", 'Digest realm="p", nonce="p", algorithm=SHA-256')]
        rows += [("Proxy-Authenticate", 'Digest realm="p", nonce="q", algorithm=MD5')]
        refusal = script.response(script.got[-1], 401)
        for row in rows:
            refusal.add(*row)
        script.send(refusal, BOB)
        last = script.got[-1]
        assert [Credentials.parse(each).realm for each in last.get_all("Authorization")] == ["a", "b"]
        (proxy,) = [Credentials.parse(each) for each in last.get_all("Proxy-Authorization")]
        assert (proxy.realm, proxy.algorithm) == ("p", "SHA-256")

    def test_a_wall_of_realms_is_given_up(self, network, script, bob):
        self.start(network, bob)
        refusal = script.response(script.got[-1], 401)
        for number in range(30):
            refusal.add("WWW-Authenticate", f'Digest realm="{number}", nonce="{number}"')
        script.send(refusal, BOB)
        assert len(script.got) == 1
        assert bob.last(ResponseReceived).response.status == 401

    def test_without_a_login_the_challenge_is_the_answer(self, network, script, bob):
        self.start(network, bob, None)
        self.challenged(script)
        assert bob.last(ResponseReceived).response.status == 401

    def test_a_stale_nonce_for_ever_is_given_up(self, network, script, bob):
        self.start(network, bob)
        for number in range(10):
            self.challenged(script, nonce=f"n{number}", more=", stale=true")
        assert len(script.got) == 4

    def test_an_invite_and_its_ack_and_bye(self, network, script, bob):
        call = bob.call(ALICE, credentials=Login("1000", "secret"))
        network.run(0.1)
        self.challenged(script, 407)
        again = script.requests("INVITE")[-1]
        assert (again.cseq.number, again.call_id) == (2, call.call_id)
        assert len(script.requests("ACK")) == 1
        script.send(script.response(again, 200, Contact=f"<sip:x@{ALICE}>"), BOB)
        ack = script.requests("ACK")[-1]
        assert ack.get("Proxy-Authorization") == again.get("Proxy-Authorization")
        assert ack.cseq.number == 2
        assert bob.last(CallAnswered).call is call
        call.hang_up(network.now)
        network.run(0.1)
        self.challenged(script, 407, nonce="n9")
        first, second = script.requests("BYE")
        assert (first.cseq.number, second.cseq.number) == (3, 4)
        assert Credentials.parse(second.get("Proxy-Authorization")).nonce == "n9"

    def test_the_next_request_of_a_dialog_brings_its_answer_along(self, network, script, bob):
        """§22.3: a server that still likes the nonce need not challenge again."""
        call = self.answered(network, script, bob)
        call.hang_up(network.now)
        network.run(0.1)
        (bye,) = script.requests("BYE")
        given = Credentials.parse(bye.get("Proxy-Authorization"))
        assert (given.nonce, given.nonce_count, given.uri) == ("n1", "00000002", bye.uri)

    def test_nextnonce_is_used(self, network, script, bob):
        """RFC 7616 §3.5."""
        call = self.answered(network, script, bob, 'nextnonce="n2", qop=auth')
        call.hang_up(network.now)
        network.run(0.1)
        given = Credentials.parse(script.requests("BYE")[0].get("Proxy-Authorization"))
        assert (given.nonce, given.nonce_count) == ("n2", "00000001")

    @pytest.mark.parametrize("info", ["", "nonsense", 'nextnonce="', "nextnonce=", 'qop="auth"'])
    def test_an_unreadable_one_is_overlooked(self, network, script, bob, info):
        call = self.answered(network, script, bob, info)
        call.hang_up(network.now)
        network.run(0.1)
        assert Credentials.parse(script.requests("BYE")[0].get("Proxy-Authorization")).nonce == "n1"

    def test_the_same_nonce_asked_for_again_is_answered_once_more(self, network, script, bob):
        """A server that forgot what it accepted: what came along unasked was no attempt."""
        call = self.answered(network, script, bob)
        call.hang_up(network.now)
        network.run(0.1)
        for _ in range(3):
            self.challenged(script, 407)
        first, second = script.requests("BYE")
        assert Credentials.parse(second.get("Proxy-Authorization")).nonce_count == "00000003"

    def answered(self, network, script, bob, info: str | None = None):
        call = bob.call(ALICE, credentials=Login("1000", "secret"))
        network.run(0.1)
        self.challenged(script, 407)
        more = {} if info is None else {"Proxy-Authentication-Info": info}
        again = script.requests("INVITE")[-1]
        script.send(script.response(again, 200, Contact=f"<sip:x@{ALICE}>", **more), BOB)
        return call

    def test_an_invite_with_a_wrong_password_fails(self, network, script, bob):
        bob.call(ALICE, credentials=Login("1000", "wrong"))
        network.run(0.1)
        self.challenged(script)
        self.challenged(script, nonce="n2")
        assert bob.last(CallFailed).status == 401

    def test_a_password_never_shows(self):
        assert "secret" not in repr(Login("1000", "secret"))


class TestTwoAgents:
    def test_they_share_nothing(self, network):
        """Two switches run in one process."""
        bob, twin = Party(network, BOB), Party(network, Endpoint("127.40.0.22", 5060))
        alice = Party(network, ALICE)
        bob.on_event = answering(bob)
        alice.call(BOB)
        network.run(1.0)
        assert len(bob.agent.calls) == 1
        assert twin.agent.calls == ()
        assert twin.agent.next_timeout() is None
        assert twin.agent.events() == []


class TestKeep:
    """RFC 6223: who offers to keep the NAT's binding open asks by ``keep`` in its Via.

    Whoever is willing to be kept in touch with gives it a value (§4.1), and over UDP that means to answer
    STUN on the SIP port (§4.2.1), which we do not: it comes back as it came, and the asker finds his own way.
    """

    @pytest.mark.parametrize("method", ["INVITE", "BYE"])
    def test_comes_back_as_it_came(self, network, script, method):
        bob = Party(network, BOB)
        bob.on_event = answering(bob)
        request = script.request(method, BOB)
        request.replace_top("Via", f"{request.get('Via')};keep")
        script.send(request, BOB)
        network.run(0.1)
        assert script.statuses
        answers = [each for each in script.got if not isinstance(each, Request)]
        assert {each.via.parameter("keep") for each in answers} == {""}

    def test_is_nothing_that_we_ask_for(self, network, script):
        Party(network, BOB).call(ALICE)
        network.run(0.1)
        assert script.requests("INVITE")[0].via.parameter("keep") is None


class TestSeenBy:
    def test_is_asked_once_per_call_and_request(self, network, script):
        asked: list[Flow] = []

        def seen_by(flow: Flow) -> Endpoint:
            asked.append(flow)
            return BOB

        bob = Party(network, BOB, seen_by=seen_by)
        bob.on_event = answering(bob)
        script.send(script.request("INVITE", BOB), BOB)
        assert len(asked) == 1
        network.run(40.0)
        assert len(asked) == 1, "200 repeated and BYE sent with the frozen address"


METHODS = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "NOISE")
HEADERS = st.sampled_from(
    [
        ("Via", "SIP/2.0/UDP 127.40.0.9;rport;branch=z9hG4bKa"),
        ("Via", "SIP/2.0/UDP [::1]:99999;branch="),
        ("Via", "SIP/2.0/UDP x;branch=z9hG4bKb, SIP/2.0/UDP y"),
        ("From", "<sip:a@b>;tag=a"),
        ("From", "sip:a@b"),
        ("From", "<tel:1>;tag=\x01"),
        ("To", "<sip:b@c>"),
        ("To", "<sip:b@c>;tag=p2x1"),
        ("To", '"<'),
        ("Call-ID", "c"),
        ("CSeq", "1 INVITE"),
        ("CSeq", "2 BYE"),
        ("CSeq", "99999999999 ACK"),
        ("Contact", "*"),
        ("Contact", "<sip:\x00>"),
        ("Contact", "<sip:x@127.40.0.9>, <tel:1>"),
        ("Require", '",'),
        ("Record-Route", "<sip:p;lr>, <sip:q>"),
        ("Record-Route", "<"),
        ("Max-Forwards", "0"),
        ("Content-Length", "5"),
        ("WWW-Authenticate", "Digest realm="),
    ]
)


@st.composite
def messages(draw) -> bytes:
    method = draw(st.sampled_from(METHODS))
    first = draw(
        st.sampled_from(
            [f"{method} sip:b@c SIP/2.0", f"{method} tel:1 SIP/2.0", "SIP/2.0 200 OK", "SIP/2.0 401 x"]
        )
    )
    base = [
        ("Via", f"SIP/2.0/UDP 127.40.0.9;branch=z9hG4bK{draw(st.integers(0, 3))}"),
        ("From", "<sip:a@b>;tag=a"),
        ("To", draw(st.sampled_from(["<sip:b@c>", "<sip:b@c>;tag=p2x1", "<sip:b@c>;tag=p2x2"]))),
        ("Call-ID", "c"),
        ("CSeq", f"{draw(st.integers(0, 3))} {method}"),
    ]
    rows = base + draw(st.lists(HEADERS, max_size=4))
    for _ in range(draw(st.integers(0, 2))):
        rows.pop(draw(st.integers(0, len(rows) - 1)))
    return "\r\n".join([first, *(f"{n}: {v}" for n, v in rows), "", ""]).encode() + draw(
        st.binary(max_size=8)
    )


def fresh_agent() -> UserAgent:
    tokens = count(1)
    return UserAgent(
        seen_by=lambda flow: BOB,
        token=lambda: f"p2x{next(tokens)}",
        user_agent="fuzzed",
        limits=Limits(per_source=20, total=30),
    )


class TestAnyDatagram:
    """Nothing from the network raises, and nothing of it stays."""

    @settings(max_examples=300, deadline=None)
    @given(st.lists(st.one_of(st.binary(max_size=200), messages()), max_size=25))
    def test_noise_neither_raises_nor_stays(self, datagrams):
        agent, now = fresh_agent(), 0.0
        for number, data in enumerate(datagrams):
            source = Endpoint("127.40.0.9", 5060 + number % 2)
            now += 0.3
            agent.receive_message(data, Flow("UDP", BOB, source), now)
            for event in agent.events():
                if isinstance(event, IncomingCall):
                    event.call.answer(now, ANSWER)
            agent.messages_to_send()
        for call in agent.calls:
            call.hang_up(now)
        while (at := agent.next_timeout()) is not None and at < now + 200:
            agent.handle_timeout(at)
            agent.events()
            agent.messages_to_send()
        layer, core = agent._layer, agent._core
        assert not any(
            (layer._servers, layer._clients, layer._merging, layer._sources, core.calls, core.leaving)
        )
        assert len(layer.timers) == 0

    @settings(max_examples=50, deadline=None)
    @given(st.data())
    def test_an_invite_cut_anywhere_or_with_a_byte_changed(self, data):
        whole = (
            b"INVITE sip:b@127.40.0.2 SIP/2.0\r\nVia: SIP/2.0/UDP 127.40.0.9;rport;branch=z9hG4bK1\r\n"
            b"From: <sip:a@b>;tag=a\r\nTo: <sip:b@c>\r\nCall-ID: c\r\nCSeq: 1 INVITE\r\n"
            b"Contact: <sip:a@127.40.0.9>\r\nContent-Length: 0\r\n\r\n"
        )
        cut = data.draw(st.integers(0, len(whole)))
        place, byte = data.draw(st.integers(0, len(whole) - 1)), data.draw(st.integers(0, 255))
        changed = whole[:place] + bytes([byte]) + whole[place + 1 :]
        for datagram in (whole[:cut], changed):
            agent = fresh_agent()
            agent.receive_message(datagram, Flow("UDP", BOB, Endpoint("127.40.0.9", 5060)), 0.0)
            for event in agent.events():
                if isinstance(event, IncomingCall):
                    event.call.answer(0.0, ANSWER)
