"""What a profile says about registrations and credentials, as typed values with FreeSWITCH's defaults.

Lives here: names, types, defaults, what a user's own entry changes. Never here: what becomes of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

from ...net.values import frozen, replace
from .expressions import Expression, compile_expression
from .values import one_of, read_boolean, read_names, read_number, whole

DAY: Final = 86400
WITHOUT_RPORT: Final = ("Polycom", "KIRK Wireless Server 600v3")  # those that ``safe`` is about
ALGORITHMS: Final = ("SHA-256", "MD5")  # what can be offered (RFC 8760)


@frozen
class RegistrationSettings:
    """One profile's registrar. All spans are seconds.

    Where our default is not FreeSWITCH's, the comment says so.
    """

    # How long
    sip_force_expires: int | None = None  # granted whatever a phone asks
    sip_force_expires_min: int = 0  # a shorter wish is lengthened
    sip_force_expires_max: int = 7200  # FreeSWITCH: no bound
    sip_expires_max_deviation: int = 0  # each grant differs by at most so much, at random
    sip_expires_late_margin: int = 0  # FreeSWITCH: 60
    # How many
    multiple_registrations: str = "contact"  # contact, true (by Call-ID), false; FreeSWITCH: false
    max_registrations_per_extension: int = 0  # more are refused; 0: the ten newest stay
    # Who
    disable_register: bool = False
    user_agent_filter: Expression | None = None  # phones whose User-Agent it does not match are refused
    accept_blind_reg: bool = False  # without any password
    accept_blind_auth: bool = False  # with any password
    apply_register_acl: tuple[
        str, ...
    ] = ()  # who is in all of them needs no password, others may not register
    inbound_reg_force_matching_username: bool = True  # FreeSWITCH: false
    force_register_db_domain: str | None = None
    nonce_ttl: int = 60
    # Preferred first. MD5 alone, as in FreeSWITCH: baresip 1.0 gives up at any challenge it does not know.
    rfc8760_auth_algorithms: tuple[str, ...] = ("MD5",)
    log_auth_failures: bool = False  # challenges too; failures are always logged
    # Who is told that messages wait when he registers: false, first-only, or true, at each refresh as well
    send_message_query_on_register: str = "first-only"
    # Behind a NAT
    apply_nat_acl: tuple[str, ...] = ()
    ndlb_force_rport: str = ""
    ndlb_received_in_nat_reg_contact: bool = False
    ndlb_connectile_dysfunction: bool = False
    tcp_always_nat: bool = False
    tls_always_nat: bool = False
    # Is it still there?
    nat_options_ping: str = "false"  # true, false, udp-only
    all_reg_options_ping: bool = False
    unregister_on_options_fail: bool = False
    ping_mean_interval: int = 30
    sip_user_ping_min: int = 1
    sip_user_ping_max: int = 3

    @property
    def rport_for(self) -> tuple[str, ...]:
        """Beginnings of the User-Agents answered where their requests came from, asked or not; "" is all."""
        if self.ndlb_force_rport in ("true", "server-only"):
            return ("",)
        return WITHOUT_RPORT if self.ndlb_force_rport == "safe" else ()

    @property
    def asks_rport(self) -> bool:
        """Whether our own requests ask to be answered where they come from (RFC 3581)."""
        return self.ndlb_force_rport not in ("disabled", "server-only")

    def for_user(self, params: Mapping[str, str], variables: Mapping[str, str]) -> RegistrationSettings:
        """The same with what a user's directory entry says; what it says badly does not count."""
        changes: dict[str, Any] = {}
        for name in USER_OVERRIDES:
            text = variables.get(name, params.get(name))
            if text is None:
                continue
            try:
                changes[name.replace("-", "_")] = REGISTRATION_PARAMETERS[name](text)
            except ValueError:
                continue
        return replace(self, **changes) if changes else self


def _algorithms(text: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.upper() for name in read_names(text)))
    known = tuple(name for name in names if name in ALGORITHMS)
    if not known:
        raise ValueError(f"a comma list of {', '.join(ALGORITHMS)}")
    return known


def _truth_or(*words: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.strip().lower() in words:
            return text.strip().lower()
        return "true" if read_boolean(text) else "false"

    return read


def _text(text: str) -> str | None:
    return text.strip() or None


def _expression(text: str) -> Expression | None:
    try:
        return compile_expression(text.strip()) if text.strip() else None
    except re.error as error:
        raise ValueError(f"a regular expression: {error}") from None


def _seconds_or_none(text: str) -> int | None:
    return read_number(text, 0, DAY * 30) or None


REGISTRATION_PARAMETERS: Final[Mapping[str, Callable[[str], Any]]] = {
    "sip-force-expires": _seconds_or_none,
    "sip-force-expires-min": whole(0, DAY * 30),
    "sip-force-expires-max": whole(1, DAY * 30),
    "sip-expires-max-deviation": whole(0, DAY),
    "sip-expires-late-margin": whole(0, DAY),
    "multiple-registrations": _truth_or("contact", "call-id"),
    "max-registrations-per-extension": whole(0, 10),
    "disable-register": read_boolean,
    "user-agent-filter": _expression,
    "accept-blind-reg": read_boolean,
    "accept-blind-auth": read_boolean,
    "inbound-reg-force-matching-username": read_boolean,
    "force-register-db-domain": _text,
    "nonce-ttl": whole(1, DAY),
    "rfc8760-auth-algorithms": _algorithms,
    "log-auth-failures": read_boolean,
    "send-message-query-on-register": _truth_or("first-only"),
    "ndlb-force-rport": one_of("true", "false", "safe", "client-only", "server-only", "disabled"),
    "ndlb-received-in-nat-reg-contact": read_boolean,
    "ndlb-connectile-dysfunction": read_boolean,
    "tcp-always-nat": read_boolean,
    "tls-always-nat": read_boolean,
    "nat-options-ping": _truth_or("udp-only"),
    "all-reg-options-ping": read_boolean,
    "unregister-on-options-fail": read_boolean,
    "ping-mean-interval": whole(1, DAY),
    "sip-user-ping-min": whole(1, 100),
    "sip-user-ping-max": whole(1, 100),
}
REGISTRATION_REPEATABLE: Final = frozenset({"apply-nat-acl", "apply-register-acl"})
USER_OVERRIDES: Final = (
    "sip-force-expires",
    "sip-force-expires-min",
    "sip-force-expires-max",
    "sip-expires-max-deviation",
    "max-registrations-per-extension",
)
