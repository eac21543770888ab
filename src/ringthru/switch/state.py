"""Where the switch keeps what must outlive it, and where the default configuration lies."""

from __future__ import annotations

import logging
import os
import secrets
from pathlib import Path

from ..net.places import state_folder

log = logging.getLogger(__name__)

PASSWORD_VARIABLE = "generated_password"
CURE = "name a folder of your own that can be written with -db"
LETTERS = "abcdefghijkmnpqrstuvwxyz23456789"  # what a phone's keys write in one case, and nobody misreads
PASSWORD_LENGTH = 20  # 100 bits: nobody guesses it, and it still fits on a phone's screen


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

    def web_password(self) -> str:
        """What people type into the web page's form, where the configuration names nothing else."""
        return self._secret(self.path / "web_password", "the web page")

    @staticmethod
    def _secret(file: Path, what: str) -> str:
        """A password that is made once, readable by its owner alone."""
        try:
            if kept := file.read_text().strip():
                return kept  # an empty file is what a full disk left of it
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            text = "The password for %s cannot be read: %s. This run has another one: %s"
            log.error(text, what, _why(error, file), CURE)
            return _made_up()
        password = _made_up()
        try:
            _keep(file, password)
            log.warning("Made a password for %s: it is in %s", what, file)
        except OSError as error:
            text = "The password for %s cannot be kept: %s. The next start makes another: %s"
            log.error(text, what, _why(error, file), CURE)
        return password


def _made_up() -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(PASSWORD_LENGTH))


def _keep(file: Path, password: str) -> None:
    """Whole or not at all, whatever becomes of the disk."""
    import tempfile  # of the first start alone

    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(
        dir=file.parent, prefix=f".{file.name}."
    )  # 0600 from the first moment
    try:
        with os.fdopen(descriptor, "w") as out:
            out.write(password + "\n")
        Path(name).replace(file)
    except OSError:
        Path(name).unlink(missing_ok=True)
        raise


def _why(error: Exception, file: Path) -> str:
    name = getattr(error, "filename", None) or file
    return f"{name}: {getattr(error, 'strerror', None) or error}"


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
