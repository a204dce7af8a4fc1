"""Who is taken out of service in the play."""

from __future__ import annotations

import random
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import and_, exists, false, select, true

from gql.ids import global_id
from models.call_record import CallRecord
from models.profile import UserProfile, UserProfileKind
from models.queue import Queue, UserQueue
from models.session import SignInBlock
from models.storage import table_of
from models.team import Membership, Team
from models.user import User, UserRole, UserStatus
from repositories.engine import Database
from repositories.standing import role_bits

PEOPLE = 25
ON_A_CALL = 3  # of them, where there are so many

_users = table_of(User).c
_blocks = table_of(SignInBlock).c
_calls = table_of(CallRecord).c
_profiles = table_of(UserProfile).c
_memberships = table_of(Membership).c
_teams = table_of(Team).c
_direct = table_of(UserQueue).c
_queues = table_of(Queue).c


@dataclass(frozen=True, slots=True)
class Chosen:
    """Somebody in the play."""

    key: UUID
    name: str
    mail: str
    on_a_call: bool

    @property
    def id(self) -> str:
        """Global id."""
        return global_id("User", self.key)


async def choose(database: Database, organization_id: UUID, seed: int) -> list[Chosen]:
    """Agents to play with, by a seed: active, in teams and direct queues that are in use, with calls.

    Fewer than `PEOPLE` when so few are left of those that fit. Those who are on a call come last.
    """
    in_team = exists().where(_memberships.user_id == _users.id)
    in_idle_team = exists().where(
        _memberships.user_id == _users.id, _teams.id == _memberships.team_id, _teams.active == false()
    )
    in_queue = exists().where(_direct.user_id == _users.id)
    in_idle_queue = exists().where(
        _direct.user_id == _users.id, _queues.id == _direct.queue_id, _queues.active == false()
    )
    statement = (
        select(
            _users.id,
            _users.display_name,
            _users.email,
            exists().where(_calls.user_id == _users.id, _calls.ended_at.is_(None)).label("on_a_call"),
        )
        .join_from(table_of(User), table_of(UserProfile), _profiles.id == _users.profile_id)
        .where(
            _users.organization_id == organization_id,
            _users.status == UserStatus.ACTIVE,
            _users.contact_center_enabled == true(),
            _users.protected == false(),
            role_bits(_users.id) == 1 << UserRole.AGENT.value,
            _profiles.kind.in_((UserProfileKind.STANDARD_AGENT, UserProfileKind.PREMIUM_AGENT)),
            ~exists().where(_blocks.user_id == _users.id),
            exists().where(_calls.user_id == _users.id),
            and_(in_team, ~in_idle_team, in_queue, ~in_idle_queue),
        )
        .order_by(_users.email_key)
    )
    async with database.reading() as connection:
        fit = [Chosen(*row) for row in await connection.execute(statement)]
    chance = random.Random(seed)
    calling = [one for one in fit if one.on_a_call]
    calling = chance.sample(calling, min(len(calling), ON_A_CALL))
    others = [one for one in fit if not one.on_a_call]
    return chance.sample(others, min(len(others), PEOPLE - len(calling))) + calling
