"""A person in front of GraphiQL: a served demo, and Debian's Chromium, which reaches nothing but this machine."""

from __future__ import annotations

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from server.graphiql.page import Page as Built
from tests import databases

if TYPE_CHECKING:
    from playwright.async_api import BrowserContext, Page

ARGUMENTS = ["--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1", "--disable-gpu"]
LONGEST_MS = 20_000

REPORT = """
document.addEventListener("securitypolicyviolation", (event) =>
  violated(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""


@dataclass
class Seen:
    """What a browser did and said meanwhile.

    Attributes:
        requests: Address of everything that was asked for, by workers too.
        refused: Addresses whose answer was not a success.
        console: What was written to the console, of any kind.
        violations: What the policy kept the page from.
    """

    requests: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    console: list[str] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)


def chromium() -> str:
    """The browser; a test that needs it ends here where there is none, or no page to show."""
    missing = Built().missing
    if missing is not None:
        databases.missing("GraphiQL", missing)
    found = shutil.which("chromium")
    if found is None:
        databases.missing("Chromium", "there is no `chromium` (Debian's package of that name)")
    return str(found)


@asynccontextmanager
async def browsing(url: str, seen: Seen) -> AsyncIterator[Page]:
    """A window that shows an address, watched until it is closed."""
    from playwright.async_api import async_playwright

    executable = chromium()
    as_root = ["--no-sandbox"] if os.geteuid() == 0 else []
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=executable, args=[*ARGUMENTS, *as_root])
        try:
            context = await browser.new_context(
                viewport={"width": 1280, "height": 800},
                color_scheme="light",
                permissions=["clipboard-read", "clipboard-write"],
            )
            await _watch(context, seen)
            page = await context.new_page()
            page.set_default_timeout(LONGEST_MS)
            await page.goto(url)
            yield page
        finally:
            await browser.close()


async def _watch(context: BrowserContext, seen: Seen) -> None:
    context.on("request", lambda request: seen.requests.append(request.url))
    context.on("requestfailed", lambda request: _note_failure(seen, request.failure, request.url))
    context.on("console", lambda message: seen.console.append(f"{message.type}: {message.text}"))
    context.on("weberror", lambda error: seen.console.append(f"thrown: {error.error}"))
    context.on(
        "response",
        lambda answer: None if answer.ok else seen.refused.append(f"{answer.status} {answer.url}"),
    )
    await context.expose_function("violated", lambda words: seen.violations.append(words))
    await context.add_init_script(REPORT)


def _note_failure(seen: Seen, failure: str | None, url: str) -> None:
    if failure != "net::ERR_ABORTED":  # somebody went on before all of a page was there
        seen.refused.append(f"{failure} {url}")


class Window:
    """What a person does in the window, in the person's words."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def ready(self) -> None:
        """Wait until something can be written."""
        await self.page.locator(".graphiql-query-editor .monaco-editor .view-line").first.wait_for()

    async def pane(self, title: str) -> None:
        """Open a pane on the left."""
        await self.page.get_by_role("button", name=f"Show {title}").click()

    async def sign_in(self, email: str, password: str) -> None:
        """Fill in the form, send it, and wait until the schema is there."""
        await self.page.get_by_label("Mail").fill(email)
        await self.page.get_by_label("Password").fill(password)
        async with self._introspection() as answer:
            await self.page.get_by_role("button", name="Sign in").click()
        await (await answer.value).finished()

    async def change_password(self, current: str, new: str) -> str:
        """Fill in the form for another password; what the page says then."""
        await self.page.get_by_text("Change the password").click()
        await self.page.get_by_label("Password so far").fill(current)
        await self.page.get_by_label("New password").fill(new)
        async with self._introspection() as answer:
            await self.page.get_by_role("button", name="Change it").click()
        await (await answer.value).finished()
        return await self.page.get_by_role("status").inner_text()

    async def reload(self) -> None:
        """Load the page again, until the schema is there and something can be written."""
        async with self._introspection() as answer:
            await self.page.reload()
        await (await answer.value).finished()
        await self.ready()

    async def link(self) -> str:
        """A link to what is written."""
        await self.page.get_by_role("button", name="Copy a link").click()
        await self.page.get_by_role("button", name="Copied").wait_for()
        return str(await self.page.evaluate("navigator.clipboard.readText()"))

    async def follow(self, link: str) -> None:
        """Open a link to the page, until the schema is there."""
        async with self._introspection() as answer:
            await self.page.goto(link)
        await (await answer.value).finished()
        await self.ready()

    async def everything(self) -> str:
        """All that the page holds: elements, and the contents of all editors."""
        models = "globalThis.__MONACO.editor.getModels().map((model) => model.getValue()).join()"
        return await self.page.content() + str(await self.page.evaluate(models))

    def _introspection(self) -> Any:
        return self.page.expect_response(lambda answer: "IntrospectionQuery" in (answer.request.post_data or ""))

    async def who(self) -> str:
        """Who is signed in, as the page says."""
        return await self.page.locator(".rosterql-who").inner_text()

    async def run(self) -> str:
        """Run what is written with the keyboard; the answer."""
        await self.page.locator(".graphiql-query-editor .monaco-editor").first.click()
        async with self.page.expect_response("**/graphql"):
            await self.page.keyboard.press("Control+Enter")
        return await self.text("response.json", '"data"')

    async def write(self, text: str) -> None:
        """Write into the editor, in place of what is there."""
        await self.page.locator(".graphiql-query-editor .monaco-editor").first.click()
        await self.page.keyboard.press("Control+A")
        await self.page.keyboard.type(text)

    async def text(self, name: str, holding: str = "") -> str:
        """What an editor holds, once it holds something; `operation.graphql` is that of the document."""
        find = """([name, holding]) => globalThis.__MONACO.editor.getModels()
            .find((model) => model.uri.path.endsWith(name) && model.getValue().includes(holding))?.getValue()"""
        await self.page.wait_for_function(find, arg=[name, holding])
        return str(await self.page.evaluate(find, [name, holding]))

    async def complete(self, text: str, completed: str) -> list[str]:
        """Write the beginning of a field, ask what may follow, and take it; what was offered."""
        await self.write(text)
        await self.page.keyboard.press("Control+Space")
        offers = self.page.locator(".suggest-widget.visible .monaco-list-row")
        await offers.filter(has_text=completed).first.wait_for()
        offered = await offers.all_inner_texts()
        await self.page.keyboard.press("Enter")
        await self.text("operation.graphql", completed)
        return [line.splitlines()[0] for line in offered]

    async def documentation(self, type_: str) -> str:
        """What the documentation says of a root type."""
        await self.pane("Documentation Explorer")
        pane = self.page.locator(".graphiql-doc-explorer")
        await pane.get_by_role("link", name=type_, exact=True).first.click()
        await pane.locator(".graphiql-doc-explorer-title", has_text=type_).wait_for()
        return await pane.inner_text()

    async def picture(self, path: Path) -> None:
        """Photograph the window."""
        await self.page.screenshot(path=path, animations="disabled")
