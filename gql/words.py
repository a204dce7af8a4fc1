"""Words that describe the same field of several types."""

from __future__ import annotations

VERSION = "Number that grows with every change; pass it as `expectedVersion` to detect lost updates."
NAME = "Name, unique regardless of case."
DESCRIPTION = "Free text that describes it."
ACTIVE = (
    "Whether it is in use; lists at the root leave out what is not, unless `includeInactive` or the filter asks for it."
)
ACTIVE_CONDITION = (
    "Whether it is in use; when present anywhere in the filter, it alone decides, and `includeInactive` does not count."
)
ORDER = (
    "Sort key for a list of {} items. The node id is always appended as the last key, and items without a value come "
    "last in both directions."
)
