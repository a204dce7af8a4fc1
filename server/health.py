"""Whether the process lives, and whether it can serve."""

from __future__ import annotations

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from repositories.engine import DatabaseUnavailable

_NO_STORE = {"Cache-Control": "no-store"}


async def livez(_request: Request) -> Response:
    """200 as long as the process answers at all."""
    return JSONResponse({"status": "alive"}, headers=_NO_STORE)


async def readyz(request: Request) -> Response:
    """200 while requests are welcome; 503 while the database is gone or the process is about to end."""
    gateway = request.app.state.gateway
    if gateway.draining:
        return JSONResponse({"status": "ending"}, 503, headers=_NO_STORE)
    try:
        await gateway.database.ping()
    except DatabaseUnavailable:
        return JSONResponse({"status": "database unavailable"}, 503, headers=_NO_STORE)
    return JSONResponse({"status": "ready"}, headers=_NO_STORE)
