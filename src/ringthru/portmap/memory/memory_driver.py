"""The engine's memory: what it writes down as it goes, and what it is reminded of when a gateway is found.

The file is opened when there is something to write or to recall, so that the start does not wait for it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

from ...net.neighbours import hardware_address
from ...net.values import replace
from ..errors import LocalError
from ..values import Family, GatewayType, Wanted
from .holding import GatewayIdentity, JournalEntry, Keep, Note
from .journal import Adoption, leads_to, same_mapping, seconds_left, take_stock
from .profile import GatewayProfile
from .recollection import Recollection

if TYPE_CHECKING:
    from .store_driver import Store

OUI = 8  # characters of a hardware address that name its maker: "aa:bb:cc"


class Memory:
    """A store, and who we are to it. ``kept``: our mappings are to outlive us (``ringthru nat add``).

    Nothing here raises: a file that cannot be used is told once, and the engine goes on without.
    """

    def __init__(self, path: Path, log: Callable[[int, str], None], kept: bool = False) -> None:
        self._path = path
        self._log = log
        self._kept = kept
        self._store: Store | None = None
        self._hopeless = False

    def write(self, notes: list[tuple[Note, GatewayIdentity]], address: str) -> None:
        """Write notes down, before anything more is sent."""
        store = self._opened()
        if store is None:
            return
        for is_keep, some in groupby(notes, lambda each: isinstance(each[0], Keep)):
            if is_keep:
                kept = ((note, where) for note, where in some if isinstance(note, Keep))
                store.keep_all([self._entry(store, note, where, address) for note, where in kept])
            else:
                for note, where in some:
                    store.forget(note.holding, where, address)

    def learn(self, profiles: list[GatewayProfile]) -> None:
        """Write lessons down."""
        store = self._opened()
        if store is not None:
            for profile in profiles:
                store.save_profile(profile)

    def remember_gateway(self, identity: GatewayIdentity, network: str) -> None:
        """This gateway serves that network: to be tried first the next time."""
        store = self._opened()
        if store is not None and store.last_gateway(network) != identity:
            store.remember_gateway(identity, network)

    @property
    def exists(self) -> bool:
        """Whether there is a file of an earlier time."""
        return self._path.exists()

    def serves_several(self, identity: GatewayIdentity) -> bool:
        """Whether gateways of its kind were seen to serve several connections."""
        store = self._opened()
        profile = store.profiles().get(identity.fingerprint) if store is not None else None
        return profile is not None and profile.serves_several is True and not profile.pace

    def last_gateway(self, network: str) -> GatewayIdentity | None:
        """Which gateway served that network the last time."""
        store = self._opened()
        return store.last_gateway(network) if store is not None else None

    def wishes(self) -> list[Wanted]:
        """What is wanted for good (``Wanted.sticky``), oldest first."""
        store = self._opened() if self._path.exists() else None
        return store.wishes() if store is not None else []

    def remember_wish(self, wanted: Wanted) -> None:
        store = self._opened()
        if store is not None:
            store.remember_wish(wanted)

    def forget_wish(self, wanted: Wanted) -> None:
        store = self._opened()
        if store is not None:
            store.forget_wish(wanted)

    def left_pinholes(self, address: str) -> bool:
        """Whether an earlier run left holes to this IPv6 address of ours."""
        store = self._opened() if self._path.exists() else None
        if store is None:
            return False
        entries = [each for each in store.entries() if each.own_address == address and not each.kept]
        pinholes = [each for each in entries if each.holding.family is Family.IPV6]
        living = store.living(pinholes)
        return any(each.owner not in living for each in pinholes)

    def close(self) -> None:
        if self._store is not None:
            self._store.close()
        self._store, self._hopeless = None, True

    def recall(self, identity: GatewayIdentity, address: str, family: Family) -> Recollection:
        """What is remembered of a gateway that was found, by us at ``address``."""
        identity = named(identity)
        store = self._opened()
        if store is None:
            return Recollection(identity.name, GatewayProfile(identity.fingerprint))
        profile = store.profiles().get(identity.fingerprint, GatewayProfile(identity.fingerprint))
        entries = store.entries()
        found = take_stock(
            entries,
            identity,
            own_address=address,
            family=family,
            now=time.time(),
            living=store.living(entries),
        )
        for entry in found.expired:
            store.forget(entry.holding, entry.gateway, entry.own_address)
        self._claim(store, entries, identity, address, found)
        lent = tuple(entry.holding for entry in found.kept)
        elsewhere = tuple((entry, seconds_left(entry, time.time())) for entry in found.other_protocol)
        return Recollection(identity.name, profile, found.holdings, lent, elsewhere)

    def _claim(
        self,
        store: Store,
        entries: list[JournalEntry],
        identity: GatewayIdentity,
        address: str,
        found: Adoption,
    ) -> None:
        """What we take over is ours from now on: another process that starts now must not take it too."""
        taken = {holding for holding, _ in found.holdings}
        ours = [
            replace(entry, owner=store.owner)
            for entry in entries
            if entry.holding in taken
            and same_mapping(entry, entry.holding, identity)
            and leads_to(entry, address)
        ]
        ours += [replace(entry, owner=store.owner) for entry in found.other_protocol]
        if ours:
            store.keep_all(ours)

    def _entry(self, store: Store, note: Note, identity: GatewayIdentity, address: str) -> JournalEntry:
        kept = self._kept or (isinstance(note, Keep) and note.for_good)
        return JournalEntry(
            note.holding, identity, time.time(), kept=kept, owner=store.owner, own_address=address
        )

    def _opened(self) -> Store | None:
        if self._store is None and not self._hopeless:
            from .store_driver import Store  # late: the search for a gateway goes out first

            try:
                self._store = Store(self._path, self._log)
            except LocalError as error:
                self._hopeless = True
                self._log(logging.WARNING, f"Going on without a journal: {error}")
        return self._store


def named(identity: GatewayIdentity) -> GatewayIdentity:
    """With the gateway's hardware address, where its protocol tells no name of it."""
    if identity.name or identity.type is GatewayType.UPNP:
        return identity
    name = hardware_address(identity.address)
    kind = identity.fingerprint or (f"{identity.type.value} of {name[:OUI]}" if name else "")
    return replace(identity, name=name, fingerprint=kind)
