"""The certificate a profile shows: found, or made once; and what is said when it cannot be."""

from __future__ import annotations

import ssl

import pytest

from ringthru.switch.profiles.certificates import (
    NoCertificate,
    find_authorities,
    find_certificate,
    own_certificate,
)


def test_it_can_be_used_at_once_and_is_for_these_names(tmp_path):
    file = own_certificate(tmp_path / "tls", ["pbx.example", "192.0.2.1", "2001:db8::1"])
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(file)
    decoded = ssl._ssl._test_decode_cert(str(file))
    assert set(decoded["subjectAltName"]) == {
        ("DNS", "pbx.example"),
        ("IP Address", "192.0.2.1"),
        ("IP Address", "2001:DB8:0:0:0:0:0:1"),
    }


def test_it_is_private_and_made_once(tmp_path):
    file = own_certificate(tmp_path, ["pbx.example"])
    before = file.read_bytes()
    assert file.stat().st_mode & 0o777 == 0o600
    assert own_certificate(tmp_path, ["other.example"]).read_bytes() == before
    assert list(tmp_path.iterdir()) == [file]


def test_without_the_program_the_error_says_what_to_do(tmp_path, monkeypatch):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NoCertificate, match="put a PEM file there, or install it"):
        own_certificate(tmp_path / "tls", ["pbx.example"])
    assert not (tmp_path / "tls" / "agent.pem").exists()


def test_a_name_that_openssl_refuses(tmp_path):
    with pytest.raises(NoCertificate, match="openssl made none"):
        own_certificate(tmp_path, ["a,b=c"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_cannot_be_written(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NoCertificate, match="could be kept"):
        own_certificate(tmp_path / "file" / "tls", ["pbx.example"])


def test_freeswitchs_names_are_found(tmp_path):
    assert find_certificate(tmp_path) is None
    (tmp_path / "tls.pem").write_text("")
    assert find_certificate(tmp_path).name == "tls.pem"
    (tmp_path / "agent.pem").write_text("")
    assert find_certificate(tmp_path).name == "agent.pem"
    assert find_authorities(tmp_path) is None
    (tmp_path / "cafile.pem").write_text("")
    assert find_authorities(tmp_path).name == "cafile.pem"
