"""Who is meant by one leg of a dial string: ``user/…``, ``group/…``, ``sofia/…``, ``error/…``.

Lives here: the directory's and the profiles' part in it, and where a SIP address is reached.
Never here: ringing, and how several legs go together (``dialing``).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import unquote

from ...net.values import replace
from ...sip import Flow, MalformedMessage, SipError, SipUri
from ..calls.causes import HangupCause, find_cause
from ..configuration import Directory, Domain, User, expand
from ..profiles.target import Target
from .dialstring import Destination

if TYPE_CHECKING:
    from ..calls.book import Calls
    from ..profiles.profile import Profile

log = logging.getLogger(__name__)

FS_PARAMETERS = ("fs_path", "fs_nat")  # ours, never sent
OF_A_CALLED_USER = (  # variables that count for his transfers, and for his phone
    "user_context",
    "transfer_fallback_extension",
    "rtp_secure_media",
    "rtp_secure_media_outbound",
    "rtp_secure_media_suites",
)
NOT_REGISTERED = "error/user_not_registered"  # what sofia_contact says of who has no phone
SEPARATORS = {"A": ",", "F": "|", "E": ":_:"}  # of group_call: all at once, first to last, independently


class DialFailed(Exception):
    """Nobody answered; ``cause`` says why."""

    def __init__(self, cause: HangupCause) -> None:
        super().__init__(cause.name)
        self.cause = cause


class Endpoints:
    """Looks up what dial strings name."""

    def __init__(self, calls: Calls, directory: Directory) -> None:
        self._calls = calls
        self.directory = directory

    def dial_string(
        self, destination: Destination, variables: Mapping[str, str], caller: str = ""
    ) -> str | None:
        """What a ``user/…`` or ``group/…`` stands for; None for a leg that can be rung as it is.

        A ``caller`` (``USER@DOMAIN``) is not rung by a group of his own.

        Raises:
            DialFailed: there is no such user, or no way to reach him.
        """
        if destination.endpoint == "user":
            return self._user(destination.address, variables)
        if destination.endpoint == "group":
            return self.group_call(destination.address, caller)
        return None

    def group_call(self, argument: str, caller: str = "") -> str:
        """``GROUP[@DOMAIN][+A|+F|+E]`` as a dial string of its users: at once, in order, or independently.

        ``caller`` is left out where there are others.
        """
        who, _, order = argument.partition("+")
        name, _, domain_name = who.partition("@")
        domain = self.domain(domain_name)
        members = domain.group(name) if domain else ()
        if not members:
            log.warning("Can't find group [%s@%s], or it has no users", name, domain_name or "")
            return f"error/{HangupCause.NO_ROUTE_DESTINATION.name}"
        separator = SEPARATORS.get(order.strip().upper()[:1], ",")
        addresses = [f"{each.id}@{each.domain}" for each in members]
        others = [each for each in addresses if each != caller] or addresses
        return separator.join(f"user/{each}" for each in others)

    def domain(self, name: str) -> Domain | None:
        """A domain of the directory. ``default`` is the default one where none bears that name: people
        write ``user/1000@default`` whatever their domain is called.
        """
        found = self.directory.domain(name)
        return self.directory.domain(None) if found is None and name.lower() == "default" else found

    def user(self, address: str) -> User | None:
        """``ID[@DOMAIN]`` in the directory, by its id or its number-alias."""
        name, _, domain_name = address.partition("@")
        domain = self.domain(domain_name)
        return domain.find(name) if domain else None

    def _user(self, address: str, variables: Mapping[str, str]) -> str:
        """The dial-string of ``user/ID[@DOMAIN]``."""
        user = self.user(address)
        if user is None:
            name, _, domain = address.partition("@")
            log.warning("Can't find user [%s@%s]", name, domain or self.directory.default_domain)
            raise DialFailed(HangupCause.SUBSCRIBER_ABSENT)
        if not user.dial_string:
            log.error("User %s has no dial-string in the directory", user)
            raise DialFailed(HangupCause.MANDATORY_IE_MISSING)
        own = {"dialed_user": user.id, "dialed_domain": user.domain}
        found = expand(user.dial_string, self._calls.router.lookup(own, variables))
        if found.endswith(NOT_REGISTERED):
            log.info("No phone is registered as %s: it cannot ring. Who is: sofia status profile X reg", user)
        return found

    def user_variables(self, destination: Destination) -> dict[str, str]:
        """What the legs of a ``user/…`` know of the user, who transfers as if he had called himself."""
        user = self.user(destination.address) if destination.endpoint == "user" else None
        if user is None:
            return {}
        own = {name: value for name, value in user.variables.items() if name in OF_A_CALLED_USER}
        return {**own, "dialed_user": user.id, "dialed_domain": user.domain}

    async def target(self, destination: Destination) -> Target:
        """Where a ``sofia/…`` leg goes: ``PROFILE/URI``, ``PROFILE/USER`` or ``gateway/TRUNK/NUMBER``.

        ``^URI`` at the end of the first two is what stands in To.

        Raises:
            DialFailed: there is no such profile, trunk, user or host, or the endpoint is not ``sofia``.
        """
        if destination.endpoint == "error":
            raise DialFailed(find_cause(destination.address) or HangupCause.NORMAL_UNSPECIFIED)
        if destination.endpoint != "sofia":
            log.error("Could not locate channel type %s", destination.endpoint)
            raise DialFailed(HangupCause.CHAN_NOT_IMPLEMENTED)
        first, _, rest = destination.address.partition("/")
        if first.lower() == "gateway":
            return await self._trunk(*rest.partition("/")[::2])
        address, _, other = rest.partition("^")
        found = await self._address(first, address)
        return replace(found, to_uri=_to_uri(other)) if other else found

    async def _trunk(self, name: str, number: str) -> Target:
        trunks = self._calls.trunks
        found = await trunks.target(name, number) if trunks else HangupCause.INVALID_GATEWAY
        if isinstance(found, HangupCause):
            log.error("No call over gateway %s: %s", name, found.name)
            raise DialFailed(found)
        return found

    async def _address(self, name: str, rest: str) -> Target:
        profile = self._calls.profile(name)
        if profile is None:
            raise DialFailed(HangupCause.INVALID_PROFILE)
        if "@" not in rest and not rest.startswith(("sip:", "sips:")):
            return await self._registered(profile.name, rest)
        try:
            uri = SipUri.parse(rest if rest.startswith(("sip:", "sips:")) else f"sip:{rest}")
            path = uri.parameter("fs_path")
            hop, *further = [SipUri.parse(each) for each in unquote(path).split(",")] if path else [uri]
        except MalformedMessage as error:
            log.error("%s is no SIP address: %s", rest, error)
            raise DialFailed(HangupCause.INVALID_URL) from error
        plain = _without_ours(uri)
        if profile.settings.outbound_proxy and not path:
            return await self._by_proxy(profile, plain, profile.settings.outbound_proxy)
        flows = await _ways_to(profile, hop)
        if path and not profile.transports.is_open(flows[0]):
            if uri.has_parameter("fs_nat"):
                log.warning("The connection of %s is gone, and there is no other way to it", plain)
                raise DialFailed(HangupCause.DESTINATION_OUT_OF_ORDER)
            flows = await _ways_to(profile, plain)
        loose = hop.parameter("lr") is not None  # a proxy that the phone registered through (RFC 3327)
        route = tuple(f"<{each}>" for each in (hop, *further)) if path and loose else ()
        return Target(profile, plain, tuple(flows), route=route)

    @staticmethod
    async def _by_proxy(profile: Profile, uri: SipUri, proxy: str) -> Target:
        """The profile's ``outbound-proxy`` knows the way."""
        from ..configuration.trunk_settings import place_uri  # of who has one

        hop = place_uri(proxy)
        route = replace(hop, parameters=(*hop.parameters, ("lr", None)))
        return Target(profile, uri, tuple(await _ways_to(profile, hop)), route=(f"<{route}>",))

    async def _registered(self, profile: str, who: str) -> Target:
        """``PROFILE/USER`` or ``PROFILE/USER%DOMAIN``: the best contact this user registered there."""
        user, _, domain = who.partition("%")
        domain = domain or self.directory.default_domain or ""
        found = self._calls.registrar.contacts(f"{user}@{domain}", profile, _now())
        if not user or not found:
            raise DialFailed(HangupCause.USER_NOT_REGISTERED)
        _, _, contact = found[0].removeprefix("sofia/").partition("/")
        return await self._address(profile, contact)


def _now() -> float:
    return asyncio.get_running_loop().time()


def _to_uri(text: str) -> str:
    """The ``^URI`` behind an address: who shall stand in To.

    Raises:
        DialFailed: it is no SIP address.
    """
    try:
        return str(SipUri.parse(text if text.startswith(("sip:", "sips:")) else f"sip:{text}"))
    except MalformedMessage as error:
        log.error("%s is no SIP address for To: %s", text, error)
        raise DialFailed(HangupCause.INVALID_URL) from error


def _without_ours(uri: SipUri) -> SipUri:
    theirs = tuple([each for each in uri.parameters if each[0] not in FS_PARAMETERS])
    return uri if len(theirs) == len(uri.parameters) else replace(uri, parameters=theirs)


async def _ways_to(profile: Profile, uri: SipUri) -> list[Flow]:
    try:
        return await profile.locate(uri)
    except SipError as error:
        log.error("Cannot find the way to %s: %s", uri, error)
        raise DialFailed(HangupCause.DESTINATION_OUT_OF_ORDER) from error
