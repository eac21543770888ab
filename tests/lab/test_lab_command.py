"""``ringthru lab gateway``: run alone, in a process of its own, as other programs would meet it."""

import json
import signal
import socket
import subprocess
import sys

import pytest

from ringthru.lab.gateway.devices import DEVICES
from ringthru.lab.gateway.quirks import ROWS
from ringthru.lab.gateway.request_words import datagram_words, http_words
from ringthru.lab.lab_command import main

PROGRAM = "import sys; from ringthru.lab.lab_command import main; sys.exit(main(sys.argv[1:]))"
MAP_UDP_5060 = bytes.fromhex("00" + "01" + "0000" + "13c4" + "13c4" + "00000e10")


@pytest.fixture
def play():
    """Start the command; gives the process and a reader of its JSON lines."""
    started = []

    def start(*arguments):
        process = subprocess.Popen(
            [sys.executable, "-c", PROGRAM, "gateway", "--json", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        started.append(process)
        return process, lambda: json.loads(process.stdout.readline())

    yield start
    for process in started:
        process.kill()
        process.communicate()


def ask(request, to):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(30)
        client.connect((to, 5351))
        client.send(request)
        return client.recv(1100)


def test_it_maps_for_whoever_asks_on_loopback_and_tells_of_it(play):
    process, read = play("--address", "127.77.5.1", "--external", "127.200.5.1")
    playing = read()
    assert (playing["address"], playing["external"]) == ("127.77.5.1", "127.200.5.1")
    assert (playing["protocols"], playing["rows"]) == (["natpmp", "pcp", "upnp"], [])
    assert playing["description_url"].startswith("http://127.77.5.1:")
    answer = ask(MAP_UDP_5060, "127.77.5.1")
    assert answer[:4] == bytes.fromhex("00" + "81" + "0000")
    told = read()
    assert told["asked"] == "NAT-PMP MAP udp 5060, suggests 5060 for 3600 s"
    assert told["answered"] == "success: port 5060 for 3600 s"
    (mapping,) = read()["mappings"]
    assert (mapping["protocol"], mapping["external_port"], mapping["internal_port"]) == ("udp", 5060, 5060)
    process.send_signal(signal.SIGINT)
    assert process.wait(60) == 0


def test_a_device_is_played_with_its_rows(play):
    _, read = play(
        "--device", "protonvpn", "--rows", "NP03", "--address", "127.77.6.1", "--external", "127.200.6.1"
    )
    playing = read()
    assert playing["rows"] == ["NP03", "NP05", "NP06", "NP07"]
    assert playing["protocols"] == ["natpmp"]
    answer = ask(MAP_UDP_5060, "127.77.6.1")
    assert int.from_bytes(answer[12:16]) == 60


def test_quirks_given_one_by_one_combine_and_a_second_gateway_answers_beside(play):
    _, read = play(
        *("--quirk", "TO01", "--quirk", "to09,AD01"),
        *("--address", "127.77.10.1", "--external", "127.200.10.1"),
    )
    playing = read()
    assert playing["rows"] == ["AD01", "TO01", "TO09"]
    (other,) = playing["others"]
    assert (other["row"], other["address"], other["external"]) == ("TO01", "127.77.10.2", "127.200.10.2")
    assert ask(bytes(2), other["address"])[8:] == bytes((127, 200, 10, 2))
    assert read()["asked"] == "NAT-PMP external address at 127.77.10.2 (TO01)"


def test_the_clock_may_run_faster(play):
    _, read = play("--clock-speed", "100000", "--address", "127.77.7.1", "--external", "127.200.7.1")
    read()
    while epoch_of(ask(bytes(2), "127.77.7.1")) < 86400:  # a day, in about a second
        read()  # what nobody reads would fill the pipe


def epoch_of(answer):
    return int.from_bytes(answer[4:8])


def test_a_taken_address_is_said_and_ends_with_1(play):
    _, read = play("--address", "127.77.8.1", "--external", "127.200.8.1")
    read()
    second, _ = play("--address", "127.77.8.1", "--external", "127.200.9.1")
    assert second.wait(60) == 1
    assert "127.77.8.1" in second.stderr.read()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--address", "192.168.1.1"], "127.0.0.0/8"),
        (["--address", "127.200.0.9"], "127.0.0.1 to 127.127.255.254"),
        (["--external", "127.1.0.9"], "127.128.0.1 to 127.255.255.254"),
        (["--external", "8.8.8.8"], "127.0.0.0/8"),
        (["--rows", "AD99"], "the nearest is AD"),
        (["--device", "fritzbox"], "the nearest is fritzbox-7490"),
        (["--rows", "AD01,AD02"], "exclude each other"),
        (["--quirk", "TO03", "--quirk", "SD06"], "exclude each other"),
        (["--clock-speed", "0"], "more than 0"),
        (["--clock-speed", "fast"], "--clock-speed"),
        (["--what"], "--what"),
    ],
)
def test_a_wrong_argument_is_said_and_ends_with_2(arguments, words, capsys):
    assert main(["gateway", *arguments]) == 2
    assert words in capsys.readouterr().err


def test_list_shows_every_device_and_every_row(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    assert main(["gateway", "--list"]) == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*DEVICES, *ROWS))


def test_list_as_json(capsys):
    assert main(["gateway", "--list", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in told["devices"]] == list(DEVICES)
    assert [each["id"] for each in told["rows"]] == list(ROWS)


def test_help_documents_the_exit_codes(capsys):
    assert main(["gateway", "--help"]) == 0
    assert "exit codes:" in capsys.readouterr().out


class TestWords:
    @pytest.mark.parametrize(
        ("request_hex", "words"),
        [
            ("0000", "NAT-PMP external address"),
            ("00020000" + "13c40000" + "00000000", "NAT-PMP MAP tcp 5060, delete"),
            ("0009", "NAT-PMP opcode 9, 2 bytes"),
            ("0200" + "00" * 22, "PCP ANNOUNCE"),
            ("0201" + "00" * 10, "PCP, malformed_request"),
            ("0201" + "0000" + "00000e10" + "00" * 28 + "11000000" + "13c413c4" + "00" * 16,
             "PCP MAP udp 5060, suggests 5060 for 3600 s"),
            ("09", "version 9, 1 bytes"),
            ("", "version ?, 0 bytes"),
        ],
    )  # fmt: skip
    def test_of_a_datagram(self, request_hex, words):
        assert datagram_words(bytes.fromhex(request_hex), []) == (words, "no answer")

    def test_of_a_search(self):
        search = b"M-SEARCH * HTTP/1.1\r\nHOST: x\r\nST: ssdp:all\r\n\r\n"
        assert datagram_words(search, [b"a", b"b"]) == ("SSDP search for ssdp:all", "2 answers")

    def test_of_http(self):
        head = b'POST /ctl HTTP/1.1\r\nSOAPAction: "urn:x#AddPortMapping"\r\n\r\n'
        request = head + b"<NewExternalPort>5060</NewExternalPort>"
        answer = b"HTTP/1.1 500 Internal Server Error\r\n\r\n<errorCode>718</errorCode>"
        asked, answered = http_words(request, answer)
        assert asked == "AddPortMapping 5060"
        assert answered == "500 Internal Server Error, UPnP error 718"
