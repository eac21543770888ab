"""Reading one parameter's text as a boolean, a number, a port, a list or an external address.

Every reader takes the text and returns the value, or raises ValueError with what is allowed, in words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from enum import Enum
from typing import Final

from ...net.address import parse_address
from ...net.values import frozen

TRUE_WORDS: Final = frozenset({"yes", "on", "true", "t", "enabled", "active", "allow"})
FALSE_WORDS: Final = frozenset({"no", "off", "false", "f", "disabled", "inactive", "disallow"})
DAY: Final = 86400  # seconds
MISSPELT: Final = (
    "autonat",
    "auto_nat",
    "nat",
    "stun",
    "host",
)  # no host is called so that is reached from afar
PORT: Final = re.compile(r":\d{1,5}\Z")
NAME: Final = re.compile(r"(?:[\w-]+\.)*[\w-]*[^\W\d][\w-]*\.?\Z")  # _ too: resolvers know such; no 1.2.3.400


def read_boolean(text: str) -> bool:
    """FreeSWITCH's booleans: the words above, and numbers, of which only 0 is false."""
    word = text.strip().lower()
    if word in TRUE_WORDS or (word.lstrip("+-").isdecimal() and int(word) != 0):
        return True
    if word in FALSE_WORDS or word.lstrip("+-").isdecimal():
        return False
    raise ValueError("true (yes, on, enabled, allow, 1) or false (no, off, disabled, disallow, 0)")


def read_number(text: str, lowest: int, highest: int) -> int:
    """A whole decimal number within the bounds, both included."""
    word = text.strip()
    if word.isascii() and word.isdigit() and lowest <= int(word[:20]) <= highest:
        return int(word)
    raise ValueError(f"a whole number from {lowest} to {highest}")


def read_text(text: str) -> str | None:
    return text.strip() or None


def read_word(text: str) -> str:
    if not text.strip():
        raise ValueError("a name; the value is empty")
    return text.strip()


def read_session(text: str) -> int:
    """0, or at least RFC 4028's 90 seconds."""
    seconds = read_number(text, 0, DAY)
    if 0 < seconds < 90:
        raise ValueError("0 for none, or a number of seconds from 90 to 86400")
    return seconds


def whole(lowest: int, highest: int) -> Callable[[str], int]:
    """A reader of whole numbers within the bounds."""
    return lambda text: read_number(text, lowest, highest)


def one_of(*words: str) -> Callable[[str], str]:
    """A reader of one of these words, whatever the case."""

    def read(text: str) -> str:
        if text.strip().lower() not in words:
            raise ValueError(" or ".join(words))
        return text.strip().lower()

    return read


def read_port(text: str) -> int:
    """A port to listen on; ``auto`` is 0, any free one."""
    if text.strip().lower() == "auto":
        return 0
    try:
        return read_number(text, 1, 65535)
    except ValueError:
        raise ValueError("a port from 1 to 65535, or auto") from None


def read_own_address(text: str) -> str:
    """An address of ours to listen on; ``auto`` means the one the machine's default route uses.

    ``interface:[auto/|ipv4/|ipv6/]NAME`` is the address that an interface has now; auto: its IPv4 one first.
    """
    word = text.strip()
    if word.lower() in ("", "auto"):
        return "auto"
    if word.lower().startswith("interface:"):
        return _address_at(word.partition(":")[2])
    if parse_address(word) is None:
        raise ValueError("an IP address of this machine, interface:NAME or auto")
    return word.strip("[]")


def _address_at(place: str) -> str:
    from ...net.interfaces import NoSuchInterface, own_address  # not of a start without any

    family, slash, name = place.rpartition("/")
    version = (
        {"": 0, "auto": 0, "ipv4": 4, "ipv6": 6}.get(family.strip().lower()) if slash or not family else None
    )
    if version is None:
        raise ValueError("interface:NAME, interface:ipv4/NAME or interface:ipv6/NAME")
    try:
        return own_address(name.strip(), version)
    except NoSuchInterface as error:
        raise ValueError(f"an interface with an address: {error}") from None


def read_names(text: str) -> tuple[str, ...]:
    """A comma list; blanks around the names and empty names do not count."""
    return tuple(name.strip() for name in text.split(",") if name.strip())


def read_negotiation(text: str) -> str:
    """Whose order of codecs decides; raises ValueError for a word that is none of them."""
    word = text.strip().lower()
    if word not in ("generous", "greedy", "scrooge"):
        raise ValueError("generous, greedy or scrooge")
    return "generous" if word == "generous" else "greedy"


@frozen
class TlsPolicy:
    """``tls-verify-policy``: whose certificate an authority must have signed."""

    incoming: bool = False
    incoming_names: bool = False  # and that it bears one of tls-verify-in-subjects
    outgoing: bool = True
    outgoing_names: bool = True  # and that it bears the name we meant (RFC 5922)


POLICY_WORDS: Final = {
    "none": TlsPolicy(False, False, False, False),
    "in": TlsPolicy(True, False, False, False),
    "out": TlsPolicy(False, False, True, False),
    "all": TlsPolicy(True, False, True, False),
    "subjects_in": TlsPolicy(True, True, False, False),
    "subjects_out": TlsPolicy(False, False, True, True),
    "subjects_all": TlsPolicy(True, True, True, True),
}


def read_tls_policy(text: str) -> TlsPolicy:
    """FreeSWITCH's words, several joined by ``|``."""
    words = [word.strip().lower() for word in text.split("|") if word.strip()]
    if not words or any(word not in POLICY_WORDS for word in words):
        raise ValueError(f"one or more of {', '.join(POLICY_WORDS)}, joined by |")
    policies = [POLICY_WORDS[word] for word in words]
    return TlsPolicy(
        any(each.incoming for each in policies),
        any(each.incoming_names for each in policies),
        any(each.outgoing for each in policies),
        any(each.outgoing_names for each in policies),
    )


def read_subjects(text: str) -> tuple[str, ...]:
    """Names that a certificate may bear, joined by ``|`` or commas."""
    return read_names(text.replace("|", ","))


def read_tls_version(text: str) -> str:
    """The oldest version that is spoken. FreeSWITCH's lists may name older ones, which are left out."""
    words = {word.strip().lower() for word in text.replace("|", ",").split(",") if word.strip()}
    known = {"sslv2", "sslv3", "sslv23", "tlsv1", "tlsv1.1", "tlsv1.2", "tlsv1.3"}
    if not words or words - known:
        raise ValueError("tlsv1.2, tlsv1.3 or both; older versions are not spoken")
    return "tlsv1.3" if words == {"tlsv1.3"} else "tlsv1.2"


class AddressKind(Enum):
    """What ext-sip-ip or ext-rtp-ip asks for."""

    MISSING = "missing"
    EMPTY = "empty"
    AUTO_NAT = "auto-nat"
    AUTO = "auto"
    PLAIN = "address"
    HOST = "host name"
    STUN = "stun:"


def is_host(text: str) -> bool:
    """Whether this is an address, or may be the name of a host."""
    return parse_address(text) is not None or (len(text) < 256 and NAME.match(text) is not None)


@frozen
class AddressSetting:
    """The value of ``ext-sip-ip`` or ``ext-rtp-ip``, read but not yet resolved.

    ==================  =====================================  ==========================
    kind                the setting's text                     what the profile makes of it
    ==================  =====================================  ==========================
    MISSING             the parameter is not there             the gateway's address if one was found
    EMPTY               nothing, often a variable not set      unset, and said so (FreeSWITCH: no profile)
    AUTO_NAT            ``auto-nat``                           the gateway's address, as soon as one is found
    AUTO                ``auto``, ``0.0.0.0``                  our own LAN address
    PLAIN               ``203.0.113.9``                        that address, for everybody; auto-nat off
    HOST                ``host:name``, ``name``                what DNS says, asked again and again
    STUN                ``stun:server[:port]``                 what that server sees, asked again and again
    ==================  =====================================  ==========================

    ``autonat:`` before one of the last three: for far peers only; auto-nat on, and our ports mapped. On
    ext-rtp-ip alone it also sets ext-sip-ip; on ext-sip-ip alone it leaves ext-rtp-ip to the gateway. That is
    the profile's affair, for it sees both.
    """

    kind: AddressKind
    value: str = ""  # the address (PLAIN), the name (HOST) or the server (STUN)
    text: str = ""  # as written
    autonat: bool = False  # the prefix stands before it

    @property
    def address(self) -> str | None:
        """The address that the text itself names, if it does."""
        return self.value if self.kind is AddressKind.PLAIN else None

    @property
    def is_looked_up(self) -> bool:
        return self.kind in (AddressKind.HOST, AddressKind.STUN)

    @property
    def wants_mapping(self) -> bool:
        """Whether this setting asks for our ports to be mapped on a gateway."""
        return self.kind is AddressKind.AUTO_NAT or self.autonat

    @classmethod
    def parse(cls, text: str | None) -> AddressSetting:
        """None is the missing setting. Words compare without case.

        Raises:
            ValueError: it is neither one of the words nor what DNS could know; the text says what may stand
                there.
        """
        if text is None:
            return cls(AddressKind.MISSING)
        word = text.strip()
        simple = {"": AddressKind.EMPTY, "auto-nat": AddressKind.AUTO_NAT, "auto": AddressKind.AUTO}
        simple["0.0.0.0"] = AddressKind.AUTO
        if (kind := simple.get(word.lower())) is not None:
            return cls(kind, text=text)
        prefix, colon, rest = word.partition(":")
        if colon and prefix.lower() == "autonat":
            return cls._behind_prefix(rest.strip(), text)
        return cls._literal_or_name(word, text, False)

    @classmethod
    def _behind_prefix(cls, rest: str, text: str) -> AddressSetting:
        if not rest:
            return cls(AddressKind.EMPTY, text=text)
        return cls._literal_or_name(rest, text, True)

    @classmethod
    def _literal_or_name(cls, word: str, text: str, autonat: bool) -> AddressSetting:
        if parse_address(word) is not None:
            return cls(AddressKind.PLAIN, word.strip("[]"), text, autonat)
        prefix, colon, rest = word.partition(":")
        if colon and prefix.lower() == "stun":
            name, kind = rest.strip(), AddressKind.STUN
        else:
            name, kind = rest.strip() if colon and prefix.lower() == "host" else word, AddressKind.HOST
        if not name:
            return cls(AddressKind.EMPTY, name, text, autonat)
        host = PORT.sub("", name) if kind is AddressKind.STUN and parse_address(name) is None else name
        if not is_host(host) or host.lower() in MISSPELT:
            raise ValueError(
                "auto-nat, auto, an address, host:NAME or stun:SERVER, or autonat: and one of the three"
            )
        return cls(kind, name, text, autonat)


MISSING: Final = AddressSetting(AddressKind.MISSING)
