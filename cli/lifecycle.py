"""`rosterql users deactivate` and its sisters: a plan first, then exactly what it showed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from datetime import datetime
from hashlib import sha256
from typing import Annotated, Any, get_type_hints

import typer

from cli import users
from cli.asking import Ask, Key, Organization, Url, asking, payload_of
from cli.following import OPERATION, Operation, Wait, Yes, end, finish, finished, look, people, show, started, verb
from cli.naming import named
from cli.running import MISUSED, Config, Json, confirm, fail, run, settings

People = Annotated[
    list[str] | None,
    typer.Argument(metavar="[PEOPLE]...", help="Ids, or mail addresses; what --external-id or --agent-number say."),
]
ActiveContact = Annotated[
    str | None,
    typer.Option(
        help="What happens to who is handling a contact: end_now (it ends), after_contact (it is waited for) or skip."
    ),
]
Until = Annotated[str | None, typer.Option(help="When to take it back by itself; written as --execute-at.")]
Restore = Annotated[
    str | None, typer.Option(help="What to put back of what the deactivation took: teams, queues, or teams,queues.")
]


@dataclass(frozen=True, kw_only=True)
class Options:
    """The options that the commands share, in the order in which `--help` tells them."""

    people: People = None
    file: Annotated[
        str | None,
        typer.Option("--file", "-f", help="File with people, - for standard input: a key a line, or as `list` prints."),
    ] = None
    external_id: Annotated[bool, typer.Option("--external-id", help="People are named by their external ids.")] = False
    agent_number: Annotated[bool, typer.Option("--agent-number", help="People are named by agent numbers.")] = False
    status: users.Status = None
    role: users.Role = None
    filter: users.Filter = None
    search: users.Search = None
    expect: Annotated[
        int | None, typer.Option(min=0, help="Refuse unless exactly so many people match the filter.")
    ] = None
    plan: Annotated[str | None, typer.Option(help="Execute a dry run, by the id that it printed.")] = None
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False
    reason: Annotated[str | None, typer.Option(help="Kept with it, such as voluntary or security.")] = None
    note: Annotated[str | None, typer.Option(help="Kept with it.")] = None
    execute_at: Annotated[
        str | None,
        typer.Option(help="When to do it, such as 2026-12-01T18:00; in the time zone of this computer unless it says."),
    ] = None
    atomic: Annotated[bool, typer.Option("--atomic", help="Change nobody if it fails for anybody.")] = False
    idempotency_key: Annotated[
        str | None, typer.Option(help="With the same key the command does once what it does, however often it runs.")
    ] = None
    yes: Yes = False
    wait: Wait = True
    organization: Organization = None
    url: Url = None
    key: Key = None
    config: Config = None
    json: Json = False

    def target(self) -> dict[str, Any]:
        """Whom it is about; ends the command where that is said twice or not at all."""
        if self.external_id and self.agent_number:
            fail("--external-id or --agent-number, not both.", MISUSED)
        column = "externalId" if self.external_id else "agentNumber" if self.agent_number else None
        wanted = users.conditions(self.filter, self.status, self.role)
        matching = None
        if wanted is not None or self.filter is not None or self.search is not None:
            matching = {"filter": wanted or {}, "search": self.search, "expectedCount": self.expect}
        found = {
            **(named(self.people, self.file, column) or {}),
            **({} if matching is None else {"matching": matching}),
            **({} if self.plan is None else {"planId": self.plan}),
        }
        if len(found) != 1:
            fail("Name people in one way: by keys, by a filter or a search, or by --plan.", MISUSED)
        if self.expect is not None and matching is None:
            fail("--expect goes with a filter or a search.", MISUSED)
        return found

    def terms(self) -> dict[str, Any]:
        """On which terms, as the inputs of the mutations have them; what is not said is left out."""
        said = {
            "reason": self.reason and self.reason.upper(),
            "note": self.note,
            "executeAt": self.execute_at and _moment(self.execute_at),
            "errorPolicy": "ATOMIC" if self.atomic else None,
        }
        return {name: value for name, value in said.items() if value is not None}


def _moment(value: str) -> str:
    """A time with its offset from UTC; ends the command where it is none."""
    try:
        return datetime.fromisoformat(value).astimezone().isoformat()
    except (ValueError, OverflowError):
        fail(f"This is no time: {value}. Write it as 2026-12-01T18:00 or 2026-12-01T18:00+01:00.", MISUSED)


def _contact(value: str) -> str:
    return value.upper()


def _scopes(value: str) -> list[str]:
    return [one.strip().upper() for one in value.split(",") if one.strip()]


# Options that some mutations have: by name, the type and how the value is written in the input.
EXTRAS: Mapping[str, tuple[Any, Callable[[str], Any]]] = {
    "until": (Until, _moment),
    "on_active_contact": (ActiveContact, _contact),
    "restore": (Restore, _scopes),
}


@dataclass(frozen=True)
class Change:
    """A mutation that a command sends.

    Attributes:
        extras: Options of its own, and the input fields that they fill.
    """

    mutation: str
    help: str
    extras: Mapping[str, str]

    @property
    def document(self) -> str:
        """What is sent."""
        type_name = self.mutation[0].upper() + self.mutation[1:]
        return (
            f"mutation Change($input: {type_name}Input!) {{ {self.mutation}(input: $input) "
            f"{{ errors {{ code message path }} operation {{ ...Told }} }} }}{OPERATION}"
        )


_CONTACT = {"on_active_contact": "onActiveContact"}
_FOR_A_TIME = {"until": "until", **_CONTACT}
CHANGES = {
    "deactivate": Change(
        "deactivateUsers", "Deactivate people: they are out of sessions, teams and direct queues.", _FOR_A_TIME
    ),
    "reactivate": Change("reactivateUsers", "Put deactivated people back into service.", {"restore": "restore"}),
    "force-offline": Change(
        "forceUsersOffline", "Sign people out and keep them from signing in until they are resumed.", _FOR_A_TIME
    ),
    "resume-online": Change("resumeUsersOnline", "Lift the block that keeps people from signing in.", {}),
    "sign-out": Change("signOutUsers", "End the sessions of people, who can sign in again.", _CONTACT),
}


def _carry_out(change: Change, options: Options, extras: Mapping[str, Any]) -> None:
    """Plan, show, ask, and execute that very plan."""
    target = options.target()
    terms = options.terms() | {
        change.extras[name]: EXTRAS[name][1](value) for name, value in extras.items() if value is not None
    }
    if terms and options.plan is not None:
        fail("The terms are those of the plan: leave them out with --plan.", MISUSED)
    chosen = settings(options.config)
    where = {"organization": options.organization, "url": options.url, "key": options.key}

    async def send(ask: Ask, target: Mapping[str, Any], dry_run: bool, key: str | None, **terms: Any) -> Operation:
        input = {"target": target, "dryRun": dry_run, **({} if key is None else {"idempotencyKey": key}), **terms}
        return started(payload_of(await ask({"query": change.document, "variables": {"input": input}})))

    async def plan() -> dict[str, Any]:
        async with asking(chosen, **where) as ask:
            if options.plan is not None and not options.dry_run:
                found: Operation = await look(ask, options.plan)
                if not found["dryRun"]:
                    fail("This is no dry run: it was done.", MISUSED)
            else:
                found = await send(ask, target, True, _key_of_plan(options.idempotency_key), **terms)
            # What is only shown need not be waited for; what is to be executed must be known.
            return await finished(ask, found, wait=options.wait or not options.dry_run)

    async def execute(planned: Mapping[str, Any]) -> dict[str, Any]:
        async with asking(chosen, **where) as ask:
            found = await send(ask, {"planId": planned["id"]}, False, options.idempotency_key)
            return await finished(ask, found, wait=options.wait and found["status"] != "SCHEDULED")

    planned = run(plan)
    if options.dry_run:
        finish(planned, json=options.json)
    show(planned, json=options.json, err=True)
    count = planned["totals"]["succeeded"]
    if count == 0:
        typer.echo("There is nobody to change.", err=True)
        end(planned)
    confirm(f"{verb(planned).capitalize()} {people(count)}?", yes=options.yes, nothing="Nothing was done")
    finish(run(lambda: execute(planned)), json=options.json)


def _key_of_plan(key: str | None) -> str | None:
    """The idempotency key of the dry run before a change: whoever runs the command again gets the same plan."""
    return None if key is None else f"plan:{sha256(key.encode()).hexdigest()}"


def _command(change: Change) -> Callable[..., None]:
    """The function of a command, whose parameters are the options: typer reads them off its signature."""
    hints = get_type_hints(Options, include_extras=True)
    shared = [
        inspect.Parameter(
            each.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if each.default is MISSING else each.default,
            annotation=hints[each.name],
        )
        for each in fields(Options)
    ]
    own = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=EXTRAS[name][0])
        for name in change.extras
    ]

    def command(**given: Any) -> None:
        extras = {name: given.pop(name) for name in change.extras}
        _carry_out(change, Options(**given), extras)

    place = [each.name for each in shared].index("atomic")
    command.__signature__ = inspect.Signature([*shared[:place], *own, *shared[place:]])  # type: ignore[attr-defined]
    command.__annotations__ = {}  # of the function itself, which typer would read too
    command.__doc__ = change.help
    return command


def commands() -> Iterator[tuple[str, Callable[..., None]]]:
    """The commands of `rosterql users` that change people, by name."""
    return ((name, _command(change)) for name, change in CHANGES.items())
