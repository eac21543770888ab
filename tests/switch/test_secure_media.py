"""Keys of SRTP are shown to nobody: neither in the log of messages nor in captures (RFC 4568 §10.1)."""

from __future__ import annotations

import pytest

from ringthru.switch.profiles.tracing import without_keys


@pytest.mark.parametrize(
    "line",
    [
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:PS1uQCVeeCFCanVmcjkpPywjNWhcYD0mXXtxaVBR|2^20|1:32\r\n",
        b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 INLINE:PS1uQCVe;inline:PS1uabcd\r\na=sendrecv\r\n",
    ],
)
def test_a_message_keeps_its_length_and_loses_its_keys(line: bytes) -> None:
    shown = without_keys(line)
    assert len(shown) == len(line)
    assert b"PS1u" not in shown
    assert shown.startswith(b"a=crypto:1 AES_CM_128_HMAC_SHA1_80 ")
