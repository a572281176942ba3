"""The log: text or JSON, what each line is about, and what is never in it."""

import asyncio
import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.service.conftest import Serve
from tests.service.jobs.calls import ended, submit

from relaxd.service._logging import dask_setup, logged_as, set_up_logging, worker_environment
from relaxd.service.jobs._heart import Heart
from relaxd.service.store import Order, TaskRef
from relaxd.service.testing import running_service

pytestmark = pytest.mark.usefixtures("log_restored")

Lines = Callable[[], list[dict[str, Any]]]

logger = logging.getLogger("relaxd.test")


@pytest.fixture
def lines(monkeypatch: pytest.MonkeyPatch) -> Lines:
    """Sets up a log in JSON, and reads what was logged since it was read last."""
    log = io.StringIO()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", log)
        set_up_logging("json", "info")

    def read() -> list[dict[str, Any]]:
        found = [json.loads(line) for line in log.getvalue().splitlines()]
        log.seek(0)
        log.truncate()
        return found

    return read


def test_json(lines: Lines) -> None:
    with logged_as(job_id="j1"), logged_as(task="j1-0-1"):
        logger.info("two\nlines", extra={"n": 1})
    logger.debug("nothing")
    logging.getLogger("elsewhere").warning("of a library")
    logging.getLogger("uvicorn.error").info("up", extra={"color_message": "UP"})
    ours, library, server = lines()
    assert ours.pop("time").endswith("+00:00")
    assert ours == {
        "level": "INFO",
        "logger": "relaxd.test",
        "message": "two\nlines",
        "n": 1,
        "job_id": "j1",
        "task": "j1-0-1",
    }
    assert (library["logger"], library["level"]) == ("elsewhere", "WARNING")
    assert server.keys() == {"time", "level", "logger", "message"}


def test_text(capsys: pytest.CaptureFixture[str]) -> None:
    set_up_logging("text", "warning")
    with logged_as(request_id="r1"):
        logger.warning("careful", extra={"job_id": "j1"})
        logger.info("nothing")
    (line,) = capsys.readouterr().err.splitlines()
    assert line.endswith("Z WARNING relaxd.test: careful [request_id=r1 job_id=j1]")


def test_every_level_of_uvicorn_is_known() -> None:
    for level in ("critical", "error", "warning", "info", "debug", "trace"):
        set_up_logging("text", level)  # type: ignore[arg-type]
    assert logging.getLogger("relaxd").level == 5


def test_workers_log_as_the_server_does(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, value in worker_environment("json", "error").items():
        monkeypatch.setenv(name, value)
    dask_setup(None)
    logger.warning("nothing")
    logger.error("said")
    (line,) = capsys.readouterr().err.splitlines()
    assert json.loads(line)["message"] == "said"


def test_a_heart_logs_of_its_task(lines: Lines) -> None:
    beaten = threading.Event()

    class Queue:
        def beat(self, ref: TaskRef) -> Order:
            logger.info("beat")
            beaten.set()
            return Order.GO_ON

    ref = TaskRef("j1", 0, 1, 1, "relax", "cpu")
    with logged_as(job_id="j1", task=ref.name), Heart(Queue(), ref, 0.01):  # type: ignore[arg-type]
        beaten.wait()
    assert {(line["job_id"], line["task"]) for line in lines()} == {("j1", "j1-0-1")}


def test_the_library_leaves_logging_alone() -> None:
    code = (
        "import logging; from relaxd.service import Settings, create_app; create_app(Settings());"
        "ours = logging.getLogger('relaxd');"
        "print(logging.getLogger().handlers, ours.handlers, ours.level)"
    )
    printed = subprocess.check_output([sys.executable, "-c", code], text=True)
    assert printed.strip() == "[] [] 0"


@pytest.mark.anyio
async def test_access_log(lines: Lines, serving: Serve) -> None:
    async with serving() as client:
        lines()
        headers = {"X-Request-Id": "mine", "Authorization": "Bearer rlx_secret"}
        await client.get("/v1/jobs?tag=secret", headers=headers)
        await client.post("/v1/nothing/a%0Ab", json={"secret": 1})
        first, second = (line for line in lines() if line["logger"] == "relaxd.access")
    assert 0 < first.pop("seconds") < 60
    assert first.pop("message").startswith("GET /v1/jobs 200 ")
    assert first.pop("time")
    assert first == {
        "level": "INFO",
        "logger": "relaxd.access",
        "method": "GET",
        "path": "/v1/jobs",
        "status": 200,
        "request_id": "mine",
    }
    assert (second["path"], second["status"]) == ("/v1/nothing/a%0Ab", 404)
    assert second["request_id"] != "mine"
    assert "secret" not in json.dumps([first, second])


@pytest.mark.anyio
async def test_an_unforeseen_fault_is_logged_with_its_request(
    lines: Lines, serving: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving() as client:
        app = client._transport.app  # type: ignore[attr-defined]
        monkeypatch.setattr(app.state.job_engine.jobs, "page", lambda *_: 1 / 0)
        lines()
        response = await client.get("/v1/jobs", headers={"X-Request-Id": "mine"})
        assert response.status_code == 500
        faults = [line for line in lines() if line["logger"] == "relaxd.service._problems"]
    assert [fault["request_id"] for fault in faults] == ["mine"]
    assert "ZeroDivisionError" in faults[0]["exc_info"]


@pytest.mark.anyio
async def test_work_is_logged_with_its_job(lines: Lines, serving: Serve) -> None:
    async with serving() as client:
        job_id = await submit(client, ["CC"])
        await ended(client, job_id)
        await asyncio.sleep(0.1)
        (done,) = (line for line in lines() if line["logger"] == "relaxd.service.jobs._attempt")
    assert (done["job_id"], done["task"]) == (job_id, f"{job_id}-0-1")


@pytest.mark.slow
def test_a_server_and_its_workers(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with (
        running_service("--log-format=json", "--job-workers=1", log=log) as url,
        httpx.Client(base_url=url, timeout=60) as client,
    ):
        job_id = client.post("/v1/jobs?x=query", json={"molecules": ["C"]}).json()["id"]
        state = ""
        while state not in ("succeeded", "failed"):
            time.sleep(0.2)
            state = client.get(f"/v1/jobs/{job_id}").json()["state"]
    said = [json.loads(line) for line in log.read_text().splitlines()]
    by_logger = {line["logger"] for line in said}
    assert {"relaxd.access", "uvicorn.error", "relaxd.service.jobs._attempt"} <= by_logger
    (done,) = (line for line in said if line["logger"] == "relaxd.service.jobs._attempt")
    assert done["job_id"] == job_id
    assert "x=query" not in log.read_text()
