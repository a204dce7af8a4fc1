"""Conditions in filters, and how they are read: into the criteria of the repositories, or refused with their place.

A filter input has a method that reads it:

    @strawberry.input(description=CONDITION.format("teams"))
    class TeamFilterInput:
        and_: list[TeamFilterInput] | None = all_of()
        or_: list[TeamFilterInput] | None = any_of()
        not_: TeamFilterInput | None = none_of()
        active: bool | None = …

        def criteria(self, reader: FilterReader) -> TeamCriteria:
            return TeamCriteria(
                active=reader.flag("active", self.active),
                name=reader.text("name", self.name),
                site=reader.keys("site", self.site, "Site"),
            )

It reads what stands in the object itself. `nested(filter, reader, TeamCriteria)` reads the whole tree into a
`repositories.criteria.Nested[TeamCriteria]`, with its limits (rule Q8) and the path of whatever is wrong; those three
lines are all that a filter needs for it. A filter without them is read with `read`.

Logic is plain: an object without conditions holds for everything, `and: []` too, and `or: []` for nothing. A field
that is left out or null asks for nothing, and so does a condition without any part: a dashboard that sends
`{status: {}}` sees no deactivated people. Inside a condition null is refused: whether it means "any" or "none" is
anybody's guess, and `isNull` says it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any, Protocol, TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from gql.arguments import given, storable, text_argument
from gql.ids import key_of
from models.audit import AuditAction
from models.license import LicenseType
from models.operation import BulkOperationKind, BulkOperationStatus
from models.presence import PresenceState
from models.profile import UserProfileKind
from models.text import fold
from models.user import UserRole, UserStatus
from repositories.criteria import ChoiceCondition, InstantCondition, KeyCondition, Nested, TextCondition
from resolvers.context import Context
from resolvers.limits import MAX_FILTER_LEVELS, MAX_IN_LIST, MIN_CONTAINED_CHARACTERS, Limits
from resolvers.refusals import BadInput

E = TypeVar("E", bound=Enum)
C = TypeVar("C")
T = TypeVar("T")

CONDITION = (
    "Condition on {}. Several fields in one object must all hold. At most 50 conditions and 4 levels of nesting."
)
_EQ = "Equal to this."
_MISSING = "Whether the value is missing."


@strawberry.input(
    description="Condition on a text, compared regardless of case and accents. Several fields must all hold."
)
class StringFilterInput:
    eq: str | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[str] | None = strawberry.field(
        default=UNSET, name="in", description="Equal to one of these, at most 500."
    )
    contains: str | None = strawberry.field(default=UNSET, description="Contains this, at least 2 characters.")
    starts_with: str | None = strawberry.field(default=UNSET, description="Begins with this.")
    is_null: bool | None = strawberry.field(default=UNSET, description=_MISSING)


@strawberry.input(description="Condition on an id or on related ids. Several fields must all hold.")
class IdFilterInput:
    eq: strawberry.ID | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[strawberry.ID] | None = strawberry.field(
        default=UNSET, name="in", description="One of these, at most 500."
    )
    not_in: list[strawberry.ID] | None = strawberry.field(default=UNSET, description="None of these, at most 500.")
    is_null: bool | None = strawberry.field(default=UNSET, description="Whether there is no value at all.")


@strawberry.input(description="Condition on an instant. Several fields must all hold.")
class DateTimeFilterInput:
    gte: datetime | None = strawberry.field(default=UNSET, description="At or after this.")
    gt: datetime | None = strawberry.field(default=UNSET, description="After this.")
    lte: datetime | None = strawberry.field(default=UNSET, description="At or before this.")
    lt: datetime | None = strawberry.field(default=UNSET, description="Before this.")
    is_null: bool | None = strawberry.field(default=UNSET, description=_MISSING)


@strawberry.input(description="Condition on a life-cycle state. Several fields must all hold.")
class UserStatusFilterInput:
    eq: UserStatus | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[UserStatus] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[UserStatus] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on a role. Several fields must all hold.")
class UserRoleFilterInput:
    eq: UserRole | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[UserRole] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[UserRole] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on a presence state. Several fields must all hold.")
class PresenceStateFilterInput:
    eq: PresenceState | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[PresenceState] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[PresenceState] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on a license type. Several fields must all hold.")
class LicenseTypeFilterInput:
    eq: LicenseType | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[LicenseType] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[LicenseType] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on a kind of user profile. Several fields must all hold.")
class UserProfileKindFilterInput:
    eq: UserProfileKind | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[UserProfileKind] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[UserProfileKind] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on an audited action. Several fields must all hold.")
class AuditActionFilterInput:
    eq: AuditAction | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[AuditAction] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[AuditAction] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on an operation status. Several fields must all hold.")
class BulkOperationStatusFilterInput:
    eq: BulkOperationStatus | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[BulkOperationStatus] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[BulkOperationStatus] | None = strawberry.field(default=UNSET, description="None of these.")


@strawberry.input(description="Condition on an operation kind. Several fields must all hold.")
class BulkOperationKindFilterInput:
    eq: BulkOperationKind | None = strawberry.field(default=UNSET, description=_EQ)
    in_: list[BulkOperationKind] | None = strawberry.field(default=UNSET, name="in", description="One of these.")
    not_in: list[BulkOperationKind] | None = strawberry.field(default=UNSET, description="None of these.")


class ChoiceFilter(Protocol[E]):
    """Any of the inputs above that is about a closed set."""

    eq: E | None
    in_: list[E] | None
    not_in: list[E] | None


def all_of() -> Any:
    """The field `and` of a filter."""
    return strawberry.field(default=UNSET, name="and", description="All of these must hold.")


def any_of() -> Any:
    """The field `or` of a filter."""
    return strawberry.field(default=UNSET, name="or", description="At least one of these must hold.")


def none_of() -> Any:
    """The field `not` of a filter."""
    return strawberry.field(default=UNSET, name="not", description="This must not hold.")


@dataclass(slots=True)
class FilterReader:
    """Reads one filter, and counts its conditions.

    Attributes:
        at: When the question is asked: presence, for one, changes by itself.
        path: Where the object stands that is being read; at first the argument that holds the filter.
    """

    limits: Limits
    at: datetime
    path: tuple[str, ...] = ("filter",)
    conditions: int = 0

    @classmethod
    def of(cls, context: Context) -> FilterReader:
        """A reader of one filter of a request."""
        return cls(context.limits, context.now())

    def nested(self, filter: Any) -> Nested[Any]:
        """The criteria of a filter and of those in its `and`, `or` and `not`.

        Raises:
            BadInput: Anything in it is wrong, it is nested too deep, or there are too many conditions.
        """
        return self._nested(filter, 0)

    def _nested(self, filter: Any, level: int) -> Nested[Any]:
        if level > MAX_FILTER_LEVELS:
            raise BadInput(
                f"A filter is nested at most {MAX_FILTER_LEVELS} levels deep.", self.path, limit=MAX_FILTER_LEVELS
            )
        every, some, never = given(filter.and_), given(filter.or_), given(filter.not_)
        return Nested(
            filter.criteria(self),
            every=tuple(self._inside(("and", str(i)), each, level) for i, each in enumerate(every or ())),
            some=None
            if some is None
            else tuple(self._inside(("or", str(i)), each, level) for i, each in enumerate(some)),
            never=None if never is None else self._inside(("not",), never, level),
        )

    def _inside(self, step: tuple[str, ...], filter: Any, level: int) -> Nested[Any]:
        outside, before = self.path, self.conditions
        self.path = (*outside, *step)
        found = self._nested(filter, level + 1)
        if self.conditions == before:  # an object without conditions is work too
            self._count()
        self.path = outside
        return found

    def flag(self, name: str, value: bool | None) -> bool | None:
        """A condition that is yes or no."""
        value = given(value)
        if value is not None:
            self._count(name)
        return value

    def moment(self, name: str, value: datetime | None) -> datetime | None:
        """A condition that is a single instant."""
        value = given(value)
        if value is not None:
            self._count(name)
        return value

    def keys(self, name: str, value: IdFilterInput | None, *type_names: str) -> KeyCondition | None:
        """A condition on ids of these types.

        Raises:
            BadInput: An id is malformed or of another type, a list is too long, or there are too many conditions.
        """
        value = _said(value)
        if value is None:
            return None
        eq = self._one(name, "eq", value.eq)
        return KeyCondition(
            eq=None if eq is None else self._key(eq, type_names, (name, "eq")),
            among=self._keys(name, "in", value.in_, type_names),
            none_of=self._keys(name, "notIn", value.not_in, type_names),
            is_null=self._one(name, "isNull", value.is_null),
        )

    def text(self, name: str, value: StringFilterInput | None) -> TextCondition | None:
        """A condition on a text, its values folded.

        Raises:
            BadInput: A text that no database holds, a text or list that is too long, or too many conditions.
        """
        value = _said(value)
        if value is None:
            return None
        eq = self._one(name, "eq", value.eq)
        among = self._many(name, "in", value.in_)
        contains = self._one(name, "contains", value.contains)
        starts_with = self._one(name, "startsWith", value.starts_with)
        return TextCondition(
            eq=None if eq is None else self._text(eq, (name, "eq")),
            among=None
            if among is None
            else tuple(self._text(one, (name, "in", str(i))) for i, one in enumerate(among)),
            contains=None if contains is None else self._contained(contains, (name, "contains")),
            starts_with=None if starts_with is None else self._text(starts_with, (name, "startsWith")),
            is_null=self._one(name, "isNull", value.is_null),
        )

    def instant(self, name: str, value: DateTimeFilterInput | None) -> InstantCondition | None:
        """A condition on an instant."""
        value = _said(value)
        if value is None:
            return None
        return InstantCondition(
            gte=self._one(name, "gte", value.gte),
            gt=self._one(name, "gt", value.gt),
            lte=self._one(name, "lte", value.lte),
            lt=self._one(name, "lt", value.lt),
            is_null=self._one(name, "isNull", value.is_null),
        )

    def choice(self, name: str, value: ChoiceFilter[E] | None) -> ChoiceCondition[E] | None:
        """A condition on a member of a closed set."""
        value = _said(value)
        if value is None:
            return None
        return ChoiceCondition(
            eq=self._one(name, "eq", value.eq),
            among=self._many(name, "in", value.in_),
            none_of=self._many(name, "notIn", value.not_in),
        )

    def refuse(self, message: str, *path: str) -> BadInput:
        """A refusal of something in the filter."""
        return BadInput(message, (*self.path, *path))

    def _count(self, *path: str) -> None:
        self.conditions += 1
        most = self.limits.max_filter_conditions
        if self.conditions > most:
            raise BadInput(f"A filter takes at most {most} conditions.", (*self.path, *path), limit=most)

    def _one(self, name: str, operator: str, value: T | None) -> T | None:
        if value is UNSET:
            return None
        self._count(name, operator)
        if value is None:
            raise self.refuse("Null is no value to compare with: leave it out, or use `isNull`.", name, operator)
        return value

    def _many(self, name: str, operator: str, values: Sequence[T] | None) -> tuple[T, ...] | None:
        found = self._one(name, operator, values)
        if found is None:
            return None
        if len(found) > MAX_IN_LIST:
            raise BadInput(
                f"At most {MAX_IN_LIST} values are taken; {len(found)} were given.",
                (*self.path, name, operator),
                limit=MAX_IN_LIST,
            )
        return tuple(found)

    def _keys(
        self, name: str, operator: str, values: Sequence[strawberry.ID] | None, type_names: Sequence[str]
    ) -> tuple[UUID, ...] | None:
        found = self._many(name, operator, values)
        if found is None:
            return None
        return tuple(self._key(one, type_names, (name, operator, str(place))) for place, one in enumerate(found))

    def _key(self, value: str, type_names: Sequence[str], path: tuple[str, ...]) -> UUID:
        key = key_of(value, *type_names)
        if key is None:
            raise self.refuse(f"This is no global id of type {' or '.join(type_names)}.", *path)
        return key

    def _contained(self, value: str, path: tuple[str, ...]) -> str:
        text = self._text(value, path)
        if len(text) < MIN_CONTAINED_CHARACTERS:
            raise BadInput(
                f"`contains` takes at least {MIN_CONTAINED_CHARACTERS} characters, beside spaces at the ends.",
                (*self.path, *path),
                limit=MIN_CONTAINED_CHARACTERS,
            )
        return text

    def _text(self, value: str, path: tuple[str, ...]) -> str:
        if not storable(value):
            raise self.refuse("A text must hold neither U+0000 nor half a surrogate pair.", *path)
        return fold(text_argument(value, *self.path, *path))


def _said(condition: T | None) -> T | None:
    """A condition of which at least one part is given."""
    condition = given(condition)
    return None if condition is None or all(part is UNSET for part in vars(condition).values()) else condition


def read(filter: Any, reader: FilterReader) -> Any:
    """The criteria of a filter that is not nested; None when none was given."""
    filter = given(filter)
    return None if filter is None else filter.criteria(reader)


def nested(filter: Any, reader: FilterReader, none: Callable[[], C]) -> Nested[C]:
    """The criteria of a filter and of those in it.

    Args:
        none: Makes the criteria that ask for nothing, for a filter that was not given.
    """
    filter = given(filter)
    return Nested(none()) if filter is None else reader.nested(filter)
