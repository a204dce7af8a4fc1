"""What the documentation says is true of the code: links, names, commands, settings, documents, decisions, versions."""

from __future__ import annotations

import importlib
import json
import re
import subprocess
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from graphql import OperationDefinitionNode, parse
from graphql.execution.values import get_variable_values
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gql.codes import TOP_LEVEL, reference
from gql.execution import checked
from gql.schema import executable
from server.settings import DemoSettings
from tests.gateway import Gateway
from tests.requirements import PAGE

ROOT = Path(__file__).parents[1]
PACKAGES = ("cli", "gql", "migrations", "models", "repositories", "resolvers", "server", "worker")
README = (ROOT / "README.md").read_text("utf-8")

LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
SPAN = re.compile(r"`([^`\n]+)`")
FILE = re.compile(
    rf"(?:{'|'.join(PACKAGES)}|tests|bench|docs|\.ci)/[\w./-]+|schema\.graphql|requirements\.lock|[\w-]+\.(?:md|toml)"
)
NAME = re.compile(rf"(?:{'|'.join(PACKAGES)})(?:\.\w+)+")
COMMAND = re.compile(r"rosterql ((?:[a-z][a-z-]* ?)+)([^`\n|]*)")
SETTING = re.compile(r"ROSTERQL_[A-Z_]+")
# A code of the top level where the code says it: of a refusal, of a rejected request, of what is told.
RAISED = re.compile(r"(?:^    code = |Rejected\(\s*|Told\([^()]*?, |_said\([^()]*?, )\"([A-Z_]+)\"", re.MULTILINE)
# Files that lie with who runs a gateway, not in the project.
THEIRS = {"rosterql.toml"}


def pages() -> list[Path]:
    """All pages; the one that the run itself writes aside."""
    return sorted(path for path in (*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")) if path != PAGE)


def sources() -> Iterator[Path]:
    for package in PACKAGES:
        yield from (ROOT / package).rglob("*.py")


@pytest.fixture(params=pages(), ids=lambda path: str(path.relative_to(ROOT)))
def page(request: pytest.FixtureRequest) -> Path:
    """Each page of the documentation."""
    return Path(request.param)


def test_every_link_leads_to_a_file(page: Path) -> None:
    links = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    missing = [link for link in links if not _exists(page.parent / link.partition("#")[0])]
    assert not missing


def test_every_file_that_is_named_exists(page: Path) -> None:
    named = [span for span in SPAN.findall(page.read_text("utf-8")) if FILE.fullmatch(span) and span not in THEIRS]
    assert not [name for name in named if "NNNN" not in name and not _exists(ROOT / name)]


def test_every_name_in_the_code_that_a_page_mentions_is_there(page: Path) -> None:
    settings = _settings()
    named = [span for span in SPAN.findall(page.read_text("utf-8")) if NAME.fullmatch(span) and span not in settings]
    assert not [name for name in named if not _importable(name)]


def test_the_architecture_names_the_code() -> None:
    """Else the test above would look at nothing."""
    spans = SPAN.findall((ROOT / "docs" / "architecture.md").read_text("utf-8"))
    assert len([span for span in spans if NAME.fullmatch(span)]) > 40


def test_every_command_that_a_page_mentions_can_be_given(page: Path) -> None:
    for words, rest in COMMAND.findall(page.read_text("utf-8").replace("\\\n", " ")):
        _check_command(words.split(), re.findall(r"--[a-z-]+", rest))


def test_the_readme_lists_every_command() -> None:
    listed = {" ".join(words.split()) for words, _ in COMMAND.findall(README)}
    assert {" ".join(path) for path in _commands()} <= listed


def test_every_setting_that_a_page_mentions_is_one(page: Path) -> None:
    known = {"ROSTERQL_" + name.replace(".", "__").upper() for name in _settings()}
    mentioned = [name for name in SETTING.findall(page.read_text("utf-8")) if "SECTION__" not in name]
    assert not [name for name in mentioned if name not in known]


def test_every_graphql_document_of_a_page_can_be_executed(page: Path) -> None:
    written = re.findall(r"```graphql\n(.*?)```", page.read_text("utf-8"), re.DOTALL)
    assert all(checked(document).content.definitions for document in written)


def test_the_error_reference_holds_every_code() -> None:
    assert (ROOT / "docs" / "errors.md").read_text("utf-8") == reference()
    raised = {code for path in sources() for code in RAISED.findall(path.read_text("utf-8"))}
    assert len(raised) > 8
    assert raised == set(TOP_LEVEL)


def test_every_request_of_the_readme_can_be_executed() -> None:
    for body in _requests():
        checked(body["query"])
        assert not _unfit_variables(body)


@pytest.mark.anyio
async def test_what_the_readme_sends_works_on_the_demo_organization(sqlite_gateway: Gateway) -> None:
    from cli.seeding.demo import open_demo

    opened = await open_demo(sqlite_gateway.database, users=DemoSettings().users)
    answers = [
        await sqlite_gateway.ask(body["query"], body.get("variables"), token=opened.token) for body in _requests()
    ]

    people, out, listed, back = (next(iter(answer.values())) for answer in answers)
    assert people["nodes"][0]["email"] in str(_requests()[1]["variables"])
    assert out["operation"]["totals"]["succeeded"] == back["operation"]["totals"]["succeeded"] == 1
    assert people["nodes"][0]["email"] in [person["email"] for person in listed["nodes"]]


def test_the_exit_codes_in_the_readme_are_those_of_the_commands() -> None:
    from cli import running

    told = dict(re.findall(r"^\| (\d) \| (.+) \|$", README, re.MULTILINE))
    assert set(told) == {"0", *(str(code) for code in (running.REFUSED, running.MISUSED, running.UNAVAILABLE))}
    said = " ".join(str(running.__doc__).split())
    assert all(f"{code} {words}" in said for code, words in told.items())


def test_ci_calls_the_test_command_of_the_readme() -> None:
    (command,) = [line for line in README.splitlines() if line.startswith("python3 ") and line.endswith("/pytest")]
    assert command in [line.strip() for line in (ROOT / ".ci" / "run").read_text("utf-8").splitlines()]


def test_every_decision_has_its_place_in_the_index() -> None:
    folder = ROOT / "docs" / "decisions"
    index = dict(
        re.findall(r"^\| (\d+) \| \[.+\]\((.+)\) \|$", (folder / "README.md").read_text("utf-8"), re.MULTILINE)
    )
    files = sorted(path.name for path in folder.glob("*.md") if path.name != "README.md")
    assert sorted(index.values()) == files
    for number, name in index.items():
        assert name.startswith(f"{int(number):02}-")
        assert (folder / name).read_text("utf-8").startswith(f"# {number}. ")


def test_every_decision_and_page_that_code_refers_to_exists() -> None:
    numbers = {int(path.name[:2]) for path in (ROOT / "docs" / "decisions").glob("[0-9]*.md")}
    referred = 0
    for source in sources():
        text = source.read_text("utf-8")
        for number in re.findall(r"\b[Dd]ecision (\d+)", text):
            referred += 1
            assert int(number) in numbers, f"{source}: decision {number}"
        for name, heading in re.findall(r"`(docs/[\w/.-]+\.md)`(?:, ([A-Z][\w ]+)\))?", text):
            referred += 1
            assert (ROOT / name).is_file(), f"{source}: {name}"
            if heading:
                assert f"\n## {heading}\n" in (ROOT / name).read_text("utf-8"), f"{source}: {name}, {heading}"
    assert referred > 2


def test_the_lock_file_holds_hashes_and_no_address() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    assert "://" not in text
    assert not re.search(r"^\s*(-|file:|/)(?!-hash)", text, re.MULTILINE)
    locked = re.split(r"\n(?=[a-z])", text)[1:]
    assert not [one.splitlines()[0] for one in locked if "--hash=sha256:" not in one]


def test_the_lock_file_fits_the_project() -> None:
    text = (ROOT / "requirements.lock").read_text("utf-8")
    versions = {canonicalize_name(name): version for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", text, re.M)}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    wanted = chain(project["dependencies"], *project["optional-dependencies"].values())
    for requirement in map(Requirement, wanted):
        if requirement.name != project["name"]:
            assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)]), requirement


def test_the_license_is_the_one_that_the_package_claims() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    assert project["license"] == "MIT"
    assert (ROOT / "LICENSE").read_text("utf-8").startswith("MIT License\n")


def test_no_secret_and_no_database_is_part_of_the_project() -> None:
    found = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert not [name for name in found.stdout.split() if name.endswith((".pepper", ".db", ".env"))]


def _requests() -> list[dict[str, Any]]:
    """The bodies that the README sends with curl."""
    return [json.loads(body) for body in re.findall(r"-d '(\{.*?\})'\n", README, re.DOTALL)]


def _exists(path: Path) -> bool:
    return path.exists() or path.resolve() == PAGE


def _importable(name: str) -> bool:
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            if not hasattr(found, attribute):
                return False
            found = getattr(found, attribute)
        return True
    return False


def _settings() -> dict[str, str]:
    from server.settings import names

    return names()


def _commands(command: Any = None, path: tuple[str, ...] = ()) -> dict[tuple[str, ...], Any]:
    """Every command by its words."""
    if command is None:
        import typer

        from cli import app

        command = typer.main.get_command(app)
    below = getattr(command, "commands", None)
    if below is None:
        return {path: command}
    return {words: one for name, each in below.items() for words, one in _commands(each, (*path, name)).items()}


def _check_command(words: list[str], options: list[str]) -> None:
    known = _commands()
    for length in (2, 1):
        command = known.get(tuple(words[:length]))
        if command is not None:
            taken = {"--help", *(name for parameter in command.params for name in parameter.opts)}
            assert set(options) <= taken, f"rosterql {' '.join(words[:length])} takes no {set(options) - taken}"
            return
    # A group, named as such: `rosterql admin`.
    assert len(words) == 1, words
    assert any(path[0] == words[0] for path in known), words


def _unfit_variables(body: dict[str, Any]) -> list[str]:
    """What is wrong with the variables of a request."""
    (operation,) = [one for one in parse(body["query"]).definitions if isinstance(one, OperationDefinitionNode)]
    result = get_variable_values(executable(), operation.variable_definitions or (), body.get("variables", {}))
    return [error.message for error in result] if isinstance(result, list) else []
