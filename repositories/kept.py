"""All repositories of one organization on one connection."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.assignments import DirectQueueRepository, MembershipRepository
from repositories.audit import AuditRepository
from repositories.provisioning import ProvisioningRepository
from repositories.seats import SeatRepository
from repositories.sight import Sight
from repositories.standing import StandingRepository
from repositories.users import UserRepository


class Kept:
    """What is kept for one organization, as far as a caller sees it.

    There is no way to build one without the organization. A repository method is one statement about many rows; it
    neither commits nor decides.
    """

    def __init__(self, connection: AsyncConnection, organization_id: UUID, sight: Sight) -> None:
        self.connection = connection
        self.organization_id = organization_id
        self.sight = sight

    @cached_property
    def users(self) -> UserRepository:
        """People."""
        return UserRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def audit(self) -> AuditRepository:
        """What was done."""
        return AuditRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def standing(self) -> StandingRepository:
        """Where people stand, locked and changed."""
        return StandingRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def direct_queues(self) -> DirectQueueRepository:
        """Queues assigned to people directly, added and taken."""
        return DirectQueueRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def memberships(self) -> MembershipRepository:
        """Teams of people, added and taken."""
        return MembershipRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def seats(self) -> SeatRepository:
        """License grants and the seats that they take."""
        return SeatRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def provisioning(self) -> ProvisioningRepository:
        """What new and changed people are checked against, and their rows."""
        return ProvisioningRepository(self.connection, self.organization_id, self.sight)
