"""People in the schema, what can be asked about them, and the lists of them."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import strawberry
from strawberry import UNSET

from gql.arguments import After, Before, First, Last, given, page_arguments, text_argument, wishes
from gql.call_record import CallRecordFilterInput
from gql.connection import connection
from gql.directives import NULL_ONLY_ON_ERROR
from gql.enums import OrderDirection
from gql.filters import (
    CONDITION,
    DateTimeFilterInput,
    FilterReader,
    IdFilterInput,
    LicenseTypeFilterInput,
    PresenceStateFilterInput,
    StringFilterInput,
    UserRoleFilterInput,
    UserStatusFilterInput,
    all_of,
    any_of,
    nested,
    none_of,
    read,
)
from gql.info import Info
from gql.node import Actor, Node, key_argument, later, node_id, resolvable, views
from models.audit import AuditEvent
from models.call_record import CallRecord
from models.deactivation import Deactivation
from models.license import License, LicenseGrant
from models.presence import Presence
from models.profile import DesktopProfile, UserProfile
from models.queue import Queue, QueueAssignmentSource
from models.session import Session, SignInBlock, Surface
from models.site import Site
from models.skill_group import SkillGroup
from models.team import Team
from models.text import mail_key
from models.user import IdentitySource, UserRole, UserStatus
from models.user import User as UserRow
from repositories.users import PresenceCondition, UserCriteria, UserKey, UserOrderField
from resolvers import (
    actions,
    audit,
    call_records,
    licenses,
    presences,
    profiles,
    queues,
    sessions,
    sites,
    skill_groups,
    standing,
    teams,
    users,
)
from resolvers.actions import UserAction
from resolvers.paging import Page
from resolvers.standing import Eligibility
from resolvers.users import UserQuestion


@strawberry.type(description="A person who works in, supervises or administers the contact center.")
class User(Node, Actor):
    """A view over a person."""

    id = node_id("User")
    is_type_of = views(UserRow)
    version: int = strawberry.field(
        description="Number that grows by one with every change of profile data, status, roles, sign-in block, team "
        "memberships, direct assignments, skill groups or license grants, never with presence, sessions or the rename "
        "of something else; pass it as `expectedVersion` to detect lost updates."
    )
    external_id: str | None = strawberry.field(
        description="Key of the user in the system of record of the customer, unique when present."
    )
    email: str = strawberry.field(description="Sign-in name and mail address, unique regardless of case.")
    first_name: str | None = strawberry.field(description="First name.")
    last_name: str | None = strawberry.field(description="Last name.")
    nickname: str | None = strawberry.field(description="Second name by which colleagues and customers know the user.")
    display_name: str = strawberry.field(description="Name to show for the user.")
    agent_number: str | None = strawberry.field(
        description="Number of the agent, unique among users that are not deleted."
    )
    extension: str | None = strawberry.field(description="Phone extension.")
    work_phone: str | None = strawberry.field(description="Work phone number, in E.164 format.")
    mobile_phone: str | None = strawberry.field(description="Mobile phone number, in E.164 format.")
    identity_source: IdentitySource = strawberry.field(
        description="Where names and mail address come from: when DIRECTORY, they cannot be changed here."
    )
    protected: bool = strawberry.field(
        description="Whether the user is protected from deactivation, force-offline and deletion."
    )

    @strawberry.field(
        graphql_type=later("SignInEligibility", "gql.standing") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Whether the user may sign in, and if not, why.",
    )
    async def sign_in_eligibility(
        self: Any,
        info: Info,
        surface: Annotated[
            Surface | None, strawberry.argument(description="Where the user would sign in; anywhere when omitted.")
        ] = UNSET,
    ) -> Eligibility:
        return await standing.eligibility_of(info.context, self, given(surface))

    locale: str | None = strawberry.field(description="BCP 47 language tag of the language of mails to the user.")
    time_zone: str | None = strawberry.field(
        description="IANA name of the time zone in which mails and schedules show times to the user."
    )
    status: UserStatus = strawberry.field(description="Life-cycle state.")
    status_changed_at: datetime = strawberry.field(description="When the life-cycle state last changed.")

    @strawberry.field(
        graphql_type=later("Deactivation", "gql.standing") | None,
        description="Details of the current deactivation, null unless `status` is DEACTIVATED.",
    )
    async def deactivation(self: Any, info: Info) -> Deactivation | None:
        return await standing.deactivation_of(info.context, self)

    @strawberry.field(graphql_type=list[UserRole], description="Roles in the contact center.")
    async def roles(self: Any, info: Info) -> list[UserRole]:
        return await users.roles_of_user(info.context, self)

    contact_center_enabled: bool = strawberry.field(
        description="Whether the account is enabled for the contact center."
    )

    @strawberry.field(
        graphql_type=later("SignInBlock", "gql.standing") | None,
        description="Sign-in block set by force-offline, null when there is none.",
    )
    async def sign_in_block(self: Any, info: Info) -> SignInBlock | None:
        return await standing.sign_in_block_of(info.context, self)

    @strawberry.field(
        graphql_type=later("Presence", "gql.presence") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Current presence.",
    )
    async def presence(self: Any, info: Info) -> Presence | None:
        return await presences.presence_of(info.context, self)

    @strawberry.field(graphql_type=later("Site", "gql.site") | None, description="Site of the user.")
    async def site(self: Any, info: Info) -> Site | None:
        return await sites.site_of(info.context, self.site_id)

    @strawberry.field(
        graphql_type=later("UserProfile", "gql.profile") | None,
        description="Profile that says on which surfaces the user may sign in and which permissions of the roles are "
        "kept.",
    )
    async def profile(self: Any, info: Info) -> UserProfile | None:
        return await profiles.user_profile_of(info.context, self.profile_id)

    @strawberry.field(
        graphql_type=later("DesktopProfile", "gql.profile") | None,
        description="Profile that shapes the desktop of the user: the user's own, or else the default of the site or "
        "of the organization.",
    )
    async def desktop_profile(self: Any, info: Info) -> DesktopProfile | None:
        return await profiles.desktop_profile_of_user(info.context, self)

    @strawberry.field(
        graphql_type=later("TeamConnection", "gql.team") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Teams of the user. Empty after a deactivation, also after the reactivation, until teams are "
        "assigned again.",
    )
    async def teams(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[Team]:
        return await teams.teams_of_user(info.context, self, page_arguments(first, after, last, before))

    @strawberry.field(
        graphql_type=later("UserQueueConnection", "gql.queue") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Queues the user works in, each once, directly or through teams or skill groups.",
    )
    async def queues(
        self: Any,
        info: Info,
        source: Annotated[
            list[QueueAssignmentSource] | None,
            strawberry.argument(description="Keep only queues that have an origin of one of these kinds."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[Queue]:
        return await queues.queues_of_user(
            info.context, self, given(source), page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=later("SkillGroupConnection", "gql.skill_group") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Skill groups of the user, kept by a deactivation; they count only while the user is active.",
    )
    async def skill_groups(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[SkillGroup]:
        return await skill_groups.skill_groups_of_user(info.context, self, page_arguments(first, after, last, before))

    @strawberry.field(
        graphql_type=list[later("LicenseGrant", "gql.license")] | None,  # type: ignore[misc]
        directives=NULL_ONLY_ON_ERROR,
        description="Licenses granted to the user, suspended ones included, a short list: the one that counts first. "
        "Callers without LICENSES_READ see their own; for others it is empty.",
    )
    async def license_grants(self: Any, info: Info) -> list[LicenseGrant]:
        return await licenses.grants_of_user(info.context, self)

    @strawberry.field(
        graphql_type=later("License", "gql.license") | None,
        description="License that counts for the user, null while the user is deactivated: PREMIUM_AGENT wins over "
        "STANDARD_AGENT.",
    )
    async def effective_license(self: Any, info: Info) -> License | None:
        return await licenses.effective_license_of(info.context, self)

    @strawberry.field(
        graphql_type=later("SessionConnection", "gql.session") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Sessions of the user, the latest first.",
    )
    async def sessions(
        self: Any,
        info: Info,
        open: Annotated[
            bool | None,
            strawberry.argument(description="Keep only sessions that are open (true) or closed (false)."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[Session]:
        return await sessions.sessions_of_user(
            info.context, self, given(open), page_arguments(first, after, last, before)
        )

    @strawberry.field(
        graphql_type=later("AuditEventConnection", "gql.audit") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="What was recorded about this user, the latest first.",
    )
    async def audit_events(
        self: Any, info: Info, first: First = UNSET, after: After = UNSET, last: Last = UNSET, before: Before = UNSET
    ) -> Page[AuditEvent]:
        return await audit.events_of_user(info.context, self, page_arguments(first, after, last, before))

    @strawberry.field(
        graphql_type=list[UserAction] | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Actions the caller can perform on this user now.",
    )
    async def available_actions(self: Any, info: Info) -> list[UserAction]:
        return await actions.actions_of_user(info.context, self)

    @strawberry.field(
        graphql_type=later("CallRecordConnection", "gql.call_record") | None,
        directives=NULL_ONLY_ON_ERROR,
        description="Call records of the user, the latest first, kept after deactivation and deletion.",
    )
    async def call_records(
        self: Any,
        info: Info,
        filter: Annotated[
            CallRecordFilterInput | None, strawberry.argument(description="Condition on the call records.")
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[CallRecord]:
        criteria = read(filter, FilterReader.of(info.context))
        return await call_records.calls_of_user(
            info.context, self, criteria, page_arguments(first, after, last, before)
        )

    activated_at: datetime | None = strawberry.field(
        description="When the user first signed in, null for somebody who was invited and never did."
    )
    last_sign_in_at: datetime | None = strawberry.field(description="When the user last signed in.")
    last_active_at: datetime | None = strawberry.field(
        description="When the user last used any session, to within a minute."
    )
    created_at: datetime = strawberry.field(description="When the user was created.")
    updated_at: datetime = strawberry.field(
        description="When `version` last grew; presence and sessions do not move it."
    )


UserConnection = connection("User", User, hides=True)
resolvable("User", users.user_of)


@strawberry.input(one_of=True, description="Names one user by one of its keys.")
class UserKeyInput:
    id: strawberry.ID | None = strawberry.field(default=UNSET, description="Global id.")
    email: str | None = strawberry.field(default=UNSET, description="Mail address, compared regardless of case.")
    external_id: str | None = strawberry.field(
        default=UNSET, description="Key in the system of record of the customer."
    )
    agent_number: str | None = strawberry.field(default=UNSET, description="Number of the agent.")


@strawberry.input(description=CONDITION.format("users"))
class UserFilterInput:
    and_: list[UserFilterInput] | None = all_of()
    or_: list[UserFilterInput] | None = any_of()
    not_: UserFilterInput | None = none_of()
    id: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the id.")
    status: UserStatusFilterInput | None = strawberry.field(
        default=UNSET,
        description="Condition on the life-cycle state; when there is one anywhere in the filter, it alone decides "
        "about deactivated users, and deleted ones match only where named by `eq` or `in`.",
    )
    role: UserRoleFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the roles: at least one must match."
    )
    presence: PresenceStateFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the presence state."
    )
    contact_center_enabled: bool | None = strawberry.field(
        default=UNSET, description="Whether the account is enabled for the contact center."
    )
    sign_in_blocked: bool | None = strawberry.field(default=UNSET, description="Whether a sign-in block is set.")
    protected: bool | None = strawberry.field(default=UNSET, description="Whether the user is protected.")
    email: StringFilterInput | None = strawberry.field(default=UNSET, description="Condition on the mail address.")
    display_name: StringFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the display name."
    )
    external_id: StringFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the key in the system of record."
    )
    agent_number: StringFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the number of the agent."
    )
    team: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the teams: at least one team must match."
    )
    queue: IdFilterInput | None = strawberry.field(
        default=UNSET,
        description="Condition on the queues: at least one queue must match, however it was assigned.",
    )
    skill_group: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the skill groups: at least one must match."
    )
    license: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the licenses: at least one must match."
    )
    effective_license_type: LicenseTypeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the type of the license that counts."
    )
    site: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the site.")
    profile: IdFilterInput | None = strawberry.field(default=UNSET, description="Condition on the user profile.")
    desktop_profile: IdFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the desktop profile."
    )
    activated_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of the first sign-in."
    )
    last_sign_in_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of the last sign-in."
    )
    last_active_before: datetime | None = strawberry.field(
        default=UNSET,
        description="Dormant since this instant: no session was used at or after it, which is also true of users who "
        "never signed in.",
    )
    created_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of creation."
    )
    updated_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of the last change."
    )
    deactivated_at: DateTimeFilterInput | None = strawberry.field(
        default=UNSET, description="Condition on the time of the deactivation."
    )

    def criteria(self, reader: FilterReader) -> UserCriteria:
        """Which people are wanted, as far as the object itself says."""
        presence = reader.choice("presence", self.presence)
        return UserCriteria(
            status=reader.choice("status", self.status),
            id=reader.keys("id", self.id, "User"),
            role=reader.choice("role", self.role),
            presence=None if presence is None else PresenceCondition(presence, reader.at),
            contact_center_enabled=reader.flag("contactCenterEnabled", self.contact_center_enabled),
            sign_in_blocked=reader.flag("signInBlocked", self.sign_in_blocked),
            protected=reader.flag("protected", self.protected),
            email=reader.text("email", self.email),
            display_name=reader.text("displayName", self.display_name),
            external_id=reader.text("externalId", self.external_id),
            agent_number=reader.text("agentNumber", self.agent_number),
            team=reader.keys("team", self.team, "Team"),
            queue=reader.keys("queue", self.queue, "Queue"),
            skill_group=reader.keys("skillGroup", self.skill_group, "SkillGroup"),
            license=reader.keys("license", self.license, "License"),
            site=reader.keys("site", self.site, "Site"),
            profile=reader.keys("profile", self.profile, "UserProfile"),
            desktop_profile=reader.keys("desktopProfile", self.desktop_profile, "DesktopProfile"),
            effective_license_type=reader.choice("effectiveLicenseType", self.effective_license_type),
            activated_at=reader.instant("activatedAt", self.activated_at),
            last_sign_in_at=reader.instant("lastSignInAt", self.last_sign_in_at),
            last_active_before=reader.moment("lastActiveBefore", self.last_active_before),
            created_at=reader.instant("createdAt", self.created_at),
            updated_at=reader.instant("updatedAt", self.updated_at),
            deactivated_at=reader.instant("deactivatedAt", self.deactivated_at),
        )


@strawberry.input(
    description="Sort key for a list of User items. The node id is always appended as the last key, and items without "
    "a value come last in both directions."
)
class UserOrderInput:
    field: UserOrderField = strawberry.field(description="Field to sort by.")
    direction: OrderDirection = strawberry.field(default=OrderDirection.ASC, description="Sort direction.")


@strawberry.type
class UserQueries:
    """Root fields about people."""

    @strawberry.field(
        graphql_type=User | None,
        description="User with this key, null when there is none. Deactivated users are found.",
    )
    async def user(
        self: Any, info: Info, by: Annotated[UserKeyInput, strawberry.argument(description="Key of the user.")]
    ) -> UserRow | None:
        if (global_id := given(by.id)) is not None:
            return await users.required_user_of(info.context, key_argument(global_id, "User", path=("by", "id")))
        if (mail := given(by.email)) is not None:
            return await users.user_by(info.context, UserKey.EMAIL, mail_key(text_argument(mail, "by", "email")))
        if (external_id := given(by.external_id)) is not None:
            external_id = text_argument(external_id, "by", "externalId")
            return await users.user_by(info.context, UserKey.EXTERNAL_ID, external_id)
        agent_number = text_argument(given(by.agent_number) or "", "by", "agentNumber")
        return await users.user_by(info.context, UserKey.AGENT_NUMBER, agent_number)

    @strawberry.field(
        graphql_type=UserConnection | None,
        description="Users, by default without the deactivated ones and sorted by display name. Filtered by "
        "`updatedAt` with `includeDeactivated`, this is the way to follow changes without a socket.",
    )
    async def users(
        self: Any,
        info: Info,
        include_deactivated: Annotated[
            bool,
            strawberry.argument(
                description="Whether deactivated users are listed too. Ignored when the filter has a condition on the "
                "status."
            ),
        ] = False,
        filter: Annotated[UserFilterInput | None, strawberry.argument(description="Condition on the items.")] = UNSET,
        search: Annotated[
            str | None,
            strawberry.argument(
                description="Words that must all occur in name, mail address, extension, agent number or external id, "
                "regardless of case and accents: anywhere, or at the beginning of a word if shorter than 3 characters. "
                "It filters and does not sort."
            ),
        ] = UNSET,
        order_by: Annotated[
            list[UserOrderInput] | None,
            strawberry.argument(description="Sort keys, the most important first, at most 3."),
        ] = UNSET,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
    ) -> Page[UserRow]:
        wanted = nested(filter, FilterReader.of(info.context), UserCriteria)
        question = UserQuestion(wanted.asking(words=users.search_words(given(search))), include_deactivated)
        return await users.page(info.context, question, wishes(order_by), page_arguments(first, after, last, before))
