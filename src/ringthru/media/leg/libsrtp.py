"""libsrtp2, which protects RTP (RFC 3711), as it is here: the one in ``pylibsrtp``, or the system's.

Its interface in C is used as it stands, since 2.2 and in all of 2.x the same, because that is what both
engines need: Python's calls it, and C's gets the addresses of its functions. Keys are octets: master key,
then salt.

Lives here: finding it, sessions, what it answers. Never here: which packets are protected (``protecting``).
"""

from __future__ import annotations

import ctypes
from ctypes import byref
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from ...net.values import frozen
from ..description.sdes import SUITES
from ..errors import EngineMissing
from ..rtp.packet import MAX_DATAGRAM

HOW_TO_GET: Final = "install ringthru[srtp] (pip install pylibsrtp), or Debian's libsrtp2-1"
SYSTEM: Final = "libsrtp2.so.1"
ROOM: Final = 160  # octets that protecting may add: 16 of a tag, 4 of an index, 128 of an MKI
OK: Final = 0
FORGED: Final = (7, 8)  # authentication, and in some versions GCM's cipher, failed
WINDOW: Final = 128  # packets that may come late, and are known when they come twice
FUNCTIONS: Final = ("srtp_protect", "srtp_unprotect", "srtp_protect_rtcp", "srtp_unprotect_rtcp")
POLICIES: Final = {  # of RTP; RTCP's tag has 80 bits in each case (RFC 4568 §6.2.2), but for GCM's
    "AES_CM_128_HMAC_SHA1_80": ("rtp_default", "rtcp_default"),
    "AES_CM_128_HMAC_SHA1_32": ("aes_cm_128_hmac_sha1_32", "rtcp_default"),
    "AES_192_CM_HMAC_SHA1_80": ("aes_cm_192_hmac_sha1_80",) * 2,
    "AES_192_CM_HMAC_SHA1_32": ("aes_cm_192_hmac_sha1_32", "aes_cm_192_hmac_sha1_80"),
    "AES_256_CM_HMAC_SHA1_80": ("aes_cm_256_hmac_sha1_80",) * 2,
    "AES_256_CM_HMAC_SHA1_32": ("aes_cm_256_hmac_sha1_32", "aes_cm_256_hmac_sha1_80"),
    "AEAD_AES_128_GCM": ("aes_gcm_128_16_auth",) * 2,
    "AEAD_AES_256_GCM": ("aes_gcm_256_16_auth",) * 2,
}


# Until August 2025 libsrtp derives keys of 24 octets as if they had 32 (its issue 763): nobody who follows
# RFC 6188 understands that. What must become of a packet of zeros under the keys of its section 7.4:
KNOWN_MASTER: Final = bytes.fromhex(
    "73edc66c4fa15776fb57f9505c17136550ffda71f3e8e5f1c8522f3acd4ce86d5add78edbb11"
)
KNOWN_PACKET: Final = bytes((0x80, *bytes(27)))
KNOWN_STREAM: Final = bytes.fromhex("7223cefe848cc968449c539c07561cb9")


class _CryptoPolicy(ctypes.Structure):
    _fields_ = tuple(
        (name, ctypes.c_int) for name in ("cipher", "cipher_key", "auth", "auth_key", "auth_tag", "services")
    )


class _Policy(ctypes.Structure):
    """``srtp_policy_t``."""

    _fields_ = (
        ("ssrc_type", ctypes.c_int),
        ("ssrc", ctypes.c_uint),
        ("rtp", _CryptoPolicy),
        ("rtcp", _CryptoPolicy),
        ("key", ctypes.c_void_p),
        ("keys", ctypes.c_void_p),
        ("key_count", ctypes.c_ulong),
        ("ekt", ctypes.c_void_p),
        ("window_size", ctypes.c_ulong),
        ("allow_repeat_tx", ctypes.c_int),
        ("encrypted_extensions", ctypes.c_void_p),
        ("encrypted_extension_count", ctypes.c_int),
        ("next", ctypes.c_void_p),
    )


ANY_INBOUND: Final = 2  # of ``ssrc_type``
ANY_OUTBOUND: Final = 3


@frozen
class Outcome:
    """What became of a packet: ``data`` is None where it cannot be used, since it came before, is too old, no
    SRTP, or ``forged``: of somebody without the key.
    """

    data: bytes | None
    forged: bool


class Session:
    """The state of one key in one direction: roll-overs, and what came lately (RFC 3711 §3.2.3)."""

    def __init__(self, library: Library, suite: str, key: bytes, *, inbound: bool) -> None:
        self._library = library
        self._pointer: int | None = library.create(suite, key, inbound=inbound)

    @property
    def pointer(self) -> int:
        """``srtp_t``, for C; valid until ``close``."""
        return self._pointer or 0

    def protect(self, datagram: bytes, *, rtcp: bool) -> bytes | None:
        """The protected packet; None: one of its number went out before, or it is none."""
        data, status = self._library.call(2 * rtcp, self.pointer, datagram)
        return data if status == OK else None

    def unprotect(self, datagram: bytes, *, rtcp: bool) -> Outcome:
        data, status = self._library.call(2 * rtcp + 1, self.pointer, datagram)
        return Outcome(data if status == OK else None, status in FORGED)

    def close(self) -> None:
        """Wipe the key out; harmless twice."""
        pointer, self._pointer = self._pointer, None
        if pointer is not None:
            self._library.destroy(pointer)

    __del__ = close


class Library:
    """One that was found and can be used."""

    def __init__(self, path: str) -> None:
        """Load it.

        Raises:
            OSError: it cannot be loaded, or is no libsrtp of 2.2 or later.
        """
        self.path = path
        self._library = library = ctypes.CDLL(path)
        try:
            version = library.srtp_get_version() & 0xFFFFFFFF
            if version >> 24 != 2 or version >> 16 & 0xFF < 2 or library.srtp_init() != OK:
                raise OSError(
                    f"{path} is libsrtp {version >> 24}.{version >> 16 & 0xFF}; 2.2 or later is needed"
                )
            calls = [getattr(library, name) for name in FUNCTIONS]
        except AttributeError as error:
            raise OSError(f"{path} is no libsrtp2: {error}") from error
        for each in calls:
            each.argtypes = (ctypes.c_void_p, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int))
        self._calls = tuple(calls)
        self.addresses = tuple(ctypes.cast(each, ctypes.c_void_p).value or 0 for each in calls)
        self.suites = tuple(name for name in SUITES if self._has(name))

    def create(self, suite: str, key: bytes, *, inbound: bool) -> int:
        """A new ``srtp_t``.

        Raises:
            EngineMissing: it does not have this suite.
        """
        policy = _Policy(window_size=WINDOW, ssrc_type=ANY_INBOUND if inbound else ANY_OUTBOUND)
        for name, part in zip(POLICIES[suite], ("rtp", "rtcp"), strict=True):
            set_policy = getattr(self._library, f"srtp_crypto_policy_set_{name}")
            set_policy(ctypes.byref(policy, getattr(_Policy, part).offset))
        buffer = ctypes.create_string_buffer(key, len(key))
        policy.key = ctypes.cast(buffer, ctypes.c_void_p)
        session = ctypes.c_void_p()
        status = self._library.srtp_create(byref(session), byref(policy))
        ctypes.memset(buffer, 0, len(key))
        if status != OK or session.value is None:
            raise EngineMissing(f"{self.path} does not have {suite}")
        return session.value

    def destroy(self, pointer: int) -> None:
        self._library.srtp_dealloc(ctypes.c_void_p(pointer))

    def call(self, function: int, pointer: int, datagram: bytes) -> tuple[bytes, int]:
        """One of ``FUNCTIONS`` on a copy of a datagram; what it made of it, and its status."""
        if not pointer or len(datagram) > MAX_DATAGRAM:
            return b"", -1
        buffer = ctypes.create_string_buffer(datagram, len(datagram) + ROOM)
        size = ctypes.c_int(len(datagram))
        status = self._calls[function](pointer, buffer, byref(size))
        return buffer.raw[: size.value] if status == OK else b"", status

    def _has(self, suite: str) -> bool:
        """Whether it can be made, and is made as others make it."""
        known = SUITES[suite].size == len(KNOWN_MASTER)
        try:
            pointer = self.create(suite, KNOWN_MASTER if known else bytes(SUITES[suite].size), inbound=False)
        except (EngineMissing, AttributeError):
            return False
        made, _ = self.call(0, pointer, KNOWN_PACKET)
        self.destroy(pointer)
        return not known or made[12:28] == KNOWN_STREAM


@cache  # the dynamic linker has each library once a process, whoever asks
def load() -> Library:
    """The library.

    Raises:
        EngineMissing: there is none; the text says what to install.
    """
    why = "it is not installed"
    for path in _places():
        try:
            return Library(path)
        except OSError as error:
            why = str(error)
    raise EngineMissing(f"libsrtp2 cannot be had ({why}): {HOW_TO_GET}")


def make_session(suite: str, key: bytes, inbound: bool) -> Session:
    """A session of the library that is here.

    Raises:
        EngineMissing: there is none, or it does not have this suite.
    """
    return Session(load(), suite, key, inbound=inbound)


def suites_here() -> tuple[str, ...]:
    """The suites that can be had, best first; none without the library."""
    try:
        return load().suites
    except EngineMissing:
        return ()


def _places() -> list[str]:
    found = find_spec("pylibsrtp")
    folders = (found.submodule_search_locations or []) if found is not None else []
    bundled = [str(each) for folder in folders for each in sorted(Path(folder).glob("_binding*.so"))]
    return [*bundled, SYSTEM]
