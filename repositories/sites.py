"""Sites."""

from __future__ import annotations

from typing import Any

from models.site import Site
from repositories.named import NamedRepository


class SiteRepository(NamedRepository[Site, Any]):
    """The sites of one organization."""

    model = Site
