"""The SIP profiles of sofia.conf, read from its elements.

Lives here: parameters, aliases, domains and gateways of each, and what is said of odd ones.
Never here: which parameters there are (`settings.py`), what becomes of them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ...net.values import replace
from .errors import ConfigurationError, Position
from .parameters import Reader, field_of, names_until_none, read_parameters
from .registration_settings import REGISTRATION_PARAMETERS, REGISTRATION_REPEATABLE, RegistrationSettings
from .settings import PROFILE_PARAMETERS, ProfileDomain, ProfileSettings
from .tree import Element, Tree
from .values import MISSING, AddressKind, AddressSetting, read_boolean, read_own_address

log = logging.getLogger(__name__)

GLOBAL_PARAMETERS: Final[Mapping[str, Reader]] = {
    "auto-restart": read_boolean,
    "abort-on-empty-external-ip": read_boolean,
}
MOST_RTP_IPS: Final = 50  # of one profile, as in FreeSWITCH
UNSPECIFIED: Final = "0.0.0.0"
REPLACED: Final = "%s: %s: %s: Invalid IP 0.0.0.0 replaced with our own address"


def load_profiles(tree: Tree) -> list[ProfileSettings]:
    """The SIP profiles of sofia.conf, in order.

    Raises:
        ConfigurationError: there is none, two have one name, or a value is not allowed.
    """
    element = tree.configuration("sofia.conf")
    profiles = [] if element is None else _read_all(element, tree)
    if not profiles:
        position = element.position if element is not None else tree.root.position
        remedy = "write one under sip_profiles/ and include it from autoload_configs/sofia.conf.xml"
        raise ConfigurationError(position, "no SIP profile is configured", remedy)
    seen: dict[str, Position] = {}
    for profile in profiles:
        if profile.name in seen:
            message = f"a second profile named '{profile.name}'; the first is at {seen[profile.name]}"
            raise ConfigurationError(profile.position, message, "give it another name")
        seen[profile.name] = profile.position
    return profiles


def _read_all(sofia: Element, tree: Tree) -> list[ProfileSettings]:
    """Every profile that is to be started, with what sofia.conf's ``global_settings`` say of all."""
    of_all = [
        each
        for each in sofia.inside("global_settings", "param")
        if each.get("name").strip().lower() in GLOBAL_PARAMETERS
    ]
    values = read_parameters(of_all, GLOBAL_PARAMETERS, "sofia.conf")
    profiles = [_read_profile(each, tree) for each in sofia.inside("profiles", "profile")]
    if not values.get("auto_restart", True):
        profiles = [replace(each, auto_restart=False) for each in profiles]
    if values.get("abort_on_empty_external_ip", False):
        profiles = [each for each in profiles if not _has_empty_address(each)]
    return profiles


def _has_empty_address(profile: ProfileSettings) -> bool:
    """Whether an external address is written and empty: such a profile may be not wanted at all."""
    both = (profile.ext_sip_ip, profile.ext_rtp_ip)
    empty = any(each.kind is AddressKind.EMPTY for each in both)
    if empty:
        text = (
            "%s: profile %s is left out: its external address is empty, and abort-on-empty-external-ip is set"
        )
        log.error(text, profile.position, profile.name)
    return empty


def _read_profile(element: Element, tree: Tree) -> ProfileSettings:
    name = element.get("name").strip()
    if not name:
        raise ConfigurationError(element.position, "a profile without a name", 'write <profile name="…">')
    parameters = element.inside("settings", "param")
    where = f"profile {name}"
    values = read_parameters(
        [_renamed(each) for each in parameters], {**PROFILE_PARAMETERS, **REGISTRATION_PARAMETERS}, where
    )
    values["registration"] = _registration(parameters, values)
    values["apply_inbound_acl"] = names_until_none(parameters, "apply-inbound-acl")
    values |= _addresses(parameters, values, where, element.position)
    if "auth_calls" not in values:
        text = "%s: %s has no auth-calls, so calls are accepted without a password; write it down to be sure"
        log.warning(text, element.position, where)
    aliases = tuple(each.get("name") for each in element.inside("aliases", "alias") if each.get("name"))
    domains = tuple(_domain(each) for each in element.inside("domains", "domain"))
    owners = [element, *_users_with_gateways(tree, domains)]
    if any(each.inside("gateways", "gateway") for each in owners):
        from .trunk_settings import read_trunks  # not of a start without any

        values["trunks"] = read_trunks(owners, name)
    return ProfileSettings(name=name, position=element.position, aliases=aliases, domains=domains, **values)


def _addresses(
    parameters: list[Element], values: dict[str, Any], where: str, position: Position
) -> dict[str, Any]:
    """Our own addresses and the external ones, with a word on those that cannot be meant."""
    found: dict[str, Any] = {}
    for name in ("sip-ip", "rtp-ip"):
        if values.get(field_of(name)) == UNSPECIFIED:
            log.warning(REPLACED, position, where, name)
    written = [each for each in parameters if each.get("name").strip().lower() == "rtp-ip"]
    if len(written) > 1:  # each was read already, so none of them is wrong
        several = tuple(dict.fromkeys(read_own_address(each.get("value")) for each in written))
        found |= {"rtp_ip": several[0], "more_rtp_ips": several[1:MOST_RTP_IPS]}
    for name in ("ext-sip-ip", "ext-rtp-ip"):
        setting = values.get(field_of(name), MISSING)
        _warn_of_address(setting, name, where, position)
        if setting.kind is AddressKind.STUN and not values.get("stun_enabled", True):
            text = "%s: %s: %s is '%s', but stun-enabled is false: treated as unset"
            log.error(text, position, where, name, setting.text)
            found[field_of(name)] = MISSING
    return found


def _users_with_gateways(tree: Tree, domains: Iterable[ProfileDomain]) -> Iterator[Element]:
    """The users of the directory's domains that a profile parses, for gateways of their own."""
    parsed = {each.name for each in domains if each.parse}
    for domain in tree.section("directory").all("domain") if parsed else ():
        if "all" in parsed or domain.get("name") in parsed:
            groups = domain.inside("groups", "group")
            for users in (domain, *groups):
                yield from (*users.inside("users", "user"), *users.all("user"))


def _registration(parameters: list[Element], values: dict[str, Any]) -> RegistrationSettings:
    """Its share of a profile's values, taken out of them."""
    own: dict[str, Any] = {
        field_of(each): names_until_none(parameters, each) for each in REGISTRATION_REPEATABLE
    }
    for name in {field_of(each) for each in REGISTRATION_PARAMETERS} & values.keys():
        own[name] = values.pop(name)
    return RegistrationSettings(**own)


def _domain(element: Element) -> ProfileDomain:
    try:
        alias, parse = (read_boolean(element.get(name, "false")) for name in ("alias", "parse"))
    except ValueError as error:
        message = f"domain '{element.get('name')}': alias and parse must be {error}"
        raise ConfigurationError(element.position, message) from error
    return ProfileDomain(element.get("name"), alias, parse)


def _renamed(parameter: Element) -> Element:
    """codec-prefs is the old name; it stands for the inbound list, and outbound-codec-prefs for itself."""
    if parameter.get("name").lower() != "codec-prefs":
        return parameter
    return Element(parameter.tag, {**parameter.attributes, "name": "inbound-codec-prefs"}, parameter.position)


def _warn_of_address(setting: AddressSetting, name: str, where: str, position: Position) -> None:
    if setting.kind is AddressKind.EMPTY:
        log.error("%s: %s: Invalid %s: the value is empty, treated as unset", position, where, name)
    elif setting.text.strip() == UNSPECIFIED:
        log.warning(REPLACED, position, where, name)
