"""event_socket.conf, as FreeSWITCH's trees have it and as ours does."""

from __future__ import annotations

from pathlib import Path

import pytest

from ringthru.switch.configuration import ConfigurationError, load_tree
from ringthru.switch.configuration.event_socket_settings import EventSocketSettings
from ringthru.switch.state import default_tree


def read(folder: Path, *parameters: tuple[str, str], configured: bool = True) -> EventSocketSettings | None:
    lines = "".join(f'<param name="{name}" value="{value}"/>' for name, value in parameters)
    element = f'<configuration name="event_socket.conf"><settings>{lines}</settings></configuration>'
    section = f'<section name="configuration">{element if configured else ""}</section>'
    (folder / "freeswitch.xml").write_text(f"<document>{section}</document>")
    return EventSocketSettings.read(load_tree(folder, {}).tree)


def test_the_tree_that_we_ship_serves_this_machine_alone_with_a_password_of_its_making():
    variables = {"local_ip_v4": "192.168.1.103", "generated_password": "x"}
    settings = EventSocketSettings.read(load_tree(default_tree(), variables).tree)
    assert settings == EventSocketSettings("127.0.0.1", 8021, "", ("loopback.auto",), False)


def test_a_tree_without_the_file_serves_nobody(tmp_path):
    assert read(tmp_path, configured=False) is None


def test_what_freeswitchs_own_tree_says(tmp_path, caplog):
    settings = read(
        tmp_path,
        ("nat-map", "false"),
        ("listen-ip", "::"),
        ("listen-port", "8021"),
        ("password", "ClueCon"),
    )
    assert settings == EventSocketSettings("::", 8021, "ClueCon")
    assert not settings.on_loopback
    assert caplog.text == ""


def test_every_list_counts_and_loopback_is_in_force_where_there_is_none(tmp_path):
    both = read(tmp_path, ("apply-inbound-acl", "lan"), ("APPLY-INBOUND-ACL", "10.0.0.0/8"))
    assert both.acls == ("lan", "10.0.0.0/8")
    assert read(tmp_path, ("listen-ip", "")).acls == ("loopback.auto",)
    assert read(tmp_path, ("listen-ip", "")).listen_ip == "127.0.0.1"


def test_the_port_is_never_mapped_and_that_is_said(tmp_path, caplog):
    read(tmp_path, ("nat-map", "true"))
    assert "nat-map is ignored: this port is never opened on a gateway" in caplog.text


def test_an_unknown_parameter_is_ignored_and_a_bad_value_named(tmp_path, caplog):
    caplog.set_level("INFO")
    assert read(tmp_path, ("dance", "true")) == EventSocketSettings()
    assert "'dance' is not supported in this version: ignored" in caplog.text
    with pytest.raises(ConfigurationError, match="listen-port is '99999', but must be"):
        read(tmp_path, ("listen-port", "99999"))
