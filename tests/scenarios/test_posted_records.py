"""Records that are posted to web servers (``url`` of json_cdr), and what becomes of those that none takes."""

from __future__ import annotations

import base64
import json
import re
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from ringthru.net.values import replace
from ringthru.switch.profiles.certificates import own_certificate

from .home import PUBLIC, RING_1000, Home
from .waiting import eventually

JSON = "autoload_configs/json_cdr.conf.xml"


class Server(ThreadingHTTPServer):
    """Takes records; ``answers`` are given in turn, the last one for ever."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers = [(200, {})]
        self.heard: list[tuple[str, dict[str, str], bytes]] = []
        self.hangs = threading.Event()
        self.hangs.set()  # unless somebody clears it
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/cdr"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        answers = self.server.answers
        status, headers = answers.pop(0) if len(answers) > 1 else answers[0]
        self.server.heard.append((self.path, {k.lower(): v for k, v in self.headers.items()}, body))
        self.server.hangs.wait(10)
        self.send_response(status)
        for name, value in {"Content-Length": "0", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.server.heard.append((self.path, {}, b"GET"))
        self.send_error(405)

    def log_message(self, *_: object) -> None:
        """Nothing: the tests read what was heard."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = Server()
    yield server
    server.hangs.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
async def posting(found: Callable[..., Any], tmp_path: Path) -> Callable[..., Any]:
    """A started home whose records go to these urls, with these parameters; its tries are 10 ms apart."""

    async def make(*urls: str, **parameters: str) -> Home:
        rows = [("url", url) for url in urls]
        rows += [(name.replace("_", "-"), value) for name, value in parameters.items()]
        given = "".join(f'<param name="{name}" value="{value}"/>' for name, value in rows)
        edit = f'<configuration name="json_cdr.conf"><settings>{given}</settings></configuration>'
        home: Home = await found({PUBLIC: RING_1000, JSON: lambda text: edit})
        await home.switch.start()
        await home.mapped()
        posts = home.switch.calls.records._posts
        posts._settings = replace(posts._settings, delay=0.01)
        return home

    return make


async def one_call(home: Home) -> str:
    """Its UUID."""
    call = home.far_phone("anna").invite("9196", home.reached_at("external"))
    await call.answered()
    (uuid,) = home.switch.calls.channels
    call.hang_up()
    await home.quiet()
    return str(uuid)


async def test_a_record_is_posted_as_json_and_no_file_is_made(
    posting: Callable[..., Any], server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "json"
    home = await posting(server.url, log_dir=str(folder), cred="billing:s3cret", encode_values="false")
    uuid = await one_call(home)
    await eventually(lambda: home.switch.calls.records.written == 1)
    ((path, headers, body),) = server.heard
    assert path == f"/cdr?uuid={uuid}"
    assert headers["content-type"] == "application/json"
    assert headers["authorization"] == f"Basic {base64.b64encode(b'billing:s3cret').decode()}"
    assert re.fullmatch(r"Ringthru/[\d.]+", headers["user-agent"])
    assert json.loads(body)["variables"]["hangup_cause"] == "NORMAL_CLEARING"
    assert not folder.exists()


async def test_and_a_file_too_where_that_is_wished(
    posting: Callable[..., Any], server: Server, tmp_path: Path
) -> None:
    home = await posting(server.url, log_dir=str(tmp_path / "json"), log_http_and_disk="true")
    uuid = await one_call(home)
    await eventually(lambda: home.switch.calls.records.written == 2)
    kept = (tmp_path / "json" / f"{uuid}.cdr.json").read_bytes()
    assert kept.strip() == server.heard[0][2]


@pytest.mark.parametrize("encode", ["true", "base64"])
async def test_as_a_form(posting: Callable[..., Any], server: Server, encode: str) -> None:
    home = await posting(server.url, encode=encode)
    await one_call(home)
    await eventually(lambda: server.heard)
    _, headers, body = server.heard[0]
    if encode == "true":
        assert headers["content-type"] == "application/x-www-form-urlencoded"
        text = parse_qs(body.decode())["cdr"][0]
    else:
        assert headers["content-type"] == "application/x-www-form-base64-encoded"
        text = base64.b64decode(body.removeprefix(b"cdr=")).decode()
    assert json.loads(text)["variables"]["hangup_cause"] == "NORMAL_CLEARING"


async def test_addresses_are_tried_in_turn_and_the_one_that_works_is_kept_to(
    posting: Callable[..., Any], server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [(500, {}), (200, {})]
    other = server.url.replace("/cdr", "/second?key=1")
    home = await posting(server.url, other, retries="1")
    for count in (1, 2):
        await one_call(home)
        await eventually(lambda wanted=count: home.switch.calls.records.written == wanted)
    paths = [urlsplit(path) for path, _, _ in server.heard]
    assert [each.path for each in paths] == ["/cdr", "/second", "/second"]
    assert all("key=1&uuid=" in each.query for each in paths[1:])
    assert f"Got error [500] posting to web server [{server.url}]" in caplog.text


async def test_what_nobody_takes_is_a_file_in_the_first_folder_that_takes_it(
    posting: Callable[..., Any], server: Server, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.answers = [(503, {})]
    (tmp_path / "full").write_text("no folder")
    home = await posting(server.url, retries="2", err_log_dir=str(tmp_path / "full"))
    posts = home.switch.calls.records._posts
    posts._folders = (*posts._folders, tmp_path / "failed")
    uuid = await one_call(home)
    kept = tmp_path / "failed" / f"{uuid}.cdr.json"
    await eventually(lambda: f"Unable to post to web server: the record is in {kept}" in caplog.text)
    assert home.switch.calls.records.written == 1
    assert len(server.heard) == 3
    assert json.loads(kept.read_text())["variables"]["hangup_cause"] == "NORMAL_CLEARING"


async def test_without_a_folder_of_its_own_it_is_where_files_would_be(
    posting: Callable[..., Any], tmp_path: Path
) -> None:
    home = await posting("http://127.0.0.1:9/", log_dir=str(tmp_path / "json"), encode="true")
    uuid = await one_call(home)
    await eventually(lambda: home.switch.calls.records.written == 1)
    kept = (tmp_path / "json" / f"{uuid}.cdr.json").read_text()
    assert kept.startswith("%7B%22core-uuid%22"), "as it would have been posted"


async def test_unless_files_are_not_wished_then_it_is_counted_as_lost(
    posting: Callable[..., Any], tmp_path: Path
) -> None:
    home = await posting("http://127.0.0.1:9/", log_dir=str(tmp_path / "json"), log_errors_to_disk="false")
    await one_call(home)
    await eventually(lambda: home.switch.calls.records.lost == 1)
    assert not (tmp_path / "json").exists()


async def test_a_redirection_is_no_delivery(
    posting: Callable[..., Any], server: Server, tmp_path: Path
) -> None:
    server.answers = [(302, {"Location": "/elsewhere"})]
    home = await posting(server.url, log_dir=str(tmp_path / "json"))
    await one_call(home)
    await eventually(lambda: list((tmp_path / "json").glob("*.cdr.json")))
    assert [body != b"GET" for _, _, body in server.heard] == [True]


async def test_a_digest_is_answered(posting: Callable[..., Any], server: Server) -> None:
    challenge = {"WWW-Authenticate": 'Digest realm="cdr", nonce="abc", qop="auth"'}
    server.answers = [(401, challenge), (200, {})]
    home = await posting(server.url, cred="billing:s3cret", auth_scheme="digest")
    await one_call(home)
    await eventually(lambda: home.switch.calls.records.written == 1)
    assert "authorization" not in server.heard[0][1]
    assert server.heard[1][1]["authorization"].startswith('Digest username="billing", realm="cdr"')


@pytest.mark.parametrize("check", ["true", "false"])
async def test_a_server_nobody_vouches_for_gets_nothing_unless_it_was_said(
    posting: Callable[..., Any], server: Server, tmp_path: Path, check: str
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own_certificate(tmp_path / "tls", ["localhost"]))
    server.socket = context.wrap_socket(server.socket, server_side=True)
    url = server.url.replace("http:", "https:")
    home = await posting(url, log_dir=str(tmp_path / "json"), enable_cacert_check=check)
    await one_call(home)
    await eventually(lambda: home.switch.calls.records.written == 1)
    assert bool(server.heard) == (check == "false")


async def test_a_server_that_hangs_holds_up_no_call_and_no_stop(
    posting: Callable[..., Any], server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringthru.switch.cdr.posts.LAST_PATIENCE", 0.05)
    server.hangs.clear()
    home = await posting(server.url, log_dir=str(tmp_path / "json"), queue_capacity="1")
    for _ in range(3):  # one is being posted, one waits, and for the third there is no room
        await one_call(home)
        await eventually(lambda: server.heard)
    await eventually(
        lambda: len(list((tmp_path / "json").iterdir())) == 1 if (tmp_path / "json").exists() else False
    )
    await home.switch.stop()
    assert len(list((tmp_path / "json").iterdir())) == 3, "the stop keeps what is not posted"


def test_a_way_to_log_in_that_is_not_spoken_is_said_and_the_tree_loads(
    caplog: pytest.LogCaptureFixture,
) -> None:
    from ringthru.switch.configuration.cdr_web_settings import WEB_PARAMETERS

    assert WEB_PARAMETERS["auth-scheme"]("NTLM") == "basic"
    assert "auth-scheme NTLM is ignored" in caplog.text
    assert WEB_PARAMETERS["encode"]("base64|true|false") == "", "what FreeSWITCH's own tree has there"
