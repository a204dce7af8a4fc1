"""What holds for the audit: that nothing can change it, and that nothing did (requirement Z13, decision 24)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    Select,
    and_,
    column,
    exists,
    func,
    literal,
    or_,
    select,
    table,
    text,
    union_all,
)
from sqlalchemy.ext.asyncio import AsyncConnection

from models.audit import AuditChain, AuditEvent, AuditLink
from models.organization import Organization
from models.storage import table_of
from repositories.audit_chain import linked
from repositories.invariants.invariant import EXAMPLES, Asked, Invariant, Never, shown
from repositories.rows import columns, light_after

_events = table_of(AuditEvent).c
_links = table_of(AuditLink).c
_chains = table_of(AuditChain).c
_organizations = table_of(Organization).c

_PAGE_ROWS = 2_000

# The triggers of the migrations, without which events and links can be changed.
_SQLITE_TRIGGERS = [f"audit_{what}_no_{change}" for what in ("events", "links") for change in ("update", "delete")]
_POSTGRESQL_TRIGGERS = [
    *(f"audit_{what}_no_{change}" for what in ("events", "links") for change in ("change", "delete")),
    "audit_events_horizon",
]


def _missing_triggers(asked: Asked) -> Select[Any]:
    """Triggers of the audit that are not there, or switched off."""
    if asked.sqlite:
        master = table("sqlite_master", column("type"), column("name"))
        wanted = _SQLITE_TRIGGERS
        there = select(master.c.name).where(master.c.type == "trigger")
    else:
        triggers = table("pg_trigger", column("tgname"), column("tgrelid"), column("tgenabled"))
        wanted = _POSTGRESQL_TRIGGERS
        there = select(triggers.c.tgname).where(
            text("tgrelid IN ('audit_events'::regclass, 'audit_links'::regclass)"), triggers.c.tgenabled.in_(["O", "A"])
        )
    names = union_all(*(select(literal(each).label("name")) for each in wanted)).subquery("wanted")
    return select(names.c.name).where(names.c.name.not_in(there))


def _removed() -> Select[Any]:
    """Links of which the event is gone, and those behind a link that is gone with its event."""
    before = func.lag(_links.position, 1, 0).over(partition_by=_links.organization_id, order_by=_links.sequence)
    placed = select(_links.organization_id, _links.sequence, _links.position, before.label("before")).subquery()
    event = exists().where(_events.organization_id == placed.c.organization_id, _events.sequence == placed.c.sequence)
    return select(placed.c.organization_id, placed.c.sequence).where(
        or_(placed.c.position != placed.c.before + 1, ~event)
    )


def _inserted() -> Select[Any]:
    """Events among those that are chained which have no link."""
    link = exists().where(_links.organization_id == _events.organization_id, _links.sequence == _events.sequence)
    return (
        select(_events.organization_id, _events.sequence)
        .join_from(table_of(AuditEvent), table_of(AuditChain), _chains.organization_id == _events.organization_id)
        .where(_events.sequence <= _chains.sequence, ~link)
    )


def _other_end() -> Select[Any]:
    """Organizations of which the chain ends elsewhere than was noted when it was made longer."""
    ends = select(_links.organization_id, func.max(_links.sequence).label("sequence")).group_by(_links.organization_id)
    end = ends.subquery().c
    last = table_of(AuditLink).alias().c
    return (
        select(_organizations.id, func.coalesce(_chains.sequence, 0))
        .join_from(
            table_of(Organization), table_of(AuditChain), _chains.organization_id == _organizations.id, isouter=True
        )
        .join(end.organization_id.table, end.organization_id == _organizations.id, isouter=True)
        .join(
            last.organization_id.table,
            and_(last.organization_id == end.organization_id, last.sequence == end.sequence),
            isouter=True,
        )
        .where(
            or_(
                _chains.organization_id.is_(None),
                _chains.sequence != func.coalesce(last.sequence, 0),
                _chains.length != func.coalesce(last.position, 0),
                _chains.digest != func.coalesce(last.digest, bytes(32)),
            )
        )
    )


@dataclass(frozen=True)
class Unchanged(Invariant):
    """Events that are what they were when they were chained: their links are made anew and compared.

    Each is judged by the link before it as it is kept, so that one event that was changed is one place.
    """

    async def _broken(self, connection: AsyncConnection, asked: Asked) -> tuple[int, tuple[str, ...]]:
        place = (_links.organization_id, _links.sequence)
        page = (
            select(_links.organization_id, _links.sequence, _links.position, _links.digest, *columns(AuditEvent))
            .join_from(
                table_of(AuditLink),
                table_of(AuditEvent),
                and_(_events.organization_id == _links.organization_id, _events.sequence == _links.sequence),
                isouter=True,
            )
            .order_by(*place)
            .limit(_PAGE_ROWS)
        )
        count, examples = 0, []
        organization, position, digest = None, 0, bytes(32)
        rows = (await connection.execute(page)).all()
        while rows:
            for row in rows:
                if row[0] != organization:
                    organization, position, digest = row[0], 0, bytes(32)
                follows = row.position == position + 1 and row.id is not None  # else something was removed
                if follows and linked(digest, light_after(AuditEvent, row, 4)) != row[3]:
                    count += 1
                    examples.append(shown(row[0], row[1]))
                position, digest = row.position, row[3]
            del examples[EXAMPLES:]
            more = page.where(or_(place[0] > rows[-1][0], and_(place[0] == rows[-1][0], place[1] > rows[-1][1])))
            rows = (await connection.execute(more)).all() if len(rows) == _PAGE_ROWS else []
        return count, tuple(examples)


AUDIT: tuple[Invariant, ...] = (
    Never(
        "audit-not-append-only",
        "A trigger that keeps the audit as it is, or tells how far, is missing.",
        _missing_triggers,
    ),
    Unchanged("audit-event-changed", "An audit event, or its link, is not what it was when it was chained."),
    Never("audit-event-removed", "An audit event that was chained is gone, here or just before.", _removed()),
    Never("audit-event-inserted", "An audit event stands among chained ones and was never chained.", _inserted()),
    Never("audit-chain-end", "The chain of an organization does not end where it was left.", _other_end()),
)
