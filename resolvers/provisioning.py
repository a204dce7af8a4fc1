"""Adding people by hand (requirements C1, C4, D9 to D14, B2, B5, B17)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from models.audit import AuditAction
from models.license import LicenseGrantSource, LicenseGrantState, LicenseType
from models.operation import BulkOperationKind, UserEffectKind
from models.permission import Permission
from models.presence import PresenceState
from models.profile import DesktopProfile, UserProfile, UserProfileKind
from models.queue import Queue
from models.site import Site
from models.skill_group import SkillGroup
from models.storage import uuid7
from models.team import Team
from models.text import mail_key, names_of
from models.user import IdentitySource, UserRole, UserStatus
from resolvers.assessing import assess_seats
from resolvers.bulk import OPERATIONS, BulkAnswer, Effect, Item, Terms, settle, write_operation
from resolvers.context import Change, Context
from resolvers.identity import CHECKS, checked, default_profile, grant_problem, roles_problem
from resolvers.membership import QUEUES, SKILL_GROUPS, TEAMS
from resolvers.recording import News
from resolvers.refusals import MutationErrorCode as Code
from resolvers.refusals import MutationWarningCode, NotAuthenticated, Problem, Warning
from resolvers.targets import MAX_KEY_CHARACTERS, check_size


@dataclass(frozen=True, slots=True)
class NewUser:
    """Somebody to add.

    Attributes:
        fields: Texts by their names in the schema, as the caller wrote them; `email` is always there.
    """

    fields: dict[str, Any]
    roles: frozenset[UserRole] = frozenset({UserRole.AGENT})
    contact_center_enabled: bool = True
    site_id: UUID | None = None
    profile_id: UUID | None = None
    desktop_profile_id: UUID | None = None
    team_ids: tuple[UUID, ...] = ()
    queue_ids: tuple[UUID, ...] = ()
    skill_group_ids: tuple[UUID, ...] = ()
    license_ids: tuple[UUID, ...] = ()


@dataclass(slots=True)
class _Known:
    """What the new people are checked against, read once for all of them."""

    organization: Any
    built_in: dict[UserProfileKind, UUID]
    mails: dict[str, UUID]
    numbers: dict[str, UUID]
    externals: dict[str, UUID]
    sites: Mapping[UUID, Any]
    profiles: Mapping[UUID, Any]
    desktops: Mapping[UUID, Any]
    teams: Mapping[UUID, Any]
    queues: Mapping[UUID, Any]
    skill_groups: Mapping[UUID, Any]
    licenses: Mapping[UUID, Any]


@dataclass(slots=True)
class _Draft:
    """One new person on the way."""

    new: NewUser
    item: Item
    path: tuple[str, ...]
    values: dict[str, Any] = field(default_factory=dict)
    held: set[LicenseType] = field(default_factory=set)

    def fail(self, code: Code, message: str, *path: str) -> None:
        self.item.fail(Problem(code, message, (*self.path, *path)))


async def add_users(
    context: Context, users: Sequence[NewUser], terms: Terms, *, send_activation_mails: bool | None
) -> BulkAnswer:
    """Add people; who cannot be added is reported, the others are added together.

    Nobody gets a password by it: the activation mail brings one, for which an outbox event is written (D19).

    Args:
        send_activation_mails: Whether the mails are wanted; the organization decides when None.

    Raises:
        NotPermitted: The caller may not add anybody, or not give what the new people are to have.
        Refused: Nobody is named, or more than 25 people (D9).
    """
    context.require(Permission.USERS_CREATE)
    if any(new.team_ids or new.queue_ids or new.skill_group_ids for new in users):
        context.require(Permission.USERS_ASSIGN)
    if any(new.license_ids for new in users):
        context.require(Permission.LICENSES_WRITE)
    check_size(len(users), context.limits.max_create_users, "input", "users")

    async def work(change: Change) -> BulkAnswer:
        caller = context.known
        if not await change.kept.standing.caller_stands(caller.kind, caller.id, caller.session_id, change.at):
            raise NotAuthenticated("Your session or key has ended.")
        drafts = [_draft(index, new) for index, new in enumerate(users)]
        known = await _look_up(context, change, drafts)
        for draft in drafts:
            _assess(context, draft, known)
        _refuse_twins(drafts)
        await _find_seats(change, drafts, known)
        items = [draft.item for draft in drafts]
        passing = {id(item) for item in settle(items, terms.error_policy)}
        adding = [draft for draft in drafts if id(draft.item) in passing]
        async with change.trial() if terms.dry_run else nullcontext():
            seats = await _insert(context, change, adding, known)
        if terms.dry_run:
            for item in items:
                item.user_id = None  # nobody has come of it
        wanted = known.organization.sends_invitations if send_activation_mails is None else send_activation_mails
        added = [draft.item.user_id for draft in adding if draft.item.user_id is not None]
        answer = await write_operation(
            context,
            change,
            uuid7(change.at),
            BulkOperationKind.CREATE,
            items,
            terms,
            {"sendActivationMails": wanted},
            actions=dict.fromkeys(added, (AuditAction.CREATED, 1)),
            news=[News("mail.invitation", user_id) for user_id in added] if wanted else [],
        )
        if not terms.dry_run:
            await change.kept.seats.move(seats, at=change.at)
        return answer

    return await context.changing(work, OPERATIONS)


def _draft(index: int, new: NewUser) -> _Draft:
    mail = new.fields["email"][:MAX_KEY_CHARACTERS]  # whatever was sent: the item is kept, also of what is no mail
    return _Draft(new, Item(index, mail, label=mail), ("input", "users", str(index)))


async def _look_up(context: Context, change: Change, drafts: Sequence[_Draft]) -> _Known:
    for draft in drafts:
        values, problems = checked(draft.new.fields, *draft.path)
        draft.values = dict(values)
        for problem in problems:
            draft.item.fail(problem)
    rows = change.kept.provisioning
    new = [draft.new for draft in drafts]

    def values_of(column: str) -> set[str]:
        return {draft.values[column] for draft in drafts if draft.values.get(column)}

    numbers, externals = await rows.numbers_in_use(values_of("agent_number"), values_of("external_id"))
    return _Known(
        organization=await rows.organization(),
        built_in=await rows.built_in_profiles(),
        mails=await rows.mails_in_use({mail_key(mail) for mail in values_of("email")}),
        numbers=numbers,
        externals=externals,
        sites=await rows.known(Site, {each.site_id for each in new if each.site_id}),
        profiles=await rows.known(UserProfile, {each.profile_id for each in new if each.profile_id}),
        desktops=await rows.known(DesktopProfile, {each.desktop_profile_id for each in new if each.desktop_profile_id}),
        teams=await rows.known(Team, {one for each in new for one in each.team_ids}),
        queues=await rows.known(Queue, {one for each in new for one in each.queue_ids}),
        skill_groups=await rows.known(SkillGroup, {one for each in new for one in each.skill_group_ids}),
        licenses=await change.kept.seats.licenses({one for each in new for one in each.license_ids}),
    )


def _assess(context: Context, draft: _Draft, known: _Known) -> None:
    """Everything that can be wrong with one new person, all of it told at once."""
    new, values, caller = draft.new, draft.values, context.known
    if mail := values.get("email"):
        owner = known.mails.get(mail_key(mail))
        if owner == caller.organization_id:
            draft.fail(Code.EMAIL_IN_USE, "Somebody has this mail address already.", "email")
        elif owner is not None:
            draft.fail(Code.EMAIL_IN_OTHER_ORGANIZATION, "This mail address belongs to another organization.", "email")
    if values.get("agent_number") in known.numbers and values.get("agent_number"):
        draft.fail(Code.AGENT_NUMBER_IN_USE, "Somebody has this agent number already.", "agentNumber")
    if values.get("external_id") in known.externals and values.get("external_id"):
        draft.fail(Code.EXTERNAL_ID_IN_USE, "Somebody has this external id already.", "externalId")
    _assess_references(draft, known)
    if new.roles & {UserRole.FULL_ADMINISTRATOR, UserRole.SERVICE_ADMINISTRATOR}:
        draft.fail(Code.ROLE_NOT_ON_CREATE, "Administrator roles are given afterwards, by `updateUser`.", "roles")
    else:
        path = (*draft.path, "roles")
        problem = roles_problem(new.roles, draft.held, *path) or grant_problem(caller, (), new.roles, *path)
        if problem:
            draft.item.fail(problem)
    if not new.contact_center_enabled:
        for name, given in (
            ("siteId", new.site_id),
            ("profileId", new.profile_id),
            ("desktopProfileId", new.desktop_profile_id),
            ("teamIds", new.team_ids),
            ("queueIds", new.queue_ids),
            ("skillGroupIds", new.skill_group_ids),
        ):
            if given:
                draft.fail(
                    Code.NOT_CONTACT_CENTER_ENABLED, "This is only for people enabled for the contact center.", name
                )
    elif UserRole.AGENT in new.roles and not _desktop_profile(new, known):
        draft.fail(Code.DESKTOP_PROFILE_REQUIRED, "An agent needs a desktop profile.", "desktopProfileId")


def _desktop_profile(new: NewUser, known: _Known) -> UUID | None:
    """B5: an own one, or the default of the site or the organization."""
    site = known.sites.get(new.site_id) if new.site_id else None
    of_site: UUID | None = site.default_desktop_profile_id if site is not None else None
    of_organization: UUID | None = known.organization.default_desktop_profile_id
    return new.desktop_profile_id or of_site or of_organization


def _assess_references(draft: _Draft, known: _Known) -> None:
    new = draft.new
    lists: tuple[tuple[str, tuple[UUID | None, ...], Mapping[UUID, Any]], ...] = (
        ("siteId", (new.site_id,), known.sites),
        ("profileId", (new.profile_id,), known.profiles),
        ("desktopProfileId", (new.desktop_profile_id,), known.desktops),
        ("teamIds", new.team_ids, known.teams),
        ("queueIds", new.queue_ids, known.queues),
        ("skillGroupIds", new.skill_group_ids, known.skill_groups),
        ("licenseIds", new.license_ids, known.licenses),
    )
    for name, ids, found in lists:
        for index, each in enumerate(ids):
            if each is None:
                continue
            path = (name, str(index)) if name.endswith("Ids") else (name,)
            if each not in found:
                draft.fail(Code.NOT_FOUND, "There is no object with this id.", *path)
            elif not found[each].active:
                draft.fail(Code.INVALID_STATE, f"{found[each].name} is not in use.", *path)
            elif each in ids[:index]:
                draft.fail(Code.DUPLICATE_IN_REQUEST, "The same object is named twice.", *path)
    draft.held = {known.licenses[each].type for each in new.license_ids if each in known.licenses}
    if len(draft.held) > 1:
        words = "Both licenses were named, and PREMIUM_AGENT applies."
        draft.item.warnings.append(Warning(MutationWarningCode.PREMIUM_APPLIES, words, (*draft.path, "licenseIds")))


def _refuse_twins(drafts: Sequence[_Draft]) -> None:
    """Rule M4 among the new people: the first counts."""
    for column, name in (("email", "email"), ("agent_number", "agentNumber"), ("external_id", "externalId")):
        seen: set[str] = set()
        for draft in drafts:
            value = draft.values.get(column)
            if not value:
                continue
            compared = mail_key(value) if column == "email" else value
            if compared in seen:
                draft.fail(Code.DUPLICATE_IN_REQUEST, "An earlier item has the same value.", name)
            seen.add(compared)


async def _find_seats(change: Change, drafts: Sequence[_Draft], known: _Known) -> None:
    needs = {uuid7(change.at): draft for draft in drafts if draft.item.passing and draft.new.license_ids}
    if not needs:
        return
    pools = await change.kept.seats.lock_limited(set(known.licenses))
    without, _ = assess_seats({key: draft.new.license_ids for key, draft in needs.items()}, pools)
    for key, license_id in without.items():
        name = known.licenses[license_id].name
        needs[key].fail(Code.NO_SEAT_AVAILABLE, f"No seat of {name} is left.", "licenseIds")


async def _insert(context: Context, change: Change, drafts: Sequence[_Draft], known: _Known) -> dict[UUID, int]:
    """Write the new people with all that they have; the seats that they take, by license."""
    users, roles, presences, grants = [], [], [], []
    teams: list[tuple[UUID, UUID]] = []
    queues: list[tuple[UUID, UUID]] = []
    skills: list[tuple[UUID, UUID]] = []
    seats: dict[UUID, int] = {}
    for draft in drafts:
        key, new, item = uuid7(change.at), draft.new, draft.item
        row = _row(draft, key, change, known)
        item.user_id, item.label = key, row["display_name"]
        users.append(row)
        roles += [{"user_id": key, "role": role} for role in sorted(new.roles, key=lambda role: role.value)]
        presences.append({"user_id": key, "state": PresenceState.OFFLINE, "since": change.at, "reason_code": None})
        teams += [(key, each) for each in new.team_ids]
        queues += [(key, each) for each in new.queue_ids]
        skills += [(key, each) for each in new.skill_group_ids]
        item.effects.append(Effect(UserEffectKind.USER_CREATED, "created"))
        item.changes.append(("email", None, row["email"]))
        for what, ids, found in (
            (TEAMS, new.team_ids, known.teams),
            (QUEUES, new.queue_ids, known.queues),
            (SKILL_GROUPS, new.skill_group_ids, known.skill_groups),
        ):
            for each in ids:
                name = found[each].name
                words = f"joined {what.word} {name}"
                item.effects.append(Effect(UserEffectKind.ASSIGNED, words, (what.type_name, each), name))
        for each in new.license_ids:
            name = known.licenses[each].name
            seats[each] = seats.get(each, 0) + 1
            item.effects.append(Effect(UserEffectKind.SEAT_TAKEN, f"seat of {name} taken", ("License", each), name))
            grants.append(
                {
                    "id": uuid7(change.at),
                    "user_id": key,
                    "license_id": each,
                    "state": LicenseGrantState.ACTIVE,
                    "source": LicenseGrantSource.MANUAL,
                    "assigned_at": change.at,
                }
            )
    await change.kept.provisioning.add(users, presences)
    await change.kept.standing.add_roles(roles)
    await change.kept.memberships.add(teams, at=change.at)
    await change.kept.direct_queues.add(queues, at=change.at)
    await change.kept.skills.add(skills, at=change.at)
    await change.kept.seats.grant(grants)
    return seats


def _row(draft: _Draft, key: UUID, change: Change, known: _Known) -> dict[str, Any]:
    new = draft.new
    profile_id = new.profile_id
    if profile_id is None and new.contact_center_enabled:
        profile_id = known.built_in[default_profile(draft.held, new.roles)]
    return account_row(
        key,
        draft.values,
        change.at,
        contact_center_enabled=new.contact_center_enabled,
        site_id=new.site_id,
        profile_id=profile_id,
        desktop_profile_id=new.desktop_profile_id,
    )


def account_row(key: UUID, values: Mapping[str, Any], at: datetime, **assigned: Any) -> dict[str, Any]:
    """The row of a new person, ACTIVE and LOCAL.

    Args:
        values: Checked texts by column; `email` is always there.
        assigned: Further columns: contact-center flag, site, profiles.
    """
    return {
        **{column: values.get(column) for column in _TEXTS},
        **names_of(values),
        "id": key,
        "version": 1,
        "identity_source": IdentitySource.LOCAL,
        "protected": False,
        "status": UserStatus.ACTIVE,
        "status_changed_at": at,
        **assigned,
        "created_at": at,
        "updated_at": at,
    }


_TEXTS = tuple(column for column, _ in CHECKS.values())
