"""What answers in somebody's stead, made when it is first asked for: the start is a budget.

Lives here: the settings of it, and one of each. Never here: what they do.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from ...sip import Binding
    from ..calls.book import Calls
    from ..configuration.menu_settings import Menu
    from ..configuration.voicemail_settings import VoicemailProfile
    from ..voicemail.book import Voicemail
    from ..voicemail.lamps import Lamps
    from .parking import Lots


class Answering:
    """One switch's."""

    MESSAGES: Final = "message-summary"  # the package of events that ``lamps`` serves

    def __init__(self, calls: Calls) -> None:
        self.mailboxes: Mapping[str, VoicemailProfile] = {}  # profiles of voicemail.conf
        self.menus: Mapping[str, Menu] = {}  # of ivr.conf
        self.folder = Path("voicemail")  # of messages
        self.conf = Path()  # the configuration's folder, with templates of mails
        self.mailer: tuple[str, str, bool] = ("sendmail", "-t", False)  # see ``MailProgram``
        self._calls = calls
        self._voicemail: Voicemail | None = None
        self._lamps: Lamps | None = None
        self._lots: Lots | None = None

    @property
    def voicemail(self) -> Voicemail:
        if self._voicemail is None:
            from ..voicemail.book import Voicemail
            from ..voicemail.mailing import Mailer, MailProgram

            calls = self._calls
            self._voicemail = Voicemail(
                self.folder,
                calls.bus,
                directory=lambda: calls.directory,
                profiles=lambda: self.mailboxes,
                mailer=Mailer(lambda: MailProgram(*self.mailer), self.conf),
            )
            self._voicemail.subscribe(self.lamps.on_change)
        return self._voicemail

    @property
    def lamps(self) -> Lamps:
        """Who is told that messages wait."""
        if self._lamps is None:
            from ..voicemail.lamps import Lamps

            self._lamps = Lamps(self._calls)
        return self._lamps

    @property
    def lots(self) -> Lots:
        """Where calls are parked."""
        if self._lots is None:
            from .parking import Lots

            self._lots = Lots(self._calls.subscriptions.on_change)
        return self._lots

    def on_binding(self, what: str, binding: Binding) -> None:
        """A phone registered, or does so no more."""
        if self.mailboxes and what in ("register", "refresh"):
            self.lamps.on_binding(what, binding)

    def close(self) -> None:
        """Let go of files; blocks until the disk is done."""
        if self._voicemail is not None:
            self._voicemail.close()
