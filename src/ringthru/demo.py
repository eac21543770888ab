"""The demonstration: a call from "the Internet" through a NAT gateway, on loopback alone.

A fake gateway stands between an inside and an outside loopback address. The switch starts behind it exactly
as it would at home; a phone outside calls 9196 through what the switch mapped. Nothing can leave
127.0.0.0/8: the process is confined to it before the first socket is opened.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv4Network
from pathlib import Path
from typing import Final

from . import __version__
from .console.logs import ConsoleHandler, Logs, setup
from .console.serve import on_a_terminal, stopped_by_signals, terminal_or_lines, words_for
from .lab.gateway.fake_gateway import FakeGateway
from .lab.loopback_guard import confine_to_loopback
from .lab.phone import OutsidePhone, PhoneReport
from .net.address import AddressRules, Endpoint
from .net.surroundings import Surroundings
from .portmap import Event, GatewayFound, GatewayType, MappingAdded, MappingState, NoGateway
from .switch.configuration import ConfigurationError
from .switch.snapshots import SwitchSnapshot
from .switch.state import default_tree
from .switch.switch import Switch, SwitchOptions

INSIDE: Final = IPv4Network("127.10.0.0/24")
OUTSIDE: Final = IPv4Network("127.20.0.0/24")
GATEWAY, SWITCH = "127.10.0.1", "127.10.0.103"
EXTERNAL, PHONE = "127.20.0.1", "127.20.0.50"
PROFILE: Final = "external"  # where strangers call in
NUMBER: Final = "9196"  # the echo test
SPEAK: Final = 2.0  # seconds of tone
PATIENCE: Final = 10.0  # seconds for the gateway to be found and the ports to be mapped
SIP_PORTS: Final = (5060, 5080)  # of the default tree
SIP_MAPPINGS: Final = 4  # two profiles, UDP and TCP
TABLE_WIDTH: Final = 80  # columns, where there is no terminal to ask

ACCESS_LISTS: Final = """<configuration name="acl.conf">
  <network-lists>
    <!-- Here the whole "Internet" is loopback: a list with a built-in name replaces it. -->
    <list name="loopback.auto" default="deny"><node type="allow" cidr="127.0.0.0/24"/></list>
    <list name="domains" default="deny"/>
  </network-lists>
</configuration>
"""


class Steps:
    """Progress: one line a step, with the time since the start."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    def say(self, text: str) -> None:
        print(f"{time.monotonic() - self._began:7.3f} s  {text}", flush=True)


def main(argv: list[str] | None = None) -> int:
    """Run the demonstration; 0 only if the phone heard its own tone."""
    parser = argparse.ArgumentParser(
        prog="ringthru demo", description="A call through a NAT gateway, on loopback alone."
    )
    parser.add_argument("--once", action="store_true", help="end after the table, without the console prompt")
    parser.add_argument(
        "--upnp",
        action="store_true",
        help="a gateway that speaks UPnP IGD only (default: both, NAT-PMP wins)",
    )
    options = parser.parse_args(argv)
    confine_to_loopback()
    logs = setup(level=logging.ERROR, console=ConsoleHandler())  # until the prompt, the steps tell the story
    protocols = frozenset({"upnp"} if options.upnp else {"upnp", "natpmp"})
    stay = on_a_terminal() and not options.once
    try:
        with demonstration_tree() as folder:
            return asyncio.run(show(folder, protocols, logs if stay else None))
    except (ConfigurationError, OSError) as error:
        print(f"The demonstration cannot start: {words_for(error)}", file=sys.stderr)
        return 1
    finally:
        logs.close()


@contextmanager
def demonstration_tree() -> Iterator[Path]:
    """A folder with our default configuration, its access lists replaced, and room for state."""
    with tempfile.TemporaryDirectory(prefix="ringthru-demo-") as name:
        folder = Path(name)
        shutil.copytree(default_tree(), folder / "conf")
        (folder / "conf" / "autoload_configs" / "acl.conf.xml").write_text(ACCESS_LISTS)
        yield folder


async def show(folder: Path, protocols: frozenset[str], logs: Logs | None) -> int:
    """The whole demonstration; with ``logs`` it stays at the console prompt."""
    steps = Steps()
    print(
        f"Ringthru {__version__}: a call from outside through a NAT gateway.",
        "Not a packet leaves 127.0.0.0/8.\n",
    )
    gateway = FakeGateway(GATEWAY, EXTERNAL, protocols=protocols)
    await gateway.start()
    steps.say(
        f"a gateway stands between inside {INSIDE} and outside {OUTSIDE}: {' and '.join(sorted(protocols))}"
    )
    surroundings = Surroundings(
        SWITCH, INSIDE, GATEWAY, rules=AddressRules(also_public=(OUTSIDE,)), multicast=False
    )
    switch = Switch(SwitchOptions(conf=folder / "conf", db=folder / "db", surroundings=surroundings))
    phone: OutsidePhone | None = None
    with stopped_by_signals(switch.request_shutdown):
        try:
            mapped = watch(switch, steps)
            await switch.start()
            for profile in switch.snapshot().profiles:
                steps.say(f"profile {profile.name} answers at {profile.sip_ip}:{profile.sip_port}")
            await mapped
            phone = OutsidePhone(PHONE, INSIDE, masquerade=gateway.masquerade)
            report = await place_call(switch, phone, steps)
            print_table(switch.snapshot(), gateway, report)
            if logs is not None:
                print("\nThe switch is running, and the phone outside answers. Try (shutdown ends it):")
                print("  nat_map status    nat_map detail    sofia status    help")
                print(f"  originate sofia/{PROFILE}/sip:phone@{phone.address} &park    then: show channels")
                print(f"  pa call sip:{NUMBER}@{phone.address}    an echo outside; then: pa hangup")
                print(f"  audio_test sip:{NUMBER}@{phone.address}    the same, and one sentence about it\n")
                await prompt(switch, logs)
        finally:
            if phone is not None:
                phone.close()
            await switch.stop()
            left = len(gateway.mappings())
            await gateway.stop()
            steps.say(f"stopped; mappings left on the gateway: {left}")
    return 0 if report.audio_came_back else 1


def watch(switch: Switch, steps: Steps) -> asyncio.Future[None]:
    """Tell what the mapping engine does; done when the SIP ports are mapped, or plainly will not be."""
    assert switch.mapper is not None
    mapper = switch.mapper
    done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def tell(event: Event) -> None:
        match event:
            case GatewayFound(type=kind, gateway=address, external_address=external):
                steps.say(
                    f"found gateway {address} by {protocol_words(kind)}; our external address is {external}"
                )
            case MappingAdded(protocol=protocol, internal_port=port, external_port=granted):
                row = next(
                    (
                        m
                        for m in mapper.snapshot().mappings
                        if (m.internal_port, m.protocol) == (port, protocol)
                    ),
                    None,
                )
                if row is None or row.listed:
                    steps.say(f"mapped {EXTERNAL}:{granted}/{protocol.value} to {SWITCH}:{port}")
            case NoGateway():
                steps.say("no gateway answered")
        accepted = [m for m in mapper.snapshot().mappings if m.state is MappingState.ACCEPTED and m.listed]
        if not done.done() and (len(accepted) >= SIP_MAPPINGS or isinstance(event, NoGateway)):
            done.set_result(None)

    mapper.subscribe(tell)

    def give_up() -> None:
        if not done.done():
            done.set_result(None)

    timer = asyncio.get_running_loop().call_later(PATIENCE, give_up)
    done.add_done_callback(lambda _: timer.cancel())
    return done


async def place_call(switch: Switch, phone: OutsidePhone, steps: Steps) -> PhoneReport:
    """The outside phone calls the echo test where the gateway listens for us."""
    profile = next(each for each in switch.snapshot().profiles if each.name == PROFILE)
    target = Endpoint(EXTERNAL, profile.ext_sip_port)
    steps.say(f"a phone at {phone.address} calls {NUMBER} at {target}")
    report = await phone.call(NUMBER, target, SPEAK, progress=lambda text: steps.say(f"the phone: {text}"))
    if report.status == 200:
        steps.say(f"the phone sent {report.sent} packets of a tone and heard {report.heard} of them again")
    else:
        steps.say(f"the call failed: {report.status} {report.reason}")
    return report


def print_table(snapshot: SwitchSnapshot, gateway: FakeGateway, report: PhoneReport) -> None:
    """What happened, at a glance."""
    from rich.console import Console
    from rich.table import Table

    mapper = snapshot.mapper
    table = Table(show_header=False, title="\nThe call", title_justify="left")
    table.add_row(
        "Gateway", f"{mapper.gateway if mapper else '–'}, {protocol_words(mapper.type if mapper else None)}"
    )
    table.add_row("External address", (mapper.external_address if mapper else None) or "none")
    table.add_row("Mappings", "\n".join(mapping_rows(gateway)) or "none")
    table.add_row("Contact, audio shown", f"{report.contact or '–'}, {report.media or '–'}")
    table.add_row("Call set-up", milliseconds(report.set_up))
    table.add_row("Packets sent and heard", f"{report.sent} and {report.heard}")
    table.add_row("Round trip", milliseconds(report.round_trip))
    verdict = "[green]the phone outside heard its own tone[/green]"
    if not report.audio_came_back:
        verdict = f"[red]no audio came back ({report.status} {report.reason})[/red]"
    table.add_row("Verdict", verdict)
    console = Console(highlight=False)
    if not console.is_terminal:
        console.width = TABLE_WIDTH
    console.print(table)


def mapping_rows(gateway: FakeGateway) -> Iterator[str]:
    """A line for each mapping that is a SIP port or was used; the others wait for calls to come."""
    waiting = 0
    for each in sorted(gateway.mappings(), key=lambda m: (m.external_port, m.protocol)):
        if not each.packets_in and each.internal.port not in SIP_PORTS:
            waiting += 1
            continue
        count = f"{each.packets_in} in, {each.packets_out} out" if each.packets_in else "unused"
        yield f"{each.external_port}/{each.protocol} → {each.internal}  {count}"
    if waiting:
        yield f"and {waiting} for the audio of calls to come"


def protocol_words(kind: GatewayType | None) -> str:
    return "no protocol" if kind is None else kind.spoken


def milliseconds(seconds: float | None) -> str:
    return "–" if seconds is None else f"{seconds * 1000:.1f} ms"


async def prompt(switch: Switch, logs: Logs) -> None:
    """The console, until somebody says shutdown."""
    logs.set_console_level(logging.INFO)
    face = asyncio.create_task(terminal_or_lines(switch, logs, None))
    await switch.until_shutdown()
    face.cancel()
    await asyncio.gather(face, return_exceptions=True)


if __name__ == "__main__":
    sys.exit(main())
