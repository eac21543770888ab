"""Who is at the other end of a connection, and what he may do.

Lives here: passwords, permissions, the call that a connection is about. Never here: what he says.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from hmac import compare_digest
from typing import Final, Self

from ..net.values import frozen
from ..switch.events.names import ALL
from .wishes import read_names

EVERYTHING: Final = "all"
RUN_OTHERS: Final = frozenset(("alias", "bgapi", "expand", "sched_api"))  # never for who may run only some


@frozen
class Rights:
    """What a user of the directory may do; a None stands for everything."""

    events: frozenset[str] | None = None  # names and subclasses
    commands: frozenset[str] | None = None
    log: bool = True

    @classmethod
    def read(cls, params: Mapping[str, str]) -> Self:
        """``esl-allowed-events``, ``esl-allowed-api``, ``esl-allowed-log`` of a user."""
        events = _events(params.get("esl-allowed-events", EVERYTHING))
        commands = _names(params.get("esl-allowed-api", EVERYTHING))
        log = params.get("esl-allowed-log", "true").strip().lower() in ("true", "yes", "on", "1")
        return cls(
            events,
            None if commands is None else frozenset(each.lower() for each in commands),
            log,
        )

    def allows(self, line: str) -> bool:
        """Whether the command that a line names may be run."""
        name = line.strip().partition(" ")[0].lower()
        return self.commands is None or (name in self.commands and name not in RUN_OTHERS)

    def headers(self) -> tuple[tuple[str, str], ...]:
        """What FreeSWITCH says of them in the reply to ``userauth``."""
        return (
            ("Allowed-Events", _shown(self.events)),
            ("Allowed-API", _shown(self.commands)),
            ("Allowed-LOG", "true" if self.log else "false"),
        )


def _events(text: str) -> frozenset[str] | None:
    """Names and subclasses. CUSTOM itself, which is all of them, only where none follow it."""
    words = text.replace(",", " ").split()
    names, subclasses = read_names(words)
    return None if ALL in names else frozenset(names | subclasses | {each for each in words if "::" in each})


def _names(text: str) -> frozenset[str] | None:
    words = frozenset(text.replace(",", " ").split())
    return None if EVERYTHING in {word.lower() for word in words} else words


def _shown(names: frozenset[str] | None) -> str:
    return EVERYTHING if names is None else " ".join(sorted(names))


@frozen
class EslUser:
    """A user of the directory with an ``esl-password``."""

    password: str
    rights: Rights


@frozen
class Door:
    """How a client shows who it is."""

    password: str
    find_user: Callable[[str, str], EslUser | None] = lambda user, domain: None

    def opens(self, password: str) -> bool:
        """Whether it is the password, in a time that tells nothing of it. An empty one opens no door."""
        return bool(self.password) and same(password, self.password)

    def user(self, text: str) -> EslUser | None:
        """Who ``USER@DOMAIN:PASSWORD`` is; None: nobody, or not that password."""
        name, _, password = text.partition(":")
        user, _, domain = name.partition("@")
        found = self.find_user(user, domain)
        known = found.password if found is not None else ""
        fits = same(password, known)  # also for nobody, so that it takes as long
        return found if fits and known else None


def same(one: str, other: str) -> bool:
    return compare_digest(one.encode("utf-8", "replace"), other.encode("utf-8", "replace"))


@frozen
class ControlledCall:
    """The call that an outbound connection is about."""

    uuid: str
    name: str
    asynchronous: bool  # commands do not wait for the end of those before
    full: bool  # may do what an inbound client may
