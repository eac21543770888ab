"""The command line: single-dash flags, and errors that a person can act on."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from ringthru.__main__ import main
from ringthru.console.flags import FlagError, Options, help_text, read_flags, words_of_environment


class TestReading:
    def test_nothing_is_the_console_with_nat(self):
        assert read_flags([]) == Options()

    def test_freeswitchs_flags(self):
        words = [
            "-nonat",
            "-nonatmap",
            "-nc",
            "-nf",
            "-conf",
            "/etc/x",
            "-log",
            "/var/log/x",
            "-db",
            "/var/lib/x",
        ]
        assert read_flags(words) == Options(
            nat_enabled=False,
            mapping_enabled=False,
            console=False,
            conf=Path("/etc/x"),
            log=Path("/var/log/x"),
            db=Path("/var/lib/x"),
        )

    def test_long_spellings_and_equal_signs(self):
        assert read_flags(["--nonat", "--conf=/a", "-db=/b"]) == Options(
            nat_enabled=False, conf=Path("/a"), db=Path("/b")
        )

    def test_the_last_of_two_counts(self):
        assert read_flags(["-nc", "-c"]).console
        assert not read_flags(["-c", "-nc", "-nf"]).console
        assert not read_flags(["-nc", "-c", "-nc"]).console

    @pytest.mark.parametrize(
        "word", ["-x", "-nona", "-nonatm", "-cx", "--", "-", "conf", "-nonat=1", "---nc", ""]
    )
    def test_no_flag_is_guessed(self, word):
        with pytest.raises(FlagError) as caught:
            read_flags([word])
        assert str(caught.value) == (
            f"Unknown option '{word}', see 'ringthru -help' for a list of valid options"
        )

    @pytest.mark.parametrize("words", [["-conf"], ["-conf="], ["-nc", "-conf"]])
    def test_a_directory_that_is_missing(self, words):
        with pytest.raises(FlagError, match=r"Option '-conf=?' needs a value: -conf \[confdir\]"):
            read_flags(words)


class TestAsAService:
    @pytest.mark.parametrize(
        ("words", "console", "background", "wait"),
        [
            ([], True, False, False),
            (["-nf"], True, False, False),
            (["-nc"], False, True, False),
            (["-ncwait"], False, True, True),
            (["-nc", "-ncwait"], False, True, True),
            (["-ncwait", "-nc"], False, True, True),
            (["-nc", "-nf"], False, False, False),
            (["-nf", "-ncwait"], False, False, True),
            (["-nc", "-c"], True, False, False),
        ],
    )
    def test_the_background_is_wanted_by_nc_and_ncwait_and_not_by_nf(self, words, console, background, wait):
        options = read_flags(words)
        assert (options.console, options.background, options.wait) == (console, background, wait)

    def test_folders_of_a_freeswitch_installation_are_variables(self):
        options = read_flags(["-scripts", "/s", "-sounds=/o", "-base", "/b"])
        assert dict(options.folders) == {
            "base_dir": Path("/b"), "script_dir": Path("/s"), "sounds_dir": Path("/o")
        }  # fmt: skip

    def test_the_folders(self):
        assert read_flags(["-db", "/d", "-run", "/r"]).run_folder == Path("/r")
        assert read_flags(["-db", "/d"]).run_folder == Path("/d")
        assert read_flags(["-db", "/d"]).log_folder is None
        assert read_flags(["-db", "/d", "-ncwait"]).log_folder == Path("/d/log")
        assert read_flags(["-log", "/l", "-ncwait"]).log_folder == Path("/l")

    def test_the_command_line_of_a_freeswitch_unit_is_understood(self):
        options = read_flags(
            ["-u", "freeswitch", "-g", "daemon", "-ncwait", "-nonat", "-rp", "-nosql", "-reincarnate-reexec"]
        )
        assert (options.user, options.group, options.nat_enabled) == ("freeswitch", "daemon", False)

    @pytest.mark.parametrize(
        ("environment", "words"),
        [
            ({}, []),
            ({"RINGTHRU_OPTS": " "}, []),
            ({"RINGTHRU_OPTS": "-nc -conf '/a b'"}, ["-nc", "-conf", "/a b"]),
            ({"FREESWITCH_OPTS": "-nonat"}, ["-nonat"]),
            ({"FREESWITCH_OPTS": "-nonat", "RINGTHRU_OPTS": "-nc"}, ["-nc"]),
        ],
    )
    def test_flags_of_the_environment(self, environment, words):
        assert words_of_environment(environment) == words

    def test_a_quote_that_is_not_closed_names_the_variable(self):
        with pytest.raises(FlagError, match="RINGTHRU_OPTS cannot be read: No closing quotation"):
            words_of_environment({"RINGTHRU_OPTS": "-conf '/a"})


class TestHelp:
    def test_the_layout_is_freeswitchs(self):
        lines = help_text().splitlines()
        assert lines[0] == "Usage: ringthru [OPTIONS]"
        assert "These are the optional arguments you can pass to ringthru:" in lines
        assert "\t-nonat                 -- disable auto nat detection" in lines
        assert "\t-nonatmap              -- disable auto nat port mapping" in lines


class TestMain:
    def test_an_unknown_flag_is_one_line_on_stderr_and_status_1(self, capsys):
        assert main(["-x"]) == 1
        out, err = capsys.readouterr()
        assert (out, err) == (
            "",
            "Unknown option '-x', see 'ringthru -help' for a list of valid options\n",
        )

    @pytest.mark.parametrize("word", ["-help", "--help", "-h", "-?"])
    def test_help(self, capsys, word):
        assert main([word, "-version"]) == 0
        assert capsys.readouterr().out == help_text()

    @pytest.mark.parametrize("program", ["cli", "doctor", "config", "lab", "media-node"])
    def test_the_switch_s_word_for_help_is_known_beside_it_too(self, capsys, program):
        with contextlib.suppress(SystemExit):
            main([program, "-help"])
        assert capsys.readouterr().out.startswith(f"usage: ringthru {program} ")

    def test_version(self, capsys):
        assert main(["-version"]) == 0
        assert capsys.readouterr().out == "Ringthru version: 0.1.0 (0.1.0)\n"

    def test_interrupted_while_it_is_loaded_it_ends_as_a_shell_expects(self, monkeypatch, capsys):
        def interrupted(name, package):
            raise KeyboardInterrupt

        monkeypatch.setattr("importlib.import_module", interrupted)
        assert main(["nat", "discover"]) == 130
        assert capsys.readouterr() == ("", "")

    def test_a_log_directory_that_cannot_be_made_is_one_line(self, capsys, tmp_path):
        (tmp_path / "file").write_text("")
        assert main(["-nc", "-nf", "-nonat", "-log", str(tmp_path / "file" / "below")]) == 1
        why = f"{tmp_path}/file/below: Not a directory; -log names its folder"
        assert capsys.readouterr().err == f"ringthru: there can be no log file: {why}\n"
