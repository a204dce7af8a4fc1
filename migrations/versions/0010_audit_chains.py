"""A chain of hashes over the audit of each organization"""

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_chains",
        sa.Column("organization_id", storage.Key(), nullable=False),
        sa.Column("sequence", storage.Long(), nullable=False),
        sa.Column("length", storage.Long(), nullable=False),
        sa.Column("digest", storage.Bytes(), nullable=False),
        sa.ForeignKeyConstraint(
            ["organization_id"], ["organizations.id"], name=op.f("fk_audit_chains_organization_id")
        ),
        sa.PrimaryKeyConstraint("organization_id", name=op.f("pk_audit_chains")),
        sqlite_strict=True,
    )
    op.create_table(
        "audit_links",
        sa.Column("organization_id", storage.Key(), nullable=False),
        sa.Column("sequence", storage.Long(), nullable=False),
        sa.Column("position", storage.Long(), nullable=False),
        sa.Column("digest", storage.Bytes(), nullable=False),
        sa.ForeignKeyConstraint(["organization_id"], ["organizations.id"], name=op.f("fk_audit_links_organization_id")),
        sa.PrimaryKeyConstraint("organization_id", "sequence", name=op.f("pk_audit_links")),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    for statement in STATEMENTS[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


# Links are written once, as the events are (decision 18), and each organization begins a chain. On PostgreSQL, whoever
# writes events holds a lock that tells from where on (decision 24).
STATEMENTS = {
    "sqlite": [
        "INSERT INTO audit_chains SELECT id, 0, 0, zeroblob(32) FROM organizations",
        """CREATE TRIGGER audit_links_no_update BEFORE UPDATE ON audit_links
        BEGIN SELECT RAISE(ABORT, 'links of the audit are never changed'); END""",
        """CREATE TRIGGER audit_links_no_delete BEFORE DELETE ON audit_links
        WHEN (SELECT deletion_began_at FROM organizations WHERE id = OLD.organization_id) IS NULL
        BEGIN SELECT RAISE(ABORT, 'links of the audit are never deleted'); END""",
    ],
    "postgresql": [
        "INSERT INTO audit_chains SELECT id, 0, 0, decode(repeat('00', 32), 'hex') FROM organizations",
        """CREATE TRIGGER audit_links_no_change BEFORE UPDATE OR TRUNCATE ON audit_links
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
        """CREATE TRIGGER audit_links_no_delete BEFORE DELETE ON audit_links
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion()""",
        """CREATE FUNCTION hold_audit_horizon() RETURNS trigger LANGUAGE plpgsql AS
        $$ DECLARE given bigint; BEGIN
          SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO given FROM audit_events_sequence_seq;
          PERFORM pg_advisory_xact_lock_shared((21057::bigint << 48) + given);
          PERFORM set_config('rosterql.writes_audit', 'true', true);
          RETURN NULL;
        END $$""",
        # The condition is looked at for each row of a thousand; calling the function each time would cost far more.
        """CREATE TRIGGER audit_events_horizon BEFORE INSERT ON audit_events FOR EACH STATEMENT
        WHEN (coalesce(current_setting('rosterql.writes_audit', true), '') = '')
        EXECUTE FUNCTION hold_audit_horizon()""",
        """CREATE FUNCTION audit_horizon() RETURNS bigint LANGUAGE plpgsql AS
        $$ DECLARE given bigint; held bigint; BEGIN
          SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO given FROM audit_events_sequence_seq;
          SELECT min(((classid::bigint & 65535) << 32) + objid::bigint) INTO held FROM pg_locks
          WHERE locktype = 'advisory' AND objsubid = 1 AND classid::bigint >> 16 = 21057
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database());
          RETURN least(given, coalesce(held, given));
        END $$""",
    ],
}
