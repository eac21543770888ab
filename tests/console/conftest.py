"""A switch that only remembers what it was asked, and snapshots to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.console.logs import setup
from ringthru.console.standard import standard_table
from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.levels import CONSOLE
from ringthru.net.values import replace
from ringthru.portmap import (
    GatewayEntry,
    GatewayListing,
    GatewayType,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
)
from ringthru.switch.configuration.errors import Position
from ringthru.switch.configuration.trunk_settings import TrunkSettings
from ringthru.switch.events.bus import EventBus
from ringthru.switch.schedule import Schedule
from ringthru.switch.snapshots import ProfileSnapshot, RegistrationSnapshot, RegistrationState, SwitchSnapshot


def mapping(
    port,
    protocol=Protocol.UDP,
    *,
    state=MappingState.ACCEPTED,
    sticky=False,
    listed=True,
    external=None,
    left=3600.0,
    reason="",
):
    granted = state is MappingState.ACCEPTED
    return MappingSnapshot(
        protocol,
        port,
        (external or port) if granted else None,
        state,
        sticky,
        listed,
        left if granted else None,
        reason,
    )


FOUR = tuple(mapping(port, protocol) for port in (5060, 5080) for protocol in (Protocol.UDP, Protocol.TCP))
MAPPER = MapperSnapshot(
    GatewayType.UPNP,
    "192.168.1.1",
    "Acme Home Router 1",
    "76.237.11.11",
    "76.237.11.11",
    AddressKind.PUBLIC,
    True,
    True,
    FOUR,
)
NO_GATEWAY = MapperSnapshot(None, None, "", None, None, None, True, True, ())
TABLE = (
    GatewayEntry(
        Protocol.UDP, 5060, "192.168.1.103", 5060, "Ringthru sip-udp-5060", 3552, enabled=True, ours=True
    ),
    GatewayEntry(Protocol.TCP, 8080, "192.168.1.44", 80, "a camera\x1b[2J", None, enabled=False, ours=False),
)
INTERNAL = ProfileSnapshot(
    name="internal",
    aliases=("192.168.1.103",),
    auto_nat=True,
    running=True,
    sip_ip="192.168.1.103",
    sip_port=5060,
    rtp_ip="192.168.1.103",
    ext_sip_ip="203.0.113.9",
    ext_sip_port=5060,
    ext_rtp_ip="203.0.113.9",
    url="sip:mod_sofia@192.168.1.103:5060",
    bind_url="sip:mod_sofia@192.168.1.103:5060;transport=udp,tcp",
    dialplan="XML",
    context="public",
    challenge_realm="auto_from",
    hold_music="local_stream://moh",
    outbound_proxy=None,
    codecs_in=("OPUS", "G722", "PCMU", "PCMA", "H264", "VP8"),
    codecs_out=("OPUS", "G722", "PCMU", "PCMA", "H264", "VP8"),
    telephone_event=101,
    dtmf_mode="rfc2833",
    comfort_noise=13,
    session_timeout=0,
    max_dialog=0,
    max_recv_rps=1000,
    no_media=False,
    late_negotiation=True,
    proxy_media=False,
    aggressive_nat=False,
    sessions=1,
    calls_in=0,
    failed_calls_in=0,
    calls_out=1,
    failed_calls_out=0,
    registrations=0,
)
EXTERNAL = replace(
    INTERNAL, name="external", aliases=(), url="sip:mod_sofia@192.168.1.103:5080", sip_port=5080, sessions=0
)
PHONE = RegistrationSnapshot(
    call_id="1a2b3c@10.0.0.5",
    user="1000@192.168.1.103",
    contact='"1000" <sip:1000@10.0.0.5:5060>',
    agent="Z 3.9.32144",
    state=RegistrationState.UDP_NAT,
    expires_in=118.4,
    source=Endpoint("198.51.100.7", 40000),
    auth_user="1000",
    auth_realm="192.168.1.103",
    profile="internal",
)
SNAPSHOT = SwitchSnapshot(
    version="0.1.0",
    hostname="pbx1",
    uptime=5.944532,
    nat_enabled=True,
    mapper=MAPPER,
    profiles=(INTERNAL, EXTERNAL),
    registrations=(PHONE,),
    channels=(),
    sessions_since_start=3,
    sessions_max=1000,
    sessions_peak=2,
    sessions_peak_5min=1,
    per_second=0,
    per_second_max=30,
    per_second_peak=2,
    per_second_peak_5min=1,
    media_engine="c",
    media_engine_why="built",
)


class FakeSwitch:
    """Answers from ``shown``, agrees to everything unless ``agrees`` is False, notes what it is asked."""

    def __init__(self):
        self.shown = SNAPSHOT
        self.layout = "current"
        self.aliases = {}
        self.console_keys = {}
        self.left_over = 0
        self.schedule = Schedule()
        self.agrees = True
        self.asked = []
        self.nat_enabled = True
        self.bus = EventBus({}, "c0de", lambda channel, name: ())
        self.variables = {"nat_type": "upnp", "domain": "192.168.1.103"}
        self.listing = GatewayListing(TABLE, True, "")
        self.reloaded = "Success"
        self.seconds_to_wait = 0
        self.gateways = ["itsp", "other"]
        self.trace_level = CONSOLE
        self.places = []
        self.answer = "+OK 7f4de4bc-17d7-4b8a-8e2f-4d0f8c1b0a11"

    def show_mapper(self, **changes):
        self.shown = replace(self.shown, mapper=replace(self.shown.mapper, **changes))

    def snapshot(self):
        return self.shown

    async def nat_add(self, port, protocol, sticky):
        self.asked.append(("add", port, protocol, sticky))
        return self.agrees

    async def nat_delete(self, port, protocol):
        self.asked.append(("delete", port, protocol))
        return self.agrees

    async def nat_reinit(self):
        self.asked.append("reinit")

    async def nat_republish(self):
        self.asked.append("republish")

    async def nat_list(self):
        self.asked.append("list")
        return self.listing

    def nat_left_over(self):
        return self.left_over

    def nat_set_mapping(self, enabled):
        self.asked.append(("mapping", enabled))
        self.show_mapper(mapping_enabled=enabled)

    async def reload(self):
        return self.reloaded

    async def explain(self, peer):
        return f"{peer} is shown 76.237.11.11:5060\n  because it is not in local-network-acl"

    async def originate(self, call_url, extension, **rest):
        self.asked.append((call_url, extension, rest))
        return self.answer

    async def hang_up_all(self, cause):
        self.asked.append(("hupall", cause))
        return 2

    def kill(self, uuid, cause):
        self.asked.append(("kill", uuid, cause))
        return self.agrees

    def acl_allows(self, address, list_name):
        return {"rfc1918.auto": address.startswith("10."), "nothing": None}[list_name]

    def wait_before_stop(self, profile):
        return self.seconds_to_wait

    async def start_profile(self, name):
        return self.note("start", name)

    async def stop_profile(self, name):
        return self.note("stop", name)

    async def restart_profile(self, name):
        return self.note("restart", name)

    async def rescan_profile(self, name):
        return self.note("rescan", name)

    def flush_registrations(self, profile, which, *, reboot=False):
        return self.note("flush", profile, which, reboot)

    def check_sync(self, profile, which):
        return self.note("check_sync", profile, which)

    def gateway_names(self, profile):
        return self.gateways

    async def locate(self, url):
        self.asked.append(("locate", url))
        if not self.places:
            raise ValueError("there is none")
        return self.places

    def gateway_settings(self, name):
        variables = (("a", "in", "inbound"), ("a", "out", "outbound"), ("b", "both", "both"))
        named = {"name": name, "profile": "external", "realm": "x", "proxy": "x", "register_proxy": "x"}
        settings = TrunkSettings(**named, position=Position(Path("x.xml"), 1), variables=variables)
        return settings if name in self.gateways else None

    def register_gateway(self, name):
        return self.note("register", name)

    def unregister_gateway(self, name):
        return self.note("unregister", name)

    async def kill_gateway(self, name):
        return self.note("killgw", name)

    def trace(self, on, profile=None):
        return self.note("trace", on, profile)

    def capture(self, on, profile=None):
        return self.note("capture", on, profile)

    def unban(self, host):
        return self.note("unban", host)

    def note(self, *what):
        self.asked.append(what)
        return self.agrees

    def request_shutdown(self):
        self.asked.append("shutdown")


@pytest.fixture
def switch():
    return FakeSwitch()


@pytest.fixture
def logs():
    logs = setup()
    yield logs
    logs.close()


@pytest.fixture
def table(logs):
    return standard_table(logs)


@pytest.fixture
def type_in(table, switch):
    """Type one command; the body of the answer."""

    async def run(line):
        return await table.run(switch, line)

    return run


@pytest.fixture
def a_mapping():
    return mapping


@pytest.fixture
def no_gateway():
    return NO_GATEWAY
