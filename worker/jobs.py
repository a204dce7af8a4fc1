"""What a worker does: the one list of its jobs."""

from __future__ import annotations

from worker.loop import Job


def all_jobs() -> tuple[Job, ...]:
    """Every job."""
    return ()
