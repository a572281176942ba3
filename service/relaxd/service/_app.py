"""The ASGI application, and the server that runs it."""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from relaxd.relax import Relaxer, relax_fallback
from relaxd.service._chemistry import read_molecule
from relaxd.service._engine import Engine, RelaxerFactory
from relaxd.service._metrics import Metrics
from relaxd.service._middleware import BodyLimit, Observe
from relaxd.service._openapi import DESCRIPTION
from relaxd.service._pipeline import Fallback, Read
from relaxd.service._problems import add_problem_handlers
from relaxd.service._routes import router
from relaxd.service._settings import Settings


def create_app(
    settings: Settings,
    *,
    relaxer_factory: RelaxerFactory = Relaxer.load,
    read: Read = read_molecule,
    fallback: Fallback = relax_fallback,
) -> FastAPI:
    """Return the application; its lifespan loads the model, and drains at the end.

    Args:
        settings: what the operator set.
        relaxer_factory: loads the model of a name onto a device.
        read: reads a molecule; called in a worker process.
        fallback: relaxes a molecule outside the model's domain; called in a worker process.
    """
    metrics = Metrics()

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with Engine(settings, metrics, relaxer_factory, read, fallback) as engine:
            app.state.engine = engine
            yield

    # The page of the documentation with all it needs: nothing is fetched from elsewhere.
    app: FastAPI = FastAPIOffline(
        title="relaxd",
        version=importlib.metadata.version("relaxd"),
        description=DESCRIPTION,
        lifespan=lifespan,
        redoc_url=None,
        generate_unique_id_function=lambda route: route.name,
    )
    app.state.metrics = metrics
    app.include_router(router)
    add_problem_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=settings.max_body_bytes)
    app.add_middleware(Observe, metrics=metrics)
    return app


def serve(settings: Settings) -> None:
    """Serve until a signal says to stop, then answer what was accepted and return."""
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        timeout_graceful_shutdown=round(settings.drain_seconds),
        server_header=False,
    )
