"""Kamailio between our legs and their peers, on every way of them: in, out, and for all that comes after.

    sipp ── Kamailio ── the gateway ── the switch ── the gateway ── Kamailio ── baresip

It records itself as a loose router (RFC 3261), as a strict one (RFC 2543, to which §12.2.1.1 gives a
Request-URI of its own), and twice where the transports of its two sides differ.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import PUB, PUB_ADDRESS, Laboratory
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .kamailio import PROXY, Kamailio
from .phones import Baresip, Sipp
from .switch_process import Switch

PROXY_ADDRESS = "22.51.100.60"  # beside the phones, not theirs
TLS = {"external": {"tls": "true", "tls-sip-port": "5081", "tls-verify-policy": "none"}}
THROUGH = "".join(
    f"""
    <extension name="through the proxy once more, by {transport}">
      <condition field="destination_number" expression="^(loose|strict)-{transport}$">
        <action application="set" data="hold_music=silence"/>
        <action application="bridge" data="sofia/external/sip:to-$1-{transport}@{PROXY_ADDRESS}:{port}"/>
      </condition>
    </extension>
"""
    for transport, port in (("udp", "5060"), ("tls", "5061;transport=tls"))
)
THROUGH += """
    <extension name="through a proxy that does not stay">
      <condition field="destination_number" expression="^none-udp$">
        <action application="answer"/>
        <action application="echo"/>
      </condition>
    </extension>
"""
WAYS = ["loose-udp", "loose-tls", "strict-udp", "strict-tls"]


class Street:
    """The switch at home; the proxy and both phones outside."""

    def __init__(self, laboratory: Laboratory, directory: Path) -> None:
        for name in ("switch", "kamailio", "phone", "sipp"):
            (directory / name).mkdir()
        laboratory.ip(PUB, f"address add {PROXY_ADDRESS}/24 dev eth0")
        self.kamailio = Kamailio(laboratory, directory / "kamailio", routes=PROXY, address=PROXY_ADDRESS)
        self.switch = Switch(
            laboratory, directory / "switch", console=True, parameters=TLS, extensions=THROUGH
        )
        self.bob = Baresip(laboratory, PUB, PUB_ADDRESS, directory / "phone")
        self.sipp = Sipp(laboratory, PUB, PUB_ADDRESS, directory / "sipp")
        self.switch.start()
        self.switch.wait_until_mapped()
        wait_for(lambda: 5081 in {each.external_port for each in laboratory.nat_rules()}, 10, "TLS mapped")
        account = f"<sip:bob@{PUB_ADDRESS}>;regint=0;answermode=auto;audio_codecs=PCMU/8000/1"
        self.bob.start(account, tone(600, 60))
        self.bob.wait_for_log("Populated 1 account")

    def led(self, who: str, since: int) -> set[str]:
        """The requests within calls that went to somebody through the proxy, since it had said so much."""
        passed = re.findall(r"PASSES (\w+) (\S+) ROUTE (.*)", self.kamailio.log()[since:])
        return {method for method, uri, routes in passed if f"sip:{who}" in uri + routes}

    def wrote(self, way: str, who: str, since: int) -> bool:
        """Whether all of those are written as the proxy's way of routing wants it (§12.2.1.1)."""
        passed = re.findall(r"PASSES \w+ (\S+) ROUTE (.*)", self.kamailio.log()[since:])
        ours = [(uri, routes) for uri, routes in passed if f"sip:{who}" in uri + routes]
        if way.startswith("loose"):
            return all(who in uri and ";lr" in routes for uri, routes in ours)
        return all(f"sip:{PROXY_ADDRESS}:50" in uri and who in routes.split(",")[-1] for uri, routes in ours)


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Street]:
    with Laboratory() as laboratory:
        street = Street(laboratory, tmp_path_factory.mktemp("street"))
        yield street
        assert street.kamailio.objections() == []
        assert "Traceback" not in street.switch.words(), street.switch.words()


@pytest.mark.parametrize("way", WAYS)
class TestBetween:
    def test_a_hold_goes_all_the_way_and_back(self, street: Street, way: str) -> None:
        seen = len(street.kamailio.log())
        street.sipp.run("hold.xml", f"{PROXY_ADDRESS}:5060", way)
        wait_for(lambda: street.led("bob", seen) == {"ACK", "INVITE", "BYE"}, 10, "all of it at the phone")
        assert street.wrote(way, "bob", seen)

    def test_the_called_one_hangs_up(self, street: Street, way: str) -> None:
        seen, before = len(street.kamailio.log()), street.bob.log().count("Call established")
        call = street.sipp.start("hungup.xml", f"{PROXY_ADDRESS}:5060", way)
        wait_for(lambda: street.bob.log().count("Call established") > before, 10, "the call")
        street.bob.command("hangup")
        assert call.wait(60) == 0, street.sipp.words()
        assert street.led("bob", seen) == {"ACK"}
        assert street.led("outside", seen) == {"BYE"}
        assert street.wrote(way, "outside", seen)


class TestNotBetween:
    """A proxy that records itself nowhere has done its work: what comes after goes to the Contact."""

    def test_who_is_called_through_it(self, street: Street) -> None:
        line = f"originate sofia/external/sip:to-none-udp@{PROXY_ADDRESS}:5060 &echo"
        self.is_hung_up(street, lambda: street.switch.type_in(line))

    def test_who_calls_through_it(self, street: Street) -> None:
        number = f"sip:none-udp@{PROXY_ADDRESS}:5060"
        self.is_hung_up(street, lambda: street.bob.command("dial", number))

    def is_hung_up(self, street: Street, call: Callable[[], None]) -> None:
        seen = len(street.kamailio.log())
        stood, ended = (street.bob.log().count(words) for words in ("Call established", "session closed"))
        call()
        wait_for(lambda: street.bob.log().count("Call established") > stood, 10, "the call")
        street.switch.type_in("hupall")
        wait_for(lambda: street.bob.log().count("session closed") > ended, 10, "our BYE")
        assert "PASSES" not in street.kamailio.log()[seen:]
