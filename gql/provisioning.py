"""Adding and changing people: inputs, payloads, root fields."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from gql.arguments import INPUT
from gql.bulk import answered, answered_in_bulk, bulk_payload, checked_note, parse_ids, parse_optional_id
from gql.errors import MutationError, MutationWarning
from gql.idempotency import idempotency_key
from gql.ids import key_of
from gql.info import Info
from gql.user import User
from models.operation import BulkErrorPolicy
from models.user import UserRole
from resolvers import contact_center, provisioning, updating
from resolvers.bulk import BulkAnswer, Terms
from resolvers.identity import CHECKS
from resolvers.provisioning import NewUser
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused, refuse
from resolvers.targets import check_size
from resolvers.updating import UpdateAnswer, UserPatch

MAX_REFERENCES = 100


def _python_name(name: str) -> str:
    return "".join("_" + letter.lower() if letter.isupper() else letter for letter in name)


_TEXTS = {name: _python_name(name) for name in CHECKS}
_REFERENCES = tuple(
    (column, reference.model.__name__, reference.field) for column, reference in contact_center.REFERENCES.items()
)


def _optional(description: str) -> Any:
    return strawberry.field(default=strawberry.UNSET, description=description)


@strawberry.input(description="Profile data and assignments of a new user.")
class NewUserInput:
    email: str = strawberry.field(description="Mail address and sign-in name.")
    external_id: str | None = _optional("Key in the system of record.")
    first_name: str | None = _optional("First name.")
    last_name: str | None = _optional("Last name.")
    nickname: str | None = _optional("Second name by which colleagues and customers know the user.")
    agent_number: str | None = _optional("Number of the agent.")
    extension: str | None = _optional("Phone extension.")
    work_phone: str | None = _optional("Work phone number, in E.164 format.")
    mobile_phone: str | None = _optional("Mobile phone number, in E.164 format.")
    locale: str | None = _optional("BCP 47 language tag of the language of mails.")
    time_zone: str | None = _optional("IANA name of the time zone of mails and schedules.")
    roles: list[UserRole] = strawberry.field(
        default_factory=lambda: [UserRole.AGENT],
        description="Roles. Administrator roles cannot be given on creation.",
    )
    contact_center_enabled: bool = strawberry.field(
        default=True, description="Whether the account is enabled for the contact center."
    )
    site_id: strawberry.ID | None = _optional("Site.")
    profile_id: strawberry.ID | None = _optional("User profile.")
    desktop_profile_id: strawberry.ID | None = _optional("Desktop profile.")
    team_ids: list[strawberry.ID] | None = _optional("Teams to join.")
    queue_ids: list[strawberry.ID] | None = _optional("Queues to assign directly.")
    skill_group_ids: list[strawberry.ID] | None = _optional("Skill groups to join.")
    license_ids: list[strawberry.ID] | None = _optional("Licenses to assign.")

    def parsed(self, index: int) -> NewUser:
        """The person that is described.

        Raises:
            Refused: A malformed id, or too many of them.
        """
        path = ("input", "users", str(index))

        def many(given: list[strawberry.ID] | None, type_name: str, field: str) -> tuple[Any, ...]:
            if not given:
                return ()
            check_size(len(given), MAX_REFERENCES, *path, field)
            return tuple(parse_ids(given, type_name, *path, field))

        texts = {name: getattr(self, attribute) for name, attribute in _TEXTS.items()}
        return NewUser(
            fields={name: text for name, text in texts.items() if text not in (None, strawberry.UNSET)},
            roles=frozenset(self.roles),
            contact_center_enabled=self.contact_center_enabled,
            site_id=parse_optional_id(self.site_id, "Site", *path, "siteId"),
            profile_id=parse_optional_id(self.profile_id, "UserProfile", *path, "profileId"),
            desktop_profile_id=parse_optional_id(self.desktop_profile_id, "DesktopProfile", *path, "desktopProfileId"),
            team_ids=many(self.team_ids, "Team", "teamIds"),
            queue_ids=many(self.queue_ids, "Queue", "queueIds"),
            skill_group_ids=many(self.skill_group_ids, "SkillGroup", "skillGroupIds"),
            license_ids=many(self.license_ids, "License", "licenseIds"),
        )


@strawberry.input(description="Adds users.")
class AddUsersInput:
    idempotency_key: str | None = idempotency_key()
    users: list[NewUserInput] = strawberry.field(description="The new users, at most `maxCreateUsers`.")
    send_activation_mails: bool | None = _optional(
        "Whether to send activation mails; the organization decides when omitted."
    )
    error_policy: BulkErrorPolicy = strawberry.field(
        default=BulkErrorPolicy.CONTINUE, description="What happens to the other users when one fails."
    )
    dry_run: bool = strawberry.field(default=False, description="Whether to only show what would be done.")
    note: str | None = _optional("Note, kept with the operation and the audit events.")


@strawberry.input(
    description="New values for a user. An omitted field is left as it is; null clears a field that may be empty."
)
class UserPatchInput:
    email: strawberry.Maybe[str | None] = strawberry.field(
        description="Mail address and sign-in name; only a full administrator changes it, and only for a LOCAL user."
    )
    external_id: strawberry.Maybe[str | None] = strawberry.field(description="Key in the system of record.")
    first_name: strawberry.Maybe[str | None] = strawberry.field(description="First name.")
    last_name: strawberry.Maybe[str | None] = strawberry.field(description="Last name.")
    nickname: strawberry.Maybe[str | None] = strawberry.field(
        description="Second name by which colleagues and customers know the user."
    )
    agent_number: strawberry.Maybe[str | None] = strawberry.field(
        description="Number of the agent; only a full administrator changes it, and only for a LOCAL user."
    )
    extension: strawberry.Maybe[str | None] = strawberry.field(description="Phone extension.")
    work_phone: strawberry.Maybe[str | None] = strawberry.field(description="Work phone number, in E.164 format.")
    mobile_phone: strawberry.Maybe[str | None] = strawberry.field(description="Mobile phone number, in E.164 format.")
    locale: strawberry.Maybe[str | None] = strawberry.field(description="BCP 47 language tag of the language of mails.")
    time_zone: strawberry.Maybe[str | None] = strawberry.field(
        description="IANA name of the time zone of mails and schedules."
    )
    roles: strawberry.Maybe[list[UserRole] | None] = strawberry.field(description="Roles.")
    protected: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether the user is protected; only a full administrator changes it."
    )

    contact_center_enabled: strawberry.Maybe[bool | None] = strawberry.field(
        description="Whether the account is enabled for the contact center. Turning it off is refused while the user "
        "has teams, direct queues or skill groups; it clears site and profiles."
    )
    site_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Site. When it changes, the user leaves all teams, and loses the desktop profile if it is the old "
        "site's default."
    )
    profile_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="User profile; null gives the built-in one of license and role."
    )
    desktop_profile_id: strawberry.Maybe[strawberry.ID | None] = strawberry.field(
        description="Desktop profile; null leaves the default of the site or the organization."
    )

    def parsed(self) -> UserPatch:
        """The new values.

        Raises:
            Refused: REQUIRED for null in a field that cannot be empty (rule M11).
        """
        path = ("input", "patch")
        problems = [
            Problem(Code.REQUIRED, "This cannot be empty.", (*path, name))
            for name in ("email", "roles", "protected", "contactCenterEnabled")
            if (given := getattr(self, _python_name(name))) is not None and given.value is None
        ]
        if problems:
            raise Refused(*problems)
        texts = {name: getattr(self, attribute) for name, attribute in _TEXTS.items()}
        return UserPatch(
            fields={name: given.value for name, given in texts.items() if given is not None},
            roles=None if self.roles is None else frozenset(self.roles.value or ()),
            protected=None if self.protected is None else self.protected.value,
            contact_center_enabled=None if self.contact_center_enabled is None else self.contact_center_enabled.value,
            references={
                column: parse_optional_id(given.value, type_name, *path, field)
                for column, type_name, field in _REFERENCES
                if (given := getattr(self, column)) is not None
            },
        )


@strawberry.input(description="Changes the profile data of a user.")
class UpdateUserInput:
    id: strawberry.ID = strawberry.field(description="User to change.")
    expected_version: int | None = _optional(
        "Version the caller read; when the user has another one by now, nothing is done."
    )
    patch: UserPatchInput = strawberry.field(description="Values to change.")


AddUsersPayload = bulk_payload("addUsers", "The operation; null when nothing was started.")


@strawberry.type(description="Result of `updateUser`.")
class UpdateUserPayload:
    errors: list[MutationError] = strawberry.field(
        description="Problems that kept the mutation from doing its work. Empty when it succeeded."
    )
    warnings: list[MutationWarning] = strawberry.field(
        description="Things worth knowing that did not keep the mutation from doing its work."
    )
    user: User | None = strawberry.field(
        description="The user after the mutation, or as it is now after a VERSION_CONFLICT; null when it was not found."
    )


@strawberry.type
class Provisioning:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(
        graphql_type=AddUsersPayload | None,
        description="Adds users; administrator roles are given afterwards by `updateUser`.",
    )
    async def add_users(self, info: Info, input: Annotated[AddUsersInput, INPUT]) -> BulkAnswer:
        async def work() -> BulkAnswer:
            mails = input.send_activation_mails
            check_size(len(input.users), info.context.limits.max_create_users, "input", "users")
            return await provisioning.add_users(
                info.context,
                [user.parsed(index) for index, user in enumerate(input.users)],
                Terms(input.error_policy, None, checked_note(input.note), input.dry_run),
                send_activation_mails=None if mails is strawberry.UNSET else mails,
            )

        return await answered_in_bulk(info.context, input, work)

    @strawberry.mutation(
        graphql_type=UpdateUserPayload | None, description="Changes the profile data or roles of a user."
    )
    async def update_user(self, info: Info, input: Annotated[UpdateUserInput, INPUT]) -> UpdateAnswer:
        async def work() -> UpdateAnswer:
            key = key_of(input.id, "User")
            if key is None:
                raise refuse(Code.INVALID, "This is not the id of a User.", "input", "id")
            version = input.expected_version
            expected = None if version is strawberry.UNSET else version
            return await updating.update_user(info.context, key, input.id, input.patch.parsed(), expected)

        return await answered(info.context, input, work, UpdateAnswer)
