"""The certificate a profile shows over TLS: found where FreeSWITCH keeps it, or made at the first start.

Lives here: file names, and one call of the program ``openssl``.
Never here: TLS itself (``sip/transport/tls_driver.py``), or whom to trust.
"""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from ...net.address import parse_address

log = logging.getLogger(__name__)

CERTIFICATES: Final = ("agent.pem", "tls.pem")  # our certificate and key, in the order they are looked for
AUTHORITIES: Final = ("cafile.pem", "ca-bundle.crt")
PATIENCE: Final = 30.0  # seconds for the making; it takes a hundredth of one
DAYS: Final = 3650  # a switch at home outlives everybody's memory of how its certificate was made


class NoCertificate(OSError):
    """There is none, and none could be made; the text says what to do."""


def find_certificate(folder: Path) -> Path | None:
    """The file with our certificate and key in a ``tls-cert-dir``, if there is one."""
    return next((folder / name for name in CERTIFICATES if (folder / name).is_file()), None)


def find_authorities(folder: Path) -> Path | None:
    """The file with those who sign the certificates we believe, if there is one."""
    return next((folder / name for name in AUTHORITIES if (folder / name).is_file()), None)


def own_certificate(folder: Path, names: Sequence[str]) -> Path:
    """The self-signed certificate in ``folder``, made when it is not there yet.

    ``names`` are domains and addresses it is to be for, the first one its subject.

    Raises:
        NoCertificate: it could not be made or kept.
    """
    path = folder / CERTIFICATES[0]
    if path.is_file():
        return path
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder) as workshop:  # readable by its owner alone
            _write_privately(path, _make(Path(workshop), names))
    except OSError as error:
        raise NoCertificate(f"no TLS certificate could be kept in {folder}: {error}") from error
    log.warning("Made a self-signed TLS certificate for %s: it is in %s", ", ".join(names), path)
    return path


def _make(workshop: Path, names: Sequence[str]) -> bytes:
    program = shutil.which("openssl")
    if program is None:
        raise NoCertificate(
            "the program openssl is not here to make one; put a PEM file there, or install it"
        )
    certificate, key = workshop / "certificate", workshop / "key"
    command = [program, "req", "-x509", "-nodes", "-days", str(DAYS), "-sha256", "-newkey", "ec"]
    command += ["-pkeyopt", "ec_paramgen_curve:prime256v1", "-subj", f"/CN={names[0][:64]}"]
    command += ["-addext", "subjectAltName=" + ",".join(map(_alternative, names))]
    command += ["-keyout", str(key), "-out", str(certificate)]
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    except subprocess.SubprocessError as error:
        said = getattr(error, "stderr", None) or b""
        words = said.decode(errors="replace").strip().splitlines()
        raise NoCertificate(f"openssl made none: {words[-1] if words else error}") from error
    return certificate.read_bytes() + key.read_bytes()


def _alternative(name: str) -> str:
    return f"IP:{name}" if parse_address(name) is not None else f"DNS:{name}"


def _write_privately(path: Path, data: bytes) -> None:
    """Whole or not at all, and readable by its owner alone."""
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        out.write(data)
    beside.replace(path)
