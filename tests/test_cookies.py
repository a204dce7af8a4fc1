"""The cookie of a browser that signed in on a page of the gateway: when it is given, when it counts, when it goes."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest

from tests.gateway import SIGN_IN, Gateway
from tests.people import Person, Staff

pytestmark = pytest.mark.anyio

HTTPS, LOOPBACK = "https://gateway.test", "http://127.0.0.1:8000"
VIEWER = "{ viewer { kind actor { displayName } } }"
SIGN_OUT = "mutation { signOut { errors { code } } }"


def own(host: str) -> dict[str, str]:
    """What a page of the gateway sends."""
    return {"Origin": host, "GraphQL-Require-Preflight": "1"}


async def send(
    gateway: Gateway, host: str, document: str, headers: dict[str, str], variables: Any = None
) -> httpx2.Response:
    """Ask by an address; cookies are sent only where the headers say so."""
    gateway.client.cookies.clear()
    return await gateway.client.post(
        f"{host}/graphql", json={"query": document, "variables": variables}, headers=headers
    )


async def sign_in(gateway: Gateway, person: Person, host: str, headers: dict[str, str]) -> httpx2.Response:
    terms = {"email": person.email, "password": person.password, "surface": "PORTAL"}
    answer = await send(gateway, host, SIGN_IN, headers, {"input": terms})
    assert answer.json()["data"]["signIn"]["errors"] == []
    return answer


def given(answer: httpx2.Response) -> tuple[str, str, set[str]]:
    """Name, value and attributes of the cookie that an answer sets."""
    [cookie] = answer.headers.get_list("set-cookie")
    pair, *attributes = cookie.split("; ")
    name, _, value = pair.partition("=")
    return name, value, {attribute.lower() for attribute in attributes}


@pytest.mark.parametrize(
    ("host", "name", "secure"),
    [
        (HTTPS, "__Host-rosterql", {"secure"}),
        (LOOPBACK, "rosterql", set()),
        ("http://localhost:8000", "rosterql", set()),
        ("http://[::1]:8000", "rosterql", set()),
    ],
)
async def test_a_page_that_signs_in_gets_the_session_as_a_cookie(
    gateway: Gateway, staff: Staff, host: str, name: str, secure: set[str]
) -> None:
    person = await staff.hire("Ida Berg")
    answer = await sign_in(gateway, person, host, own(host))
    cookie, value, attributes = given(answer)
    assert (cookie, attributes) == (name, {"httponly", "path=/", "samesite=strict", *secure})
    assert value == answer.json()["data"]["signIn"]["token"]

    seen = await send(gateway, host, VIEWER, {**own(host), "Cookie": f"{name}={value}"})
    assert seen.json() == {"data": {"viewer": {"kind": "USER", "actor": {"displayName": "Ida Berg"}}}}


@pytest.mark.parametrize(
    ("host", "headers"),
    [
        ("http://gateway.test", own("http://gateway.test")),  # anybody on the way could read it
        ("http://127.0.0.1.gateway.test", own("http://127.0.0.1.gateway.test")),
        (HTTPS, {}),
        (HTTPS, {"Origin": HTTPS}),
        (HTTPS, {"GraphQL-Require-Preflight": "1"}),
        (HTTPS, own("https://dashboard.example")),
        (HTTPS, own("null")),
        (HTTPS, own("http://gateway.test")),
        (HTTPS, own("https://gateway.test:8443")),
    ],
)
async def test_who_is_not_a_page_of_the_gateway_gets_the_token_only(
    gateway: Gateway, staff: Staff, host: str, headers: dict[str, str]
) -> None:
    answer = await sign_in(gateway, await staff.hire(), host, headers)
    assert answer.headers.get_list("set-cookie") == []
    assert answer.json()["data"]["signIn"]["token"]


async def test_a_sign_in_that_is_refused_sets_nothing(gateway: Gateway) -> None:
    terms = {"email": gateway.admin.email, "password": "not the password", "surface": "PORTAL"}
    answer = await send(gateway, HTTPS, SIGN_IN, own(HTTPS), {"input": terms})
    assert answer.json()["data"]["signIn"]["errors"][0]["code"] == "SIGN_IN_REFUSED"
    assert answer.headers.get_list("set-cookie") == []


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": HTTPS},
        {"Apollo-Require-Preflight": "1"},
        {"Origin": "https://evil.example", "Apollo-Require-Preflight": "1"},
        {"Origin": "null", "GraphQL-Require-Preflight": "1"},
        {"Origin": f"{HTTPS}.evil.example", "GraphQL-Require-Preflight": "1"},
    ],
)
async def test_a_cookie_that_another_page_may_have_caused_counts_for_nothing(
    gateway: Gateway, staff: Staff, headers: dict[str, str]
) -> None:
    name, value, _ = given(await sign_in(gateway, await staff.hire(), HTTPS, own(HTTPS)))
    answer = await send(gateway, HTTPS, VIEWER, {**headers, "Cookie": f"{name}={value}"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
    mine = {"Origin": HTTPS, "Apollo-Require-Preflight": "1", "Cookie": f"{name}={value}"}
    assert "errors" not in (await send(gateway, HTTPS, VIEWER, mine)).json()


async def test_the_cookie_of_loopback_opens_nothing_over_https(gateway: Gateway, staff: Staff) -> None:
    """Others on the host may set one without the prefix."""
    _, value, _ = given(await sign_in(gateway, await staff.hire(), HTTPS, own(HTTPS)))
    answer = await send(gateway, HTTPS, VIEWER, {**own(HTTPS), "Cookie": f"rosterql={value}"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_bearer_token_is_taken_in_place_of_the_cookie(gateway: Gateway, staff: Staff) -> None:
    name, value, _ = given(await sign_in(gateway, await staff.hire(), HTTPS, own(HTTPS)))
    both = {**own(HTTPS), "Cookie": f"{name}={value}"}
    key = await send(gateway, HTTPS, VIEWER, {**both, "Authorization": f"Bearer {gateway.token}"})
    assert key.json()["data"]["viewer"]["kind"] == "API_KEY"
    for wrong in ("Bearer nobody", "Basic YTpi", ""):
        answer = await send(gateway, HTTPS, VIEWER, {**both, "Authorization": wrong})
        assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_signing_out_ends_the_session_and_takes_the_cookie(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    name, value, _ = given(await sign_in(gateway, person, HTTPS, own(HTTPS)))
    both = {**own(HTTPS), "Cookie": f"{name}={value}"}
    other = await gateway.sign_in(person, "AGENT_DESKTOP")
    elsewhere = await send(gateway, HTTPS, SIGN_OUT, {**both, "Authorization": f"Bearer {other}"})
    assert elsewhere.json()["data"]["signOut"]["errors"] == []
    assert elsewhere.headers.get_list("set-cookie") == [], "another session than that of the cookie has ended"

    out = await send(gateway, HTTPS, SIGN_OUT, both)

    assert out.json()["data"]["signOut"]["errors"] == []
    cookie, empty, attributes = given(out)
    assert (cookie, empty.strip('"')) == (name, "")
    assert {"max-age=0", "secure", "path=/"} <= attributes
    again = await send(gateway, HTTPS, VIEWER, both)
    assert again.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_deactivation_ends_the_session_of_a_cookie_too(gateway: Gateway, staff: Staff) -> None:
    """A4."""
    person = await staff.hire()
    name, value, _ = given(await sign_in(gateway, person, HTTPS, own(HTTPS)))
    await gateway.ask(
        "mutation Out($ids: [ID!]!) { deactivateUsers(input: {target: {ids: $ids}}) { errors { code } } }",
        {"ids": [person.id]},
    )
    answer = await send(gateway, HTTPS, VIEWER, {**own(HTTPS), "Cookie": f"{name}={value}"})
    assert answer.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"
