"""Values and records: what ``@dataclass(slots=True)`` gives, at a tenth of its start-up cost.

The standard decorator compiles six methods for every class, and reads its signature: about a millisecond
each on a small machine, which for the values of this program is half of the start-up budget. Here one method
is compiled (``__init__``, because instances are made on every packet), not before many instances were made,
and the rest is shared.

Lives here: the two decorators and ``replace``. Never here: any particular value.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, FrozenInstanceError, field
from inspect import get_annotations
from operator import attrgetter
from typing import Any, Final, TypeVar, dataclass_transform

T = TypeVar("T")

NAMES: Final = "__match_args__"  # the fields' names, in order
MANY: Final = 40  # instances: to compile ``__init__`` takes as long as to make so many without


@dataclass_transform(frozen_default=True, field_specifiers=(field,))
def frozen(cls: type[T]) -> type[T]:
    """Make a class of annotated fields a frozen value with ``__slots__``, equality, hash and ``repr``.

    Fields, defaults, ``field(default_factory=…)``, ``ClassVar``, ``__post_init__`` and inheritance from
    another value mean what they mean to ``dataclass``. A method the class defines itself is kept. Names in
    ``__slots__`` of the class are no fields: ``__post_init__`` may set them to what follows from the fields.
    """
    return _made(cls, {"__hash__": _hash, "__setattr__": _refuse, "__delattr__": _refuse})


@dataclass_transform(field_specifiers=(field,))
def record(cls: type[T]) -> type[T]:
    """The same with fields that may be changed, and therefore without a hash."""
    return _made(cls, {"__hash__": None})


def replace(instance: T, **changes: Any) -> T:
    """A copy with some fields changed; ``__post_init__`` looks at it too.

    Raises:
        TypeError: a change names no field.
    """
    kind: Any = type(instance)
    return kind(**{name: getattr(instance, name) for name in getattr(kind, NAMES)} | changes)  # type: ignore[no-any-return]


def _made(cls: type[T], methods: dict[str, Any]) -> type[T]:
    """The class again, with slots for its fields: slots cannot be added to a class that exists."""
    own = [name for name, kind in get_annotations(cls).items() if "ClassVar" not in str(kind)]
    inherited = next((getattr(base, NAMES) for base in cls.__mro__[1:] if hasattr(base, NAMES)), ())
    new = [name for name in own if name not in inherited]
    names = (*inherited, *new)
    defaults = {name: cls.__dict__[name] for name in own if name in cls.__dict__}
    derived = cls.__dict__.get("__slots__", ())  # what ``__post_init__`` makes of the fields
    body = {
        name: attribute
        for name, attribute in cls.__dict__.items()
        if name not in defaults and name not in ("__dict__", "__weakref__", *derived)
    }
    if body.get("__hash__") is None:  # what Python puts beside an __eq__ of the class's own
        body.pop("__hash__", None)
    defaults = {**getattr(cls, "__defaults__", {}), **defaults}
    content = attrgetter(*names) if names else type  # without fields the class is all there is
    shared = {"_content": content, "__eq__": _equal, "__repr__": _shown, **methods}
    slots = {"__slots__": (*new, *derived), NAMES: names, "__defaults__": defaults}
    kind: Any = type(cls)
    made: type[T] = kind(cls.__name__, cls.__bases__, shared | body | slots)
    made.__init__ = _first_initialiser(made, defaults)  # type: ignore[method-assign]
    return made


def _equal(self: Any, other: Any) -> Any:
    if other is self:
        return True
    if other.__class__ is not self.__class__:
        return NotImplemented
    return self._content(self) == self._content(other)


def _hash(self: Any) -> int:
    return hash((self.__class__, self._content(self)))


def _shown(self: Any) -> str:
    fields = ", ".join(f"{name}={getattr(self, name)!r}" for name in self.__match_args__)
    return f"{self.__class__.__qualname__}({fields})"


def _refuse(self: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"{self.__class__.__name__}.{name} cannot be changed: values are frozen")


def _first_initialiser(cls: Any, defaults: dict[str, Any]) -> Callable[..., None]:
    """An ``__init__`` that is compiled after ``MANY`` instances: at a start few classes have so many.

    What cannot be a call of it is left to the compiled one, which says so in Python's own words.
    """
    made = 0
    names, judges = cls.__match_args__, hasattr(cls, "__post_init__")

    def initialiser(self: Any, *arguments: Any, **named: Any) -> None:
        nonlocal made
        made += 1
        if made > MANY or not _fill(self, names, defaults, arguments, named):
            cls.__init__ = _initialiser(cls, defaults)
            cls.__init__(self, *arguments, **named)
        elif judges:
            self.__post_init__()

    return initialiser


def _fill(
    self: Any, names: Sequence[str], defaults: dict[str, Any], arguments: Sequence[Any], named: dict[str, Any]
) -> bool:
    """Set the fields as given or by default; False: these are no arguments for them."""
    if len(arguments) > len(names):
        return False
    set_field, used = object.__setattr__, 0  # past the refusal to change anything
    for name, value in zip(names, arguments, strict=False):
        set_field(self, name, value)
    for name in names[len(arguments) :]:
        if name in named:
            value, used = named[name], used + 1
        elif name in defaults:
            value = defaults[name]
            value = _default(value) if value.__class__ is Field else value
        else:
            return False
        set_field(self, name, value)
    return used == len(named)


def _initialiser(cls: Any, defaults: dict[str, Any]) -> Callable[..., None]:
    """Compile ``__init__``: it sets the slots directly, past the refusal to change anything."""
    scope: dict[str, Any] = {}
    parameters, lines = [], []
    for name in cls.__match_args__:
        scope[f"_set_{name}"] = getattr(cls, name).__set__
        given = name
        if name in defaults:
            scope[f"_default_{name}"] = default = _plain(defaults[name])
            parameters.append(f"{name}=_default_{name}")
            if isinstance(default, Field):  # a factory: called anew for each instance
                scope[f"_make_{name}"] = default.default_factory
                given = f"_make_{name}() if {name} is _default_{name} else {name}"
        else:
            parameters.append(name)
        lines.append(f" _set_{name}(self, {given})")
    if hasattr(cls, "__post_init__"):
        lines.append(" self.__post_init__()")
    source = f"def __init__(self, {', '.join(parameters)}):\n" + "\n".join(lines or [" pass"])
    exec(source, scope)
    initialiser: Callable[..., None] = scope["__init__"]
    initialiser.__qualname__ = f"{cls.__qualname__}.__init__"
    return initialiser


def _default(default: Any) -> Any:
    """The default itself; what its factory makes."""
    plain = _plain(default)
    make: Any = plain.default_factory if isinstance(plain, Field) else None
    return make() if make else plain


def _plain(default: Any) -> Any:
    """``field(default=3)`` is 3; a factory stays what it is."""
    if isinstance(default, Field) and default.default is not MISSING:
        return default.default
    return default
