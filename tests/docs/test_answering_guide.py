"""What the page about voicemail, pick-up, parking and menus shows is read and hunted through here."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from ringthru.switch.audio.sound_files import PROMPTS
from ringthru.switch.configuration import Dialplan, load_tree
from ringthru.switch.configuration.menu_settings import ACTIONS, load_menus
from ringthru.switch.configuration.voicemail_settings import KEYS, PARAMETERS, load_voicemail

from .conftest import DOCS
from .trying import block, check_extensions, tree_of, tried

PAGE = (DOCS / "guide" / "answering.md").read_text()
TRIED = tried(PAGE)
DOMAIN = {"domain": "192.168.1.103"}
assert len(TRIED) == 3


@pytest.mark.parametrize(("lines", "xml"), TRIED)
def test_each_extension_does_what_stands_beside_it(lines: str, xml: str, tmp_path: Path) -> None:
    check_extensions(lines, xml, tmp_path, DOMAIN)


def test_the_profiles_of_voicemail_are_read(tmp_path: Path) -> None:
    names, xml = block(PAGE, "voicemail")
    profiles = load_voicemail(tree_of("configuration", xml, tmp_path, DOMAIN))
    assert list(profiles) == names
    assert (profiles["default"].longest, profiles["default"].most_messages) == (120, 50)
    assert profiles["hotel"].key("delete-file-key") == "9"


def test_what_is_said_of_mail_is_read(tmp_path: Path) -> None:
    names, xml = block(PAGE, "mail")
    profiles = load_voicemail(tree_of("configuration", xml, tmp_path, DOMAIN))
    assert list(profiles) == names
    mail = profiles["office"].mail
    assert (mail.template_file, mail.notify_template_file) == ("voicemail.tpl", "notify-voicemail.tpl")
    assert mail.date_format == "%A, %d %B %Y, %H:%M"
    assert mail.sender_of({"voicemail_account": "1000", "voicemail_domain": "a.b"}) == "1000@a.b"


def test_the_menus_are_read(tmp_path: Path) -> None:
    names, xml = block(PAGE, "menus")
    menus = load_menus(tree_of("configuration", xml, tmp_path, DOMAIN))
    assert list(menus) == names
    assert len(menus["shop"].entries) == 5


def test_every_parameter_that_is_named_is_known_and_every_key_is_named() -> None:
    part = PAGE.partition("| parameter |")[2].partition("`vm-disk-quota`")[0]
    named = re.findall(r"`([a-z-]+)`", "".join(re.findall(r"^\| ([^|]+) \|", part, re.MULTILINE)))
    assert set(named) <= set(PARAMETERS)
    assert set(KEYS) - {"main-menu-key"} <= set(named)


def test_every_action_is_named() -> None:
    part = PAGE.partition("| action | does |")[2].partition("`digits` are")[0]
    assert set(re.findall(r"`(menu-[a-z-]+)`", part)) == ACTIONS


def test_prompts_that_are_named_are_there() -> None:
    for name in re.findall(r"(?:voicemail|digits|ivr)/[\w-]+\.wav", PAGE):
        assert (PROMPTS / name).is_file(), name


def test_numbers_that_the_page_begins_with_lead_somewhere(tmp_path: Path) -> None:
    from ringthru.switch.state import default_tree

    tree = load_tree(default_tree(), {**DOMAIN, "local_ip_v4": "192.168.1.103"}, {}).tree
    plan = Dialplan.read(tree)
    now = datetime(2026, 11, 25, tzinfo=UTC)
    for number in ("1000", "*97", "*98", "4000", "*8", "**1000", "5900", "6000", "6099", "5000"):
        assert plan.route("default", {"destination_number": number}.get, lambda: now).actions, number


def test_links_lead_to_files() -> None:
    for target in re.findall(r"\]\(([^)#:]+)\)", PAGE):
        assert (DOCS / "guide" / target).exists(), target
