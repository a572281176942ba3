"""The calls of the HTTP API."""

from typing import Annotated, Literal

from fastapi import APIRouter, Body, Depends, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from pydantic import BaseModel, Field

from relaxd.client.schemas import ModelList, RelaxRequest, RelaxResponse
from relaxd.service._engine import Engine, State
from relaxd.service._job_metrics import JobMetrics
from relaxd.service._metrics import Metrics
from relaxd.service._offers import forms, levels
from relaxd.service._openapi import METRICS_TEXT, RELAX_EXAMPLES, problems
from relaxd.service._problems import ProblemError
from relaxd.service.access import AccessDep, CallerDep, caller

router = APIRouter()


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _metrics(request: Request) -> Metrics:
    metrics: Metrics = request.app.state.metrics
    return metrics


def _job_metrics(request: Request) -> JobMetrics:
    job_metrics: JobMetrics = request.app.state.job_metrics
    return job_metrics


def _require_json(request: Request) -> None:
    media_type = request.headers.get("Content-Type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        detail = f"The body must be application/json, not {media_type or 'of no type'}."
        raise ProblemError("input", "unsupported-media-type", detail, status=415)


EngineDep = Annotated[Engine, Depends(_engine)]


class Health(BaseModel):
    """The state of the server."""

    status: Literal["live", "ready"] = Field(description="What the server is.")


@router.post(
    "/v1/relax",
    tags=["relax"],
    dependencies=[Depends(_require_json)],
    responses=problems(401, 413, 415, 422, 429, 503),
)
async def relax(
    engine: EngineDep,
    caller: CallerDep,
    access: AccessDep,
    body: Annotated[RelaxRequest, Body(openapi_examples=RELAX_EXAMPLES)],
) -> RelaxResponse:
    """Relax up to 256 molecules and answer in the same call."""
    n = len(body.molecules) * body.conformers
    await access.spend(caller, n)
    try:
        return await engine.relax(body)
    except ProblemError:
        await access.give_back(caller, n)
        raise


@router.get(
    "/v1/models",
    tags=["models"],
    dependencies=[Depends(caller)],
    responses=problems(401, 429, 503),
)
async def models(engine: EngineDep) -> ModelList:
    """List the models (level of theory, domain, accuracy as last measured) and what goes in."""
    infos = engine.models
    return ModelList(default=infos[0].name, models=infos, forms=forms(), levels=levels())


@router.get("/v1/health/live", tags=["health"], responses=problems(503))
async def live(engine: EngineDep) -> Health:
    """Tell whether the server runs; 503 says that only a restart can help."""
    if engine.state is State.FAILED:
        engine.check_ready()
    return Health(status="live")


@router.get("/v1/health/ready", tags=["health"], responses=problems(503))
async def ready(engine: EngineDep) -> Health:
    """Tell whether the server can relax: not while it loads or drains."""
    engine.check_ready()
    return Health(status="ready")


@router.get(
    "/metrics",
    tags=["health"],
    dependencies=[Depends(caller)],
    response_class=Response,
    responses=METRICS_TEXT | problems(401, 429),
)
async def metrics(
    metrics: Annotated[Metrics, Depends(_metrics)],
    job_metrics: Annotated[JobMetrics, Depends(_job_metrics)],
) -> Response:
    """Return all metrics in Prometheus' text format."""
    await job_metrics.refresh()
    return Response(metrics.text(), media_type=CONTENT_TYPE_LATEST)
