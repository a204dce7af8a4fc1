"""Who works in the demo organization: drawn by a seeded random, nothing written yet."""

from __future__ import annotations

import random
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from cli.seeding.names import ENGLISH, LANGUAGES, Language
from cli.seeding.structure import Named, Structure
from models.license import LicenseType
from models.storage import uuid7
from models.text import mail_key
from models.user import UserRole

DOMAIN = "nordlicht.example"
ADMINISTRATOR_KEY = "demo-administrator"  # external id of the one whom a demo start tells of

FOUNDED_AGO = timedelta(days=1_100)
YOUNGEST = timedelta(days=70)  # everybody has been there for longer
FEWEST_DEACTIVATED_AGO, MOST_DEACTIVATED_AGO = timedelta(days=2), timedelta(days=60)
BLOCKED_AGO = timedelta(hours=20)

PROTECTED = BLOCKED = 2
_AGENT, _SUPERVISOR = UserRole.AGENT, UserRole.SUPERVISOR
_SERVICE, _FULL = UserRole.SERVICE_ADMINISTRATOR, UserRole.FULL_ADMINISTRATOR


@dataclass(slots=True)
class Worker:
    """Somebody of the demo organization.

    Attributes:
        texts: Names, mail, numbers by column.
        teams, queues: Of a deactivated person those that the deactivation took.
        signs_in: Whether the person has ever signed in, and so has a password.
    """

    key: UUID
    texts: dict[str, str | None]
    language: Language
    roles: frozenset[UserRole]
    came_at: datetime
    signs_in: bool = True
    license: LicenseType | None = LicenseType.STANDARD_AGENT
    enabled: bool = True
    from_directory: bool = False
    protected: bool = False
    blocked_at: datetime | None = None
    deactivated_at: datetime | None = None
    teams: list[Named] = field(default_factory=list)
    queues: list[Named] = field(default_factory=list)
    skill_groups: list[UUID] = field(default_factory=list)

    @property
    def active(self) -> bool:
        """Whether the account is open."""
        return self.deactivated_at is None

    @property
    def version(self) -> int:
        """One change after the account was made, if any (requirement E9)."""
        return 1 + (self.deactivated_at is not None or self.blocked_at is not None)

    @property
    def changed_at(self) -> datetime:
        """When the version last grew."""
        return self.deactivated_at or self.blocked_at or self.came_at


def cast(users: int, structure: Structure, seed: int, now: datetime, taken: Collection[str]) -> list[Worker]:
    """So many people, the demo administrator first; the same ones for the same seed.

    Args:
        taken: Mail addresses that others in the installation have, as `mail_key` makes them.
    """
    chance = random.Random(seed)
    mails = _Mails(taken)
    workers = [_administrator(mails, now)]
    for number in range(1, users):
        workers.append(_worker(chance, mails, structure, number, now))
    _mark(chance, workers, now)
    return workers


class _Mails:
    """Hands out mail addresses, each once."""

    def __init__(self, taken: Collection[str]) -> None:
        self._taken = set(taken)
        self._next: dict[str, int] = {}

    def new(self, local: str) -> str:
        while True:
            number = self._next.get(local, 1)
            self._next[local] = number + 1
            mail = f"{local}{number if number > 1 else ''}@{DOMAIN}"
            if mail_key(mail) not in self._taken:
                self._taken.add(mail_key(mail))
                return mail


def _administrator(mails: _Mails, now: datetime) -> Worker:
    at = now - FOUNDED_AGO
    texts = {"first_name": "Ada", "last_name": "Nordin", "email": mails.new("admin"), "external_id": ADMINISTRATOR_KEY}
    texts |= {"locale": "en", "time_zone": "Europe/Berlin"}
    return Worker(uuid7(at), dict(texts), ENGLISH, frozenset({_FULL}), at, license=None)


def _worker(chance: random.Random, mails: _Mails, structure: Structure, number: int, now: datetime) -> Worker:
    (language,) = chance.choices(LANGUAGES, [one.weight for one in LANGUAGES])
    at = now - FOUNDED_AGO + (FOUNDED_AGO - YOUNGEST) * chance.random()
    roles, held = position(number)
    worker = Worker(uuid7(at), {}, language, roles, at, license=held)
    worker.enabled = bool(roles) or held is not None
    worker.signs_in = chance.random() >= 0.04
    worker.from_directory = chance.random() < 0.1
    worker.texts = _texts(chance, mails, language, number, agent=_AGENT in roles)
    if worker.enabled and roles & {_AGENT, _SUPERVISOR}:
        _assign(chance, structure, worker)
    return worker


def position(number: int) -> tuple[frozenset[UserRole], LicenseType | None]:
    """Roles and license by the number of the person: in any thirty, two supervisors, a premium agent now and then."""
    if number == 1:
        return frozenset({_FULL}), LicenseType.PREMIUM_AGENT
    if number % 75 == 2:
        return frozenset({_SERVICE}), LicenseType.STANDARD_AGENT
    if number % 150 == 3:
        return frozenset({_SERVICE}), None
    if number % 50 == 4:
        return frozenset(), None  # has an account and does not work in the contact center
    if number % 15 == 5:
        return frozenset({_SUPERVISOR, _AGENT} if number % 60 == 5 else {_SUPERVISOR}), LicenseType.PREMIUM_AGENT
    return frozenset({_AGENT}), LicenseType.PREMIUM_AGENT if number % 6 == 0 else LicenseType.STANDARD_AGENT


def _texts(
    chance: random.Random, mails: _Mails, language: Language, number: int, *, agent: bool
) -> dict[str, str | None]:
    first, last = chance.choice(language.first_names), chance.choice(language.last_names)
    latin = f"{language.latin(first)}.{language.latin(last)}"
    spoken = latin.replace(".", " ").title() if language.spelled.get(first) and not first.isascii() else None
    return {
        "email": mails.new(latin),
        "first_name": first,
        "last_name": last,
        "nickname": spoken,
        "agent_number": f"{20_000 + number}" if agent else None,
        "external_id": f"NL-{number:06d}",
        "extension": f"{1_000 + number}",
        "work_phone": f"{language.country_code}{chance.randrange(10_000_000, 99_999_999)}",
        "locale": language.locale,
        "time_zone": language.time_zone,
    }


def _assign(chance: random.Random, structure: Structure, worker: Worker) -> None:
    """A team or two, most often direct queues, and the skill group of the own language, some of another one too."""
    teams = structure.teams[worker.language.name]
    worker.teams = chance.sample(teams, min(len(teams), 2 if chance.random() < 0.25 else 1))
    if _AGENT not in worker.roles:
        return
    worker.queues = chance.sample(structure.queues, chance.choice((0, 1, 1, 2, 2, 3)))
    spoken = {worker.language.name}
    if chance.random() < 0.3:
        spoken.add(chance.choice(LANGUAGES).name)
    worker.skill_groups = [structure.skill_groups[name] for name in sorted(spoken)]


def _mark(chance: random.Random, workers: list[Worker], now: datetime) -> None:
    """A tenth is deactivated, a few are protected, a few blocked: agents and supervisors, nobody in two ways."""
    plain = [worker for worker in workers[2:] if worker.roles & {_AGENT, _SUPERVISOR}]
    agents = [worker for worker in plain if worker.roles == {_AGENT}]
    chosen = iter(chance.sample(agents, PROTECTED + BLOCKED))
    for worker in _next(chosen, PROTECTED):
        worker.protected = True
    for worker in _next(chosen, BLOCKED):
        worker.blocked_at = now - BLOCKED_AGO * (1 + chance.random())
    free = [worker for worker in plain if not worker.protected and worker.blocked_at is None]
    for worker in chance.sample(free, len(workers) // 10):
        between = MOST_DEACTIVATED_AGO - FEWEST_DEACTIVATED_AGO
        worker.deactivated_at = now - FEWEST_DEACTIVATED_AGO - between * chance.random()


def _next(workers: Iterator[Worker], count: int) -> list[Worker]:
    return [next(workers) for _ in range(count)]
