"""What holds between tables: nested teams, names, and that nothing of one organization points into another."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Table, and_, exists, func, or_, select
from sqlmodel import SQLModel

from models import metadata
from models.api_key import ApiKey
from models.audit import AuditEvent, OutboxEvent
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.license import License
from models.operation import BulkOperation, BulkOperationItem
from models.organization import Organization
from models.profile import DesktopProfile, UserProfile
from models.queue import Queue
from models.session import SignInBlock
from models.site import Site
from models.skill_group import SkillGroup
from models.storage import table_of
from models.team import Team, TeamAncestor
from models.text import fold
from models.user import User
from repositories.invariants.invariant import Follows, Invariant, Never

_teams = table_of(Team).c

# Keys of other rows that are no foreign keys, because the row may be gone or comes later.
_LOOSE: tuple[tuple[type[SQLModel], str, type[SQLModel]], ...] = (
    (Organization, "default_desktop_profile_id", DesktopProfile),
    (AuditEvent, "target_id", User),
    (AuditEvent, "operation_id", BulkOperation),
    (OutboxEvent, "subject_id", User),
    (Deactivation, "operation_id", BulkOperation),
    (DeactivationTeam, "team_id", Team),
    (DeactivationQueue, "queue_id", Queue),
    (SignInBlock, "operation_id", BulkOperation),
    (BulkOperationItem, "user_id", User),
)

_NAMED: tuple[type[SQLModel], ...] = (
    Organization,
    Team,
    Queue,
    SkillGroup,
    Site,
    UserProfile,
    DesktopProfile,
    License,
    ApiKey,
)


def _missing_ancestors() -> Select[Any]:
    """Teams without themselves, or without one that is above the team above them, at its depth."""
    ancestors = table_of(TeamAncestor)
    own, above = ancestors.alias("own"), ancestors.alias("above")
    itself = exists().where(own.c.team_id == _teams.id, own.c.ancestor_id == _teams.id, own.c.depth == 0)
    inherited = (
        exists()
        .where(own.c.team_id == _teams.id, own.c.ancestor_id == above.c.ancestor_id, own.c.depth == above.c.depth + 1)
        .correlate(table_of(Team), above)
    )
    unlike_parent = exists().where(above.c.team_id == _teams.parent_id, ~inherited)
    return select(_teams.id).where(or_(~itself, unlike_parent))


def _surplus_ancestors() -> Select[Any]:
    """Ancestors that a team does not have from the team above it; with depths that sink, no circle holds itself."""
    ancestors = table_of(TeamAncestor)
    own, above = ancestors.alias("own"), ancestors.alias("above")
    itself = and_(own.c.ancestor_id == own.c.team_id, own.c.depth == 0)
    inherited = exists().where(
        above.c.team_id == _teams.parent_id,
        above.c.ancestor_id == own.c.ancestor_id,
        above.c.depth == own.c.depth - 1,
    )
    return (
        select(own.c.team_id, own.c.ancestor_id)
        .join_from(own, table_of(Team), _teams.id == own.c.team_id)
        .where(~itself, ~inherited)
    )


def _references(table: Table) -> Iterator[tuple[Column[Any], Table]]:
    """The columns of a table that point to something of an organization."""
    for column in table.columns:
        for key in column.foreign_keys:
            if "organization_id" in key.column.table.c:
                yield column, key.column.table
    for model, name, target in _LOOSE:
        if table_of(model) is table:
            yield table.c[name], table_of(target)


def _owner(rows: FromClause) -> ColumnElement[Any]:
    """The organization of a row; an organization is its own."""
    return rows.c["organization_id" if "organization_id" in rows.c else "id"]


def _mixed(table: Table) -> Select[Any]:
    """Rows whose organization is not that of everything that they point to."""
    joined: Any = table
    foreign = []
    for number, (column, target) in enumerate(_references(table)):
        other = target.alias(f"target_{number}")
        (key,) = other.primary_key
        joined = joined.outerjoin(other, key == column)
        foreign.append(_owner(other) != _owner(table))
    return select(*table.primary_key.columns).select_from(joined).where(or_(*foreign))


def _twice(table: Table) -> Select[Any]:
    """Rows with the name of one before them in the organization."""
    within = [table.c.organization_id] if "organization_id" in table.c else []
    place = func.row_number().over(partition_by=(*within, table.c.name_key), order_by=table.c.id).label("place")
    numbered = select(table.c.id, place).subquery()
    return select(numbered.c.id).where(numbered.c.place > 1)


def _words(table: Table) -> tuple[str, str]:
    return table.name.replace("_", "-"), table.name.replace("_", " ")


def _names() -> Iterator[Invariant]:
    for model in _NAMED:
        name, words = _words(table_of(model))
        yield Follows(
            f"{name}-name-key",
            f"What sorts {words} does not follow from their name.",
            model,
            ("name",),
            lambda row: {"name_key": fold(row["name"])},
            ("name_key",),
        )
        yield Never(f"{name}-name-twice", f"Two {words} have the same name.", _twice(table_of(model)))


def _organizations() -> Iterator[Invariant]:
    for table in metadata.sorted_tables:
        if any(_references(table)):
            name, words = _words(table)
            what = f"Rows of {words} point to something of another organization."
            yield Never(f"{name}-of-another-organization", what, _mixed(table))


STRUCTURE: tuple[Invariant, ...] = (
    Never(
        "team-ancestors-missing",
        "A team lacks an ancestor: itself, or one that the team above it has.",
        _missing_ancestors(),
    ),
    Never(
        "team-ancestors-surplus",
        "A team has an ancestor that is not above it, or at another depth.",
        _surplus_ancestors(),
    ),
    *_names(),
    Follows(
        "queues-channel-key",
        "What queues are found by does not follow from their channel.",
        Queue,
        ("channel",),
        lambda row: {"channel_key": fold(row["channel"])},
        ("channel_key",),
    ),
    *_organizations(),
)
