"""Passwords: one's own, those for a single use, which are acceptable, and how they are kept."""

from __future__ import annotations

import asyncio
import unicodedata
from typing import Any

import pytest
from pwdlib.hashers.argon2 import Argon2Hasher

from models.user import UserRole
from resolvers.administrators import reset_password
from resolvers.passwords import hash_now, objection, random_password
from tests.changes import bulk
from tests.editing import look
from tests.gateway import Gateway
from tests.people import Person, Staff

pytestmark = pytest.mark.anyio

CHANGE = "mutation C($input: ChangePasswordInput!) { changePassword(input: $input) { errors { code message path } } }"
SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) { token passwordChangeRequired errors { code } }
}
"""
VIEWER = "{ viewer { kind } }"
NEW = "tangerine lamp over Uppsala"


async def sign_in(gateway: Gateway, person: Person, password: str, surface: str = "PORTAL") -> Any:
    terms = {"email": person.email, "password": password, "surface": surface}
    return (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]


async def change(gateway: Gateway, token: str, current: str, new: str) -> list[tuple[str, str | None]]:
    terms = {"currentPassword": current, "newPassword": new}
    payload = (await gateway.ask(CHANGE, {"input": terms}, token=token))["changePassword"]
    return [(error["code"], error["path"][-1] if error["path"] else None) for error in payload["errors"]]


async def kept(gateway: Gateway, person: Person) -> str:
    sql = "SELECT password_hash FROM credentials WHERE user_id = :id"
    return str(await gateway.scalar(sql, id=gateway.key_parameter(person.key)))


@pytest.mark.usefixtures("dear_passwords")
async def test_a_new_password_ends_all_other_sessions_and_the_old_password(gateway: Gateway, staff: Staff) -> None:
    """E2: with the last session on the desktop, the person is OFFLINE."""
    person = await staff.hire()
    own, other, desktop = [await gateway.sign_in(person, surface) for surface in ("PORTAL", "PORTAL", "AGENT_DESKTOP")]
    assert await change(gateway, own, person.password, NEW) == []
    assert [(await gateway.run(VIEWER, token=token)).codes for token in (own, other, desktop)] == [
        [],
        ["UNAUTHENTICATED"],
        ["UNAUTHENTICATED"],
    ]
    after = await look(gateway, person)
    assert (after["presence"]["state"], after["version"]) == ("OFFLINE", 1)
    assert after["auditEvents"]["nodes"][0]["action"] == "PASSWORD_CHANGED"
    assert [error["code"] for error in (await sign_in(gateway, person, person.password))["errors"]] == [
        "SIGN_IN_REFUSED"
    ]
    assert (await sign_in(gateway, person, NEW))["errors"] == []
    hashes = await kept(gateway, person)
    assert hashes.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    events = str(await gateway.rows("SELECT changes FROM audit_events"))
    assert NEW not in events + str(await gateway.rows("SELECT payload FROM outbox_events"))


async def test_the_desktop_keeps_its_presence_when_it_changes_the_password(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    desktop = await gateway.sign_in(person, "AGENT_DESKTOP")
    assert await change(gateway, desktop, person.password, NEW) == []
    assert (await look(gateway, person))["presence"]["state"] == "UNAVAILABLE"


async def test_a_wrong_current_password_changes_nothing_and_counts(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    token, other = await gateway.sign_in(person), await gateway.sign_in(person)
    before = await kept(gateway, person)
    for _ in range(10):
        assert await change(gateway, token, "wrong wrong wrong", NEW) == [("INVALID", "currentPassword")]
    assert await change(gateway, token, person.password, NEW) == [("TOO_MANY_ATTEMPTS", None)]
    assert await kept(gateway, person) == before
    assert (await gateway.run(VIEWER, token=other)).codes == []


async def test_a_key_has_no_password(gateway: Gateway) -> None:
    assert await change(gateway, gateway.token, "a", NEW) == [("INVALID", None)]
    answer = await gateway.run("mutation { signOut { errors { code } session { id } } }")
    assert answer.data["signOut"] == {"errors": [{"code": "INVALID"}], "session": None}


async def test_a_single_use_password_opens_three_doors_until_it_is_changed(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(single_use=True, roles=[UserRole.FULL_ADMINISTRATOR], licenses=[])
    signed = await sign_in(gateway, person, person.password)
    assert (signed["passwordChangeRequired"], signed["errors"]) == (True, [])
    token = signed["token"]
    assert (await gateway.run(VIEWER, token=token)).codes == []
    reads = ["{ users { nodes { id } } }", f'{{ node(id: "{person.id}") {{ id }} }}', "{ teams { nodes { id } } }"]
    change_of_mine = f'mutation {{ updateUser(input: {{id: "{person.id}", patch: {{}}}}) {{ errors {{ code }} }} }}'
    presence = "mutation { setPresence(input: {state: AVAILABLE}) { errors { code } } }"
    for document in (*reads, change_of_mine, presence):
        assert (await gateway.run(document, token=token)).codes == ["FORBIDDEN"], document
    mixed = await gateway.run("{ viewer { kind } users { nodes { id } } }", token=token)
    assert (mixed.codes, mixed.data["users"]) == (["FORBIDDEN"], None)
    assert await change(gateway, token, person.password, person.password) == [("PASSWORD_UNACCEPTABLE", "newPassword")]
    assert (await gateway.run(reads[0], token=token)).codes == ["FORBIDDEN"]
    again = await sign_in(gateway, person, person.password)
    assert again["passwordChangeRequired"] is True
    assert await change(gateway, token, person.password, NEW) == []
    assert (await gateway.run(reads[0], token=token)).codes == []
    assert (await sign_in(gateway, person, NEW))["passwordChangeRequired"] is False
    assert (await gateway.run(VIEWER, token=again["token"])).codes == ["UNAUTHENTICATED"]


async def test_with_a_single_use_password_one_can_also_just_leave(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(single_use=True)
    token = (await sign_in(gateway, person, person.password))["token"]
    assert (await gateway.run("mutation { signOut { errors { code } } }", token=token)).codes == []
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]


async def test_what_follows_a_single_use_sign_in_in_one_document_is_barred(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(single_use=True, roles=[UserRole.FULL_ADMINISTRATOR])
    document = """
    mutation S($input: SignInInput!, $id: ID!) {
      signIn(input: $input) { token }
      updateUser(input: {id: $id, patch: {nickname: "x"}}) { errors { code } }
    }
    """
    terms = {"email": person.email, "password": person.password, "surface": "PORTAL"}
    answer = await gateway.run(document, {"input": terms, "id": person.id}, token=None)
    assert (answer.codes, answer.data["updateUser"]) == (["FORBIDDEN"], None)


async def test_a_reset_ends_sessions_and_lets_nobody_in_who_is_out(gateway: Gateway, staff: Staff) -> None:
    """E1, C12: the new password of the deactivated and the blocked opens nothing."""
    person = await staff.hire()
    token = await gateway.sign_in(person, "AGENT_DESKTOP")
    password = await reset_password(gateway.database, person.email)
    assert (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]
    assert (await look(gateway, person))["presence"]["state"] == "OFFLINE"
    assert (await sign_in(gateway, person, person.password))["errors"] == [{"code": "SIGN_IN_REFUSED"}]
    assert (await sign_in(gateway, person, password))["passwordChangeRequired"] is True
    for mutation in ("deactivateUsers", "forceUsersOffline"):
        out = await staff.hire()
        await bulk(gateway, mutation, [out])
        password = await reset_password(gateway.database, out.email)
        assert (await sign_in(gateway, out, password))["errors"] == [{"code": "SIGN_IN_REFUSED"}]


@pytest.mark.usefixtures("dear_passwords")
async def test_a_weaker_hash_is_renewed_by_signing_in(gateway: Gateway, staff: Staff) -> None:
    """A13: the password stays, and is for no single use by it."""
    person = await staff.hire()
    weaker = Argon2Hasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(person.password)
    await gateway.execute(
        "UPDATE credentials SET password_hash = :weaker WHERE user_id = :key",
        weaker=weaker,
        key=gateway.key_parameter(person.key),
    )
    before = await kept(gateway, person)
    assert "m=8192,t=1" in before
    await sign_in(gateway, person, "wrong wrong wrong")
    assert await kept(gateway, person) == before
    assert (await sign_in(gateway, person, person.password))["errors"] == []
    renewed = await kept(gateway, person)
    assert "m=19456,t=2,p=1" in renewed
    assert (await sign_in(gateway, person, person.password))["errors"] == []
    assert await kept(gateway, person) == renewed


async def test_what_is_no_hash_of_ours_opens_nothing(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    for spoiled in ("", "x", "$argon2id$broken", "$2b$12$" + "a" * 53, "plain"):
        await gateway.execute("UPDATE credentials SET password_hash = :hash", hash=spoiled)
        for password in (person.password, spoiled, ""):
            assert (await sign_in(gateway, person, password))["errors"] == [{"code": "SIGN_IN_REFUSED"}]
        await gateway.execute("DELETE FROM sign_in_failures")


async def test_a_password_is_the_same_from_every_keyboard(gateway: Gateway, staff: Staff) -> None:
    word = "Zoë hört Ålesunds glädje"
    person = await staff.hire()
    token = await gateway.sign_in(person)
    assert await change(gateway, token, person.password, unicodedata.normalize("NFD", word)) == []
    for form in ("NFC", "NFD"):
        assert (await sign_in(gateway, person, unicodedata.normalize(form, word)))["errors"] == []
    assert (await sign_in(gateway, person, word.lower()))["errors"] == [{"code": "SIGN_IN_REFUSED"}]


async def test_unacceptable_passwords_are_told_with_their_place(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(email="constantine.example@acme.example")
    token = await gateway.sign_in(person)
    for word in (
        "elevenchars",
        "password12345678",
        "x" * 257,
        "constantine.example",
        "CONSTANTINE.example@acme.example",
    ):
        assert await change(gateway, token, person.password, word) == [("PASSWORD_UNACCEPTABLE", "newPassword")]
    assert await change(gateway, token, person.password, "a\0" + NEW) == [("INVALID", "newPassword")]
    assert await change(gateway, token, person.password, "Änderung " * 28) == []


@pytest.mark.parametrize(
    ("word", "acceptable"),
    [
        ("tangerine lamp", True),
        ("elevenchars", False),
        ("twelve chars", True),
        ("öö lampa übe", True),
        ("e\u0308" * 6, False),
        ("x7#Kd9!mQ2@z", True),
        ("Password1234", False),
        ("P@ssw0rd!!!!!", False),
        ("P@ssw0rd2026!", False),
        ("123456789012", False),
        ("abcdefghijkl", False),
        ("aaaaaaaaaaaa", False),
        ("abcabcabcabc", False),
        ("changemenow!", False),
        ("Qwertyuiop12", False),
        ("passwordpassword", False),
        ("a" * 5 + "long enough and of many letters" * 9, False),
        ("correct horse battery staple", False),
    ],
)
def test_which_passwords_are_acceptable(word: str, acceptable: bool) -> None:
    assert (objection(word) is None) is acceptable


def test_random_passwords_are_acceptable_and_never_the_same() -> None:
    made = {random_password() for _ in range(200)}
    assert len(made) == 200
    assert [word for word in made if objection(word)] == []


def test_every_hash_has_a_salt_of_its_own() -> None:
    assert hash_now(NEW) != hash_now(NEW)


async def test_of_two_changes_at_once_one_counts(gateway: Gateway, staff: Staff) -> None:
    """Both prove the same old password; the second finds it changed."""
    person = await staff.hire()
    first, second = await gateway.sign_in(person), await gateway.sign_in(person)
    words = (NEW, NEW + " by night")
    done = await asyncio.gather(
        *(
            gateway.run(CHANGE, {"input": {"currentPassword": person.password, "newPassword": word}}, token=token)
            for token, word in zip((first, second), words, strict=True)
        )
    )
    fine = [not answer.codes and not answer.data["changePassword"]["errors"] for answer in done]
    assert sorted(fine) == [False, True]
    for word, opens in zip(words, fine, strict=True):
        assert ((await sign_in(gateway, person, word))["errors"] == []) is opens
