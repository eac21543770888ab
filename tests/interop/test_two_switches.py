"""Two switches behind one gateway, both with the default configuration: both want 5060 and 5080."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.miniupnpd import NatRule, Serves
from ringthru.lab.namespaces.netns import wait_for

from .switch_process import SIP_PORTS, Switch
from .wire import SOUND, status, wire


@pytest.fixture(params=[Serves.NATPMP, Serves.UPNP], ids=lambda serves: f"{serves.value}-only")
def both(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Switch, Switch]]:
    """The second one starts when the first one has what it wants."""
    with Laboratory(serves=request.param) as laboratory:
        first = Switch(laboratory, tmp_path / "first")
        second = Switch(laboratory, tmp_path / "second", role=PHONE)
        for switch in (first, second):
            switch.directory.mkdir()
        first.start()
        first.wait_until_mapped()
        second.start()
        yield first, second
        for switch in (first, second):
            assert "Traceback" not in switch.words(), switch.words()


def leading_to(switch: Switch, host: str) -> dict[int, NatRule]:
    """The UDP rules of the gateway that lead to a host's SIP ports, by internal port, once both are there."""

    def found() -> dict[int, NatRule]:
        rules = switch.laboratory.nat_rules()
        mine = {
            rule.internal_port: rule
            for rule in rules
            if rule.protocol == "udp" and rule.internal_address == host and rule.internal_port in SIP_PORTS
        }
        return mine if set(mine) == set(SIP_PORTS) else {}

    try:
        return wait_for(found, 15, f"the SIP ports of {host} mapped on the gateway")
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{switch.words()}") from error


def test_the_second_takes_other_ports_and_is_reached_on_them(both: tuple[Switch, Switch]) -> None:
    first, second = both
    kept = leading_to(first, PBX_ADDRESS)
    taken = leading_to(second, PHONE_ADDRESS)
    assert {port: rule.external_port for port, rule in kept.items()} == {port: port for port in SIP_PORTS}
    other = taken[5080].external_port
    assert other not in SIP_PORTS
    assert taken[5060].external_port not in (*SIP_PORTS, other)
    second.wait_for_words("NAT detected setting external ip")
    for port in (5080, other):  # the first one, then the second one: each answers at its own number
        with wire(second.laboratory, PUB, PUB_ADDRESS, (WAN_ADDRESS, port)) as line:
            call = line.invite("9196", SOUND)
        assert status(call) == 200
        assert re.search(rf"^Contact: <sip:[^>]*{WAN_ADDRESS}:{port}[;>]", call, re.M)
        assert f"c=IN IP4 {WAN_ADDRESS}" in call


def test_what_one_leaves_the_other_keeps(both: tuple[Switch, Switch]) -> None:
    first, second = both
    leading_to(second, PHONE_ADDRESS)
    assert second.stop() == 0
    left = [each for each in first.laboratory.nat_rules() if each.internal_address != PBX_ADDRESS]
    assert left == [], second.words()
    assert set(leading_to(first, PBX_ADDRESS)) == set(SIP_PORTS)
