"""Commands within the dialplan: ``${uuid_setvar(…)}``, ``${sched_hangup(…)}``, ``${show(channels count)}``.

A dialplan cannot wait: who calls would hear nothing meanwhile. So it has the commands that answer at once, by
name; ``bgapi`` runs any other beside the call.

Lives here: which those are. Never here: a command, or the functions that need no console (``functions``).
"""

from __future__ import annotations

import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from .commands import CommandTable
    from .logs import Logs
    from .switch_like import SwitchLike


log = logging.getLogger(__name__)

AT_ONCE: Final = frozenset(
    (
        *("bgapi", "break", "chat", "conference", "console", "find_user_xml", "fsctl", "getcputime"),
        *("global_setvar", "hostname", "hupall", "interface_ip", "json", "limit_hash_usage"),
        *("limit_interval_reset", "limit_reset", "limit_status", "list_users", "local_stream", "log"),
        *("module_exists", "sched_api", "sched_broadcast", "sched_del", "sched_hangup", "sched_transfer"),
        *("show", "status", "switchname", "unsched_api", "uptime", "uuid_audio", "uuid_break", "uuid_bridge"),
        *("uuid_broadcast", "uuid_buglist", "uuid_display", "uuid_dual_transfer", "uuid_dump"),
        *("uuid_flush_dtmf", "uuid_hold", "uuid_kill", "uuid_limit", "uuid_limit_release", "uuid_media"),
        *("uuid_media_reneg", "uuid_park", "uuid_phone_event", "uuid_recv_dtmf", "uuid_ring_ready"),
        *("uuid_send_dtmf", "uuid_send_info", "uuid_send_message", "uuid_session_heartbeat", "uuid_setvar"),
        *("uuid_setvar_multi", "uuid_transfer", "version", "xml_locate"),
    )
)


class InDialplan:
    """Asks the table of commands for ``Functions``; the table is made with the first question."""

    def __init__(self, switch: SwitchLike, logs: Logs) -> None:
        self._switch = switch
        self._logs = logs
        self._table: CommandTable | None = None

    def __call__(self, name: str, arguments: str) -> str | None:
        """The command's answer; None where there is no such command, or it would have to be waited for."""
        table = self._commands()
        if table.get(name) is None:
            return None
        if name.lower() not in AT_ONCE:
            text = "${%s(…)} is not asked by a dialplan: its answer may take its time. Write ${bgapi(%s …)}"
            log.error(text, name, name)
            return None
        return _at_once(table.run(self._switch, f"{name} {arguments}"), name)

    def _commands(self) -> CommandTable:
        if self._table is None:
            from .standard import standard_table  # late: the switch serves first

            self._table = standard_table(self._logs)
        return self._table


def _at_once(work: Coroutine[None, None, str], name: str) -> str | None:
    """What a coroutine returns that never waits; one that does is given up."""
    try:
        work.send(None)
    except StopIteration as done:
        return str(done.value)
    work.close()
    log.error("${%s(…)} wanted to wait, which a dialplan cannot; write ${bgapi(%s …)}", name, name)
    return None
