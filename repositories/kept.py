"""All repositories of one organization on one connection."""

from __future__ import annotations

from functools import cached_property
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncConnection

from repositories.api_keys import ApiKeyRepository
from repositories.assigned_queues import AssignedQueueRepository
from repositories.assignments import DirectQueueRepository, MembershipRepository, SkillRepository
from repositories.audit import AuditRepository
from repositories.barriers import BarrierRepository
from repositories.call_records import CallRecordRepository
from repositories.credentials import CredentialRepository
from repositories.idempotency import IdempotencyRepository
from repositories.licenses import LicenseRepository
from repositories.operations import OperationRepository
from repositories.organizations import OrganizationRepository
from repositories.presences import PresenceRepository
from repositories.profiles import DesktopProfileRepository, UserProfileRepository
from repositories.provisioning import ProvisioningRepository
from repositories.queues import QueueRepository
from repositories.seats import SeatRepository
from repositories.sessions import SessionRepository
from repositories.sight import Sight
from repositories.sites import SiteRepository
from repositories.skill_groups import SkillGroupRepository
from repositories.standing import StandingRepository
from repositories.structure import StructureRepository
from repositories.teams import TeamRepository
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
    def credentials(self) -> CredentialRepository:
        """Passwords, sessions and API keys."""
        return CredentialRepository(self.connection, self.organization_id, self.sight)

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
    def skills(self) -> SkillRepository:
        """Skill groups of people, added and taken."""
        return SkillRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def assigned_queues(self) -> AssignedQueueRepository:
        """Queues of teams and skill groups, added and taken."""
        return AssignedQueueRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def seats(self) -> SeatRepository:
        """License grants and the seats that they take."""
        return SeatRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def organizations(self) -> OrganizationRepository:
        """The organization itself."""
        return OrganizationRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def structure(self) -> StructureRepository:
        """Teams, queues, sites and so on, made, changed and deleted."""
        return StructureRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def provisioning(self) -> ProvisioningRepository:
        """What new and changed people are checked against, and their rows."""
        return ProvisioningRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def teams(self) -> TeamRepository:
        """Teams."""
        return TeamRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def queues(self) -> QueueRepository:
        """Queues, and who works in them."""
        return QueueRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def licenses(self) -> LicenseRepository:
        """Licenses, as they are found."""
        return LicenseRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def sites(self) -> SiteRepository:
        """Sites."""
        return SiteRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def user_profiles(self) -> UserProfileRepository:
        """User profiles."""
        return UserProfileRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def desktop_profiles(self) -> DesktopProfileRepository:
        """Desktop profiles."""
        return DesktopProfileRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def skill_groups(self) -> SkillGroupRepository:
        """Skill groups."""
        return SkillGroupRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def presences(self) -> PresenceRepository:
        """What people are doing."""
        return PresenceRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def sessions(self) -> SessionRepository:
        """Sessions, as they are found."""
        return SessionRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def call_records(self) -> CallRecordRepository:
        """Calls that agents took."""
        return CallRecordRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def barriers(self) -> BarrierRepository:
        """Deactivations and sign-in blocks, as they are found."""
        return BarrierRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def operations(self) -> OperationRepository:
        """Bulk operations and their items."""
        return OperationRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def idempotency(self) -> IdempotencyRepository:
        """Calls that were done under a key."""
        return IdempotencyRepository(self.connection, self.organization_id, self.sight)

    @cached_property
    def api_keys(self) -> ApiKeyRepository:
        """API keys, as they are found."""
        return ApiKeyRepository(self.connection, self.organization_id, self.sight)
