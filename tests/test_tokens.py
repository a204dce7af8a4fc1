"""API keys and bearer tokens: what opens the gateway, and what never does."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from models.api_key import ApiKey, ApiKeySecret
from models.permission import Permission
from models.storage import table_of
from resolvers.api_keys import create_api_key
from resolvers.authentication import authenticate
from resolvers.context import Context, utc_now
from resolvers.pepper import choose_pepper, pepper_of
from resolvers.refusals import NotPermitted
from resolvers.tokens import key_prefix, new_key, new_session_token, session_hash
from tests.changes import ask_bulk
from tests.gateway import Gateway
from tests.people import Staff

pytestmark = pytest.mark.anyio

VIEWER = "{ viewer { kind session { id } permissions { permission scope } actor { displayName } } }"


async def opens(gateway: Gateway, token: str) -> bool:
    answer = await gateway.run(VIEWER, token=token)
    assert answer.codes in ([], ["UNAUTHENTICATED"])
    return not answer.codes


async def set_columns(gateway: Gateway, model: Any, **values: Any) -> None:
    async def work(connection: Any) -> None:
        await connection.execute(update(table_of(model)).values(**values))

    await gateway.database.change(work)


async def test_a_key_shows_its_name_and_what_it_was_given(gateway: Gateway) -> None:
    """A24: in the whole organization, and nothing else."""
    token = await gateway.key("payroll", ["USERS_READ", "USERS_DEACTIVATE"])
    viewer = (await gateway.ask(VIEWER, token=token))["viewer"]
    assert {each.pop("permission"): each for each in viewer.pop("permissions")} == {
        "USERS_READ": {"scope": "ORGANIZATION"},
        "USERS_DEACTIVATE": {"scope": "ORGANIZATION"},
    }
    assert viewer == {"kind": "API_KEY", "session": None, "actor": {"displayName": "payroll"}}
    person = await gateway.staff.hire()
    assert (await ask_bulk(gateway, "deactivateUsers", [person], token=token)).codes == []
    assert (await ask_bulk(gateway, "reactivateUsers", [person], token=token)).codes == ["FORBIDDEN"]
    assert re.fullmatch(r"rql_[0-9A-Za-z]{12}_[0-9A-Za-z]{43}[0-9A-Za-z]{6}", token)


async def test_only_a_hash_with_the_pepper_is_kept(gateway: Gateway) -> None:
    pepper = pepper_of(gateway.database)
    (row,) = await gateway.rows("SELECT prefix, secret_hash FROM api_key_secrets")
    assert row.prefix == gateway.token[4:16]
    assert bytes(row.secret_hash) == hmac.new(pepper, gateway.token.encode(), hashlib.sha256).digest()
    assert await opens(gateway, gateway.token)
    choose_pepper(gateway.database, value="another pepper that is long enough")
    assert not await opens(gateway, gateway.token)
    choose_pepper(gateway.database, value=pepper.decode())
    assert await opens(gateway, gateway.token)


async def test_a_key_ends_with_its_time_or_by_hand(gateway: Gateway) -> None:
    now, second = utc_now(), timedelta(seconds=1)
    for model, column in ((ApiKey, "revoked_at"), (ApiKey, "expires_at"), (ApiKeySecret, "expires_at")):
        await set_columns(gateway, model, **{column: now - second})
        assert not await opens(gateway, gateway.token)
        if column == "expires_at":
            await set_columns(gateway, model, **{column: now + timedelta(hours=1)})
            assert await opens(gateway, gateway.token)
        await set_columns(gateway, model, **{column: None})
        assert await opens(gateway, gateway.token)


async def test_a_key_opens_its_own_organization_only(gateway: Gateway) -> None:
    other = await gateway.other()
    token = await gateway.key("theirs", organization_id=other.organization_id)
    stranger = await other.hire("Guy Globex")
    seen = (await gateway.ask("{ users { nodes { id } } }", token=token))["users"]["nodes"]
    assert seen == [{"id": stranger.id}]


async def test_a_key_for_directories_opens_nothing_here(gateway: Gateway) -> None:
    for permissions in (["DIRECTORY_SYNC"], ["DIRECTORY_SYNC", "USERS_READ"]):
        assert not await opens(gateway, await gateway.key(f"directory {len(permissions)}", permissions))
    everything = {each["permission"] for each in (await gateway.ask(VIEWER))["viewer"]["permissions"]}
    assert "DIRECTORY_SYNC" not in everything
    assert "KEYS_MANAGE" in everything


async def test_a_key_has_never_more_than_its_maker(gateway: Gateway, staff: Staff) -> None:
    """A24: nor does somebody make one who may not."""
    token = await gateway.key("small", ["KEYS_MANAGE", "USERS_READ"])
    caller = await authenticate(gateway.database, token, utc_now())
    context = Context(gateway.database, caller)
    made = await create_api_key(context, "smaller", [Permission.USERS_READ])
    assert await opens(gateway, made)
    for wanted in ([Permission.USERS_UPDATE], None):
        with pytest.raises(NotPermitted):
            await create_api_key(context, "larger", wanted)
    agent = await authenticate(gateway.database, await gateway.sign_in(await staff.hire()), utc_now())
    with pytest.raises(NotPermitted):
        await create_api_key(Context(gateway.database, agent), "mine", [])


async def test_an_unknown_permission_of_a_key_is_none(gateway: Gateway) -> None:
    await set_columns(gateway, ApiKey, permissions=["USERS_READ", "FLY"])
    shown = (await gateway.ask(VIEWER))["viewer"]["permissions"]
    assert shown == [{"permission": "USERS_READ", "scope": "ORGANIZATION"}]


GARBAGE = [
    "",
    " ",
    "x",
    "rql_",
    "rqs_",
    "rql_" + "A" * 12 + "_" + "B" * 49,
    "rqs_" + "A" * 42,
    "rqs_" + "A" * 43,
    "rqs_" + "A" * 44,
    "rqs_" + "A" * 42 + "\n",
    "A" * 10_000,
    "null",
    "' OR 1=1 --",
    "%00%00",
    "rqs_" + "é" * 43,
    "rql_" + "²" * 12 + "_" + "¹" * 49,
    "a b c",
    "Bearer Bearer",
    "eyJhbGciOiJub25lIn0.e30.",
]


@pytest.mark.parametrize("text", GARBAGE)
async def test_a_token_that_is_none_opens_nothing_and_breaks_nothing(sqlite_gateway: Gateway, text: str) -> None:
    for scheme in ("Bearer ", "bearer ", "Basic ", ""):
        response = await sqlite_gateway.client.post(
            "/graphql",
            json={"query": VIEWER},
            headers={"Authorization": (scheme + text).replace("\n", "").encode("latin-1")},
        )
        assert response.status_code < 500
        assert response.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_token_that_was_changed_opens_nothing(gateway: Gateway, staff: Staff) -> None:
    session = await gateway.sign_in(await staff.hire())
    for token in (gateway.token, session):
        assert await opens(gateway, token)
        for place in (4, 10, 20, len(token) - 1):
            other = "A" if token[place] != "A" else "B"
            assert not await opens(gateway, token[:place] + other + token[place + 1 :])
        assert not await opens(gateway, token[:-1])
        assert not await opens(gateway, token + "A")
        assert not await opens(gateway, token.swapcase())


async def test_the_right_prefix_with_another_secret_opens_nothing(gateway: Gateway) -> None:
    forged, prefix = new_key()
    await set_columns(gateway, ApiKeySecret, prefix=prefix)
    assert key_prefix(forged) == prefix
    assert not await opens(gateway, forged)


def test_a_mistyped_key_is_told_apart_before_the_database_is_asked() -> None:
    token, prefix = new_key()
    assert key_prefix(token) == prefix
    for place in range(4, len(token)):
        if token[place] != "_":
            other = "0" if token[place] != "0" else "1"
            assert key_prefix(token[:place] + other + token[place + 1 :]) is None
    assert len({new_key()[0] for _ in range(100)}) == 100


def test_tokens_of_sessions_are_long_and_never_the_same() -> None:
    made = {new_session_token() for _ in range(100)}
    assert len(made) == 100
    for token in made:
        assert session_hash(token) == hashlib.sha256(token.encode()).digest()
        assert len(token) == 47


async def test_the_last_use_of_a_key_is_noted_within_the_minute(gateway: Gateway) -> None:
    activity = gateway.client._transport.app.state.gateway.activity  # type: ignore[attr-defined]
    await gateway.ask(VIEWER)
    await activity.drain()
    first = await gateway.scalar("SELECT last_used_at FROM api_keys")
    assert first is not None
    await gateway.ask(VIEWER)
    await activity.drain()
    assert await gateway.scalar("SELECT last_used_at FROM api_keys") == first
    await set_columns(gateway, ApiKey, last_used_at=utc_now() - timedelta(minutes=2))
    await gateway.ask(VIEWER)
    await activity.drain()
    assert await gateway.scalar("SELECT last_used_at FROM api_keys") > first


async def test_a_pepper_is_made_once_for_the_eyes_of_one(tmp_path: Any, gateway: Gateway) -> None:
    file = tmp_path / "deep" / "pepper"
    choose_pepper(gateway.database, file=file)
    made = pepper_of(gateway.database)
    assert (file.read_bytes().strip(), file.stat().st_mode & 0o777) == (made, 0o600)
    choose_pepper(gateway.database, file=file)
    assert pepper_of(gateway.database) == made
    assert [each.name for each in file.parent.iterdir()] == ["pepper"]
    file.write_text("short")
    with pytest.raises(ValueError, match="holds no pepper"):
        choose_pepper(gateway.database, file=file)
