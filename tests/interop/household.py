"""A home as most are: the switch with the tree that it ships, phones on the LAN, one outside, and providers.

    pbx 192.168.1.103, phones .50 and .51 ── gateway 11.0.113.1 ── pub 22.51.100.50, providers and a phone

Lives here: the place and its phones. Never here: what is tried in it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ringthru.lab.namespaces.laboratory import (
    GATEWAY,
    LAN_ADDRESS,
    PBX_ADDRESS,
    PHONE,
    PHONE_ADDRESS,
    PUB,
    PUB_ADDRESS,
    WAN_ADDRESS,
    Laboratory,
)
from ringthru.lab.namespaces.netns import wait_for

from .audio import tone
from .phones import Baresip
from .switch_process import PASSWORD

OTHER_PHONE, OTHER_PHONE_ADDRESS = "other_phone", "192.168.1.51"
AT_HOME, UPSTAIRS = (PHONE, PHONE_ADDRESS, PBX_ADDRESS), (OTHER_PHONE, OTHER_PHONE_ADDRESS, PBX_ADDRESS)
OUTSIDE = (PUB, PUB_ADDRESS, WAN_ADDRESS)
Place = tuple[str, str, str]  # a namespace, an address in it, and where its phone finds the switch


class Household(Laboratory):
    """A laboratory with one phone more on the LAN."""

    def build(self) -> None:
        super().build()
        self.make_namespace(OTHER_PHONE)
        self.ip(
            GATEWAY,
            f"link add port4 type veth peer name eth0 netns {self.name(OTHER_PHONE)}",
            "link set port4 master lan0",
            "link set port4 up",
        )
        self.ip(
            OTHER_PHONE,
            f"address add {OTHER_PHONE_ADDRESS}/24 dev eth0",
            "link set eth0 up",
            f"route add default via {LAN_ADDRESS}",
        )


class Phones:
    """Makes phones that are registered, and ends them."""

    def __init__(self, home: Household, directory: Path) -> None:
        self._home, self._directory = home, directory
        self._made: list[Baresip] = []

    def registered(self, user: str, place: Place, frequency: float, *, answers: bool = True) -> Baresip:
        """A phone that speaks a tone, registered as ``user``; without ``answers`` it only rings."""
        role, address, registrar = place
        mode = "auto" if answers else "manual"
        account = f"<sip:{user}@{registrar}:5060>;auth_user={user};auth_pass={PASSWORD};answermode={mode}"
        phone = self.started(role, address, account + ";regint=300", frequency, user)
        phone.wait_for_log("200 OK")
        return phone

    def somebody(self, number: str, frequency: float, port: int) -> Baresip:
        """Who is registered nowhere and has that number: a phone on the public host."""
        account = f"<sip:{number}@{PUB_ADDRESS}:{port}>;regint=0;answermode=auto"
        phone = self.started(PUB, PUB_ADDRESS, account, frequency, number, port)
        phone.wait_for_log("baresip is ready")
        return phone

    def started(
        self,
        role: str,
        address: str,
        account: str,
        frequency: float,
        name: str,
        port: int = 5072,
        modules: tuple[str, ...] = (),
        contacts: str = "",
    ) -> Baresip:
        folder = self._directory / f"{name}-{len(self._made)}"
        folder.mkdir(parents=True)
        phone = Baresip(self._home, role, address, folder, modules, port=port)
        self._made.append(phone)
        phone.contacts = contacts
        phone.start(account + ";audio_codecs=PCMU/8000/1", tone(frequency, 60))
        return phone

    def stop(self) -> None:
        for phone in self._made:
            phone.stop()


def dial(phone: Baresip, target: str) -> None:
    """Call somebody and return when the call stands."""
    before = phone.log().count("Call established")
    phone.command("dial", target)
    until(lambda: phone.log().count("Call established") > before, f"a call to {target}", phone.log)


def hears(phone: Baresip, frequency: float, patience: float = 10) -> None:
    """Until a phone hears a tone."""
    try:
        wait_for(lambda: phone.hears(frequency), patience, f"{frequency} Hz")
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{phone.log()[-3000:]}") from error


def until(condition: Callable[[], bool], what: str, words: Callable[[], str], patience: float = 10) -> None:
    """Until something holds; else with what somebody said meanwhile."""
    try:
        wait_for(condition, patience, what)
    except TimeoutError as error:
        raise AssertionError(f"{error}\n{words()[-6000:]}") from error
