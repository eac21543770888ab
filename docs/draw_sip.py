"""The drawn parts of the pages about SIP: the transactions' own tables, and the times of connections."""

from __future__ import annotations

from collections.abc import Callable

from draw_code import doc, timing
from draw_states import Row, picture, state_table

from ringthru.sip.transactions import aboard, places
from ringthru.sip.transactions.client_transaction import InviteClient, NonInviteClient
from ringthru.sip.transactions.server_transaction import InviteServer, NonInviteServer
from ringthru.sip.transactions.transaction import Transaction, absorb
from ringthru.sip.transport import connection, locating


def rows_of(kind: type[Transaction]) -> list[Row]:
    """A transaction's table as it is run, action by action."""
    rows = []
    for (state, what), (then, action) in kind.TABLE.items():
        label = f"timer {what.value}" if len(what.value) == 1 else what.value
        words = "" if action is absorb else action.__name__.replace("_", " ")
        rows.append((state.value, label, then.value, words))
    return rows


def drawn(kind: type[Transaction]) -> str:
    return f"{doc(kind)}\n\n{state_table(rows_of(kind))}".replace("What it says", "What it does")


PARTS: dict[str, Callable[[], str]] = {
    "invite client": lambda: drawn(InviteClient),
    "other client": lambda: drawn(NonInviteClient),
    "invite server": lambda: drawn(InviteServer),
    "other server": lambda: drawn(NonInviteServer),
    "invite client picture": lambda: picture(rows_of(InviteClient), "calling"),
    "invite server picture": lambda: picture(rows_of(InviteServer), "proceeding"),
    "connection timing": lambda: timing(connection),
    "large timing": lambda: timing(aboard),
    "places timing": lambda: timing(places),
    "locating timing": lambda: timing(locating),
}
