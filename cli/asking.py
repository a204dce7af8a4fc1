"""Whom a command asks: this program on the database of the settings, or a gateway elsewhere by address and key."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from uuid import uuid4

import typer

from cli.running import MISUSED, REFUSED, UNAVAILABLE, fail, imported, opened

if TYPE_CHECKING:
    from httpx2 import AsyncClient

    from repositories.engine import Database
    from resolvers.caller import Caller
    from server.settings import Settings

Organization = Annotated[
    str | None, typer.Option(help="Name of the organization in the local database; not needed where there is only one.")
]
Url = Annotated[
    str | None, typer.Option("--url", help="Address of another gateway's API, such as https://host/graphql.")
]
Key = Annotated[str | None, typer.Option("--key", help="API key for that gateway; @FILE reads it from a file.")]


class Ask(Protocol):
    """Takes the body of a request (`query`, perhaps `variables` and `operationName`), gives that of the response.

    Attributes:
        options: With which another command asks the same; the key is not written out.
    """

    options: str

    async def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """Ask once."""
        ...

    async def work(self) -> bool:
        """Do one batch of what waits in the database, as a worker does; False where there is nothing to do from here.

        On the local database there may be no worker; who waits for an operation there does it meanwhile.
        """
        ...


PATIENCE_S = 60


@asynccontextmanager
async def asking(
    settings: Settings, *, organization: str | None = None, url: str | None = None, key: str | None = None
) -> AsyncIterator[Ask]:
    """Something to ask with; ends the command where that cannot be had.

    Whoever has the local database may do everything there: the caller is the server itself.
    """
    if (url is None) != (key is None):
        fail("--url and --key go together: a gateway elsewhere is asked with an API key of its own.", MISUSED)
    if url is not None and key is not None:
        if organization is not None:
            fail("--organization is for the local database; the organization of a gateway is that of the key.", MISUSED)
        async with _elsewhere(url, _read(key)) as ask:
            yield ask
    else:
        async with _here(settings, organization) as ask:
            yield ask


@asynccontextmanager
async def _here(settings: Settings, organization: str | None) -> AsyncIterator[Ask]:
    from resolvers.caller import system_caller
    from resolvers.organizations import organization_named

    async with opened(settings) as database:
        options = "" if organization is None else f" --organization {quote(organization)}"
        yield _Here(database, system_caller((await organization_named(database, organization)).id), options)


class _Here:
    """The database of the settings."""

    def __init__(self, database: Database, caller: Caller, options: str) -> None:
        self._database = database
        self._caller = caller
        self.options = options

    async def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        import orjson

        from gql.execution import execute
        from resolvers.context import Context

        outcome = await execute(Context(self._database, self._caller, request_id=uuid4().hex), body)
        response: dict[str, Any] = orjson.loads(orjson.dumps(outcome.response, default=str))
        return response

    async def work(self) -> bool:
        from resolvers.queued import work_on_next

        return await work_on_next(self._database)


@asynccontextmanager
async def _elsewhere(url: str, key: str) -> AsyncIterator[Ask]:
    import httpx2

    headers = {"Authorization": f"Bearer {key}", "Accept": "application/graphql-response+json, application/json;q=0.9"}
    imported()
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S) as client:
        yield _Elsewhere(client, url)


class _Elsewhere:
    """A gateway behind an address."""

    def __init__(self, client: AsyncClient, url: str) -> None:
        self._client = client
        self._url = url
        self.options = f" --url {quote(url)} --key …"

    async def __call__(self, body: Mapping[str, Any]) -> dict[str, Any]:
        import httpx2

        try:
            response = await self._client.post(self._url, json=dict(body))
        except (httpx2.HTTPError, httpx2.InvalidURL) as error:
            fail(f"{self._url} does not answer: {error or type(error).__name__}", UNAVAILABLE)
        try:
            answer = response.json()
        except ValueError:
            answer = None
        if not isinstance(answer, dict) or not {"data", "errors"} & answer.keys():
            fail(f"{self._url} is no GraphQL API: it answers {response.status_code} without a response.", UNAVAILABLE)
        return answer

    async def work(self) -> bool:
        return False


def _read(key: str) -> str:
    if not key.startswith("@"):
        found = key
    else:
        try:
            with open(key[1:], encoding="utf-8") as file:
                found = file.read()
        except (OSError, UnicodeDecodeError) as error:
            fail(f"The key cannot be read: {error}", MISUSED)
    found = found.strip()
    if not found or not found.isascii() or not found.isprintable():
        fail("The key is empty, or no key at all.", MISUSED)
    return found


def data_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """The data of a response; ends the command with the first error where there is one."""
    errors = response.get("errors") or ()
    if errors:
        code = (errors[0].get("extensions") or {}).get("code", "INTERNAL")
        fail(f"{errors[0].get('message')} ({code})", REFUSED)
    data: dict[str, Any] = response["data"]
    return data


def payload_of(response: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of the only mutation in a response; ends the command with all that refused it, if anything did."""
    (payload,) = data_of(response).values()
    refused: list[dict[str, Any]] = payload["errors"]
    if refused:
        told = [f"{_place(error.get('path'))}{error['message']} ({error['code']})" for error in refused]
        fail("\n".join(told), REFUSED)
    found: dict[str, Any] = payload
    return found


def _place(path: list[str] | None) -> str:
    return f"{'.'.join(path)}: " if path else ""
