"""What the tools of others say of us: the audits of graphql-http, @graphql-eslint, the compiler of Relay."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from graphql import FragmentDefinitionNode, OperationDefinitionNode, OperationType, parse, print_ast

from tests.node_tools import TOOLS, Node
from tests.serving import serving

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("node")]

ROOT = Path(__file__).parent.parent


async def test_every_audit_of_graphql_over_http_passes_and_none_warns(node: Node, tmp_path: Path) -> None:
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as served:
        code, out, err = await node.run("audit.js", served.told["url"], served.told["token"])
    assert code == 0, err
    results = [json.loads(line) for line in out.splitlines()]
    assert len(results) > 50
    assert [result for result in results if result["status"] != "ok"] == []


async def test_the_rules_of_graphql_eslint_find_nothing_in_the_schema(node: Node, tmp_path: Path) -> None:
    """The recommended ones and those for Relay; which are off, and why, stands in `tests/node/eslint.config.js`."""
    linted = node.folder / "schema.graphql"
    linted.write_text((ROOT / "schema.graphql").read_text("utf-8"), "utf-8")
    (node.folder / "graphql.config.json").write_text('{"schema": "schema.graphql"}')
    _, out, err = await node.run("node_modules/eslint/bin/eslint.js", linted.name, "--format", "json")
    assert out, err
    [result] = json.loads(out)
    assert [f"{one['ruleId']} in line {one['line']}: {one['message']}" for one in result["messages"]] == []


async def test_relay_compiles_every_example_against_the_schema(node: Node, tmp_path: Path) -> None:
    sources = tmp_path / "src"
    artifacts = sources / "__generated__"
    artifacts.mkdir(parents=True)
    names = []
    for path in sorted((ROOT / "examples").rglob("*.graphql")):
        for number, operation in enumerate(parse(path.read_text("utf-8")).definitions):
            if isinstance(operation, FragmentDefinitionNode):
                # And a fragment after its file.
                (sources / f"{operation.name.value}.js").write_text(f"graphql`\n{print_ast(operation)}\n`;\n", "utf-8")
            if isinstance(operation, OperationDefinitionNode):
                # Relay wants an operation to be called after its file, and what it is.
                module = f"Example{len(names)}"
                kind = operation.operation.value
                name = f"{module}{kind.capitalize()}"
                written = re.sub(rf"^{kind}\s*\w*|^", f"{kind} {name}", print_ast(operation), count=1)
                (sources / f"{module}.js").write_text(f"graphql`\n{written}\n`;\n", "utf-8")
                names.append(name)
                assert operation.operation in (OperationType.QUERY, OperationType.MUTATION), (path, number)
    assert len(names) >= 6
    (tmp_path / "schema.graphql").write_text((ROOT / "schema.graphql").read_text("utf-8"), "utf-8")
    settings = {"src": "src", "schema": "schema.graphql", "artifactDirectory": "src/__generated__"}
    (tmp_path / "relay.config.json").write_text(json.dumps({**settings, "language": "javascript"}), "utf-8")
    code, out, err = await node.run("node_modules/relay-compiler/cli.js", "--noWatchman", folder=tmp_path)
    assert code == 0, out + err
    assert {file.name.partition(".")[0] for file in artifacts.iterdir()} >= set(names)


@pytest.mark.parametrize("folder", [TOOLS, ROOT / "examples" / "typescript"], ids=lambda folder: folder.name)
def test_packages_are_locked_without_addresses_to_download_from(folder: Path) -> None:
    lock = json.loads((folder / "package-lock.json").read_text("utf-8"))
    installed = {name: each for name, each in lock["packages"].items() if name}
    assert len(installed) > 50
    assert [name for name, each in installed.items() if "resolved" in each or "integrity" not in each] == []
    told = json.loads((folder / "package.json").read_text("utf-8"))
    wanted = {**told.get("dependencies", {}), **told.get("devDependencies", {})}
    assert {name: lock["packages"][f"node_modules/{name}"]["version"] for name in wanted} == wanted
