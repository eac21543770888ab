"""Where the switch keeps what must outlive it, and where the default configuration lies."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from ..net.places import state_folder

log = logging.getLogger(__name__)

PASSWORD_VARIABLE = "generated_password"
PASSWORD_BYTES = 12  # 96 bits: nobody guesses it, and it still fits on a phone's screen


class StateFolder:
    """The folder of ``-db``; made when something is first written."""

    def __init__(self, path: Path | None) -> None:
        self.path = path or state_folder()

    def password(self) -> str:
        """The phones' password of the default configuration."""
        return self._secret(self.path / "generated_password", "the phones of the default configuration")

    def event_socket_password(self) -> str:
        """What clients of the event socket need, where the configuration names nothing else."""
        return self._secret(self.path / "event_socket_password", "the event socket")

    @staticmethod
    def _secret(file: Path, what: str) -> str:
        """A password that is made once, readable by its owner alone."""
        try:
            return file.read_text().strip()
        except OSError:
            pass
        password = secrets.token_urlsafe(PASSWORD_BYTES)
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as out:
                out.write(password + "\n")
            log.warning("Made a password for %s: it is in %s", what, file)
        except OSError as error:
            text = "The password for %s could not be kept in %s (%s); the next start makes another"
            log.error(text, what, file, error)
        return password


def default_tree() -> Path:
    """The configuration that we ship, inside the package."""
    return Path(__file__).parents[1] / "conf"


def names_variable(conf: Path, name: str) -> bool:
    """Whether a file at the top of a configuration tree, where vars.xml is, names a variable."""
    for file in conf.glob("*.xml"):
        try:
            if f"{{{name}}}" in file.read_text(errors="replace"):
                return True
        except OSError:
            continue  # reading the tree will say what is wrong with it
    return False
