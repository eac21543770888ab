"""The web page of a switch at home: who is let in, what is seen and done, and what it costs nobody."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from enum import Enum
from types import SimpleNamespace
from typing import Any

import pytest

from ringthru.console.logs import Logs
from ringthru.net.address import AddressRules
from ringthru.portmap import Protocol
from ringthru.switch.configuration.web_settings import WebSettings
from ringthru.switch.state import default_tree
from ringthru.web import looking_driver, server_driver
from ringthru.web.http import LONGEST_BODY, LONGEST_HEAD
from ringthru.web.looking_driver import MOST_WATCHERS
from ringthru.web.page_driver import MOST_OF_ONE, WebPage
from ringthru.web.sessions import WRONG_IN_A_ROW

from .home import PASSWORD, Home
from .phones import hears_itself
from .waiting import eventually
from .web_client import SECRET, Client

HOSTILE = "<img src=x onerror=alert(1)>"


@pytest.fixture
async def shown(home: Home, logs: Logs) -> AsyncIterator[Callable[..., Any]]:
    """A page of this home: ``await shown(**settings)``."""
    async with AsyncExitStack() as stack:

        async def make(rules: AddressRules | None = None, examine: Any = None, **settings: Any) -> WebPage:
            usual = {
                "listen_ip": home.address,
                "listen_port": 0,
                "acls": ("127.0.0.0/8",),
                "password": SECRET,
            }
            chosen = WebSettings(**{**usual, **settings})
            more = {name: value for name, value in (("rules", rules), ("examine", examine)) if value}
            page = WebPage(home.switch, chosen, logs.recent.lines, **more)
            await page.start()
            stack.push_async_callback(page.stop)
            return page

        yield make


@pytest.fixture
async def page(shown: Any) -> WebPage:
    made: WebPage = await shown()
    return made


@pytest.fixture
async def stranger(page: WebPage) -> Client:
    assert page.endpoint is not None
    return Client(page.endpoint)


@pytest.fixture
async def client(stranger: Client) -> Client:
    assert (await stranger.log_in()).status == 303
    return stranger


class TestTheDoor:
    async def test_without_the_password_there_is_a_form_and_nothing_else(self, stranger: Client) -> None:
        assert (await stranger.get("/")).headers["location"] == "/login"
        assert 'type="password"' in (await stranger.get("/login")).body
        for path in ("/api/snapshot", "/events"):
            answer = await stranger.get(path)
            assert (answer.status, answer.body) == (401, "Log in first.\n")
        assert "www-authenticate" in (await stranger.get("/api/snapshot")).headers
        assert (
            "www-authenticate" not in (await stranger.get("/events")).headers
        )  # a browser would ask by itself
        for path in ("/hangup", "/republish", "/rescan", "/reveal", "/logout"):
            assert (await stranger.post(path, {})).headers["location"] == "/login"

    async def test_the_right_password_opens_it_and_logging_out_closes_it(self, client: Client) -> None:
        assert "<h1>" in (await client.get("/")).body
        assert (await client.get("/login")).status == 303
        await client.post("/logout", {"token": await client.token()})
        assert (await client.get("/")).headers["location"] == "/login"

    async def test_the_cookie_is_for_no_script_and_no_other_site(self, stranger: Client) -> None:
        cookie = (await stranger.log_in()).headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie

    async def test_a_wrong_password_is_told_logged_and_soon_not_heard_any_more(
        self, stranger: Client, caplog: pytest.LogCaptureFixture
    ) -> None:
        for _ in range(WRONG_IN_A_ROW):
            answer = await stranger.log_in("guess")
            assert answer.status == 403
        assert "Web page: a wrong password from 127." in caplog.text
        assert (await stranger.log_in(SECRET)).status == 429  # it is right, and not even looked at
        assert (await stranger.get("/api/snapshot")).status == 429

    async def test_a_guesser_from_elsewhere_is_banned_as_everywhere(self, home: Home, shown: Any) -> None:
        page = await shown()
        for _ in range(home.switch.guard.settings.failures):
            page._judged("198.51.100.7", False)
        (ban,) = home.switch.guard.bans(asyncio.get_running_loop().time())
        assert (ban.source, ban.reason) == ("198.51.100.7", "it guesses the password of the web page")

    async def test_a_program_shows_the_password_with_each_request(self, stranger: Client) -> None:
        basic = "Basic " + base64.b64encode(f"anybody:{SECRET}".encode()).decode()
        answer = await stranger.get("/api/snapshot", authorization=basic)
        whole = json.loads(answer.body)
        assert whole["switch"]["profiles"][0]["name"] == "external"
        assert (await stranger.post("/republish", {}, authorization=basic)).status == 403  # without the token
        done = await stranger.post("/republish", {"token": whole["token"]}, authorization=basic)
        assert json.loads(done.body)["done"] is True
        wrong = "Basic " + base64.b64encode(b"anybody:guess").decode()
        assert (await stranger.get("/api/snapshot", authorization=wrong)).status == 401
        assert (await stranger.get("/api/snapshot", authorization="Basic %%%")).status == 401

    async def test_a_web_site_whose_name_leads_here_sees_nothing(self, client: Client, shown: Any) -> None:
        assert (await client.get("/", host="evil.example:8022")).status == 421
        assert (await client.log_in("x")).status != 421
        named = await shown(host_names=("pbx.example",))
        other = Client(named.endpoint, headers={"host": "PBX.example:8022"})
        assert (await other.log_in()).status == 303

    async def test_a_post_of_another_site_or_without_the_token_does_nothing(self, client: Client) -> None:
        token = await client.token()
        assert (await client.post("/republish", {"token": token}, origin="http://evil.example")).status == 403
        assert (await client.post("/republish", {"token": "x" * 32})).status == 403
        assert (await client.post("/republish", {})).status == 403
        assert (await client.post("/login", {"password": SECRET}, origin="null")).status == 403
        assert (await client.get("/republish")).status == 404  # a deed is never a GET
        good = await client.post("/republish", {"token": token}, origin=f"http://{client.endpoint}")
        assert good.headers["location"] == "/"

    async def test_every_answer_forbids_what_comes_from_elsewhere(self, client: Client) -> None:
        for path in ("/", "/login", "/static/page.js", "/static/page.css", "/api/snapshot", "/nothing"):
            headers = (await client.get(path)).headers
            assert "default-src 'none'" in headers["content-security-policy"]
            assert "unsafe" not in headers["content-security-policy"]
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["cache-control"] == "no-store"
        page = (await client.get("/")).body
        assert "style=" not in page
        assert "<script>" not in page
        assert not any(f" on{event}=" in page for event in ("click", "error", "load"))

    async def test_files_beside_the_page_are_these_three_and_no_others(self, client: Client) -> None:
        for path in ("/static/../page.py", "/static/", "/static/%2e%2e/page.py", "/../web_password"):
            assert (await client.get(path)).status == 404


class TestWhereItListens:
    async def test_the_tree_that_we_ship_shows_it_to_this_machine_alone(self, home: Home) -> None:
        assert WebSettings.read(home.switch.tree) == WebSettings("127.0.0.1", 8022, "", ("loopback.auto",))
        assert (default_tree() / "autoload_configs" / "web.conf.xml").exists()

    async def test_a_password_is_made_at_the_first_start_for_its_owner_alone(
        self, home: Home, shown: Any
    ) -> None:
        page = await shown(password="")
        file = home.folder / "db" / "web_password"
        assert file.stat().st_mode & 0o077 == 0
        assert (await Client(page.endpoint).log_in(file.read_text().strip())).status == 303
        again = await shown(password="")
        assert (await Client(again.endpoint).log_in(file.read_text().strip())).status == 303

    async def test_who_is_not_in_the_list_is_not_answered(self, shown: Any) -> None:
        page = await shown(acls=("192.0.2.0/24",))
        assert (await Client(page.endpoint).get("/login")).status == 0

    async def test_never_at_an_address_of_the_internet(
        self, home: Home, shown: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        outside = AddressRules(also_public=(home.place.inside,))
        page = await shown(rules=outside)
        assert page.endpoint.host == "127.0.0.1"
        assert "is an address of the Internet: the page is shown on 127.0.0.1 alone" in caplog.text

    async def test_never_for_others_with_a_password_they_would_guess(
        self, shown: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(WebSettings, "on_loopback", property(lambda self: False))
        page = await shown(password="ringthru")
        assert page.endpoint.host == "127.0.0.1"
        assert "the password is on every list of common passwords" in caplog.text

    async def test_not_for_others_while_the_gateway_leads_to_it(
        self, home: Home, shown: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        page = await shown()
        client = Client(page.endpoint)
        monkeypatch.setattr("ringthru.web.page_driver.is_loopback", lambda host: False)
        monkeypatch.setattr("ringthru.web.access.is_loopback", lambda host: False)
        assert (await client.get("/login")).status == 200
        assert await home.switch.nat_add(page.endpoint.port, Protocol.TCP, False)
        assert (await client.get("/login")).status == 0
        assert "is mapped on the gateway: only this machine sees the page" in caplog.text

    async def test_a_port_that_is_taken_is_said(
        self, home: Home, page: WebPage, shown: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        assert page.endpoint is not None
        second = await shown(listen_port=page.endpoint.port)
        assert second.endpoint is None
        assert "No web page: " in caplog.text


class TestWhatIsSeen:
    async def test_the_whole_page_stands_without_a_script(self, client: Client, home: Home) -> None:
        await home.registered_phone()
        page = (await client.get("/")).body
        assert "Calls work at home, and come in from the Internet." in page
        assert home.outside_address in page
        for port in ("5060/udp", "5060/tcp", "5080/udp", "5080/tcp"):
            assert port in page
        assert "1000@" in page
        assert PASSWORD not in page

    async def test_a_call_comes_goes_and_is_judged_while_somebody_looks(
        self, client: Client, home: Home
    ) -> None:
        stream = await client.listen()
        await stream.until("calls", "No call is in progress")
        call = home.far_phone("alice").invite("9196", home.reached_at("external"))
        await call.answered()
        await hears_itself(call, 60)
        card = await stream.until("calls", "alice → 9196")
        assert "MOS" in await stream.until("calls", "MOS")
        assert card.count("hears nothing") == 0
        await stream.until("mappings", "reachable")
        call.hang_up()
        await stream.until("calls", "No call is in progress")
        assert "ended by the caller" in await stream.until("recent", "heard both ways")
        stream.close()

    async def test_whoever_calls_himself_markup_stays_text(self, client: Client, home: Home) -> None:
        call = home.far_phone("mallory").invite("9196", home.reached_at("external"))
        await call.answered()
        (channel,) = home.switch.calls.channels.values()
        channel.caller = type(channel.caller)(HOSTILE, "mallory")
        logging.getLogger("ringthru.test").warning("said by %s", HOSTILE)
        stream = await client.listen()
        card = await stream.until("calls", "&lt;img src=x")
        assert "<img" not in card
        assert "<img" not in await stream.until("log", "&lt;img")
        assert "<img src=x" not in (await client.get("/")).body
        assert HOSTILE in json.loads((await client.get("/api/snapshot")).body)["log"][0]["text"]
        stream.close()

    async def test_the_data_is_json_and_holds_no_password(self, client: Client, home: Home) -> None:
        await home.registered_phone()
        call = home.far_phone("alice").invite("9196", home.reached_at("external"))
        await call.answered()
        answer = await client.get("/api/snapshot")
        whole = json.loads(answer.body)
        assert answer.headers["content-type"] == "application/json"
        (channel,) = whole["switch"]["channels"]
        assert channel["destination"] == "9196"
        assert set(channel["quality"]) == {"incoming", "outgoing"}
        assert whole["switch"]["mapper"]["type"] == "pmp"
        assert whole["switch"]["registrations"][0]["state"] == "UDP"
        assert PASSWORD not in answer.body
        assert SECRET not in answer.body

    async def test_findings_of_an_examination_have_their_place(self, shown: Any) -> None:
        class Status(Enum):
            OK = "ok"
            FAIL = "fail"

        good = SimpleNamespace(id="gw.found", status=Status.OK, evidence="seen", meaning="", cure="")
        bad = SimpleNamespace(id="gw.odd", status=Status.FAIL, evidence=HOSTILE, meaning="so", cure="do this")
        examined = []

        async def examine() -> tuple[Any, ...]:
            examined.append(True)
            return good, bad

        page = await shown(examine=examine)
        client = Client(page.endpoint)
        await client.log_in()
        assert not examined  # nobody looks yet
        stream = await client.listen()
        html = await stream.until("findings", "do this")
        assert html.index("gw.odd") < html.index("1 check more with nothing to do") < html.index("gw.found")
        assert "<img src=x" not in html
        data = json.loads((await client.get("/api/snapshot")).body)
        assert {each["id"]: each["status"] for each in data["findings"]} == {
            "gw.found": "ok",
            "gw.odd": "fail",
        }
        assert examined == [True]  # not with each look
        stream.close()

    async def test_an_examination_that_fails_is_a_line_in_the_log(
        self, shown: Any, caplog: pytest.LogCaptureFixture
    ) -> None:
        async def examine() -> tuple[Any, ...]:
            raise RuntimeError("odd")

        client = Client((await shown(examine=examine)).endpoint)
        await client.log_in()
        assert "Calls work at home" in (await client.get("/")).body
        await eventually(lambda: "An examination failed" in caplog.text, "it is not told")
        assert (await client.get("/")).status == 200


class TestWhatIsDone:
    async def test_a_call_is_hung_up(self, client: Client, home: Home) -> None:
        call = home.far_phone("alice").invite("9196", home.reached_at("external"))
        await call.answered()
        (uuid,) = home.switch.calls.channels
        form = {"token": await client.token(), "uuid": uuid}
        answer = await client.post("/hangup", form, accept="application/json")
        assert json.loads(answer.body) == {"done": True, "words": "The call is hung up."}
        await home.quiet()
        answer = await client.post("/hangup", form, accept="application/json")
        assert json.loads(answer.body)["done"] is False

    async def test_the_router_is_asked_again(
        self, client: Client, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert home.switch.mapper is not None
        asked, republish = [], home.switch.mapper.republish

        async def noted() -> None:
            asked.append(True)
            await republish()

        monkeypatch.setattr(home.switch.mapper, "republish", noted)
        await client.post("/republish", {"token": await client.token()})
        assert asked == [True]
        await home.mapped()

    async def test_a_profile_is_rescanned_by_its_name_alone(self, client: Client) -> None:
        token = await client.token()
        for name, done in (("external", True), ("<b>", False), ("", False)):
            answer = await client.post(
                "/rescan", {"token": token, "profile": name}, accept="application/json"
            )
            assert json.loads(answer.body)["done"] is done

    async def test_a_password_is_shown_to_who_asks_for_it(self, client: Client) -> None:
        form = {"token": await client.token(), "user": "1000"}
        answer = await client.post("/reveal", form, accept="application/json")
        assert json.loads(answer.body) == {"done": True, "words": PASSWORD}
        assert PASSWORD in (await client.post("/reveal", form)).body  # a page of its own, without scripts
        nobody = await client.post("/reveal", {**form, "user": "nobody"}, accept="application/json")
        assert json.loads(nobody.body)["done"] is False


class TestWhatItCosts:
    async def test_nothing_is_looked_at_for_nobody(self, client: Client, page: WebPage) -> None:
        assert page.looking.looks == 0
        stream = await client.listen()
        await stream.next()
        rounds = page.looking._rounds
        assert rounds is not None
        stream.close()
        await eventually(lambda: page.looking.watchers == 0 and page.server.open == 0, "somebody is left")
        await eventually(rounds.done, "the rounds go on")

    async def test_only_what_changed_is_sent(
        self, client: Client, page: WebPage, home: Home, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(looking_driver, "EVERY", 0.01)
        stream = await client.listen()
        first = await stream.next()
        assert len(first["sections"]) == 12
        looks = page.looking.looks
        await eventually(lambda: page.looking.looks > looks + 20, "nobody looks")  # and all is as it was
        assert stream.events < 10  # but for a moment that is rounded to another second now and then
        await home.registered_phone()
        stream.sections.clear()
        await stream.until("phones", "1000@")
        assert "log" not in stream.sections
        assert "setup" not in stream.sections
        stream.close()

    async def test_a_slow_reader_gets_the_latest_and_is_cut_off_in_the_end(
        self, client: Client, page: WebPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        big = iter(range(10**9))
        page.looking._render = lambda: {"calls": f"{next(big)}" + "x" * 200_000}
        monkeypatch.setattr(looking_driver, "EVERY", 0.005)
        monkeypatch.setattr(server_driver, "SLOWEST", 0.5)
        sock = socket.socket()
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(sock, client.endpoint)
        await loop.sock_sendall(sock, client._request("GET", "/events", "", {}))
        await eventually(lambda: page.looking.watchers == 1, "it does not listen")
        await eventually(lambda: page.looking.watchers == 0, "it is not cut off")
        sock.close()
        await eventually(lambda: page.server.open == 0, "its connection is left")

    async def test_a_stream_ends_with_its_session(self, client: Client, page: WebPage) -> None:
        stream = await client.listen()
        await stream.next()
        await client.post("/logout", {"token": await client.token()})
        page.looking._render = lambda: {"calls": "something new"}
        await stream.ended()

    async def test_more_than_so_many_lookers_are_told(self, client: Client) -> None:
        streams = [await client.listen() for _ in range(MOST_WATCHERS)]
        assert (await client.get("/events")).status == 503
        for stream in streams:
            stream.close()

    async def test_of_one_address_only_so_many_connections(self, stranger: Client, page: WebPage) -> None:
        idle = [await asyncio.open_connection(*stranger.endpoint) for _ in range(MOST_OF_ONE)]
        await eventually(lambda: page.server.open == MOST_OF_ONE, "they are not counted")
        assert (await stranger.get("/login")).status == 0
        for _, writer in idle:
            writer.close()
        await eventually(lambda: page.server.open == 0, "a connection is left")
        assert (await stranger.get("/login")).status == 200

    async def test_requests_without_end_are_cut_off(self, stranger: Client) -> None:
        assert (await stranger.get("/" + "x" * (LONGEST_HEAD * 2))).status == 0
        assert (await stranger.ask("POST", "/login", "x" * (LONGEST_BODY + 1))).status == 413

    async def test_who_is_slow_is_let_go(
        self, stranger: Client, page: WebPage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(server_driver, "PATIENCE", 0.05)
        reader, writer = await asyncio.open_connection(*stranger.endpoint)
        writer.write(b"POST /login HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20\r\n\r\nhalf")
        assert await asyncio.wait_for(reader.read(), 30) == b""
        writer.close()

    async def test_a_stop_leaves_nothing_behind(self, client: Client, page: WebPage) -> None:
        stream = await client.listen()
        await stream.next()
        await page.stop()
        await stream.ended()
        assert page.looking.watchers == 0
        assert page.endpoint is None
