"""Global ids: base64 of a two-letter type prefix and the sixteen bytes of the key. The form never changes.

18 bytes make 24 characters without padding; any other spelling of an id is refused.
"""

from __future__ import annotations

import binascii
from uuid import UUID

PREFIXES = {
    "ApiKey": b"AK",
    "AuditEvent": b"AE",
    "BulkOperation": b"BO",
    "BulkOperationItem": b"BI",
    "CallRecord": b"CR",
    "DesktopProfile": b"DP",
    "License": b"LI",
    "LicenseGrant": b"LG",
    "Organization": b"OR",
    "Queue": b"QU",
    "Session": b"SE",
    "Site": b"SI",
    "SkillGroup": b"SG",
    "Team": b"TE",
    "User": b"US",
    "UserProfile": b"UP",
}
TYPES = {prefix: name for name, prefix in PREFIXES.items()}


def global_id(type_name: str, key: UUID) -> str:
    """The global id of an object."""
    return binascii.b2a_base64(PREFIXES[type_name] + key.bytes, newline=False).decode()


def parse_id(text: str) -> tuple[str, UUID] | None:
    """Type and key in a global id; None when it is malformed."""
    if len(text) != 24:
        return None
    try:
        raw = binascii.a2b_base64(text, strict_mode=True)
    except (binascii.Error, ValueError):
        return None
    name = TYPES.get(raw[:2])
    return None if name is None or len(raw) != 18 else (name, UUID(bytes=raw[2:]))


def key_of(text: str, *type_names: str) -> UUID | None:
    """The key in a global id of one of these types; None when it is malformed or of another type."""
    parsed = parse_id(text)
    return parsed[1] if parsed is not None and parsed[0] in type_names else None
