"""What the benchmarks compare with is the same as what we do; nothing is timed here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import orjson
import pytest

from bench.bulk import DEACTIVATE
from bench.by_hand import Asked, deactivate
from bench.organization import Organization, organization
from bench.rows import differences
from resolvers.queued import work_on_next
from tests.gateway import Gateway

PEOPLE, SEED = 200, 20261128

# Of each person, what is in the rows that were written; `operation` is another one each time.
WRITTEN = {
    "items": 'SELECT "index", key, user_id, user_version, outcome, errors, warnings, effects, delta '
    "FROM bulk_operation_items",
    "audit": "SELECT action, target_id, target_label, target_version, changes, reason FROM audit_events "
    "WHERE operation_id IS NOT NULL",
    "outbox": "SELECT kind, subject_id, payload FROM outbox_events",
    "teams": "SELECT user_id, team_id, taken.assigned_at FROM deactivation_teams AS taken "
    "JOIN deactivations ON deactivations.id = deactivation_id",
    "queues": "SELECT user_id, queue_id, taken.assigned_at FROM deactivation_queues AS taken "
    "JOIN deactivations ON deactivations.id = deactivation_id",
    "seats": "SELECT license_id, granted, seats FROM license_pools",
    "listings": "SELECT user_id, kind, thing_id, status, name_key FROM listings",
}
IN_NO_ORDER = ("effects",)


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_what_is_written_by_hand_is_what_we_write(kind: str) -> None:
    with organization(kind, PEOPLE, SEED, as_shipped=False) as seeded:
        asyncio.run(_compare(seeded))


async def _compare(seeded: Organization) -> None:
    async with seeded.copy() as ours, seeded.copy() as by_hand:
        gateway = await Gateway.over(ours)
        gateway.shared.limits = replace(gateway.shared.limits, max_inline_targets=2)  # so that a worker does it
        target = {"matching": {"filter": seeded.filter(PEOPLE), "expectedCount": PEOPLE}}
        given = {"input": {"target": target, "reason": "SEASONAL"}}
        payload = (await gateway.ask(DEACTIVATE, given, token=seeded.token))["deactivateUsers"]
        assert (payload["errors"], payload["operation"]["status"]) == ([], "QUEUED")
        while await work_on_next(gateway.database):
            pass
        written = await _written(gateway)
        await gateway.leave()

        await deactivate(by_hand, Asked(seeded.id, seeded.key_id, seeded.came(PEOPLE)))
        assert await differences(ours, by_hand) == []
        gateway = await Gateway.over(by_hand)
        again = await _written(gateway)
        await gateway.leave()
        assert len(written["items"]) == PEOPLE
        for name, rows in written.items():
            assert sorted({*again[name]} ^ {*rows}) == [], name
            assert len(again[name]) == len(rows), name


async def _written(gateway: Gateway) -> Mapping[str, list[str]]:
    """The rows in one order, each as JSON."""
    found = {}
    for name, sql in WRITTEN.items():
        rows = [{name: _plain(name, value) for name, value in row._mapping.items()} for row in await gateway.rows(sql)]
        found[name] = sorted(orjson.dumps(row, default=str, option=orjson.OPT_SORT_KEYS).decode() for row in rows)
    return found


def _plain(name: str, value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if name in ("errors", "warnings", "effects", "delta", "changes", "payload") and isinstance(value, str):
        value = orjson.loads(value)
    if name == "payload":
        return {**value, "operation": value["operation"] is not None}
    return sorted(value, key=orjson.dumps) if name in IN_NO_ORDER else value
