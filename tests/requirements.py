"""Which requirements the tests show (pytest plugin).

A test cites requirements in its docstring. One that passed, on all parameters that this machine can run, shows them.
The citations travel with the reports of the tests, because the process that counts need not be the one that collected.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parent.parent
LIST = ROOT / "tests" / "requirements.toml"
PAGE = ROOT / "docs" / "requirements.md"

CITATION = re.compile(r"\b[A-EZ]\d+\b")
MOST = 3
PROPERTY = "requirements"  # of a report


def cited(docstring: str | None) -> list[str]:
    """The requirements that a docstring names."""
    return list(dict.fromkeys(CITATION.findall(docstring or "")))


class Requirements:
    """Collects citations, and who kept them."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = tomllib.loads(LIST.read_text())["requirements"]
        self.citations: dict[str, list[str]] = {}  # by test, without parameters
        self.passed: set[str] = set()
        self.failed: set[str] = set()
        self.whole = False

    def pytest_sessionstart(self, session: pytest.Session) -> None:
        config = session.config
        narrowed = any(
            config.getoption(name, None) for name in ("keyword", "markexpr", "deselect", "lf", "collectonly")
        )
        named = [Path(argument).resolve() for argument in config.args]
        worker = hasattr(config, "workerinput")
        self.whole = not worker and not narrowed and all(path in (ROOT, ROOT / "tests") for path in named)

    def pytest_collection_modifyitems(self, session: pytest.Session, items: list[pytest.Item]) -> None:
        for item in items:
            numbers = cited(getattr(getattr(item, "obj", None), "__doc__", None))
            if len(numbers) > MOST:
                raise pytest.UsageError(f"{item.nodeid} cites {len(numbers)} requirements; at most {MOST} are allowed")
            if numbers:
                item.user_properties.append((PROPERTY, numbers))

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        test = _test(report.nodeid)
        properties: dict[str, Any] = dict(report.user_properties)
        if PROPERTY in properties:
            self.citations[test] = properties[PROPERTY]
        if report.failed or hasattr(report, "wasxfail"):
            self.failed.add(test)
        elif report.when == "call" and report.passed:
            self.passed.add(test)

    @property
    def shown(self) -> dict[str, list[str]]:
        """The tests that show each requirement, where there is one."""
        found: dict[str, list[str]] = {number: [] for number in self.texts}
        for test, numbers in sorted(self.citations.items()):
            if test in self.passed and test not in self.failed:
                for number in numbers:
                    if number in found:
                        found[number].append(test)
        return {number: tests for number, tests in found.items() if tests}

    @property
    def missing(self) -> list[str]:
        """Requirements that no test shows."""
        return [number for number in self.texts if number not in self.shown]

    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        if not self.whole:
            return
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(self.page())
        if self.missing and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        if not self.whole:
            return
        if self.missing:
            terminalreporter.write_line("not shown: " + ", ".join(self.missing), red=True)
        terminalreporter.write_line(f"requirements: {len(self.shown)} of {len(self.texts)} shown")

    def page(self) -> str:
        """The table of requirements and the tests that show them."""
        shown = self.shown
        lines = [
            "# Requirements",
            "",
            "Written by `pytest`: each requirement of this step, and the tests that passed and show it.",
            "",
            "| Number | Requirement | Shown by |",
            "|---|---|---|",
        ]
        for number, text in self.texts.items():
            tests = "<br>".join(f"`{test.removeprefix('tests/')}`" for test in shown.get(number, [])) or "not shown"
            lines.append(f"| {number} | {text} | {tests} |")
        return "\n".join(lines) + "\n"


def _test(nodeid: str) -> str:
    # Without parameters, and without the group that pytest-xdist appends.
    return nodeid.split("[", 1)[0].split("@", 1)[0]


def pytest_configure(config: pytest.Config) -> None:
    config.pluginmanager.register(Requirements(), "rosterql-requirements")
