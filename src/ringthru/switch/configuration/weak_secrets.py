"""Which secrets a stranger would guess.

A SIP account that the Internet can reach is tried at hundreds of passwords a second, all day, by programs
that know the usual lists. So a secret is weak when it is on those lists, is made of what everybody knows
(the account's own name), or comes from so small a set that trying all of it takes days: fewer than six
characters, digits alone up to eight, or one or two characters repeated.
"""

from __future__ import annotations

from hashlib import md5
from typing import Final

# What we chose
SHORTEST = 6  # characters
SHORTEST_DIGITS = 9  # 10**8 tries at a thousand a second are a day
COMMON_WORDS: Final = """
    password passwd passw0rd pass secret default changeme changeit admin administrator root user guest test
    welcome letmein qwerty qwertz abc abcd asdf asdfgh iloveyou monkey dragon master voip sip asterisk
    freeswitch cluecon fusionpbx freepbx pbx phone extension ringthru telefon passwort
"""
COMMON_DIGITS: Final = ("1234", "12345", "123456", "12345678", "0000", "1111")
COMMON: Final = frozenset(COMMON_WORDS.split())


def reason_for_weakness(user: str, domain: str, password: str | None, a1_hash: str | None) -> str | None:
    """What is wrong with the account's secret, in words that follow "the password"; None when nothing is.

    A user without any secret cannot log in, and is none of our worry.
    Of an ``a1-hash`` only the obvious passwords can be recognised, and only for the account's own domain.
    """
    if a1_hash:
        return _weakness_of_hash(user, domain, a1_hash)
    if password is None:
        return None
    return _weakness(user, password)


def _weakness(user: str, password: str) -> str | None:
    if not password.strip():
        return "is empty"
    folded = password.lower()
    word = folded.rstrip("0123456789!.?")
    if user and folded in (user.lower(), user.lower()[::-1], user.lower() * 2):
        return "is the user's own name"
    if (
        folded in COMMON
        or password in COMMON_DIGITS
        or (word in COMMON and len(folded) - len(word) <= 4)
        or word == user.lower()
    ):
        return "is on every list of common passwords"
    if len(password) < SHORTEST:
        return f"has fewer than {SHORTEST} characters"
    if password.isdigit() and len(password) < SHORTEST_DIGITS:
        return f"is only {len(password)} digits"
    if len(set(password)) <= 2:
        return "repeats one or two characters"
    return None


def _weakness_of_hash(user: str, domain: str, a1_hash: str) -> str | None:
    for guess in ("", user, user[::-1], user * 2, *COMMON_DIGITS, *sorted(COMMON)):
        if md5(f"{user}:{domain}:{guess}".encode()).hexdigest() == a1_hash:
            return f"is '{guess}'" if guess else "is empty"
    return None
