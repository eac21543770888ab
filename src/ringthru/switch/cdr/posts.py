"""Records that go to web servers, by a thread of their own, and to a file where none takes them.

The addresses are tried in turn, the one that worked last first, so often and so far apart as the settings
say; as FreeSWITCH's ``json_cdr`` does it. A redirection is a failure: a record must not end as a GET.

Lives here: tries, waits, what is kept. Never here: what a record says.
"""

from __future__ import annotations

import logging
import threading
from base64 import b64encode
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from ..beside import Beside
from ..configuration.cdr_web_settings import WebSettings
from .files import RecordFiles, time_stamp

if TYPE_CHECKING:
    from urllib.request import OpenerDirector

log = logging.getLogger(__name__)

PATIENCE: Final = 10.0  # seconds for a server to answer
LAST_PATIENCE: Final = 2.0  # seconds that a stop waits for all
TYPES: Final = {  # by the encoding
    "": "application/json",
    "url": "application/x-www-form-urlencoded",
    "base64": "application/x-www-form-base64-encoded",
}


class Posts:
    """The web servers of one switch's records."""

    def __init__(self, settings: WebSettings, files: RecordFiles, agent: str) -> None:
        """``agent`` is the User-Agent; ``files`` has what no server takes."""
        self.sent = 0
        self._settings = settings
        self._files = files
        self._agent = agent
        self._beside = Beside("records for web servers", settings.waiting, "are written to files")
        self._folders = settings.folders
        self._unsent: dict[str, str] = {}  # by the file's name
        self._place = 0  # of the url that is asked next
        self._stopping = threading.Event()
        self._opener: OpenerDirector | None = None

    def send(self, uuid: str, name: str, text: str) -> None:
        """Have it posted; where too many wait already it is a file at once. It returns at once."""
        self._unsent[name] = text
        if not self._beside.put(lambda: self._post(uuid, name, text)):
            self._keep(name, text)

    def rotate(self) -> None:
        """Keep what fails from now on in folders named by the time."""
        self._folders = tuple(each / time_stamp() for each in self._settings.folders)

    def close(self) -> None:
        """Try each that waits once, and keep the rest in files; blocks for two seconds at most."""
        self._stopping.set()
        self._beside.close(LAST_PATIENCE)
        for name, text in tuple(self._unsent.items()):
            self._keep(name, text)

    # --- in the thread ------------------------------------------------------------------------------

    def _post(self, uuid: str, name: str, text: str) -> None:
        body = _encoded(text, self._settings.encoding)
        urls = self._settings.urls
        for attempt in range(self._settings.retries + 1):
            if attempt and self._stopping.wait(self._settings.delay):
                break
            url = urls[self._place]
            trouble = self._try(f"{url}{'&' if '?' in url else '?'}uuid={quote(uuid)}", body)
            if not trouble:
                self.sent += 1
                self._unsent.pop(name, None)
                return
            log.error("Got error [%s] posting to web server [%s]", trouble, url)
            self._place = (self._place + 1) % len(urls)
        self._keep(name, text)

    def _try(self, url: str, body: bytes) -> str:
        """What went wrong; empty when a server has the record."""
        from http.client import HTTPException
        from urllib.request import Request

        headers = {"Content-Type": TYPES[self._settings.encoding], "User-Agent": self._agent}
        if self._settings.credentials and self._settings.scheme == "basic":
            headers["Authorization"] = f"Basic {b64encode(self._settings.credentials.encode()).decode()}"
        try:
            self._opener = self._opener or _opener_of(self._settings)
            with self._opener.open(Request(url, body, headers), timeout=PATIENCE) as response:
                status = int(response.status)
        except (
            OSError,
            HTTPException,
            ValueError,
        ) as error:  # of urllib, ssl and sockets; an address that is none
            return str(getattr(error, "code", "") or getattr(error, "reason", "") or error)
        return "" if 200 <= status < 300 else str(status)

    def _keep(self, name: str, text: str) -> None:
        """Write it where somebody finds it, as it would have been posted."""
        if self._unsent.pop(name, None) is None:
            return  # it is written already, or posted after all
        if not self._settings.keep:
            log.error("Unable to post to web server: the record %s is lost, as log-errors-to-disk says", name)
            self._files.failures += 1
            return
        kept = _encoded(text, self._settings.encoding).removeprefix(b"cdr=").decode()
        for folder in self._folders:
            if self._files.create(folder / name, f"{kept.rstrip()}\n"):
                log.error("Unable to post to web server: the record is in %s", folder / name)
                return


def _encoded(text: str, encoding: str) -> bytes:
    data = text.strip().encode()
    if encoding == "url":
        return b"cdr=" + quote(data, safe="").encode()
    return b"cdr=" + b64encode(data) if encoding == "base64" else data


def _opener_of(settings: WebSettings) -> OpenerDirector:
    """Late imports: most switches post nothing, and the start is a budget.

    Raises:
        OSError: a certificate or key cannot be read.
    """
    import ssl
    from urllib import request

    class NoRedirects(request.HTTPRedirectHandler):
        def redirect_request(self, *_: object) -> None:
            return None

    context = ssl.create_default_context(cafile=settings.authority or None)
    context.check_hostname = settings.verify and settings.verify_host
    if not settings.verify:
        context.verify_mode = ssl.CERT_NONE
    if settings.certificate:
        context.load_cert_chain(settings.certificate, settings.key or None, settings.key_password or None)
    passwords = request.HTTPPasswordMgrWithDefaultRealm()
    user, _, password = settings.credentials.partition(":")
    for url in settings.urls:
        passwords.add_password(None, url, user, password)
    handlers: list[request.BaseHandler] = [NoRedirects(), request.HTTPSHandler(context=context)]
    if settings.credentials and settings.scheme in ("digest", "any"):
        handlers.append(request.HTTPDigestAuthHandler(passwords))
    if settings.credentials and settings.scheme == "any":
        handlers.append(request.HTTPBasicAuthHandler(passwords))
    return request.build_opener(*handlers)
