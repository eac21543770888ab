"""SSDP answers made to harm: rows SD20, SD21 and SD23; whoever sends them is counted, and told of once."""

from __future__ import annotations

import random
import uuid

import pytest

from ringthru.net.address import Endpoint

GATEWAY, NEIGHBOUR = "192.168.1.1", "192.168.1.66"
FLOOD = 100_000


def answer(location: str, name: str = "uuid:1") -> bytes:
    names = f"ST: upnp:rootdevice\r\nUSN: {name}::upnp:rootdevice"
    return f"HTTP/1.1 200 OK\r\n{names}\r\nLOCATION: {location}\r\n\r\n".encode()


class TestPlacesThatMustNotBeAsked:
    """SD21: a LOCATION is confined to the host that answered, and to ports of web servers."""

    @pytest.mark.parametrize(
        "location",
        [
            "http://127.0.0.1:22/",
            "http://192.168.1.66:22/",
            "http://192.168.1.66:25/",
            "http://192.168.1.66:443/",
            "http://192.168.1.66:0/",
            "http://192.168.1.66:65536/",
            "https://192.168.1.66/d.xml",
            "file:///etc/passwd",
            "gopher://192.168.1.66:5000/",
            "http://[::1",
            "http://192.168.1.66:5000/ HTTP/1.1",
            "http://192.168.1.66:5000/" + "x" * 2000,
        ],
        ids=lambda text: text[:30],
    )
    def test_refused_counted_and_told_once(self, attacked, location):
        for _ in range(3):
            attacked.hear(answer(location), NEIGHBOUR)
        assert attacked.asked() == []
        assert attacked.counters["refused search answers"] == 3
        assert attacked.said("SSDP from 192.168.1.66") == 1

    @pytest.mark.parametrize(
        "host",
        [
            "127.0.0.1",
            "169.254.169.254",
            "[::ffff:127.0.0.1]",
            "[::1]",
            "[fe80::1%25lo]",
            "192.168.1.77",
            "8.8.8.8",
            "localhost",
            "gateway.example",
            "0.0.0.0",
            "2130706433",
            "user:secret@127.0.0.1",
        ],
    )
    def test_whatever_host_it_names_only_the_one_who_answered_is_asked(self, attacked, host):
        attacked.hear(answer(f"http://{host}:5000/d.xml"), NEIGHBOUR)
        assert attacked.asked() == [Endpoint(NEIGHBOUR, 5000)]

    def test_SD23_who_is_not_of_our_network_is_not_even_read(self, attacked):
        for host in ("10.0.0.1", "8.8.8.8", "127.0.0.1", "fe80::1"):
            attacked.hear(answer("http://192.168.1.1:5000/d.xml"), host)
        assert attacked.asked() == []
        assert attacked.counters["search answers of strangers"] == 4
        assert attacked.said("which is not of our network") == 1


class TestControlUrls:
    """The description is a stranger's too: its control and event URLs are confined like LOCATION."""

    @pytest.mark.parametrize(
        "control",
        ["http://127.0.0.1:80/x", "http://169.254.169.254/x", "//10.0.0.1/x", "http://evil.example:5000/x"],
    )
    def test_the_host_of_the_description_is_asked_whatever_the_control_URL_says(
        self, attacked, words, control
    ):
        attacked.hear(answer(f"http://{GATEWAY}:5000/d.xml"))
        (request,) = attacked.engine.http_to_send()
        body = words.description(words.service(control=control, more=f"<eventSubURL>{control}</eventSubURL>"))
        attacked.engine.receive_http(request.number, words.page(body), attacked.now)
        assert {endpoint.host for endpoint in attacked.asked()} == {GATEWAY}

    @pytest.mark.parametrize("control", ["https://192.168.1.1/x", "http://192.168.1.1:22/x", "file:///x", ""])
    def test_a_control_URL_that_cannot_be_makes_the_description_useless(self, attacked, words, control):
        attacked.hear(answer(f"http://{GATEWAY}:5000/d.xml"))
        (request,) = attacked.engine.http_to_send()
        body = words.description(words.service(control=control))
        attacked.engine.receive_http(request.number, words.page(body), attacked.now)
        assert attacked.asked() == []
        assert attacked.counters["useless descriptions"] == 1


class TestFloods:
    """SD20: of any number of answers fifty are looked at, ten of one host, and one at a time."""

    def test_made_up_devices_of_one_host(self, attacked, flood):
        names = random.Random(1)

        def send(number: int) -> None:
            name = uuid.UUID(int=names.getrandbits(128))
            attacked.hear(answer(f"http://{NEIGHBOUR}:5000/{number}.xml", f"uuid:{name}"), NEIGHBOUR)

        flood(send, 96)
        assert len(attacked.asked()) == 1
        assert attacked.counters["search answers beyond those looked at"] >= FLOOD - 50
        assert attacked.said("beyond those looked at") == 1

    def test_made_up_hosts(self, attacked, flood):
        def send(number: int) -> None:
            host = f"192.168.1.{2 + number % 250}"
            attacked.hear(answer(f"http://{host}:5000/{number}.xml"), host)

        flood(send, 96)
        assert len(attacked.asked()) == 1
        assert len(attacked.logs) < 50

    def test_strangers(self, attacked, flood):
        def send(number: int) -> None:
            host = f"10.{number % 250}.{number // 250 % 250}.1"
            attacked.hear(answer("http://192.168.1.1:5000/"), host)

        flood(send, 320)  # 190 of it are the cache of 1,024 addresses, which is full by then
        assert attacked.counters["search answers of strangers"] == FLOOD
        assert len(attacked.logs) < 50

    def test_noise(self, attacked, flood):
        chance = random.Random(1)
        noise = [chance.randbytes(chance.randrange(200)) for _ in range(500)]
        flood(lambda number: attacked.hear(noise[number % len(noise)]), 64)
        assert attacked.counters["refused search answers"] == FLOOD
        assert attacked.said("SSDP from") == 1

    def test_SD20_what_proved_useless_does_not_hide_the_gateway_for_ever(self, world_of, is_mapped):
        """Fifty names of its own host before its own, again and again, and each look takes 5 s (HT02)."""
        world = world_of("SD04", "SD20", "HT02")
        assert world.run_until(lambda: is_mapped(world), 900)
        assert world.verdicts() == []

    def test_the_gateway_is_found_in_the_middle_of_a_flood(self, attacked, words):
        for number in range(5_000):
            host = f"192.168.1.{2 + number % 250}"
            attacked.hear(answer(f"http://{host}:5000/{number}.xml"), host)
        attacked.hear(answer(f"http://{GATEWAY}:5000/rootDesc.xml"))
        asked: list[str] = []
        for _ in range(60):  # each is looked at, and tells nothing
            for request in attacked.engine.http_to_send():
                asked.append(request.ask.endpoint.host)
                attacked.engine.receive_http(request.number, words.page(b"<a/>"), attacked.now)
        assert GATEWAY in asked[:3]
        assert len(asked) <= 51
