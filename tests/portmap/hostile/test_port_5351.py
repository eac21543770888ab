"""Datagrams on the socket to port 5351 that harm nobody: noise, wrong nonces, other ports, floods.

The socket is connected, so the kernel drops whatever bears another source; here is the rest.
"""

from __future__ import annotations

import random

import pytest

from ringthru.portmap.values import MappingState
from ringthru.portmap.wire import pcp

FLOOD = 100_000
US, GATEWAY = "192.168.1.103", "192.168.1.1"
ANNOUNCED = pcp.Response(pcp.Opcode.ANNOUNCE, 0, 0, 1000).encode()
NATPMP_ADDRESS = bytes.fromhex("0080" + "0000" + "000003e8" + "0b007101")


def granted(request: pcp.Request, nonce: bytes | None = None, **changes: int) -> bytes:
    asked = request.body
    assert isinstance(asked, pcp.Mapping)
    port = changes.get("port", asked.internal_port)
    body = pcp.Mapping(nonce or asked.nonce, asked.protocol, port, 40000, "11.0.113.1")
    return pcp.Response(request.opcode, 0, changes.get("lifetime", 3600), 1000, body).encode()


@pytest.fixture
def by_pcp(attacked):
    """An engine whose gateway speaks PCP, with the request for a mapping just sent."""
    attacked.engine.receive_pmp(ANNOUNCED, attacked.now)
    attacked.engine.receive_pmp(NATPMP_ADDRESS, attacked.now)
    attacked.request = next(
        request
        for datagram in attacked.engine.pmp_to_send()
        if datagram[0] == pcp.VERSION
        for request in [pcp.Request.decode(datagram)]
        if request.body is not None and request.body.internal_port == 5060
    )
    return attacked


def state(attacked) -> MappingState:
    return attacked.engine.snapshot(attacked.now).mappings[0].state


class TestWhatIsNotOurs:
    def test_PC15_a_grant_with_another_nonce_is_passed_over_and_told_once(self, by_pcp):
        for number in range(1000):
            by_pcp.engine.receive_pmp(granted(by_pcp.request, number.to_bytes(12)), by_pcp.now)
        assert state(by_pcp) is MappingState.REQUESTED
        assert by_pcp.counters["PCP: answers to something else, or with a wrong nonce"] == 1000
        assert by_pcp.said("wrong nonce") == 1

    def test_a_grant_for_another_port_is_passed_over(self, by_pcp):
        by_pcp.engine.receive_pmp(granted(by_pcp.request, port=5061), by_pcp.now)
        assert state(by_pcp) is MappingState.REQUESTED

    def test_after_all_that_the_gateway_s_own_answer_counts(self, by_pcp):
        by_pcp.engine.receive_pmp(granted(by_pcp.request, bytes(12)), by_pcp.now)
        by_pcp.engine.receive_pmp(b"\x02\xff", by_pcp.now)
        by_pcp.engine.receive_pmp(granted(by_pcp.request), by_pcp.now)
        assert state(by_pcp) is MappingState.ACCEPTED


class TestFloods:
    def test_noise_is_one_line_in_the_log_and_no_memory(self, by_pcp, flood):
        chance = random.Random(2)
        noise = [bytes((9,)) + chance.randbytes(chance.randrange(1200)) for _ in range(1000)]
        flood(lambda number: by_pcp.engine.receive_pmp(noise[number % len(noise)], by_pcp.now), 64)
        assert by_pcp.counters["malformed answers on port 5351"] > FLOOD * 3 // 4
        assert by_pcp.said("the gateway sent nonsense") == 1
        assert by_pcp.engine.pmp_to_send() == []

    def test_grants_with_ever_new_nonces_change_nothing(self, by_pcp, flood):
        template = granted(by_pcp.request, bytes(12))

        def send(number: int) -> None:
            forged = template[:24] + number.to_bytes(12) + template[36:]
            by_pcp.engine.receive_pmp(forged, by_pcp.now)

        flood(send, 64)
        assert state(by_pcp) is MappingState.REQUESTED
        assert by_pcp.counters["PCP: answers to something else, or with a wrong nonce"] == FLOOD
        assert by_pcp.said("wrong nonce") == 1
        assert by_pcp.engine.pmp_to_send() == []

    def test_repeated_grants_do_not_make_us_ask_again(self, by_pcp, flood):
        answer = granted(by_pcp.request)
        by_pcp.engine.receive_pmp(answer, by_pcp.now)
        by_pcp.engine.pmp_to_send()
        flood(lambda number: by_pcp.engine.receive_pmp(answer, by_pcp.now), 64)
        assert by_pcp.engine.pmp_to_send() == []
        assert state(by_pcp) is MappingState.ACCEPTED

    def test_natpmp_answers_that_nobody_waits_for(self, attacked, flood):
        """Ever other addresses, ports and epochs: what is not asked for is not believed."""
        attacked.engine.receive_pmp(NATPMP_ADDRESS, attacked.now)
        attacked.engine.handle_timeout(attacked.now + 0.1)  # PCP's head start is over
        attacked.engine.pmp_to_send()
        asked = 0

        def send(number: int) -> None:
            nonlocal asked
            address = bytes.fromhex("00800000") + number.to_bytes(4) + number.to_bytes(4)
            mapping = bytes.fromhex("00820000") + number.to_bytes(4) + bytes.fromhex("000900090000ffff")
            for datagram in (address, mapping)[number % 2 :][:1]:
                attacked.engine.receive_pmp(datagram, attacked.now + 0.1)
            asked += len(attacked.engine.pmp_to_send())

        flood(send, 64)
        assert asked < 20
        assert len(attacked.logs) < 50

    def test_epochs_that_jump_with_every_datagram_do_not_make_us_ask_for_ever(self, world_of, is_mapped):
        """NP15 at its worst: a reset is believed, but everything is not asked for again without end."""
        world = world_of("NP15", protocols=("natpmp",))
        assert world.run_until(lambda: is_mapped(world), 30)
        world.run(600)
        assert world.verdicts() == []


@pytest.mark.parametrize("row", ["NP16", "PC14", "PC15", "NP12", "NP05", "NP17"])
def test_under_each_hostile_row_no_false_claim_is_made_and_the_pace_is_kept(row, world_of):
    world = world_of(row, protocols=("natpmp", "pcp"))
    world.gateways[0].seed_foreign(3)
    world.run(900)
    assert world.verdicts() == []
    world.call("stop")
    world.run(40)
    assert world.verdicts() == []
