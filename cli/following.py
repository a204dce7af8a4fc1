"""Following an operation to its end, and telling what it did or would do."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Annotated, Any, NoReturn

import typer

from cli.asking import Ask, data_of
from cli.running import INCOMPLETE, fail, say

Operation = Mapping[str, Any]

OPERATION = """
fragment Told on BulkOperation {
  id kind status dryRun reason note createdAt executeAt until startedAt finishedAt undoable
  progress { total processed }
  totals {
    succeeded unchanged failed skipped sessionsEnded teamsLeft queuesLeft contactsEnded seatsFreed seatsNeeded
  }
  failure { code message }
}
"""
LOOK = "query Operation($id: ID!) { bulkOperation(id: $id) { ...Told } }" + OPERATION
ITEMS = """
query Items($id: ID!, $outcome: [BulkItemOutcome!], $after: String) {
  bulkOperation(id: $id) {
    items(outcome: $outcome, first: 100, after: $after) {
      nodes {
        index key outcome user { id displayName }
        errors { code message } warnings { code message } effects { kind description }
      }
      pageInfo { hasNextPage endCursor }
    }
  }
}
"""
Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")]
Wait = Annotated[bool, typer.Option("--wait/--no-wait", help="Follow a large operation to its end, or print its id.")]

UNFINISHED = ("SCHEDULED", "QUEUED", "RUNNING")
SHORTEST_S, LONGEST_S = 0.2, 2.0
BRIEF = ("id", "kind", "status", "dryRun", "executeAt", "until", "progress", "totals", "failure")
READ_WHOLE = 1_000  # of more items only those that failed are read
MOST_TOLD = 100
MOST_EFFECTS = 20

# What was done, what would be done, and what a question asks to do.
WORDS = {
    "DEACTIVATE": ("deactivated", "deactivate"),
    "REACTIVATE": ("reactivated", "reactivate"),
    "FORCE_OFFLINE": ("forced offline", "force offline"),
    "RESUME_ONLINE": ("resumed online", "resume online"),
    "SIGN_OUT": ("signed out", "sign out"),
    "CREATE": ("created", "create"),
    "UNDO": ("taken back", "take back"),
}
TOTALS = {
    "sessionsEnded": "sessions ended",
    "teamsLeft": "teams left",
    "queuesLeft": "direct queues left",
    "contactsEnded": "contacts ended",
    "seatsFreed": "seats freed",
    "seatsNeeded": "seats needed",
}


def people(count: int) -> str:
    """So many people, in words."""
    return "1 person" if count == 1 else f"{count:,} people"


def verb(operation: Operation) -> str:
    """What an operation does, as a question asks for it."""
    return WORDS.get(operation["kind"], ("", "change"))[1]


async def look(ask: Ask, key: str) -> dict[str, Any]:
    """An operation as it is now; ends the command where there is none."""
    found: dict[str, Any] | None = data_of(await ask({"query": LOOK, "variables": {"id": key}}))["bulkOperation"]
    if found is None:
        fail("There is no such bulk operation.")
    return found


def started(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The operation in a payload without errors; ends the command where it is not there any more."""
    found: dict[str, Any] | None = payload["operation"]
    if found is None:
        fail("The operation is not there any more.")
    return found


async def follow(ask: Ask, operation: Operation) -> Operation:
    """The operation when it has ended; until then a bar on standard error tells how far it is.

    On the local database it is worked on meanwhile, beside any worker. Who stops waiting does not stop the operation.
    """
    if operation["status"] not in UNFINISHED:
        return operation
    key = operation["id"]
    try:
        with _progress(operation) as tell:
            pause = SHORTEST_S
            while operation["status"] in UNFINISHED:
                if await ask.work():
                    pause = SHORTEST_S
                else:
                    await asyncio.sleep(pause)
                    pause = min(pause * 1.5, LONGEST_S)
                operation = await look(ask, key)
                tell(operation)
                if _interrupted():  # somewhere below a request that was just ending
                    raise asyncio.CancelledError
    except (asyncio.CancelledError, typer.Exit):
        typer.echo(
            f"It goes on where a worker runs. To stop it: rosterql operation cancel {key}{ask.options}", err=True
        )
        raise
    return operation


def _interrupted() -> bool:
    """Whether Ctrl+C was pressed, and whatever was awaited then has kept it to itself."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


@contextmanager
def _progress(operation: Operation) -> Iterator[Callable[[Operation], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    words = ("would be " if operation["dryRun"] else "") + WORDS.get(operation["kind"], ("changed",))[0]
    total = operation["progress"]["total"]
    console = Console(stderr=True)
    if not console.is_terminal:
        typer.echo(
            f"{operation['id']}: {people(total or 0)} {'planned' if operation['dryRun'] else 'queued'}", err=True
        )
        yield lambda _: None
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(words, total=total, completed=operation["progress"]["processed"])

        def tell(now: Operation) -> None:
            progress.update(task, total=now["progress"]["total"], completed=now["progress"]["processed"])

        yield tell


async def finished(ask: Ask, operation: Operation, *, wait: bool) -> dict[str, Any]:
    """An operation that ended, as it is told; or at once as it is, where nobody waits."""
    if not wait and operation["status"] in UNFINISHED:
        return {name: operation[name] for name in BRIEF}
    return await told(ask, await follow(ask, operation))


async def told(ask: Ask, operation: Operation) -> dict[str, Any]:
    """An operation in one object, with what is in its items: why some failed, and what was or would be done.

    Effects and warnings are read of up to a thousand items; of larger operations the totals tell.
    """
    whole = (operation["progress"]["total"] or 0) <= READ_WHOLE
    failed: list[dict[str, Any]] = []
    skipped: list[dict[str, Any]] = []
    failures: Counter[str] = Counter()
    warnings: Counter[str] = Counter()
    effects: Counter[str] = Counter()
    if whole or operation["totals"]["failed"]:
        async for item in items(ask, operation["id"], None if whole else ["FAILED"]):
            failures.update({error["code"] for error in item["errors"]})
            warnings.update({warning["code"] for warning in item["warnings"]})
            effects.update({_effect(effect) for effect in item["effects"]})
            listed = {"FAILED": failed, "SKIPPED": skipped}.get(item["outcome"])
            if listed is not None and len(listed) < MOST_TOLD:
                listed.append(_brief(item))
    if not whole and operation["totals"]["skipped"] and len(failed) < MOST_TOLD:
        async for item in items(ask, operation["id"], ["SKIPPED"], limit=MOST_TOLD):
            skipped.append(_brief(item))
    return {
        **{name: operation[name] for name in BRIEF},
        "failures": dict(failures.most_common()),
        "warnings": dict(warnings.most_common()),
        "effects": dict(effects.most_common()) if whole else None,
        "failed": [*failed, *skipped][:MOST_TOLD],
    }


async def items(
    ask: Ask, key: str, outcome: list[str] | None = None, limit: int | None = None
) -> AsyncIterator[dict[str, Any]]:
    """The items of an operation with these outcomes, in their order."""
    after, given = None, 0
    while True:
        variables = {"id": key, "outcome": outcome, "after": after}
        page = data_of(await ask({"query": ITEMS, "variables": variables}))["bulkOperation"]["items"]
        for item in page["nodes"]:
            yield item
            given += 1
            if given == limit:
                return
        if not page["pageInfo"]["hasNextPage"]:
            return
        after = page["pageInfo"]["endCursor"]


def _effect(effect: Mapping[str, Any]) -> str:
    """An effect as it is counted: contacts have numbers of their own and are no matter one by one."""
    return "contact ended" if effect["kind"] == "CONTACT_ENDED" else str(effect["description"])


def _brief(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: item[name] for name in ("index", "key", "outcome", "errors")}
    return kept | {"displayName": item["user"] and item["user"]["displayName"]}


def show(shown: Mapping[str, Any], *, json: bool, err: bool = False) -> None:
    """Print what `told` found, for people or as one line of JSON."""
    if json:
        say(shown)
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    done, _ = WORDS.get(shown["kind"], ("changed", "change"))
    totals = shown["totals"]
    dry = shown["dryRun"]
    table = Table(show_header=False, box=None, pad_edge=False, padding=(0, 2, 0, 0))

    def row(words: str, count: int, more: str = "") -> None:
        table.add_row(Text(words), Text(f"{count:,}", justify="right"), Text(more))

    row(f"would be {done}" if dry else done, totals["succeeded"])
    for name, words in (
        ("unchanged", "already so"),
        ("failed", "would fail" if dry else "failed"),
        ("skipped", "left alone"),
    ):
        if totals[name]:
            codes = ", ".join(f"{code} {count:,}" for code, count in shown["failures"].items())
            row(words, totals[name], codes if name == "failed" else "")
    for name, words in TOTALS.items():
        if totals[name]:
            row(words, totals[name])
    told_effects = list((shown["effects"] or {}).items())
    for words, count in told_effects[:MOST_EFFECTS]:
        row(f"  {words}", count)
    if len(told_effects) > MOST_EFFECTS:
        row("  other effects", sum(count for _, count in told_effects[MOST_EFFECTS:]))
    for code, count in shown["warnings"].items():
        row(f"warned: {code}", count)
    console = Console(highlight=False, soft_wrap=True, stderr=err)
    console.print(table)
    for item in shown["failed"]:
        why = "; ".join(f"{error['message']} ({error['code']})" for error in item["errors"]) or "left alone"
        console.print(Text(f"{item['displayName'] or item['key']}: {why}"))
    if shown["failure"]:
        console.print(Text(f"{shown['failure']['message']} ({shown['failure']['code']})"))


def finish(shown: Mapping[str, Any], *, json: bool) -> NoReturn:
    """Print what `finished` found, and end the command with it; the id of what goes on is the last line."""
    goes_on = shown["status"] in UNFINISHED
    if json:
        say(shown)
    else:
        if not goes_on:
            show(shown, json=False)
        if shown["status"] == "SCHEDULED":
            typer.echo(f"begins: {shown['executeAt']}")
        if shown["until"] is not None:
            typer.echo(f"ends: {shown['until']}")
        typer.echo(f"{'plan' if shown['dryRun'] else 'operation'}: {shown['id']}")
    if goes_on:
        raise typer.Exit
    end(shown)


def end(operation: Operation) -> NoReturn:
    """End the command as the operation ended: 0 if each item was changed or already so, else 4."""
    totals = operation["totals"]
    whole = operation["status"] == "COMPLETED" and not totals["failed"] and not totals["skipped"]
    raise typer.Exit(0 if whole else INCOMPLETE)
