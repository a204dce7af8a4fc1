"""`rosterql users`: people on the command line."""

from __future__ import annotations

import io
import sys
from collections.abc import AsyncIterator, Mapping
from typing import Annotated, Any

import typer

from cli.asking import Ask, Key, Organization, Url, asking, data_of
from cli.running import MISUSED, Config, Json, fail, run, say, settings

app = typer.Typer(help="People.", no_args_is_help=True)

Status = Annotated[
    list[str] | None, typer.Option(help="Only people in this state, such as deactivated; may be repeated.")
]
Role = Annotated[list[str] | None, typer.Option(help="Only people with this role, such as agent; may be repeated.")]
Filter = Annotated[
    str | None, typer.Option(help="A UserFilterInput, as JSON or as GraphQL writes it: '{role: {eq: AGENT}}'.")
]
Search = Annotated[str | None, typer.Option(help="Only people with all these words.")]

USERS = """
query Users(
  $filter: UserFilterInput, $search: String, $includeDeactivated: Boolean,
  $orderBy: [UserOrderInput!], $first: Int!, $after: String
) {
  users(
    filter: $filter, search: $search, includeDeactivated: $includeDeactivated,
    orderBy: $orderBy, first: $first, after: $after
  ) {
    nodes {
      id email displayName status roles agentNumber externalId contactCenterEnabled
      site { name } deactivation { deactivatedAt }
    }
    pageInfo { hasNextPage endCursor }
  }
}
"""
PAGE = 100
COLUMNS = (
    "id",
    "email",
    "displayName",
    "status",
    "roles",
    "agentNumber",
    "externalId",
    "contactCenterEnabled",
    "site",
    "deactivatedAt",
)
SHOWN = ("displayName", "email", "status", "roles", "agentNumber", "site")


@app.callback()
def _group() -> None:
    """People."""


@app.command("list")
def list_(
    status: Status = None,
    role: Role = None,
    filter: Filter = None,
    search: Search = None,
    include_deactivated: Annotated[bool, typer.Option("--include-deactivated", help="Deactivated people too.")] = False,
    order: Annotated[
        list[str] | None, typer.Option(help="FIELD or FIELD:DESC of UserOrderField; may be repeated.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="At most so many people; all when not given.")] = None,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print CSV that spreadsheets read.")] = False,
    config: Config = None,
    json: Json = False,
) -> None:
    """List people of the local database, or with --url and --key of another gateway."""
    if csv and json:
        fail("--csv or --json, not both.", MISUSED)
    wanted = conditions(filter, status, role)
    variables = {
        "filter": wanted,
        "search": search,
        "includeDeactivated": include_deactivated,
        "orderBy": [_order(each) for each in order or ()],
    }
    chosen = settings(config)

    async def work() -> int:
        count = 0
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            teller = _Csv() if csv else _Lines() if json else _Table()
            async for page in _pages(ask, variables, limit):
                teller.tell(page)
                count += len(page)
            teller.end()
        return count

    count = run(work)
    if not csv and not json:
        typer.echo("nobody" if count == 0 else "1 person" if count == 1 else f"{count:,} people", err=True)


async def _pages(ask: Ask, variables: Mapping[str, Any], limit: int | None) -> AsyncIterator[list[dict[str, Any]]]:
    after, left = None, limit
    while left is None or left > 0:
        size = PAGE if left is None else min(PAGE, left)
        response = await ask({"query": USERS, "variables": {**variables, "first": size, "after": after}})
        found = data_of(response)["users"]
        yield [_row(node) for node in found["nodes"]]
        if not found["pageInfo"]["hasNextPage"]:
            return
        after = found["pageInfo"]["endCursor"]
        left = None if left is None else left - size


def _row(node: Mapping[str, Any]) -> dict[str, Any]:
    """The columns of one person; site and deactivation flat."""
    site, deactivation = node["site"], node["deactivation"]
    flat = {
        **node,
        "site": site and site["name"],
        "deactivatedAt": deactivation and deactivation["deactivatedAt"],
    }
    return {column: flat[column] for column in COLUMNS}


def conditions(filter: str | None, status: list[str] | None, role: list[str] | None) -> dict[str, Any] | None:
    """The filter of the command line, None for no condition; ends the command where it cannot be read."""
    found = {} if filter is None else _read(filter)
    for name, chosen in (("status", status), ("role", role)):
        if chosen and name in found:
            fail(f"--{name} and a condition on {name} in --filter say it twice.", MISUSED)
        if chosen:
            found[name] = {"in": [each.upper() for each in chosen]}
    return found or None


def _read(text: str) -> dict[str, Any]:
    """A filter from the command line: JSON, or else a value of GraphQL, in which enum values stand without quotes."""
    from graphql import GraphQLError, parse_const_value, value_from_ast_untyped

    try:
        import orjson

        found = orjson.loads(text)
    except ValueError:
        try:
            found = value_from_ast_untyped(parse_const_value(text))
        except (GraphQLError, RecursionError) as error:
            fail(f"--filter is neither JSON nor a value of GraphQL: {error}", MISUSED)
    if not isinstance(found, dict):
        fail("--filter is an object, such as {role: {eq: AGENT}}.", MISUSED)
    return found


def _order(text: str) -> dict[str, str]:
    field, _, direction = text.partition(":")
    return {"field": field.upper(), "direction": (direction or "asc").upper()}


class _Lines:
    """One object a line."""

    def tell(self, page: list[dict[str, Any]]) -> None:
        for row in page:
            say(row)

    def end(self) -> None:
        pass


class _Csv:
    """CSV with CRLF, each page as soon as it is there."""

    def __init__(self) -> None:
        from cli.spreadsheet import Spreadsheet

        # Standard output would turn the line ends of CSV into others on some systems.
        self._file = io.TextIOWrapper(sys.stdout.buffer, "utf-8", newline="", write_through=True)
        self._sheet = Spreadsheet(self._file, COLUMNS)

    def tell(self, page: list[dict[str, Any]]) -> None:
        self._sheet.write(list(row.values()) for row in page)
        self._file.flush()

    def end(self) -> None:
        self._file.detach()  # or standard output would be closed with it


class _Table:
    """Columns for people to read; as wide as the widest cell of all pages, so it waits for the last one."""

    def __init__(self) -> None:
        from rich.table import Table

        self._table = Table(*SHOWN, box=None, pad_edge=False)

    def tell(self, page: list[dict[str, Any]]) -> None:
        from rich.text import Text

        for row in page:
            self._table.add_row(*(Text(_words(row[column])) for column in SHOWN))

    def end(self) -> None:
        from rich.console import Console

        if self._table.row_count:
            Console(highlight=False).print(self._table)


def _words(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_words(each) for each in value)
    return "" if value is None else str(value)
