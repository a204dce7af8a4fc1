"""Every order of people apart by state"""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_users_by_name_all", "users")
    op.drop_index("ix_users_by_state_and_deactivation", "users")
    for name, column in (
        ("last_name", "last_name_key"),
        ("mail", "email_key"),
        ("update", "updated_at"),
        ("creation", "created_at"),
        ("sign_in", "last_sign_in_at"),
        ("deactivation", "deactivated_at"),
    ):
        op.drop_index(f"ix_users_by_{name}", "users")
        op.create_index(f"ix_users_by_{name}", "users", ["organization_id", "status", column, "id"])
    if op.get_bind().dialect.name == "postgresql":
        for name in ("last_name", "sign_in", "deactivation", "state_and_deactivation"):
            op.drop_index(f"ix_users_by_{name}_down", "users")
