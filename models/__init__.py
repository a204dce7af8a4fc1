"""What things are: the tables, and the closed sets of values in them."""

from sqlmodel import SQLModel

from models import (  # noqa: F401  (each adds its tables)
    api_key,
    audit,
    call_record,
    deactivation,
    idempotency,
    license,
    listing,
    operation,
    organization,
    presence,
    profile,
    queue,
    session,
    site,
    skill_group,
    team,
    user,
)
from models.storage import add_checks

metadata = SQLModel.metadata
add_checks(metadata)
