"""Rows that no gateway would leave behind: for each invariant of `rosterql check`, SQL that breaks it."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

ACME = "(SELECT id FROM organizations WHERE name = 'Acme')"
GLOBEX = "(SELECT id FROM organizations WHERE name = 'Globex')"
ADMIN = "(SELECT id FROM users WHERE display_name = 'Ada Admin')"
GONE = "(SELECT id FROM users WHERE display_name = 'Gone Person')"
BLOCKED = "(SELECT id FROM users WHERE display_name = 'Blocked Person')"
LONE = "(SELECT id FROM users WHERE display_name = 'Lone Person')"
OPERATION = "(SELECT id FROM bulk_operations WHERE seats_freed > 0 ORDER BY id LIMIT 1)"
FAILED = "(SELECT id FROM bulk_operations WHERE status = 4 ORDER BY id LIMIT 1)"
TOP, MIDDLE, LEAF, APART = (
    f"(SELECT id FROM teams WHERE name = '{name}')" for name in ("Top", "Middle", "Leaf", "Apart")
)

WRITTEN_ONCE = ("events", "links")
AUDIT_OPEN = {
    "sqlite": tuple(f"DROP TRIGGER audit_{what}_no_{how}" for what in WRITTEN_ONCE for how in ("update", "delete")),
    "postgresql": tuple(
        f"DROP TRIGGER audit_{what}_no_{how} ON audit_{what}" for what in WRITTEN_ONCE for how in ("change", "delete")
    ),
}
# A constraint of a table cannot be dropped on SQLite: a copy without it takes its place until the roll-back.
ORGANIZATIONS_UNNAMED = {
    "sqlite": (
        "PRAGMA defer_foreign_keys = ON",
        "CREATE TABLE copied AS SELECT * FROM organizations",
        "DROP TABLE organizations",
        "PRAGMA legacy_alter_table = ON",  # or the rename would stumble over the trigger that names the table
        "ALTER TABLE copied RENAME TO organizations",
        "PRAGMA legacy_alter_table = OFF",
    ),
    "postgresql": ("ALTER TABLE organizations DROP CONSTRAINT uq_organizations_name_key",),
}


@dataclass(frozen=True)
class Spoil:
    """How to break an invariant.

    Attributes:
        name: The invariant.
        statements: What to run; for each kind of database where they differ.
        also: Other invariants that the same rows break.
    """

    name: str
    statements: tuple[str, ...] | dict[str, tuple[str, ...]]
    also: frozenset[str] = frozenset()

    async def run(self, connection: AsyncConnection) -> None:
        """Break it; the last statement must meet something."""
        dialect = connection.dialect.name
        new = "randomblob(16)" if dialect == "sqlite" else "gen_random_uuid()"
        statements = self.statements[dialect] if isinstance(self.statements, dict) else self.statements
        for statement in statements:
            done = await connection.execute(text(statement.replace(":new", new)))
        assert done.rowcount != 0, f"nothing met: {statement}"


def spoil(name: str, *statements: str, also: tuple[str, ...] = ()) -> Spoil:
    return Spoil(name, statements, frozenset(also))


def spoil_after(name: str, first: dict[str, tuple[str, ...]], *statements: str, also: tuple[str, ...] = ()) -> Spoil:
    return Spoil(name, {kind: (*before, *statements) for kind, before in first.items()}, frozenset(also))


def _user(values: str, who: str = GONE) -> str:
    return f"UPDATE users SET {values} WHERE id = {who}"


def _copied(table: str, columns: str, values: str, where: str = "true") -> str:
    return f"INSERT INTO {table} ({columns}) SELECT {values} FROM {table} WHERE {where} LIMIT 1"


def _outside(kept: str | None = None) -> str:
    """Not enabled for the contact center, without site and profiles but for one of them."""
    columns = ("site_id", "profile_id", "desktop_profile_id")
    return ", ".join(["contact_center_enabled = false", *(f"{each} = NULL" for each in columns if each != kept)])


def _block(who: str) -> str:
    return (
        "INSERT INTO sign_in_blocks (user_id, organization_id, since, actor_kind, by_administrator, reason) "
        f"SELECT {who}, organization_id, since, actor_kind, by_administrator, reason FROM sign_in_blocks LIMIT 1"
    )


STANDING = [
    spoil(
        "deactivated-with-team",
        _copied(
            "memberships",
            "team_id, user_id, organization_id, assigned_at",
            f"team_id, {GONE}, organization_id, assigned_at",
        ),
    ),
    spoil(
        "deactivated-with-team",
        _user("status = 2, deactivated_at = NULL", "(SELECT user_id FROM memberships LIMIT 1)"),
        also=("deactivated-with-direct-queue", "deactivated-with-active-grant"),
    ),
    spoil(
        "deactivated-with-direct-queue",
        _copied(
            "user_queues",
            "user_id, queue_id, organization_id, assigned_at",
            f"{GONE}, queue_id, organization_id, assigned_at",
        ),
    ),
    spoil("deactivated-with-open-session", f"UPDATE sessions SET user_id = {GONE} WHERE ended_at IS NULL"),
    spoil("deactivated-with-presence", f"UPDATE presences SET state = 4 WHERE user_id = {GONE}"),
    spoil(
        "deactivated-with-open-contact",
        f"UPDATE call_records SET ended_at = NULL, ended_by = NULL WHERE user_id = {GONE}",
    ),
    spoil(
        "deactivated-with-active-grant",
        f"UPDATE license_grants SET state = 0 WHERE user_id = {GONE}",
        also=("pool-not-its-people",),
    ),
    spoil("blocked-with-open-session", f"UPDATE sessions SET user_id = {BLOCKED} WHERE ended_at IS NULL"),
    spoil("blocked-with-presence", f"UPDATE presences SET state = 1 WHERE user_id = {BLOCKED}"),
    spoil("engaged-stored", f"UPDATE presences SET state = 2 WHERE user_id = {ADMIN}"),
    spoil("deactivated-at-not-of-status", _user("deactivated_at = NULL")),
    spoil("deactivated-at-not-of-status", _user("deactivated_at = created_at", ADMIN)),
    spoil(
        "deactivated-without-deactivation",
        f"UPDATE deactivations SET reactivated_at = deactivated_at WHERE user_id = {GONE}",
    ),
    spoil("deactivation-without-deactivated", _user("status = 0, deactivated_at = NULL")),
    spoil(
        "deactivation-at-another-time",
        f"UPDATE deactivations SET deactivated_at = (SELECT min(created_at) FROM users) WHERE user_id = {GONE}",
    ),
    spoil(
        "deactivated-twice",
        "DROP INDEX uq_deactivations_current",
        _copied(
            "deactivations",
            "id, organization_id, user_id, deactivated_at, actor_kind, reason",
            ":new, organization_id, user_id, deactivated_at, actor_kind, reason",
            f"user_id = {GONE}",
        ),
    ),
]

ACCOUNTS = [
    spoil("version-not-audited", _user("version = version + 1")),
    spoil_after(
        "version-not-audited",
        AUDIT_OPEN,
        f"DELETE FROM audit_events WHERE target_id = {ADMIN}",
        also=("audit-not-append-only", "audit-event-removed"),
    ),
    spoil("updated-at-not-audited", _user("updated_at = created_at")),
    spoil(
        "mail-twice",
        "DROP INDEX uq_users_email_key",
        _user("email_key = (SELECT u.email_key FROM users u WHERE u.display_name = 'Ada Admin')"),
        also=("person-name-keys",),
    ),
    spoil(
        "agent-number-twice",
        "DROP INDEX uq_users_agent_number",
        _user("agent_number = (SELECT u.agent_number FROM users u WHERE u.display_name = 'Blocked Person')"),
        also=("person-name-keys",),
    ),
    spoil(
        "external-id-twice",
        "DROP INDEX uq_users_external_id",
        _user("external_id = (SELECT u.external_id FROM users u WHERE u.display_name = 'Ada Admin')"),
        also=("person-name-keys",),
    ),
    *(
        spoil(
            "exclusive-roles",
            f"INSERT INTO user_roles (user_id, role, organization_id) SELECT {ADMIN}, {role}, {ACME}",
        )
        for role in (1, 2)
    ),
    spoil("no-administrator", f"DELETE FROM user_roles WHERE user_id = {ADMIN}"),
    spoil("no-administrator", _block(ADMIN)),
    spoil("contact-center-without-profile", _user("profile_id = NULL", ADMIN)),
    *(
        spoil("site-or-profile-without-contact-center", _user(f"{_outside(column)}, {column} = {one}", LONE))
        for column, one in (
            ("site_id", "(SELECT id FROM sites LIMIT 1)"),
            ("profile_id", "profile_id"),
            ("desktop_profile_id", "(SELECT id FROM desktop_profiles LIMIT 1)"),
        )
    ),
    *(
        spoil(
            f"{name}-without-contact-center",
            _user(_outside(), LONE),
            _copied(
                table,
                f"{thing}, user_id, organization_id, assigned_at",
                f"{thing}, {LONE}, organization_id, assigned_at",
            ),
        )
        for name, table, thing in (
            ("team", "memberships", "team_id"),
            ("direct-queue", "user_queues", "queue_id"),
            ("skill-group", "skill_group_members", "skill_group_id"),
        )
    ),
    *(
        Spoil("search-index", {"sqlite": (statement,), "postgresql": ("DROP INDEX ix_users_search_key",)})
        for statement in (
            "DELETE FROM user_search WHERE rowid = (SELECT max(rowid) FROM user_search)",
            "UPDATE user_search SET search_key = 'another'",
            "INSERT INTO user_search (rowid, search_key) VALUES (99999, 'nobody')",
        )
    ),
    *(
        spoil("person-name-keys", _user(f"{column} = 'another'"))
        for column in (
            *("email_key", "email_folded", "agent_number_folded", "external_id_folded"),
            *("display_name_key", "last_name_key", "search_key", "nickname", "extension"),
        )
    ),
]

RECORDS = [
    *(
        spoil(
            "operation-outcomes",
            f"UPDATE bulk_operations SET {total} = {total} + 1 WHERE id = {FAILED}",
            also=("operation-status",),
        )
        for total in ("succeeded", "unchanged", "failed", "skipped")
    ),
    spoil("operation-outcomes", f"UPDATE bulk_operation_items SET outcome = 2 WHERE operation_id = {OPERATION}"),
    spoil(
        "operation-outcomes",
        f"DELETE FROM bulk_operation_items WHERE operation_id = {OPERATION}",
        also=("operation-effects",),
    ),
    *(
        spoil("operation-effects", f"UPDATE bulk_operations SET {total} = {total} - 1 WHERE {total} > 0")
        for total in ("sessions_ended", "teams_left", "queues_left", "contacts_ended", "seats_freed", "seats_needed")
    ),
    spoil("operation-effects", f"UPDATE bulk_operation_items SET effects = '[]' WHERE operation_id = {OPERATION}"),
    spoil(
        "operation-outcomes",
        f"UPDATE bulk_operations SET total = total + 1 WHERE id = {FAILED}",
        also=("operation-status",),
    ),
    spoil("operation-status", f"UPDATE bulk_operations SET status = 4 WHERE id = {OPERATION}"),
    spoil("operation-status", f"UPDATE bulk_operations SET status = 2 WHERE id = {FAILED}"),
    spoil("operation-status", f"UPDATE bulk_operations SET finished_at = NULL WHERE id = {FAILED}"),
    spoil("operation-status", f"UPDATE bulk_operations SET status = 3 WHERE id = {FAILED}"),
    spoil(
        "operation-item-places",
        f'UPDATE bulk_operation_items SET "index" = "index" + 1000 WHERE operation_id = {OPERATION}',
    ),
    spoil(
        "operation-item-places",
        f'UPDATE bulk_operation_items SET "index" = 1000 WHERE "index" = 1 AND operation_id = {OPERATION}',
    ),
    spoil(
        "operation-item-places",
        "DROP INDEX uq_bulk_operation_items_index",
        f'UPDATE bulk_operation_items SET "index" = 2 WHERE "index" = 1 AND operation_id = {OPERATION}',
    ),
    spoil("session-end-and-reason", "UPDATE sessions SET end_reason = NULL WHERE ended_at IS NOT NULL"),
    spoil("session-end-and-reason", "UPDATE sessions SET end_reason = 0 WHERE ended_at IS NULL"),
    spoil("call-end-and-cause", "UPDATE call_records SET ended_by = NULL WHERE ended_at IS NOT NULL"),
    spoil("call-end-and-cause", "UPDATE call_records SET ended_by = 0 WHERE ended_at IS NULL"),
    spoil("more-grants-than-seats", "UPDATE license_pools SET seats = granted - 1 WHERE granted > 0"),
    spoil(
        "pool-not-its-people",
        "UPDATE license_pools SET granted = granted + 1 WHERE granted > 0",
        also=("ledger-not-the-pool",),
    ),
    spoil("ledger-not-the-pool", "UPDATE seat_ledger SET granted_after = granted_after + 1"),
    spoil("ledger-not-the-pool", "DELETE FROM seat_ledger"),
    spoil("license-without-pool", "DELETE FROM license_pools WHERE granted = 0"),
]


def _placed(position: int) -> str:
    """The chained event at a place of the chain of Acme."""
    return f"(SELECT sequence FROM audit_links WHERE position = {position} AND organization_id = {ACME})"


def _event(sequence: str) -> str:
    """A made-up event with a number."""
    columns = "id, organization_id, occurred_at, action, actor_kind, target_type, target_id, target_label, changes"
    made = columns.replace("id", ":new", 1)
    return (
        f"INSERT INTO audit_events (sequence, {columns}) SELECT {sequence}, {made} FROM audit_events "
        f"WHERE organization_id = {ACME} AND target_type <> 'User' LIMIT 1"
    )


def _without(what: str, sequence: str) -> str:
    return f"DELETE FROM audit_{what} WHERE organization_id = {ACME} AND sequence {sequence}"


_OPEN = ("audit-not-append-only",)
# What else notices that something is gone: the version of the person it was about, say.
_GONE = (*_OPEN, "version-not-audited", "updated-at-not-audited")

AUDIT = [
    *(
        Spoil("audit-not-append-only", {"sqlite": (dropped,), "postgresql": (switched,)})
        for dropped, switched in zip(
            (*AUDIT_OPEN["sqlite"], *AUDIT_OPEN["sqlite"]),
            (
                *AUDIT_OPEN["postgresql"],
                *(
                    f"ALTER TABLE audit_{what} DISABLE TRIGGER audit_{what}_no_{how}"
                    for what in WRITTEN_ONCE
                    for how in ("change", "delete")
                ),
            ),
            strict=True,
        )
    ),
    *(
        spoil_after(
            "audit-event-changed",
            AUDIT_OPEN,
            f"UPDATE audit_{what} SET {value} WHERE organization_id = {ACME} AND sequence = {_placed(place)}",
            also=_OPEN,
        )
        for place, what, value in (
            (1, "events", "note = 'another'"),
            (3, "events", "target_label = target_label || ' '"),
            (3, "links", "digest = (SELECT digest FROM audit_chains LIMIT 1)"),
        )
    ),
    spoil_after("audit-event-removed", AUDIT_OPEN, _without("events", f"= {_placed(2)}"), also=_GONE),
    Spoil(
        "audit-event-removed",
        {
            kind: (
                *opened,
                f"CREATE TABLE taken AS SELECT {_placed(2)} AS sequence",
                _without("events", "= (SELECT sequence FROM taken)"),
                _without("links", "= (SELECT sequence FROM taken)"),
            )
            for kind, opened in AUDIT_OPEN.items()
        },
        frozenset(_GONE),
    ),
    spoil_after(
        "audit-event-inserted", AUDIT_OPEN, _without("links", f"= {_placed(3)}"), also=(*_OPEN, "audit-event-removed")
    ),
    spoil("audit-chain-end", f"UPDATE audit_chains SET length = length + 1 WHERE organization_id = {ACME}"),
    spoil("audit-chain-end", f"DELETE FROM audit_chains WHERE organization_id = {ACME}"),
    spoil("audit-event-inserted", _event("-1")),
    spoil_after(
        "audit-chain-end",
        AUDIT_OPEN,
        *(_without(what, f">= {_placed(9)}") for what in ("events", "links")),
        also=_GONE,
    ),
]

TEAMS = [
    spoil("team-ancestors-missing", f"DELETE FROM team_ancestors WHERE team_id = {LEAF} AND depth = 0"),
    spoil("team-ancestors-missing", f"DELETE FROM team_ancestors WHERE team_id = {LEAF} AND ancestor_id = {TOP}"),
    spoil("team-ancestors-missing", f"UPDATE teams SET parent_id = {LEAF} WHERE id = {TOP}"),
    spoil("team-ancestors-missing", f"UPDATE teams SET parent_id = {APART} WHERE id = {TOP}"),
    spoil(
        "team-ancestors-surplus",
        f"INSERT INTO team_ancestors (team_id, ancestor_id, organization_id, depth) SELECT {LEAF}, {APART}, {ACME}, 1",
    ),
    spoil("team-ancestors-surplus", f"UPDATE teams SET parent_id = NULL WHERE id = {LEAF}"),
    spoil(
        "team-ancestors-surplus",
        f"UPDATE team_ancestors SET depth = 5 WHERE team_id = {LEAF} AND ancestor_id = {TOP}",
        also=("team-ancestors-missing",),
    ),
]

NAMED = (
    "organizations",
    "teams",
    "queues",
    "skill_groups",
    "sites",
    "user_profiles",
    "desktop_profiles",
    "licenses",
    "api_keys",
)


def _names() -> list[Spoil]:
    spoils = []
    for table in NAMED:
        name = table.replace("_", "-")
        spoils.append(spoil(f"{name}-name-key", f"UPDATE {table} SET name_key = name_key || 'x'"))
        same = f"UPDATE {table} SET name = 'same', name_key = 'same'"
        if table == "organizations":
            spoils.append(spoil_after(f"{name}-name-twice", ORGANIZATIONS_UNNAMED, same))
        else:
            spoils.append(spoil(f"{name}-name-twice", f"DROP INDEX uq_{table}_name", same))
    return spoils


LINKING = (
    "api_key_secrets",
    "bulk_operation_items",
    "call_records",
    "credentials",
    "deactivation_queues",
    "deactivation_teams",
    "deactivations",
    "license_grants",
    "license_pools",
    "memberships",
    "outbox_events",
    "presences",
    "seat_ledger",
    "sessions",
    "sign_in_blocks",
    "sites",
    "skill_group_members",
    "skill_group_queues",
    "team_ancestors",
    "team_queues",
    "teams",
    "user_queues",
    "user_roles",
    "users",
)


def _organizations() -> list[Spoil]:
    """Rows of Acme that become Globex's, though what they point to stays; others that point to them are found too."""
    suffix = "of-another-organization"
    tables = (*LINKING, "audit_events")
    every = ("listings", *(f"{table.replace('_', '-')}-{suffix}" for table in tables))
    move = f"SET organization_id = {GLOBEX} WHERE organization_id = {ACME}"
    spoils = [spoil(f"{table.replace('_', '-')}-{suffix}", f"UPDATE {table} {move}", also=every) for table in LINKING]
    spoils.append(
        spoil(f"teams-{suffix}", f"UPDATE teams {move} AND parent_id IS NOT NULL AND site_id IS NULL", also=every)
    )
    spoils.append(
        spoil_after(
            f"audit-events-{suffix}",
            AUDIT_OPEN,
            f"UPDATE audit_events {move}",
            also=("audit-not-append-only", "audit-event-removed", "audit-event-inserted"),
        )
    )
    elsewhere = f"(SELECT default_desktop_profile_id FROM organizations WHERE id = {GLOBEX})"
    spoils.append(
        spoil(
            f"organizations-{suffix}",
            f"UPDATE organizations SET default_desktop_profile_id = {elsewhere} WHERE id = {ACME}",
        )
    )
    return spoils


LISTED = [
    spoil("listings", "DELETE FROM listings WHERE kind = 0"),
    spoil("listings", "DELETE FROM listings WHERE kind = 3"),
    spoil("listings", "UPDATE listings SET kind = 1 WHERE kind = 0"),
    spoil("listings", f"UPDATE listings SET status = 2 WHERE user_id = {ADMIN}"),
    spoil("listings", f"UPDATE listings SET name_key = 'another' WHERE user_id = {ADMIN}"),
    spoil("listings", f"UPDATE listings SET organization_id = {GLOBEX} WHERE organization_id = {ACME}"),
    spoil(
        "listings",
        "INSERT INTO listings (user_id, kind, thing_id, organization_id, status, name_key) "
        f"SELECT :new, kind, thing_id, organization_id, status, name_key FROM listings WHERE user_id = {ADMIN}",
    ),
]

CHANNELS = [spoil("queues-channel-key", "UPDATE queues SET channel_key = channel_key || 'x'")]

SPOILS: list[Spoil] = [*STANDING, *ACCOUNTS, *RECORDS, *AUDIT, *TEAMS, *_names(), *CHANNELS, *_organizations(), *LISTED]
