"""``discover``: everything that answers, best first; nothing is changed on a gateway."""

from __future__ import annotations

import argparse
import asyncio
from typing import Any

from ..net.surroundings import Surroundings
from ..net.values import replace
from ..portmap.discovery.site import Site
from ..portmap.drivers.place_driver import Place
from ..portmap.errors import LocalError
from ..portmap.snapshots import MapperSnapshot
from ..portmap.values import Family, GatewayType
from . import memory, shapes
from .all_hosts import AllHosts
from .finding import store_path
from .output import Output
from .place import Ground, is_nowhere, nobody, slow, surroundings_of
from .survey import Probe, Seen, Survey, driven, in_order
from .trouble import Trouble
from .words import Exit, address_words, clean, gateway_words, protocol_words

PROBE_WORDS = {
    "answered": "answered after {}",
    "nobody listens": "has nobody there",
    "silent": "was silent for {}",
    "searched": "had until {} to answer a search",
    "cut short": "was waited for no longer than {}",
}
POLL = 0.02  # seconds between two looks at the survey
ALL_HOSTS_AFTER = 1.0  # seconds: by then it has been asked itself three times
SIX_LATER = 1.25  # seconds: some gateways break when searched in both families at once (SD09)


async def discover(options: argparse.Namespace, ground: Ground, out: Output) -> tuple[Exit, dict[str, Any]]:
    """Ask everybody, wait for the slow ones too, and show what each is good for."""
    surroundings = surroundings_of(options, ground)
    sites = _sites(options, ground)
    surveys, took = await _ask(sites, options, ground, out)
    rules = surroundings.rules
    seen = in_order([each for survey in surveys for each in survey.seen], rules.is_public)
    for remark in dict.fromkeys(words for survey in surveys for words in survey.remarks):
        out.note(f"Of no use: {clean(remark)}.")
    sure = not any(survey.waits_for for survey in surveys)
    if not seen:
        raise Trouble(Exit.NO_GATEWAY, _nobody(surroundings, surveys, took, options))
    seen[0] = replace(seen[0], service=replace(seen[0].service, in_use=seen[0].usable))
    kinds = [rules.kind(each.service.external_address or "") for each in seen]
    told = [
        kind.value if each.service.external_address else None for each, kind in zip(seen, kinds, strict=True)
    ]
    snapshot = _best(seen, options, sites[0])
    _show(seen, told, snapshot, out)
    probes = [
        (site.family, each) for site, survey in zip(sites, surveys, strict=True) for each in survey.ended
    ]
    out.note(_waited_words(probes, took, sure))
    services = [shapes.service(each.service, kind, each.after) for each, kind in zip(seen, told, strict=True)]
    document = {
        "services": services,
        "gateway": shapes.gateway(snapshot),
        "external": shapes.external(snapshot),
        "waited": {"seconds": round(took, 3), "probes": [shapes.probe(*each) for each in probes]},
    }
    return (Exit.OK if seen[0].usable else Exit.REFUSED), document


def _show(seen: list[Seen], kinds: list[str | None], snapshot: MapperSnapshot, out: Output) -> None:
    out.table(
        ("", "protocol", "gateway", "external address", "kind", "after", "what it is"),
        [_row(each, kind) for each, kind in zip(seen, kinds, strict=True)],
        good=3,
    )
    out.say()
    out.say(f"Used first: {gateway_words(snapshot)}.")
    if ":" not in (snapshot.gateway or ""):
        out.say(address_words(snapshot))


def _nobody(
    surroundings: Surroundings, surveys: list[Survey], took: float, options: argparse.Namespace
) -> str:
    """Why there is nothing to show."""
    if any(survey.hesitant for survey in surveys):
        return slow(took, "--wait")
    sure = not any(survey.waits_for for survey in surveys)
    longer = "" if options.wait or is_nowhere(surroundings) else " --wait 60 waits for one that is very slow."
    return nobody(surroundings, sure, options.timeout, named=options.gateway is not None) + longer


def _sites(options: argparse.Namespace, ground: Ground) -> list[Site]:
    """Where to ask: by IPv4, and by IPv6 where we have it.

    Raises:
        Trouble: an address or URL that was named cannot be used.
    """
    around = None if ground.look_around is None else surroundings_of(options, ground)
    try:
        place = Place(around, options.interface, options.gateway, options.description_url, options.pcp_server)
        return [site for site in (place.site(), place.site6()) if site.gateway is not None or site.searches]
    except (LocalError, ValueError) as error:
        raise Trouble(Exit.LOCAL, str(error)) from error


async def _ask(
    sites: list[Site], options: argparse.Namespace, ground: Ground, out: Output
) -> tuple[list[Survey], float]:
    """Everybody at every site; over when nobody is left to answer, or patience is. And how long it took."""
    pairs = [driven(site, ground.natpmp_port, ground.ssdp_port, options.wait) for site in sites]
    surveys = [survey for survey, _ in pairs]
    began = asyncio.get_running_loop().time()
    limit = options.wait or min(options.timeout, ground.survey)
    late = AllHosts(sites[0], ground.natpmp_port) if sites else None
    try:
        for (_, driver), site in zip(pairs, sites, strict=True):
            if site is sites[0]:
                driver.start()
            else:
                driver.start_after(min(SIX_LATER, limit / 4))
        took = await _wait(surveys, late, began, limit, out, to_the_end=bool(options.wait))
    finally:
        if late:
            late.close()
            surveys[0].heard_late(late.heard)
        for survey, driver in pairs:
            survey.ended = survey.outcomes(driver.clock())
            driver.close()
    return surveys, took


async def _wait(
    surveys: list[Survey], late: AllHosts | None, began: float, limit: float, out: Output, *, to_the_end: bool
) -> float:
    """Until nobody is left to answer, or ``limit`` seconds after ``began``; how long it took."""
    loop = asyncio.get_running_loop()
    with out.waiting(_progress(surveys)) as tell:
        while (to_the_end or any(survey.waits_for for survey in surveys)) and loop.time() - began < limit:
            await asyncio.sleep(POLL)
            tell(_progress(surveys))
            if late and not late.asked and loop.time() - began > ALL_HOSTS_AFTER:
                late.ask()
    return loop.time() - began


def _waited_words(probes: list[tuple[Family, Probe]], took: float, sure: bool) -> str:
    """How long it took, and for whom."""
    told = []
    for family, each in probes:
        who = f"{protocol_words(each.protocol)}{' over IPv6' if family is Family.IPV6 else ''}"
        told.append(f"{who} {PROBE_WORDS[each.outcome].format(_short(each.after))}")
    more = "" if sure else "; somebody may still answer: --wait SECONDS asks for longer"
    return f"Waited {_short(took)}: {', '.join(told) or 'nobody was asked'}{more}."


def _short(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 0.1 else f"{seconds * 1000:.0f} ms"


def _progress(surveys: list[Survey]) -> str:
    found = [protocol_words(each.service.type) for survey in surveys for each in survey.seen]
    waiting = {protocol_words(kind): None for survey in surveys for kind in survey.waits_for}
    if not found:
        return "asking for gateways by PCP, NAT-PMP and UPnP …"
    slower = f"; waiting for slower ones ({', '.join(waiting)})" if waiting else ""
    return f"found {', '.join(dict.fromkeys(found))}{slower} …"


def _row(each: Seen, kind: str | None) -> tuple[str, ...]:
    service = each.service
    words = " ".join(filter(None, (service.words, f"({service.status})" if service.status else "")))
    return (
        "*" if service.in_use else "",
        protocol_words(service.type),
        clean(service.gateway),
        clean(service.external_address or "") or "-",
        kind or "-",
        f"{each.after * 1000:.0f} ms",
        clean(words) or "-",
    )


def _best(seen: list[Seen], options: argparse.Namespace, site: Site) -> MapperSnapshot:
    """The first of them as the engine would show it, with what others at its address tell beside."""
    best = seen[0].service
    alike = [each for each in seen if each.service.gateway == best.gateway]
    address = next((each.service.external_address for each in alike if each.service.external_address), None)
    words = next((each.service.words for each in alike if each.service.words), "")
    usable = address if address and site.rules.is_public(address) else None
    kind = site.rules.kind(address) if address else None
    best_type: GatewayType = best.type
    snapshot = MapperSnapshot(
        best_type,
        best.gateway,
        words,
        usable,
        address,
        kind,
        mapping_enabled=False,
        verdict_known=True,
        mappings=(),
        services=tuple(each.service for each in seen),
        fingerprint=seen[0].fingerprint,
    )
    return memory.with_its_kind(snapshot, store_path(options))
