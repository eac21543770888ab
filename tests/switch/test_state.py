"""What outlives the switch: the phones' password, made once and kept for its owner alone."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path

from ringthru.switch.state import PASSWORD_VARIABLE, StateFolder, default_tree, names_variable


def test_the_password_is_made_once_and_readable_by_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "state"
    password = StateFolder(folder).password()
    assert len(password) >= 16
    assert StateFolder(folder).password() == password
    assert stat.S_IMODE((folder / "generated_password").stat().st_mode) == 0o600


def test_a_folder_that_cannot_be_written_costs_the_password_its_memory_and_says_so(
    tmp_path: Path, caplog
) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    first = StateFolder(blocked / "state").password()
    assert first != StateFolder(blocked / "state").password()
    assert f"cannot be read: {blocked / 'state' / 'generated_password'}: Not a directory" in caplog.text
    assert "with -db" in caplog.text


def test_a_disk_that_was_full_leaves_no_empty_password(tmp_path: Path, monkeypatch) -> None:
    full = errno.ENOSPC

    def write(descriptor: int, mode: str) -> None:
        os.close(descriptor)
        raise OSError(full, os.strerror(full))

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdopen", write)
        StateFolder(tmp_path).password()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "generated_password").write_text("\n")  # what an earlier version left
    password = StateFolder(tmp_path).password()
    assert len(password) >= 16
    assert StateFolder(tmp_path).password() == password


def test_a_password_that_cannot_be_read_is_left_as_it_is(tmp_path: Path, caplog) -> None:
    (tmp_path / "generated_password").mkdir()  # as good as somebody else's: even root cannot read it
    assert len(StateFolder(tmp_path).password()) >= 16
    assert "cannot be read" in caplog.text
    assert (tmp_path / "generated_password").is_dir()


def test_the_password_can_be_typed_into_a_desk_phone(tmp_path: Path) -> None:
    password = StateFolder(tmp_path).password()
    assert password == password.lower()
    assert password.isalnum()
    assert not set(password) & set("l01o")


def test_only_a_tree_that_names_the_password_gets_one(tmp_path: Path) -> None:
    assert names_variable(default_tree(), PASSWORD_VARIABLE)
    (tmp_path / "vars.xml").write_text('<X-PRE-PROCESS cmd="set" data="default_password=1234"/>')
    assert not names_variable(tmp_path, PASSWORD_VARIABLE)
    assert not names_variable(tmp_path / "missing", PASSWORD_VARIABLE)
