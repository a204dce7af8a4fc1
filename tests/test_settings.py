"""Where settings come from, which comes first, and what is refused."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from server import settings
from server.settings import PREFIX, Settings, SettingsRefused, load, names

ROOT = Path(__file__).parents[1]
SECRET = "a-password-nobody-should-read"


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.upper().startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.setattr(settings, "SECRETS_DIRECTORY", tmp_path / "secrets")


def secret(name: str, value: str) -> None:
    settings.SECRETS_DIRECTORY.mkdir(exist_ok=True)
    (settings.SECRETS_DIRECTORY / name).write_text(value + "\n")


def test_each_source_gives_way_to_the_one_above_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load().server.port == 8000
    Path("rosterql.toml").write_text("[server]\nport = 1001\nhost = '127.0.0.2'\n")
    assert load().server.port == 1001
    secret("ROSTERQL_SERVER__PORT", "1002")
    assert load().server.port == 1002
    Path(".env").write_text("ROSTERQL_SERVER__PORT=1003\nOTHER_PROGRAM=1\n")
    assert load().server.port == 1003
    monkeypatch.setenv("ROSTERQL_SERVER__PORT", "1004")
    assert load().server.port == 1004
    chosen = load({"server": {"port": 1005}})
    assert (chosen.server.port, chosen.server.host) == (1005, "127.0.0.2")


def test_another_file_can_be_named() -> None:
    Path("rosterql.toml").write_text("[server]\nport = 1001\n")
    Path("mine.toml").write_text("[server]\nhost = '127.0.0.3'\n")
    chosen = load(config=Path("mine.toml"))
    assert (chosen.server.port, chosen.server.host) == (8000, "127.0.0.3")
    with pytest.raises(SettingsRefused, match=r"nowhere\.toml"):
        load(config=Path("nowhere.toml"))


@pytest.mark.parametrize("source", ["environment", ".env", "secrets", "toml section", "toml name", "command line"])
def test_a_name_that_means_nothing_is_refused_by_name(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    overrides: dict[str, dict[str, Any]] = {}
    match source:
        case "environment":
            monkeypatch.setenv("ROSTERQL_SERVER__PROT", SECRET)
        case ".env":
            Path(".env").write_text(f"ROSTERQL_SERVER__PROT={SECRET}\n")
        case "secrets":
            secret("ROSTERQL_SERVER__PROT", SECRET)
        case "toml section":
            Path("rosterql.toml").write_text(f"[prot]\nport = '{SECRET}'\n")
        case "toml name":
            Path("rosterql.toml").write_text(f"[server]\nprot = '{SECRET}'\n")
        case _:
            overrides = {"server": {"prot": SECRET}}
    with pytest.raises(SettingsRefused, match=r"(?i)prot.*there is no such setting") as refused:
        load(overrides)
    assert SECRET not in str(refused.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SERVER__PORT", "70000"),
        ("SERVER__PORT", ""),
        ("SERVER__ALLOWED_ORIGINS", "https://*.example"),
        ("SERVER__ALLOWED_ORIGINS", "dashboard.example"),
        ("DATABASE__URL", f"mysql://root:{SECRET}@localhost/x"),
        ("DATABASE__URL", f"{SECRET}"),
        ("DATABASE__URL", "sqlite://"),
        ("AUTH__PEPPER", "short"),
        ("DEMO__USERS", "many"),
    ],
)
def test_a_value_that_is_not_acceptable_is_refused_and_not_repeated(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsRefused) as refused:
        load()
    assert name.replace("__", ".").lower() in str(refused.value)
    assert SECRET not in str(refused.value)


def test_a_broken_file_is_named() -> None:
    Path("rosterql.toml").write_text("[server\n")
    with pytest.raises(SettingsRefused, match=r"rosterql\.toml"):
        load()


def test_secrets_are_shown_nowhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTERQL_DATABASE__URL", f"postgresql://rosterql:{SECRET}@db.example/rosterql")
    monkeypatch.setenv("ROSTERQL_AUTH__PEPPER", SECRET + SECRET)
    chosen = load()
    assert SECRET in chosen.database_url
    assert SECRET not in repr(chosen) + str(chosen) + repr(chosen.model_dump())


def test_lists_are_separated_by_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ROSTERQL_SERVER__ALLOWED_ORIGINS", "https://one.example, http://two.example:8080")
    assert load().server.allowed_origins == ("https://one.example", "http://two.example:8080")
    Path("mine.toml").write_text("[server]\ntrusted_proxies = ['10.0.0.1', '10.0.0.2']\n")
    assert load(config=Path("mine.toml")).server.trusted_proxies == ("10.0.0.1", "10.0.0.2")


def test_every_setting_is_documented_with_its_default_and_its_words() -> None:
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = re.findall(r"^\| `([\w.]+)` \| `(\w+)` \| (.+?) \| (.+) \|$", page, re.MULTILINE)
    defaults = Settings()
    expected = []
    for name, words in names().items():
        section, _, setting = name.partition(".")
        value = getattr(getattr(defaults, section), setting)
        if hasattr(value, "get_secret_value"):
            value = value.get_secret_value()
        written = str(value).lower() if isinstance(value, bool) else value
        shown = "none" if value in (None, ()) else f"`{written}`"
        expected.append((name, PREFIX + name.replace(".", "__").upper(), shown, words))
    assert rows == expected
