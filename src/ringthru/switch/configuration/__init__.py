"""What the operator wrote: the text stage, XML, typed settings, access lists, directory, dialplan."""

from .acl import load_access_lists, misnamed_lists
from .conditions import FOREVER, Action
from .dialplan import Dialplan, Route
from .directory import Directory, Domain, User, weak_secrets
from .errors import ConfigurationError, Note, Position
from .expand import Lookup, expand
from .profile_reader import load_profiles
from .registration_settings import RegistrationSettings
from .settings import ProfileDomain, ProfileSettings
from .switch_settings import SwitchSettings
from .tree import Element, LoadedConfiguration, Section, Tree, load_tree
from .values import AddressKind, AddressSetting

__all__ = [
    "FOREVER",
    "Action",
    "AddressKind",
    "AddressSetting",
    "ConfigurationError",
    "Dialplan",
    "Directory",
    "Domain",
    "Element",
    "LoadedConfiguration",
    "Lookup",
    "Note",
    "Position",
    "ProfileDomain",
    "ProfileSettings",
    "RegistrationSettings",
    "Route",
    "Section",
    "SwitchSettings",
    "Tree",
    "User",
    "expand",
    "load_access_lists",
    "load_profiles",
    "load_tree",
    "misnamed_lists",
    "weak_secrets",
]
