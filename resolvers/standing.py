"""Finding what bars people: deactivations and sign-in blocks.

Who did it, why, and the note are None for who does not see the whole organization.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.deactivation import Deactivation
from models.queue import Queue
from models.session import SignInBlock
from models.team import Team
from models.user import User, UserStatus
from repositories.kept import Kept
from resolvers.context import Context


async def deactivation_of(context: Context, user: User) -> Deactivation | None:
    """The current deactivation of a person; None unless DEACTIVATED."""
    if user.status is not UserStatus.DEACTIVATED:
        return None
    return await context.loaders.load("deactivations_of_users", user.id, _deactivations)


async def sign_in_block_of(context: Context, user: User) -> SignInBlock | None:
    """The sign-in block of a person; None when there is none."""
    return await context.loaders.load("sign_in_blocks_of_users", user.id, _blocks)


async def teams_taken(context: Context, deactivation: Deactivation) -> list[Team]:
    """Teams that a deactivation took and that still exist, by name."""
    return await context.loaders.load("teams_of_deactivations", deactivation.id, _teams) or []


async def queues_taken(context: Context, deactivation: Deactivation) -> list[Queue]:
    """Direct queues that a deactivation took and that still exist, by name."""
    return await context.loaders.load("queues_of_deactivations", deactivation.id, _queues) or []


async def _deactivations(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Deactivation]:
    return await kept.barriers.deactivations(ids)


async def _blocks(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, SignInBlock]:
    return await kept.barriers.blocks(ids)


async def _teams(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[Team]]:
    return await kept.barriers.teams_taken(ids)


async def _queues(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, list[Queue]]:
    return await kept.barriers.queues_taken(ids)
