"""What people set up first, on the tree that we ship: phones at home and one outside, and a provider.

Each with the fewest words that somebody must write into the tree for it, and with real phones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ringthru.lab.namespaces.laboratory import (
    PBX,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
)
from ringthru.lab.namespaces.netns import RESOLVERS

from .audio import best_share
from .household import AT_HOME, OUTSIDE, UPSTAIRS, Household, Phones, dial, hears, until
from .kamailio import PASSWORD as PROVIDERS_PASSWORD
from .kamailio import USER, Kamailio
from .phones import Baresip, Sipp
from .switch_process import Switch, configuration, replace
from .wire import wire

MUSIC = (262, 330, 392, 220, 175, 294, 247, 196)  # the notes of the switch's own tune
ELSEWHERE = 5090  # the port on the public host that Kamailio sends calls on to
OUR_NUMBER = """
    <extension name="our number">
      <condition field="destination_number" expression="^\\+?4930123456$">
        <action application="execute_extension" data="1000 XML default"/>
      </condition>
    </extension>
"""
OTHER_MACHINE, PROVIDERS_NAME = "22.51.100.51", "sip.itsp.example"


@pytest.fixture
def started(household: Household, tmp_path: Path) -> Iterator[Callable[..., Switch]]:
    """Starts the switch; ``trunk`` is what a person writes into the example of a provider."""
    made: list[Switch] = []

    def start(trunk: dict[str, str] | None = None, extensions: str = "") -> Switch:
        folder = tmp_path / "switch"
        folder.mkdir()
        switch = Switch(household, folder, console=True, extensions=extensions)
        if trunk:
            write_provider(configuration(folder, {}, "", extensions), trunk)
        made.append(switch)
        switch.start()
        switch.wait_until_mapped()
        return switch

    yield start
    for switch in made:
        switch.stop()
        assert "Traceback" not in switch.words(), switch.words()


@pytest.fixture
def kamailio(household: Household, tmp_path: Path) -> Iterator[Callable[..., Kamailio]]:
    """Starts a provider's machine at an address of the public host."""
    made: list[Kamailio] = []

    def start(address: str = PUB_ADDRESS) -> Kamailio:
        folder = tmp_path / f"kamailio-{address}"
        folder.mkdir()
        made.append(Kamailio(household, folder, address=address))
        return made[-1]

    yield start
    for each in made:
        household.end(each.process)


def write_provider(tree: Path, values: dict[str, str]) -> None:
    """The way that ``example.xml`` and ``vars.xml`` describe."""
    rows = "".join(f'    <param name="{name}" value="{value}"/>\n' for name, value in values.items())
    text = f'<include>\n  <gateway name="itsp">\n{rows}  </gateway>\n</include>\n'
    (tree / "sip_profiles" / "external" / "provider.xml").write_text(text)
    replace(tree / "vars.xml", 'data="default_gateway="', 'data="default_gateway=itsp"')


class TestPhones:
    def test_two_at_home_talk_hold_and_hear_music(
        self, started: Callable[..., Switch], phones: Phones
    ) -> None:
        switch = started()
        one = phones.registered("1000", AT_HOME, 440)
        other = phones.registered("1001", UPSTAIRS, 600)
        dial(one, f"sip:1001@{PBX_ADDRESS}")
        hears(one, 600)
        hears(other, 440)
        other.command("hold")
        switch.wait_for_words("is on hold")
        until(lambda: plays_music(one), "music", one.log)
        other.command("resume")
        hears(one, 600)
        one.command("hangup")
        other.wait_for_log("session closed")

    def test_one_outside_is_called_calls_and_is_sent_on(
        self, started: Callable[..., Switch], phones: Phones
    ) -> None:
        switch = started()
        one = phones.registered("1000", AT_HOME, 440)
        other = phones.registered("1001", UPSTAIRS, 600)
        away = phones.registered("1002", OUTSIDE, 900)
        dial(one, f"sip:1002@{PBX_ADDRESS}")
        hears(one, 900)
        hears(away, 440)
        one.command("hangup")
        away.wait_for_log("session closed")
        dial(away, f"sip:1001@{WAN_ADDRESS}")
        hears(away, 600)
        other.command("transfer", f"sip:1000@{PBX_ADDRESS}")
        hears(away, 440)
        hears(one, 900)
        switch.wait_for_words("[BLIND_TRANSFER]")

    def test_all_ring_and_not_the_one_who_calls(self, started: Callable[..., Switch], phones: Phones) -> None:
        switch = started()
        one = phones.registered("1000", AT_HOME, 440)
        other = phones.registered("1001", UPSTAIRS, 600)
        dial(one, f"sip:2000@{PBX_ADDRESS}")
        hears(one, 600)
        hears(other, 440)
        assert one.log().count("Call established") == 1
        assert "No phone is registered as 1002@" in switch.words()

    def test_a_call_is_picked_up_parked_and_fetched(
        self, started: Callable[..., Switch], phones: Phones
    ) -> None:
        switch = started()
        one = phones.registered("1000", AT_HOME, 440, answers=False)
        other = phones.registered("1001", UPSTAIRS, 600)
        away = phones.registered("1002", OUTSIDE, 900)
        away.command("dial", f"sip:1000@{WAN_ADDRESS}")
        switch.wait_for_words("Ring-Ready")
        dial(other, f"sip:**1000@{PBX_ADDRESS}")
        hears(other, 900)
        hears(away, 600)
        other.command("transfer", f"sip:6001@{PBX_ADDRESS}")
        until(lambda: plays_music(away), "music", away.log)
        other.wait_for_log("audio: destroyed")  # by our BYE, or by itself once it is told how that went
        dial(one, f"sip:6001@{PBX_ADDRESS}")
        hears(one, 900)
        hears(away, 440)

    def test_a_phone_forwards_its_calls(
        self, household: Household, started: Callable[..., Switch], phones: Phones, tmp_path: Path
    ) -> None:
        """302, as phones say it whose user has switched forwarding on."""
        started()
        one = phones.registered("1000", AT_HOME, 440)
        away = phones.registered("1002", OUTSIDE, 900)
        with wire(household, PHONE, PHONE_ADDRESS, (PBX_ADDRESS, 5060)) as line:
            assert " 200 " in line.register("1003", "cobalt-Otter-71-lantern")[:12]
            port = line.port
        sipp = Sipp(household, PHONE, PHONE_ADDRESS, tmp_path, port=port)
        forwarder = sipp.start("forward.xml", f"{PBX_ADDRESS}:5060", onward=f"1002@{PBX_ADDRESS}")
        dial(one, f"sip:1003@{PBX_ADDRESS}")
        hears(one, 900)
        hears(away, 440)
        assert forwarder.wait(60) == 0, sipp.words()


def plays_music(phone: Baresip) -> bool:
    """Whether the last half second holds at least two notes of the tune's chord."""
    heard = phone.so_far()[-4000:]
    return len(heard) == 4000 and sum(best_share(heard, each) > 0.2 for each in MUSIC) >= 2


class TestProvider:
    def test_that_we_register_with(
        self, started: Callable[..., Switch], phones: Phones, kamailio: Callable[..., Kamailio]
    ) -> None:
        """Its calls ring 1000; 0 leads out by it, and keys reach whoever answers there."""
        kamailio()
        account = {"username": USER, "password": PROVIDERS_PASSWORD, "realm": "provider.example"}
        switch = started({**account, "proxy": PUB_ADDRESS, "extension": "1000", "ping": "25"})
        switch.wait_for_words("Gateway itsp is REGED")
        one = phones.registered("1000", AT_HOME, 440)
        menu = phones.somebody("05551234", 900, ELSEWHERE)
        dial(menu, f"sip:{USER}@{PUB_ADDRESS}:5060")
        hears(menu, 440)
        hears(one, 900)
        menu.command("hangup")
        one.wait_for_log("session closed")
        dial(one, f"sip:005551234@{PBX_ADDRESS}")
        hears(one, 900)
        for key in "17#":
            one.command("sndcode", key)
            menu.wait_for_log(f"'{key}'")
        one.command("hangup")

    def test_whose_machine_dies_is_used_at_its_other_address(
        self,
        household: Household,
        started: Callable[..., Switch],
        phones: Phones,
        kamailio: Callable[..., Kamailio],
    ) -> None:
        """Two addresses under one name (RFC 3263 §4): where OPTIONS go unanswered, the other has us."""
        household.ip(PUB, f"address add {OTHER_MACHINE}/24 dev eth0")
        lines = f"{PUB_ADDRESS} {PROVIDERS_NAME}\n{OTHER_MACHINE} {PROVIDERS_NAME}\n"
        (RESOLVERS / household.name(PBX) / "hosts").write_text(lines)
        first, second = kamailio(), kamailio(OTHER_MACHINE)
        account = {"username": USER, "password": PROVIDERS_PASSWORD, "realm": "provider.example"}
        switch = started({**account, "proxy": PROVIDERS_NAME, "extension": "1000", "ping": "1"})
        switch.wait_for_words("Gateway itsp is REGED")
        assert (len(first.contacts()), second.contacts()) == (1, [])
        one = phones.registered("1000", AT_HOME, 440)
        somebody = phones.somebody("05551234", 900, ELSEWHERE)
        household.end(first.process)
        switch.wait_for_words("Gateway itsp answers OPTIONS again", 25)
        assert len(second.contacts()) == 1
        somebody.command("dial", f"sip:{USER}@{OTHER_MACHINE}:5060")
        hears(one, 900)
        hears(somebody, 440)
        somebody.command("hangup")

    def test_that_knows_us_by_our_address(self, started: Callable[..., Switch], phones: Phones) -> None:
        peer = {"proxy": f"{PUB_ADDRESS}:{ELSEWHERE}", "register": "false"}
        switch = started(peer, extensions=OUR_NUMBER)
        one = phones.registered("1000", AT_HOME, 440)
        provider = phones.somebody("030999", 900, ELSEWHERE)
        dial(provider, f"sip:+4930123456@{WAN_ADDRESS}:5080")
        hears(provider, 440)
        hears(one, 900)
        provider.command("hangup")
        one.wait_for_log("session closed")
        provider.command("dial", f"sip:4711@{WAN_ADDRESS}:5080")
        switch.wait_for_words("A call from the gateway itsp to 4711 is refused")
        dial(one, f"sip:0030999@{PBX_ADDRESS}")
        hears(one, 900)
