"""Dashboards on other hosts: those that are named may ask and read, from a browser too."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from pydantic import SecretStr

from server.app import create_app
from server.settings import AuthSettings, ServerSettings, Settings
from tests.gateway import PEPPER, Gateway
from tests.test_http import JSON, body, post, refused

pytestmark = pytest.mark.anyio

DASHBOARD = "https://dashboard.example"


@pytest.fixture
async def dashboards(gateway: Gateway) -> AsyncIterator[httpx2.AsyncClient]:
    """A gateway that knows one dashboard, over the same database."""
    settings = Settings(
        server=ServerSettings(allowed_origins=(DASHBOARD,)), auth=AuthSettings(pepper=SecretStr(PEPPER))
    )
    transport = httpx2.ASGITransport(create_app(settings, gateway.database))
    bearer = {"Authorization": f"Bearer {gateway.token}", "Content-Type": JSON}
    async with httpx2.AsyncClient(transport=transport, base_url="http://gateway.test", headers=bearer) as client:
        yield client


async def preflight(client: httpx2.AsyncClient, origin: str, headers: str = "authorization,content-type") -> Any:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": headers}
    return await client.options("/graphql", headers={"Origin": origin, **asked})


async def test_a_named_dashboard_may_ask_and_read(dashboards: httpx2.AsyncClient) -> None:
    answer = await preflight(dashboards, DASHBOARD, "authorization,content-type,x-request-id,graphql-require-preflight")
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == DASHBOARD
    assert "POST" in answer.headers["access-control-allow-methods"]
    allowed = answer.headers["access-control-allow-headers"].lower()
    assert all(name in allowed for name in ("authorization", "content-type", "x-request-id"))
    for content in (body(), b"[", body("{ nothing }")):
        response = await dashboards.post("/graphql", content=content, headers={"Origin": DASHBOARD})
        assert response.headers["access-control-allow-origin"] == DASHBOARD
        exposed = {name.strip() for name in response.headers["access-control-expose-headers"].split(",")}
        assert exposed == {"X-Request-Id", "Retry-After"}
        assert "access-control-allow-credentials" not in response.headers
        assert "origin" in response.headers["vary"].lower()
    wrong = await dashboards.put("/graphql", headers={"Origin": DASHBOARD})
    assert (wrong.status_code, wrong.headers["access-control-allow-origin"]) == (405, DASHBOARD)


@pytest.mark.parametrize(
    "origin",
    ["https://evil.example", "null", "http://dashboard.example", f"{DASHBOARD}:8443", f"{DASHBOARD}.evil.example"],
)
async def test_other_origins_may_not_read_anything(dashboards: httpx2.AsyncClient, origin: str) -> None:
    answers = [
        await preflight(dashboards, origin),
        await dashboards.post("/graphql", content=body(), headers={"Origin": origin}),
    ]
    for answer in answers:
        assert "access-control-allow-origin" not in answer.headers
        assert "access-control-allow-credentials" not in answer.headers
    assert answers[0].status_code == 400


async def test_where_no_dashboard_is_named_none_is_answered(gateway: Gateway) -> None:
    preflighted = await preflight(gateway.client, DASHBOARD)
    posted = await post(gateway, body(), Origin=DASHBOARD)
    for answer in (preflighted, posted):
        assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_a_fault_is_readable_for_a_dashboard_too(gateway: Gateway, dashboards: httpx2.AsyncClient) -> None:
    await gateway.execute("ALTER TABLE api_keys RENAME TO moved")
    response = await dashboards.post("/graphql", content=body(), headers={"Origin": DASHBOARD})
    refused(response, 500, "INTERNAL")
    assert response.headers["access-control-allow-origin"] == DASHBOARD
