"""Speak the prompts that callers hear, and write them into src/ringthru/prompts.

    python docs/speak.py        in .venv, with espeak-ng installed (apt-get install espeak-ng)

Every prompt is a WAV file of µ-law at 8000 Hz, under the name that FreeSWITCH has for its like, so that a
file of that name in ``sounds_dir`` takes its place. The voice is computed by rules (formants); nobody's
recording is in it. docs/decisions/101-spoken-prompts.md says why.
"""

from __future__ import annotations

import struct
import subprocess
from pathlib import Path

from ringthru.media.sound.files import read_sound
from ringthru.media.sound.g711 import ULAW_TO_LINEAR

PLACE = Path(__file__).parent.parent / "src" / "ringthru" / "prompts"
VOICE = ("-v", "en-us", "-s", "150", "-p", "45", "-a", "90")
QUIET = 300  # of 32767: what is below it at either end is cut off
MARGIN = 400  # samples of it that stay
ULAW, RATE = 7, 8000

NUMBERS = {
    f"digits/{number}": word
    for number, word in enumerate(
        (
            *(
                "zero",
                "one",
                "two",
                "three",
                "four",
                "five",
                "six",
                "seven",
                "eight",
                "nine",
                "ten",
                "eleven",
            ),
            *("twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
            "twenty",
        )
    )
}
TENS = ("thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
LETTERS = {f"ascii/{code}": chr(code) for code in range(ord("a"), ord("z") + 1)}
PROMPTS = {
    **NUMBERS,
    **{f"digits/{number}": word for number, word in zip(range(30, 100, 10), TENS, strict=True)},
    **{f"digits/{word}": word for word in ("hundred", "thousand", "million")},
    **LETTERS,
    "digits/star": "star",
    "digits/pound": "pound",
    "voicemail/vm-person": "Extension",
    "voicemail/vm-not_available": "is not available.",
    "voicemail/vm-record_message": "Please leave a message after the tone. Press pound when you are done.",
    "voicemail/vm-message_kept": "Your message is saved.",
    "voicemail/vm-too-small": "That was too short.",
    "voicemail/vm-mailbox_full": "The mailbox is full.",
    "voicemail/vm-no_mailbox": "There is no such mailbox.",
    "voicemail/vm-enter_id": "Please enter your extension, then pound.",
    "voicemail/vm-enter_pass": "Please enter your PIN, then pound.",
    "voicemail/vm-fail_auth": "That is not right.",
    "voicemail/vm-abort": "Too many wrong PINs.",
    "voicemail/vm-you_have": "You have",
    "voicemail/vm-no_more_messages": "no more messages.",
    "voicemail/vm-new": "new",
    "voicemail/vm-saved": "saved",
    "voicemail/vm-message": "message",
    "voicemail/vm-messages": "messages",
    "voicemail/vm-and": "and",
    "voicemail/vm-from": "from",
    "voicemail/vm-menu": "For new messages press 1. For saved messages press 2. "
    "For your greeting or your PIN press 5. To end press pound.",
    "voicemail/vm-listen": "To hear it again press 1. To save it press 2. To delete it press 7. "
    "For the next one press 3.",
    "voicemail/vm-message_saved": "Saved.",
    "voicemail/vm-deleted": "Deleted.",
    "voicemail/vm-greeting_menu": "To record your greeting press 1. To hear it press 2. "
    "To delete it press 7. To change your PIN press 6. To go back press 0.",
    "voicemail/vm-record_greeting": "Please record your greeting after the tone, then press pound.",
    "voicemail/vm-emailed": "It is sent by mail.",
    "voicemail/vm-enter_new_pin": "Please enter your new PIN, then pound.",
    "voicemail/vm-enter_pin_again": "Once more, please.",
    "voicemail/vm-pin_too_easy": "That is too short, or too easy.",
    "voicemail/vm-pin_changed": "Your PIN is changed.",
    "voicemail/vm-goodbye": "Goodbye.",
    "ivr/ivr-that_was_an_invalid_entry": "That is not a choice.",
    "ivr/ivr-demo_menu": "This is Ringthru. For an echo test press 1. For music press 2. "
    "For your messages press 3. For a menu within this menu press 6. To hear this again press 9. "
    "Or dial an extension.",
    "ivr/ivr-demo_menu_short": "Press 1, 2, 3, 6 or 9, or dial an extension.",
    "ivr/ivr-demo_sub_menu": "This is the menu within the menu. To go back press star.",
    "valet/parked_at": "The call is parked at",
    "valet/lot_full": "All places are taken.",
}


def spoken(text: str) -> bytes:
    """µ-law of a text, without the silence around it."""
    command = ["espeak-ng", *VOICE, "--stdout", text]
    ulaw = read_sound(subprocess.run(command, capture_output=True, check=True).stdout).ulaw
    loud = [at for at, octet in enumerate(ulaw) if abs(ULAW_TO_LINEAR[octet]) > QUIET]
    return ulaw[max(loud[0] - MARGIN, 0) : loud[-1] + MARGIN]


def wav(ulaw: bytes) -> bytes:
    """A WAV file of it; RFC 2361 has the format's number."""
    ulaw += b"\xff" * (len(ulaw) % 2)
    form = struct.pack("<4sIHHIIHHH", b"fmt ", 18, ULAW, 1, RATE, RATE, 1, 8, 0)
    fact = struct.pack("<4sII", b"fact", 4, len(ulaw))
    data = struct.pack("<4sI", b"data", len(ulaw)) + ulaw
    return struct.pack("<4sI4s", b"RIFF", 4 + len(form + fact + data), b"WAVE") + form + fact + data


def main() -> None:
    for name, text in PROMPTS.items():
        file = PLACE / f"{name}.wav"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(wav(spoken(text)))


if __name__ == "__main__":
    main()
