"""Deleting organizations"""

import sqlalchemy as sa
from alembic import op

from models import storage

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("organizations", sa.Column("deletion_began_at", storage.Instant(), nullable=True))
    for statement in APPEND_ONLY[op.get_bind().dialect.name]:
        op.execute(sa.text(statement))


# The audit of an organization goes with the organization and never otherwise (decision 18).
APPEND_ONLY = {
    "sqlite": [
        "DROP TRIGGER audit_events_no_delete",
        """CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
        WHEN (SELECT deletion_began_at FROM organizations WHERE id = OLD.organization_id) IS NULL
        BEGIN SELECT RAISE(ABORT, 'audit events are never deleted'); END""",
    ],
    "postgresql": [
        "DROP TRIGGER audit_events_no_change ON audit_events",
        """CREATE TRIGGER audit_events_no_change BEFORE UPDATE OR TRUNCATE ON audit_events
        FOR EACH STATEMENT EXECUTE FUNCTION refuse_audit_change()""",
        """CREATE FUNCTION refuse_audit_deletion() RETURNS trigger LANGUAGE plpgsql AS
        $$ BEGIN
          IF (SELECT deletion_began_at FROM organizations WHERE id = OLD.organization_id) IS NULL THEN
            RAISE EXCEPTION 'audit events are never deleted';
          END IF;
          RETURN OLD;
        END $$""",
        """CREATE TRIGGER audit_events_no_delete BEFORE DELETE ON audit_events
        FOR EACH ROW EXECUTE FUNCTION refuse_audit_deletion()""",
    ],
}
