"""A set of nodes under a manual clock: who gets a call, and what happens when one dies or is full."""

from __future__ import annotations

from collections import Counter

import pytest

from ringthru.media.ng.messages import Message, encode_message
from ringthru.media.ng.node import Node, read_nodes
from ringthru.media.ng.nodes import Done, Failed, Farm, NodeState, StateChanged, rank
from ringthru.net.address import Endpoint

ONE, TWO, THREE = NODES = [Node(Endpoint(f"192.0.2.{number}", 2223)) for number in (1, 2, 3)]
OFFER = {"command": "offer"}


class World:
    """A farm whose nodes answer at once, unless they are dead or full."""

    def __init__(self) -> None:
        self.now = 100.0
        self.farm = Farm(NODES, "r", self.now)
        self.dead: set[Node] = set()
        self.full: set[Node] = set()
        self.heard: list[tuple[Node, str]] = []
        self.events: list[object] = []

    def deliver(self) -> None:
        while sent := self.farm.datagrams_to_send():
            for address, datagram in sent:
                node = next(each for each in NODES if each.address == address)
                message = Message.decode(datagram)
                self.heard.append((node, message.text("command")))
                if node not in self.dead:
                    self.farm.receive_datagram(address, self.answer(node, message), self.now)
        self.events += self.farm.events()

    def answer(self, node: Node, message: Message) -> bytes:
        if message.text("command") == "ping":
            return encode_message(message.cookie, {"result": "pong"})
        return encode_message(message.cookie, {"result": "load limit" if node in self.full else "ok"})

    def run(self, seconds: float) -> None:
        """Everything that is due until then."""
        until = self.now + seconds
        self.deliver()
        while (when := self.farm.next_timeout()) is not None and when <= until:
            self.now = max(when, self.now)
            self.farm.handle_timeout(self.now)
            self.deliver()
        self.now = until

    def place(self, call_id: str) -> object:
        ticket = self.farm.place(OFFER, call_id, self.now)
        self.run(2.5)
        return next(each for each in self.events if isinstance(each, Done | Failed) and each.ticket == ticket)

    def preferred(self, node: Node) -> str:
        """A Call-ID whose first choice it is."""
        return next(call for call in map(str, range(1000)) if rank(call, NODES)[0] == node)


@pytest.fixture
def world():
    world = World()
    world.run(0.1)
    return world


class TestHash:
    def test_a_call_has_one_place_whatever_the_order_of_the_nodes(self):
        for call in map(str, range(50)):
            assert rank(call, NODES) == rank(call, NODES[::-1])

    def test_without_a_node_only_its_own_calls_move_and_to_their_second(self):
        for call in map(str, range(200)):
            first, second, third = rank(call, NODES)
            assert rank(call, [second, third]) == [second, third]
            assert rank(call, [first, third])[0] == first

    def test_weights_are_shares(self):
        heavy = Node(THREE.address, 2.0)
        firsts = Counter(rank(str(call), [ONE, TWO, heavy])[0] for call in range(4000))
        assert 1800 < firsts[heavy] < 2200
        assert 800 < firsts[ONE] < 1200


class TestHealth:
    def test_every_node_is_pinged_at_the_start_and_every_two_seconds(self, world):
        world.run(6.0)
        assert Counter(node for node, command in world.heard if command == "ping") == dict.fromkeys(NODES, 4)
        assert world.events[:3] == [StateChanged(node, NodeState.UP) for node in NODES]

    def test_three_misses_in_a_row_and_a_node_is_out_until_it_answers(self, world):
        world.dead.add(TWO)
        world.run(3.0)
        assert world.farm.state(TWO) is NodeState.DOWN
        assert all(TWO not in world.farm.candidates(str(call)) for call in range(20))
        world.dead.clear()
        world.run(3.0)
        assert world.events[-1] == StateChanged(TWO, NodeState.UP)

    def test_who_never_answered_comes_after_those_who_did(self):
        farm = Farm(NODES, "r", 0.0)
        farm.handle_timeout(0.0)
        cookies = {address: Message.decode(data).cookie for address, data in farm.datagrams_to_send()}
        farm.receive_datagram(TWO.address, encode_message(cookies[TWO.address], {"result": "pong"}), 0.1)
        assert all(farm.candidates(str(call))[0] == TWO for call in range(20))

    def test_a_strangers_pong_counts_for_nobody(self):
        farm = Farm(NODES, "r", 0.0)
        farm.handle_timeout(0.0)
        cookie = Message.decode(farm.datagrams_to_send()[0][1]).cookie
        farm.receive_datagram(Endpoint("192.0.2.9", 2223), encode_message(cookie, {"result": "pong"}), 0.1)
        assert farm.events() == []


class TestCalls:
    def test_a_call_goes_to_its_first_choice(self, world):
        for node in NODES:
            done = world.place(world.preferred(node))
            assert isinstance(done, Done)
            assert done.node == node

    def test_a_dead_node_costs_three_attempts_then_the_second_choice_has_the_call(self, world):
        call = world.preferred(ONE)
        world.dead.add(ONE)
        done = world.place(call)
        assert isinstance(done, Done)
        assert done.node == rank(call, NODES)[1]
        assert [node for node, command in world.heard if command == "offer"][:3] == [ONE] * 3

    def test_a_full_node_sends_the_call_on_and_stays_up(self, world):
        call = world.preferred(ONE)
        world.full.add(ONE)
        done = world.place(call)
        assert isinstance(done, Done)
        assert done.node == rank(call, NODES)[1]
        assert world.farm.state(ONE) is NodeState.UP
        assert world.farm.snapshot()[0].full == 1

    def test_all_full_is_an_answer_and_all_dead_a_failure(self, world):
        world.full.update(NODES)
        full = world.place("call")
        assert isinstance(full, Done)
        assert full.answer.full
        world.dead.update(NODES)
        assert isinstance(world.place("call"), Failed)
        assert world.place("next") == Failed(3, "no media node is up")

    def test_a_command_of_a_call_that_has_a_node_goes_nowhere_else(self, world):
        world.dead.add(ONE)
        ticket = world.farm.tell(ONE, {"command": "delete"}, world.now)
        world.run(1.0)
        assert Failed(ticket, f"{ONE} does not answer") in world.events
        assert {node for node, command in world.heard if command == "delete"} == {ONE}


class TestSetting:
    def test_addresses_ports_and_weights(self):
        assert read_nodes("192.0.2.1 192.0.2.2:9000*2.5, [2001:db8::1]:22222") == (
            *(Node(Endpoint("192.0.2.1", 2223)), Node(Endpoint("192.0.2.2", 9000), 2.5)),
            Node(Endpoint("2001:db8::1", 22222)),
        )

    @pytest.mark.parametrize(
        "bad",
        ["node.example", "192.0.2.1:0", "192.0.2.1:x", "192.0.2.1*0", "192.0.2.1*nan", "192.0.2.1 192.0.2.1"],
    )
    def test_what_cannot_be_read_says_why(self, bad):
        with pytest.raises(ValueError, match=r"like 192|above 0|once"):
            read_nodes(bad)
