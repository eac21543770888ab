"""The directory: domains, their users and groups, and the secrets they prove themselves with.

Lives here: who exists, and what is known of them. Never here: challenges, registrations, dialling.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from hashlib import md5, sha256
from pathlib import Path
from typing import Final, Self

from ...net.values import frozen
from ..variable_names import variable_name
from .errors import ConfigurationError, Position
from .tree import Element, Tree
from .weak_secrets import reason_for_weakness

log = logging.getLogger(__name__)

HASHES: Final = {"MD5": md5, "MD5-SESS": md5, "SHA-256": sha256, "SHA-256-SESS": sha256}


@frozen
class User:
    """One account. ``params`` and ``variables`` already hold what the group and the domain give."""

    id: str
    domain: str
    position: Position
    params: Mapping[str, str]  # names in lower case
    variables: Mapping[str, str]
    cidr: tuple[str, ...] = ()  # networks this user may call from, for access lists
    number_alias: str = ""

    @property
    def password(self) -> str | None:
        """The secret in clear text; None when there is none (there may be an ``a1-hash``)."""
        return self.params.get("password")

    @classmethod
    def unknown(cls, id: str, domain: str) -> Self:
        """Somebody of whom the directory knows nothing."""
        return cls(id, domain, Position(Path(), 0), {}, {})

    @property
    def call_variables(self) -> dict[str, str]:
        """What a call of this user knows of him."""
        return {**self.variables, "user_name": self.id, "domain_name": self.domain}

    @property
    def mwi_account(self) -> str:
        """``USER@DOMAIN`` whose messages his phones show: his own, unless the directory says otherwise."""
        account = self.params.get("mwi-account", "").strip()
        return account if "@" in account else f"{account or self.id}@{self.domain}"

    @property
    def a1_hash(self) -> str | None:
        """MD5 of ``user:realm:password`` in lower-case hexadecimal, made elsewhere."""
        return self.params.get("a1-hash", "").strip().lower() or None

    @property
    def dial_string(self) -> str | None:
        """How to reach this user: the user's own, else the group's, else the domain's."""
        return self.params.get("dial-string")

    def ha1(self, realm: str, algorithm: str = "MD5", username: str | None = None) -> str | None:
        """H(username:realm:password) of RFC 7616 §3.4.2, in hexadecimal, without the session part.

        An ``a1-hash`` serves MD5 alone; it was made for one realm, and nothing here can tell which.
        ``username`` is the name as the phone sent it, where it differs from the id.

        Returns:
            None when there is no usable secret for the algorithm: such a user cannot log in.
        """
        make = HASHES.get(algorithm.upper())
        if make is None:
            return None
        if self.a1_hash and make is md5:
            return self.a1_hash
        if not self.password:
            return None
        return make(f"{username or self.id}:{realm}:{self.password}".encode()).hexdigest()

    def __str__(self) -> str:
        return f"{self.id}@{self.domain}"


@frozen
class Domain:
    name: str
    users: Mapping[str, User]
    groups: Mapping[str, tuple[User, ...]]
    variables: Mapping[str, str]
    params: Mapping[str, str]  # names in lower case

    def group(self, name: str) -> tuple[User, ...]:
        """The members of a group: first as written, then whatever the case; none where there is none."""
        if name in self.groups:
            return self.groups[name]
        folded = name.lower()
        return next((members for each, members in self.groups.items() if each.lower() == folded), ())

    def find(self, name: str) -> User | None:
        """A user by id, else by number-alias: first as written, then whatever the case."""
        if name in self.users:
            return self.users[name]
        folded = name.lower()
        users = self.users.values()
        by_id = (user for user in users if user.id.lower() == folded)
        by_alias = (user for user in users if user.number_alias and user.number_alias.lower() == folded)
        return next(by_id, None) or next(by_alias, None)


@frozen
class Directory:
    """All domains. Domain names compare without case, as DNS names do."""

    domains: Mapping[str, Domain]  # by lower-case name, in the order of the files

    @classmethod
    def read(cls, tree: Tree) -> Self:
        """The directory section; empty when there is none.

        Raises:
            ConfigurationError: a domain without a name, or a user without an id.
        """
        elements: dict[str, list[Element]] = {}
        for element in tree.section("directory").all("domain"):
            name = element.get("name").strip()
            if not name:
                remedy = 'write <domain name="…">; if it is a $${variable}, it is not set'
                raise ConfigurationError(element.position, "a domain without a name", remedy)
            elements.setdefault(name.lower(), []).append(element)
        return cls({name: _Reader(found).domain() for name, found in elements.items()})

    @property
    def default_domain(self) -> str | None:
        """The first domain; None when there is no directory."""
        return next((domain.name for domain in self.domains.values()), None)

    def domain(self, name: str | None) -> Domain | None:
        """A domain by name; the default one when no name is given."""
        if not name:
            return next(iter(self.domains.values()), None)
        return self.domains.get(name.lower())

    def find_user(self, domain: str | None, user: str) -> User | None:
        """A user of a domain, of the default one when ``domain`` is empty or None."""
        found = self.domain(domain)
        return found.find(user) if found is not None else None

    def users(self) -> list[User]:
        return [user for domain in self.domains.values() for user in domain.users.values()]


def weak_secrets(directory: Directory) -> list[tuple[str, str]]:
    """Users whose secret a stranger would guess: ``user@domain`` and the reason, in the directory's order."""
    judged = (
        (str(user), reason_for_weakness(user.id, user.domain, user.password, user.a1_hash))
        for user in directory.users()
    )
    return [(name, reason) for name, reason in judged if reason is not None]


class _Reader:
    """Reads one domain, which may be written in several places."""

    def __init__(self, elements: list[Element]) -> None:
        self._elements = elements
        self._name = elements[0].get("name").strip()
        self._users: dict[str, User] = {}
        self._members: dict[str, list[tuple[str, Position]]] = {}  # ids by group

    def domain(self) -> Domain:
        params: dict[str, str] = {}
        variables: dict[str, str] = {}
        for element in self._elements:
            params |= _params(element)
            variables |= _variables(element)
        for element in self._elements:
            for group in element.inside("groups", "group"):
                self._take_group(group, params, variables)
            loose = [*element.inside("users", "user"), *element.all("user")]
            self._take_users(loose, None, params, variables)
        groups = {group: self._resolve(group, ids) for group, ids in self._members.items()}
        return Domain(self._name, self._users, groups, variables, params)

    def _take_group(self, group: Element, params: dict[str, str], variables: dict[str, str]) -> None:
        name = group.get("name").strip()
        self._members.setdefault(name, [])
        params = params | _params(group)
        variables = variables | _variables(group)
        self._take_users([*group.inside("users", "user"), *group.all("user")], name, params, variables)

    def _take_users(
        self,
        elements: Iterable[Element],
        group: str | None,
        params: dict[str, str],
        variables: dict[str, str],
    ) -> None:
        for element in elements:
            name = element.get("id").strip()
            if not name:
                raise ConfigurationError(element.position, "a user without an id", 'write <user id="1000">')
            if group is not None:
                self._members[group].append((name, element.position))
            if element.get("type").lower() != "pointer":
                self._add(element, name, params, variables)

    def _add(self, element: Element, name: str, params: dict[str, str], variables: dict[str, str]) -> None:
        if name in self._users:
            text = "%s: user %s@%s is already defined at %s: this one is ignored"
            log.warning(text, element.position, name, self._name, self._users[name].position)
            return
        self._users[name] = User(
            id=name,
            domain=self._name,
            position=element.position,
            params=params | _params(element),
            variables=variables | _variables(element),
            cidr=tuple(each.strip() for each in element.get("cidr").split(",") if each.strip()),
            number_alias=element.get("number-alias").strip(),
        )

    def _resolve(self, group: str, ids: list[tuple[str, Position]]) -> tuple[User, ...]:
        found: dict[str, User] = {}
        for name, position in ids:
            if name in self._users:
                found[name] = self._users[name]
            else:
                text = "%s: group %s points to user %s, who is not in domain %s: ignored"
                log.warning(text, position, group, name, self._name)
        return tuple(found.values())


def _variables(element: Element) -> dict[str, str]:
    """``<variables>``, whose names compare without case too, but are shown as they are written."""
    return {
        variable_name(name): value for name, value in element.named_values("variables", "variable").items()
    }


def _params(element: Element) -> dict[str, str]:
    """``<params>`` with the names in lower case: parameter names compare without case."""
    return {name.lower(): value for name, value in element.named_values("params", "param").items()}
