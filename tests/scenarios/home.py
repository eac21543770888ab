"""A home on loopback: a switch behind a fake gateway, phones on its LAN and on its "Internet".

Everything is real but the network: the configuration is the tree that we ship, with a few lines replaced.
"""

from __future__ import annotations

import asyncio
import re
import shutil
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network
from pathlib import Path

from ringthru.lab.datagrams import Datagrams
from ringthru.lab.gateway.fake_gateway import FakeGateway
from ringthru.lab.gateway.quirks import Quirks
from ringthru.lab.outside import OutsideSocket
from ringthru.net.address import AddressRules, Endpoint
from ringthru.net.sockets import bind_udp
from ringthru.net.surroundings import Surroundings
from ringthru.portmap import MappingState
from ringthru.switch.state import default_tree
from ringthru.switch.switch import Switch, SwitchOptions

from .phones import Phone
from .waiting import eventually

PASSWORD = "correct-horse-7-battery"
POOL = 4  # mappings of the idle RTP pool: two pairs
INTERNAL, EXTERNAL = 5060, 5080
ACCESS_LISTS = """<configuration name="acl.conf">
  <network-lists>
    <!-- Here the whole world is loopback: a list with a built-in name replaces it. -->
    <list name="loopback.auto" default="deny"><node type="allow" cidr="127.0.0.0/24"/></list>
    <list name="domains" default="deny"/>
  </network-lists>
</configuration>
"""

Edit = Callable[[str], str]
Say = Callable[[str], Awaitable[str]]  # a line to the console, and its answer


def variables(**values: str) -> Edit:
    """Other values for variables of vars.xml."""

    def edit(text: str) -> str:
        for name, value in values.items():
            text, count = re.subn(rf'(cmd="set" data="{name}=)[^"]*"', rf'\g<1>{value}"', text)
            assert count == 1, name
        return text

    return edit


def extension(number: str, *actions: tuple[str, str]) -> Edit:
    """One more extension at the end of a context's file."""
    lines = "".join(f'<action application="{name}" data="{data}"/>' for name, data in actions)
    entry = (
        f'<extension name="{number}"><condition field="destination_number" expression="^{number}$">'
        f"{lines}</condition></extension>"
    )
    return lambda text: text.replace("</context>", f"{entry}</context>")


def setting(name: str, value: str) -> Edit:
    """One more parameter of a profile; of two with one name the later holds."""
    return lambda text: text.replace("</settings>", f'<param name="{name}" value="{value}"/></settings>')


VARS, PUBLIC, DEFAULT = "vars.xml", "dialplan/public.xml", "dialplan/default.xml"
DIRECTORY, INTERNAL_XML, EXTERNAL_XML = (
    "directory/default.xml",
    "sip_profiles/internal.xml",
    "sip_profiles/external.xml",
)
WITHOUT_VOICEMAIL: Edit = lambda text: text.replace("continue_on_fail=", "not_here=")  # noqa: E731
RING_1000 = extension("1000", ("bridge", "user/1000@${domain_name}"))


@dataclass(frozen=True)
class Place:
    """Addresses of one home; ``number`` makes them its own."""

    block: int  # the second octet
    number: int  # 0–119
    street: int | None = None  # the number of the home whose Internet this one shares

    @property
    def inside(self) -> IPv4Network:
        return IPv4Network(f"127.{self.block}.{self.number}.0/24")

    @property
    def outside(self) -> IPv4Network:
        number = self.number if self.street is None else self.street
        return IPv4Network(f"127.{self.block}.{number + 120}.0/24")

    def host_inside(self, number: int) -> str:
        return str(self.inside[number])

    @property
    def elsewhere(self) -> str:
        """An address on somebody else's LAN, that nobody reaches from here."""
        return f"127.{self.block}.250.5"

    def host_outside(self, number: int) -> str:
        return str(self.outside[number])


@dataclass
class Home:
    """One home. ``gateway`` None: there is a LAN, and nothing that maps ports."""

    place: Place
    switch: Switch
    gateway: FakeGateway | None
    folder: Path
    phones: list[Phone] = field(default_factory=list)
    _hosts: int = 50

    # --- addresses ----------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return self.switch._surroundings.address

    @property
    def internal(self) -> Endpoint:
        return Endpoint(self.address, INTERNAL)

    @property
    def external(self) -> Endpoint:
        return Endpoint(self.address, EXTERNAL)

    @property
    def outside_address(self) -> str:
        assert self.gateway is not None
        return self.gateway.external_address

    def reached_at(self, profile: str) -> Endpoint:
        """Where the Internet reaches a profile, by the gateway's own table."""
        port = {"internal": INTERNAL, "external": EXTERNAL}[profile]
        assert self.gateway is not None
        row = next(
            m for m in self.gateway.mappings() if m.protocol == "udp" and m.internal == (self.address, port)
        )
        return Endpoint(self.outside_address, row.external_port)

    @property
    def private_prefix(self) -> str:
        return str(self.place.inside[0]).removesuffix("0")

    @property
    def public_prefix(self) -> str:
        return str(self.place.outside[0]).removesuffix("0")

    # --- people -------------------------------------------------------------------------------------

    def lan_phone(self, user: str = "1000", port: int = 0) -> Phone:
        host = self.place.host_inside(self._next_host())
        return self._keep(
            Phone(user, lambda port, heard: Datagrams(bind_udp(Endpoint(host, port)), heard), port)
        )

    def phone_at(self, host: str, user: str = "1000") -> Phone:
        """A phone at any loopback address, past all gateways."""
        return self._keep(Phone(user, lambda port, heard: Datagrams(bind_udp(Endpoint(host, port)), heard)))

    def far_phone(self, user: str = "stranger", shows: str | None = None) -> Phone:
        host, inside = self.place.host_outside(self._next_host()), self.place.inside
        masquerade = self.gateway.masquerade if self.gateway else None

        def open_socket(port: int, heard: Callable[[bytes, Endpoint], None]) -> OutsideSocket:
            return OutsideSocket(Endpoint(host, port), inside, on_datagram=heard, masquerade=masquerade)

        return self._keep(Phone(user, open_socket, shows=shows))

    async def registered_phone(self, user: str = "1000") -> Phone:
        phone = self.lan_phone(user)
        response = await phone.register(self.internal, PASSWORD)
        assert response.status == 200, response.reason
        return phone

    def _next_host(self) -> int:
        self._hosts += 1
        return self._hosts

    def _keep(self, phone: Phone) -> Phone:
        self.phones.append(phone)
        return phone

    # --- time ---------------------------------------------------------------------------------------

    async def mapped(self, count: int = 4 + POOL) -> None:
        """The SIP ports and the idle pool are on the gateway."""

        def settled() -> bool:
            snapshot = self.switch.snapshot().mapper
            assert snapshot is not None
            accepted = [each for each in snapshot.mappings if each.state is MappingState.ACCEPTED]
            return len(accepted) == len(snapshot.mappings) == count

        await eventually(settled, "the ports are not mapped")

    async def switch_knows_the_gateway(self) -> None:
        def known() -> bool:
            snapshot = self.switch.snapshot().mapper
            return snapshot is not None and snapshot.verdict_known

        await eventually(known, "no verdict about the gateway")

    async def both_ways(self) -> None:
        """Every leg has agreed to hear and to be heard; an offer that is on its way would not have yet."""

        def agreed() -> bool:
            legs = [each.media.negotiated for each in self.switch.calls.channels.values() if each.media]
            return all(each is not None and each.direction == "sendrecv" for each in legs)

        await eventually(agreed, "a leg is held")

    async def quiet(self) -> None:
        """No leg is left, and everything that legs held is given back."""
        await eventually(lambda: not self.switch.calls.channels, "a leg is left")
        await eventually(lambda: not self.switch.calls._tasks, "a task is left")

    async def close(self) -> None:
        for phone in self.phones:
            phone.close()
        await self.switch.stop()
        if self.gateway is not None:
            await self.gateway.stop()


def write_tree(folder: Path, edits: Mapping[str, Edit | list[Edit]]) -> Path:
    """Our default tree with a known password, its access lists replaced, and these files edited."""
    shutil.copytree(default_tree(), folder / "conf")
    (folder / "conf" / "autoload_configs" / "acl.conf.xml").write_text(ACCESS_LISTS)
    known: dict[str, list[Edit]] = {VARS: [variables(default_password=PASSWORD)]}
    for name, some in edits.items():
        known.setdefault(name, []).extend(some if isinstance(some, list) else [some])
    for name, several in known.items():
        file = folder / "conf" / name
        text = before = file.read_text()
        for edit in several:
            text = edit(text)
        assert text != before, name
        file.write_text(text)
    return folder / "conf"


def surroundings_of(place: Place, gateway: str | None) -> Surroundings:
    return Surroundings(
        place.host_inside(103),
        place.inside,
        gateway,
        rules=AddressRules(also_public=(place.outside,)),
        multicast=False,
    )


async def build(
    place: Place,
    folder: Path,
    edits: Mapping[str, Edit | list[Edit]],
    *,
    protocols: frozenset[str] = frozenset({"natpmp"}),
    quirks: Quirks | None = None,
    gateway: bool = True,
    external: int = 1,
    nat: bool = True,
    mapping: bool = True,
    nameservers: tuple[Endpoint, ...] = (),
) -> Home:
    """A home whose gateway runs and whose switch has not started yet."""
    inside = place.host_inside(1)
    box = (
        FakeGateway(inside, place.host_outside(external), protocols=protocols, quirks=quirks)
        if gateway
        else None
    )
    if box is not None:
        await box.start()
    options = SwitchOptions(
        conf=write_tree(folder, edits),
        db=folder / "db",
        nat_enabled=nat,
        mapping_enabled=mapping,
        surroundings=surroundings_of(place, inside),
        nameservers=nameservers,
    )
    return Home(place, Switch(options), box, folder)


def tasks_besides_this() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
