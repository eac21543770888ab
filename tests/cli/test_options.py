"""Flags and files of ``ringthru cli``."""

from __future__ import annotations

import pytest

from ringthru.cli import options
from ringthru.cli.options import OptionError, read_options

FILE = """; FreeSWITCH's form
[default]
password => default-secret

[far]
host => pbx.example
port = 8022
log-level => 4
quiet => true
key_f1 => status
key_f2 => nat_map status
unheard_of => 1
"""


@pytest.fixture
def file(tmp_path):
    path = tmp_path / ".fs_cli_conf"
    path.write_text(FILE)
    return path


@pytest.fixture
def read(file, tmp_path):
    return lambda *arguments: read_options(list(arguments), [tmp_path / "none", file], tmp_path)


def test_a_section_of_a_file(read):
    options = read("far", "-x", "status", "-x", "version")
    assert (options.host, options.port, options.loglevel, options.quiet) == ("pbx.example", 8022, "4", True)
    assert options.keys == (("f1", "status"), ("f2", "nat_map status"))
    assert options.execute == ("status", "version")


def test_flags_go_before_it(read):
    options = read("-H", "192.0.2.1", "-P", "9", "-p", "x", "-t", "100", "-R", "-r", "-b", "far")
    assert (options.host, options.port, options.password, options.timeout) == ("192.0.2.1", 9, "x", 100)
    assert (options.reconnect, options.retry, options.batch) == (True, True, True)


def test_the_default_section_without_a_name(read):
    assert read().password == "default-secret"


def test_fs_clis_other_flags(read):
    options = read("-i", "-d", "6", "-U", "-n", "-T", "70", "-u", "1000@x", "-l", "7", "-q")
    assert (options.interrupt, options.debug, options.log_uuid, options.no_color) == (True, 6, True, True)
    assert (options.connect_timeout, options.user, options.loglevel) == (70, "1000@x", "7")


class TestThePassword:
    def test_is_the_one_that_the_switch_here_made(self, tmp_path):
        (tmp_path / "event_socket_password").write_text("made-71\n")
        assert read_options([], [], tmp_path).password == "made-71"
        assert read_options(["--db", str(tmp_path)], []).password == "made-71"

    def test_is_not_sent_to_another_machine(self, tmp_path):
        (tmp_path / "event_socket_password").write_text("made-71\n")
        assert read_options(["-H", "192.0.2.1"], [], tmp_path).password == "ClueCon"

    def test_is_freeswitchs_where_none_was_made(self, tmp_path):
        assert read_options([], [], tmp_path).password == "ClueCon"

    def test_of_the_service_where_this_user_has_no_switch(self, tmp_path, monkeypatch):
        own, service = tmp_path / "own", tmp_path / "service"
        monkeypatch.setattr(options, "state_folder", lambda: own)
        monkeypatch.setattr(options, "OF_THE_SERVICE", service)
        assert read_options([], []).password == "ClueCon"
        for folder in (service, own):
            folder.mkdir()
            (folder / "event_socket_password").write_text(f"made by {folder.name}\n")
            assert read_options([], []).password == f"made by {folder.name}"


class TestWhatIsWrong:
    def test_a_section_that_is_not_there(self, read):
        with pytest.raises(
            OptionError, match=r"no section \[nowhere\] in .*; a command .* ringthru cli -x nowhere"
        ):
            read("nowhere")

    def test_a_number_that_is_none(self, tmp_path):
        path = tmp_path / "conf"
        path.write_text("[default]\nport => soon\n")
        with pytest.raises(OptionError, match="port => soon: a number is needed"):
            read_options([], [path], tmp_path)

    @pytest.mark.parametrize(
        ("words", "what"),
        [
            (["-P", "0"], "port 0: it must be from 1 to 65535"),
            (["-P", "65536"], "port 65536: it must be"),
            (["-d", "8"], "debug level 8: it must be from 0 to 7"),
        ],
    )
    def test_a_number_that_is_too_large(self, read, words, what):
        with pytest.raises(OptionError, match=what):
            read(*words)

    @pytest.mark.parametrize("word", ["-h", "-?", "--help"])
    def test_help_names_every_flag_of_fs_cli(self, read, word, capsys):
        with pytest.raises(SystemExit) as error:
            read(word)
        assert error.value.code == 0
        said = capsys.readouterr().out
        for flag in (
            "-H",
            "-P",
            "-u",
            "-p",
            "-i",
            "-x",
            "-l",
            "-U",
            "-q",
            "-r",
            "-R",
            "-d",
            "-b",
            "-t",
            "-T",
            "-n",
        ):
            assert f"{flag}" in said

    def test_a_flag_that_nobody_knows(self, read, capsys):
        with pytest.raises(SystemExit) as error:
            read("--what")
        assert error.value.code == 2
