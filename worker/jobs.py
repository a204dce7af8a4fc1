"""What a worker does: the one list of its jobs."""

from __future__ import annotations

from resolvers.retention import Retention
from worker.audit_chain import extend_chains_behind
from worker.loop import Job
from worker.operations import take_back, work_on_operations
from worker.retention import forgetting


def all_jobs(retention: Retention) -> tuple[Job, ...]:
    """Every job.

    Args:
        retention: How long things are kept.
    """
    return (
        Job("operations", pause_s=1, run=work_on_operations, rest_s=0.02),
        Job("temporary operations", pause_s=1, run=take_back),
        Job("audit chain", pause_s=1, run=extend_chains_behind, rest_s=0.02),
        Job("retention", pause_s=600, run=forgetting(retention), rest_s=0.1),
    )
