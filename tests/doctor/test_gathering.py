"""What is read of a configuration for the doctor."""

from __future__ import annotations

import pytest

from ringthru.doctor.examining_driver import event_socket_of, port_of_event_socket, shared_secrets
from ringthru.switch.configuration import Directory, load_tree

TREE = """<document type="freeswitch/xml">
<section name="configuration">{}</section>
<section name="directory"><domain name="home.example"><users>
<user id="1000"><params><param name="password" value="one-secret-7"/></params></user>
<user id="1001"><params><param name="password" value="one-secret-7"/></params></user>
<user id="1002"><params><param name="password" value="another-8"/></params></user>
<user id="1003"/><user id="1004"/>
</users></domain></section></document>
"""
SOCKET = '<configuration name="event_socket.conf"><settings>{}</settings></configuration>'


@pytest.fixture
def read(tmp_path):
    def read(**params):
        rows = "".join(
            f'<param name="{name.replace("_", "-")}" value="{text}"/>' for name, text in params.items()
        )
        (tmp_path / "freeswitch.xml").write_text(TREE.format(SOCKET.format(rows) if params else ""))
        return load_tree(tmp_path, {}).tree

    return read


def test_where_the_event_socket_listens(read):
    found = event_socket_of(read(listen_ip="0.0.0.0", listen_port="8022", password="ClueCon"))
    assert found is not None
    assert (found.listen_ip, found.listen_port, found.on_loopback) == ("0.0.0.0", 8022, False)
    (wanted,) = port_of_event_socket(read(listen_ip="", listen_port="", password=""))
    assert (wanted.protocol, wanted.host, wanted.port, wanted.served) == ("tcp", "127.0.0.1", 8021, False)


def test_none_is_none_and_any_free_port_is_nobodys(read):
    assert event_socket_of(read()) is None
    assert not list(port_of_event_socket(read(listen_port="0")))


def test_users_with_one_password_are_found_and_those_without_any_are_not(read):
    assert shared_secrets(Directory.read(read())) == (("1000@home.example", "1001@home.example"),)
