"""Settings, and the one place that reads the environment.

Command line > `ROSTERQL_SECTION__KEY` > `.env` > secrets directory > `rosterql.toml`. Names that mean nothing are
refused, so that a typing error is found at the start; secrets are never printed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, ClassVar

from dotenv import dotenv_values
from pydantic import BaseModel, ConfigDict, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from repositories.engine import normalised
from resolvers.retention import Retention

PREFIX, DELIMITER = "ROSTERQL_", "__"
CONFIG_FILE = Path("rosterql.toml")
ENVIRONMENT_FILE = Path(".env")
SECRETS_DIRECTORY = Path("/run/secrets/rosterql")

Origins = Annotated[tuple[str, ...], NoDecode]


class SettingsRefused(Exception):
    """A setting is unknown or not acceptable; the words name it and never its value."""


class Section(BaseModel):
    """A group of settings."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServerSettings(Section):
    """How callers reach the gateway."""

    host: str = Field(default="127.0.0.1", description="Address to listen on.")
    port: int = Field(default=8000, ge=0, le=65535, description="Port to listen on; 0 takes any free one.")
    allowed_origins: Origins = Field(
        default=(),
        description="Exact origins of dashboards on other hosts, separated by commas; they use bearer tokens only.",
    )
    trusted_proxies: Origins = Field(
        default=(), description="Addresses of proxies whose X-Forwarded-For and X-Forwarded-Proto are believed."
    )
    graphiql: bool = Field(default=True, description="Whether browsers that open /graphql get GraphiQL.")
    max_header_bytes: int = Field(
        default=32_768, ge=4_096, description="Most bytes of the address and the headers of a request."
    )
    header_timeout_s: float = Field(
        default=10, gt=0, description="Seconds in which the headers of a request must arrive."
    )
    max_body_bytes: int = Field(default=1_048_576, ge=1_024, description="Largest body of a request, in bytes.")
    body_timeout_s: float = Field(default=10, gt=0, description="Seconds in which the body of a request must arrive.")
    drain_timeout_s: int = Field(
        default=4,
        ge=0,
        le=60,
        description="Seconds that requests under way are given at the end, before they are cut off.",
    )

    @field_validator("allowed_origins", "trusted_proxies", mode="before")
    @classmethod
    def _separated(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @field_validator("allowed_origins")
    @classmethod
    def _exact(cls, origins: tuple[str, ...]) -> tuple[str, ...]:
        for origin in origins:
            scheme, separator, host = origin.partition("://")
            if scheme not in ("http", "https") or not separator or not host or set(host) & set("/*?# "):
                raise ValueError("an origin is a scheme, a host and perhaps a port, as in https://dashboard.example")
        return origins


class DatabaseSettings(Section):
    """Where things are kept."""

    url: SecretStr = Field(
        default=SecretStr("sqlite:///rosterql.db"),
        description="sqlite:///FILE or postgresql://USER:PASSWORD@HOST/NAME.",
    )
    pool_size: int = Field(
        default=10,
        ge=1,
        le=200,
        description="Connections to PostgreSQL that each process keeps open, the worker beside `serve` too; under load "
        "it opens as many more.",
    )
    statement_timeout_ms: int = Field(
        default=30_000, ge=100, description="Milliseconds that PostgreSQL gives one statement."
    )

    @field_validator("url")
    @classmethod
    def _known(cls, url: SecretStr) -> SecretStr:
        try:
            normalised(url.get_secret_value())
        except Exception as error:
            words = str(error) if isinstance(error, ValueError) else "this is not the address of a database"
            raise ValueError(words) from None
        return url


class GraphqlSettings(Section):
    """How documents are executed."""

    query_timeout_s: float = Field(default=10, gt=0, description="Seconds that a query is given.")
    max_document_characters: int = Field(default=20_000, ge=1_000, description="Most characters of a document.")
    max_tokens: int = Field(default=1_000, ge=100, le=20_000, description="Most tokens of a document.")
    max_definitions: int = Field(default=40, ge=1, description="Most operations and fragments of a document.")
    max_variables: int = Field(default=50, ge=1, description="Most variables of an operation.")
    max_aliases: int = Field(default=15, ge=1, description="Most aliases of one field of one type in a document.")
    max_directives: int = Field(default=20, ge=1, description="Most directives in a document.")
    max_depth: int = Field(default=12, ge=5, description="Most levels of fields in an operation.")
    max_cost: int = Field(default=20_000, ge=100, description="Highest cost of an operation, counted before it runs.")
    max_page_size: int = Field(default=100, ge=25, le=100, description="Most items of a page.")


class AuthSettings(Section):
    """How callers prove who they are."""

    pepper: SecretStr | None = Field(
        default=None, min_length=32, description="Secret outside the database that API keys are hashed with."
    )
    pepper_file: Path | None = Field(
        default=None,
        description="File with the pepper, made at the first start; beside a SQLite database when not named.",
    )


class JobsSettings(Section):
    """What is done beside the requests."""

    embedded: bool = Field(
        default=True, description="Whether `rosterql serve` does it too; if not, `rosterql worker` has to run."
    )


class RetentionSettings(Section):
    """How long things are kept that nobody needs for ever."""

    operation_items_days: int = Field(
        default=400, ge=1, description="Days that the items of a finished bulk operation are kept."
    )
    sessions_days: int = Field(default=90, ge=1, description="Days that a session is kept after it is over.")
    outbox_days: int = Field(default=30, ge=1, description="Days that events of the outbox are kept.")

    @property
    def periods(self) -> Retention:
        """The same for those who are below settings."""
        return Retention(
            operation_items=timedelta(days=self.operation_items_days),
            sessions=timedelta(days=self.sessions_days),
            outbox=timedelta(days=self.outbox_days),
        )


class DemoSettings(Section):
    """The demo organization."""

    users: int = Field(default=300, ge=100, le=100_000, description="People in the demo organization.")


class Settings(BaseSettings):
    """Everything that can be set."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter=DELIMITER,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
        validate_default=False,
    )
    _toml_file: ClassVar[Path] = CONFIG_FILE

    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    graphql: GraphqlSettings = GraphqlSettings()
    auth: AuthSettings = AuthSettings()
    jobs: JobsSettings = JobsSettings()
    retention: RetentionSettings = RetentionSettings()
    demo: DemoSettings = DemoSettings()

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (
            init_settings,
            env_settings,
            InitSettingsSource(settings_cls, _nested(_environment_file())),
            InitSettingsSource(settings_cls, _nested(_secrets())),
            TomlConfigSettingsSource(settings_cls, cls._toml_file),
        )

    @property
    def database_url(self) -> str:
        """The address of the database, with its password."""
        return self.database.url.get_secret_value()


def load(overrides: Mapping[str, Mapping[str, Any]] | None = None, *, config: Path | None = None) -> Settings:
    """The settings of this process.

    Args:
        overrides: Values of the command line by section and name; they win.
        config: File to read in place of `rosterql.toml`.

    Raises:
        SettingsRefused: A name means nothing, or a value is not acceptable.
    """
    _refuse_unknown_names("the environment", [name for name in os.environ if name.upper().startswith(PREFIX)])
    _refuse_unknown_names(str(ENVIRONMENT_FILE), _environment_file())
    _refuse_unknown_names(str(SECRETS_DIRECTORY), _secrets())
    if config is not None and not config.is_file():
        raise SettingsRefused(f"{config}: there is no such file")

    class Chosen(Settings):
        _toml_file: ClassVar[Path] = config or CONFIG_FILE

    try:
        return Chosen(**{name: dict(values) for name, values in (overrides or {}).items()})  # type: ignore[arg-type]
    except ValidationError as error:
        problems = (
            f"{'.'.join(str(part) for part in one['loc']).lower()}: {_words(one['msg'])}" for one in error.errors()
        )
        raise SettingsRefused("; ".join(problems)) from None
    except ValueError as error:
        raise SettingsRefused(f"{config or CONFIG_FILE}: {error}") from None


def names() -> dict[str, str]:
    """What every setting is for, by `section.name`."""
    found = {}
    for section, field in Settings.model_fields.items():
        kind = field.annotation
        assert isinstance(kind, type)
        assert issubclass(kind, Section)
        for name, setting in kind.model_fields.items():
            found[f"{section}.{name}"] = setting.description or ""
    return found


def _environment_file() -> dict[str, str]:
    """Our names in `.env`; those of other programs are not ours to judge."""
    found = dotenv_values(ENVIRONMENT_FILE) if ENVIRONMENT_FILE.is_file() else {}
    return {name: value or "" for name, value in found.items() if name.upper().startswith(PREFIX)}


def _secrets() -> dict[str, str]:
    """What stands in the files of the secrets directory, each named after its setting as in the environment."""
    if not SECRETS_DIRECTORY.is_dir():
        return {}
    files = (file for file in SECRETS_DIRECTORY.iterdir() if file.is_file() and not file.name.startswith("."))
    return {file.name: file.read_text("utf-8").strip() for file in files}


def _nested(given: Mapping[str, str]) -> dict[str, Any]:
    """Values by section and name, of names as they stand in the environment."""
    sections: dict[str, Any] = {}
    for name, value in given.items():
        section, _, setting = name.upper().removeprefix(PREFIX).lower().partition(DELIMITER)
        sections.setdefault(section, {})[setting] = value
    return sections


def _refuse_unknown_names(where: str, given: Iterable[str]) -> None:
    known = {PREFIX + name.replace(".", DELIMITER).upper() for name in names()}
    unknown = sorted(name for name in given if name.upper() not in known)
    if unknown:
        raise SettingsRefused(f"{', '.join(unknown)} in {where}: there is no such setting")


def _words(message: str) -> str:
    return "there is no such setting" if message.startswith("Extra inputs") else message.removeprefix("Value error, ")
