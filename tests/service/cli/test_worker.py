"""`relaxd worker`: what it refuses. What it does is in `tests/service/test_cluster.py`."""

from pathlib import Path

import pytest

from .conftest import Run, message


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        ([], "Missing option '--scheduler'"),
        (["--scheduler", "tcp://10.0.0.1:8786"], "without TLS"),
        (["--scheduler", "head:8786"], "--insecure"),
        (["--scheduler", "tls://head:8786", "--tls-ca-file", "missing.pem"], "does not exist"),
        (["--scheduler", "tcp://127.0.0.1:8786", "--resource", "abacus"], "abacus"),
    ],
)
def test_usage(run: Run, tmp_path: Path, arguments: list[str], reason: str) -> None:
    outcome = run("worker", *arguments)
    assert outcome.exit_code == 2
    assert reason in message(outcome)
