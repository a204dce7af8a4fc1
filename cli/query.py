"""`rosterql query`: a GraphQL document from the command line."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.asking import Key, Organization, Url, asking
from cli.running import MISUSED, REFUSED, Config, Json, fail, run, say, settings

if TYPE_CHECKING:
    from graphql import DocumentNode, TypeNode

# Values of these types, of lists and of input objects are written as JSON; all others are texts as they stand.
_AS_JSON = {"Int", "Float", "Boolean"}


def query(
    document: Annotated[str | None, typer.Argument(help="The document; else --file, else standard input.")] = None,
    file: Annotated[
        str | None, typer.Option("--file", "-f", help="File with the document; - for standard input.")
    ] = None,
    var: Annotated[
        list[str] | None,
        typer.Option("--var", help="A variable as NAME=VALUE; numbers, Booleans, lists and objects are JSON."),
    ] = None,
    operation: Annotated[
        str | None, typer.Option(help="The operation to execute where the document has several.")
    ] = None,
    organization: Organization = None,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    json: Json = False,
) -> None:
    """Ask the local database, or with --url and --key another gateway, and print the response.

    Exit code 1 if the response has errors, or the payload of a mutation has.
    """
    text = _text(document, file)
    content = _parsed(text)
    body: dict[str, Any] = {"query": text, "variables": _variables(content, operation, var or ())}
    if operation is not None:
        body["operationName"] = operation
    chosen = settings(config)

    async def work() -> dict[str, Any]:
        async with asking(chosen, organization=organization, url=url, key=key) as ask:
            return await ask(body)

    response = run(work)
    if json:
        say(response)
    else:
        from rich.console import Console
        from rich.json import JSON

        Console(soft_wrap=True).print(JSON.from_data(response, ensure_ascii=False))
    if response.get("errors") or _refused(response.get("data")):
        raise typer.Exit(REFUSED)


def _text(document: str | None, file: str | None) -> str:
    if document is not None and file is not None:
        fail("The document is an argument or in a file, not both.", MISUSED)
    if document is not None:
        return document
    try:
        if file is not None and file != "-":
            return Path(file).read_text("utf-8")
        return sys.stdin.buffer.read().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        fail(f"The document cannot be read: {error}", MISUSED)


def _parsed(text: str) -> DocumentNode:
    from graphql import GraphQLError, parse

    try:
        return parse(text, max_lexical_tokens=20_000)
    except (GraphQLError, RecursionError) as error:
        fail(f"The document cannot be parsed: {error}", MISUSED)


def _variables(document: DocumentNode, operation: str | None, given: Sequence[str]) -> dict[str, Any]:
    """Values by name, each read by the type with which the document declares it."""
    from graphql import OperationDefinitionNode

    types = {
        variable.variable.name.value: variable.type
        for one in document.definitions
        if isinstance(one, OperationDefinitionNode)
        and (operation is None or (one.name is not None and one.name.value == operation))
        for variable in one.variable_definitions or ()
    }
    values = {}
    for each in given:
        name, equals, value = each.partition("=")
        if not equals:
            fail(f"--var is NAME=VALUE, and not {each}.", MISUSED)
        if name not in types:
            declared = ", ".join(sorted(types)) or "none"
            fail(f"The operation declares no variable {name}; it declares: {declared}.", MISUSED)
        values[name] = _value(name, value, types[name])
    return values


def _value(name: str, value: str, type_: TypeNode) -> Any:
    import orjson
    from graphql import ListTypeNode, NamedTypeNode, NonNullTypeNode

    if isinstance(type_, NonNullTypeNode):
        type_ = type_.type
    named = type_.name.value if isinstance(type_, NamedTypeNode) else ""
    if not (isinstance(type_, ListTypeNode) or named in _AS_JSON or named.endswith("Input")):
        return value
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        fail(f"The value of {name} must be JSON: {error}", MISUSED)


def _refused(data: Any) -> bool:
    payloads = data.values() if isinstance(data, Mapping) else ()
    return any(isinstance(payload, Mapping) and bool(payload.get("errors")) for payload in payloads)
