"""The configuration tree: text stage, XML, typed settings, access lists."""

from .acl import read_access_lists
from .errors import ConfigurationError, Note, Position
from .expand import Call, Lookup, expand
from .settings import ProfileDomain, ProfileSettings, SwitchSettings, read_profiles, read_switch_settings
from .tree import Element, LoadedConfiguration, Section, Tree, load_tree
from .values import AddressKind, AddressSetting

__all__ = [
    "AddressKind",
    "AddressSetting",
    "Call",
    "ConfigurationError",
    "Element",
    "LoadedConfiguration",
    "Lookup",
    "Note",
    "Position",
    "ProfileDomain",
    "ProfileSettings",
    "Section",
    "SwitchSettings",
    "Tree",
    "expand",
    "load_tree",
    "read_access_lists",
    "read_profiles",
    "read_switch_settings",
]
