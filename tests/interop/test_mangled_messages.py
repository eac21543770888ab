"""Twenty thousand messages bent out of shape, over UDP and TCP, at a running switch with a call up.

They come from its own LAN, where no limit of requests holds them off.
"""

from __future__ import annotations

import contextlib
import re
import socket
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PBX_ADDRESS, PHONE, PHONE_ADDRESS, WAN_ADDRESS
from ringthru.lab.namespaces.miniupnpd import Serves
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .mangling import mangled
from .phones import Baresip
from .switch_process import Switch
from .wire import status, wire

pytestmark = pytest.mark.parametrize("switch", [Serves.NATPMP], indirect=True)

OVER_UDP, OVER_TCP, AT_A_TIME, IN_A_CONNECTION = 14_000, 6_000, 200, 20
GROWTH = 30_000  # KiB; measured are 6,000
DOORS = (5060, 5080)


def test_a_call_goes_on_and_nothing_breaks(switch: Switch, baresip: Baresip) -> None:
    baresip.start("<sip:far@nowhere.example>;regint=0;audio_codecs=PCMU/8000/1", tone(440, 600))
    baresip.command("dial", f"sip:9196@{WAN_ADDRESS}:5080")
    wait_for(lambda: baresip.hears(440), 10, "its own tone")
    before = memory(switch)
    for port in DOORS:
        for batch in batches(mangled(f"{PBX_ADDRESS}:{port}", port), OVER_UDP // 2):
            with switch.laboratory.udp_socket(PHONE, PHONE_ADDRESS, timeout=30) as opened:
                for each in batch:
                    opened.sendto(each, (PBX_ADDRESS, port))
            still_answers(switch, port)
        for batch in batches(mangled(f"{PBX_ADDRESS}:{port}", -port), OVER_TCP // 2):
            by_tcp(switch, port, batch)
            still_answers(switch, port)
    assert memory(switch) - before < GROWTH
    wait_for(lambda: baresip.hears(440), 10, "its own tone, still")
    words = switch.words()
    assert "Traceback" not in words
    assert not re.findall(r".*\[(?:ERR|CRIT|ALERT)\].*", words)


def batches(messages: Iterator[bytes], count: int) -> Iterator[list[bytes]]:
    for _ in range(count // AT_A_TIME):
        yield list(islice(messages, AT_A_TIME))


def by_tcp(switch: Switch, port: int, batch: list[bytes]) -> None:
    """Some in each connection, which the switch may end at what it cannot cut."""
    for first in range(0, len(batch), IN_A_CONNECTION):
        with tcp_socket(switch) as opened, contextlib.suppress(OSError):
            opened.settimeout(30)
            opened.connect((PBX_ADDRESS, port))
            opened.sendall(b"".join(batch[first : first + IN_A_CONNECTION]))


def still_answers(switch: Switch, port: int) -> None:
    with wire(switch.laboratory, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, port)) as line:
        line.request("OPTIONS", "ping")
        assert status(line.final()) == 200


def memory(switch: Switch) -> int:
    """KiB resident."""
    assert switch.process is not None
    text = Path(f"/proc/{switch.process.pid}/status").read_text()
    found = re.search(r"VmRSS:\s+(\d+)", text)
    assert found
    return int(found[1])


def tcp_socket(switch: Switch) -> socket.socket:
    return switch.laboratory.call_in(PHONE, lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM))
