"""The ASGI application, and the server that runs it."""

import importlib.metadata
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from types import FrameType

import uvicorn
from fastapi import FastAPI
from fastapi_offline import FastAPIOffline

from relaxd.relax import Relaxer, relax_fallback
from relaxd.service._chemistry import read_molecule
from relaxd.service._engine import Engine, State
from relaxd.service._job_metrics import job_metrics
from relaxd.service._job_routes import router as job_router
from relaxd.service._logging import set_up_logging
from relaxd.service._metrics import Metrics
from relaxd.service._middleware import BodyLimit, Observe
from relaxd.service._offered import RelaxerFactory
from relaxd.service._openapi import DESCRIPTION
from relaxd.service._page import add_page
from relaxd.service._pipeline import Fallback, Read
from relaxd.service._problems import add_problem_handlers
from relaxd.service._routes import router
from relaxd.service._settings import Settings
from relaxd.service.access import Access, Guard, check_exposed
from relaxd.service.jobs import ClusterFactory, Context, JobEngine, dask_cluster
from relaxd.service.store import Database, Keys, migrate

STARTUP_FAILURE = 3
"""Exit status of a server that could not start, the same as uvicorn's own."""


def create_app(
    settings: Settings,
    *,
    relaxer_factory: RelaxerFactory | None = None,
    read: Read = read_molecule,
    fallback: Fallback = relax_fallback,
    cluster: ClusterFactory = dask_cluster,
) -> FastAPI:
    """Return the application; its lifespan loads the model, and drains at the end.

    Args:
        settings: what the operator set.
        relaxer_factory: loads the model of a name onto a device; `Relaxer.load` if not given.
        read: reads a molecule; called in a worker process.
        fallback: relaxes a molecule outside the model's domain; called in a worker process.
        cluster: gives the workers of jobs.
    """
    metrics = Metrics()
    load = relaxer_factory or partial(Relaxer.load, precision=settings.precision)

    def load_for_calls(model: str, device: str) -> Relaxer:
        # Not for jobs: these go in batches, which gain little, and to machines without a compiler.
        if relaxer_factory is None and model == settings.model:
            return Relaxer.load(
                model, device, precision=settings.precision, compiled_in=settings.compiled_in
            )
        return load(model, device)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        context = Context(settings, load, read, fallback)
        async with (
            Engine(settings, metrics, load_for_calls, read, fallback) as engine,
            JobEngine(context, cluster) as job_engine,
        ):
            app.state.engine, app.state.job_engine = engine, job_engine
            app.state.access = Access(settings, Keys(job_engine.database))
            metrics.ready.set_function(lambda: engine.state is State.READY)
            async with job_metrics(job_engine, metrics) as app.state.job_metrics:
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
    app.include_router(job_router)
    add_page(app)
    add_problem_handlers(app)
    app.add_middleware(
        BodyLimit,
        max_bytes=settings.max_body_bytes,
        streamed={"/v1/jobs": settings.max_job_bytes},
    )
    app.add_middleware(Guard)
    app.add_middleware(Observe, metrics=metrics)
    return app


def serve(settings: Settings) -> None:
    """Serve until a signal says to stop, then answer what was accepted and return.

    Raises:
        ExposedError: other machines could reach the service, and there are no keys.
    """
    set_up_logging(settings.log_format, settings.log_level)
    database = Database(settings.database)
    migrate(database)
    check_exposed(settings, Keys(database))
    database.close()
    config = uvicorn.Config(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_level=settings.log_level,
        log_config=None,  # its lines are ours
        access_log=False,
        timeout_graceful_shutdown=round(settings.drain_seconds),
        server_header=False,
    )
    server = _Server(config)
    server.run()
    if not server.started:
        raise SystemExit(STARTUP_FAILURE)


class _Server(uvicorn.Server):
    """Refuses work from the signal on: the lifespan ends only after the last answer."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        engine = getattr(self.config.app.state, "engine", None)  # type: ignore[union-attr]
        if engine is not None:
            engine.drain()
        super().handle_exit(sig, frame)
