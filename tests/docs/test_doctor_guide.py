"""The page about the doctor names checks, commands and flags that there are."""

from __future__ import annotations

import re

from ringthru.cli.doctor_command import _parser
from ringthru.console.doctor import commands
from ringthru.doctor.explaining import EXPLAINED

from .conftest import DOCS

PAGE = (DOCS / "guide" / "doctor.md").read_text()


def test_each_check_that_it_names_exists():
    named = set(re.findall(r"\b(?:host|gw|wan|reach|sip|sec)\.\w+(?=:)", PAGE))
    assert named
    assert named <= {each.id for each in EXPLAINED}


def test_each_form_of_the_command_is_there():
    (command,) = commands()
    for form, _ in command.details:
        assert f"`{form.partition(' <')[0]}" in PAGE, form


def test_each_flag_is_known():
    known = _parser().format_help()
    for flag in re.findall(r"(?<=[`\s])(--?[\w-]+)(?=[`\s,])", PAGE):
        assert flag in known, flag
