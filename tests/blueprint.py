"""How the schema differs from the blueprint: what is missing, what is there besides, what has another form.

Words are not compared: the blueprint lets the code teach better ones.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from graphql import (
    DocumentNode,
    EnumTypeDefinitionNode,
    InputObjectTypeDefinitionNode,
    InputValueDefinitionNode,
    InterfaceTypeDefinitionNode,
    ObjectTypeDefinitionNode,
    TypeDefinitionNode,
    parse,
    print_ast,
)


@dataclass
class Differences:
    """What differs, each by its name: `Type`, `Type.field`, `Type.field(argument)`, `Enum.VALUE`.

    What belongs to a missing thing is not listed beside it.

    Attributes:
        changed: The form in the schema and the form in the blueprint.
    """

    missing: set[str] = field(default_factory=set)
    added: set[str] = field(default_factory=set)
    changed: dict[str, tuple[str, str]] = field(default_factory=dict)


def forms(schema: str) -> dict[str, str]:
    """Everything in a schema by its name, with its form: type, default value, and whether it is null only on error."""
    document: DocumentNode = parse(schema)
    found: dict[str, str] = {}
    for definition in document.definitions:
        if isinstance(definition, TypeDefinitionNode):
            found.update(_forms_of(definition))
    return found


def compared(schema: Mapping[str, str], blueprint: Mapping[str, str]) -> Differences:
    """The differences between what `forms` says of two schemas."""
    differences = Differences()
    for name, form in blueprint.items():
        if name not in schema:
            if not _owner_in(name, differences.missing):
                differences.missing.add(name)
        elif schema[name] != form:
            differences.changed[name] = (schema[name], form)
    for name in schema:
        if name not in blueprint and not _owner_in(name, differences.added):
            differences.added.add(name)
    return differences


def _owner_in(name: str, names: set[str]) -> bool:
    return name.split(".")[0] in names or name.split("(")[0] in names


def _forms_of(definition: TypeDefinitionNode) -> Iterator[tuple[str, str]]:
    name = definition.name.value
    marks = "".join(sorted(f" @{one.name.value}" for one in definition.directives or () if one.name.value == "oneOf"))
    if isinstance(definition, ObjectTypeDefinitionNode | InterfaceTypeDefinitionNode):
        above = sorted(one.name.value for one in definition.interfaces or ())
        yield name, definition.kind + "".join(f" {one}" for one in above)
        for one in definition.fields or ():
            path = f"{name}.{one.name.value}"
            marks = "".join(sorted(f" @{mark.name.value}" for mark in one.directives or ()))
            yield path, print_ast(one.type) + marks
            for argument in one.arguments or ():
                yield f"{path}({argument.name.value})", _form_of_input(argument)
    elif isinstance(definition, InputObjectTypeDefinitionNode):
        yield name, definition.kind + marks
        for entry in definition.fields or ():
            yield f"{name}.{entry.name.value}", _form_of_input(entry)
    elif isinstance(definition, EnumTypeDefinitionNode):
        yield name, definition.kind
        for value in definition.values or ():
            yield f"{name}.{value.name.value}", "value"
    else:
        yield name, definition.kind


def _form_of_input(value: InputValueDefinitionNode) -> str:
    return print_ast(value.type) + (f" = {print_ast(value.default_value)}" if value.default_value else "")
