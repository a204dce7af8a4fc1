"""`rosterql operation`: bulk operations, what they did, and what is done about them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import typer

from cli.asking import Key, Organization, Url, asking, data_of, payload_of
from cli.following import (
    OPERATION,
    Wait,
    Yes,
    end,
    finish,
    finished,
    follow,
    items,
    look,
    people,
    show,
    started,
    told,
)
from cli.running import Config, Json, confirm, run, say, settings

app = typer.Typer(help="Bulk operations: what was done to many people, and what is being done.", no_args_is_help=True)

Id = Annotated[str, typer.Argument(metavar="ID", help="Id of the operation.")]

LIST = (
    """
query Operations($filter: BulkOperationFilterInput, $first: Int!, $after: String) {
  bulkOperations(filter: $filter, first: $first, after: $after) {
    nodes { ...Told requestedBy { __typename ... on User { displayName } ... on ApiKey { name } } }
    pageInfo { hasNextPage endCursor }
  }
}
"""
    + OPERATION
)
CANCEL = (
    "mutation Cancel($id: ID!) { cancelBulkOperation(input: {id: $id}) "
    "{ errors { code message path } operation { ...Told } } }" + OPERATION
)
UNDO = (
    "mutation Undo($id: ID!, $dryRun: Boolean!) { undoBulkOperation(input: {id: $id, dryRun: $dryRun}) "
    "{ errors { code message path } operation { ...Told } } }" + OPERATION
)
RETRY = (
    "mutation Retry($id: ID!) { retryBulkOperation(input: {id: $id}) "
    "{ errors { code message path } operation { ...Told } } }" + OPERATION
)
PAGE = 100


@app.callback()
def _group() -> None:
    """Bulk operations: what was done to many people, and what is being done."""


@app.command("list")
def list_(
    kind: Annotated[
        list[str] | None, typer.Option(help="Only operations of this kind, such as deactivate; may be repeated.")
    ] = None,
    status: Annotated[
        list[str] | None, typer.Option(help="Only operations in this state, such as running; may be repeated.")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="At most so many.")] = 20,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """List operations, the latest first."""
    chosen = settings(config)
    conditions = {"kind": kind, "status": status}
    filter = {name: {"in": [each.upper() for each in given]} for name, given in conditions.items() if given}

    async def work() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        after = None
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            while len(found) < limit:
                variables = {"filter": filter, "first": min(PAGE, limit - len(found)), "after": after}
                page = data_of(await ask({"query": LIST, "variables": variables}))["bulkOperations"]
                found += page["nodes"]
                if not page["pageInfo"]["hasNextPage"]:
                    break
                after = page["pageInfo"]["endCursor"]
        return found

    found = run(work)
    if json:
        for each in found:
            say(each)
    else:
        _table(found)


def _table(found: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not found:
        typer.echo("no operations", err=True)
        return
    table = Table(box=None, pad_edge=False)
    for heading in ("id", "created", "kind", "status", "people", "changed", "failed", "by"):
        table.add_column(heading, overflow="fold", no_wrap=heading == "id")
    for each in found:
        totals, by = each["totals"], each["requestedBy"]
        kind = each["kind"] + (" (dry run)" if each["dryRun"] else "")
        who = "" if by is None else by.get("displayName") or by.get("name") or "the system"
        counts = (each["progress"]["total"], totals["succeeded"], totals["failed"])
        numbers = ("" if count is None else f"{count:,}" for count in counts)
        created = each["createdAt"][:16].replace("T", " ")
        cells = (each["id"], created, kind, each["status"], *numbers, who)
        table.add_row(*(Text(cell) for cell in cells))
    Console(highlight=False, soft_wrap=True).print(table)


@app.command("show")
def show_(
    id: Id,
    with_items: Annotated[bool, typer.Option("--items", help="Every item too, a line each.")] = False,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Show what an operation did, or would do, and to how many; why some failed."""
    chosen = settings(config)

    async def work() -> None:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            operation = await look(ask, id)
            if with_items:
                async for item in items(ask, id):
                    say(item) if json else typer.echo(_item(item))
            shown = await told(ask, operation)
            show(shown, json=json)
            if not json:
                done, total = operation["progress"]["processed"], operation["progress"]["total"]
                typer.echo(f"{operation['status']}, {done:,} of {people(total or 0)}")

    run(work)


def _item(item: Mapping[str, Any]) -> str:
    words = [error["code"] for error in item["errors"]] or [effect["description"] for effect in item["effects"]]
    name = item["user"]["displayName"] if item["user"] else item["key"]
    return f"{item['index']}\t{name}\t{item['outcome']}\t{'; '.join(words)}"


@app.command()
def cancel(
    id: Id,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Have an operation do nothing more: what it has done stays, also past its `until`; `retry` does the rest."""
    chosen = settings(config)

    async def work() -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            operation = payload_of(await ask({"query": CANCEL, "variables": {"id": id}}))["operation"]
            return await told(ask, operation)

    shown = run(work)
    if json:
        say(shown)
    else:
        totals = shown["totals"]
        typer.echo(f"canceled: {people(totals['succeeded'])} changed before, {totals['skipped']:,} left alone")


@app.command()
def undo(
    id: Id,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    yes: Yes = False,
    wait: Wait = True,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Take back what an operation did, from everybody whom nobody has changed since; shown first, and asked."""
    chosen = settings(config)

    async def send(dry: bool) -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            payload = payload_of(await ask({"query": UNDO, "variables": {"id": id, "dryRun": dry}}))
            return await finished(ask, started(payload), wait=wait or (dry and not dry_run))

    planned = run(lambda: send(True))
    if dry_run:
        finish(planned, json=json)
    show(planned, json=json, err=True)
    count = planned["totals"]["succeeded"]
    if count == 0:
        typer.echo("There is nobody to change.", err=True)
        end(planned)
    confirm(f"Take it back from {people(count)}?", yes=yes, nothing="Nothing was done")
    finish(run(lambda: send(False)), json=json)


@app.command()
def retry(
    id: Id,
    yes: Yes = False,
    wait: Wait = True,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Do once more what an operation did not do: to who failed, and to who was left alone."""
    chosen = settings(config)

    async def find() -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            return await look(ask, id)

    async def work() -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            payload = payload_of(await ask({"query": RETRY, "variables": {"id": id}}))
            return await finished(ask, started(payload), wait=wait)

    totals = run(find)["totals"]
    left = totals["failed"] + totals["skipped"]
    confirm(f"Try once more for {people(left)}?", yes=yes, nothing="Nothing was done")
    finish(run(work), json=json)


@app.command("wait")
def wait_(
    id: Id,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Follow an operation to its end, and tell what it did."""
    chosen = settings(config)

    async def work() -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            return await told(ask, await follow(ask, await look(ask, id)))

    finish(run(work), json=json)
