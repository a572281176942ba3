"""A clock, keys that count, and an application of few calls."""

import time
from pathlib import Path

import httpx
from fastapi import FastAPI
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

from relaxd.service._metrics import Metrics
from relaxd.service._middleware import Observe
from relaxd.service._problems import add_problem_handlers
from relaxd.service.access._access import Access, AccessDep, CallerDep
from relaxd.service.access._guard import Guard
from relaxd.service.store import KeyInfo, Keys

EVERYWHERE = "0.0.0.0"  # noqa: S104 - what is to be refused
UNKNOWN = f"rlx_{'0' * 24}_{'0' * 64}"


class Clock:
    """The time, which stands still unless it is put forward."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class CountingKeys(Keys):
    """Counts how often the database is asked; `find` takes as long as it is told to, or fails."""

    n_found = n_any = n_running = most_running = 0
    seconds = 0.0
    error: Exception | None = None

    def find(self, token: str) -> KeyInfo | None:
        self.n_found += 1
        if self.error is not None:
            raise self.error
        self.n_running += 1
        self.most_running = max(self.most_running, self.n_running)
        time.sleep(self.seconds)
        self.n_running -= 1
        return super().find(token)

    def any_active(self) -> bool:
        self.n_any += 1
        return super().any_active()


def make_app(access: Access, tmp_path: Path) -> FastAPI:
    """An application with one call of its own, the documentation, and mounted folders."""
    app = FastAPI(routes=[Mount("/static", StaticFiles(directory=tmp_path))])
    app.state.access = access

    @app.api_route("/", methods=["GET", "POST"])
    @app.get("/v1/health/live")
    @app.get("/metrics")
    def nothing() -> None: ...

    @app.get("/v1/caller")
    async def tell(caller: CallerDep) -> str:
        return caller.owner

    @app.post("/v1/spend/{n}")
    async def spend(n: int, caller: CallerDep, access: AccessDep) -> None:
        await access.spend(caller, n)

    add_problem_handlers(app)
    app.add_middleware(Guard)
    app.add_middleware(Observe, metrics=Metrics())
    return app


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def code(response: httpx.Response) -> str:
    kind: str = response.json()["type"].removeprefix("urn:relaxd:error:")
    return kind
