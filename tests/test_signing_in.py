"""Signing in and out, sessions, presence, and what is tried against them, through `/graphql`."""

from __future__ import annotations

import asyncio
import hashlib
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from models.audit import ActorKind
from models.license import LicenseType
from models.operation import StateChangeReason
from models.session import Session, SignInBlock, SignInFailure
from models.storage import table_of, uuid7
from models.user import Credential, User, UserRole, UserStatus
from repositories.credentials import Failures
from resolvers.activity import Activity
from resolvers.context import utc_now
from resolvers.signing_in import limited_until
from tests.changes import bulk
from tests.editing import versions_agree
from tests.gateway import Gateway
from tests.people import Person, Staff

pytestmark = pytest.mark.anyio

SIGN_IN = """
mutation SignIn($input: SignInInput!) {
  signIn(input: $input) {
    token passwordChangeRequired errors { code message path }
    session { id surface startedAt expiresAt endedAt address user { id } }
  }
}
"""
SESSIONS = """
query Sessions($id: ID!) {
  user(by: {id: $id}) {
    version lastSignInAt activatedAt presence { state since }
    sessions { nodes { surface endedAt endReason } }
    open: sessions(open: true) { totalCount }
  }
}
"""
VIEWER = "{ viewer { kind session { id surface lastActiveAt } } }"
SIGN_OUT = "mutation { signOut { errors { code } session { endReason endedAt } } }"
PRESENCE = """
mutation P($input: SetPresenceInput!) {
  setPresence(input: $input) { errors { code path } presence { state reasonCode } }
}
"""


async def attempt(
    gateway: Gateway, email: str, password: str = "correct horse battery staple", surface: str = "PORTAL"
) -> Any:
    terms = {"email": email, "password": password, "surface": surface}
    return (await gateway.ask(SIGN_IN, {"input": terms}, token=None))["signIn"]


async def code(gateway: Gateway, person: Person, surface: str = "PORTAL") -> str | None:
    errors = (await attempt(gateway, person.email, person.password, surface))["errors"]
    return str(errors[0]["code"]) if errors else None


async def look(gateway: Gateway, person: Person) -> Any:
    return (await gateway.ask(SESSIONS, {"id": person.id}))["user"]


async def state(gateway: Gateway, person: Person) -> str:
    return str((await look(gateway, person))["presence"]["state"])


async def dead(gateway: Gateway, token: str) -> bool:
    return (await gateway.run(VIEWER, token=token)).codes == ["UNAUTHENTICATED"]


async def move(gateway: Gateway, table: Any, **columns: timedelta) -> None:
    """Make the instants of all rows so much earlier, once the last uses before it are written."""
    await gateway.shared.activity.drain()

    async def work(connection: Any) -> None:
        for name, by in columns.items():
            for key, at in (await connection.execute(select(table.c.id, table.c[name]))).all():
                await connection.execute(update(table).where(table.c.id == key).values({name: at - by}))

    await gateway.database.change(work)


async def everything_kept(gateway: Gateway) -> str:
    """All that the database holds, as one text."""
    names = "SELECT name FROM sqlite_master WHERE type = 'table'"
    if not gateway.database.is_sqlite:
        names = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public'"
    kept = [await gateway.rows(f'SELECT * FROM "{row[0]}"') for row in await gateway.rows(names)]
    return repr([tuple(row) for rows in kept for row in rows])


async def test_a_session_says_where_when_and_for_how_long(gateway: Gateway, staff: Staff) -> None:
    """B18, E17: seven days at most, and the idle time-out before."""
    person = await staff.hire()
    before = datetime.now(UTC)
    signed = await attempt(gateway, person.email.upper(), surface="AGENT_DESKTOP")
    session = signed["session"]
    assert (signed["errors"], signed["passwordChangeRequired"]) == ([], False)
    assert (session["surface"], session["address"], session["user"]) == (
        "AGENT_DESKTOP",
        "192.0.2.1",
        {"id": person.id},
    )
    assert datetime.fromisoformat(session["expiresAt"]) - before < timedelta(minutes=1441)
    shown = (await gateway.ask(VIEWER, token=signed["token"]))["viewer"]
    assert (shown["kind"], shown["session"]["id"]) == ("USER", session["id"])
    after = await look(gateway, person)
    assert after["version"] == 1
    assert after["activatedAt"] == after["lastSignInAt"] == session["startedAt"]
    await versions_agree(gateway)


async def test_every_sign_in_is_a_new_session_and_only_its_hash_is_kept(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire(password="a password of my own")
    signed = [await attempt(gateway, person.email, "a password of my own") for _ in range(3)]
    assert len({one["token"] for one in signed}) == len({one["session"]["id"] for one in signed}) == 3
    kept = await everything_kept(gateway)
    assert person.email in kept
    for one in signed:
        assert one["token"][4:] not in kept
        assert repr(hashlib.sha256(one["token"].encode()).digest()) in kept
    assert "a password of my own" not in kept
    assert gateway.token[17:] not in kept


async def test_all_who_may_not_sign_in_read_the_same_words(gateway: Gateway, staff: Staff) -> None:
    """A2, C11, C12: unknown, wrong, deactivated, blocked, deleted, without a password."""
    narrow = await staff.profile(surfaces=["PORTAL"])
    people = [
        (await staff.hire(), "a wrong password"),
        (await staff.hire(status=UserStatus.DEACTIVATED), None),
        (await staff.hire(blocked=True), None),
        (await staff.hire(status=UserStatus.DELETED), None),
        (await staff.hire(password=None), "anything at all"),
        (await staff.hire(profile=narrow), "a wrong password"),
        (await staff.hire(profile=narrow, blocked=True), None),
        (await staff.hire(status=UserStatus.DEACTIVATED, contact_center_enabled=False), None),
    ]
    answers = [await attempt(gateway, who.email, word or who.password, "AGENT_DESKTOP") for who, word in people]
    answers += [await attempt(gateway, mail, surface="AGENT_DESKTOP") for mail in ("nobody@acme.example", "", "?")]
    answers.append(await attempt(gateway, people[0][0].email, "", "AGENT_DESKTOP"))
    assert [answer["errors"][0]["code"] for answer in answers] == ["SIGN_IN_REFUSED"] * len(answers)
    assert all(answer == answers[0] for answer in answers)
    assert await gateway.scalar("SELECT count(*) FROM sessions") == 0


@pytest.mark.parametrize("surface", ["PORTAL", "AGENT_DESKTOP"])
async def test_the_profile_opens_the_surfaces(gateway: Gateway, staff: Staff, surface: str) -> None:
    """B18: all built-in profiles both, Administrator Only the portal; the desktop is for the contact center."""
    full, premium = UserRole.FULL_ADMINISTRATOR, LicenseType.PREMIUM_AGENT
    desktop = surface == "AGENT_DESKTOP"
    closed = "NO_SURFACE_ACCESS" if desktop else None
    expected = {
        "standard": (await staff.hire(), None),
        "premium": (await staff.hire(licenses=[premium]), None),
        "supervisor": (await staff.hire(roles=[UserRole.SUPERVISOR], licenses=[premium]), None),
        "administrator": (await staff.hire(roles=[full], licenses=[premium]), None),
        "administrator only": (await staff.hire(roles=[full]), closed),
        "outside": (await staff.hire(contact_center_enabled=False), closed),
        "outside, whatever the profile": (
            await staff.hire(contact_center_enabled=False, profile=await staff.profile()),
            closed,
        ),
        "portal alone": (await staff.hire(profile=await staff.profile(surfaces=["PORTAL"])), closed),
        "desktop alone": (
            await staff.hire(profile=await staff.profile(surfaces=["AGENT_DESKTOP"])),
            None if desktop else "NO_SURFACE_ACCESS",
        ),
        "nowhere": (await staff.hire(profile=await staff.profile(surfaces=[])), "NO_SURFACE_ACCESS"),
    }
    found = {what: await code(gateway, who, surface) for what, (who, _) in expected.items()}
    assert found == {what: told for what, (_, told) in expected.items()}


async def test_a_profile_narrows_what_the_roles_give(gateway: Gateway, staff: Staff) -> None:
    """B3, B18: without one the roles alone count."""
    document = "{ viewer { permissions { permission scope } } }"

    async def held(person: Person) -> dict[str, str]:
        shown = (await gateway.ask(document, token=await gateway.sign_in(person)))["viewer"]["permissions"]
        return {each["permission"]: each["scope"] for each in shown}

    narrow = await staff.profile(permissions=["USERS_READ", "KEYS_MANAGE"])
    service, own = UserRole.SERVICE_ADMINISTRATOR, {"USERS_READ": "SELF", "REPORTS_READ": "SELF"}
    assert await held(await staff.hire(roles=[service], profile=narrow)) == own | {"USERS_READ": "ORGANIZATION"}
    assert await held(await staff.hire(profile=narrow)) == own
    assert await held(await staff.hire(roles=[service], profile=await staff.profile(permissions=[]))) == own
    bare = await held(await staff.hire(roles=[service], contact_center_enabled=False))
    assert "USERS_DEACTIVATE" in bare
    assert "USERS_CREATE" not in bare


async def test_the_desktop_sets_presence_and_the_portal_leaves_it(gateway: Gateway, staff: Staff) -> None:
    """E2: UNAVAILABLE at sign-in, OFFLINE with the end of the last session on the desktop."""
    person = await staff.hire()
    portal = await gateway.sign_in(person)
    assert await state(gateway, person) == "OFFLINE"
    first = await gateway.sign_in(person, "AGENT_DESKTOP")
    assert await state(gateway, person) == "UNAVAILABLE"
    available = await gateway.ask(PRESENCE, {"input": {"state": "AVAILABLE"}}, token=first)
    assert available["setPresence"] == {"errors": [], "presence": {"state": "AVAILABLE", "reasonCode": None}}
    another = await gateway.sign_in(person)
    for token in (another, portal):
        ended = (await gateway.ask(SIGN_OUT, token=token))["signOut"]
        assert ended["session"]["endReason"] == "SIGNED_OUT"
        assert await state(gateway, person) == "AVAILABLE"
    second = await gateway.sign_in(person, "AGENT_DESKTOP")
    await gateway.ask(SIGN_OUT, token=first)
    assert await state(gateway, person) == "UNAVAILABLE"
    await gateway.ask(SIGN_OUT, token=second)
    assert await state(gateway, person) == "OFFLINE"
    assert await dead(gateway, first)
    assert (await gateway.run(SIGN_OUT, token=second)).codes == ["UNAUTHENTICATED"]
    assert (await look(gateway, person))["version"] == 1


async def test_presence_is_ones_own_and_never_that_of_somebody_out(gateway: Gateway, staff: Staff) -> None:
    """E2: nobody sets a deactivated or blocked person available."""
    for mutation in ("deactivateUsers", "forceUsersOffline"):
        person = await staff.hire()
        token = await gateway.sign_in(person, "AGENT_DESKTOP")
        await bulk(gateway, mutation, [person])
        assert (await gateway.run(PRESENCE, {"input": {"state": "AVAILABLE"}}, token=token)).codes == [
            "UNAUTHENTICATED"
        ]
        assert await state(gateway, person) == "OFFLINE"
    person = await staff.hire()
    portal = await gateway.sign_in(person)

    async def told(token: str, **terms: Any) -> list[tuple[str, Any]]:
        payload = (await gateway.ask(PRESENCE, {"input": terms}, token=token))["setPresence"]
        return [(error["code"], error["path"]) for error in payload["errors"]]

    assert await told(portal, state="AVAILABLE") == [("INVALID_STATE", None)]
    assert await told(gateway.token, state="AVAILABLE") == [("INVALID", None)]
    token = await gateway.sign_in(person, "AGENT_DESKTOP")
    for never in ("OFFLINE", "ENGAGED"):
        assert await told(token, state=never) == [("INVALID", ["input", "state"])]
    for state_, reason in (("AVAILABLE", "lunch"), ("UNAVAILABLE", " "), ("UNAVAILABLE", "x" * 101)):
        assert await told(token, state=state_, reasonCode=reason) == [("INVALID", ["input", "reasonCode"])]
    assert await told(token, state="UNAVAILABLE", reasonCode=" lunch ") == []
    assert (await gateway.ask(PRESENCE, {"input": {"state": "WRAP_UP"}}, token=token))["setPresence"]["presence"] == {
        "state": "WRAP_UP",
        "reasonCode": None,
    }


async def test_an_idle_session_ends_on_every_surface(gateway: Gateway, staff: Staff) -> None:
    """A29, E17: after 1440 minutes or what the organization says; it counts as ended before anything marked it."""
    person, other = await staff.hire(), await staff.hire()
    tokens = [await gateway.sign_in(person, surface) for surface in ("PORTAL", "AGENT_DESKTOP")]
    await move(gateway, table_of(Session), last_active_at=timedelta(minutes=1435), started_at=timedelta(minutes=1435))
    fresh = await gateway.sign_in(other, "AGENT_DESKTOP")
    assert await state(gateway, person) == "UNAVAILABLE"
    await move(gateway, table_of(Session), last_active_at=timedelta(minutes=6))
    assert [await dead(gateway, token) for token in tokens] == [True, True]
    assert not await dead(gateway, fresh)
    after = await look(gateway, person)
    assert {session["endReason"] for session in after["sessions"]["nodes"]} == {"IDLE_TIMEOUT"}
    assert after["open"]["totalCount"] == 0
    assert after["presence"]["state"] == "OFFLINE"
    assert await gateway.scalar("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 3
    assert (await bulk(gateway, "signOutUsers", [person])).outcomes == ["UNCHANGED"]
    assert (await bulk(gateway, "deactivateUsers", [person])).totals == {"succeeded": 1}
    await move(gateway, table_of(Session), last_active_at=timedelta(minutes=6))
    await gateway.execute("UPDATE organizations SET idle_timeout_minutes = 5")
    assert await dead(gateway, fresh)
    assert await state(gateway, other) == "OFFLINE"


async def test_a_session_ends_after_seven_days_however_busy(gateway: Gateway, staff: Staff) -> None:
    """E17."""
    person = await staff.hire()
    token = await gateway.sign_in(person, "AGENT_DESKTOP")
    await move(gateway, table_of(Session), expires_at=timedelta(days=7, minutes=-1))
    assert not await dead(gateway, token)
    await move(gateway, table_of(Session), expires_at=timedelta(minutes=2))
    assert await dead(gateway, token)
    after = await look(gateway, person)
    assert [session["endReason"] for session in after["sessions"]["nodes"]] == ["EXPIRED"]
    assert after["presence"]["state"] == "OFFLINE"


async def test_ten_failures_close_an_account_known_or_not(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    for mail in (person.email, "nobody@acme.example"):
        for _ in range(10):
            assert (await attempt(gateway, mail, "wrong wrong wrong"))["errors"][0]["code"] == "SIGN_IN_REFUSED"
        closed = (await attempt(gateway, mail.upper()))["errors"]
        assert [error["code"] for error in closed] == ["TOO_MANY_ATTEMPTS"]
        assert "seconds" in closed[0]["message"]
    assert await code(gateway, gateway.admin) is None
    await move(gateway, table_of(SignInFailure), failed_at=timedelta(seconds=61))
    assert (await attempt(gateway, person.email, "wrong wrong wrong"))["errors"][0]["code"] == "SIGN_IN_REFUSED"
    await move(gateway, table_of(SignInFailure), failed_at=timedelta(seconds=61))
    assert await code(gateway, person) == "TOO_MANY_ATTEMPTS"
    await move(gateway, table_of(SignInFailure), failed_at=timedelta(seconds=60))
    assert await code(gateway, person) is None
    left = "SELECT count(*) FROM sign_in_failures WHERE account_key = :mail"
    assert await gateway.scalar(left, mail=person.email) == 0


async def test_a_failed_attempt_within_ten_does_not_close_an_account(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    for _ in range(9):
        await attempt(gateway, person.email, "wrong wrong wrong")
    assert await code(gateway, person) is None
    for _ in range(9):
        await attempt(gateway, person.email, "wrong wrong wrong")
    assert await code(gateway, person) is None


async def test_thirty_failures_close_an_address(gateway: Gateway, staff: Staff) -> None:
    person = await staff.hire()
    at = utc_now()
    row = {"organization_id": None, "address": "192.0.2.1", "failed_at": at}
    await staff.insert(SignInFailure, *(row | {"id": uuid7(at), "account_key": f"n{each}@x"} for each in range(29)))
    assert await code(gateway, person) is None
    await attempt(gateway, "somebody@else.example")
    assert await code(gateway, person) == "TOO_MANY_ATTEMPTS"
    await gateway.execute("UPDATE sign_in_failures SET address = '192.0.2.2'")
    assert await code(gateway, person) is None


def test_each_further_failure_doubles_the_wait_up_to_a_quarter_of_an_hour() -> None:
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    failed = [begin + timedelta(seconds=each) for each in range(10)]
    waits = []
    for _ in range(7):
        until = limited_until(Failures(failed, 0), failed[-1])
        assert until is not None
        assert limited_until(Failures(failed, 0), until) is None
        waits.append((until - failed[-1]).total_seconds() / 60)
        failed.append(until)
    assert waits == [1, 2, 4, 8, 15, 15, 15]
    slow = [begin + timedelta(seconds=7 * each) for each in range(40)]
    assert limited_until(Failures(slow, 0), slow[-1]) is None
    assert limited_until(Failures([], 29), begin) is None
    assert limited_until(Failures([], 30), begin) == begin + timedelta(minutes=1)


@pytest.mark.parametrize(
    "document",
    [
        "mutation M($a: SignInInput!) { a: signIn(input: $a) { token } b: signIn(input: $a) { token } }",
        "mutation M($a: SignInInput!) { signIn(input: $a) { token } ... { b: signIn(input: $a) { token } } }",
        """
        mutation M($a: SignInInput!) { ...F ...G ...F }
        fragment F on Mutation { a: signIn(input: $a) { token } ...G }
        fragment G on Mutation { b: signIn(input: $a) { token } }
        """,
    ],
)
async def test_a_document_signs_in_once(gateway: Gateway, staff: Staff, document: str) -> None:
    person = await staff.hire()
    terms = {"email": person.email, "password": person.password, "surface": "PORTAL"}
    answer = await gateway.run(document, {"a": terms}, token=None)
    assert (answer.codes, answer.data) == (["GRAPHQL_VALIDATION_FAILED"], None)
    assert "signIn" in answer.errors[0]["message"]
    assert await gateway.scalar("SELECT count(*) FROM sessions") == 0
    one = "mutation M($a: SignInInput!) { ...F ...F } fragment F on Mutation { signIn(input: $a) { token } }"
    assert (await gateway.ask(one, {"a": terms}, token=None))["signIn"]["token"]


@pytest.mark.parametrize("change", ["deactivated", "blocked", "another password", "no surface"])
async def test_no_session_is_born_after_what_forbids_it(gateway: Gateway, staff: Staff, change: str) -> None:
    """A4, C12: a sign-in that waits for the change of the person sees what the change left."""
    person = await staff.hire()
    users, credentials = table_of(User), table_of(Credential)
    block = {"since": utc_now(), "actor_kind": ActorKind.SYSTEM, "by_administrator": True}
    block |= {"user_id": person.key, "organization_id": staff.organization_id, "reason": StateChangeReason.SECURITY}

    async def work(connection: Any) -> asyncio.Task[Any]:
        await connection.execute(select(users.c.id).where(users.c.id == person.key).with_for_update())
        signing = asyncio.create_task(attempt(gateway, person.email, surface="AGENT_DESKTOP"))
        await asyncio.sleep(0.5)  # the password is right by now, and the sign-in waits for the lock
        assert not signing.done()
        mine = users.c.id == person.key
        if change == "deactivated":
            await connection.execute(update(users).where(mine).values(status=UserStatus.DEACTIVATED))
        elif change == "no surface":
            await connection.execute(update(users).where(mine).values(contact_center_enabled=False))
        elif change == "another password":
            theirs = credentials.c.user_id == person.key
            await connection.execute(update(credentials).where(theirs).values(changed_at=utc_now()))
        else:
            await connection.execute(insert(table_of(SignInBlock)), [block])
        return signing

    signing = await gateway.database.change(work)
    signed = await signing
    expected = "NO_SURFACE_ACCESS" if change == "no surface" else "SIGN_IN_REFUSED"
    assert ([error["code"] for error in signed["errors"]], signed["token"]) == ([expected], None)
    assert await gateway.scalar("SELECT count(*) FROM sessions") == 0


async def test_sign_ins_and_deactivations_at_once_leave_no_open_session(gateway: Gateway, staff: Staff) -> None:
    """A4, A5: whoever comes first."""
    people = await staff.hire(6)
    for mutation in ("deactivateUsers", "forceUsersOffline"):
        tries = [attempt(gateway, person.email, surface="AGENT_DESKTOP") for person in people for _ in range(2)]
        await asyncio.gather(*tries, bulk(gateway, mutation, people))
        assert await gateway.scalar("SELECT count(*) FROM sessions WHERE ended_at IS NULL") == 0
        assert await gateway.scalar("SELECT count(*) FROM presences WHERE state <> 0") == 0
        await gateway.execute("DELETE FROM sign_in_failures")
        await bulk(gateway, "reactivateUsers", people)
    await versions_agree(gateway)


async def test_last_use_is_written_at_most_once_a_minute(gateway: Gateway, staff: Staff) -> None:
    """E9: in the background, and no change of the person."""
    person = await staff.hire()
    token = await gateway.sign_in(person)
    activity: Activity = gateway.client._transport.app.state.gateway.activity  # type: ignore[attr-defined]
    await activity.drain()
    table = table_of(Session)

    async def last() -> tuple[datetime, datetime]:
        document = "query L($id: ID!) { user(by: {id: $id}) { lastActiveAt } }"
        user = (await gateway.ask(document, {"id": person.id}))["user"]
        session = (await gateway.ask(VIEWER, token=token))["viewer"]["session"]
        return datetime.fromisoformat(session["lastActiveAt"]), datetime.fromisoformat(user["lastActiveAt"])

    first = await last()
    await activity.drain()
    assert await last() == first
    await move(gateway, table, last_active_at=timedelta(seconds=61))
    await gateway.ask(VIEWER, token=token)
    await activity.drain()
    second = await last()
    assert min(second) > max(first)
    assert (await look(gateway, person))["version"] == 1


async def test_a_use_during_the_writing_of_uses_is_not_forgotten(gateway: Gateway, staff: Staff) -> None:
    from resolvers.authentication import authenticate

    one, two = [await gateway.sign_in(person) for person in await staff.hire(2)]
    await move(gateway, table_of(Session), last_active_at=timedelta(minutes=10))
    callers = [await authenticate(gateway.database, token, utc_now()) for token in (one, two)]
    assert callers[0] is not None
    assert callers[1] is not None
    activity = Activity(gateway.database)
    held, go = asyncio.Event(), asyncio.Event()

    async def hold(connection: Any) -> None:
        users = table_of(User).c
        await connection.execute(select(users.id).with_for_update())
        held.set()
        await go.wait()

    holding = asyncio.create_task(gateway.database.change(hold))
    await held.wait()
    activity.note(callers[0], utc_now())
    await asyncio.sleep(0.8)  # the writing has begun, and waits for the lock
    activity.note(callers[1], utc_now())
    go.set()
    await holding
    await asyncio.sleep(1.5)
    stale = await gateway.rows("SELECT id FROM sessions WHERE last_active_at < started_at")
    assert stale == []


@pytest.mark.parametrize("text", ["a\0b", "x" * 500_000])
async def test_overlong_and_unkeepable_texts_are_refused(gateway: Gateway, text: str) -> None:
    for terms in ({"email": text, "password": "p"}, {"email": "a@acme.example", "password": text}):
        answer = await gateway.run(SIGN_IN, {"input": {**terms, "surface": "PORTAL"}}, token=None)
        assert answer.status == 200
        expected = "INVALID" if "\0" in text else "SIGN_IN_REFUSED"
        assert answer.data["signIn"]["errors"][0]["code"] == expected


async def test_somebody_signed_in_may_sign_in_as_another(gateway: Gateway, staff: Staff) -> None:
    one, two = await staff.hire(2)
    token = await gateway.sign_in(one)
    terms = {"email": two.email, "password": two.password, "surface": "PORTAL"}
    signed = (await gateway.ask(SIGN_IN, {"input": terms}, token=token))["signIn"]
    document = "{ viewer { actor { ... on User { id } } } }"
    assert (await gateway.ask(document, token=signed["token"]))["viewer"]["actor"] == {"id": two.id}
    assert not await dead(gateway, token)


@pytest.mark.usefixtures("dear_passwords")
async def test_an_unknown_mail_takes_as_long_as_a_wrong_password(sqlite_gateway: Gateway) -> None:
    """The shortest of several tries: whatever else the machine does only makes some longer."""
    person = await sqlite_gateway.staff.hire()
    await sqlite_gateway.sign_in(person)  # which keeps the password as new ones are kept
    shortest: dict[str, float] = {}
    for mail in (person.email, "nobody@acme.example"):
        took = []
        for _ in range(8):
            began = time.perf_counter()
            await attempt(sqlite_gateway, mail, "wrong wrong wrong")
            took.append(time.perf_counter() - began)
        shortest[mail] = min(took)
    assert shortest["nobody@acme.example"] > shortest[person.email] / 2


async def test_back_from_a_deactivation_everything_about_signing_in_is_as_it_was(
    gateway: Gateway, staff: Staff
) -> None:
    """A11, A13, E3: a password for a single use still must be changed, a closed surface stays closed."""
    fresh = await staff.hire(single_use=True)
    narrow = await staff.hire(profile=await staff.profile(surfaces=["PORTAL"]))
    for mutation in ("deactivateUsers", "reactivateUsers"):
        await bulk(gateway, mutation, [fresh, narrow])
    for surface in ("PORTAL", "AGENT_DESKTOP"):
        assert (await attempt(gateway, fresh.email, surface=surface))["passwordChangeRequired"] is True
    assert [await code(gateway, narrow, surface) for surface in ("PORTAL", "AGENT_DESKTOP")] == [
        None,
        "NO_SURFACE_ACCESS",
    ]


async def test_a_session_from_before_is_not_revived(gateway: Gateway, staff: Staff) -> None:
    """A4, C13, E1: neither by reactivating nor by resuming."""
    person = await staff.hire()
    for out, back in (("deactivateUsers", "reactivateUsers"), ("forceUsersOffline", "resumeUsersOnline")):
        token = await gateway.sign_in(person, "AGENT_DESKTOP")
        await bulk(gateway, out, [person])
        await bulk(gateway, back, [person])
        assert await dead(gateway, token)
        assert await state(gateway, person) == "OFFLINE"
