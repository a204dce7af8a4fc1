"""Assigning teams, queues and skill groups to people: inputs, payloads, root fields."""

from __future__ import annotations

from typing import Annotated

import strawberry

from gql.arguments import INPUT
from gql.bulk import BulkTermsInput, bulk_payload, parse_ids, performed
from gql.info import Info
from resolvers.assessing import AssignmentChange
from resolvers.bulk import BulkAnswer
from resolvers.limits import Limits
from resolvers.membership import AssignQueues, AssignSkillGroups, AssignTeams
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import Problem, Refused
from resolvers.targets import check_size

_INLINE = "The operation, finished already when it was handled inline; null when nothing was started."


@strawberry.input(one_of=True, description="Changes a list of assignments in exactly one way.")
class AssignmentChangeInput:
    add: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Assign these too.")
    remove: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Take these away.")
    set: list[strawberry.ID] | None = strawberry.field(default=strawberry.UNSET, description="Assign exactly these.")

    def change(self, type_name: str, field: str, limits: Limits) -> AssignmentChange:
        """The change that is asked for; only `set` may be empty, which takes everything away.

        Raises:
            Refused: A list that is empty or too long, a malformed id, or one that stands twice.
        """
        way = next(way for way in ("add", "remove", "set") if getattr(self, way) not in (None, strawberry.UNSET))
        given: list[strawberry.ID] = getattr(self, way)
        path = ("input", field, way)
        if given or way != "set":
            check_size(len(given), limits.max_inline_targets, *path)
        keys = parse_ids(given, type_name, *path)
        twice = [index for index, key in enumerate(keys) if key in keys[:index]]
        if twice:
            raise Refused(
                *(
                    Problem(Code.DUPLICATE_IN_REQUEST, "An earlier id names the same object.", (*path, str(index)))
                    for index in twice[:100]
                )
            )
        return AssignmentChange(way, tuple(keys))


@strawberry.input(description="Changes the teams of users.")
class AssignTeamsInput(BulkTermsInput):
    teams: AssignmentChangeInput = strawberry.field(description="Change of the teams.")


@strawberry.input(description="Changes the directly assigned queues of users.")
class AssignQueuesInput(BulkTermsInput):
    queues: AssignmentChangeInput = strawberry.field(description="Change of the directly assigned queues.")


@strawberry.input(description="Changes the skill groups of users.")
class AssignSkillGroupsInput(BulkTermsInput):
    skill_groups: AssignmentChangeInput = strawberry.field(description="Change of the skill groups.")


AssignTeamsPayload = bulk_payload("assignTeams", _INLINE)
AssignQueuesPayload = bulk_payload("assignQueues", _INLINE)
AssignSkillGroupsPayload = bulk_payload("assignSkillGroups", _INLINE)


@strawberry.type
class Assigning:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(
        graphql_type=AssignTeamsPayload | None,
        description="Changes the teams of users. Users that already are as asked count as UNCHANGED.",
    )
    async def assign_teams(self, info: Info, input: Annotated[AssignTeamsInput, INPUT]) -> BulkAnswer:
        limits = info.context.limits
        return await performed(
            info.context,
            input,
            AssignTeams,
            lambda: AssignTeams(input.teams.change("Team", "teams", limits)),
        )

    @strawberry.mutation(
        graphql_type=AssignQueuesPayload | None,
        description="Changes the directly assigned queues of users. Users that already are as asked count as "
        "UNCHANGED.",
    )
    async def assign_queues(self, info: Info, input: Annotated[AssignQueuesInput, INPUT]) -> BulkAnswer:
        limits = info.context.limits
        return await performed(
            info.context,
            input,
            AssignQueues,
            lambda: AssignQueues(input.queues.change("Queue", "queues", limits)),
        )

    @strawberry.mutation(
        graphql_type=AssignSkillGroupsPayload | None,
        description="Changes the skill groups of users. Users that already are as asked count as UNCHANGED.",
    )
    async def assign_skill_groups(self, info: Info, input: Annotated[AssignSkillGroupsInput, INPUT]) -> BulkAnswer:
        limits = info.context.limits
        return await performed(
            info.context,
            input,
            AssignSkillGroups,
            lambda: AssignSkillGroups(input.skill_groups.change("SkillGroup", "skillGroups", limits)),
        )
