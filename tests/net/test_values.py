"""Values and records behave as dataclasses with slots do."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, field
from typing import ClassVar

import pytest

from ringthru.net.values import MANY, frozen, record, replace


@frozen
class Point:
    """A value with a default, a factory, a constant and a check."""

    LIMIT: ClassVar[int] = 10
    x: int
    y: int = 2
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        if self.x > self.LIMIT:
            raise ValueError("too far")

    @property
    def sum(self) -> int:
        return self.x + self.y


@frozen
class Pixel(Point):
    """Fields of its own after the inherited ones."""

    colour: str = "black"


def test_fields_defaults_and_methods():
    assert (Point(1).x, Point(1).y, Point(1, y=5).sum) == (1, 2, 6)


def test_a_factory_is_called_for_each_instance():
    assert Point(1).notes is not Point(1).notes


def test_equal_by_class_and_content_alone():
    assert Point(1) == Point(1) != Point(2)
    assert Pixel(1) != Point(1)
    assert hash(Flat(1)) == hash(Flat(1))


@frozen
class Flat:
    x: int


@frozen
class Nothing:
    pass


def test_without_fields_all_are_equal():
    assert Nothing() == Nothing() != Flat(1)
    assert len({Nothing(), Nothing()}) == 1
    assert repr(Nothing()) == "Nothing()"


def test_it_cannot_be_changed_nor_grown():
    point = Point(1)
    for change in (
        lambda: setattr(point, "x", 2),
        lambda: delattr(point, "x"),
        lambda: setattr(point, "z", 1),
    ):
        with pytest.raises(FrozenInstanceError, match="frozen"):
            change()
    assert not hasattr(point, "__dict__")


def test_replace_makes_a_checked_copy():
    assert replace(Point(1), y=9) == Point(1, 9)
    with pytest.raises(ValueError, match="too far"):
        replace(Point(1), x=11)
    with pytest.raises(TypeError):
        replace(Point(1), z=1)


def test_inheritance_appends_fields():
    assert repr(Pixel(1, colour="red")) == "Pixel(x=1, y=2, notes=[], colour='red')"
    assert Pixel(1).sum == 3


def test_missing_and_unknown_arguments_are_type_errors():
    for wrong in (lambda: Point(), lambda: Point(1, z=2), lambda: Flat(1, 2)):
        with pytest.raises(TypeError):
            wrong()


def test_patterns_match_by_position_and_name():
    match Point(1, 4):
        case Point(x, y=4):
            assert x == 1
        case _:
            pytest.fail("no match")


@record
class Counter:
    """A record: the same, but it changes."""

    calls: int = 0
    notes: list[str] = field(default_factory=list)


def test_a_record_changes_and_has_no_hash():
    counter = Counter()
    counter.calls += 1
    assert counter == Counter(1) != Counter()
    with pytest.raises(TypeError, match="unhashable"):
        hash(counter)
    with pytest.raises(AttributeError):
        counter.other = 1  # type: ignore[attr-defined]


def make_fresh():
    """A class of which nothing has been made yet."""

    @record
    class Fresh:
        x: int
        y: int = field(default=0)
        notes: list[str] = field(default_factory=list)

        def __post_init__(self) -> None:
            self.notes.append("looked at")

    return Fresh


@pytest.mark.parametrize("made_before", [0, MANY - 1, MANY, MANY + 1])
def test_the_first_instances_are_made_as_all_later_ones_are(made_before):
    fresh = make_fresh()
    for number in range(made_before):
        fresh(number)
    assert fresh(1, y=2) == fresh(y=2, x=1) == fresh(1, 2, [])
    assert (fresh(7).y, fresh(7).notes) == (0, ["looked at"])


@pytest.mark.parametrize(
    ("arguments", "named", "words"),
    [
        ((), {}, "missing 1 required positional argument: 'x'"),
        ((1, 2, [], 4), {}, "takes from 2 to 4 positional arguments but 5 were given"),
        ((1,), {"x": 1}, "got multiple values for argument 'x'"),
        ((1,), {"z": 1}, "got an unexpected keyword argument 'z'"),
    ],
)
@pytest.mark.parametrize("made_before", [0, MANY])
def test_the_first_wrong_call_is_refused_in_the_words_of_all_others(arguments, named, words, made_before):
    fresh = make_fresh()
    for number in range(made_before):
        fresh(number)
    with pytest.raises(TypeError, match=rf"Fresh.__init__\(\) {words}"):
        fresh(*arguments, **named)
    assert fresh(1, y=2).y == 2


@frozen
class Named:
    """A value with something that follows from its field."""

    __slots__ = ("initial",)
    name: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "initial", self.name[:1])


class TestWhatFollowsFromTheFields:
    """Names in ``__slots__`` are no fields."""

    def test_it_is_there_in_every_instance(self) -> None:
        assert {Named("one").initial for _ in range(2 * MANY)} == {"o"}
        assert replace(Named("one"), name="two").initial == "t"

    def test_it_is_neither_argument_nor_shown_nor_changed(self) -> None:
        assert repr(Named("one")) == "Named(name='one')"
        assert Named.__match_args__ == ("name",)
        with pytest.raises(FrozenInstanceError):
            Named("one").initial = "x"
