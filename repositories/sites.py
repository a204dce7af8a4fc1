"""Sites."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from sqlalchemy import ColumnElement

from models.site import Site
from models.storage import table_of
from repositories.keyset import SortKey
from repositories.named import NamedRepository, ThingCriteria, by_name_or_creation, meeting

SITE_IDENTITY = table_of(Site).c.id


class SiteOrderField(Enum):
    """What a list of sites can be sorted by."""

    NAME = "NAME"
    CREATED_AT = "CREATED_AT"


SITES_SORTABLE: Mapping[SiteOrderField, SortKey] = by_name_or_creation(Site, SiteOrderField)


class SiteRepository(NamedRepository[Site, ThingCriteria]):
    """The sites of one organization."""

    model = Site

    def meeting(self, criteria: ThingCriteria) -> list[ColumnElement[bool]]:
        """Criteria as conditions on the table."""
        return meeting(Site, criteria.active, criteria.name, criteria.words)
