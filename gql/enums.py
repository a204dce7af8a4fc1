"""The closed sets of values, in words: the enums of the models and resolvers become those of the schema.

Strawberry registers an enum when it is called with it, and leaves the values without descriptions
(`docs/architecture.md`): `worded` gives both, and refuses a value without words.
"""

from __future__ import annotations

from collections.abc import Collection
from enum import Enum
from typing import Any

import strawberry

from models.audit import AuditAction
from models.call_record import CallDirection, CallEndReason
from models.license import LicenseGrantSource, LicenseGrantState, LicenseType
from models.operation import (
    ActiveContactPolicy,
    BulkErrorPolicy,
    BulkItemOutcome,
    BulkOperationKind,
    BulkOperationStatus,
    RestoreScope,
    StateChangeReason,
    UserEffectKind,
)
from models.organization import CoverageRule
from models.permission import Permission, PermissionScope
from models.presence import PresenceState
from models.profile import UserProfileKind
from models.queue import QueueAssignmentSource
from models.session import SessionEndReason, Surface
from models.user import IdentitySource, UserRole, UserStatus
from repositories.users import UserOrderField
from resolvers.actions import UserAction
from resolvers.licenses import LicenseGrantReason
from resolvers.refusals import MutationErrorCode, MutationWarningCode
from resolvers.standing import SignInBlocker


class OrderDirection(Enum):
    """Sort direction."""

    ASC = "ASC"
    DESC = "DESC"


class CountPrecision(Enum):
    """How far a count can be trusted."""

    EXACT = "EXACT"
    AT_LEAST = "AT_LEAST"


class CallerKind(Enum):
    """What a caller is."""

    USER = "USER"
    API_KEY = "API_KEY"


def worded(enum: type[Enum], description: str, /, *, unused: Collection[str] = (), **values: str) -> None:
    """Make an enum one of the schema, each value with its words.

    Args:
        unused: Values that the tables can hold but nothing writes yet; the schema is without them (rule M13).

    Raises:
        ValueError: A value lacks words, or there are words for none.
    """
    if {*values, *unused} != set(enum.__members__):
        raise ValueError(f"{enum.__name__}: words do not match values")
    strawberry.enum(enum, description=description)
    definition: Any = vars(enum)["__strawberry_definition__"]
    definition.values = [value for value in definition.values if value.name not in unused]
    for value in definition.values:
        value.description = values[value.name]


worded(
    UserStatus,
    "Life-cycle state of a user account.",
    ACTIVE="Can sign in and work.",
    DEACTIVATED="Was deactivated: signed out, removed from teams and direct queues, kept in reports and in this API.",
    DELETED="Was deleted: found only by id and in history; mail address and agent number are free again.",
)
worded(
    UserRole,
    "Role of a user in the contact center. SUPERVISOR excludes both administrator roles and needs a "
    "PREMIUM_AGENT license.",
    AGENT="Handles contacts.",
    SUPERVISOR="Supervises agents and teams.",
    SERVICE_ADMINISTRATOR="Administers the contact center but neither adds nor deletes users.",
    FULL_ADMINISTRATOR="Administers the contact center in full.",
)
worded(
    UserAction,
    "What the caller can do with one user right now, taking permissions and state into account. What would change "
    "nothing is left out.",
    UPDATE="Change the profile data of the user.",
    DEACTIVATE="Deactivate the user.",
    REACTIVATE="Reactivate the user.",
    FORCE_OFFLINE="Sign the user out and block further sign-ins.",
    RESUME_ONLINE="Lift the sign-in block.",
    SIGN_OUT="End the sessions of the user, who can sign in again.",
    ASSIGN_TEAMS="Change the teams of the user.",
    ASSIGN_QUEUES="Change the directly assigned queues of the user.",
    ASSIGN_SKILL_GROUPS="Change the skill groups of the user; of somebody who may get none, take them.",
)
worded(
    SignInBlocker,
    "What keeps a user from signing in.",
    DEACTIVATED="The user is deactivated.",
    DELETED="The user is deleted.",
    SIGN_IN_BLOCKED="The user was forced offline.",
    NO_SURFACE_ACCESS="The user profile does not open the surface, or the user is not enabled for the contact center "
    "and the surface is the agent desktop.",
)
worded(
    IdentitySource,
    "Where the identity of a user comes from.",
    LOCAL="Kept by this service.",
    DIRECTORY="Taken over from a directory.",
)
worded(
    StateChangeReason,
    "Why the state of a user is changed.",
    VOLUNTARY="The user asked for it.",
    SEASONAL="Seasonal work begins or ends.",
    LEAVE="Leave begins or ends.",
    PERFORMANCE="Performance.",
    CONDUCT="Conduct.",
    SECURITY="Security.",
    UNKNOWN="Not said.",
)
worded(
    ActiveContactPolicy,
    "What happens to a user who is handling a contact, which is one with a call record that has no end.",
    END_NOW="The contact is ended and the user is handled at once.",
    AFTER_CONTACT="The user is handled as soon as the contact is over.",
    SKIP="The user is left alone and reported with ACTIVE_CONTACT.",
)
worded(
    PresenceState,
    "What a user is doing at the moment.",
    OFFLINE="Not signed in.",
    AVAILABLE="Signed in and ready for contacts.",
    ENGAGED="Signed in and handling a contact.",
    WRAP_UP="Signed in and finishing a contact.",
    UNAVAILABLE="Signed in but not taking contacts.",
)
worded(
    Surface,
    "Where a user signs in.",
    PORTAL="The administration portal.",
    AGENT_DESKTOP="The desktop or adapter in which contacts are handled.",
)
worded(
    SessionEndReason,
    "Why a session ended.",
    SIGNED_OUT="The user signed out.",
    SIGNED_OUT_BY_OTHER="Somebody else signed the user out.",
    EXPIRED="The session reached its longest duration.",
    IDLE_TIMEOUT="The session was idle for too long.",
    PASSWORD_RESET="The password was reset or changed.",
    ACCESS_CHANGED="The roles, the profile or the surfaces of the user changed.",
    FORCED_OFFLINE="The user was forced offline.",
    DEACTIVATED="The user was deactivated.",
)
worded(
    QueueAssignmentSource,
    "Where the assignment of a queue to a user comes from.",
    DIRECT="Assigned to the user directly; removed by a deactivation.",
    TEAM="Inherited from a team.",
    SKILL_GROUP="Inherited from a skill group.",
)
worded(
    UserProfileKind,
    "Kind of a user profile.",
    STANDARD_AGENT="Built in: given with a STANDARD_AGENT license.",
    PREMIUM_AGENT="Built in: given with a PREMIUM_AGENT license alone.",
    SUPERVISOR="Built in: given with a PREMIUM_AGENT license and the role SUPERVISOR.",
    ADMINISTRATOR="Built in: given with a PREMIUM_AGENT license and an administrator role.",
    ADMINISTRATOR_ONLY="Built in: given with an administrator role and no license; it opens the portal alone.",
    CUSTOM="Made by an administrator, and never replaced by a built-in one on its own.",
)
worded(
    LicenseType,
    "Type of a license.",
    STANDARD_AGENT="Basic type.",
    PREMIUM_AGENT="Full type; it wins when a user has both.",
)
worded(
    CallDirection,
    "Which side started a call.",
    INBOUND="The customer called.",
    OUTBOUND="The agent called.",
)
worded(
    CallEndReason,
    "What ended a call.",
    CONTACT="The contact itself was over.",
    DEACTIVATION="The agent was deactivated.",
    FORCE_OFFLINE="The agent was forced offline.",
    SIGN_OUT="The sessions of the agent were ended.",
)
worded(
    AuditAction,
    "What was done.",
    CREATED="Something was created.",
    UPDATED="Something was changed.",
    DELETED="Something was deleted.",
    DEACTIVATED="A user was deactivated.",
    REACTIVATED="A user was reactivated.",
    FORCED_OFFLINE="A user was forced offline.",
    RESUMED_ONLINE="A sign-in block was lifted.",
    PASSWORD_RESET="The password of a user was reset, and a new one was mailed.",
    PASSWORD_CHANGED="A user changed the password.",
    ASSIGNED="Something was assigned to a user.",
    UNASSIGNED="Something was taken from a user.",
    SIGNED_IN="A user signed in.",
    SIGNED_OUT="A user signed out or was signed out.",
)
worded(
    LicenseGrantState,
    "State of a license grant.",
    ACTIVE="Takes a seat and counts for the user.",
    SUSPENDED="Remembered while the user is deactivated; takes no seat.",
)
worded(
    LicenseGrantSource,
    "Where the grant of a license comes from.",
    unused=("TEMPLATE", "IMPORT", "DIRECTORY"),
    MANUAL="Assigned by hand or through this API.",
)
worded(
    LicenseGrantReason,
    "Why a license grant makes the effective license of the user or does not.",
    ONLY_GRANT="It counts: it is the only active grant of the user.",
    PREMIUM_WINS="It counts: it is for PREMIUM_AGENT, which wins over STANDARD_AGENT.",
    OUTRANKED="It does not count: another grant of the user does.",
    SUSPENDED="It does not count: it is suspended.",
)
worded(
    Permission,
    "A permission that a caller can hold.",
    USERS_READ="Read users and what is assigned to them.",
    USERS_CREATE="Add users, also by import or synchronization.",
    USERS_UPDATE="Change the profile data and the roles of users.",
    USERS_DELETE="Delete users.",
    USERS_DEACTIVATE="Deactivate users.",
    USERS_REACTIVATE="Reactivate users.",
    USERS_FORCE_OFFLINE="Sign users out and block further sign-ins.",
    USERS_RESUME_ONLINE="Lift the sign-in blocks of users.",
    USERS_SIGN_OUT="End the sessions of users.",
    USERS_RESET_PASSWORD="Mail users a new random password.",
    USERS_ASSIGN="Change the teams, queues and skill groups of users.",
    STRUCTURE_WRITE="Create, change and delete teams, queues, skill groups, sites and desktop profiles.",
    PROFILES_WRITE="Create, change and delete user profiles.",
    LICENSES_READ="Read licenses, seats, grants and license templates.",
    LICENSES_WRITE="Assign licenses and change license templates.",
    AUDIT_READ="Read audit events.",
    KEYS_MANAGE="Read, make, rotate and revoke API keys.",
    WEBHOOKS_MANAGE="Read, make, change and delete webhooks.",
    REPORTS_READ="Read call records and reports.",
    REPORTS_WRITE="Record calls.",
    SETTINGS_WRITE="Change the settings of the organization.",
    DIRECTORY_SYNC="Provision users and groups over SCIM; a key with it opens nothing else.",
)
worded(
    PermissionScope,
    "How far a permission reaches.",
    SELF="The caller alone.",
    OWN_TEAMS="The teams of which the caller is a member, the teams below them, and the users in them.",
    ORGANIZATION="Everything in the organization.",
)
worded(
    BulkOperationKind,
    "What a bulk operation does.",
    CREATE="Creates users.",
    DEACTIVATE="Deactivates users.",
    REACTIVATE="Reactivates users.",
    FORCE_OFFLINE="Forces users offline.",
    RESUME_ONLINE="Lifts sign-in blocks.",
    SIGN_OUT="Ends sessions.",
    ASSIGN_TEAMS="Changes the teams of users.",
    ASSIGN_QUEUES="Changes the directly assigned queues of users.",
    ASSIGN_SKILL_GROUPS="Changes the skill groups of users.",
    UNDO="Takes back another bulk operation.",
)
worded(
    CoverageRule,
    "What happens when a change would leave a queue below its minimum of active agents.",
    OFF="Nothing.",
    WARN="The change is made with a warning.",
    REFUSE="The users concerned are refused with COVERAGE.",
)
worded(
    RestoreScope,
    "What a reactivation puts back on request.",
    TEAMS="Teams the user was removed from.",
    QUEUES="Directly assigned queues the user was removed from.",
)
worded(
    BulkOperationStatus,
    "How far a bulk operation is.",
    SCHEDULED="Waits for its time, see `executeAt`.",
    QUEUED="Waits for a worker.",
    RUNNING="Is being worked on.",
    COMPLETED="Has handled every item without a failure.",
    COMPLETED_WITH_ERRORS="Has handled every item; some failed.",
    FAILED="Gave up before every item was handled.",
    CANCELED="Was canceled before every item was handled.",
)
worded(
    BulkItemOutcome,
    "What happened to one item of a bulk operation.",
    PENDING="Not handled yet.",
    SUCCEEDED="The item was changed as asked.",
    UNCHANGED="The item already was as asked.",
    FAILED="The item could not be changed; see its errors.",
    SKIPPED=(
        "The item was left alone because the operation stopped, or because another item failed under the ATOMIC policy."
    ),
)
worded(
    BulkErrorPolicy,
    "What happens to the other items when one item fails.",
    CONTINUE="The other items are handled all the same.",
    ATOMIC="Nothing is changed at all. Only allowed up to `maxInlineTargets`.",
)
worded(
    UserEffectKind,
    "Kind of a single effect on a user.",
    USER_CREATED="The user is created.",
    STATUS_CHANGED="The life-cycle state changes.",
    SIGNED_OUT="Open sessions end.",
    SIGN_IN_BLOCKED="A sign-in block is set.",
    SIGN_IN_BLOCK_LIFTED="A sign-in block is lifted.",
    ASSIGNED="The user joins a team, queue, skill group or gets a license.",
    UNASSIGNED="The user leaves a team, queue, skill group or loses a license.",
    PRESENCE_CHANGED="The presence changes.",
    CONTACT_ENDED="An active contact is ended.",
    SEAT_FREED="A license seat becomes free.",
    SEAT_TAKEN="A license seat is taken.",
)
worded(
    MutationErrorCode,
    "Machine-readable kind of a problem in a mutation. New values may be added: treat unknown ones as INVALID.",
    INVALID="A value is not acceptable.",
    REQUIRED="A value is missing.",
    NOT_FOUND="The named object does not exist or is not visible to the caller.",
    FORBIDDEN="The caller lacks the permission.",
    EMAIL_IN_USE="Another user has this mail address.",
    EMAIL_IN_OTHER_ORGANIZATION="The mail address belongs to another organization.",
    AGENT_NUMBER_IN_USE="Another user has this agent number.",
    EXTERNAL_ID_IN_USE="Another user has this key in the system of record.",
    NAME_IN_USE="Another object of the kind has this name.",
    IN_USE="The object is in use and cannot be deleted or deactivated.",
    INVALID_STATE="The object is in a state that does not allow this.",
    VERSION_CONFLICT="The object changed since the caller read it.",
    SELF_ACTION="Callers cannot do this to themselves.",
    LAST_ADMINISTRATOR="The last full administrator who is active and not blocked would be lost.",
    PROTECTED_USER="The user is protected from this.",
    ACTIVE_CONTACT="The user is handling a contact.",
    FIELD_NOT_EDITABLE="The field cannot be changed.",
    MANAGED_BY_DIRECTORY="The field is owned by the directory.",
    DESKTOP_PROFILE_REQUIRED="An agent needs a desktop profile.",
    NOT_CONTACT_CENTER_ENABLED="The user is not enabled for the contact center.",
    ROLE_REQUIRES_PREMIUM="The role needs a PREMIUM_AGENT license.",
    ROLES_EXCLUSIVE="The roles exclude each other.",
    ROLE_NOT_ON_CREATE="The role cannot be given on creation.",
    NO_SEAT_AVAILABLE="No seat of the license is left.",
    BLOCKED_BY_ADMINISTRATOR="The sign-in block was set by an administrator and is lifted by administrators only.",
    SIGN_IN_REFUSED="Mail address or password is wrong, or this person may not sign in.",
    NO_SURFACE_ACCESS="The person may not sign in on this surface.",
    TOO_MANY_ATTEMPTS="There were too many failed attempts; try again later.",
    PASSWORD_UNACCEPTABLE="The new password is too short, too long, too common or the old one.",
    DUPLICATE_IN_REQUEST="The same object is named twice.",
    TOO_MANY_ITEMS="Too many items.",
    COVERAGE="A queue would fall below its minimum of active agents, and the organization refuses that.",
    COUNT_MISMATCH="Another number of objects matches than the caller expected.",
    PLAN_STALE="What the dry run found has changed since.",
    IDEMPOTENCY_MISMATCH="The idempotency key was used before with other input.",
    IDEMPOTENCY_IN_PROGRESS="A call with the same idempotency key is still under way.",
)
worded(
    MutationWarningCode,
    "Machine-readable kind of a warning. New values may be added: show the message of unknown ones.",
    PREMIUM_APPLIES="Both licenses were named or came from several groups, and PREMIUM_AGENT applies.",
    TEAMS_RESET="The user left all teams, because the site changed.",
    DESKTOP_PROFILE_RESET="The desktop profile of the old site was taken away, because the site changed.",
    NOT_RESTORED="A team or queue was not put back, because it is gone, not in use or changed since.",
    COVERAGE="A queue is left below its minimum of active agents.",
)
worded(
    OrderDirection,
    "Sort direction.",
    ASC="Smallest, earliest or alphabetically first item first.",
    DESC="Largest, latest or alphabetically last item first.",
)
worded(
    CountPrecision,
    "How far a count can be trusted.",
    EXACT="The number is exact.",
    AT_LEAST="Counting stopped at the limit; there are at least this many.",
)
worded(
    CallerKind,
    "What a caller is.",
    USER="A person with a session.",
    API_KEY="A program with an API key.",
)
worded(
    UserOrderField,
    "Fields by which a list of User items can be sorted.",
    DISPLAY_NAME="Display name, regardless of case and accents.",
    LAST_NAME="Last name, regardless of case and accents.",
    EMAIL="Mail address.",
    STATUS="Life-cycle state in the order of the enum.",
    LAST_SIGN_IN_AT="Time of the last sign-in.",
    CREATED_AT="Time of creation.",
    UPDATED_AT="Time of the last change.",
    DEACTIVATED_AT="Time of the deactivation.",
)
