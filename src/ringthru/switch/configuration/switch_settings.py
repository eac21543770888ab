"""What switch.conf says, as typed values with FreeSWITCH's defaults.

Lives here: names, types, defaults. Never here: how a parameter is read (`parameters.py`, `values.py`), what
becomes of them.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Self

from ...net.values import frozen
from .errors import ConfigurationError
from .parameters import Reader, read_parameters
from .tree import Tree
from .values import DAY, one_of, whole

if TYPE_CHECKING:
    from ...media.ng.node import Node
    from ...net.address import Endpoint

log = logging.getLogger(__name__)


@frozen
class SwitchSettings:
    """switch.conf: what holds for the whole switch."""

    rtp_start_port: int = 16384  # the first port of the range media is taken from
    rtp_end_port: int = 32768
    max_sessions: int = 1000  # legs at once
    sessions_per_second: int = 30
    loglevel: str = "debug"
    media_engine: str = "auto"  # ours: c, python, rtpengine; auto: c where it is built
    rtpengine_nodes: tuple[Node, ...] = ()  # ours: where rtpengines take commands, and their weights
    rtpengine_dtmf_log: Endpoint | None = None  # ours: where they send the keys they hear
    mailer_app: str = "sendmail"  # what mails of voicemail are given to, on its standard input
    mailer_app_args: str = "-t"
    console_layout: str = "current"  # ours: how FreeSWITCH answered and logged then
    # Ours: how strangers are kept from guessing passwords
    auth_failures_before_ban: int = 10  # 0: nobody is banned
    ban_seconds: int = 600
    strangers_requests_per_second: int = 100  # of one address; 0: no limit

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """switch.conf; FreeSWITCH's defaults where it or a parameter is missing.

        Raises:
            ConfigurationError: a value is not allowed, or the media range is empty.
        """
        element = tree.configuration("switch.conf")
        if element is None:
            log.info("no switch.conf: the defaults hold")
            return cls()
        settings = cls(
            **read_parameters(element.inside("settings", "param"), SWITCH_PARAMETERS, "switch.conf")
        )
        if settings.rtp_end_port <= settings.rtp_start_port:
            message = (
                f"rtp-start-port {settings.rtp_start_port} is not below rtp-end-port {settings.rtp_end_port}"
            )
            raise ConfigurationError(element.position, message, "leave room for one even and one odd port")
        return settings


def _nodes(text: str) -> tuple[Node, ...]:
    from ...media.ng.node import read_nodes  # not of a start without any

    return read_nodes(text)


def _endpoint(text: str) -> Endpoint:
    from ...media.ng.node import read_endpoint

    return read_endpoint(text)


def _command(text: str) -> str:
    """Words as a shell would split them, which nobody asks to do so."""
    from shlex import split  # not of a start without any

    try:
        split(text)
    except ValueError as error:
        raise ValueError(f"words of a command line: {error}") from None
    return text.strip()


LOG_LEVELS: Final = ("console", "alert", "crit", "err", "error", "warning", "notice", "info", "debug")
LAYOUTS: Final = ("current", "2009-09", "2009-06")
SWITCH_PARAMETERS: Final[Mapping[str, Reader]] = {
    "rtp-start-port": whole(1024, 65534),
    "rtp-end-port": whole(1024, 65535),
    "max-sessions": whole(1, 1_000_000),
    "sessions-per-second": whole(1, 1_000_000),
    "media-engine": one_of("auto", "c", "python", "rtpengine"),
    "rtpengine-nodes": _nodes,
    "rtpengine-dtmf-log": _endpoint,
    "console-layout": one_of(*LAYOUTS),
    "mailer-app": _command,
    "mailer-app-args": _command,
    "auth-failures-before-ban": whole(0, 1000),
    "ban-seconds": whole(1, DAY),
    "strangers-requests-per-second": whole(0, 1_000_000),
    "loglevel": one_of(*LOG_LEVELS, *"01234567"),
}
