"""What a browser gets at `/graphql`: GraphiQL, with nothing from elsewhere and under a strict policy."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from functools import cached_property
from html import escape
from pathlib import Path
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from server.authentication import CALLER_HEADERS, cookie_name

HERE = Path(__file__).parent
BUILD = "pip install . (or, in a checkout with Node, python server/graphiql/hatch_build.py)"

POLICY = (
    "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self'; "
    "style-src-elem 'self' 'nonce-{nonce}'; style-src-attr 'none'; img-src 'self' data:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
FILE_POLICY = "default-src 'none'; script-src 'self'"  # a worker obeys that of its own file

TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>RosterQL</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{base}/graphiql/{style}">
<script id="settings" type="application/json">{settings}</script>
<script type="module" nonce="{nonce}" src="{base}/graphiql/{policy}"></script>
<script type="module" nonce="{nonce}" src="{base}/graphiql/{script}"></script>
</head>
<body>
<div id="graphiql"></div>
<noscript>GraphiQL needs JavaScript. The API is at this address, by POST.</noscript>
</body>
</html>
"""

_TYPES = {".css": "text/css", ".js": "text/javascript", ".ttf": "font/ttf", ".txt": "text/plain"}
_ENCODINGS = {"br": ".br", "gzip": ".gz"}


@dataclass(frozen=True)
class Example:
    """A document that the page offers, with its variables as JSON where it has any."""

    title: str
    document: str
    variables: str


class Page:
    """The page as it was built, if it was."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or HERE / "page"

    @cached_property
    def manifest(self) -> dict[str, Any] | None:
        """The names of its files; None when it was not built."""
        try:
            return dict(orjson.loads((self._folder / "manifest.json").read_bytes()))
        except FileNotFoundError:
            return None

    @property
    def missing(self) -> str | None:
        """Why there is no page, and how to get it; None when it is there."""
        if self.manifest is not None:
            return None
        failure = self._folder / "failure.txt"
        why = f": {failure.read_text('utf-8').strip()}" if failure.is_file() else "."
        return f"GraphiQL's page was not built{why}\nTo build it: {BUILD}"

    @cached_property
    def examples(self) -> list[Example]:
        """The documents on offer, in the order of their file names; the first line of each is its title."""
        return [_example(path) for path in sorted(self._example_folder.glob("*.graphql"))]

    @property
    def _example_folder(self) -> Path:
        installed = HERE / "examples"
        return installed if installed.is_dir() else HERE.parents[1] / "examples" / "graphiql"

    def page(self, request: Request) -> Response:
        """The page itself, made anew for each request: its policy names a nonce."""
        manifest = self.manifest
        if manifest is None:
            return PlainTextResponse(f"{self.missing}\n", 503, {"Cache-Control": "no-store"})
        nonce, base = secrets.token_urlsafe(16), request.scope.get("root_path", "")
        cookie = cookie_name(request)
        told = {
            "url": f"{base}/graphql",
            "cookies": cookie is not None,
            "signedIn": cookie in request.cookies,
            "examples": self.examples,
        }
        content = TEMPLATE.format(
            base=escape(base),
            nonce=nonce,
            settings=orjson.dumps(told).decode().replace("<", "\\u003c"),
            **{name: escape(manifest[name]) for name in ("policy", "script", "style")},
        )
        headers = {
            "Cache-Control": "no-store",
            "Content-Security-Policy": POLICY.format(nonce=nonce),
            "Cross-Origin-Opener-Policy": "same-origin",
            "Referrer-Policy": "no-referrer",
            "Vary": "Accept",
            "X-Content-Type-Options": "nosniff",
        }
        return Response(content, 200, headers, media_type="text/html; charset=utf-8")

    def file(self, request: Request) -> Response | None:
        """One of its files, compressed where the browser takes that; None when it has none of that name."""
        name = request.path_params["name"]
        if self.manifest is None or name not in self.manifest["files"]:
            return None
        taken = {part.partition(";")[0].strip() for part in request.headers.get("accept-encoding", "").split(",")}
        encoding = next((each for each in _ENCODINGS if each in taken), None)
        headers = {
            "Cache-Control": "public, max-age=31536000, immutable",
            "Content-Security-Policy": FILE_POLICY,
            "Cross-Origin-Resource-Policy": "same-origin",
            "Vary": "Accept-Encoding",
            "X-Content-Type-Options": "nosniff",
        }
        if name == "THIRD-PARTY.txt":
            headers["Cache-Control"] = "no-cache"  # the one name without a hash
        if encoding is not None:
            headers["Content-Encoding"] = encoding
        content = (self._folder / f"{name}{_ENCODINGS.get(encoding or '', '')}").read_bytes()
        return Response(content, 200, headers, media_type=f"{_TYPES[Path(name).suffix]}; charset=utf-8")


def _example(path: Path) -> Example:
    text, variables = path.read_text("utf-8"), path.with_suffix(".json")
    title = text.partition("\n")[0].removeprefix("#").strip()
    return Example(title, text, variables.read_text("utf-8") if variables.is_file() else "")


def is_for_browser(request: Request) -> bool:
    """Whether a request is that of a browser which opens the address, and not one of GraphQL."""
    ranges = {part.partition(";")[0].strip() for part in request.headers.get("accept", "").lower().split(",")}
    named = any(name in request.headers for name in CALLER_HEADERS)
    return request.method == "GET" and "text/html" in ranges and not named
