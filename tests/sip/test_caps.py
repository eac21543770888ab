"""What a peer may make a user agent keep, or find out by its clock: caps that no other test reaches."""

from __future__ import annotations

import hmac

import pytest

from ringthru.sip import Request
from ringthru.sip.agent.outbound import MAX_FORKS
from ringthru.sip.registrar.authority import MAX_NONCE_TEXT, Authority, Verdict
from ringthru.sip.registrar.registration import MAX_CONTACTS, MAX_USER_AGENT, Bindings
from ringthru.sip.wire.digest import ha1
from ringthru.sip.wire.grammar import KEPT, LONGEST_KEPT
from ringthru.sip.wire.headers import NameAddr, _name_addr
from ringthru.sip.wire.uri import SipUri, _uri

from .network import ALICE, ANSWER, BOB, Network, Party, Script
from .test_digest import REALM, login
from .test_registration import AOR, ORIGIN, register


class TestForks:
    """One INVITE of ours may bring answers of many: each early dialog and each 2xx costs memory."""

    def test_early_dialogs(self):
        network = Network()
        alice, script = Party(network, ALICE), Script(network, BOB)
        call = alice.call(BOB)
        network.run(0.1)
        for number in range(3 * MAX_FORKS):
            script.send(script.response(script.got[0], 180, f"t{number}", Contact=f"<sip:b@{BOB}>"), ALICE)
        assert len(call._early) == MAX_FORKS

    def test_answers_are_acknowledged_and_ended_so_far_and_then_ignored(self):
        network = Network()
        alice, script = Party(network, ALICE), Script(network, BOB)
        alice.call(BOB)
        network.run(0.1)
        for number in range(3 * MAX_FORKS):
            answer = script.response(script.got[0], 200, f"t{number}", Contact=f"<sip:b@{BOB}>")
            answer.body = ANSWER
            script.send(answer, ALICE)
        assert len({ack.to.tag for ack in script.requests("ACK")}) == MAX_FORKS
        assert len({bye.to.tag for bye in script.requests("BYE")}) == MAX_FORKS - 1  # the first one stands


class TestWhatIsReadIsKept:
    def test_so_many_and_none_that_is_long(self):
        for cache in (_uri, _name_addr):
            assert cache.cache_info().maxsize == KEPT
        before = _uri.cache_info().currsize, _name_addr.cache_info().currsize
        SipUri.parse(f"sip:{'u' * LONGEST_KEPT}@example.com")
        NameAddr.parse(f"<sip:{'n' * LONGEST_KEPT}@example.com>")
        assert (_uri.cache_info().currsize, _name_addr.cache_info().currsize) == before


class TestTheClockTellsNothing:
    """Comparing a response or a stamp takes as long whether the first byte is wrong or the last."""

    @pytest.fixture
    def compared(self, monkeypatch: pytest.MonkeyPatch) -> list[tuple[bytes, bytes]]:
        pairs: list[tuple[bytes, bytes]] = []
        real = hmac.compare_digest
        monkeypatch.setattr(hmac, "compare_digest", lambda a, b: pairs.append((a, b)) or real(a, b))
        return pairs

    @pytest.mark.parametrize("user", ["alice", "nobody"])
    def test_the_stamp_of_the_nonce_and_the_response_of_a_user_known_or_not(self, compared, user: str):
        authority = Authority(b"sixteen octets..")
        credentials = login(authority, 1000.0, password="wrong")
        compared.clear()

        def secret_of(name: str, realm: str, algorithm: str) -> str | None:
            return ha1("alice", realm, "secret", algorithm) if user == "alice" else None

        verdict = authority.verify(credentials, "REGISTER", secret_of, b"", 1000.0)
        assert verdict is (Verdict.WRONG_PASSWORD if user == "alice" else Verdict.UNKNOWN_USER)
        stamp, response = compared
        assert credentials.nonce.endswith(stamp[1].decode())
        assert response[1].decode() == credentials.response.lower()

    def test_a_nonce_that_is_too_long_is_not_even_stamped(self, compared):
        authority = Authority(b"sixteen octets..")
        credentials = login(authority, 1000.0, nonce="1" * (MAX_NONCE_TEXT + 1))
        compared.clear()
        assert authority.verify(credentials, "REGISTER", lambda *_: "x", b"", 1000.0) is Verdict.UNKNOWN_NONCE
        assert compared == []

    def test_nonces_are_stamped_for_their_realm(self):
        authority = Authority(b"sixteen octets..")
        issued = authority.challenge(REALM, 1000.0)
        elsewhere = login(authority, 1000.0, value=issued, realm="elsewhere")
        assert authority.verify(elsewhere, "REGISTER", lambda *_: "x", b"", 1000.0) is Verdict.UNKNOWN_NONCE


class TestRegistrations:
    def test_of_one_user(self):
        bindings = Bindings()
        for number in range(3 * MAX_CONTACTS):
            request = register(f"<sip:a@h:{5000 + number}>", cseq=number + 1, call_id=f"c{number}")
            bindings.process(AOR, request, ORIGIN, float(number))
        assert len(bindings.lookup(AOR, 100.0)) == MAX_CONTACTS

    def test_the_name_of_a_phone_is_cut(self):
        bindings = Bindings()
        request: Request = register("<sip:a@h>")
        request.set("User-Agent", "P" * 5000)
        outcome = bindings.process(AOR, request, ORIGIN, 0.0)
        assert [len(each.user_agent) for each in outcome.added] == [MAX_USER_AGENT]
