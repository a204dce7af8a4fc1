"""What assesses and guards changes, broken in one place at a time: do the tests notice?

    python -m tests.mutants [assessing coverage deltas lifecycle undoing]

cosmic-ray makes the mutants (`pip install 'cosmic-ray>=8.7'`). Each is tried in a process of its own in which the
broken module is imported in the place of the file, first by tests of plain functions, then by those of a gateway on
SQLite, up to the first that fails. The last line is `mutants N caught M`; exit code 1 if less than 90 % are caught.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import importlib
import importlib.abc
import importlib.util
import os
import pickle
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import Any

ROOT = Path(__file__).parents[1]
ENOUGH = 0.9
PATIENCE_S = 300


@dataclass(frozen=True)
class Subject:
    """A module that is broken.

    Attributes:
        quick: Modules of tests that need no database and no fixture.
        slow: Files of tests of a gateway.
        before: What can be imported once, because it does not import the module.
        only: The functions in question; all when empty.
    """

    module: str
    quick: tuple[str, ...]
    slow: tuple[str, ...]
    before: tuple[str, ...]
    only: frozenset[str] = frozenset()

    @property
    def path(self) -> Path:
        """Its file."""
        return ROOT / f"{self.module.replace('.', '/')}.py"


SUBJECTS = {  # each stands on those before it only
    "assessing": Subject(
        "resolvers.assessing",
        quick=("tests.test_assessing", "tests.test_guards"),
        slow=("tests/test_lifecycle.py",),
        before=("resolvers.recording", "resolvers.targets", "repositories.kept"),
    ),
    "deltas": Subject(
        "resolvers.deltas",
        quick=("tests.test_guards",),
        slow=("tests/test_undo.py",),
        before=("resolvers.assessing", "tests.test_assessing"),
    ),
    "coverage": Subject(
        "resolvers.coverage",
        quick=("tests.test_guards",),
        slow=("tests/test_coverage.py",),
        before=("resolvers.deltas",),
    ),
    "lifecycle": Subject(
        "resolvers.lifecycle",
        quick=("tests.test_undo_guards",),
        slow=("tests/test_queued.py", "tests/test_lifecycle.py", "tests/test_undo.py"),
        before=("resolvers.membership", "tests.test_guards"),
        only=frozenset({"keep_an_administrator", "find_seats", "_meant"}),
    ),
    "undoing": Subject(
        "resolvers.undoing",
        quick=("tests.test_undo_guards",),
        slow=("tests/test_undo.py", "tests/test_coverage.py"),
        before=("resolvers.lifecycle",),
    ),
}


@dataclass(frozen=True)
class Mutant:
    """A subject that is broken in one place.

    Attributes:
        line: The first that differs.
    """

    subject: Subject
    operator: str
    line: int
    source: str = field(repr=False)

    def __str__(self) -> str:
        broken = self.source.splitlines()[self.line - 1].strip()
        return f"{self.subject.module}:{self.line} {self.operator}: {broken}"


def mutants_of(subject: Subject) -> Iterator[Mutant]:
    """Every mutant that Python can tell from the original: annotations are never looked at."""
    from cosmic_ray.ast import ast_nodes, get_ast
    from cosmic_ray.commands.init import _operators
    from cosmic_ray.mutating import mutate_code

    original = subject.path.read_text()
    seen = {_meaning(original)}
    inside = _lines_of(original, subject.only)
    tree = get_ast(original)
    for name, _, operator in _operators({}):
        places = sum(len(list(operator.mutation_positions(node))) for node in ast_nodes(tree))
        for place in range(places):
            source = mutate_code(original, operator, place)
            if source is None or (meaning := _meaning(source)) in seen:
                continue
            seen.add(meaning)
            line = next(
                number
                for number, (one, other) in enumerate(
                    zip([*original.splitlines(), ""], [*source.splitlines(), "", ""], strict=False), 1
                )
                if one != other
            )
            if not subject.only or line in inside:
                yield Mutant(subject, name.removeprefix("core/"), line, source)


def _lines_of(source: str, names: frozenset[str]) -> set[int]:
    functions = [
        node
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name in names
    ]
    return {line for node in functions for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)}


class _Bare(ast.NodeTransformer):
    """Leaves out what is there for readers and type checkers."""

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_arg(self, node: ast.arg) -> Any:
        node.annotation = None
        return node

    def visit_If(self, node: ast.If) -> Any:
        return None if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING" else self.generic_visit(node)

    def visit_FunctionDef(self, node: Any) -> Any:
        node.returns = None
        return self.generic_visit(node)

    visit_AsyncFunctionDef = visit_FunctionDef

    def visit_Assign(self, node: ast.Assign) -> Any:
        alias = isinstance(node.targets[0], ast.Name) and node.targets[0].id in ("Verdict", "Pairs", "Links")
        return None if alias else self.generic_visit(node)


def _meaning(source: str) -> str:
    try:
        return ast.dump(_Bare().visit(ast.parse(source)))
    except SyntaxError:
        return "no Python"


class _Broken(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports a mutant in the place of the file."""

    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant

    def find_spec(self, fullname: str, path: Any, target: ModuleType | None = None) -> Any:
        subject = self._mutant.subject
        if fullname != subject.module:
            return None
        return importlib.util.spec_from_file_location(fullname, subject.path, loader=self)

    def exec_module(self, module: ModuleType) -> None:
        exec(compile(self._mutant.source, str(self._mutant.subject.path), "exec"), module.__dict__)


def _prepare(folder: Path) -> None:
    """A database with Acme, made once by what is not broken."""
    from tests.databases import migrated_file
    from tests.gateway import found_acme

    template = migrated_file(folder / "template.db")
    acme = Path(shutil.copy(template, folder / "acme.db"))
    (folder / "acme").write_bytes(pickle.dumps(asyncio.run(found_acme(f"sqlite:///{acme}"))))


def _use(folder: Path) -> None:
    """Take the prepared database in the place of a new one."""
    import tests.databases
    import tests.gateway

    async def found(url: str) -> Any:
        shutil.copyfile(folder / "acme.db", url.removeprefix("sqlite:///"))
        return pickle.loads((folder / "acme").read_bytes())

    tests.databases.migrated_file = lambda file: Path(shutil.copyfile(folder / "template.db", file))
    tests.gateway.found_acme = found


def _try(mutant: Mutant | None, subject: Subject, folder: Path, quick: bool) -> int:
    """Run the tests on a mutant; 0 when all of them pass."""
    if mutant is not None:
        sys.meta_path.insert(0, _Broken(mutant))
    for name in subject.quick:
        for test in vars(importlib.import_module(name)).values():
            if getattr(test, "__module__", None) == name and test.__name__.startswith("test_"):
                for arguments in _arguments(test):
                    test(**arguments)
    if quick:
        return 0
    import pytest

    _use(folder)
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    where = f"--basetemp={tempfile.mkdtemp(dir=folder)}"
    options = ["-q", "-x", "-p", "anyio", "-p", "no:cacheprovider", "-o", "addopts=", where]
    return int(pytest.main([*options, "-k", "sqlite", *subject.slow]))


def _arguments(test: Any) -> list[dict[str, Any]]:
    """With what a test is called that has no fixtures."""
    marks = [mark for mark in getattr(test, "pytestmark", ()) if mark.name == "parametrize"]
    if not marks:
        return [{}]
    (mark,) = marks
    names, values = mark.args
    if isinstance(names, str):
        return [{names: value} for value in values]
    return [dict(zip(names, value, strict=True)) for value in values]


def _apart(work: Any, *arguments: Any) -> int:
    """The exit code of work in a process of its own; what hangs has failed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            os.setpgid(0, 0)
            with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
                code = work(*arguments) or 0
        except BaseException as error:
            code = error.code if isinstance(error, SystemExit) and isinstance(error.code, int) else 1
        finally:
            os._exit(code)
    until = time.monotonic() + PATIENCE_S
    while time.monotonic() < until:
        done, status = os.waitpid(child, os.WNOHANG)
        if done:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.05)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Break and try all of them; the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutants", description=__doc__)
    parser.add_argument("subjects", nargs="*", help="of " + ", ".join(SUBJECTS) + "; all when left out")
    parser.add_argument("--processes", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true", help="only the tests that need no database")
    asked = parser.parse_args(arguments)
    subjects = [SUBJECTS[name] for name in asked.subjects or SUBJECTS]
    tried = caught = 0
    with tempfile.TemporaryDirectory() as made, ThreadPoolExecutor(asked.processes) as pool:
        folder = Path(made)
        if not asked.quick and _apart(_prepare, folder):
            sys.exit("the database of the tests cannot be made")
        for subject in SUBJECTS.values():
            for name in subject.before:
                importlib.import_module(name)
            assert subject.module not in sys.modules, f"{subject.module} cannot be broken any more"
            if subject not in subjects:
                continue
            if _apart(_try, None, subject, folder, asked.quick):
                sys.exit(f"the tests of {subject.module} fail without a mutant")
            mutants = list(mutants_of(subject))
            codes = pool.map(partial(_code, folder=folder, quick=asked.quick), mutants)
            survived = [mutant for mutant, code in zip(mutants, codes, strict=True) if code == 0]
            print(*(f"survived {mutant}" for mutant in survived), sep="\n")
            print(f"{subject.module}: {len(mutants)} mutants, {len(mutants) - len(survived)} caught", flush=True)
            tried, caught = tried + len(mutants), caught + len(mutants) - len(survived)
    print(f"mutants {tried} caught {caught}")
    return int(caught < ENOUGH * tried)


def _code(mutant: Mutant, folder: Path, quick: bool) -> int:
    return _apart(_try, mutant, mutant.subject, folder, quick)


if __name__ == "__main__":
    sys.exit(main())
