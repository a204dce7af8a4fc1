"""A person with an account, their roles and their password."""

from datetime import datetime
from enum import Enum
from uuid import UUID

from sqlalchemy import Index, Integer, Text, text
from sqlmodel import Field, SQLModel

from models.storage import Flag, Folded, Instant, Key, SmallEnum, uuid7


class UserStatus(Enum):
    """Life-cycle state of an account; lists sort by the number."""

    ACTIVE = 0
    DEACTIVATED = 1
    DELETED = 2


class UserRole(Enum):
    """What a person does in the contact center; a set, which may be empty (requirement E15)."""

    AGENT = 0
    SUPERVISOR = 1
    SERVICE_ADMINISTRATOR = 2
    FULL_ADMINISTRATOR = 3


class IdentitySource(Enum):
    """Who keeps names and mail address (requirement B11)."""

    LOCAL = 0
    DIRECTORY = 1


def desktop_from(rows: str = "") -> str:
    """SQL that tells from where people have their desktop profile (requirement B5): it is their own, or the site's, or
    the organization's; what an index says in this way, a statement must say in the same.

    Args:
        rows: A name of the table, with a dot.
    """
    site = f"coalesce({rows}desktop_profile_id, {rows}site_id)"
    return f"coalesce(CASE WHEN {rows}contact_center_enabled THEN {site} END, {rows}organization_id)"


class User(SQLModel, table=True):
    """A person with an account, whether or not it may be used right now.

    Deactivating an account keeps the row: reports and the API still show the
    person, and reactivating restores sign-in with the password they had.
    """

    __tablename__ = "users"
    __table_args__ = (
        # E11: one living person per mail address in the whole installation, per number in an organization.
        Index(
            "uq_users_email_key",
            "email_key",
            unique=True,
            sqlite_where=text("status < 2"),
            postgresql_where=text("status < 2"),
        ),
        Index(
            "uq_users_agent_number",
            "organization_id",
            "agent_number",
            unique=True,
            sqlite_where=text("status < 2"),
            postgresql_where=text("status < 2"),
        ),
        Index(
            "uq_users_external_id",
            "organization_id",
            "external_id",
            unique=True,
            sqlite_where=text("status < 2"),
            postgresql_where=text("status < 2"),
        ),
        # One for each order, apart by state: lists show people in one state or two (decision 22).
        Index("ix_users_by_name", "organization_id", "status", "display_name_key", "id"),
        Index("ix_users_by_last_name", "organization_id", "status", "last_name_key", "id"),
        Index("ix_users_by_mail", "organization_id", "status", "email_key", "id"),
        Index("ix_users_by_update", "organization_id", "status", "updated_at", "id"),
        Index("ix_users_by_creation", "organization_id", "status", "created_at", "id"),
        Index("ix_users_by_sign_in", "organization_id", "status", "last_sign_in_at", "id"),
        Index("ix_users_by_deactivation", "organization_id", "status", "deactivated_at", "id"),
        Index("ix_users_by_state", "organization_id", "status", "id"),
        Index(
            "ix_users_search_key",
            "search_key",
            postgresql_using="gin",
            postgresql_ops={"search_key": "gin_trgm_ops"},
        ).ddl_if(dialect="postgresql"),  # SQLite has the table `user_search`
        # What few people share.
        Index("ix_users_email_folded", "organization_id", "email_folded"),
        Index("ix_users_agent_number_folded", "organization_id", "agent_number_folded"),
        Index("ix_users_external_id_folded", "organization_id", "external_id_folded"),
        Index(
            "ix_users_protected",
            "organization_id",
            "id",
            sqlite_where=text("protected = 1"),
            postgresql_where=text("protected"),
        ),
        Index("ix_users_site_id", "site_id", "status", "display_name_key", "id"),
        Index("ix_users_profile_id", "profile_id", "status", "display_name_key", "id"),
        Index("ix_users_desktop_profile_id", "desktop_profile_id"),
        Index(
            "ix_users_by_desktop",
            "organization_id",
            "contact_center_enabled",
            text(desktop_from()),
            "status",
            "display_name_key",
            "id",
        ),
        {"sqlite_strict": True},
    )

    id: UUID = Field(default_factory=uuid7, primary_key=True, sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    version: int = Field(default=1, sa_type=Integer)  # grows with every change that a plan must notice (E9)
    external_id: str | None = Field(default=None, sa_type=Text)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Folded)
    email_folded: str = Field(default="", sa_type=Folded, sa_column_kwargs={"server_default": text("''")})
    agent_number_folded: str | None = Field(default=None, sa_type=Folded)
    external_id_folded: str | None = Field(default=None, sa_type=Folded)
    first_name: str | None = Field(default=None, sa_type=Text)
    last_name: str | None = Field(default=None, sa_type=Text)
    last_name_key: str | None = Field(default=None, sa_type=Folded)
    nickname: str | None = Field(default=None, sa_type=Text)
    display_name: str = Field(sa_type=Text)
    display_name_key: str = Field(sa_type=Folded)
    search_key: str = Field(sa_type=Folded)
    agent_number: str | None = Field(default=None, sa_type=Text)
    extension: str | None = Field(default=None, sa_type=Text)
    work_phone: str | None = Field(default=None, sa_type=Text)
    mobile_phone: str | None = Field(default=None, sa_type=Text)
    locale: str | None = Field(default=None, sa_type=Text)
    time_zone: str | None = Field(default=None, sa_type=Text)
    identity_source: IdentitySource = Field(default=IdentitySource.LOCAL, sa_type=SmallEnum(IdentitySource))
    protected: bool = Field(default=False, sa_type=Flag)
    status: UserStatus = Field(default=UserStatus.ACTIVE, sa_type=SmallEnum(UserStatus))
    status_changed_at: datetime = Field(sa_type=Instant)
    deactivated_at: datetime | None = Field(default=None, sa_type=Instant)  # null unless DEACTIVATED (A25)
    contact_center_enabled: bool = Field(default=True, sa_type=Flag)
    site_id: UUID | None = Field(default=None, foreign_key="sites.id", sa_type=Key)
    profile_id: UUID | None = Field(default=None, foreign_key="user_profiles.id", sa_type=Key)
    desktop_profile_id: UUID | None = Field(default=None, foreign_key="desktop_profiles.id", sa_type=Key)
    activated_at: datetime | None = Field(default=None, sa_type=Instant)  # first sign-in (E8)
    last_sign_in_at: datetime | None = Field(default=None, sa_type=Instant)
    last_active_at: datetime | None = Field(default=None, sa_type=Instant)
    created_at: datetime = Field(sa_type=Instant)
    updated_at: datetime = Field(sa_type=Instant)  # when `version` last grew


class UserRoleGrant(SQLModel, table=True):
    """One role of a person."""

    __tablename__ = "user_roles"
    __table_args__ = (Index("ix_user_roles_role", "organization_id", "role", "user_id"), {"sqlite_strict": True})

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    role: UserRole = Field(primary_key=True, sa_type=SmallEnum(UserRole))
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)


class Credential(SQLModel, table=True):
    """The password of a person; somebody without a row cannot sign in with one."""

    __tablename__ = "credentials"
    __table_args__ = ({"sqlite_strict": True},)

    user_id: UUID = Field(primary_key=True, foreign_key="users.id", sa_type=Key)
    organization_id: UUID = Field(foreign_key="organizations.id", sa_type=Key)
    password_hash: str = Field(sa_type=Text)
    single_use: bool = Field(default=False, sa_type=Flag)  # must be changed before anything else
    changed_at: datetime = Field(sa_type=Instant)
