"""The printed schema is the committed one, and every difference from the blueprint is known (rule M13)."""

from __future__ import annotations

import hashlib
import tomllib
from pathlib import Path
from typing import Any

import pytest

from gql.schema import print_schema
from tests.blueprint import Differences, compared, forms

ROOT = Path(__file__).parents[1]
BLUEPRINT = ROOT.parent / "shared" / "design" / "schema-blueprint.graphql"
FORMS = ROOT / "tests" / "blueprint_forms.txt"

STEPS = {"people", "callers"}  # still to come


@pytest.fixture(scope="module")
def known() -> dict[str, Any]:
    """The committed list."""
    return tomllib.loads((ROOT / "tests" / "blueprint_differences.toml").read_text("utf-8"))


@pytest.fixture(scope="module")
def schema() -> dict[str, str]:
    """What the gateway offers."""
    return forms(print_schema())


@pytest.fixture(scope="module")
def blueprint() -> dict[str, str]:
    """What the gateway will offer when every step is done: names and forms, a line each."""
    return dict(line.split(": ", 1) for line in FORMS.read_text("utf-8").splitlines())


def test_the_committed_schema_is_the_printed_one() -> None:
    assert (ROOT / "schema.graphql").read_text("utf-8") == print_schema()


def test_the_committed_forms_are_those_of_the_blueprint(known: dict[str, Any], blueprint: dict[str, str]) -> None:
    """The design does not lie beside every clone: there the digest holds the file to what was compared here."""
    assert hashlib.sha256(FORMS.read_bytes()).hexdigest() == known["forms"]
    assert len(blueprint) > 2_000
    if BLUEPRINT.exists():
        assert blueprint == forms(BLUEPRINT.read_text("utf-8"))


def test_every_difference_from_the_blueprint_is_listed(
    known: dict[str, Any], schema: dict[str, str], blueprint: dict[str, str]
) -> None:
    assert compared(schema, blueprint) == Differences(
        missing={name for part in ("missing", "left_out") for names in known[part].values() for name in names},
        added=set(known["added"]),
        changed={name: (change["here"], change["blueprint"]) for name, change in known["changed"].items()},
    )


def test_what_is_listed_is_true_of_the_schema(known: dict[str, Any], schema: dict[str, str]) -> None:
    missing = [name for part in ("missing", "left_out") for names in known[part].values() for name in names]

    assert not [name for name in missing if name in schema]
    assert not [name for name in known["added"] if name not in schema]
    assert {name: change["here"] for name, change in known["changed"].items()} == {
        name: schema.get(name) for name in known["changed"]
    }


def test_every_difference_has_its_step_or_its_reason(known: dict[str, Any]) -> None:
    assert set(known["missing"]) == STEPS
    assert all(len(reason.split()) > 2 for reason in known["left_out"])
    assert all(len(reason.split()) > 2 for reason in known["added"].values())
    assert all(len(change["why"].split()) > 2 for change in known["changed"].values())
