"""What the documents for operators show can be run, and names things that there are."""

import re
import shlex
import shutil
import sqlite3
import subprocess
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer
from dask_jobqueue import SLURMCluster

from relaxd.service import Settings
from relaxd.service.cli import app
from relaxd.service.store import Database, Keys, migrate

DOCS = Path(__file__).parent.parent / "docs"
CLUSTERS, OPERATIONS = DOCS / "clusters.md", DOCS / "operations.md"

COMMANDS = typer.main.get_command(app).commands  # type: ignore[attr-defined]


def block(document: Path, marker: str) -> str:
    """The code below a marker of a document."""
    pattern = rf"<!-- {re.escape(marker)} -->\n```\w+\n(.*?)```"
    (found,) = re.findall(pattern, document.read_text(), flags=re.DOTALL)
    return str(found)


def commands() -> Iterator[list[str]]:
    """Each call of `relaxd` in the documents."""
    for document in (CLUSTERS, OPERATIONS):
        for code in re.findall(r"```bash\n(.*?)```", document.read_text(), flags=re.DOTALL):
            joined = code.replace("\\\n", " ")
            calls = re.findall(r"^(?:exec srun )?relaxd (.*)", joined, flags=re.MULTILINE)
            yield from map(shlex.split, calls)


def flags_of(command: str) -> set[str]:
    if command == "serve":
        return {f"--{name.replace('_', '-')}" for name in Settings.model_fields}
    return {flag for parameter in COMMANDS[command].params for flag in parameter.opts}


def test_every_flag_exists() -> None:
    found = list(commands())
    assert {call[0] for call in found} == {"keys", "serve", "worker"}
    for call in found:
        if call[0] != "keys":
            assert {part for part in call if part.startswith("--")} <= flags_of(call[0])
    written = "".join(document.read_text() for document in (CLUSTERS, OPERATIONS))
    known = flags_of("serve") | flags_of("worker")
    assert set(re.findall(r"`(--[a-z-]+)", written)) - known == {"--name-of-it"}
    variables = {f"RELAXD_{name.upper()}" for name in Settings.model_fields}
    assert set(re.findall(r"RELAXD_[A-Z_]+", written)) <= variables | {"RELAXD_NAME_OF_IT"}


@pytest.fixture
def certificates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes what the document says how to make, in an empty folder."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    monkeypatch.chdir(tmp_path)
    script = block(CLUSTERS, "run: certificates")
    subprocess.run(["bash", "-euc", script], check=True, capture_output=True)


@pytest.mark.usefixtures("certificates")
def test_slurm() -> None:
    script, _, rest = block(CLUSTERS, "run: slurm").partition("print(cluster.job_script())\n")
    assert rest.startswith("cluster.scale(")
    names: dict[str, Any] = {}
    # The scheduler listens on the loopback interface, at a port that is free.
    exec(script.replace('"eth0"', '"lo"').replace("8786", "0"), names)  # noqa: S102
    cluster: SLURMCluster = names["cluster"]
    with cluster:
        job = cluster.job_script()
    job = re.sub(r"\S+/python\S* ", "python ", job).replace("--interface lo", "--interface eth0")
    job = re.sub(r"tls://[\d.]+:\d+", "tls://login:8786", job)
    assert job.strip() == block(CLUSTERS, "shown: slurm").strip()


def test_backup_of_sqlite(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/relaxd.db")
    migrate(database)
    _, token = Keys(database).create("alice")
    (statement,) = re.findall(r'sqlite3 relaxd.db "(.*)"', block(OPERATIONS, "run: backup"))
    with closing(sqlite3.connect(tmp_path / "relaxd.db")) as file:
        file.execute(statement.replace("backup.db", f"{tmp_path}/backup.db"))
    backup = Database(f"sqlite:///{tmp_path}/backup.db")
    assert Keys(backup).find(token) is not None
    for each in (database, backup):
        each.close()


def test_links() -> None:
    for document in (CLUSTERS, OPERATIONS):
        for target in re.findall(r"\]\(([^):]+)\)", document.read_text()):
            name, _, heading = target.partition("#")
            text = (DOCS / name if name else document).read_text()
            titles = re.findall(r"^#+ (.*)$", text, flags=re.MULTILINE)
            assert not heading or heading in {t.lower().replace(" ", "-") for t in titles}
