"""Signing in and out, one's own password and presence: inputs, payloads, root fields."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated

import strawberry

from gql.arguments import INPUT
from gql.bulk import answered
from gql.errors import MutationError
from gql.info import Info
from gql.presence import Presence
from gql.session import Session
from models.presence import Presence as PresenceRow
from models.presence import PresenceState
from models.session import Session as SessionRow
from models.session import Surface
from resolvers import signing_in
from resolvers.refusals import Problem


@strawberry.input(description="Signs a person in with mail and password.")
class SignInInput:
    email: str = strawberry.field(description="Mail address.")
    password: str = strawberry.field(description="Password.")
    surface: Surface = strawberry.field(description="Where the person signs in.")


@strawberry.input(description="Changes the caller's own password.")
class ChangePasswordInput:
    current_password: str = strawberry.field(description="The password in use.")
    new_password: str = strawberry.field(description="The password to use from now on.")


@strawberry.input(description="Sets the caller's own presence.")
class SetPresenceInput:
    state: PresenceState = strawberry.field(description="State to take; OFFLINE is taken by signing out.")
    reason_code: str | None = strawberry.field(default=strawberry.UNSET, description="Why, for UNAVAILABLE.")


@dataclass(frozen=True, slots=True)
class SignInAnswer:
    """What `signIn` answers."""

    errors: list[Problem] = field(default_factory=list)
    token: str | None = field(default=None, repr=False)
    session: SessionRow | None = None
    password_change_required: bool = False


@dataclass(frozen=True, slots=True)
class SignOutAnswer:
    """What `signOut` answers."""

    errors: list[Problem] = field(default_factory=list)
    session: SessionRow | None = None


@dataclass(frozen=True, slots=True)
class ChangePasswordAnswer:
    """What `changePassword` answers."""

    errors: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class SetPresenceAnswer:
    """What `setPresence` answers."""

    errors: list[Problem] = field(default_factory=list)
    presence: PresenceRow | None = None


@strawberry.type(description="Result of `signIn`.")
class SignInPayload:
    """A view over `SignInAnswer`."""

    errors: list[MutationError] = strawberry.field(
        description="Problems that kept the person out. They never tell whether the mail is known."
    )
    token: str | None = strawberry.field(
        description="Bearer token of the new session, shown once; null when sign-in was refused."
    )
    session: Session | None = strawberry.field(description="The new session.")
    password_change_required: bool = strawberry.field(
        description="Whether the password is for a single use and must be changed before anything else."
    )


@strawberry.type(description="Result of `signOut`.")
class SignOutPayload:
    """A view over `SignOutAnswer`."""

    errors: list[MutationError] = strawberry.field(description="Problems that kept the session open.")
    session: Session | None = strawberry.field(description="The session that ended.")


@strawberry.type(description="Result of `changePassword`.")
class ChangePasswordPayload:
    """A view over `ChangePasswordAnswer`."""

    errors: list[MutationError] = strawberry.field(description="Problems that kept the password as it was.")


@strawberry.type(description="Result of `setPresence`.")
class SetPresencePayload:
    """A view over `SetPresenceAnswer`."""

    errors: list[MutationError] = strawberry.field(description="Problems that kept the presence as it was.")
    presence: Presence | None = strawberry.field(description="The presence after the mutation.")


@strawberry.type
class SigningIn:
    """Root fields; not a type of its own in the schema."""

    @strawberry.mutation(
        graphql_type=SignInPayload | None,
        description="Sign in with mail and password; the only mutation open to anonymous callers.",
    )
    async def sign_in(self, info: Info, input: Annotated[SignInInput, INPUT]) -> SignInAnswer:
        context = info.context

        async def work() -> SignInAnswer:
            signed = await signing_in.sign_in(
                context, email=input.email, password=input.password, surface=input.surface
            )
            context.session_token = signed.token
            if context.caller is None:
                context.caller = signed.caller  # the payload shows the new session to whom it belongs
            return SignInAnswer(
                token=signed.token,
                session=signed.session,
                password_change_required=signed.password_change_required,
            )

        return await answered(context, input, work, SignInAnswer)

    @strawberry.mutation(graphql_type=SignOutPayload | None, description="End the session of the caller.")
    async def sign_out(self, info: Info) -> SignOutAnswer:
        async def work() -> SignOutAnswer:
            ended = await signing_in.sign_out(info.context)
            info.context.session_ended = True
            return SignOutAnswer(session=ended)

        return await answered(info.context, None, work, SignOutAnswer)

    @strawberry.mutation(
        graphql_type=ChangePasswordPayload | None,
        description="Change the caller's own password; ends all their other sessions.",
    )
    async def change_password(
        self,
        info: Info,
        input: Annotated[ChangePasswordInput, INPUT],
    ) -> ChangePasswordAnswer:
        async def work() -> ChangePasswordAnswer:
            await signing_in.change_password(info.context, current=input.current_password, new=input.new_password)
            return ChangePasswordAnswer()

        return await answered(info.context, input, work, ChangePasswordAnswer)

    @strawberry.mutation(graphql_type=SetPresencePayload | None, description="Set the caller's own presence.")
    async def set_presence(self, info: Info, input: Annotated[SetPresenceInput, INPUT]) -> SetPresenceAnswer:
        async def work() -> SetPresenceAnswer:
            reason = None if input.reason_code is strawberry.UNSET else input.reason_code
            presence = await signing_in.set_presence(info.context, state=input.state, reason_code=reason)
            return SetPresenceAnswer(presence=presence)

        return await answered(info.context, input, work, SetPresenceAnswer)
