"""A key with which a program uses the API."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import Index, Text
from sqlmodel import Field, SQLModel

from models.storage import Bytes, Folded, Instant, Key, Structured, uuid7


class ApiKey(SQLModel, table=True):
    """A program that acts in an organization, with what it may do there."""

    __tablename__ = "api_keys"
    __table_args__ = (Index("uq_api_keys_name", "organization_id", "name_key", unique=True), {"sqlite_strict": True})

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    permissions: list[str] = Field(sa_type=Structured)  # names of models.permission.Permission
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
    revoked_at: datetime | None = Field(default=None, sa_type=Instant)
    last_used_at: datetime | None = Field(default=None, sa_type=Instant)


class ApiKeySecret(SQLModel, table=True):
    """A secret of a key; two live ones allow rotation."""

    __tablename__ = "api_key_secrets"
    __table_args__ = (Index("ix_api_key_secrets_api_key_id", "api_key_id"), {"sqlite_strict": True})

    prefix: str = Field(primary_key=True, sa_type=Text)  # the twelve characters by which the secret is found
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    api_key_id: UUID = Field(foreign_key="api_keys.id", sa_type=Key)
    secret_hash: bytes = Field(sa_type=Bytes)  # HMAC-SHA256 with the pepper
    created_at: datetime = Field(sa_type=Instant)
    expires_at: datetime | None = Field(default=None, sa_type=Instant)
