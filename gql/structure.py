"""Making, changing and deleting teams, queues, skill groups, sites and profiles: inputs, payloads, root fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Annotated, Any
from uuid import UUID

import strawberry
from strawberry import UNSET, Maybe
from strawberry.utils.str_converters import to_camel_case

from gql.arguments import INPUT, given
from gql.bulk import answered, parse_optional_id
from gql.errors import MutationError, MutationWarning
from gql.idempotency import NAME as KEY
from gql.idempotency import idempotency_key
from gql.ids import global_id
from gql.info import Info
from gql.organization import Organization
from gql.profile import DesktopProfile, UserProfile
from gql.queue import Queue
from gql.site import Site
from gql.skill_group import SkillGroup
from gql.team import Team
from gql.words import DESCRIPTION, NAME
from models.organization import CoverageRule
from models.permission import Permission
from models.session import Surface
from resolvers import structure
from resolvers.kinds import DESKTOP_PROFILE, ORGANIZATION, QUEUE, SITE, SKILL_GROUP, TEAM, USER_PROFILE
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused, refuse
from resolvers.structure import Kind, StructureAnswer

_PATCH = "New values for a {}. An omitted field is left as it is; null clears a field that may be empty."
_ERRORS = "Problems that kept the mutation from doing its work. Empty when it succeeded."
WARNINGS = "Queues that are left with fewer active agents than their minimum."
_EXPECTED = "Version the caller read; when the object has another one by now, nothing is done."
_SITE = "Site of the team."
_PARENT = "Team this team belongs to."
_CHANNEL = "Kind of contacts, for example voice, chat or email."
_MINIMUM = "Fewest active agents that the queue should have, 0 when any number will do."
_ZONE = "IANA name of the time zone."
_DESKTOP = "Desktop profile of users of the site who have none of their own."
_SURFACES = "Surfaces on which users with the profile may sign in, at least one."
_PERMISSIONS = "Permissions that users with the profile keep of those that their roles give"


def _optional(description: str) -> Any:
    return strawberry.field(default=UNSET, description=description)


def _patched(description: str) -> Any:
    return strawberry.field(description=description)


@strawberry.input
class NewThingInput:
    """Fields that the inputs for new things share; not a type of its own in the schema."""

    idempotency_key: str | None = idempotency_key()
    name: str = strawberry.field(description=NAME)
    description: str | None = _optional(DESCRIPTION)


@strawberry.input
class ThingPatchInput:
    """Fields that all patches share; not a type of its own in the schema."""

    name: Maybe[str | None] = _patched(NAME)
    active: Maybe[bool | None] = _patched("Whether it is in use; false is refused with IN_USE while something uses it.")
    description: Maybe[str | None] = _patched(DESCRIPTION)


@strawberry.input(description="Creates a Team.")
class CreateTeamInput(NewThingInput):
    site_id: strawberry.ID | None = _optional(_SITE)
    parent_id: strawberry.ID | None = _optional(_PARENT)


@strawberry.input(description=_PATCH.format("Team"))
class TeamPatchInput(ThingPatchInput):
    site_id: Maybe[strawberry.ID | None] = _patched(_SITE)
    parent_id: Maybe[strawberry.ID | None] = _patched(_PARENT)


@strawberry.input(description="Creates a Queue.")
class CreateQueueInput(NewThingInput):
    channel: str = strawberry.field(description=_CHANNEL)
    minimum_agents: int = strawberry.field(default=0, description=_MINIMUM)


@strawberry.input(description=_PATCH.format("Queue"))
class QueuePatchInput(ThingPatchInput):
    channel: Maybe[str | None] = _patched(_CHANNEL)
    minimum_agents: Maybe[int | None] = _patched(_MINIMUM)


@strawberry.input(description="Creates a SkillGroup.")
class CreateSkillGroupInput(NewThingInput):
    pass


@strawberry.input(description=_PATCH.format("SkillGroup"))
class SkillGroupPatchInput(ThingPatchInput):
    pass


@strawberry.input(description="Creates a Site.")
class CreateSiteInput(NewThingInput):
    time_zone: str | None = _optional(_ZONE)
    default_desktop_profile_id: strawberry.ID | None = _optional(_DESKTOP)


@strawberry.input(description=_PATCH.format("Site"))
class SitePatchInput(ThingPatchInput):
    time_zone: Maybe[str | None] = _patched(_ZONE)
    default_desktop_profile_id: Maybe[strawberry.ID | None] = _patched(_DESKTOP)


@strawberry.input(description="Creates a custom UserProfile.")
class CreateUserProfileInput(NewThingInput):
    surfaces: list[Surface] = strawberry.field(default_factory=lambda: list(Surface), description=_SURFACES)
    permissions: list[Permission] | None = _optional(f"{_PERMISSIONS}; all when omitted.")


@strawberry.input(description=_PATCH.format("UserProfile"))
class UserProfilePatchInput(ThingPatchInput):
    surfaces: Maybe[list[Surface] | None] = _patched(f"{_SURFACES} Taking one away ends the sessions on it.")
    permissions: Maybe[list[Permission] | None] = _patched(
        f"{_PERMISSIONS}; null keeps all. Taking away what somebody has ends their sessions."
    )


@strawberry.input(description="Creates a DesktopProfile.")
class CreateDesktopProfileInput(NewThingInput):
    pass


@strawberry.input(description=_PATCH.format("DesktopProfile"))
class DesktopProfilePatchInput(ThingPatchInput):
    pass


@strawberry.input(
    description="New settings of an organization. An omitted field is left as it is; null clears a field that may be "
    "empty."
)
class OrganizationPatchInput:
    name: Maybe[str | None] = _patched("Name of the organization, unique in the installation.")
    time_zone: Maybe[str | None] = _patched("IANA name of the time zone in which days begin and schedules are shown.")
    sends_invitations: Maybe[bool | None] = _patched(
        "Whether new users get an invitation mail unless the request says otherwise."
    )
    idle_timeout_minutes: Maybe[int | None] = _patched(
        "Minutes without activity after which a session ends on every surface, at most 10,080."
    )
    default_desktop_profile_id: Maybe[strawberry.ID | None] = _patched(
        "Desktop profile of users who have none of their own and whose site has none."
    )
    coverage_rule: Maybe[CoverageRule | None] = _patched(
        "What happens when a change would leave a queue below its minimum of active agents."
    )


@strawberry.input(description="Changes the settings of the organization of the caller.")
class UpdateOrganizationInput:
    expected_version: int | None = _optional(
        "Version the caller read; when the organization has another one by now, nothing is done."
    )
    patch: OrganizationPatchInput = strawberry.field(description="Values to change.")


def _values(kind: Kind, input: Any, *path: str) -> dict[str, Any]:
    """The values that an input has, by their names in the schema, with keys in the place of ids; absent ones are left
    out.

    Raises:
        Refused: INVALID, with a problem for each malformed id.
    """
    values: dict[str, Any] = {}
    problems: list[Problem] = []
    for each in fields(input):
        name, value = to_camel_case(each.name), getattr(input, each.name)
        if isinstance(value, strawberry.Some):
            value = value.value
        elif value is UNSET or not isinstance(input, NewThingInput) or name == KEY:
            continue
        attribute = kind.attributes[name]
        if attribute.refers is not None:
            try:
                value = parse_optional_id(value, attribute.type_name, *path, name)
            except Refused as refused:
                problems += refused.problems
        values[name] = value
    if problems:
        raise Refused(*problems)
    return values


def key_of_thing(kind: Kind, given_id: str) -> UUID:
    """The key of the thing that an input names by `id`.

    Raises:
        Refused: INVALID.
    """
    key = parse_optional_id(given_id, kind.type_name, "input", "id")
    if key is None:
        raise refuse(Code.INVALID, f"This is not the id of a {kind.type_name}.", "input", "id")
    return key


def _type(name: str, description: str, described: Mapping[str, tuple[Any, Any]], *, takes: bool = False) -> Any:
    """A type of the schema with these fields, each with its type."""
    body: dict[str, Any] = {field: value for field, (_, value) in described.items()}
    body["__annotations__"] = {field: kind for field, (kind, _) in described.items()}
    make = strawberry.input if takes else strawberry.type
    return make(type(name, (), body), name=name, description=description)


def _payload(kind: Kind, verb: str, field: str, shows: Any) -> Any:
    """The payload of a mutation, a view over `resolvers.structure.StructureAnswer`."""
    errors = (list[MutationError], strawberry.field(description=_ERRORS))
    words = f"Result of `{verb.lower()}{kind.type_name}`."
    described: dict[str, tuple[Any, Any]] = {"errors": errors}
    if verb == "Update" and kind.warns:
        described["warnings"] = (list[MutationWarning], strawberry.field(description=WARNINGS))
    return _type(f"{verb}{kind.type_name}Payload", words, {**described, field: (Any, shows)})


def _mutation(payload: Any, input_type: Any, description: str, work: Callable[..., Any]) -> Any:
    """A root field that takes one input."""

    async def resolve(self: Any, info: Any, input: Any) -> StructureAnswer:
        return await answered(info.context, input, lambda: work(info.context, input), StructureAnswer)

    resolve.__annotations__ = {"info": Info, "input": Annotated[input_type, INPUT], "return": StructureAnswer}
    return strawberry.mutation(resolver=resolve, graphql_type=payload | None, description=description)


def _thing(view: Any, description: str) -> Any:
    def resolve(self: Any) -> Any:
        return self.thing

    return strawberry.field(resolver=resolve, graphql_type=view | None, description=description)


def creation(kind: Kind, view: Any, input_type: Any) -> Any:
    """The root field that makes a thing of one kind."""

    async def work(context: Any, input: Any) -> StructureAnswer:
        return await structure.create(context, kind, _values(kind, input, "input"))

    shows = _thing(view, "The new object; null when it was not created.")
    payload = _payload(kind, "Create", _field(kind), shows)
    return _mutation(payload, input_type, f"Creates a {kind.noun}.", work)


def changing(kind: Kind, view: Any, patch_type: Any) -> Any:
    """The root field that changes a thing of one kind."""

    async def work(context: Any, input: Any) -> StructureAnswer:
        patch = _values(kind, input.patch, "input", "patch")
        return await structure.update(context, kind, key_of_thing(kind, input.id), patch, given(input.expected_version))

    words = "The object after the mutation, or as it is now when that was refused; null when it was not found."
    payload = _payload(kind, "Update", _field(kind), _thing(view, words))
    described = {
        "id": (strawberry.ID, strawberry.field(description="Object to change.")),
        "expected_version": (int | None, _optional(_EXPECTED)),
        "patch": (patch_type, strawberry.field(description="Values to change.")),
    }
    input_type = _type(f"Update{kind.type_name}Input", f"Changes a {kind.type_name}.", described, takes=True)
    return _mutation(payload, input_type, f"Changes a {kind.noun}, or takes it into or out of use.", work)


def deletion(kind: Kind) -> Any:
    """The root field that deletes a thing of one kind."""

    async def work(context: Any, input: Any) -> StructureAnswer:
        return await structure.delete(context, kind, key_of_thing(kind, input.id), given(input.expected_version))

    def resolve(self: Any) -> str | None:
        return None if self.deleted is None else global_id(kind.type_name, self.deleted)

    shows = strawberry.field(
        resolver=resolve,
        graphql_type=strawberry.ID | None,
        description="Id of the deleted object; null when it was not deleted.",
    )
    payload = _payload(kind, "Delete", f"deleted_{_field(kind)}_id", shows)
    described = {
        "id": (strawberry.ID, strawberry.field(description="Object to delete.")),
        "expected_version": (int | None, _optional(_EXPECTED)),
    }
    input_type = _type(f"Delete{kind.type_name}Input", f"Deletes a {kind.type_name}.", described, takes=True)
    words = f"Deletes a {kind.noun} that nothing uses; what is in use is refused with IN_USE."
    return _mutation(payload, input_type, words, work)


def _field(kind: Kind) -> str:
    return kind.noun.replace(" ", "_")


_SHOWN = "The organization after the mutation, or as it is now when that was refused."
UpdateOrganizationPayload = _payload(ORGANIZATION, "Update", "organization", _thing(Organization, _SHOWN))


@strawberry.type
class Structure:
    """Root fields; not a type of its own in the schema."""

    create_team = creation(TEAM, Team, CreateTeamInput)
    update_team = changing(TEAM, Team, TeamPatchInput)
    delete_team = deletion(TEAM)
    create_queue = creation(QUEUE, Queue, CreateQueueInput)
    update_queue = changing(QUEUE, Queue, QueuePatchInput)
    delete_queue = deletion(QUEUE)
    create_skill_group = creation(SKILL_GROUP, SkillGroup, CreateSkillGroupInput)
    update_skill_group = changing(SKILL_GROUP, SkillGroup, SkillGroupPatchInput)
    delete_skill_group = deletion(SKILL_GROUP)
    create_site = creation(SITE, Site, CreateSiteInput)
    update_site = changing(SITE, Site, SitePatchInput)
    delete_site = deletion(SITE)
    create_user_profile = creation(USER_PROFILE, UserProfile, CreateUserProfileInput)
    update_user_profile = changing(USER_PROFILE, UserProfile, UserProfilePatchInput)
    delete_user_profile = deletion(USER_PROFILE)
    create_desktop_profile = creation(DESKTOP_PROFILE, DesktopProfile, CreateDesktopProfileInput)
    update_desktop_profile = changing(DESKTOP_PROFILE, DesktopProfile, DesktopProfilePatchInput)
    delete_desktop_profile = deletion(DESKTOP_PROFILE)

    @strawberry.mutation(
        graphql_type=UpdateOrganizationPayload | None, description="Changes the settings of the organization."
    )
    async def update_organization(
        self, info: Info, input: Annotated[UpdateOrganizationInput, INPUT]
    ) -> StructureAnswer:
        context = info.context

        async def work() -> StructureAnswer:
            patch = _values(ORGANIZATION, input.patch, "input", "patch")
            own = context.known.organization_id
            return await structure.update(context, ORGANIZATION, own, patch, given(input.expected_version))

        return await answered(context, input, work, StructureAnswer)
