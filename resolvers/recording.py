"""Writing down what a change did: an audit event per object, and an outbox event for each, in the same transaction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.operation import StateChangeReason
from models.storage import uuids7
from repositories.bound import Write
from resolvers.context import Change, Context

# What the outbox calls an audited action.
_EVENTS = {
    AuditAction.CREATED: "created",
    AuditAction.UPDATED: "updated",
    AuditAction.DELETED: "deleted",
    AuditAction.DEACTIVATED: "deactivated",
    AuditAction.REACTIVATED: "reactivated",
    AuditAction.FORCED_OFFLINE: "forced_offline",
    AuditAction.RESUMED_ONLINE: "resumed_online",
    AuditAction.PASSWORD_RESET: "password_reset",
    AuditAction.PASSWORD_CHANGED: "password_changed",
    AuditAction.ASSIGNED: "updated",
    AuditAction.UNASSIGNED: "updated",
    AuditAction.SIGNED_IN: "signed_in",
    AuditAction.SIGNED_OUT: "signed_out",
}


@dataclass(slots=True)
class Fact:
    """One thing that was done to one object.

    Attributes:
        target_type: Name of the GraphQL type, for example `User`.
        label: Name of the object at that time.
        version: Version of the object after the change; None for what has none (requirement E9).
        changes: Field, value before and value after, as text; never a secret.
    """

    action: AuditAction
    target_type: str
    target_id: UUID
    label: str
    version: int | None
    changes: Sequence[tuple[str, str | None, str | None]] = ()


@dataclass(slots=True)
class News:
    """Something else that others will be told, for example `presence.changed`, `contact.ended` or `mail.invitation`."""

    kind: str
    subject_id: UUID
    payload: Mapping[str, Any] = field(default_factory=dict)


async def record(context: Context, change: Change, facts: Sequence[Fact], news: Sequence[News] = ()) -> None:
    """Write audit events and outbox events of a change that is no bulk operation; see `recording`."""
    await recording(context, change, facts, news)()


def recording(
    context: Context,
    change: Change,
    facts: Sequence[Fact],
    news: Sequence[News] = (),
    *,
    operation_id: UUID | None = None,
    reason: StateChangeReason | None = None,
    note: str | None = None,
) -> Write:
    """What writes audit events and outbox events of a change: two statements, however many there are.

    Their values are ready for the database when this returns, which may be at something else meanwhile.
    """
    caller = context.known
    keys = iter(uuids7(change.at, 2 * len(facts) + len(news)))
    events = change.kept.audit.recording(
        [
            {
                "id": next(keys),
                "occurred_at": change.at,
                "action": fact.action,
                "actor_kind": caller.kind,
                "actor_id": caller.id,
                "target_type": fact.target_type,
                "target_id": fact.target_id,
                "target_label": fact.label,
                "target_version": fact.version,
                "changes": fact.changes,
                "operation_id": operation_id,
                "reason": None if reason is None else reason.value,
                "note": note,
                "request_id": context.request_id,
            }
            for fact in facts
        ]
    )
    operation = None if operation_id is None else str(operation_id)
    told = [News(_kind(fact.target_type, fact.action), fact.target_id, {"version": fact.version}) for fact in facts]
    announcements = change.kept.audit.announcing(
        [
            {
                "id": next(keys),
                "occurred_at": change.at,
                "kind": one.kind,
                "subject_id": one.subject_id,
                "payload": {**one.payload, "operation": operation},
            }
            for one in (*told, *news)
        ]
    )

    async def write() -> None:
        await events()
        await announcements()

    return write


@cache
def _kind(target_type: str, action: AuditAction) -> str:
    thing = "".join("_" + letter.lower() if letter.isupper() else letter for letter in target_type)
    return f"{thing[1:]}.{_EVENTS[action]}"
