"""What a line that begins with ``/`` means: it is for the client, or for the event socket as it stands.

Lives here: the table of them. Never here: the prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from ..console.text import aligned, visible

if TYPE_CHECKING:
    from .session import Session

LEAVING: Final = ("/quit", "/bye", "/exit", "...")
PASSED_ON: Final = {  # to the event socket, without the stroke
    "/event": "event [plain|json|xml] NAMES: show these events",
    "/filter": "filter HEADER VALUE: only events with it; 'filter delete HEADER' takes it back",
    "/log": "log [LEVEL]: show lines of the log",
    "/nixevent": "nixevent NAMES: these events no more",
    "/noevents": "noevents: no more events",
    "/nolog": "nolog: no more lines of the log",
}
OWN: Final = {
    "/debug": "debug LEVEL: what this client does, 0 to 7",
    "/help": "this list",
    "/logfilter": "logfilter [TEXT]: only lines of the log with it",
    "/quit": "leave (also /bye and /exit)",
    "/uuid": "uuid [UUID]: only lines of the log about this call",
}
WORDS: Final = tuple(sorted((*PASSED_ON, *OWN, "/bye", "/exit")))


async def obey(session: Session, line: str) -> None:
    """Do what it asks; a word may be cut short, as long as only one begins so."""
    word, _, rest = line.strip().partition(" ")
    word, rest = completed(word.lower()), rest.strip()
    if word in LEAVING:
        session.leave()
    elif word in PASSED_ON:
        reply = await session.ask(f"{word[1:]} {rest}".strip())
        session.show.answer(reply)
    elif word == "/help":
        session.show.note(help_text())
    elif word == "/logfilter":
        session.show.filter = rest
        session.show.note(f"Lines of the log with '{rest}' are shown." if rest else "All lines are shown.")
    elif word == "/debug":
        if rest in tuple("01234567"):
            session.show.debug = int(rest)
            session.show.note(f"What this client does is shown up to level {rest}.")
        else:
            session.show.note("-ERR a debug level is a number from 0 to 7")
    elif word == "/uuid":
        session.show.uuid = rest
        session.show.note(f"Lines of the log about {rest} are shown." if rest else "All lines are shown.")
    else:
        session.show.note(f"Unknown command {visible(word)}; /help lists those of this client.")


def completed(word: str) -> str:
    """``/ev`` is ``/event``."""
    fits = [each for each in WORDS if each.startswith(word)]
    return fits[0] if word not in WORDS and len(fits) == 1 else word


def help_text() -> str:
    rows: list[tuple[str, ...]] = []
    for word in sorted((*PASSED_ON, *OWN)):
        said = (PASSED_ON | OWN)[word]
        form, colon, text = said.partition(": ")
        rows.append((f"/{form}" if colon else word, text if colon else said))
    return aligned(rows, gap=4) + "Everything else goes to the switch: 'help' lists its commands."
