"""What a profile's ``<gateway>`` says: one SIP provider, a *trunk* in our words, with FreeSWITCH's defaults.

Lives here: names, types, defaults. Never here: what becomes of them, addresses, sockets.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from ...net.values import frozen
from ...sip import MalformedMessage, SipUri
from ..variable_names import variable_name
from .errors import ConfigurationError, Position
from .parameters import log_unknown
from .tree import Element
from .values import one_of, read_boolean, read_number, whole

log = logging.getLogger(__name__)

DAY: Final = 86400


@frozen
class TrunkSettings:
    """One trunk. Spans are seconds. ``proxy`` and its kin are ``host[:port]`` or a SIP URI."""

    name: str
    profile: str
    position: Position
    realm: str
    proxy: str
    register_proxy: str
    outbound_proxy: str | None = None
    username: str = ""
    auth_username: str = ""
    password: str = ""
    from_user: str = ""
    from_domain: str = ""
    # Registering
    register: bool = True
    register_transport: str = ""  # udp, tcp, tls; "" leaves it to the proxy's URI and DNS
    expire_seconds: int = 3600
    retry_seconds: int = 30
    distinct_to: bool = False  # To is username@realm, whatever From says
    rfc_5626: bool = False
    reg_id: int = 1
    # Contact
    contact_params: str = ""
    contact_host: str | None = None  # an address or name to show; "sip-ip": the one we listen on
    extension_in_contact: bool = False
    # Calls
    extension: str = ""  # where calls to our Contact go; "": the username
    context: str | None = None  # None: the profile's
    caller_id_in_from: bool = False
    cid_type: str = ""  # none, rpid, pid; "": rpid
    # Is it there?
    ping: int = 0  # 0: it is not asked
    ping_min: int = 1
    ping_max: int = 1
    variables: tuple[tuple[str, str, str], ...] = ()  # name, value, "inbound" or "outbound" or "both"

    @property
    def contact_user(self) -> str:
        """The user part of our Contact, by which calls of the provider are told."""
        return (self.extension or self.username) if self.extension_in_contact else f"gw+{self.name}"

    @property
    def contact_mark(self) -> str:
        """A parameter of our Contact that only those know who were sent it; "" without a password.

        It stays the same over restarts, else a registrar would keep two Contacts (RFC 3261 §19.1.4).
        """
        if not self.password:
            return ""
        said = f"Contact of {self.name}".encode()
        return hmac.new(self.password.encode(), said, "sha256").hexdigest()[:16]

    def variables_for(self, direction: str) -> dict[str, str]:
        return {name: value for name, value, where in self.variables if where in (direction, "both")}


def _text(text: str) -> str | None:
    return text.strip() or None


def _word(text: str) -> str:
    return text.strip()


def _seconds(text: str) -> int:
    """A span, where FreeSWITCH's files may have a fraction or 0."""
    return read_number(text, 0, 30 * DAY)


def read_place(text: str) -> str | None:
    """``host``, ``host:port`` or a SIP URI; None for nothing."""
    word = text.strip()
    if word:
        try:
            place_uri(word)
        except MalformedMessage:
            raise ValueError("a host, host:port or a SIP URI") from None
    return word or None


def place_uri(text: str) -> SipUri:
    """A proxy as written, as a URI.

    Raises:
        MalformedMessage: it is none.
    """
    word = text.strip().strip("<>")
    return SipUri.parse(word if word.lower().startswith(("sip:", "sips:")) else f"sip:{word}")


TRUNK_PARAMETERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "realm": _text,
    "proxy": read_place,
    "register-proxy": read_place,
    "outbound-proxy": read_place,
    "username": _word,
    "auth-username": _word,
    "password": lambda text: text,
    "from-user": _word,
    "from-domain": _word,
    "register": read_boolean,
    "register-transport": one_of("udp", "tcp", "tls", ""),
    "expire-seconds": _seconds,
    "retry-seconds": _seconds,
    "distinct-to": read_boolean,
    "rfc-5626": read_boolean,
    "reg-id": whole(1, 2**31 - 1),
    "contact-params": _word,
    "contact-host": _text,
    "extension-in-contact": read_boolean,
    "extension": _word,
    "context": _text,
    "caller-id-in-from": read_boolean,
    "cid-type": one_of("none", "rpid", "pid", ""),
    "ping": _seconds,
    "ping-min": whole(0, 100),
    "ping-max": whole(1, 100),
}
ALSO: Final = {"sip-cid-type": "cid-type", "options-ping": "ping"}  # other spellings


def read_trunks(owners: Iterable[Element], profile: str) -> tuple[TrunkSettings, ...]:
    """The ``<gateways>`` of a profile and of users that it parses, in order.

    Left out, aloud: one that has no username or password where it needs one (as FreeSWITCH does), and of two
    with one name the later.

    Raises:
        ConfigurationError: one has no name, or a value that is not allowed.
    """
    found: dict[str, TrunkSettings] = {}
    for each in (gateway for owner in owners for gateway in owner.inside("gateways", "gateway")):
        trunk = _read_trunk(each, profile)
        if trunk is None:
            continue
        if trunk.name in found:
            text = "%s: gateway %s is already defined at %s: this one is ignored"
            log.warning(text, each.position, trunk.name, found[trunk.name].position)
            continue
        found[trunk.name] = trunk
    return tuple(found.values())


def _read_trunk(element: Element, profile: str) -> TrunkSettings | None:
    name = element.get("name").strip()
    if not name:
        raise ConfigurationError(element.position, "a gateway without a name", 'write <gateway name="…">')
    values = _values(element, f"gateway {name}")
    values["realm"] = values.get("realm") or name
    values["proxy"] = values.get("proxy") or values["realm"]
    values["register_proxy"] = values.get("register_proxy") or values["proxy"]
    values["auth_username"] = values.get("auth_username") or values.get("username", "")
    if values.get("register", True) and not (values.get("username") and values.get("password")):
        text = "%s: gateway %s is to be registered with, but has no username or no password: it is left out"
        text += "; give both, or register=false for a provider that knows us by our address"
        log.error(text, element.position, name)
        return None
    return TrunkSettings(
        name=name, profile=profile, position=element.position, variables=_variables(element), **values
    )


def _values(element: Element, where: str) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for parameter in element.all("param") + element.inside("params", "param"):
        name = parameter.get("name").strip().lower()
        name = ALSO.get(name, name)
        if name not in TRUNK_PARAMETERS:
            log_unknown(parameter, TRUNK_PARAMETERS, where, alike=0.85)
            continue
        try:
            value = TRUNK_PARAMETERS[name](parameter.get("value"))
        except ValueError as error:
            message = f"{where}: {name} is '{parameter.get('value')}', but must be {error}"
            raise ConfigurationError(parameter.position, message) from error
        if value is not None:
            values[name.replace("-", "_")] = value
    return values


def _variables(element: Element) -> tuple[tuple[str, str, str], ...]:
    rows = element.inside("variables", "variable")
    return tuple(
        (variable_name(each.get("name")), each.get("value"), each.get("direction").lower() or "both")
        for each in rows
        if each.get("name")
    )
