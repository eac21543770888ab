"""TLS contexts out of a profile's settings.

Lives here: `ssl`, and reading certificates.
Never here: sockets, or where a certificate comes from.
"""

from __future__ import annotations

import logging
import ssl
from collections.abc import Mapping
from typing import Any, Final

from ..errors import LocalError
from .tls import TlsSettings, bears

log = logging.getLogger(__name__)

OLDEST: Final = {"tlsv1.2": ssl.TLSVersion.TLSv1_2, "tlsv1.3": ssl.TLSVersion.TLSv1_3}
ANY_DATE: Final = 0x200000  # OpenSSL's X509_V_FLAG_NO_CHECK_TIME, which `ssl` has no name for


class TlsContexts:
    """One context to answer with, one to call with, and the judgement of who is at the other end."""

    def __init__(self, settings: TlsSettings) -> None:
        """
        Raises:
            LocalError: a file is missing, is no PEM, has no key, or wants another passphrase.
        """
        self.settings = settings
        self._stamp = self._stamp_now()
        self.server, self.client = self._pair()

    def refresh(self) -> None:
        """Take a renewed certificate for connections from now on; a broken one is logged, the old kept."""
        stamp = self._stamp_now()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self.server, self.client = self._pair()
        except LocalError as error:
            log.error("%s; the certificate in use stays", error)
        else:
            log.info("TLS: loaded %s again, it has changed", self.settings.certificate)

    def problem_with(
        self, certificate: Mapping[str, Any] | None, name: str, opened_by_us: bool
    ) -> str | None:
        """Why a peer is not who it should be, in words; ``name`` is whom we meant to call."""
        settings = self.settings
        if opened_by_us and settings.verify_out and settings.subjects_out:
            wanted: tuple[str, ...] = (name,)
        elif not opened_by_us and settings.subjects_in:
            wanted = settings.subjects_in
        else:
            return None
        return None if bears(certificate, wanted) else f"the certificate is not for {' or '.join(wanted)}"

    def _pair(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        settings = self.settings
        server = self._context(ssl.PROTOCOL_TLS_SERVER, settings.verify_in or bool(settings.subjects_in))
        return server, self._context(ssl.PROTOCOL_TLS_CLIENT, settings.verify_out)

    def _stamp_now(self) -> tuple[int, ...]:
        """Changes when one of the files does."""
        settings, found = self.settings, []
        for path in (settings.certificate, settings.key, settings.authorities):
            try:
                state = path.stat() if path is not None else None
            except OSError:
                state = None  # it is just being replaced, or was never there
            found += [state.st_mtime_ns, state.st_ino] if state is not None else [0]
        return tuple(found)

    def _context(self, protocol: int, verify: bool) -> ssl.SSLContext:
        settings = self.settings
        context = ssl.SSLContext(protocol)
        context.check_hostname = False  # RFC 5922 has other rules: `problem_with`
        context.verify_mode = ssl.CERT_REQUIRED if verify else ssl.CERT_NONE
        context.minimum_version = OLDEST[settings.oldest]
        if not settings.verify_date:
            context.verify_flags |= ANY_DATE
        try:
            if settings.ciphers:
                context.set_ciphers(settings.ciphers)
            context.load_cert_chain(settings.certificate, settings.key, lambda: settings.passphrase or "")
            if settings.authorities is not None:
                context.load_verify_locations(settings.authorities)
            elif verify:
                context.load_default_certs()
        except (OSError, ValueError) as error:  # ssl's errors are OSErrors
            raise LocalError(_words(error, settings)) from error
        return context


def _words(error: Exception, settings: TlsSettings) -> str:
    what = f"TLS cannot use {settings.certificate}"
    if isinstance(error, FileNotFoundError):
        return f"{what}: there is no such file (or no {settings.key or settings.authorities})"
    reason = getattr(error, "reason", None) or str(error)
    return f"{what}: {reason}; it must hold a PEM certificate and its key, which tls-passphrase opens"
