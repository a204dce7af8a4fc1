"""The rows about the people of a large organization, made for a few thousand people at a time."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from typing import Any
from uuid import UUID

import orjson
from sqlmodel import SQLModel

from cli.seeding.loading import Rows
from cli.seeding.names import Language
from cli.seeding.places import Places
from cli.seeding.plan import DAY, HOUR, MINUTE, MONTH, Order, Plan, moment, new_key
from models.audit import ActorKind, AuditAction, AuditEvent
from models.call_record import CallDirection, CallEndReason, CallRecord
from models.deactivation import Deactivation, DeactivationQueue, DeactivationTeam
from models.license import LicenseGrant, LicenseGrantSource, LicenseGrantState, LicenseType
from models.operation import StateChangeReason
from models.presence import Presence, PresenceState
from models.profile import UserProfileKind
from models.queue import UserQueue
from models.session import Session, SignInBlock, Surface
from models.skill_group import SkillGroupMember
from models.team import Membership
from models.text import names_of
from models.user import Credential, IdentitySource, User, UserRole, UserRoleGrant, UserStatus
from resolvers.identity import default_profile
from resolvers.signing_in import SESSION_LASTS

PEOPLE_AT_ONCE = 5_000
FEWEST_CALLS, MOST_CALLS = 20, 100  # a month, of those whose calls are there
TOPIC_SHARE, SECOND_LANGUAGE_SHARE = 0.4, 0.15

_CREATED = (
    "occurred_at", "id", "target_id", "target_label", "target_version", "action", "changes", "reason", "actor_id",
)  # fmt: skip
_GIVEN = ("first_name", "last_name", "nickname", "email", "extension", "agent_number", "external_id")
_DERIVED = tuple(names_of(dict.fromkeys(_GIVEN, "")))
_USER = (
    *_GIVEN, *_DERIVED, "id", "version", "work_phone", "locale", "time_zone", "identity_source", "protected", "status",
    "status_changed_at", "deactivated_at", "contact_center_enabled", "site_id", "profile_id", "desktop_profile_id",
    "activated_at", "last_sign_in_at", "last_active_at", "created_at", "updated_at",
)  # fmt: skip


class Crowd:
    """Makes the rows of people by their numbers in a plan, and keeps what is written about them in the end.

    Attributes:
        administrator: The key of the first person, who made the others.
        happened: Later events of the audit, by time: rows of `AuditEvent`.
    """

    def __init__(
        self,
        order: Order,
        plan: Plan,
        places: Places,
        organization_id: UUID,
        profiles: Mapping[UserProfileKind, bytes],
        licenses: Mapping[LicenseType, bytes],
        desktop: bytes,
        password_hash: str,
    ) -> None:
        self._order, self._plan, self._places = order, plan, places
        self._profiles, self._licenses, self._desktop = profiles, licenses, desktop
        self._password_hash = password_hash
        self._owned = {"organization_id": organization_id.bytes}
        self._now = order.now
        self._latin: dict[tuple[str, str], str] = {}
        self._calls = 0
        self._made: list[Rows] = []
        self.administrator = b""
        self.happened: list[tuple[Any, ...]] = []

    def parts(self) -> Iterator[range]:
        """The numbers of all people, those of a part together."""
        for first in range(0, self._order.users, PEOPLE_AT_ONCE):
            yield range(first, min(first + PEOPLE_AT_ONCE, self._order.users))

    def rows_of(self, numbers: range) -> list[Rows]:
        """Some people with all that belongs to them, in the order in which it can be written."""
        chance = self._order.chance(f"people from {numbers.start}")
        keys = [new_key(chance, self._plan.came[number]) for number in numbers]
        self.administrator = self.administrator or keys[0]
        rows = [self._person(chance, number, key) for number, key in zip(numbers, keys, strict=True)]
        load, owned, plan = self._load, self._owned, self._plan
        load(User, _USER, rows, **owned)
        people = list(zip(numbers, keys, rows, strict=True))
        roles = [(key, role.value) for number, key, _ in people for role in sorted(plan.roles[number], key=_value)]
        load(UserRoleGrant, ("user_id", "role"), roles, **owned)
        signed_in = [(key, plan.came[number]) for number, key, row in people if row[_ACTIVATED] is not None]
        secret = {"password_hash": self._password_hash, "single_use": 0}
        load(Credential, ("user_id", "changed_at"), signed_in, **secret, **owned)
        self._created(chance, people)
        taken = self._assigned(chance, people)
        self._at_work(chance, people)
        self._licensed(chance, people)
        self._gone(chance, people, taken)
        self._blocked(chance, people)
        self._called(chance, people, taken)
        return self._taken()

    def _load(
        self, model: type[SQLModel], columns: Sequence[str], rows: Sequence[tuple[Any, ...]], **same: Any
    ) -> None:
        self._made.append(Rows(model, columns, rows, same))

    def _taken(self) -> list[Rows]:
        made, self._made = self._made, []
        return made

    def _person(self, chance: random.Random, number: int, key: bytes) -> tuple[Any, ...]:
        plan, now = self._plan, self._now
        language, roles, came = plan.languages[number], plan.roles[number], plan.came[number]
        first, last = chance.choice(language.first_names), chance.choice(language.last_names)
        mail = "admin" if number == 0 else f"{self._local(language, first)}.{self._local(language, last)}{number}"
        texts = {
            "first_name": first,
            "last_name": last,
            "nickname": None,
            "email": f"{mail}@{self._order.domain}",
            "extension": f"{10_000 + number}",
            "agent_number": f"{1_000_000 + number}" if UserRole.AGENT in roles else None,
            "external_id": f"S-{number:07d}",
        }
        derived = names_of(texts)
        license = plan.licenses[number]
        enabled = bool(roles) or license is not None
        works = bool(roles & {UserRole.AGENT, UserRole.SUPERVISOR})
        deactivated = plan.deactivated.get(number)
        changed = deactivated or plan.blocked.get(number)
        until = changed or now
        activated = last_in = last_active = None
        if number in plan.at_work:
            last_in, last_active = now - chance.randrange(20 * MINUTE, 300 * MINUTE), now
        elif chance.random() < 0.96:
            # Most were there lately, some have not been for months.
            ago = chance.randrange(HOUR, 5 * DAY) if chance.random() < 0.8 else chance.randrange(5 * DAY, YEAR)
            last_in = max(came + HOUR, until - ago)
            last_active = min(until, last_in + chance.randrange(8 * HOUR))
        if last_in is not None:
            activated = came + chance.randrange(min(3 * DAY, last_in - came))
        held = set() if license is None else {license}
        profile = self._profiles[default_profile(held, roles)] if enabled else None
        version = 1 if changed is None else 2
        status = UserStatus.ACTIVE if deactivated is None else UserStatus.DEACTIVATED
        source = IdentitySource.DIRECTORY if chance.random() < 0.1 else IdentitySource.LOCAL
        phone = f"{language.country_code}{chance.randrange(10_000_000, 99_999_999)}"
        return (
            *texts.values(),
            *derived.values(),
            key,
            version,
            phone,
            language.locale,
            language.time_zone,
            source.value,
            int(number in plan.protected),
            status.value,
            deactivated or came,
            deactivated,
            int(enabled),
            chance.choice(self._places.sites) if works else None,
            profile,
            self._desktop if works else None,
            activated,
            last_in,
            last_active,
            came,
            changed or came,
        )

    def _local(self, language: Language, name: str) -> str:
        """A name as it stands in a mail address."""
        found = self._latin.get((language.name, name))
        if found is None:
            found = self._latin[language.name, name] = language.latin(name)
        return found

    def _created(self, chance: random.Random, people: Sequence[tuple[int, bytes, tuple[Any, ...]]]) -> None:
        """The first event of everybody; the administrator was made by the server."""
        rows = []
        for number, key, row in people:
            changes = orjson.dumps([["email", None, row[_MAIL]]]).decode()
            at, label = self._plan.came[number], row[_SHOWN]
            if number == 0:
                first = (at, new_key(chance, at), key, label, 1, AuditAction.CREATED.value, changes, None, None)
                self._events([first], ActorKind.SYSTEM)
            else:
                rows.append(self._event(chance, at, key, label, 1, AuditAction.CREATED, changes, None))
        self._events(rows, ActorKind.USER)

    def _event(
        self,
        chance: random.Random,
        at: int,
        target: bytes,
        label: str,
        version: int,
        action: AuditAction,
        changes: str,
        reason: StateChangeReason | None,
    ) -> tuple[Any, ...]:
        number = None if reason is None else reason.value
        key = new_key(chance, at)
        return at, key, target, label, version, action.value, changes, number, self.administrator

    def _events(self, rows: Sequence[tuple[Any, ...]], actor: ActorKind) -> None:
        self._load(AuditEvent, _CREATED, rows, target_type="User", actor_kind=actor.value, **self._owned)

    def rows_at_last(self) -> list[Rows]:
        """The later events of the audit, in the order of time."""
        self._events(sorted(self.happened), ActorKind.USER)
        return self._taken()

    def _assigned(
        self, chance: random.Random, people: Sequence[tuple[int, bytes, tuple[Any, ...]]]
    ) -> dict[int, tuple[list[int], list[int]]]:
        """Teams, direct queues and skill groups; the places of teams and queues that each has, or had."""
        plan, places = self._plan, self._places
        team_places, queue_places = range(len(places.teams)), range(len(places.queues))
        topics = list(places.languages.values())
        memberships, direct, skills, taken = [], [], [], {}
        for number, key, _ in people:
            came, gone = plan.came[number], number in plan.deactivated
            teams = chance.sample(team_places, plan.teams[number])
            queues = chance.sample(queue_places, plan.queues[number])
            taken[number] = teams, queues
            if not gone:
                memberships += [(places.teams[place], key, came) for place in teams]
                direct += [(key, places.queues[place], came) for place in queues]
            if plan.teams[number]:
                groups = [places.languages[plan.languages[number].name]]
                if chance.random() < SECOND_LANGUAGE_SHARE:
                    groups.append(chance.choice(topics))
                if places.topics and chance.random() < TOPIC_SHARE:
                    groups.append(chance.choice(places.topics))
                skills += [(group, key, came) for group in dict.fromkeys(groups)]
        self._load(Membership, ("team_id", "user_id", "assigned_at"), memberships, **self._owned)
        self._load(UserQueue, ("user_id", "queue_id", "assigned_at"), direct, **self._owned)
        self._load(SkillGroupMember, ("skill_group_id", "user_id", "assigned_at"), skills, **self._owned)
        return taken

    def _at_work(self, chance: random.Random, people: Sequence[tuple[int, bytes, tuple[Any, ...]]]) -> None:
        """Presence of everybody, and the sessions of those at work, whose tokens nobody knows."""
        presences, sessions = [], []
        lasts = SESSION_LASTS // (moment(1) - moment(0))
        for number, key, row in people:
            state, since, reason = PresenceState.OFFLINE, row[-1], None
            if number in self._plan.at_work:
                since = row[_LAST_IN]
                if chance.random() < 0.7:
                    state = PresenceState.AVAILABLE
                else:
                    state, reason = PresenceState.UNAVAILABLE, chance.choice(("LUNCH", "TRAINING", "MEETING", None))
                sessions.append((new_key(chance, since), key, chance.randbytes(32), since, since + lasts))
            presences.append((key, state.value, since, reason))
        self._load(Presence, ("user_id", "state", "since", "reason_code"), presences, **self._owned)
        self._load(
            Session,
            ("id", "user_id", "token_hash", "started_at", "expires_at"),
            sessions,
            surface=Surface.AGENT_DESKTOP.value,
            last_active_at=self._now,
            **self._owned,
        )

    def _licensed(self, chance: random.Random, people: Sequence[tuple[int, bytes, tuple[Any, ...]]]) -> None:
        """Licenses; those of the deactivated are suspended."""
        rows = []
        for number, key, _ in people:
            license, came = self._plan.licenses[number], self._plan.came[number]
            if license is not None:
                suspended = number in self._plan.deactivated
                state = LicenseGrantState.SUSPENDED if suspended else LicenseGrantState.ACTIVE
                rows.append((new_key(chance, came), key, self._licenses[license], state.value, came))
        columns = ("id", "user_id", "license_id", "state", "assigned_at")
        self._load(LicenseGrant, columns, rows, source=LicenseGrantSource.MANUAL.value, **self._owned)

    def _gone(
        self,
        chance: random.Random,
        people: Sequence[tuple[int, bytes, tuple[Any, ...]]],
        taken: Mapping[int, tuple[list[int], list[int]]],
    ) -> None:
        """Deactivations with what they took."""
        plan, places = self._plan, self._places
        rows, teams, queues = [], [], []
        for number, key, row in people:
            at, came = plan.deactivated.get(number), plan.came[number]
            if at is None:
                continue
            deactivation, reason = new_key(chance, at), chance.choice(tuple(StateChangeReason))
            rows.append((deactivation, key, at, reason.value, self.administrator))
            had_teams, had_queues = taken[number]
            teams += [(deactivation, places.teams[place], came) for place in had_teams]
            queues += [(deactivation, places.queues[place], came) for place in had_queues]
            changes: list[list[str | None]] = [["status", "ACTIVE", "DEACTIVATED"]]
            for field, had, names in (
                ("teams", had_teams, places.team_names),
                ("queues", had_queues, places.queue_names),
            ):
                if had:
                    changes.append([field, ", ".join(sorted(names[place] for place in had)), None])
            told = orjson.dumps(changes).decode()
            self.happened.append(self._event(chance, at, key, row[_SHOWN], 2, AuditAction.DEACTIVATED, told, reason))
        columns = ("id", "user_id", "deactivated_at", "reason", "actor_id")
        self._load(Deactivation, columns, rows, actor_kind=ActorKind.USER.value, **self._owned)
        self._load(DeactivationTeam, ("deactivation_id", "team_id", "assigned_at"), teams, **self._owned)
        self._load(DeactivationQueue, ("deactivation_id", "queue_id", "assigned_at"), queues, **self._owned)

    def _blocked(self, chance: random.Random, people: Sequence[tuple[int, bytes, tuple[Any, ...]]]) -> None:
        """Blocks from signing in."""
        rows = []
        changes = orjson.dumps([["signInBlock", None, "set"]]).decode()
        for number, key, row in people:
            at = self._plan.blocked.get(number)
            if at is not None:
                reason = StateChangeReason.SECURITY
                rows.append((key, at, reason.value, self.administrator))
                self.happened.append(
                    self._event(chance, at, key, row[_SHOWN], 2, AuditAction.FORCED_OFFLINE, changes, reason)
                )
        columns = ("user_id", "since", "reason", "actor_id")
        terms = {"actor_kind": ActorKind.USER.value, "by_administrator": 1}
        self._load(SignInBlock, columns, rows, **terms, **self._owned)

    def _called(
        self,
        chance: random.Random,
        people: Sequence[tuple[int, bytes, tuple[Any, ...]]],
        taken: Mapping[int, tuple[list[int], list[int]]],
    ) -> None:
        """Calls of the last month, or of the last one before the deactivation; of some of those at work one goes on."""
        plan, places, rows = self._plan, self._places, []
        for number, key, _ in people:
            teams, queues = taken[number]
            if number not in plan.on_record or not teams:
                continue
            until = plan.deactivated.get(number, self._now) - HOUR
            calls: list[tuple[int, int | None]] = [
                (until - chance.randrange(MONTH), chance.randrange(15, 1_500))
                for _ in range(chance.randint(FEWEST_CALLS, MOST_CALLS))
            ]
            if number in plan.at_work:
                calls.append((self._now - chance.randrange(30, 900) * 1_000_000, None))
            for began, seconds in calls:
                self._calls += 1
                place = chance.choice(teams)
                ways = [places.queues[each] for each in queues] + places.team_queues[place]
                direction = CallDirection.INBOUND if chance.random() < 0.8 else CallDirection.OUTBOUND
                rows.append(
                    (
                        new_key(chance, began),
                        f"C-{self._calls:08d}",
                        key,
                        chance.choice(ways) if ways else None,
                        places.teams[place],
                        direction.value,
                        began,
                        None if seconds is None else began + seconds * 1_000_000,
                        None if seconds is None else CallEndReason.CONTACT.value,
                        seconds or 0,
                        0 if seconds is None else chance.randrange(90),
                    )
                )
        columns = (
            "id", "external_id", "user_id", "queue_id", "team_id", "direction", "started_at", "ended_at", "ended_by",
            "talk_seconds", "wrap_up_seconds",
        )  # fmt: skip
        self._load(CallRecord, columns, rows, **self._owned)


YEAR = 365 * DAY
_MAIL, _SHOWN, _ACTIVATED, _LAST_IN = (
    _USER.index(name) for name in ("email", "display_name", "activated_at", "last_sign_in_at")
)


def _value(role: UserRole) -> int:
    return role.value
