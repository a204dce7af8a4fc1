"""What people may do where (user profile), and how their desktop looks (desktop profile)."""

from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

from sqlalchemy import Index, Integer, Text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, SmallEnum, Structured, uuid7


class UserProfileKind(Enum):
    """The built-in profiles, given by license and role (requirement B17), and the custom ones."""

    STANDARD_AGENT = 0
    PREMIUM_AGENT = 1
    SUPERVISOR = 2
    ADMINISTRATOR = 3
    ADMINISTRATOR_ONLY = 4
    CUSTOM = 5


class UserProfile(SQLModel, table=True):
    """Which surfaces people may sign in on, and which permissions of their roles they keep (B3, B18)."""

    __tablename__ = "user_profiles"
    __table_args__ = (
        Index("uq_user_profiles_name", "organization_id", "name_key", unique=True),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    kind: UserProfileKind = Field(default=UserProfileKind.CUSTOM, sa_type=SmallEnum(UserProfileKind))
    surfaces: list[str] = Field(sa_type=Structured)  # names of models.session.Surface
    permissions: Any = Field(
        default=None, nullable=True, sa_type=Structured
    )  # names of models.permission.Permission; null keeps all
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)


class DesktopProfile(SQLModel, table=True):
    """A named layout of the desktop; an agent needs one (requirement B5)."""

    __tablename__ = "desktop_profiles"
    __table_args__ = (
        Index("uq_desktop_profiles_name", "organization_id", "name_key", unique=True),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)
    name: str = Field(sa_type=Text)
    name_key: str = Field(sa_type=Folded)
    description: str | None = Field(default=None, sa_type=Text)
    active: bool = Field(default=True, sa_type=Flag)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)
