"""What a configuration tree comes to, found out without running it and without a packet.

Every reader of the switch is asked. What one objects to is noted and taken out of the tree, and it is asked
again, so that one look finds all that is wrong.

Lives here: collecting. Never here: what is allowed (``configuration``), texts and exit codes (``console``).
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, TypeVar

from ..net.acl import AccessList
from ..net.surroundings import Surroundings
from ..net.values import frozen
from .builtin_variables import folder_variables, machine_variables
from .configuration import (
    ConfigurationError,
    Dialplan,
    Directory,
    Element,
    LoadedConfiguration,
    Position,
    ProfileSettings,
    SwitchSettings,
    Tree,
    load_access_lists,
    load_profiles,
    load_tree,
    weak_secrets,
)
from .configuration.cdr_settings import CdrSettings
from .configuration.conference_settings import load_conferences
from .configuration.console_settings import ConsoleSettings
from .configuration.event_socket_settings import CLUECON, EventSocketSettings
from .configuration.local_stream_settings import load_streams
from .configuration.menu_settings import load_menus
from .configuration.metrics_settings import MetricsSettings
from .configuration.phone_settings import load_phone
from .configuration.phrase_settings import check_phrases
from .configuration.spelling import warn_of_slips
from .configuration.unused import unused_parts
from .configuration.voicemail_settings import load_voicemail
from .configuration.web_settings import WebSettings
from .dialplan.applications import APPLICATIONS, LEFT_OUT
from .dialplan.functions import FUNCTION_NAMES
from .foresight import Outlook, outlook_of
from .state import PASSWORD_VARIABLE

T = TypeVar("T")
MOST_ERRORS: Final = 100  # of one reader; more say nothing new
KEPT: Final = frozenset({"document", "section", "configuration"})  # an error of a whole file ends its reading
ASKED: Final = re.compile(r"\$\{(\w+)\(")
STRONG: Final = "made-at-the-first-start-Qx7"  # stands for the password that the switch would make


@frozen
class Finding:
    """One thing to know; ``ignored`` names a parameter that changes nothing."""

    level: int  # of the standard library's logging: from ERROR on the tree cannot be used as it is
    position: Position | None
    text: str
    remedy: str = ""
    ignored: str = ""


@frozen
class TreeReport:
    """All that was found."""

    findings: tuple[Finding, ...]
    weak: tuple[tuple[str, str], ...]  # user@domain, and what is wrong with the password
    profiles: tuple[Outlook, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if each.level >= logging.ERROR)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        return tuple(each for each in self.findings if logging.WARNING <= each.level < logging.ERROR)

    @property
    def ignored(self) -> tuple[Finding, ...]:
        """What changes nothing, and was hardly meant to: misspelt names are among the warnings."""
        return tuple(each for each in self.findings if each.ignored and each.level < logging.WARNING)


def check_tree(
    conf: Path, state: Path, here: Surroundings, address6: str = "::1", commands: Collection[str] = ()
) -> TreeReport:
    """Read a configuration directory as the switch would; nothing is opened, sent, run or written.

    ``commands`` are those that a dialplan may ask of the console, beside its own functions.
    """
    findings: list[Finding] = []
    variables = {
        **machine_variables(here, address6),
        **folder_variables(conf, state, None, None),
        PASSWORD_VARIABLE: STRONG,
    }
    with _heard(findings):
        try:
            loaded = load_tree(conf, variables)
        except ConfigurationError as error:
            return TreeReport((*findings, _of(error)), (), ())
        return _read(loaded, here, findings, commands)


def _read(
    loaded: LoadedConfiguration, here: Surroundings, findings: list[Finding], commands: Collection[str]
) -> TreeReport:
    """Everything the switch reads of a tree, one after the other."""
    tree = loaded.tree
    notes = [note for note in loaded.notes if note.level >= logging.WARNING]
    findings += [Finding(note.level, note.position, note.text) for note in notes]

    def ask(read: Callable[[Tree], T], instead: T) -> T:
        return _until_it_agrees(read, tree, findings, instead)

    warn_of_slips(tree)
    nobody = Directory({})
    directory = ask(Directory.read, nobody)
    connected = [str(each) for each in here.connected]
    none: dict[str, AccessList] = {}
    lists = ask(lambda each: load_access_lists(each, directory, str(here.network), connected), none)
    ask(Dialplan.read, None)
    ask(SwitchSettings.read, None)
    ask(ConsoleSettings.read, ConsoleSettings())
    _ask_of_what_is_beside(tree, ask)
    _judge_event_socket(ask(EventSocketSettings.read, None), tree, findings)
    _judge_web_page(ask(WebSettings.read, None), tree, findings)
    no_profiles: list[ProfileSettings] = []
    profiles = ask(load_profiles, no_profiles)
    findings += _unknown_applications(tree)
    findings += _unknown_functions(tree, commands)
    for note in unused_parts(tree):
        findings.append(Finding(note.level, note.position, note.text, ignored=note.text.partition(" is ")[0]))
    weak = tuple(weak_secrets(directory))
    outlooks = tuple(outlook_of(each, here, lists, bool(weak)) for each in profiles)
    for each in outlooks:
        findings += [Finding(logging.WARNING, each.position, text) for text in each.warnings]
    once = dict.fromkeys(findings)  # who was asked twice said most of it twice
    return TreeReport(tuple(once), weak, outlooks)


def _ask_of_what_is_beside(tree: Tree, ask: Callable[[Callable[[Tree], object], object], object]) -> None:
    """The files of music, conferences, voicemail, menus, the console phone, records of calls and metrics."""
    ask(load_streams, None)
    ask(load_conferences, None)
    ask(load_phone, None)
    ask(load_voicemail, None)
    ask(load_menus, None)
    ask(check_phrases, None)
    ask(lambda each: CdrSettings.read(each, Path()), None)
    ask(MetricsSettings.read, None)


def _until_it_agrees(read: Callable[[Tree], T], tree: Tree, findings: list[Finding], instead: T) -> T:
    for _ in range(MOST_ERRORS):
        try:
            return read(tree)
        except ConfigurationError as error:
            findings.append(_of(error))
            if not _take_out(tree.root, error.position):
                break
    return instead


def _take_out(element: Element, position: Position) -> bool:
    """Remove what stands at a position; False: there is nothing, or only what holds the rest."""
    wrong = [each for each in element.children if each.position == position and each.tag not in KEPT]
    for each in wrong:
        element.children.remove(each)
    inside = [_take_out(child, position) for child in element.children]  # all of them
    return bool(wrong) or any(inside)


def _unknown_applications(tree: Tree) -> Iterator[Finding]:
    """Applications of the dialplan that there are none of here; each once, where it stands first."""
    seen = set(APPLICATIONS)
    for element in _below(tree.section("dialplan").elements):
        name = element.get("application").strip().lower()
        if element.tag not in ("action", "anti-action") or not name or name in seen:
            continue
        seen.add(name)
        if name in LEFT_OUT:
            text = f"dialplan: application '{name}' is not there in this version: ignored, calls go on"
            yield Finding(logging.INFO, element.position, text, ignored=name)
        else:
            text = (
                f"dialplan: application '{name}' is not there in this version: a call that comes to it ends"
            )
            yield Finding(logging.WARNING, element.position, text)


def _unknown_functions(tree: Tree, commands: Collection[str]) -> Iterator[Finding]:
    """What ``${name(…)}`` asks that nothing here answers; each once, where it stands first."""
    seen = {*FUNCTION_NAMES, *commands}
    for section, level in (("dialplan", logging.WARNING), ("directory", logging.INFO)):
        for element in _below(tree.section(section).elements):
            for name in ASKED.findall(" ".join(element.attributes.values())):
                if name in seen:
                    continue
                seen.add(name)
                text = f"{section}: ${{{name}(…)}} is not answered here: ignored, it stands for nothing"
                yield Finding(level, element.position, text, ignored=name)


def _below(elements: Iterable[Element]) -> Iterator[Element]:
    for element in elements:
        yield element
        yield from _below(element.children)


def _judge_event_socket(settings: EventSocketSettings | None, tree: Tree, findings: list[Finding]) -> None:
    element = tree.configuration("event_socket.conf")
    if settings is None or element is None or settings.password != CLUECON or settings.on_loopback:
        return
    text = f"event_socket.conf: the password everybody knows on {settings.listen_ip}: it is refused there"
    remedy = "set another password, or listen-ip 127.0.0.1"
    findings.append(Finding(logging.WARNING, element.position, text, remedy))


def _judge_web_page(settings: WebSettings | None, tree: Tree, findings: list[Finding]) -> None:
    element = tree.configuration("web.conf")
    if settings is None or element is None or settings.weakness is None or settings.on_loopback:
        return
    text = f"web.conf: the password {settings.weakness}: the page is shown on 127.0.0.1 alone"
    findings.append(Finding(logging.WARNING, element.position, text, "set another password, or none"))


def _of(error: ConfigurationError) -> Finding:
    return Finding(logging.ERROR, error.position, error.message, error.remedy)


class _Ear(logging.Handler):
    """Takes what the readers would log, as a finding; their first argument is the position."""

    def __init__(self, findings: list[Finding]) -> None:
        super().__init__(logging.INFO)
        self._findings = findings

    def emit(self, record: logging.LogRecord) -> None:
        first = record.args[0] if isinstance(record.args, tuple) and record.args else None
        position = first if isinstance(first, Position) else None
        ignored = getattr(record, "ignored", "")
        if record.levelno < logging.WARNING and not ignored:
            return
        text = record.getMessage().removeprefix(f"{position}: ")
        # What the switch logs at ERROR while it reads does not keep it from starting.
        self._findings.append(Finding(min(record.levelno, logging.WARNING), position, text, ignored=ignored))


@contextmanager
def _heard(findings: list[Finding]) -> Iterator[None]:
    """While inside, what is logged about configurations becomes findings, and nobody else hears it."""
    logger, ear = logging.getLogger("ringthru.switch.configuration"), _Ear(findings)
    before = logger.level, logger.propagate
    logger.addHandler(ear)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(ear)
        logger.setLevel(before[0])
        logger.propagate = before[1]
