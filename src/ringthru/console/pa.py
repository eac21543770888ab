"""``pa``: the console phone, in the words of FreeSWITCH's ``mod_portaudio``.

Lives here: forms and texts. Never here: the phone itself (``switch/phone``).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from ..switch.dialing.endpoints import DialFailed
from ..switch.phone.errors import PhoneError
from .commands import Command
from .pa_devices import DEVICE_COMMANDS, Run
from .switch_like import SwitchLike
from .text import count, visible, words_of

if TYPE_CHECKING:
    from ..switch.phone.channel import PhoneChannel
    from ..switch.phone.phone import ConsolePhone

log = logging.getLogger(__name__)

RULE: Final = "-" * 80
FORMS: Final = (
    "pa help",
    "pa dump",
    "pa rescan",
    "pa call <dest> [<dialplan> <cid_name> <cid_num>]",
    "pa answer [<call_id>]",
    "pa hangup [<call_id>]",
    "pa list",
    "pa switch [<call_id>|none]",
    "pa dtmf <digit string>",
    "pa flags [on|off] [ear] [mouth]",
    "pa devlist [xml]",
    "pa indev #<num>|<partial name>",
    "pa outdev #<num>|<partial name>",
    "pa preparestream #<indev_num> #<outdev_num>",
    "pa switchstream #<indev_num> #<outdev_num>",
    "pa closestreams",
    "pa ringdev #<num>|<partial name>",
    "pa play [ringtest|<filename>] [seconds] [no_close]",
    "pa playdev #<num> [ringtest|<filename>] [seconds] [no_close]",
    "pa ringfile [filename]",
    "pa looptest",
    "pa shstreams",
    "pa endpoints",
)
USAGE: Final = "USAGE:\n" + "\n".join((RULE, *FORMS, RULE)) + "\n"
NO_SUCH_CALL: Final = "NO SUCH CALL\n"
FLAGS_USAGE: Final = "Usage: flags [on|off] <flags>\n"
FLAGS: Final = ("ear", "mouth")


async def pa(switch: SwitchLike, arguments: str) -> str:
    words = words_of(arguments)
    name = words[0].lower() if words else ""
    if name in ("", "help", "usage"):
        return USAGE
    run, least = COMMANDS.get(name, (None, 0))
    if run is None or len(words) - 1 < least:
        return f"Unknown Command or not enough args [{visible(words[0])}]\n"
    return await run(switch.calls.phone, words[1:])


# --- calls --------------------------------------------------------------------------------------------


async def _call(phone: ConsolePhone, words: Sequence[str]) -> str:
    """``DEST [DIALPLAN [CID_NUM [CID_NAME]]]``: FreeSWITCH takes this order, whatever its help says."""
    if not words:
        return "FAIL:Usage: call <dest>\n"
    destination, dialplan, number, name = (*words, "", "", "", "")[:4]
    try:
        channel = await phone.call(destination, dialplan=dialplan, number=number, name=name)
    except PhoneError as error:
        log.error("pa call: %s", error)
        return "FAIL:Device Error!\n"
    except DialFailed as failure:
        log.error("pa call: %s", failure)
        return "FAIL:Thread Error!\n"
    return f"SUCCESS:{channel.number}:{channel.uuid}\n"


def _named(phone: ConsolePhone, words: Sequence[str]) -> PhoneChannel | None:
    """The call of a number."""
    digits = words[0] if words else ""
    return phone.legs.get(int(digits)) if digits.isascii() and digits.isdigit() and len(digits) < 10 else None


async def _answer(phone: ConsolePhone, words: Sequence[str]) -> str:
    ringing = [each for each in phone.legs.values() if each.rings][:1]
    if words:
        channel = _named(phone, words)
        if channel is None:
            return NO_SUCH_CALL
        if channel.up:
            return "CALL ALREADY ANSWERED\n"
        ringing = [channel]
    for channel in ringing:
        try:
            await phone.answer(channel)
        except PhoneError as error:
            log.error("pa answer: %s", error)
            return "Answered 0 channels.\n"
    return f"Answered {len(ringing)} channels.\n"


async def _hangup(phone: ConsolePhone, words: Sequence[str]) -> str:
    first = phone.active or next(iter(phone.legs.values()), None)
    channel = _named(phone, words) if words else first
    if channel is None:
        return NO_SUCH_CALL
    phone.hang_up(channel)
    return "OK\n"


async def _list(phone: ConsolePhone, words: Sequence[str]) -> str:
    lines = [
        f"{each.number} {visible(each.name)} [{visible(each.caller.name)} ({visible(each.caller.number)})] "
        f"{'active' if each is phone.active else 'hold'}\n"
        for each in phone.legs.values()
    ]
    return "".join(lines) + f"\n{count(len(lines), 'call')}\n"


async def _switch(phone: ConsolePhone, words: Sequence[str]) -> str:
    if words and words[0].lower() == "none":
        phone.switch_to(None)
        return "OK\n"
    others = [each for each in phone.legs.values() if each.up and each is not phone.active]
    channel = _named(phone, words) if words else next(iter(others), None)
    if channel is None or not channel.up:
        return NO_SUCH_CALL
    phone.switch_to(channel)
    return "OK\n"


async def _dtmf(phone: ConsolePhone, words: Sequence[str]) -> str:
    if not words:
        return "No DTMF Supplied!\n"
    phone.press(words[0])
    return "OK\n"


async def _flags(phone: ConsolePhone, words: Sequence[str]) -> str:
    if words:
        order, names = words[0].lower(), {each.lower() for each in words[1:]}
        if order not in ("on", "off") or not names or not names <= set(FLAGS):
            return FLAGS_USAGE
        phone.flags = phone.flags | names if order == "on" else phone.flags - names
    return f"FLAGS: {'|'.join(each for each in FLAGS if each in phone.flags) or 'none'}\n"


COMMANDS: Final[dict[str, tuple[Run, int]]] = {  # with the least words that follow
    **DEVICE_COMMANDS,
    "answer": (_answer, 0),
    "call": (_call, 0),
    "dtmf": (_dtmf, 0),
    "flags": (_flags, 0),
    "hangup": (_hangup, 0),
    "list": (_list, 0),
    "switch": (_switch, 0),
}


def commands() -> list[Command]:
    return [
        Command(
            "pa",
            "help | call <dest> | answer | hangup | list | switch | dtmf | flags | devlist | …",
            "PortAudio: the console phone",
            pa,
            tuple(sorted(("help", *COMMANDS))),
            home="mod_portaudio",
            details=tuple(
                (form.removeprefix("pa "), meaning) for form, meaning in zip(FORMS, MEANINGS, strict=True)
            ),
        )
    ]


MEANINGS: Final = (
    "this list",
    "the devices, as devlist",
    "look for sound devices anew",
    "call; the real order behind the dialplan is number, name",
    "take a call that rings: the first one, or one by its number",
    "end the active call, or one by its number",
    "the calls, and which is the active one",
    "talk to another call; the one before is put on hold",
    "press keys in the active call",
    "what the active call may: hear us (mouth), be heard (ear)",
    "number, name, channels in and out, and what each is used for: ring, input, output",
    "the microphone; file:PATH, tone:HZ and null need no sound card",
    "the loudspeaker; file:PATH records",
    "choose both, and open them",
    "change to both",
    "close the devices until the next call",
    "where it rings",
    "a sound on the output",
    "a sound on a device",
    "what rings",
    "hear the microphone on the loudspeaker, and whether it is heard there",
    "what is open",
    "those of portaudio.conf, to be dialled as portaudio/endpoint/NAME",
)
