"""Giving queues to teams and skill groups: inputs, payloads, root fields."""

from __future__ import annotations

from typing import Annotated, Any

import strawberry

from gql.arguments import INPUT
from gql.bulk import answered
from gql.errors import MutationError, MutationWarning
from gql.info import Info
from gql.membership import AssignmentChangeInput
from gql.skill_group import SkillGroup
from gql.structure import WARNINGS, key_of_thing
from gql.team import Team
from models.skill_group import SkillGroup as SkillGroupRow
from models.team import Team as TeamRow
from resolvers import assigned_queues
from resolvers.kinds import SKILL_GROUP, TEAM
from resolvers.structure import Kind, StructureAnswer

_ERRORS = "Problems that kept the mutation from doing its work. Empty when it succeeded."


@strawberry.input(description="Changes the queues of a team.")
class AssignTeamQueuesInput:
    id: strawberry.ID = strawberry.field(description="Team to change.")
    queues: AssignmentChangeInput = strawberry.field(description="Change of the queues.")


@strawberry.input(description="Changes the queues of a skill group.")
class AssignSkillGroupQueuesInput:
    id: strawberry.ID = strawberry.field(description="Skill group to change.")
    queues: AssignmentChangeInput = strawberry.field(description="Change of the queues.")


@strawberry.type(description="Result of `assignTeamQueues`.")
class AssignTeamQueuesPayload:
    """A view over an answer."""

    errors: list[MutationError] = strawberry.field(description=_ERRORS)
    warnings: list[MutationWarning] = strawberry.field(description=WARNINGS)

    @strawberry.field(
        graphql_type=Team | None,
        description="The team after the mutation, or as it is now when that was refused; null when it was not found.",
    )
    def team(self: Any) -> TeamRow | None:
        team: TeamRow | None = self.thing
        return team


@strawberry.type(description="Result of `assignSkillGroupQueues`.")
class AssignSkillGroupQueuesPayload:
    """A view over an answer."""

    errors: list[MutationError] = strawberry.field(description=_ERRORS)
    warnings: list[MutationWarning] = strawberry.field(description=WARNINGS)

    @strawberry.field(
        graphql_type=SkillGroup | None,
        description="The skill group after the mutation, or as it is now when that was refused; null when it was not "
        "found.",
    )
    def skill_group(self: Any) -> SkillGroupRow | None:
        group: SkillGroupRow | None = self.thing
        return group


async def _assign(
    info: Info, input: AssignTeamQueuesInput | AssignSkillGroupQueuesInput, kind: Kind
) -> StructureAnswer:
    async def work() -> StructureAnswer:
        key = key_of_thing(kind, input.id)
        change = input.queues.change("Queue", "queues", info.context.limits)
        return await assigned_queues.assign_queues(info.context, kind, key, change)

    return await answered(info.context, input, work, StructureAnswer)


@strawberry.type
class AssigningQueues:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(graphql_type=AssignTeamQueuesPayload | None, description="Changes the queues of a team.")
    async def assign_team_queues(self, info: Info, input: Annotated[AssignTeamQueuesInput, INPUT]) -> StructureAnswer:
        return await _assign(info, input, TEAM)

    @strawberry.mutation(
        graphql_type=AssignSkillGroupQueuesPayload | None, description="Changes the queues of a skill group."
    )
    async def assign_skill_group_queues(
        self, info: Info, input: Annotated[AssignSkillGroupQueuesInput, INPUT]
    ) -> StructureAnswer:
        return await _assign(info, input, SKILL_GROUP)
