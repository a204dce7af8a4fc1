"""Who may use a root field at all, and what its arguments may not hold: asked before every one, none is forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from graphql import GraphQLResolveInfo, GraphQLSchema

from gql.arguments import unstorable
from models.audit import ActorKind
from models.permission import Permission
from resolvers.context import Context
from resolvers.refusals import BadInput, NotPermitted

OPEN_TO_ALL = frozenset({"signIn"})
OPEN_TO_SINGLE_USE_PASSWORDS = frozenset({"signIn", "viewer", "changePassword", "signOut"})

Resolve = Callable[..., Any]


def guard_root_fields(schema: GraphQLSchema) -> None:
    """Put the guard before every field of Query and Mutation."""
    for root in (schema.query_type, schema.mutation_type):
        if root is not None:
            for name, field in root.fields.items():
                assert field.resolve is not None
                field.resolve = _guarded(name, field.resolve, checks_texts=root is schema.query_type)


def may_enter(context: Context, field: str | None = None) -> None:
    """Let the caller in, to one root field or (None) to see how the schema looks.

    Raises:
        NotAuthenticated: Nobody is known, and the field is not for everybody.
        NotPermitted: A single-use password, or a key for directories, opens other doors only.
    """
    if field in OPEN_TO_ALL:
        return
    caller = context.known
    if caller.kind is ActorKind.API_KEY and Permission.DIRECTORY_SYNC in caller.permissions:
        raise NotPermitted("A key with DIRECTORY_SYNC opens SCIM and nothing else.")
    if caller.must_change_password and field is not None and field not in OPEN_TO_SINGLE_USE_PASSWORDS:
        raise NotPermitted("Change the single-use password first.")


def _guarded(name: str, resolve: Resolve, *, checks_texts: bool) -> Resolve:
    def guarded(source: Any, info: GraphQLResolveInfo[Any], **arguments: Any) -> Any:
        may_enter(info.context, name)
        if checks_texts:
            path = unstorable(arguments)
            if path is not None:
                raise BadInput("A text must hold neither U+0000 nor half a surrogate pair.", path)
        return resolve(source, info, **arguments)

    return guarded
