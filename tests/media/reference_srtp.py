"""SRTP as its RFCs write it, without any library, and slow: what tests hold libsrtp2 against.

Keys are derived once (a key derivation rate of 0), the roll-over counter is 0.
"""

from __future__ import annotations

import hashlib
import hmac
from functools import cache
from itertools import chain

RTP_LABELS, RTCP_LABELS = (0, 1, 2), (3, 4, 5)  # cipher key, authentication key, salt (RFC 3711 §4.3.2)
ENCRYPTED = 1 << 31  # the E flag before an SRTCP index (§3.4)
REDUCTION = 0xE1 << 120  # of GHASH's field


# --- AES (FIPS 197) ----------------------------------------------------------------------------------


def aes(key: bytes, block: bytes) -> bytes:
    """One block; a key of 16, 24 or 32 octets."""
    keys = _round_keys(key)
    box = sbox()
    state = [a ^ b for a, b in zip(block, keys[0], strict=True)]
    for number, round_key in enumerate(keys[1:], 1):
        state = [box[state[(i + 4 * (i % 4)) % 16]] for i in range(16)]
        if number < len(keys) - 1:
            state = list(chain(*(_mixed(state[i : i + 4]) for i in range(0, 16, 4))))
        state = [a ^ b for a, b in zip(state, round_key, strict=True)]
    return bytes(state)


@cache
def _round_keys(key: bytes) -> list[list[int]]:
    box, size = sbox(), len(key) // 4
    words = [list(key[i : i + 4]) for i in range(0, len(key), 4)]
    constant = 1
    for i in range(size, 4 * (size + 7)):
        word = list(words[i - 1])
        if i % size == 0:
            word = [box[each] for each in word[1:] + word[:1]]
            word[0] ^= constant
            constant = _doubled(constant)
        elif size > 6 and i % size == 4:
            word = [box[each] for each in word]
        words.append([a ^ b for a, b in zip(word, words[i - size], strict=True)])
    return [list(chain(*words[i : i + 4])) for i in range(0, len(words), 4)]


def _doubled(value: int) -> int:
    return value << 1 ^ (0x11B if value & 0x80 else 0)


def _mixed(column: list[int]) -> list[int]:
    whole = column[0] ^ column[1] ^ column[2] ^ column[3]
    return [column[i] ^ whole ^ _doubled(column[i] ^ column[(i + 1) % 4]) for i in range(4)]


@cache
def sbox() -> list[int]:
    box, p, q = [0] * 256, 1, 1
    while True:
        p = p ^ _doubled(p)
        for shift in (1, 2, 4):
            q = (q ^ q << shift) & 0xFF
        q ^= 0x09 if q & 0x80 else 0
        turned = [(q << n | q >> 8 - n) & 0xFF for n in range(5)]
        box[p] = turned[0] ^ turned[1] ^ turned[2] ^ turned[3] ^ turned[4] ^ 0x63
        if p == 1:
            break
    box[0] = 0x63
    return box


def counted(key: bytes, counter: int, size: int) -> bytes:
    """The keystream of counter mode: AES of so many blocks from ``counter`` on."""
    blocks = range(counter, counter + -(-size // 16))
    return b"".join(aes(key, each.to_bytes(16, "big")) for each in blocks)[:size]


def crossed(one: bytes, other: bytes) -> bytes:
    return bytes(a ^ b for a, b in zip(one, other, strict=True))


# --- what is made of a master key --------------------------------------------------------------------


def derived(key: bytes, salt: bytes, label: int, size: int) -> bytes:
    """A session key (RFC 3711 §4.3.1); a salt of 12 octets, as GCM has it, ends in zeros (RFC 7714 §11)."""
    seed = int.from_bytes(salt.ljust(14, b"\0"), "big") ^ label << 48
    return counted(key, seed << 16, size)


# --- packets -----------------------------------------------------------------------------------------


def with_counter_mode(
    packet: bytes, key: bytes, salt: bytes, tag: int, *, rtcp: bool = False, index: int = 0
) -> bytes:
    """AES-CM and HMAC-SHA1 (RFC 3711 §4.1.1, §4.2.1; RFC 6188); ``tag`` in octets, ``index`` of SRTCP."""
    labels, head, ssrc, number = _place(packet, rtcp, index)
    cipher, proof, session_salt = (
        derived(key, salt, label, size) for label, size in zip(labels, (len(key), 20, 14), strict=True)
    )
    counter = int.from_bytes(session_salt, "big") << 16 ^ ssrc << 64 ^ number << 16
    body = packet[head:]
    made = packet[:head] + crossed(body, counted(cipher, counter, len(body)))
    word = (ENCRYPTED | index).to_bytes(4, "big") if rtcp else bytes(4)  # else the roll-over counter
    proven = hmac.new(proof, made + word, hashlib.sha1).digest()[:tag]
    return made + (word if rtcp else b"") + proven


def with_gcm(packet: bytes, key: bytes, salt: bytes, *, rtcp: bool = False, index: int = 0) -> bytes:
    """AES-GCM (RFC 7714 §8, §9) under *session* keys."""
    _, head, ssrc, number = _place(packet, rtcp, index)
    vector = crossed(salt, (ssrc << 48 | number).to_bytes(12, "big"))
    word = (ENCRYPTED | index).to_bytes(4, "big") if rtcp else b""
    return packet[:head] + gcm(key, vector, packet[head:], packet[:head] + word) + word


def under_master(packet: bytes, key: bytes, salt: bytes, *, rtcp: bool = False, index: int = 0) -> bytes:
    """The same under a master key."""
    labels = RTCP_LABELS if rtcp else RTP_LABELS
    cipher, session_salt = derived(key, salt, labels[0], len(key)), derived(key, salt, labels[2], 12)
    return with_gcm(packet, cipher, session_salt, rtcp=rtcp, index=index)


def _place(packet: bytes, rtcp: bool, index: int) -> tuple[tuple[int, ...], int, int, int]:
    """The labels, where the encrypted part begins, the SSRC, and the packet's index."""
    if rtcp:
        return RTCP_LABELS, 8, int.from_bytes(packet[4:8], "big"), index
    return RTP_LABELS, 12, int.from_bytes(packet[8:12], "big"), int.from_bytes(packet[2:4], "big")


# --- GCM (NIST SP 800-38D) ---------------------------------------------------------------------------


def gcm(key: bytes, vector: bytes, text: bytes, beside: bytes) -> bytes:
    """The ciphertext, and a tag of 16 octets."""
    first = int.from_bytes(vector, "big") << 32 | 1
    made = crossed(text, counted(key, first + 1, len(text)))
    subkey = int.from_bytes(aes(key, bytes(16)), "big")
    hashed = 0
    sizes = (len(beside) * 8).to_bytes(8, "big") + (len(made) * 8).to_bytes(8, "big")
    for part in (beside, made, sizes):
        for at in range(0, len(part), 16):
            block = int.from_bytes(part[at : at + 16].ljust(16, b"\0"), "big")
            hashed = _times(hashed ^ block, subkey)
    return made + crossed(hashed.to_bytes(16, "big"), counted(key, first, 16))


def _times(one: int, other: int) -> int:
    product = 0
    for bit in range(127, -1, -1):
        if one >> bit & 1:
            product ^= other
        other = other >> 1 ^ (REDUCTION if other & 1 else 0)
    return product
