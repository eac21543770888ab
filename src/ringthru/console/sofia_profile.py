"""``sofia profile NAME …`` and ``sofia global …``: what operators do to profiles, gateways and registrations.

Lives here: FreeSWITCH's forms and texts. Never here: how any of it is done, ``sofia status``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Final

from ..switch.snapshots import SwitchSnapshot
from .switch_like import SwitchLike
from .text import visible

NEXT: Final = "Reload XML [{}]\n"
PHRASES: Final = (
    *("start", "stop", "restart", "rescan", "flush_inbound_reg", "check_sync", "register", "unregister"),
    *("killgw", "startgw", "gwlist up", "gwlist down", "siptrace on", "siptrace off", "capture on"),
    *("capture off", "watchdog on", "watchdog off", "recover"),
)
USAGE: Final = """\
sofia global siptrace <on|off>
sofia        capture  <on|off>
             watchdog <on|off>

sofia profile <name> [start | stop | restart | rescan] [wait]
                     flush_inbound_reg [<call_id> | <[user]@domain>] [reboot]
                     check_sync [<call_id> | <[user]@domain>]
                     [register | unregister] [<gateway name> | all]
                     killgw <gateway name>
                     [stun-auto-disable | stun-enabled] [true | false]]
                     siptrace <on|off>
                     capture  <on|off>
                     watchdog <on|off>
                     startgw <gateway name>
                     gwlist [up | down]
                     recover [flush]
sofia profile restart all
"""

Words = list[str]
Action = Callable[[SwitchLike, str, Words], Awaitable[str]]


GLOBAL_USAGE: Final = (  # as FreeSWITCH has it, without the last bracket and without a newline
    "-ERR Usage: siptrace <on|off>|capture <on|off>|watchdog <on|off>|debug <sla|presence|none"
)
STUN: Final = {"stun-auto-disable": "false", "stun-enabled": "true"}  # as a profile of 2009 has them
FLUSHED: Final = "Flushing recovery database.\n"
TRUE: Final = ("on", "true", "yes", "1", "t", "enabled", "active", "allow")
NO_CAPTURE: Final = "-ERR no such profile, or no capture-server in sofia.conf\n"


async def sofia_global(switch: SwitchLike, words: Words) -> str:
    match words:
        case ["siptrace", word, *_]:
            switch.trace(_is_on(word))
            return f"+OK Global siptrace {_state(word)}"
        case ["capture", word, *_]:
            done = switch.capture(_is_on(word))
            return f"+OK Global capture {_state(word)}" if done else NO_CAPTURE
        case ["watchdog", word, *_]:
            return f"+OK Global watchdog {_state(word)}"
        case ["debug", *rest]:
            nothing = "+OK Debugging nothing\n" if rest == ["none"] else ""
            return f"{nothing}+OK Debugging summary: presence: off sla: off\n"
    return GLOBAL_USAGE


def _is_on(word: str) -> bool:
    return word.lower() in TRUE


def _state(word: str) -> str:
    return "on" if _is_on(word) else "off"


def recovered(words: Words, what: str) -> str:
    """Calls do not outlive the process here, so that there never is anything to recover."""
    return FLUSHED if words[:1] == ["flush"] else f"No {what} to recover.\n"


async def sofia_profile(switch: SwitchLike, words: Words) -> str:
    """``NAME ACTION …``; a name may be an alias."""
    match words:
        case ["restart", "all"]:
            return await _restart_all(switch)
        case [] | [_]:
            return "Invalid Args!\n"
    name, action, *rest = words
    running = _name_of(switch.snapshot(), name)
    if action == "start":
        return await _start(switch, running or name, rest)
    if running is None:
        return f"Invalid Profile [{visible(name)}]"
    act = ACTIONS.get(action)
    return "-ERR Unknown command!\n" if act is None else await act(switch, running, rest)


def _name_of(snapshot: SwitchSnapshot, name: str) -> str | None:
    """A running profile's own name, by that or by an alias."""
    return next((each.name for each in snapshot.profiles if name in (each.name, *each.aliases)), None)


# --- the life of a profile -----------------------------------------------------------------------------


async def _start(switch: SwitchLike, name: str, rest: Words) -> str:
    said = NEXT.format(visible(await switch.reload()))
    if await switch.start_profile(name):
        return f"{said}{visible(name)} started successfully\n"
    return f"{said}Failure starting {visible(name)}\n"


async def _stop(switch: SwitchLike, name: str, rest: Words) -> str:
    if early := _too_early(switch, name):
        return early
    said = NEXT.format(visible(await switch.reload()))
    await switch.stop_profile(name)
    return f"{said}stopping: {visible(name)}"


async def _restart(switch: SwitchLike, name: str, rest: Words) -> str:
    if early := _too_early(switch, name):
        return early
    said = NEXT.format(visible(await switch.reload()))
    if await switch.restart_profile(name):
        return f"{said}restarting: {visible(name)}"
    return f"{said}Failure starting {visible(name)}\n"


def _too_early(switch: SwitchLike, name: str) -> str:
    seconds = switch.wait_before_stop(name)
    if not seconds:
        return ""
    plural = "" if seconds == 1 else "s"
    first = f"Profile {visible(name)} must be up for at least 10 seconds to stop/restart.\n"
    return f"{first}Please wait {seconds} second{plural}\n"


async def _restart_all(switch: SwitchLike) -> str:
    """Those that may be; FreeSWITCH says nothing of it."""
    await switch.reload()
    for profile in switch.snapshot().profiles:
        if not switch.wait_before_stop(profile.name):
            await switch.restart_profile(profile.name)
    return ""


async def _rescan(switch: SwitchLike, name: str, rest: Words) -> str:
    said = await switch.reload()
    text = NEXT.format(visible(said))
    if said != "Success":
        return f"{text}-ERR the configuration that was in force holds\n"
    if await switch.rescan_profile(name):
        return f"{text}+OK scan complete\n"
    return f"{text}-ERR cannot find config for profile {visible(name)}\n"


# --- registrations -------------------------------------------------------------------------------------


async def _flush(switch: SwitchLike, name: str, rest: Words) -> str:
    reboot = rest[-1:] == ["reboot"]
    which = (rest[:-1] if reboot else rest)[:1]
    switch.flush_registrations(name, "".join(which), reboot=reboot)
    word = "rebooting" if reboot else "flushing"
    return f"+OK {word} all registrations{' matching specified call_id' if which else ''}\n"


async def _check_sync(switch: SwitchLike, name: str, rest: Words) -> str:
    which = rest[:1]
    switch.check_sync(name, "".join(which))
    return f"+OK syncing all registrations{' matching specified call_id' if which else ''}\n"


async def _register(switch: SwitchLike, name: str, rest: Words) -> str:
    return _each_gateway(switch, name, rest, switch.register_gateway, "registered")


async def _unregister(switch: SwitchLike, name: str, rest: Words) -> str:
    return _each_gateway(switch, name, rest, switch.unregister_gateway, "unregistered")


def _each_gateway(
    switch: SwitchLike, profile: str, rest: Words, act: Callable[[str], bool | None], done: str
) -> str:
    if not rest:
        return "No gateway name provided!\n"
    if rest[0] == "all":
        for name in switch.gateway_names(profile):
            act(name)
        return "+OK\n"
    outcome = act(rest[0]) if rest[0] in switch.gateway_names(profile) else None
    if outcome is None:
        return "Invalid gateway!\n"
    return "+OK\n" if outcome else f"-ERR NOREG gateway [{visible(rest[0])}] can't be {done}!\n"


async def _kill(switch: SwitchLike, name: str, rest: Words) -> str:
    if not rest:
        return "-ERR missing gw name\n"
    known = switch.gateway_names(name)
    if rest[0] == "_all_":
        for each in known:
            await switch.kill_gateway(each)
        return "+OK every gateway marked for deletion.\n"
    if rest[0] in known and await switch.kill_gateway(rest[0]):
        return "+OK gateway marked for deletion.\n"
    return "-ERR no such gateway.\n"


async def _start_gateway(switch: SwitchLike, name: str, rest: Words) -> str:
    if not rest:
        return "-ERR missing gw name\n"
    said = NEXT.format(visible(await switch.reload()))
    gateway, profile = visible(rest[0]), visible(name)
    if await switch.rescan_profile(name) and rest[0] in switch.gateway_names(name):
        return f"{said}+OK start gateway {gateway} complete\n"
    return f"{said}-ERR cannot add gateway {gateway} for profile {profile}\n"


async def _list_gateways(switch: SwitchLike, name: str, rest: Words) -> str:
    up = rest[:1] != ["down"]
    found = [each for each in switch.snapshot().trunks if each.profile == name and each.up is up]
    return " ".join(visible(each.name) for each in found)


async def _trace(switch: SwitchLike, name: str, rest: Words) -> str:
    if not rest:
        return "Usage: sofia profile <name> siptrace <on/off>\n"
    switch.trace(_is_on(rest[0]), name)
    return f"{_enabled(rest[0])} sip debugging on {visible(name)}"


def _enabled(word: str) -> str:
    return "Enabled" if _is_on(word) else "Disabled"


async def _watchdog(switch: SwitchLike, name: str, rest: Words) -> str:
    """FreeSWITCH's words (of siptrace); a profile has no thread of its own here that could hang."""
    if not rest:
        return "Usage: sofia profile <name> watchdog <on/off>\n"
    return f"{_enabled(rest[0])} sip debugging on {visible(name)}"


async def _stun(switch: SwitchLike, name: str, rest: Words, which: str) -> str:
    """FreeSWITCH's words; whether STUN is asked, ext-sip-ip and ext-rtp-ip say here."""
    return f"+OK {which}={'true' if _is_on(rest[0]) else 'false'}" if rest else f"+OK {which}={STUN[which]}"


async def _recover(switch: SwitchLike, name: str, rest: Words) -> str:
    return recovered(rest, "sessions")


async def _capture(switch: SwitchLike, name: str, rest: Words) -> str:
    if not rest:
        return "Usage: sofia profile <name> capture <on/off>\n"
    if not switch.capture(_is_on(rest[0]), name):
        return NO_CAPTURE
    return f"{_enabled(rest[0])} sip capturing on {visible(name)}"


ACTIONS: Final[dict[str, Action]] = {
    "capture": _capture,
    "check_sync": _check_sync,
    "flush_inbound_reg": _flush,
    "gwlist": _list_gateways,
    "killgw": _kill,
    "recover": _recover,
    "register": _register,
    "rescan": _rescan,
    "restart": _restart,
    "siptrace": _trace,
    "startgw": _start_gateway,
    "stop": _stop,
    **{which: partial(_stun, which=which) for which in STUN},
    "unregister": _unregister,
    "watchdog": _watchdog,
}
