"""What outlives the switch: the phones' password, made once and kept for its owner alone."""

from __future__ import annotations

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
    assert "could not be kept" in caplog.text


def test_only_a_tree_that_names_the_password_gets_one(tmp_path: Path) -> None:
    assert names_variable(default_tree(), PASSWORD_VARIABLE)
    (tmp_path / "vars.xml").write_text('<X-PRE-PROCESS cmd="set" data="default_password=1234"/>')
    assert not names_variable(tmp_path, PASSWORD_VARIABLE)
    assert not names_variable(tmp_path / "missing", PASSWORD_VARIABLE)
