"""What the people of the demo organization did: who is at work right now, and the calls of the last weeks."""

from __future__ import annotations

import os
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from cli.seeding.people import Worker
from cli.seeding.structure import Structure
from models.call_record import CallDirection, CallEndReason
from models.presence import PresenceState
from models.session import Surface
from models.storage import uuid7
from models.user import UserRole
from resolvers.signing_in import SESSION_LASTS

PERIOD = timedelta(days=28)
MOST_CALLS, MOST_CALLS_IN_ALL = 12, 60_000
AT_WORK_EVERY, ON_A_CALL_EVERY = 6, 4  # of the agents, of those at work
MOST_AT_WORK = 1_000

_REASONS = ("LUNCH", "TRAINING", "MEETING", None)


@dataclass(frozen=True, slots=True)
class Shift:
    """Somebody at work: signed in on the agent desktop.

    Attributes:
        calling: Whether a call goes on.
    """

    worker: Worker
    since: datetime
    state: PresenceState
    reason: str | None
    calling: bool


def shifts(chance: random.Random, workers: Sequence[Worker], now: datetime) -> dict[UUID, Shift]:
    """Who is at work, by key."""
    able = [
        worker
        for worker in workers
        if UserRole.AGENT in worker.roles and worker.active and worker.blocked_at is None and worker.signs_in
    ]
    found = {}
    for index, worker in enumerate(chance.sample(able, min(len(able) // AT_WORK_EVERY, MOST_AT_WORK))):
        available = chance.random() < 0.7
        found[worker.key] = Shift(
            worker,
            since=now - timedelta(minutes=chance.randrange(20, 300)),
            state=PresenceState.AVAILABLE if available else PresenceState.UNAVAILABLE,
            reason=None if available else chance.choice(_REASONS),
            calling=index % ON_A_CALL_EVERY == 0,
        )
    return found


def session_row(shift: Shift, now: datetime, organization_id: UUID) -> dict[str, Any]:
    """The session of somebody at work; its token is known to nobody."""
    return {
        "id": uuid7(shift.since),
        "organization_id": organization_id,
        "user_id": shift.worker.key,
        "token_hash": os.urandom(32),
        "surface": Surface.AGENT_DESKTOP,
        "started_at": shift.since,
        "last_active_at": now,
        "expires_at": shift.since + SESSION_LASTS,
        "ended_at": None,
        "end_reason": None,
        "address": None,
    }


def call_rows(
    chance: random.Random,
    workers: Sequence[Worker],
    at_work: dict[UUID, Shift],
    structure: Structure,
    organization_id: UUID,
    now: datetime,
) -> Iterator[dict[str, Any]]:
    """Calls of every agent in the four weeks before now or before the deactivation; some go on."""
    agents = [worker for worker in workers if UserRole.AGENT in worker.roles and worker.teams]
    most = max(2, min(MOST_CALLS, MOST_CALLS_IN_ALL // max(1, len(agents))))
    number = 0
    for worker in agents:
        until = (worker.deactivated_at or now) - timedelta(hours=1)
        lengths: list[tuple[datetime, int | None]] = [
            (until - PERIOD * chance.random(), chance.randrange(15, 1_500)) for _ in range(chance.randint(1, most))
        ]
        shift = at_work.get(worker.key)
        if shift is not None and shift.calling:
            lengths.append((now - timedelta(seconds=chance.randrange(30, 900)), None))
        for began, seconds in lengths:
            number += 1
            team = chance.choice(worker.teams)
            ways = [queue.key for queue in worker.queues] + structure.team_queues[team.key]
            yield {
                "id": uuid7(began),
                "organization_id": organization_id,
                "external_id": f"NL-CALL-{number:07d}",
                "user_id": worker.key,
                "queue_id": chance.choice(ways) if ways else None,
                "team_id": team.key,
                "direction": CallDirection.INBOUND if chance.random() < 0.8 else CallDirection.OUTBOUND,
                "started_at": began,
                "ended_at": None if seconds is None else began + timedelta(seconds=seconds),
                "ended_by": None if seconds is None else CallEndReason.CONTACT,
                "talk_seconds": seconds or 0,
                "wrap_up_seconds": 0 if seconds is None else chance.randrange(0, 90),
            }
