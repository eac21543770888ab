"""The call that ended with "ACK timeout" although the ACK came: STUN in the phone, a SIP ALG in its router.

Two homes, two gateways, a real phone in one and the switch in the other. The ALG is a program of the lab: it
puts the router's address where the phone's is, and from the ACK on renames one key of the dialog.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from ringthru.lab.gateway.renaming_alg import Renames
from ringthru.lab.namespaces.laboratory import PBX, SECOND_WAN, WAN_ADDRESS, Laboratory, Topology
from ringthru.lab.namespaces.netns import wait_for

from .alg_world import alg, divert, registered_phone, stun_server
from .audio import RATE, best_share, tone
from .capture import Capture, sip_texts
from .switch_process import Switch

ECHO = f"sip:9196@{WAN_ADDRESS}:5060"
SAID = {  # what the log names
    Renames.CALL_ID: "its Call-ID is",
    Renames.FROM_TAG: "its From tag is",
    Renames.TO_TAG: "its To tag is",
    Renames.CSEQ: "its CSeq is",
}
PAST_THE_LIMIT = 35  # seconds of sound
LATE = 4.5  # seconds after the answer by which an ACK that was not taken has its verdict


@pytest.fixture(scope="module")
def homes() -> Iterator[Laboratory]:
    with Laboratory(Topology.DOUBLE) as laboratory, stun_server(laboratory):
        divert(laboratory)
        yield laboratory


def started(homes: Laboratory, directory: Path, **parameters: str) -> Switch:
    switch = Switch(homes, directory, parameters={"internal": parameters} if parameters else None)
    switch.start()
    switch.wait_until_mapped()
    switch.wait_for_words("NAT detected setting external ip")
    return switch


@pytest.fixture(scope="class")
def lenient(homes: Laboratory, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Switch]:
    """As it is by default."""
    switch = started(homes, tmp_path_factory.mktemp("switch"))
    yield switch
    assert "Traceback" not in switch.words(), switch.words()
    switch.stop()


class TestByDefault:
    @pytest.mark.parametrize("renames", SAID, ids=lambda each: each.value)
    def test_a_rewritten_ack_counts_and_the_call_goes_on_until_the_phone_hangs_up(
        self, lenient: Switch, homes: Laboratory, tmp_path: Path, renames: Renames
    ) -> None:
        capture = Capture(homes, PBX, tmp_path)
        with alg(homes, renames, tmp_path), registered_phone(homes, tmp_path, tone(440, 20)) as phone:
            phone.command("dial", ECHO)
            phone.wait_for_log("Call established")
            lenient.wait_for_words(SAID[renames])
            wait_for(lambda: best_share(phone.so_far()[-8000:], 440) > 0.9, 10, "the echo of its own tone")
            phone.command("hangup")
            wait_for(lambda: answers(capture, "BYE"), 5, "the answer to the phone's BYE")
        assert "200" in answers(capture, "BYE")[0]
        assert len([each for each in answers(capture, "INVITE") if "200" in each]) < 3, "it was repeated on"
        capture.stop()
        lenient.wait_for_words("counts all the same")
        assert "no ACK for our 200" not in lenient.words()


def test_a_call_outlives_the_32_seconds(homes: Laboratory, tmp_path: Path) -> None:
    """RFC 3261 §13.3.1.4: without an ACK it would be hung up 64·T1 after the 200. Waited out by sound."""
    switch = started(homes, tmp_path)
    sound = tone(440, 60)
    with alg(homes, Renames.TO_TAG, tmp_path), registered_phone(homes, tmp_path, sound) as phone:
        phone.command("dial", ECHO)
        phone.wait_for_log("Call established")
        capture = Capture(homes, PBX, tmp_path)
        wait_for(lambda: len(phone.so_far()) > PAST_THE_LIMIT * RATE, 60, "35 s of its own tone")
        assert best_share(phone.so_far()[-8000:], 440) > 0.9
        phone.command("hangup")
        wait_for(lambda: answers(capture, "BYE"), 5, "the answer to the phone's BYE")
        capture.stop()
    assert "200" in answers(capture, "BYE")[0]
    assert "ACK timeout" not in switch.words()
    switch.stop()


def test_where_it_shall_not_count_the_cause_is_told_after_four_seconds(
    homes: Laboratory, tmp_path: Path
) -> None:
    switch = started(homes, tmp_path, **{"accept-odd-acks": "false"})
    with (
        alg(homes, Renames.CALL_ID, tmp_path),
        registered_phone(homes, tmp_path, tone(440, 20)) as phone,
    ):
        phone.command("dial", ECHO)
        phone.wait_for_log("Call established")
        switch.wait_for_words("does not count, and the call will end after 32 s")
        switch.wait_for_words("no ACK for our 200 in 4 s", LATE)
        switch.wait_for_words("A device on the way rewrites SIP")
        switch.wait_for_words("Cure: turn off SIP ALG")
    switch.stop()


def answers(capture: Capture, method: str) -> list[str]:
    """The first lines of the switch's answers to one method, to the other home."""
    return [
        text.partition("\r\n")[0]
        for datagram, text in sip_texts(capture.so_far())
        if text.startswith("SIP/2.0 ") and datagram.destination[0] == SECOND_WAN and f" {method}\r\n" in text
    ]
