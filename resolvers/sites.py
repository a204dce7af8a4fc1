"""Finding sites."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from models.site import Site
from repositories.kept import Kept
from resolvers.context import Context


async def site_of(context: Context, site_id: UUID | None) -> Site | None:
    """The site with this id; None when there is none."""
    return None if site_id is None else await context.loaders.load("sites", site_id, _by_id)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Site]:
    return await kept.sites.by_id(ids)
