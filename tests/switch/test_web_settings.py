"""web.conf: off without the file, this machine alone unless it says otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.switch.configuration import ConfigurationError, load_tree
from ringthru.switch.configuration.web_settings import WebSettings
from ringthru.switch.state import default_tree


def read(folder: Path, *parameters: tuple[str, str], configured: bool = True) -> WebSettings | None:
    lines = "".join(f'<param name="{name}" value="{value}"/>' for name, value in parameters)
    element = f'<configuration name="web.conf"><settings>{lines}</settings></configuration>'
    section = f'<section name="configuration">{element if configured else ""}</section>'
    (folder / "freeswitch.xml").write_text(f"<document>{section}</document>")
    return WebSettings.read(load_tree(folder, {}).tree)


def test_the_tree_that_we_ship_shows_it_to_this_machine_alone() -> None:
    variables = {"local_ip_v4": "192.168.1.103", "generated_password": "x"}
    settings = WebSettings.read(load_tree(default_tree(), variables).tree)
    assert settings == WebSettings("127.0.0.1", 8022, "", ("loopback.auto",), ())
    assert settings.on_loopback


def test_a_tree_without_the_file_shows_nothing(tmp_path: Path) -> None:
    assert read(tmp_path, configured=False) is None


def test_lists_and_names_may_repeat(tmp_path: Path) -> None:
    settings = read(
        tmp_path,
        ("listen-ip", "auto"),
        ("apply-inbound-acl", "localnet.auto"),
        ("host-name", "PBX.example"),
        ("host-name", "pbx"),
    )
    assert settings == WebSettings("auto", acls=("localnet.auto",), host_names=("pbx.example", "pbx"))
    assert not settings.on_loopback


def test_passwords_that_are_guessed_are_told(tmp_path: Path) -> None:
    assert read(tmp_path, ("password", "ringthru1")).weakness is not None  # type: ignore[union-attr]
    assert read(tmp_path, ("password", "otter-lantern-7")).weakness is None  # type: ignore[union-attr]
    assert WebSettings().weakness is None  # one is made


@pytest.mark.parametrize(("name", "value"), [("listen-port", "70000"), ("listen-ip", "here")])
def test_what_cannot_be_meant_is_an_error(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        read(tmp_path, (name, value))
