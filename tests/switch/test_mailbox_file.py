"""Messages on disk: what counts, what does not, and what a crash or a stranger may do to the files."""

from __future__ import annotations

import io
import wave
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringthru.switch.calls.caller import Caller
from ringthru.switch.voicemail.mailbox_file import MailboxFile
from ringthru.switch.voicemail.pins import LOCKED, MOST_WRONG, ChosenPin, Pins, fits, is_easy
from ringthru.switch.voicemail.values import Box, Counts

BOX, OTHER = Box("default", "example.org", "1000"), Box("default", "example.org", "1001")
CALLER = Caller("A: caller's\nname", "+49 30 1")


def sound(seconds: float = 1.0) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(int(16000 * seconds)))
    return buffer.getvalue()


def spoken(file: MailboxFile, box: Box, uuid: str, octets: bytes | None = None) -> Path:
    path = file.unfinished(box, uuid)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(sound() if octets is None else octets)
    return path


@pytest.fixture
def file(tmp_path: Path) -> MailboxFile:
    return MailboxFile("default", tmp_path)


class TestMessages:
    def test_one_counts_when_it_is_kept(self, file: MailboxFile) -> None:
        spoken(file, BOX, "one")
        assert file.counts(BOX) == Counts()
        spoken(file, BOX, "one")
        message = file.keep(BOX, "one", CALLER, 7)
        assert file.counts(BOX) == Counts(new=1)
        assert file.messages(BOX) == [message]
        assert Path(message.path).read_bytes() == sound()
        assert (message.caller, message.seconds, file.seconds(BOX)) == (CALLER, 7, 7)

    def test_boxes_are_apart(self, file: MailboxFile) -> None:
        for box in (BOX, OTHER):
            file.counts(box)
            spoken(file, box, f"of {box.user}")
            file.keep(box, f"of {box.user}", CALLER, 1)
        file.mark(BOX, read=True)
        assert (file.counts(BOX), file.counts(OTHER)) == (Counts(saved=1), Counts(new=1))
        assert file.delete(BOX) == 1
        assert file.delete(BOX, "of 1001") == 0
        assert file.counts(OTHER) == Counts(new=1)

    def test_one_of_several(self, file: MailboxFile) -> None:
        file.counts(BOX)
        for name in ("one", "two"):
            spoken(file, BOX, name)
            file.keep(BOX, name, CALLER, 1)
        file.mark(BOX, read=True, uuid="two", flags="save")
        assert {each.uuid: (bool(each.read), each.flags) for each in file.messages(BOX)} == {
            "one": (False, ""),
            "two": (True, "save"),
        }
        assert file.delete(BOX, "one") == 1
        assert [each.uuid for each in file.messages(BOX)] == ["two"]

    def test_a_caller_cannot_write_into_the_statement(self, file: MailboxFile) -> None:
        file.counts(BOX)
        spoken(file, BOX, "one")
        file.keep(BOX, "one", Caller("'); DROP TABLE voicemail_msgs; --", "1"), 1)
        assert file.delete(BOX, "' OR '1'='1") == 0
        assert file.counts(BOX) == Counts(new=1)

    @pytest.mark.parametrize("name", ["..", ".", "", "a/b", "../../etc", "a\0b"])
    def test_a_name_is_one_step_of_a_path(self, file: MailboxFile, name: str) -> None:
        for box in (Box("default", "example.org", name), Box("default", name, "1000")):
            with pytest.raises(OSError, match="names no box"):
                file.unfinished(box, "one")


class TestAfterACrash:
    def test_everything_is_there(self, file: MailboxFile, tmp_path: Path) -> None:
        file.counts(BOX)
        spoken(file, BOX, "one")
        message = file.keep(BOX, "one", CALLER, 3)
        assert MailboxFile("default", tmp_path).messages(BOX) == [message]  # the first one was never closed

    def test_a_row_without_a_file_is_struck_out(self, file: MailboxFile, tmp_path: Path) -> None:
        file.counts(BOX)
        spoken(file, BOX, "one")
        Path(file.keep(BOX, "one", CALLER, 3).path).unlink()
        file.close()
        assert MailboxFile("default", tmp_path).messages(BOX) == []

    def test_what_was_being_spoken_goes(self, file: MailboxFile, tmp_path: Path) -> None:
        written = spoken(file, BOX, "one")
        assert MailboxFile("default", tmp_path).messages(BOX) == []
        assert not written.exists()

    def test_a_damaged_index_costs_names_alone(self, file: MailboxFile, tmp_path: Path) -> None:
        file.counts(BOX)
        spoken(file, BOX, "one")
        file.keep(BOX, "one", CALLER, 3)
        file.close()
        (tmp_path / "voicemail.sqlite3").write_bytes(b"nonsense" * 1000)
        (message,) = MailboxFile("default", tmp_path).messages(BOX)
        assert (message.uuid, message.caller, message.seconds) == ("one", Caller("", ""), 1)

    def test_a_file_cut_anywhere_harms_nobody(self, tmp_path: Path) -> None:
        whole = sound(0.01)
        folder = tmp_path / BOX.domain / BOX.user
        folder.mkdir(parents=True)
        for end in range(len(whole)):
            (folder / f"msg_{end}.wav").write_bytes(whole[:end])
        (folder / "msg_whole.wav").write_bytes(whole)
        assert "whole" in {each.uuid for each in MailboxFile("default", tmp_path).messages(BOX)}

    @settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(octets=st.binary(max_size=200))
    def test_whatever_is_in_a_file(self, tmp_path_factory: pytest.TempPathFactory, octets: bytes) -> None:
        folder = tmp_path_factory.mktemp("voicemail")
        place = folder / BOX.domain / BOX.user
        place.mkdir(parents=True)
        (place / "msg_odd.wav").write_bytes(octets)
        (place / "msg_whole.wav").write_bytes(sound())
        found = MailboxFile("default", folder)
        assert found.counts(BOX).new >= 1
        found.close()

    def test_a_folder_that_cannot_be_used_is_an_error_in_words(self, tmp_path: Path) -> None:
        (tmp_path / "voicemail").write_text("in the way")
        with pytest.raises(OSError, match="voicemail"):
            MailboxFile("default", tmp_path / "voicemail").counts(BOX)


class TestPins:
    def test_the_right_one_fits_until_too_many_were_wrong(self) -> None:
        pins = Pins()
        for _ in range(MOST_WRONG - 1):
            assert not pins.judge(BOX, 0.0, right=False)
        assert pins.judge(BOX, 0.0, right=True)
        for _ in range(MOST_WRONG):
            assert not pins.judge(BOX, 0.0, right=False)
        assert not pins.judge(BOX, LOCKED - 1, right=True)
        assert pins.judge(OTHER, 0.0, right=True)
        assert pins.judge(BOX, LOCKED, right=True)


class TestAChosenPin:
    """By phone. It holds until the directory has another than it had then."""

    CHOSEN = ChosenPin.of("83019", "4711", b"salt")

    def test_holds_in_place_of_the_directorys(self) -> None:
        assert fits("83019", "4711", self.CHOSEN)
        assert not fits("4711", "4711", self.CHOSEN)

    def test_gives_way_to_another_one_in_the_directory(self) -> None:
        assert fits("5555", "5555", self.CHOSEN)
        assert not fits("83019", "5555", self.CHOSEN)

    def test_without_one_the_directorys_fits_and_an_empty_one_nobody(self) -> None:
        assert fits("4711", "4711", None)
        assert not fits("", "", None)

    def test_outlives_the_switch_and_is_not_written_down(self, file: MailboxFile, tmp_path: Path) -> None:
        assert file.chosen_pin(BOX) == ""
        file.choose_pin(BOX, "something else")
        file.choose_pin(BOX, str(self.CHOSEN))
        file.close()
        again = MailboxFile("default", tmp_path)
        assert ChosenPin.parse(again.chosen_pin(BOX)) == self.CHOSEN
        assert again.chosen_pin(OTHER) == ""
        again.close()
        assert not any(b"83019" in each.read_bytes() for each in tmp_path.iterdir() if each.is_file())

    @pytest.mark.parametrize(
        "text", ["", "4711", "scrypt$", "scrypt$zz$00$00", "md5$00$00$00", "scrypt$$00$00"]
    )
    def test_anything_else_in_its_place_is_none(self, text: str) -> None:
        assert ChosenPin.parse(text) is None

    @pytest.mark.parametrize(
        "pin", ["", "1", "831", "1234", "4321", "0000", "7777777", "1000", "0001", "456789"]
    )
    def test_one_that_is_tried_first_is_not_taken(self, pin: str) -> None:
        assert is_easy(pin, "1000")

    def test_others_are(self) -> None:
        assert not is_easy("83019", "1000")
        assert not is_easy("1357", "1000")
