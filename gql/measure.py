"""What a document weighs: measured in one pass, before anything of it is validated or run (decision 17).

Each fragment is measured once, however often it is spread, so the time grows with the length of the document alone. A
document need not be valid: what there is not in the schema weighs as an object, and validation refuses it later.

Cost is 0 for a leaf, 1 for an object, 1 + n × its content for a connection with a page of n, n × its content for a
short list with its usual length or for one of n days. An edge costs what its node costs. What counts costs as many
objects as could be fetched meanwhile (`COUNTING`), once for all fields that one count answers. All branches count,
also those that `@skip` leaves out: the cost is known before the values of all variables are.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, cast

from graphql import (
    DocumentNode,
    FieldNode,
    FloatValueNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLNamedType,
    GraphQLObjectType,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    OperationType,
    SchemaMetaFieldDef,
    SelectionSetNode,
    StringValueNode,
    TypeMetaFieldDef,
    ValueNode,
    VariableNode,
    get_named_type,
    get_nullable_type,
    is_introspection_type,
    is_leaf_type,
    is_list_type,
    is_wrapping_type,
)

from gql.schema import executable
from resolvers.limits import DEFAULT_PAGE_SIZE, MAX_NODES, MAX_SEAT_USAGE_DAYS, Limits
from resolvers.refusals import CostExceeded, DepthExceeded, Refusal

# How deep introspection may be nested; graphql-core refuses more than three of its lists inside each other.
MAX_INTROSPECTION_DEPTH = 16

# The usual length of lists of objects that are no pages, by the type of their items.
SHORT_LISTS: Mapping[str, int] = {
    "AuditChange": 10,
    "BulkOperationItem": 100,
    "CallRecord": 100,
    "CallRecordFailure": 10,
    "GrantedPermission": 30,
    "LicenseGrant": 5,
    "MutationError": 5,
    "MutationWarning": 5,
    "PresenceStateCount": 10,
    "Queue": 10,
    "QueueAssignmentOrigin": 3,
    "QueueCoverage": 10,
    "Team": 10,
    "UserEffect": 5,
    "UserRoleCount": 5,
    "UserStatusCount": 5,
}
OTHER_LIST = 10

# Arguments that say how long a list is, by the field: each asks for as many items as it names.
NAMED_ITEMS: Mapping[str, str] = {"Query.nodes": "ids"}

# Arguments that are the first and the last day of a list with an item for each day, by the field.
DAYS: Mapping[str, tuple[str, str]] = {"License.seatUsage": ("from", "to")}

# What counting costs: a list of its own, which is counted up to a limit; a list that belongs to each of many objects;
# and everybody, however many there are.
COUNTING, COUNTING_OF_EACH, COUNTING_EVERYBODY = 100, 5, 500

# Fields of a connection that count, each with the count that answers it; and those of other types, with what they cost.
COUNTS: Mapping[str, str] = {
    "totalCount": "matching",
    "totalCountPrecision": "matching",
    "hiddenDeactivatedCount": "hidden",
}
COUNTING_FIELDS: Mapping[str, tuple[str, int]] = {
    "Queue.activeAgentCount": ("agents", COUNTING_OF_EACH),
    "UserStatistics.byPresence": ("presence", COUNTING_EVERYBODY),
    "UserStatistics.byRole": ("role", COUNTING_EVERYBODY),
    "UserStatistics.byStatus": ("status", COUNTING_EVERYBODY),
    "UserStatistics.total": ("status", COUNTING_EVERYBODY),
}

Parent = GraphQLNamedType | None
Variables = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PageSize:
    """How many items a page holds, of which a variable may decide.

    Attributes:
        of: `first` and `last`, each a number or the name of a variable with its default.
    """

    of: tuple[int | tuple[str, int], ...]

    def under(self, variables: Variables) -> int:
        """The size with these variables, which nobody has checked."""
        return max(one if isinstance(one, int) else _items(variables, *one) for one in self.of)


@dataclass(frozen=True, slots=True)
class Days:
    """How many days a list has, of which variables may decide.

    Attributes:
        ends: The first day and the last one.
    """

    ends: tuple[ValueNode | None, ValueNode | None]

    def under(self, variables: Variables) -> int:
        """The number with these variables, which nobody has checked; the most where that cannot be told."""
        try:
            first, last = (date.fromisoformat(_written(one, variables)) for one in self.ends)
        except (TypeError, ValueError):
            return MAX_SEAT_USAGE_DAYS
        return max(0, min((last - first).days + 1, MAX_SEAT_USAGE_DAYS))


Size = PageSize | Days


@dataclass(slots=True)
class Cost:
    """A sum that variables complete: a number, and other sums multiplied by the sizes of lists."""

    fixed: float = 0
    parts: list[tuple[float | Size, Cost]] = field(default_factory=list)

    def add(self, other: Cost, times: float | Size = 1) -> None:
        """Add another sum, as often as the list has items."""
        if not other.parts and not isinstance(times, Size):
            self.fixed += other.fixed * times
        elif other.parts or other.fixed:
            self.parts.append((times, other))

    def under(self, variables: Variables, known: dict[int, float] | None = None) -> float:
        """The value with these variables; each sum is worked out once, however often it stands in others."""
        if not self.parts:
            return self.fixed
        known = {} if known is None else known
        if id(self) not in known:
            known[id(self)] = self.fixed + sum(
                (times.under(variables) if isinstance(times, Size) else times) * part.under(variables, known)
                for times, part in self.parts
            )
        return known[id(self)]


@dataclass(slots=True)
class Weight:
    """What one selection set weighs.

    Attributes:
        depth: Levels of fields.
        introspection_depth: Levels of fields that tell how the schema looks.
        cost: What it costs once.
        each: What it costs for each item of the page, where it selects from a connection.
        counts: What is counted of the object, by name, with its cost; that of a connection is up to its place.
    """

    depth: int = 0
    introspection_depth: int = 0
    cost: Cost = field(default_factory=Cost)
    each: Cost = field(default_factory=Cost)
    counts: dict[str, int | None] = field(default_factory=dict)

    def include(self, other: Weight) -> None:
        """Take the fields of a fragment in."""
        self.deepen(other.depth, other.introspection_depth)
        self.cost.add(other.cost)
        self.each.add(other.each)
        self.counts |= other.counts

    def counting(self, in_connection: int) -> int:
        """What the counts cost.

        Args:
            in_connection: One of a connection.
        """
        return sum(in_connection if cost is None else cost for cost in self.counts.values())

    def deepen(self, depth: int, introspection_depth: int) -> None:
        """Reach at least as deep as this."""
        self.depth = max(self.depth, depth)
        self.introspection_depth = max(self.introspection_depth, introspection_depth)


@dataclass(frozen=True, slots=True)
class Measures:
    """What a document weighs.

    Attributes:
        aliases: Most aliases of one field of one type.
        variables: Most variables of one operation.
        sign_ins: How many times it signs somebody in: each is a guess at a password.
        operations: The weight of each operation, by its node.
    """

    tokens: int
    definitions: int
    variables: int
    aliases: int
    directives: int
    sign_ins: int
    operations: Mapping[int, Weight]

    @property
    def introspects(self) -> bool:
        """Whether it asks how the schema looks."""
        return any(one.introspection_depth for one in self.operations.values())

    def refusal(self, limits: Limits) -> Refusal | None:
        """Why the document is too much, whichever of its operations runs; None when it is not."""
        for measured, most, name, what in (
            (self.tokens, limits.max_tokens, "maxTokens", "tokens"),
            (self.definitions, limits.max_definitions, "maxDefinitions", "definitions"),
            (self.variables, limits.max_variables, "maxVariables", "variables in an operation"),
            (self.aliases, limits.max_aliases, "maxAliases", "aliases of one field"),
            (self.directives, limits.max_directives, "maxDirectives", "directives"),
        ):
            if measured > most:
                return too_much(measured, most, name, what)
        deepest = max((one.depth for one in self.operations.values()), default=0)
        if deepest > limits.max_depth:
            return too_deep(deepest, limits.max_depth, "A document")
        introspected = max((one.introspection_depth for one in self.operations.values()), default=0)
        if introspected > MAX_INTROSPECTION_DEPTH:
            return too_deep(introspected, MAX_INTROSPECTION_DEPTH, "Introspection")
        return None

    def cost(self, operation: OperationDefinitionNode, variables: Variables) -> int:
        """What an operation costs with these variables."""
        return math.ceil(self.operations[id(operation)].cost.under(variables))


def too_much(measured: int, most: int, name: str, what: str) -> CostExceeded:
    """A refusal for one measure, with the limit as `viewer.limits` calls it."""
    words = f"A document has at most {most:,} {what}; this one has {measured:,}."
    return CostExceeded(words, limitName=name, limit=most, measured=measured)


def too_deep(measured: int, most: int, what: str) -> DepthExceeded:
    """A refusal for nesting."""
    words = f"{what} is at most {most} levels deep; this is {measured}."
    return DepthExceeded(words, limitName="maxDepth", limit=most, measured=measured)


def measure(document: DocumentNode) -> Measures:
    """What a document weighs."""
    return _Measuring(document).measures()


class _Measuring:
    """One pass over one document."""

    def __init__(self, document: DocumentNode) -> None:
        self._document = document
        self._schema = executable()
        self._fragments = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._weights: dict[str, Weight | None] = {}  # None while a fragment is being measured
        self._directives = 0
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)  # response names by type and field
        self._defaults: dict[str, ValueNode | None] = {}

    def measures(self) -> Measures:
        definitions = self._document.definitions
        operations = [one for one in definitions if isinstance(one, OperationDefinitionNode)]
        for operation in operations:
            # A fragment that several operations spread is measured with the default of whichever is the largest.
            for variable in operation.variable_definitions or ():
                self._directives += len(variable.directives or ())
                name, default = variable.variable.name.value, variable.default_value
                if name not in self._defaults or _length(default) > _length(self._defaults[name]):
                    self._defaults[name] = default
        weights = {}
        for operation in operations:
            self._directives += len(operation.directives or ())
            root = self._schema.get_root_type(operation.operation)
            weights[id(operation)] = self._selections(operation.selection_set, root)
        for name in self._fragments:
            self._fragment(name)  # those that nothing spreads are looked at too
        mutation = self._schema.get_root_type(OperationType.MUTATION)
        return Measures(
            tokens=self._document.token_count or 0,
            definitions=len(definitions),
            variables=max((len(one.variable_definitions or ()) for one in operations), default=0),
            aliases=max((len(names - {name}) for (_, name), names in self._names.items()), default=0),
            directives=self._directives,
            sign_ins=len(self._names.get((mutation.name if mutation else "", "signIn"), ())),
            operations=weights,
        )

    def _selections(self, selections: SelectionSetNode, parent: Parent) -> Weight:
        weight = Weight()
        for node in selections.selections:
            self._directives += len(node.directives or ())
            if isinstance(node, FieldNode):
                self._field(node, parent, weight)
            elif isinstance(node, InlineFragmentNode):
                condition = node.type_condition
                narrowed = parent if condition is None else self._schema.get_type(condition.name.value)
                weight.include(self._selections(node.selection_set, narrowed))
            elif isinstance(node, FragmentSpreadNode):
                fragment = self._fragment(node.name.value)
                if fragment is not None:
                    weight.include(fragment)
        return weight

    def _fragment(self, name: str) -> Weight | None:
        """The weight of a fragment; None when there is none, or it spreads itself, which validation will refuse."""
        if name not in self._weights and name in self._fragments:
            self._weights[name] = None
            fragment = self._fragments[name]
            self._directives += len(fragment.directives or ())
            condition = self._schema.get_type(fragment.type_condition.name.value)
            self._weights[name] = self._selections(fragment.selection_set, condition)
        return self._weights.get(name)

    def _field(self, node: FieldNode, parent: Parent, into: Weight) -> None:
        name = node.name.value
        owner = parent.name if parent is not None else ""
        self._names[owner, name].add(node.alias.value if node.alias else name)
        introspects = name in ("__schema", "__type") or owner.startswith("__")
        if owner.endswith("Connection") and name in COUNTS:
            into.counts[COUNTS[name]] = None
        elif counted := COUNTING_FIELDS.get(f"{owner}.{name}"):
            into.counts[counted[0]] = counted[1]
        if node.selection_set is None:
            into.deepen(*((0, 1) if introspects else (1, 0)))
            return
        definition = _definition(parent, name)
        within = self._selections(node.selection_set, get_named_type(definition.type) if definition else None)
        if introspects:
            into.deepen(within.depth, within.introspection_depth + 1)
        else:
            into.deepen(within.depth + 1, within.introspection_depth)
        item = Cost(0 if owner.endswith("Edge") and name == "node" else 1)
        item.add(within.cost)
        item.fixed += within.counting(COUNTING if parent is self._schema.query_type else COUNTING_OF_EACH)
        if definition is None:
            into.cost.add(item)
        elif {"first", "last"} & definition.args.keys():
            into.cost.add(item)
            into.cost.add(within.each, self._page(node))
        elif owner.endswith("Connection") and name in ("nodes", "edges"):
            into.each.add(item)
        else:
            into.cost.add(item, self._times(node, owner, definition))

    def _times(self, node: FieldNode, owner: str, definition: GraphQLField) -> float | Size:
        name = node.name.value
        if owner.startswith("__"):
            return introspected_lengths().get((owner, name), 1)
        if not is_list_type(get_nullable_type(definition.type)):
            return 1
        naming = NAMED_ITEMS.get(f"{owner}.{name}")
        if naming is not None:
            value = _arguments(node).get(naming)
            return PageSize((self._size(value),)) if isinstance(value, VariableNode) else min(_length(value), MAX_NODES)
        if ends := DAYS.get(f"{owner}.{name}"):
            arguments = _arguments(node)
            return Days((arguments.get(ends[0]), arguments.get(ends[1])))
        return SHORT_LISTS.get(get_named_type(definition.type).name, OTHER_LIST)

    def _page(self, node: FieldNode) -> float | PageSize:
        arguments = _arguments(node)
        sizes = [self._size(arguments[name]) for name in ("first", "last") if name in arguments]
        numbers = [one for one in sizes if isinstance(one, int)]
        if len(numbers) < len(sizes):
            return PageSize(tuple(sizes))
        return max(numbers, default=DEFAULT_PAGE_SIZE)

    def _size(self, value: ValueNode) -> int | tuple[str, int]:
        if not isinstance(value, VariableNode):
            return _length(value)
        default = self._defaults.get(value.name.value)
        return value.name.value, DEFAULT_PAGE_SIZE if default is None else _length(default)


def _arguments(node: FieldNode) -> dict[str, ValueNode]:
    return {argument.name.value: argument.value for argument in node.arguments or ()}


def _definition(parent: Parent, name: str) -> GraphQLField | None:
    if name == "__schema":
        return SchemaMetaFieldDef
    if name == "__type":
        return TypeMetaFieldDef
    if isinstance(parent, GraphQLObjectType | GraphQLInterfaceType):
        return cast("GraphQLField | None", parent.fields.get(name))
    return None


def _length(value: ValueNode | None) -> int:
    """How many items a literal asks for: the number itself, or the length of the list.

    More than a page may hold costs no more, because it is refused where the page is made, in better words.
    """
    if isinstance(value, ListValueNode):
        return min(len(value.values), MAX_NODES)
    if isinstance(value, IntValueNode):
        negative = value.value.startswith("-")
        return 0 if negative else min(int(value.value[:9]), MAX_NODES) if len(value.value) < 9 else MAX_NODES
    return MAX_NODES if isinstance(value, FloatValueNode) else DEFAULT_PAGE_SIZE


def _items(variables: Variables, name: str, default: int) -> int:
    """How many items a variable asks for."""
    if name not in variables:
        return default
    value = variables[name]
    if value is None:
        return DEFAULT_PAGE_SIZE
    if isinstance(value, list):
        return min(len(value), MAX_NODES)
    if isinstance(value, int):
        return max(0, min(value, MAX_NODES))
    return MAX_NODES  # not a number, or one with a fraction: refused when it is read


def _written(value: ValueNode | None, variables: Variables) -> Any:
    """What stands in an argument; None where the document or the variables do not say."""
    if isinstance(value, VariableNode):
        return variables.get(value.name.value)
    return value.value if isinstance(value, StringValueNode) else None


@cache
def introspected_lengths() -> Mapping[tuple[str, str], float]:
    """How long the lists are that tell how the schema looks, on average; its objects lie in memory."""
    types = list(executable().type_map.values())
    objects = [one for one in types if isinstance(one, GraphQLObjectType | GraphQLInterfaceType)]
    inputs = [one for one in types if isinstance(one, GraphQLInputObjectType)]
    enums = [one for one in types if isinstance(one, GraphQLEnumType)]
    fields = [one for kind in objects for one in kind.fields.values()]
    values = [one.type for one in fields] + [one.type for kind in inputs for one in kind.fields.values()]
    arguments = sum(len(one.args) for one in fields)
    directives = executable().directives
    return {
        ("__Schema", "types"): len(types),
        ("__Schema", "directives"): len(directives),
        ("__Directive", "args"): sum(len(one.args) for one in directives) / len(directives),
        ("__Type", "fields"): len(fields) / len(types),
        ("__Type", "inputFields"): sum(len(one.fields) for one in inputs) / len(types),
        ("__Type", "enumValues"): sum(len(one.values) for one in enums) / len(types),
        ("__Type", "interfaces"): sum(len(one.interfaces) for one in objects) / len(types),
        ("__Type", "possibleTypes"): 1,
        ("__Type", "ofType"): sum(is_wrapping_type(one) for one in values) / len(values) / 2,
        ("__Field", "args"): arguments / len(fields),
    }


def undeclared_lists() -> list[str]:
    """Lists of objects whose usual length nobody has told, neither as a page nor in `SHORT_LISTS`."""
    found = []
    for type in executable().type_map.values():
        if is_introspection_type(type) or not isinstance(type, GraphQLObjectType | GraphQLInterfaceType):
            continue
        for name, definition in type.fields.items():
            item = get_named_type(definition.type)
            coordinate = f"{type.name}.{name}"
            if (
                is_list_type(get_nullable_type(definition.type))
                and not is_leaf_type(item)
                and not (type.name.endswith("Connection") and name in ("nodes", "edges"))
                and item.name not in SHORT_LISTS
                and coordinate not in NAMED_ITEMS
                and coordinate not in DAYS
            ):
                found.append(coordinate)
    return found
