"""Who is who in a large organization: drawn as columns of plain values before anything is written."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import blake2b

from cli.seeding.names import LANGUAGES, Language
from cli.seeding.people import position
from models.license import LicenseType
from models.storage import EPOCH, MICROSECOND, key7
from models.user import UserRole

UNTIL = date(2026, 1, 1)  # the moment at which the organization is shown, unless another day is asked for
FEWEST_USERS = 10

PER_TEAM, PER_QUEUE, PER_SKILL_GROUP = 200, 500, 2_000  # people of the organization for each of them
FEWEST_TEAMS, FEWEST_QUEUES = 4, 8
TEAMS_HELD, QUEUES_HELD = (1, 2, 3, 4), (0, 1, 2, 3)  # by those who work; then moved towards the promised average
MOST_TEAMS_HELD, MOST_QUEUES_HELD = 5, 5

MINUTE = 60_000_000
HOUR, DAY = 60 * MINUTE, 24 * 60 * MINUTE
FOUNDED_AGO, YOUNGEST = 1_100 * DAY, 100 * DAY  # everybody came in between
FEWEST_DEACTIVATED_AGO, MOST_DEACTIVATED_AGO = 2 * DAY, 60 * DAY
MONTH = 28 * DAY

_WORKING = frozenset({UserRole.AGENT, UserRole.SUPERVISOR})


@dataclass(frozen=True, slots=True)
class Order:
    """What was asked for.

    Attributes:
        until: The day at whose beginning, in UTC, the organization is shown; nothing in it is later.
    """

    users: int
    seed: int
    name: str
    until: date = UNTIL

    @property
    def now(self) -> int:
        """The moment at which the organization is shown, in microseconds."""
        return microseconds(datetime(self.until.year, self.until.month, self.until.day, tzinfo=UTC))

    @property
    def domain(self) -> str:
        """Of the mail addresses; another one for each seed and name, because an address is given once."""
        named = blake2b(f"{self.seed}/{self.name}".encode(), digest_size=4).hexdigest()
        return f"seed-{named}.example"

    def chance(self, what: str) -> random.Random:
        """A source of chance for one purpose; what is drawn for another one does not move it."""
        return random.Random(f"{self.seed}/{self.name}/{what}")


@dataclass(frozen=True, slots=True)
class Plan:
    """Columns over all people, by number: the first is the administrator.

    Attributes:
        teams, queues: How many each holds; of the deactivated, how many the deactivation took.
        deactivated, blocked: When, by number.
        protected: Numbers.
        on_record: Numbers of those whose calls of the last month are there.
    """

    roles: list[frozenset[UserRole]]
    licenses: list[LicenseType | None]
    languages: list[Language]
    came: list[int]
    teams: list[int]
    queues: list[int]
    deactivated: dict[int, int]
    blocked: dict[int, int]
    protected: frozenset[int]
    at_work: frozenset[int]
    on_record: frozenset[int]


def microseconds(at: datetime) -> int:
    """A moment as SQLite keeps it."""
    return (at - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    """The moment of so many microseconds."""
    return EPOCH + timedelta(microseconds=at)


def new_key(chance: random.Random, at: int) -> bytes:
    """The key of something that came to be at a moment."""
    return key7(at // 1_000, chance.getrandbits(74)).bytes


def planned(order: Order, teams: int, queues: int) -> Plan:
    """Draw who is who.

    Args:
        teams, queues: How many there are.
    """
    chance, users, now = order.chance("plan"), order.users, order.now
    positions = [(frozenset({UserRole.FULL_ADMINISTRATOR}), None), *(position(number) for number in range(1, users))]
    roles, licenses = [each[0] for each in positions], [each[1] for each in positions]
    working = [number for number in range(2, users) if roles[number] & _WORKING]

    protected = frozenset(chance.sample(working, users // 1_000))
    plain = [number for number in working if number not in protected]
    gone = sorted(chance.sample(plain, users // 5))
    between = MOST_DEACTIVATED_AGO - FEWEST_DEACTIVATED_AGO
    deactivated = {number: now - FEWEST_DEACTIVATED_AGO - chance.randrange(between) for number in gone}
    staying = [number for number in plain if number not in deactivated]
    offline = sorted(chance.sample(staying, users // 500))
    blocked = {number: now - chance.randrange(HOUR, 40 * DAY) for number in offline}
    active = [number for number in working if number not in deactivated]

    able = [number for number in active if number not in blocked and UserRole.AGENT in roles[number]]
    agents = [number for number in working if UserRole.AGENT in roles[number]]
    held = [0] * users, [0] * users
    for counts, drawn, most, total in (
        (held[0], TEAMS_HELD, min(MOST_TEAMS_HELD, teams), users * 2),
        (held[1], QUEUES_HELD, min(MOST_QUEUES_HELD, queues), users * 3 // 2),
    ):
        for number, share in zip(active, _shares(chance, len(active), drawn, most, total), strict=True):
            counts[number] = share
        for number in gone:
            counts[number] = min(chance.choice(drawn), most)

    step = (FOUNDED_AGO - YOUNGEST) // users
    weights = [one.weight for one in LANGUAGES]
    return Plan(
        roles=roles,
        licenses=licenses,
        languages=chance.choices(LANGUAGES, weights, k=users),
        came=[now - FOUNDED_AGO + number * step + (chance.randrange(step) if number else 0) for number in range(users)],
        teams=held[0],
        queues=held[1],
        deactivated=deactivated,
        blocked=blocked,
        protected=protected,
        at_work=frozenset(chance.sample(able, len(able) // 20)),
        on_record=frozenset(chance.sample(agents, min(len(agents), max(5, users // 50)))),
    )


def _shares(chance: random.Random, people: int, drawn: Sequence[int], most: int, total: int) -> list[int]:
    """How many things each person holds: drawn, then moved one by one until they are `total` together.

    Where few people could not hold so many, each holds as many as there may be.
    """
    shares = [min(share, most) for share in chance.choices(drawn, k=people)]
    missing = min(total, people * most) - sum(shares)
    step = 1 if missing > 0 else -1
    while missing:
        number = chance.randrange(people)
        if 0 <= shares[number] + step <= most:
            shares[number] += step
            missing -= step
    return shares
