"""The workloads of `examples/workloads.graphql`, each as a document of its own, by their numbers: W1 to W6."""

from __future__ import annotations

from pathlib import Path

from graphql import OperationDefinitionNode, parse, print_ast

FILE = Path(__file__).parent.parent / "examples" / "workloads.graphql"
DOCUMENTS = {
    one.name.value.partition("_")[0]: print_ast(one)
    for one in parse(FILE.read_text("utf-8")).definitions
    if isinstance(one, OperationDefinitionNode) and one.name is not None
}
