"""RFC 3665, "SIP Basic Call Flow Examples": every flow, and each of its datagrams lost, doubled and late.

Each flow is played by user agents of ours, with the proxies of the flow where they matter to a user agent.
What a switch does between its two legs is in tests/scenarios; docs/reference/flows.md says where.
"""

from __future__ import annotations

import pytest

from ringthru.net.address import Endpoint
from ringthru.sip import CallEnded, CallFailed, CallState, Login, Request, RequestFailed, ResponseReceived

from .flows import OTHER_PROXY, PASSWORD, PROXY, Flow, Proxy, Registrar, User, harmed, harms, rest
from .network import ALICE, ANSWER, BOB, CAROL, OFFER, Network, Party, Script

RIGHT, WRONG = Login("alice", PASSWORD), Login("alice", "guess")


def register(
    network: Network, alice: Party, cseq: int, *contacts: str, login: Login = RIGHT, expires: int = 3600
) -> int:
    """One REGISTER to its end; the status of its final response."""
    rows = [("Contact", each) for each in contacts]
    rows += [("Call-ID", "registration"), ("CSeq", f"{cseq} REGISTER"), ("Expires", str(expires))]
    rows += [("From", "<sip:alice@atlanta.example.com>"), ("To", "<sip:alice@atlanta.example.com>")]
    request = Request("REGISTER", f"sip:{BOB}", rows)
    handle = alice.agent.request(request, alice.flow(BOB), network.now, credentials=login)
    network.run(40.0)
    ends = [each for each in alice.seen if isinstance(each, ResponseReceived | RequestFailed)]
    mine = [each for each in ends if each.handle is handle]
    assert len(mine) == 1
    assert isinstance(mine[0], ResponseReceived)
    return mine[0].response.status


def here(user: str) -> str:
    return f"<sip:{user}@{ALICE}>"


def f2_1_registration(network: Network) -> None:
    alice, registrar = User(network, ALICE), Registrar(network, BOB)
    assert register(network, alice, 1, here("alice")) == 200
    assert registrar.contacts() == ["alice"]
    rest(network)


def f2_2_update_of_the_contact_list(network: Network) -> None:
    alice, registrar = User(network, ALICE), Registrar(network, BOB)
    assert register(network, alice, 1, here("alice")) == 200
    assert register(network, alice, 11, here("alice"), here("desk")) == 200
    assert registrar.contacts() == ["alice", "desk"]
    rest(network)


def f2_3_request_for_the_contact_list(network: Network) -> None:
    alice, registrar = User(network, ALICE), Registrar(network, BOB)
    assert register(network, alice, 1, here("alice")) == 200
    assert register(network, alice, 11) == 200
    answered = alice.last(ResponseReceived).response
    assert answered.contact is not None
    assert answered.contact.uri.user == "alice"
    assert registrar.contacts() == ["alice"]
    rest(network)


def f2_4_cancellation(network: Network) -> None:
    alice, registrar = User(network, ALICE), Registrar(network, BOB)
    assert register(network, alice, 1, here("alice")) == 200
    assert register(network, alice, 11, "*", expires=0) == 200
    assert registrar.contacts() == []
    rest(network)


def f2_5_unsuccessful(network: Network) -> None:
    alice, registrar = User(network, ALICE), Registrar(network, BOB)
    assert register(network, alice, 1, here("alice"), login=WRONG) == 401
    assert registrar.contacts() == []
    rest(network)


def hang_up(network: Network, alice: Party, *others: Party) -> None:
    """The one call of alice stands, and ends by her BYE, which everybody else hears of."""
    (call,) = alice.agent.calls
    assert call.state is CallState.CONFIRMED
    call.hang_up(network.now)
    rest(network)
    for party in (alice, *others):
        assert party.kinds().count("CallEnded") == 1


def f3_1_session(network: Network) -> None:
    alice, bob = User(network, ALICE), User(network, BOB)
    alice.call(BOB)
    network.run(5.0)
    hang_up(network, alice, bob)


def f3_2_through_two_proxies(network: Network) -> None:
    """Both stay in the way, and every request of the dialog passes them."""
    alice, bob = User(network, ALICE), User(network, BOB)
    Proxy(network, PROXY, OTHER_PROXY)
    Proxy(network, OTHER_PROXY, BOB)
    call = alice.call(PROXY)
    network.run(5.0)
    assert [each.uri.host for each in call.dialog.route_set] == [PROXY.host, OTHER_PROXY.host]
    assert [each.uri.host for each in bob.far.dialog.route_set] == [OTHER_PROXY.host, PROXY.host]
    hang_up(network, alice, bob)


class TwoDoors(User):
    """Two proxies on the way ask for a password each, of its own realm."""

    def _act(self, event: object) -> None:
        call = getattr(event, "call", None)
        if type(event).__name__ == "IncomingCall" and call is not None:
            shown = [value for name, value in call.request.headers if name == "Proxy-Authorization"]
            for realm in ("atlanta.example.com", "biloxi.example.com"):
                if not any(realm in each for each in shown):
                    row = ("Proxy-Authenticate", f'Digest realm="{realm}", nonce="n-{realm}", qop="auth"')
                    call.reject(self.network.now, 407, headers=[row])
                    return
        super()._act(event)


def f3_3_with_two_proxies_that_authenticate(network: Network) -> None:
    alice, bob = User(network, ALICE), TwoDoors(network, BOB)
    call = alice.call(BOB, credentials=RIGHT)
    network.run(5.0)
    assert call.request.cseq.number == 3
    (standing,) = alice.agent.calls
    assert standing is call
    hang_up(network, alice)
    refusals = [f"rejected with 407 {phrase}" for phrase in ["Proxy Authentication Required"] * 2]
    assert [each.reason for each in bob.seen if isinstance(each, CallEnded)][:-1] == refusals


def f3_4_with_a_proxy_that_failed(network: Network) -> None:
    """Nobody is at the first address; after 32 s the second one is tried."""
    alice, bob = User(network, ALICE), User(network, BOB)
    alice.call(CAROL, alternatives=[alice.flow(BOB)])
    network.run(45.0)
    hang_up(network, alice, bob)


def f3_5_through_an_alg(network: Network) -> None:
    """The ALG is a proxy on the caller's edge, which the caller knows: an outbound proxy."""
    alice, bob = User(network, ALICE), User(network, BOB)
    Proxy(network, PROXY, BOB)
    call = alice.call(PROXY)
    network.run(5.0)
    assert [each.uri.host for each in call.dialog.route_set] == [PROXY.host]
    hang_up(network, alice, bob)


class LateOffer(Script):
    """Calls without an offer, and answers ours in the ACK; repeats both as it must."""

    def receive(self, data: bytes, source: Endpoint) -> None:
        super().receive(data, source)
        last = self.got[-1]
        if getattr(last, "status", 0) == 200 and last.cseq.method == "INVITE":
            rows = {"To": last.get("To"), "Via": f"SIP/2.0/UDP {ALICE};branch=z9hG4bK-ack"}
            ack = self.request("ACK", BOB, **rows)
            ack.body = ANSWER
            self.network.post(ack.encode(), self.local, BOB)


def f3_6_redirected_and_the_sdp_in_the_ack(network: Network) -> None:
    """A redirect server sends the caller on; its INVITE has no offer, so ours is in the 200."""
    caller, bob = LateOffer(network, ALICE), User(network, BOB)
    redirecting = User(network, CAROL, refuses=302, headers=(("Contact", f"<sip:bob@{BOB}>"),))
    for target in (CAROL, BOB):
        row = {"Via": f"SIP/2.0/UDP {ALICE};rport;branch=z9hG4bK-{target.port}", "Call-ID": f"to-{target}"}
        for _ in range(3):
            caller.send(caller.request("INVITE", target, **row), target)
            network.run(1.0)
        if target is CAROL:
            refused = next(each for each in caller.got if getattr(each, "status", 0) == 302)
            for _ in range(2):
                caller.send(caller.request("ACK", CAROL, **row, To=refused.get("To")), CAROL)
                network.run(0.5)
    assert bob.far.state is CallState.CONFIRMED
    bob.far.hang_up(network.now)
    network.run(1.0)
    for _ in range(2):  # whoever repeats a BYE is answered again
        bye = caller.requests("BYE")[-1]
        caller.send(caller.response(bye, 200), BOB)
        network.run(1.0)
    rest(network)
    assert redirecting.kinds().count("CallEnded") == 1


def f3_7_a_reinvite_after_a_change_of_address(network: Network) -> None:
    moved = [BOB]
    alice, bob = User(network, ALICE), User(network, BOB, seen_by=lambda flow: moved[0])
    call = alice.call(BOB)
    network.run(5.0)
    moved[0] = Endpoint(BOB.host, 5070)
    network.parties[moved[0]] = bob
    bob.far.reinvite(network.now, OFFER)
    network.run(40.0)
    assert call.dialog.remote_target.port == 5070
    hang_up(network, alice, bob)


def f3_8_no_answer(network: Network) -> None:
    """The caller gives up: CANCEL, 200, 487, ACK."""
    alice, bob = User(network, ALICE), User(network, BOB, answers=False)
    call = alice.call(BOB)
    network.run(5.0)
    call.hang_up(network.now)
    rest(network)
    assert alice.last(CallFailed).status == 487
    assert bob.kinds().count("CallCancelled") == 1


def refused(network: Network, status: int) -> None:
    alice, bob = User(network, ALICE), User(network, BOB, refuses=status)
    alice.call(BOB)
    rest(network)
    assert alice.last(CallFailed).status == status
    assert bob.kinds().count("CallEnded") == 1


def f3_9_busy(network: Network) -> None:
    refused(network, 486)


def f3_10_no_response(network: Network) -> None:
    alice = User(network, ALICE)
    alice.call(BOB)
    rest(network)
    assert alice.last(CallFailed).status == 408


def f3_11_temporarily_unavailable(network: Network) -> None:
    refused(network, 480)


FLOWS: list[Flow] = [flow for name, flow in sorted(globals().items()) if name.startswith(("f2_", "f3_"))]


@pytest.mark.parametrize("flow", FLOWS, ids=lambda flow: flow.__name__)
def test_flow(flow: Flow) -> None:
    flow(Network())


@pytest.mark.parametrize(("flow", "harm", "number"), harms(FLOWS))
def test_flow_with_one_datagram_harmed(flow: Flow, harm: str, number: int) -> None:
    flow(harmed(harm, number))
