"""An image of this machine's PostgreSQL, where there is no registry that has the official one."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.docker.images import build, exists, python_image, run, tagged
from tests.postgresql import binaries

HERE = Path(__file__).parent


def postgres_image() -> str:
    """Return an image of this machine's PostgreSQL that takes the variables of the official one."""
    image = tagged("relaxd-test-postgres", [str(binaries()), (HERE / "postgres.sh").read_text()])
    if not exists(image):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            shutil.copy(HERE / "postgres.sh", folder)
            files = "\n".join(str(path) for path in _files_of_postgresql())
            (folder / "files").write_text(files)
            run("tar", "-chf", folder / "files.tar", "-C", "/", "-T", folder / "files")
            recipe = (HERE / "postgres.Dockerfile").read_text()
            (folder / "Dockerfile").write_text(recipe.replace("BINARIES", str(binaries())))
            build(image, folder, f"--build-arg=BASE={python_image()}")
    return image


def _files_of_postgresql() -> Iterator[str]:
    yield from (str(binaries().parent)[1:], "usr/share/zoneinfo")
    yield (
        run(binaries() / "pg_config", "--sharedir")[1:]
        if _has_pg_config()
        else (f"usr/share/postgresql/{binaries().parent.name}")
    )
    needed = {
        Path(word)
        for program in ("postgres", "initdb", "pg_isready")
        for word in run("ldd", binaries() / program).split()
        if word.startswith("/")
    }
    yield from (str(path.parent.resolve() / path.name)[1:] for path in sorted(needed))


def _has_pg_config() -> bool:
    return (binaries() / "pg_config").exists()
