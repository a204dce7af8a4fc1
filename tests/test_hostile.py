"""600 requests that mean harm against a serving process: each costs it next to nothing, and it serves on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.hostile import attacked
from tests.serving import serving

pytestmark = [pytest.mark.anyio, pytest.mark.xdist_group("hostile")]

COUNT, SEED = 600, 20261125


async def test_what_means_harm_is_refused_within_50_ms_of_the_server(tmp_path: Path) -> None:
    """Processor time of the whole process, measured from outside."""
    async with serving(tmp_path, "--demo", DEMO__USERS="100") as served:
        found = await attacked(served, COUNT, SEED)
    assert (found.slow, found.wrong) == ({}, [])
    assert sum(map(len, found.took.values())) > COUNT * 0.9
