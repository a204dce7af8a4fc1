"""People listed by what lists are filtered by, in the order of names"""

from collections.abc import Iterator
from dataclasses import dataclass

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_KINDS = (0, 1, 2, 3, 4, 10, 11, 12, 13, 21, 22, 23, 24)
_DESKTOP = "coalesce(CASE WHEN contact_center_enabled THEN coalesce(desktop_profile_id, site_id) END, organization_id)"


def upgrade() -> None:
    small = sa.SmallInteger().with_variant(sa.Integer(), "sqlite")
    op.create_table(
        "listings",
        sa.Column("user_id", storage.Key(), nullable=False),
        sa.Column("kind", small, nullable=False),
        sa.Column("thing_id", storage.Key(), nullable=False),
        sa.Column("organization_id", storage.Key(), nullable=False),
        sa.Column("status", small, nullable=False),
        sa.Column("name_key", storage.Folded(), nullable=False),
        sa.CheckConstraint(f"kind IN ({', '.join(map(str, _KINDS))})", name=op.f("ck_listings_kind")),
        sa.CheckConstraint("status IN (0, 1, 2)", name=op.f("ck_listings_status")),
        sa.PrimaryKeyConstraint("user_id", "kind", "thing_id", name=op.f("pk_listings")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    for source in SOURCES:
        op.execute(sa.text(_add(source.keys("each", source.table))))
    for lack in LACKS:
        op.execute(sa.text(_add(lack.keys())))
    op.create_index("ix_listings_by_name", "listings", ["thing_id", "kind", "status", "name_key", "user_id"])
    for statement in on_sqlite() if op.get_bind().dialect.name == "sqlite" else on_postgresql():
        op.execute(sa.text(statement))
    for column in ("site_id", "profile_id"):
        op.drop_index(f"ix_users_{column}", "users")
        op.create_index(f"ix_users_{column}", "users", [column, "status", "display_name_key", "id"])
    columns = ("organization_id", "contact_center_enabled", sa.text(_DESKTOP), "status", "display_name_key", "id")
    op.create_index("ix_users_by_desktop", "users", columns)


# What keeps the listings, whoever writes the tables that they follow from. A migration that builds one of these anew
# drops its triggers, and must make them again.


@dataclass(frozen=True)
class Source:
    """A table whose rows list people.

    Attributes:
        kind, thing: What a row lists the person by; `{row}` is the row.
        changes: The columns that this hangs on.
        where: Of which rows; of all if it is empty.
    """

    table: str
    kind: str
    thing: str
    changes: str
    where: str = ""

    def keys(self, row: str, rows: str = "") -> str:
        """Selects person, kind and thing of some rows, or of the one row of a trigger."""
        return (
            f"SELECT {row}.user_id AS user_id, {self.kind.format(row=row)} AS kind, "
            f"{self.thing.format(row=row)} AS thing_id{rows and f' FROM {rows} AS {row}'} WHERE {self.holds(row)}"
        )

    def holds(self, row: str) -> str:
        """Whether a row lists anybody."""
        return self.where.format(row=row) or "true"

    @property
    def gone(self) -> str:
        """Whether no row is left that a listing follows from."""
        return f"NOT EXISTS (SELECT 1 FROM ({self.keys('other', self.table)}) AS others WHERE {_same('others')})"


@dataclass(frozen=True)
class Lack:
    """A kind of listing, of people who have no row in a table."""

    table: str
    kind: int

    def keys(self, whose: str = "") -> str:
        """Selects person, kind and thing of everybody who has none, or of certain people."""
        return (
            f"SELECT somebody.id AS user_id, {self.kind} AS kind, somebody.organization_id AS thing_id "
            f"FROM users AS somebody WHERE {whose and f'somebody.id {whose} AND '}"
            f"NOT EXISTS (SELECT 1 FROM {self.table} AS had WHERE had.user_id = somebody.id)"
        )


SOURCES = (
    Source("memberships", "0", "{row}.team_id", "user_id, team_id"),
    Source("user_queues", "1", "{row}.queue_id", "user_id, queue_id"),
    Source("skill_group_members", "2", "{row}.skill_group_id", "user_id, skill_group_id"),
    Source("user_roles", "10 + {row}.role", "{row}.organization_id", "user_id, role, organization_id"),
    Source(
        "presences", "20 + {row}.state", "{row}.organization_id", "user_id, state, organization_id", "{row}.state <> 0"
    ),
    Source(
        "call_records", "22", "{row}.organization_id", "user_id, ended_at, organization_id", "{row}.ended_at IS NULL"
    ),
)
LACKS = (Lack("user_queues", 3), Lack("license_grants", 4))


def _same(keys: str) -> str:
    return " AND ".join(f"{keys}.{column} = listings.{column}" for column in ("user_id", "kind", "thing_id"))


def _add(keys: str) -> str:
    """Lists people by keys that are selected."""
    return (
        "INSERT INTO listings (user_id, kind, thing_id, organization_id, status, name_key) "
        "SELECT person.id, added.kind, added.thing_id, person.organization_id, person.status, person.display_name_key "
        f"FROM ({keys}) AS added JOIN users AS person ON person.id = added.user_id WHERE true ON CONFLICT DO NOTHING"
    )


def on_sqlite() -> Iterator[str]:
    """Makes the triggers of SQLite, which run once for each row."""

    def trigger(table: str, event: str, *statements: str, when: str = "true") -> str:
        name, body = f"{table}_listed_{event.split()[0].lower()}", "; ".join(statements)
        return f"CREATE TRIGGER {name} AFTER {event} ON {table} FOR EACH ROW WHEN {when} BEGIN {body}; END"

    lacks = {lack.table: lack for lack in LACKS}
    sources = {source.table: source for source in SOURCES}
    for table in sorted({*lacks, *sources}):
        adding, removing, changes, when_new, when_old = [], [], "user_id", "true", "true"
        if table in sources:
            source = sources[table]
            changes, when_new, when_old = source.changes, source.holds("new"), source.holds("old")
            adding.append(_add(source.keys("new")))
            removing.append(
                f"DELETE FROM listings WHERE user_id = old.user_id AND kind = {source.kind.format(row='old')} "
                f"AND thing_id = {source.thing.format(row='old')} AND {source.gone}"
            )
        if table in lacks:
            lack = lacks[table]
            adding.append(f"DELETE FROM listings WHERE user_id = new.user_id AND kind = {lack.kind}")
            removing.append(_add(lack.keys("= old.user_id")))
        yield trigger(table, "INSERT", *adding, when=when_new)
        yield trigger(table, "DELETE", *removing, when=when_old)
        yield trigger(table, f"UPDATE OF {changes}", *removing, *adding)
    yield trigger("users", "INSERT", *(_add(lack.keys("= new.id")) for lack in LACKS))
    yield trigger("users", "DELETE", "DELETE FROM listings WHERE user_id = old.id")
    renamed = "UPDATE listings SET status = new.status, name_key = new.display_name_key WHERE user_id = new.id"
    changed = "old.status <> new.status OR old.display_name_key <> new.display_name_key"
    yield trigger("users", "UPDATE OF status, display_name_key", renamed, when=changed)


def on_postgresql() -> Iterator[str]:
    """Makes the triggers of PostgreSQL, which run once for each statement."""

    def function(table: str, before: list[str], after: list[str]) -> str:
        return (
            f"CREATE FUNCTION list_{table}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
            f"IF TG_OP <> 'INSERT' THEN {'; '.join(before)}; END IF; "
            f"IF TG_OP <> 'DELETE' THEN {'; '.join(after)}; END IF; RETURN NULL; END $$"
        )

    def trigger(table: str, event: str, rows: str) -> str:
        return (
            f"CREATE TRIGGER {table}_listed_{event.lower()} AFTER {event} ON {table} REFERENCING {rows} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION list_{table}()"
        )

    old, new = "OLD TABLE AS removed", "NEW TABLE AS added"
    lacks = {lack.table: lack for lack in LACKS}
    sources = {source.table: source for source in SOURCES}
    for table in sorted({*lacks, *sources}):
        adding, removing = [], []
        if table in sources:
            source = sources[table]
            adding.append(_add(source.keys("row_added", "added")))
            removing.append(
                f"DELETE FROM listings USING ({source.keys('row_removed', 'removed')}) AS left_by "
                f"WHERE {_same('left_by')} AND {source.gone}"
            )
        if table in lacks:
            lack = lacks[table]
            has = "user_id IN (SELECT user_id FROM added)"
            adding.append(f"DELETE FROM listings WHERE {has} AND kind = {lack.kind}")
            removing.append(_add(lack.keys("IN (SELECT user_id FROM removed)")))
        yield function(table, removing, adding)
        yield trigger(table, "INSERT", new)
        yield trigger(table, "DELETE", old)
        yield trigger(table, "UPDATE", f"{old} {new}")
    yield function(
        "users",
        ["DELETE FROM listings WHERE user_id IN (SELECT id FROM removed)"],
        [_add(lack.keys("IN (SELECT id FROM added)")) for lack in LACKS],
    )
    yield trigger("users", "INSERT", new)
    yield trigger("users", "DELETE", old)
    yield (
        "CREATE FUNCTION list_anew() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "UPDATE listings SET status = NEW.status, name_key = NEW.display_name_key WHERE user_id = NEW.id; "
        "RETURN NULL; END $$"
    )
    yield (
        "CREATE TRIGGER users_listed_update AFTER UPDATE OF status, display_name_key ON users FOR EACH ROW "
        "WHEN (OLD.status <> NEW.status OR OLD.display_name_key <> NEW.display_name_key) EXECUTE FUNCTION list_anew()"
    )
