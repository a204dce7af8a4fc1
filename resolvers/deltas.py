"""What an item changed of a person, kept with it so that it can be taken back (requirement E10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from uuid import UUID

from models.audit import ActorKind
from models.operation import StateChangeReason
from models.user import UserStatus

Links = dict[str, dict[UUID, datetime]]  # by the name of the list in the schema: each thing, and since when


@dataclass(slots=True)
class Delta:
    """A change of one person.

    Attributes:
        status: The state before; None where it did not change.
        block: The sign-in block before, by its columns, empty where there was none; None where it did not change.
        added: Teams, queues and skill groups that were given.
        taken: Those that were taken, with the time from which the person had them.
    """

    status: UserStatus | None = None
    block: Mapping[str, Any] | None = None
    added: Links = field(default_factory=dict)
    taken: Links = field(default_factory=dict)

    def kept(self) -> dict[str, Any] | None:
        """As it is stored with the item, times as JSON has them; None where nothing can be taken back."""
        kept: dict[str, Any] = {}
        if self.status is not None:
            kept["status"] = self.status.name
        if self.block is not None:
            kept["block"] = {name: _plain(value) for name, value in self.block.items()}
        for name, links in (("added", self.added), ("taken", self.taken)):
            if links:
                kept[name] = {each: {thing.hex: at for thing, at in things.items()} for each, things in links.items()}
        return kept or None

    @classmethod
    def of(cls, kept: Mapping[str, Any] | None) -> Self:
        """A change as it was stored."""
        kept = kept or {}
        block = kept.get("block")
        return cls(
            status=UserStatus[kept["status"]] if "status" in kept else None,
            block=None if block is None else {name: _BLOCK[name](value) for name, value in block.items()},
            added=_links(kept.get("added", {})),
            taken=_links(kept.get("taken", {})),
        )


def _links(kept: Mapping[str, Mapping[str, str]]) -> Links:
    return {
        each: {UUID(hex=thing): datetime.fromisoformat(at) for thing, at in things.items()}
        for each, things in kept.items()
    }


def _plain(value: Any) -> Any:
    if isinstance(value, UUID):
        return value.hex
    if isinstance(value, datetime):
        return value.isoformat()
    return value.name if isinstance(value, ActorKind | StateChangeReason) else value


def _key(value: str | None) -> UUID | None:
    return None if value is None else UUID(hex=value)


_BLOCK: Mapping[str, Any] = {
    "since": datetime.fromisoformat,
    "actor_kind": lambda name: ActorKind[name],
    "actor_id": _key,
    "by_administrator": bool,
    "reason": lambda name: StateChangeReason[name],
    "note": lambda note: note,
    "operation_id": _key,
}
