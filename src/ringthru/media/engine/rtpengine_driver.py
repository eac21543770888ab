"""Legs whose audio goes through rtpengines, with our own engine behind them for what a node cannot do.

Every leg has a call of its own at a node (``distant`` draws it). While two legs are bridged their nodes send
to one another, and no packet comes here. For an echo, a sound, a recording, a pressed key, or when the two
need something translated, the nodes send here: our own engine has a leg behind each.

A leg whose node died moves to the next, and tells so (``Moved``): its peer needs a new offer then.
Lives here: when which of it is done. Never here: how nodes are chosen (``ng.nodes``).
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Coroutine, Sequence
from typing import Any, Final

from ringthru.net.address import Endpoint

from ...net.values import replace
from ..errors import MediaError
from ..interface import Elsewhere, Engine, Ports
from ..leg.stream import HOLD_TIMEOUT, RTP_TIMEOUT
from ..ng.driver import FarmDriver, NoNode
from ..ng.dtmf_log import LoggedKey
from ..ng.messages import Command, Dialogue, Message
from ..ng.node import Node, NodeSnapshot
from ..ng.nodes import NodeState
from ..rtp.telephone_event import KeyHeard
from .distant import DistantPorts, address_of, first_answer, first_offer, place_in
from .distant_leg_driver import FarmLeg

log = logging.getLogger(__name__)

QUERY_EVERY: Final = 5.0  # seconds; the age of the counters of legs that do not pass here
QUERIES_PER_SECOND: Final = 100.0


class RtpengineEngine(Elsewhere):
    """See ``Engine``."""

    name = "rtpengine"

    def __init__(self, home: Engine, nodes: Sequence[Node], keys_at: Endpoint | None = None) -> None:
        """``home`` is our own engine; ``keys_at`` is where nodes send their DTMF log to."""
        self.hears_keys = keys_at is not None
        self._home = home
        self._farm = FarmDriver(nodes, self._on_state, self._on_key, keys_at)
        self._distant: dict[str, FarmLeg] = {}  # by the call's name at the node
        self._tasks: set[asyncio.Task[None]] = set()
        self._prefix = os.urandom(6).hex()  # two switches may share the nodes
        self._serial = 0

    def legs(self) -> Sequence[Any]:
        return self._home.legs()

    def reserved(self) -> int:
        return self._home.reserved()

    def reserve(self, host: str) -> Ports:
        """Two ports of our own engine, for a leg that goes through no node."""
        return self._home.reserve(host)

    def release(self, ports: Ports) -> None:
        if isinstance(ports, DistantPorts):
            self.let_go(ports)
            ports = ports.home
        self._home.release(ports)

    def open(
        self, ports: Ports, *, name: str, rtp_timeout: float = RTP_TIMEOUT, hold_timeout: float = HOLD_TIMEOUT
    ) -> FarmLeg:
        """A leg; one without a node where ``ports`` are our own engine's."""
        distant = ports if isinstance(ports, DistantPorts) else None
        home = distant.home if distant else ports
        behind = self._home.open(home, name=name, rtp_timeout=rtp_timeout, hold_timeout=hold_timeout)
        leg = FarmLeg(self, behind, distant, (hold_timeout, rtp_timeout))
        if distant is not None:
            self._distant[distant.dialogue.call_id] = leg
        return leg

    async def start(self) -> None:
        """Be ready, and ask who is there; waits for no node."""
        await self._home.start()
        self._farm.start()
        self.spawn(self._query_all())

    async def close(self) -> None:
        """Close all legs, ours and those at nodes."""
        for leg in list(self._distant.values()):
            leg.close()
        await asyncio.sleep(0)  # the orders to let go are sent now; whether they are answered, nobody waits
        for task in list(self._tasks):
            task.cancel()
        self._farm.close()
        await self._home.close()

    def nodes(self) -> list[NodeSnapshot]:
        """The nodes as the console shows them."""
        counts = [leg.distant.node for leg in self._distant.values() if leg.distant is not None]
        return [
            replace(row, calls=sum(1 for node in counts if str(node) == row.address))
            for row in self._farm.snapshot()
        ]

    # --- at nodes -----------------------------------------------------------------------------------

    async def place(self, host: str, call: str) -> DistantPorts | None:
        """Ports at the node that this call belongs to; None where no node has room, and our own engine shall.

        ``host`` is the address of ours that nodes send to.

        Raises:
            NoFreePorts: our own range is used up.
        """
        home = self._home.reserve(host)
        try:
            ports = await self._placed(home, call)
        except (NoNode, MediaError) as error:
            log.warning("No media node takes a leg (%s): its audio goes through this machine.", error)
            self._home.release(home)
            return None
        except asyncio.CancelledError:
            self._home.release(home)
            raise
        return ports

    async def _placed(self, home: Ports, call: str) -> DistantPorts:
        self._serial += 1
        dialogue = Dialogue(f"{self._prefix}-{self._serial}", "inner", "outer")
        here = address_of(home)
        node, answer = await self._farm.place(first_offer(dialogue, here), call)
        outer = place_in(_success(node, answer))
        answer = await self._farm.tell(node, first_answer(dialogue, here))
        return DistantPorts(call, home, node, dialogue, outer, place_in(_success(node, answer)))

    async def move(self, ports: DistantPorts) -> None:
        """Give a leg ports at another node, or at the same one anew.

        Raises:
            NoNode, MediaError: there is none.
        """
        self.forget(ports)
        leg = self._distant.pop(ports.dialogue.call_id)
        try:
            there = await self._placed(ports.home, ports.call)
        except (NoNode, MediaError):
            self._distant[ports.dialogue.call_id] = leg
            raise
        ports.node, ports.dialogue = there.node, there.dialogue
        ports.outer, ports.inner = there.outer, there.inner
        self._distant[ports.dialogue.call_id] = leg

    async def order(self, ports: DistantPorts, command: Command) -> Message:
        """Have a leg's node do something.

        Raises:
            NoNode: it does not answer, or says no.
        """
        return _success(ports.node, await self._farm.tell(ports.node, command))

    def let_go(self, ports: DistantPorts) -> None:
        """Delete a leg at its node."""
        self._distant.pop(ports.dialogue.call_id, None)
        self.forget(ports)

    def forget(self, ports: DistantPorts) -> None:
        """Tell the node that nobody needs this call, if it still lives."""
        if self._farm.state(ports.node) is not NodeState.DOWN:
            self.spawn(self._delete(ports.node, ports.dialogue))

    async def _delete(self, node: Node, dialogue: Dialogue) -> None:
        try:
            await self._farm.tell(node, dialogue.delete())
        except NoNode as error:
            log.info("A call may be left at media node %s until its timeout: %s", node, error)

    def spawn(self, coroutine: Coroutine[Any, Any, None]) -> None:
        """Run something beside."""
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _query_all(self) -> None:
        """Ask for the counters of the legs that do not pass here, one after another, for ever."""
        while True:
            legs = [leg for leg in self._distant.values() if leg.away]
            await asyncio.sleep(max(QUERY_EVERY, len(legs) / QUERIES_PER_SECOND))
            for leg in legs:
                if leg.away:
                    await leg.query()

    def _on_state(self, node: Node, state: NodeState) -> None:
        if state is NodeState.UP:
            log.info("Media node %s is up", node)
        else:
            log.warning(
                "Media node %s does not answer: new calls go elsewhere, its legs move. "
                "Is rtpengine running there?",
                node,
            )
        for leg in list(self._distant.values()):
            if leg.distant is not None and self._farm.state(leg.distant.node) is NodeState.DOWN:
                leg.lose_node()

    def _on_key(self, key: LoggedKey) -> None:
        leg = self._distant.get(key.call_id)
        if leg is not None and key.tag == "outer" and leg.away:
            leg.tell(KeyHeard(key.key, key.milliseconds))


def _success(node: Node, answer: Message) -> Message:
    if not answer.succeeded:
        raise NoNode(f"{node} says: {answer.reason}")
    return answer
