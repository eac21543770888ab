"""Who is there: registered phones, providers, profiles, and what to type into one more phone.

Lives here: what is shown of each. Never here: passwords, until somebody asks for one.
"""

from __future__ import annotations

from typing import Final

from ...console.phone_setup import ECHO, PhoneSetup, ports_in_words
from ...switch.snapshots import ProfileSnapshot, RegistrationSnapshot, TrunkSnapshot
from ..markup import Html, badge, button, element, joined, table, until
from ..view import View

MOST_ROWS: Final = 100
MOST_USERS: Final = 20
TRUNK_STATES: Final = {
    "REGED": ("good", "registered"),
    "NOREG": ("idle", "no registration wanted"),
    "TRYING": ("warn", "registering"),
    "REGISTER": ("warn", "registering"),
    "UNREGISTER": ("idle", "taking leave"),
    "UNREGED": ("idle", "not registered"),
    "FAILED": ("bad", "failed"),
    "FAIL_WAIT": ("bad", "failed, tries again"),
    "EXPIRED": ("warn", "expired"),
    "DOWN": ("bad", "down"),
    "TIMEOUT": ("bad", "no answer"),
}


def phones(view: View, token: str) -> Html:
    found = view.snapshot.registrations
    if not found:
        return element("p", "No phone is registered. Below is what to type into one.", class_="quiet")
    heads = ("User", "Phone", "Reached at", "Last ping", "Registered for")
    rows = [_phone(view, each) for each in found[:MOST_ROWS]]
    more = element("p", f"and {len(found) - MOST_ROWS} more", class_="quiet")
    return joined(table("Registered phones", heads, rows), more if len(found) > MOST_ROWS else None)


def _phone(view: View, phone: RegistrationSnapshot) -> tuple[object, ...]:
    behind = "NAT" in phone.state.value
    where = joined(element("code", phone.source), " ", badge("idle", "behind a NAT") if behind else None)
    if not phone.reachable:
        ping: object = badge("bad", "does not answer")
    else:
        ping = f"{phone.ping_seconds * 1000:.0f} ms" if phone.ping_seconds else "not asked"
    transport = phone.state.value.partition("-")[0]
    return (
        phone.user,
        joined(phone.agent or "unknown", element("small", f" {transport}")),
        where,
        ping,
        until(view.now + phone.expires_in, view.now),
    )


def trunks(view: View, token: str) -> Html:
    """Providers; nothing where the configuration has none."""
    found = view.snapshot.trunks
    heads = ("Provider", "State", "Reached at", "Last ping", "Calls in, out")
    return table("Providers", heads, [_trunk(view, each) for each in found[:MOST_ROWS]])


def _trunk(view: View, trunk: TrunkSnapshot) -> tuple[object, ...]:
    state, word = TRUNK_STATES.get(trunk.state, ("warn", trunk.state))
    why = element("small", " ", trunk.reason) if trunk.reason and state != "good" else None
    ping = f"{trunk.ping_seconds * 1000:.0f} ms" if trunk.ping_seconds else "not asked"
    if trunk.ping_interval and not trunk.ping_reachable:
        ping = "no answer"
    return (
        joined(trunk.name, element("small", f" {trunk.realm}")),
        joined(badge(state, word), why),
        element("code", trunk.registrar) if trunk.registrar else trunk.proxy or "–",
        ping,
        f"{trunk.calls_in}, {trunk.calls_out}",
    )


def profiles(view: View, token: str) -> Html:
    heads = ("Profile", "Listens at", "Shown outside", "Calls", "Phones", "Do")
    rows = [_profile(each, token) for each in view.snapshot.profiles[:MOST_ROWS]]
    return table("Profiles", heads, rows) or element("p", "No profile is loaded.", class_="quiet")


def _profile(profile: ProfileSnapshot, token: str) -> tuple[object, ...]:
    running = badge("good", "runs") if profile.running else badge("bad", "does not run")
    outside = f"{profile.ext_sip_ip}:{profile.ext_sip_port}" if profile.ext_sip_ip else "–"
    deed = button("Rescan", "/rescan", token, f"Rescan profile {profile.name}", profile=profile.name)
    return (
        joined(profile.name, " ", running),
        element("code", f"{profile.sip_ip}:{profile.sip_port}"),
        element("code", outside),
        str(profile.sessions),
        str(profile.registrations),
        deed,
    )


def setup(view: View, token: str) -> Html:
    """Server and port, and for each user a button that shows the password."""
    if view.setup is None:
        return element("p", "No profile runs that phones may register at.", class_="quiet")
    facts = element(
        "dl", *(joined(element("dt", name), element("dd", text)) for name, text in _typed(view.setup))
    )
    users = [
        element("li", element("code", each), " ", button("Show password", "/reveal", token, user=each))
        for each in view.users[:MOST_USERS]
    ]
    more = len(view.users) - MOST_USERS
    rest = f"… and {more} more: phone_setup at the console shows them." if more > 0 else ""
    last = element("p", f"Once it is registered, call {ECHO}: you hear yourself. {rest}", class_="quiet")
    return joined(facts, element("ul", *users, class_="users"), last)


def _typed(setup: PhoneSetup) -> list[tuple[str, object]]:
    rows: list[tuple[str, object]] = [
        ("Server", element("code", setup.server)),
        ("Port", ports_in_words(setup)),
    ]
    if setup.domain:
        rows.append(("Domain", element("code", setup.domain)))
    if setup.outside is not None:
        host, port = setup.outside
        rows.append(("From outside", joined("server ", element("code", host), f", port {port}")))
    elif setup.wants_outside:
        rows.append(("From outside", badge("warn", "not now: no router has opened a port")))
    return rows
