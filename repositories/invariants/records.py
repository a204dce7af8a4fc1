"""What holds for what is kept of work done: operations and items, seats, sessions, calls."""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    ColumnElement,
    FromClause,
    Integer,
    Select,
    and_,
    case,
    cast,
    column,
    distinct,
    exists,
    func,
    not_,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import JSONB

from models.call_record import CallRecord
from models.license import License, LicenseGrant, LicenseGrantState, LicensePool, SeatLedgerEntry
from models.operation import (
    COUNTED_EFFECTS,
    UNFINISHED,
    BulkItemOutcome,
    BulkOperation,
    BulkOperationItem,
    BulkOperationStatus,
)
from models.session import Session
from models.storage import table_of
from repositories.invariants.invariant import Asked, Invariant, Never

_operations = table_of(BulkOperation).c
_items = table_of(BulkOperationItem).c
_grants = table_of(LicenseGrant).c
_pools = table_of(LicensePool).c
_ledger = table_of(SeatLedgerEntry).c
_licenses = table_of(License).c
_sessions = table_of(Session).c
_calls = table_of(CallRecord).c


def _sum_where(clause: ColumnElement[bool]) -> ColumnElement[int]:
    return func.sum(case((clause, 1), else_=0))


def _differing(totals: FromClause) -> Select[Any]:
    """Operations with items whose totals are not these, by `operation_id` and the names of the totals."""
    counted = [each for each in totals.c if each.name != "operation_id"]
    return (
        select(_operations.id)
        .join_from(table_of(BulkOperation), totals, totals.c.operation_id == _operations.id, isouter=True)
        .where(
            not_(_operations.items_forgotten),
            or_(*(_operations[each.name] != func.coalesce(each, 0) for each in counted)),
        )
    )


def _outcomes() -> Select[Any]:
    handled = [each for each in BulkItemOutcome if each is not BulkItemOutcome.PENDING]
    sums = [_sum_where(_items.outcome == each).label(each.name.lower()) for each in handled]
    sums.append(func.count().label("total"))
    return _differing(select(_items.operation_id, *sums).group_by(_items.operation_id).subquery("totals"))


_HANDLED = _operations.succeeded + _operations.unchanged + _operations.failed + _operations.skipped
_WITH_ERRORS = _operations.failed + _operations.skipped > 0


def _effects(asked: Asked) -> Select[Any]:
    """Operations of which another total is not the number of its effects, which are kept as JSON with the items."""
    kind: ColumnElement[Any]
    subject: ColumnElement[Any]
    if asked.sqlite:
        effects = func.json_each(_items.effects).table_valued("value", name="effect")
        kind = func.json_extract(effects.c.value, "$.kind")
        subject = func.json_extract(effects.c.value, "$.subject[0]")
    else:
        effects = func.jsonb_array_elements(_items.effects).table_valued(column("value", JSONB), name="effect")
        kind = cast(func.jsonb_extract_path_text(effects.c.value, "kind"), Integer)
        subject = func.jsonb_extract_path_text(effects.c.value, "subject", "0")
    sums = [
        _sum_where(and_(kind == effect.value, subject == type_name)).label(total)
        for (effect, type_name), total in COUNTED_EFFECTS.items()
    ]
    counted = (
        select(_items.operation_id, *sums)
        .join_from(table_of(BulkOperationItem), effects, true())
        .group_by(_items.operation_id)
    )
    return _differing(counted.subquery("totals"))


_HELD = (
    select(_grants.license_id, func.count(distinct(_grants.user_id)).label("people"))
    .where(_grants.state == LicenseGrantState.ACTIVE)
    .group_by(_grants.license_id)
    .subquery("held")
)
_PEOPLE = func.coalesce(_HELD.c.people, 0)
_LAST_LINE = (
    select(_ledger.granted_after)
    .where(_ledger.license_id == _pools.license_id)
    .order_by(_ledger.sequence.desc())
    .limit(1)
    .scalar_subquery()
)


def _pools_held() -> Select[Any]:
    return select(_pools.license_id).join_from(
        table_of(LicensePool), _HELD, _HELD.c.license_id == _pools.license_id, isouter=True
    )


RECORDS: tuple[Invariant, ...] = (
    Never(
        "operation-outcomes",
        "The totals of an operation are not the outcomes of its items.",
        _outcomes(),
    ),
    Never(
        "operation-effects",
        "Sessions, teams, queues, contacts or seats in the totals of an operation are not the effects on its items.",
        _effects,
    ),
    Never(
        "operation-status",
        "An operation ended before all its items were handled, or goes on after that; or it was completed without "
        "errors though items failed or were skipped, or the other way round.",
        select(_operations.id).where(
            or_(
                _operations.status.in_(UNFINISHED) == (_operations.total == _HANDLED),
                _operations.status.in_(UNFINISHED) != _operations.finished_at.is_(None),
                and_(_operations.status == BulkOperationStatus.COMPLETED, _WITH_ERRORS),
                and_(_operations.status == BulkOperationStatus.COMPLETED_WITH_ERRORS, not_(_WITH_ERRORS)),
            )
        ),
    ),
    Never(
        "operation-item-places",
        "The items of an operation are not numbered from 0 without gaps.",
        select(_items.operation_id)
        .where(~exists().where(_operations.id == _items.operation_id, _operations.items_forgotten))
        .group_by(_items.operation_id)
        .having(
            or_(
                func.min(_items.index) != 0,
                func.max(_items.index) != func.count() - 1,
                func.count(distinct(_items.index)) != func.count(),
            )
        ),
    ),
    Never(
        "session-end-and-reason",
        "A session ended without a reason, or has a reason and no end.",
        select(_sessions.id).where(_sessions.ended_at.is_(None) != _sessions.end_reason.is_(None)),
    ),
    Never(
        "call-end-and-cause",
        "A call ended without a cause, or has a cause and no end.",
        select(_calls.id).where(_calls.ended_at.is_(None) != _calls.ended_by.is_(None)),
    ),
)

SEATS: tuple[Invariant, ...] = (
    Never(
        "more-grants-than-seats",
        "More people hold a license than it has seats.",
        _pools_held().where(_pools.seats < _PEOPLE),
    ),
    Never(
        "pool-not-its-people",
        "A license counts another number of granted seats than people hold it.",
        _pools_held().where(_pools.granted != _PEOPLE),
    ),
    Never(
        "ledger-not-the-pool",
        "The last line of the seat ledger of a license is not its number of granted seats.",
        select(_pools.license_id).where(_pools.granted != func.coalesce(_LAST_LINE, 0)),
    ),
    Never(
        "license-without-pool",
        "A license has no pool of seats.",
        select(_licenses.id).where(~exists().where(_pools.license_id == _licenses.id)),
    ),
)
