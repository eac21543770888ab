"""Variables that exist before any file is read."""

from __future__ import annotations

from pathlib import Path

from ringthru.switch.builtin_variables import serial


class TestTheSerial:
    def test_is_the_same_at_every_start_and_another_on_another_machine(self, tmp_path: Path) -> None:
        one, other = tmp_path / "one", tmp_path / "other"
        one.write_text("0123456789abcdef0123456789abcdef\n")
        other.write_text("fedcba9876543210fedcba9876543210\n")
        assert serial(one, "pbx") == serial(one, "renamed") != serial(other, "pbx")

    def test_is_twelve_digits_that_do_not_tell_the_machine_s_identifier(self, tmp_path: Path) -> None:
        file = tmp_path / "machine-id"
        file.write_text("0123456789abcdef0123456789abcdef\n")
        assert len(serial(file, "pbx")) == 12
        assert int(serial(file, "pbx"), 16)
        assert serial(file, "pbx") not in file.read_text()

    def test_is_of_the_host_s_name_where_there_is_no_identifier(self, tmp_path: Path) -> None:
        nowhere = tmp_path / "nowhere"
        assert serial(nowhere, "pbx") == serial(nowhere, "pbx") != serial(nowhere, "other")
