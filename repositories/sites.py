"""Sites."""

from __future__ import annotations

from models.site import Site
from repositories.named import NamedRepository


class SiteRepository(NamedRepository[Site]):
    """The sites of one organization."""

    model = Site
