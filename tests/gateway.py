"""A whole gateway in the test's own process, asked the way callers ask."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx2
from pydantic import SecretStr
from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from models.permission import Permission
from models.user import UserRole
from repositories.engine import Database
from repositories.organizations import create_organization
from resolvers.api_keys import create_api_key
from resolvers.caller import system_caller
from resolvers.context import Context, utc_now
from tests.databases import let_go, opened
from tests.people import Person, Staff

if TYPE_CHECKING:
    from server.app import Gateway as Shared

# With which the keys of every test are made, so that none is written beside the project.
PEPPER = "a pepper for tests, which is no secret"

SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { token errors { code message path } }
}
"""


@dataclass(frozen=True)
class Answer:
    """What `/graphql` answered."""

    status: int
    body: Mapping[str, Any]
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def data(self) -> Any:
        """The data; None when there is none."""
        return self.body.get("data")

    @property
    def errors(self) -> list[dict[str, Any]]:
        """The top-level errors."""
        return list(self.body.get("errors") or ())

    @property
    def codes(self) -> list[str]:
        """Code of each top-level error."""
        return [error["extensions"]["code"] for error in self.errors]


@dataclass(frozen=True)
class Acme:
    """What is in the database of a test before it begins: an organization, its administrator and a key."""

    organization_id: UUID
    admin: Person
    token: str


async def found_acme(url: str) -> Acme:
    """Make Acme in a migrated, empty database."""
    gateway = await Gateway.open(url)
    await gateway.client.aclose()
    await gateway.database.close()
    return Acme(gateway.organization_id, gateway.admin, gateway.token)


class Gateway:
    """The application over one database, with the organization "Acme", its administrator and a key.

    Attributes:
        database: What the gateway works on; tests may look and spoil.
        application: What answers, without a server before it.
        shared: What its requests share: settings and limits.
        token: An API key with every permission of a full administrator; `run` uses it unless told otherwise.
        staff: Makes people and structure in Acme.
        admin: A full administrator of Acme.
        renew: Puts the database back to how it was when the test began.
    """

    database: Database
    application: Any
    shared: Shared
    organization_id: UUID
    token: str
    staff: Staff
    admin: Person
    renew: Callable[[], Awaitable[None]]

    def __init__(self, database: Database, client: httpx2.AsyncClient) -> None:
        self.database = database
        self.client = client

    @classmethod
    async def open(cls, url: str, acme: Acme | None = None) -> Gateway:
        """Start one on a migrated database that is empty, or has Acme already."""
        Staff.count_anew()  # so that nobody's name depends on which tests ran before
        gateway = await cls.over(url)
        if acme is None:
            organization_id = await gateway.organization("Acme")
            gateway.staff = Staff(gateway.database, organization_id)
            admin = await gateway.staff.hire("Ada Admin", roles=[UserRole.FULL_ADMINISTRATOR])
            acme = Acme(organization_id, admin, await gateway.key("tests", organization_id=organization_id))
        else:
            Staff.count_anew(after=1)
            gateway.staff = Staff(gateway.database, acme.organization_id)
        gateway.organization_id, gateway.admin, gateway.token = acme.organization_id, acme.admin, acme.token
        return gateway

    @classmethod
    async def over(cls, url: str) -> Gateway:
        """Start one on a migrated database as it is; nothing is made in it."""
        database = opened(url)
        application = _application(database)
        transport = httpx2.ASGITransport(application, client=("192.0.2.1", 50_000))
        gateway = cls(database, httpx2.AsyncClient(transport=transport, base_url="http://gateway.test"))
        gateway.application = application
        gateway.shared = application.state.gateway
        return gateway

    async def close(self) -> None:
        """Let the database go."""
        await self.client.aclose()
        await let_go(self.database)

    async def begin_anew(self) -> None:
        """Every row is as it was when the test began; for tests that try many cases."""
        Staff.count_anew(after=1)
        await self.renew()

    async def leave(self) -> None:
        """End with a database that is to be copied: nobody is connected to it, and a file has all that is in it."""
        if self.database.is_sqlite:
            await self.rows("PRAGMA wal_checkpoint(TRUNCATE)")
        await self.close()
        await self.database.close()

    async def run(
        self,
        document: str,
        variables: Mapping[str, Any] | None = None,
        *,
        token: str | None = "",
        **headers: str,
    ) -> Answer:
        """Ask `/graphql`.

        Args:
            token: Bearer token; the key of the gateway when left out, anonymous when None.
            headers: Further headers, with `_` for `-`.
        """
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        bearer = self.token if token == "" else token
        if bearer is not None:
            sent["Authorization"] = f"Bearer {bearer}"
        body: dict[str, Any] = {"query": document}
        if variables is not None:
            body["variables"] = dict(variables)
        response = await self.client.post("/graphql", json=body, headers=sent)
        return Answer(response.status_code, response.json(), dict(response.headers))

    async def ask(self, document: str, variables: Mapping[str, Any] | None = None, *, token: str | None = "") -> Any:
        """The data of an answer that has no top-level errors."""
        answer = await self.run(document, variables, token=token)
        assert not answer.errors, answer.errors
        return answer.data

    async def sign_in(self, person: Person, surface: str = "PORTAL", *, password: str | None = None) -> str:
        """Sign a person in through the API; the token of the session."""
        terms = {"email": person.email, "password": password or person.password, "surface": surface}
        payload = (await self.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]
        assert not payload["errors"], payload["errors"]
        return str(payload["token"])

    async def key(self, name: str, permissions: list[str] | None = None, organization_id: UUID | None = None) -> str:
        """A new API key; with every permission of a full administrator unless they are named."""
        return await _make_key(self.database, organization_id or self.organization_id, name, permissions)

    async def organization(self, name: str) -> UUID:
        """One more organization, with what each starts with."""

        async def work(connection: AsyncConnection) -> UUID:
            return await create_organization(connection, name, utc_now())

        return await self.database.change(work)

    async def other(self, name: str = "Globex") -> Staff:
        """A second organization, with the makers of its people."""
        return Staff(self.database, await self.organization(name))

    async def rows(self, sql: str, **parameters: Any) -> list[Row[Any]]:
        """What SQL finds; keys and instants come back as the driver gives them."""
        async with self.database.reading() as connection:
            return list(await connection.execute(text(sql), parameters))

    async def scalar(self, sql: str, **parameters: Any) -> Any:
        """The one value that SQL finds."""
        return (await self.rows(sql, **parameters))[0][0]

    async def execute(self, sql: str, **parameters: Any) -> int:
        """Spoil or prepare rows behind the gateway's back; the number of rows touched."""

        async def work(connection: AsyncConnection) -> int:
            return (await connection.execute(text(sql), parameters)).rowcount

        return await self.database.change(work)

    def key_parameter(self, key: UUID) -> Any:
        """A key as raw SQL takes it on this database."""
        return key.bytes if self.database.is_sqlite else key

    def key_of(self, found: Any) -> UUID:
        """The key in a value that raw SQL found on this database."""
        return UUID(bytes=found) if self.database.is_sqlite else UUID(str(found))


def _application(database: Database) -> Any:
    from server.app import create_app
    from server.settings import AuthSettings, Settings

    return create_app(Settings(auth=AuthSettings(pepper=SecretStr(PEPPER))), database)


async def _make_key(database: Database, organization_id: UUID, name: str, permissions: list[str] | None) -> str:
    wanted = None if permissions is None else [Permission[each] for each in permissions]
    return await create_api_key(Context(database, system_caller(organization_id)), name, wanted)
