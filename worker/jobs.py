"""What a worker does: the one list of its jobs."""

from __future__ import annotations

from worker.audit_chain import extend_chains
from worker.loop import Job
from worker.operations import work_on_operations


def all_jobs() -> tuple[Job, ...]:
    """Every job."""
    return (
        Job("operations", pause_s=1, run=work_on_operations),
        Job("audit chain", pause_s=1, run=extend_chains),
    )
