"""What json_cdr.conf says of web servers that records are posted to, as typed values.

Lives here: names, types, defaults. Never here: records, connections.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any, Final, Self

from ...net.values import frozen
from .tree import Element
from .values import read_boolean, read_number

log = logging.getLogger(__name__)

MOST_URLS: Final = 20
DELAY: Final = 5  # seconds between tries, where retries are wanted and none is named
SCHEMES: Final = ("basic", "digest", "any")


def _encoding(text: str) -> str:
    """``base64``, ``url`` or nothing; what is no word for true is nothing, as FreeSWITCH has it."""
    if text.strip().lower() == "base64":
        return "base64"
    try:
        return "url" if read_boolean(text) else ""
    except ValueError:
        return ""


def _scheme(text: str) -> str:
    word = text.strip().lstrip("=").lower()
    if word and word not in SCHEMES:
        log.warning("json_cdr.conf: auth-scheme %s is ignored: basic, digest or any is spoken here", text)
    return word if word in SCHEMES else "basic"


def _count(text: str) -> int:
    return read_number(text or "0", 0, 1_000_000)


WEB_PARAMETERS: Final[dict[str, Any]] = {
    "url": str.strip,
    "cred": str.strip,
    "auth-scheme": _scheme,
    "encode": _encoding,
    "retries": _count,
    "delay": _count,
    "queue-capacity": _count,
    "log-http-and-disk": read_boolean,
    "log-errors-to-disk": read_boolean,
    "err-log-dir": str.strip,
    "disable-100-continue": read_boolean,  # we never send Expect
    "enable-cacert-check": read_boolean,
    "enable-ssl-verifyhost": read_boolean,
    "ssl-cacert-file": str.strip,
    "ssl-cert-path": str.strip,
    "ssl-key-path": str.strip,
    "ssl-key-password": str,
}


@frozen
class WebSettings:
    """Where records are posted, how, and where they stay when that fails."""

    urls: tuple[str, ...]
    credentials: str = ""  # USER:PASSWORD
    scheme: str = "basic"
    encoding: str = ""  # of the whole: none, "url" (as a form's field ``cdr``), "base64"
    retries: int = 0
    delay: float = DELAY  # seconds
    waiting: int = 5000  # records at once; more stay in files
    and_disk: bool = False  # a file for each record, too
    keep: bool = True  # what no server took is written to a file
    folders: tuple[Path, ...] = ()  # for that; the first that can be written has it
    verify: bool = True  # the server's certificate
    verify_host: bool = True  # and the name in it
    authority: str = ""  # files of certificates and keys
    certificate: str = ""
    key: str = ""
    key_password: str = ""

    @classmethod
    def read(
        cls, params: list[Element], values: dict[str, Any], log_folder: Path, folder: Path
    ) -> Self | None:
        """None: no url is named. ``folder`` is where records go that are not posted."""
        urls = _all(params, "url")[:MOST_URLS]
        if not urls:
            return None
        named = _all(params, "err-log-dir")
        return cls(
            urls,
            values.get("cred", ""),
            values.get("auth_scheme", "basic"),
            values.get("encode", ""),
            values.get("retries", 0),
            values.get("delay") or DELAY,
            values.get("queue_capacity") or 5000,
            values.get("log_http_and_disk", False),
            values.get("log_errors_to_disk", True),
            tuple(log_folder / each for each in named) or (folder,),
            values.get("enable_cacert_check", True),
            values.get("enable_ssl_verifyhost", True),
            values.get("ssl_cacert_file", ""),
            values.get("ssl_cert_path", ""),
            values.get("ssl_key_path", ""),
            values.get("ssl_key_password", ""),
        )


def _all(params: list[Element], name: str) -> tuple[str, ...]:
    """Every value of a parameter that may stand there several times."""
    values = (each.get("value").strip() for each in params if each.get("name").strip().lower() == name)
    return tuple(value for value in values if value)
