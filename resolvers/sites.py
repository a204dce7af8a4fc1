"""Finding sites."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from uuid import UUID

from models.site import Site
from repositories.criteria import Nested
from repositories.kept import Kept
from repositories.named import ThingCriteria
from repositories.sites import SITE_IDENTITY, SITES_SORTABLE, SiteOrderField
from resolvers.context import Context
from resolvers.lists import page_of_named
from resolvers.orders import Wish, chosen_order
from resolvers.paging import Page, PageArguments


async def site_of(context: Context, site_id: UUID | None) -> Site | None:
    """The site with this id; None when there is none."""
    return None if site_id is None else await context.loaders.load("sites", site_id, _by_id)


async def page(
    context: Context,
    wanted: Nested[ThingCriteria],
    include_inactive: bool,
    wishes: Sequence[Wish[SiteOrderField]],
    arguments: PageArguments,
) -> Page[Site]:
    """A page of sites, by name unless wished otherwise; those not in use only where asked for (requirement B7).

    Raises:
        BadInput, BadCursor: See `PageArguments.slice` and `chosen_order`.
    """
    order = chosen_order("sites", wishes, SITES_SORTABLE, SiteOrderField.NAME, SITE_IDENTITY)
    return await page_of_named(context, lambda kept: kept.sites, wanted, include_inactive, order, arguments)


async def _by_id(kept: Kept, ids: Collection[UUID]) -> Mapping[UUID, Site]:
    return await kept.sites.by_id(ids)
