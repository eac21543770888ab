"""A healthy switch behind a healthy gateway, as the doctor sees it; each test makes one thing worse."""

from __future__ import annotations

import pytest

from ringthru.doctor import Examination, Finding, HostFacts, diagnose
from ringthru.doctor.examination import NetworkCard, OpenPort, ProfileFacts, SecurityFacts, Shown, WantedPort
from ringthru.net.address import AddressKind, Endpoint
from ringthru.net.values import replace
from ringthru.portmap import (
    Evidence,
    GatewayType,
    MapperSnapshot,
    MappingSnapshot,
    MappingState,
    Protocol,
    Rung,
)
from ringthru.portmap.snapshots import ServiceSnapshot
from ringthru.switch.snapshots import (
    RegistrationSnapshot,
    RegistrationState,
    SwitchSnapshot,
    TrunkSnapshot,
)

PUBLIC, OURS, GATEWAY = "198.51.100.20", "192.168.1.103", "192.168.1.1"


def mapping(
    port: int,
    protocol: Protocol = Protocol.UDP,
    *,
    state: MappingState = MappingState.ACCEPTED,
    reason: str = "",
    label: str = "",
    listed: bool = True,
    left: float | None = 3000.0,
    evidence: tuple[Evidence, ...] = (),
) -> MappingSnapshot:
    granted = state is MappingState.ACCEPTED
    return MappingSnapshot(
        protocol,
        port,
        port if granted else None,
        state,
        False,
        listed,
        left if granted else None,
        reason,
        external_address=PUBLIC if granted else None,
        label=label,
        evidence=evidence,
    )


def evidence(rung: Rung, holds: bool | None, words: str = "somebody says so") -> Evidence:
    return Evidence(rung, holds, words, 1.0)


SIP = mapping(5080, evidence=(evidence(Rung.ACCEPTED, True), evidence(Rung.LISTED, True, "read back")))
POOL = tuple(
    mapping(port, label=f"Ringthru {name} {port}", listed=False)
    for name, port in (("rtp", 16384), ("rtcp", 16385))
)
MAPPER = MapperSnapshot(
    GatewayType.UPNP,
    GATEWAY,
    "Acme Home Router 1",
    PUBLIC,
    PUBLIC,
    AddressKind.PUBLIC,
    True,
    True,
    (SIP, *POOL),
    services=(ServiceSnapshot(GatewayType.UPNP, GATEWAY, "Acme", PUBLIC, True, status="Connected"),),
)
NO_GATEWAY = MapperSnapshot(None, None, "", None, None, None, True, True, ())
PHONE = RegistrationSnapshot(
    call_id="1a2b3c",
    user="1000@home.example",
    contact="<sip:1000@10.0.0.5>",
    agent="a phone",
    state=RegistrationState.UDP_NAT,
    expires_in=50.0,
    source=Endpoint("203.0.113.7", 40000),
    auth_user="1000",
    auth_realm="home.example",
    profile="internal",
)
TRUNK = TrunkSnapshot(
    name="office",
    profile="external",
    realm="sip.example",
    username="alice",
    has_password=True,
    from_uri="sip:alice@sip.example",
    contact=f"sip:alice@{PUBLIC}:5080",
    extension="alice",
    to_uri="sip:alice@sip.example",
    proxy="sip:sip.example",
    context="public",
    expires=3600,
    state="REGED",
    reason="",
    answered=(200, "OK"),
    up=True,
    next_try=1800.0,
    expires_in=3500.0,
    ping_interval=0,
    ping_reachable=True,
    ping_seconds=0.0,
    ping_min=1,
    ping_count=0,
    ping_max=1,
    uptime=100.0,
    registrar=Endpoint("203.0.113.60", 5060),
    calls_in=0,
    failed_calls_in=0,
    calls_out=0,
    failed_calls_out=0,
    transport="UDP",
    shown=Endpoint(PUBLIC, 5080),
    seen_at=Endpoint(PUBLIC, 5080),
)
SWITCH = SwitchSnapshot(
    version="0.1.0",
    hostname="pbx1",
    uptime=60.0,
    nat_enabled=True,
    mapper=MAPPER,
    profiles=(),
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
    trunks=(TRUNK,),
)
INTERNAL = ProfileFacts(
    name="internal",
    asks_mapping=False,
    mapped=False,
    kept_closed=False,
    auth_calls=True,
    limits_callers=False,
    blind=False,
    context="default",
    tls=True,
    ports=(OpenPort("UDP", 5060, 5060, False),),
)
EXTERNAL = ProfileFacts(
    name="external",
    asks_mapping=True,
    mapped=True,
    kept_closed=False,
    auth_calls=False,
    limits_callers=True,
    blind=False,
    context="public",
    tls=False,
    ports=(OpenPort("UDP", 5080, 5080, True),),
    shown=(
        Shown("192.168.1.2", "on the LAN", f"sees {OURS}:5080", ("row 2",), f"{OURS}:5080", False),
        Shown("203.0.113.7", "on the Internet", f"sees {PUBLIC}:5080", ("row 3",), f"{PUBLIC}:5080", True),
    ),
    address_source="the gateway",
    external_address=PUBLIC,
)
HOST = HostFacts(
    cards=(
        NetworkCard("eth0", (OURS,), "ordinary", True),
        NetworkCard("docker0", ("172.17.0.1",), "bridge", False),
    ),
    own_address=OURS,
    gateway=GATEWAY,
    ports=(
        WantedPort("udp", OURS, 5060, "profile internal", taken=True, by_us=True),
        WantedPort("tcp", "127.0.0.1", 8021, "the event socket", served=False, taken=True, by_us=True),
    ),
    ephemeral=(32769, 60999),
)
HEALTHY = Examination(
    host=HOST,
    switch=SWITCH,
    profiles=(INTERNAL, EXTERNAL),
    security=SecurityFacts(users=4, event_socket="127.0.0.1:8021"),
)


class Patient:
    """The healthy examination, and what becomes of it."""

    def __init__(self) -> None:
        self.seen = HEALTHY

    def host(self, **changes: object) -> None:
        self.seen = replace(self.seen, host=replace(self.seen.host, **changes))

    def switch(self, **changes: object) -> None:
        self.seen = replace(self.seen, switch=replace(self.seen.switch, **changes))

    def mapper(self, **changes: object) -> None:
        assert self.seen.switch is not None
        self.switch(mapper=replace(self.seen.switch.mapper, **changes))

    def trunk(self, **changes: object) -> None:
        self.switch(trunks=(replace(TRUNK, **changes),))

    def security(self, **changes: object) -> None:
        self.seen = replace(self.seen, security=replace(self.seen.security, **changes))

    def external(self, **changes: object) -> None:
        self.seen = replace(self.seen, profiles=(INTERNAL, replace(EXTERNAL, **changes)))

    def internal(self, **changes: object) -> None:
        self.seen = replace(self.seen, profiles=(replace(INTERNAL, **changes), EXTERNAL))

    def all_of(self, id: str) -> list[Finding]:
        return [each for each in diagnose(self.seen) if each.id == id]

    def finding(self, id: str) -> Finding:
        (found,) = self.all_of(id)
        return found

    def status(self, id: str) -> str:
        return self.finding(id).status.value


@pytest.fixture
def patient() -> Patient:
    return Patient()
