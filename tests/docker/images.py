"""Images for the tests: built without Docker, and without a registry of images."""

import functools
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[2]
CACHE = ROOT / "build" / "docker"
"""Keeps wheels from run to run; images are kept by podman."""

PROGRAMS = ("buildah", "iptables", "mmdebstrap", "openssl", "podman", "podman-compose", "runc")
HELPERS = Path("/usr/lib/podman")
"""Where podman has `netavark` and `aardvark-dns`, its networks and their names."""

CONFIGURATION = """
[containers]
default_ulimits = ["nofile=8192:8192", "nproc=4096:4096"]
log_driver = "k8s-file"
[engine]
cgroup_manager = "cgroupfs"
events_logger = "file"
runtime = "runc"
[network]
network_backend = "netavark"
"""
"""Of podman, so that it needs neither systemd nor anything but the usual privileges of root."""

FILES = ("LICENSE", "README.md", "constraints.txt", "pyproject.toml")
FOLDERS = ("client", "model", "relax", "dft_bridge", "service", "docker/bin")
"""What the Dockerfile copies, besides its own scripts."""

# Of what official slim images leave out, too.
DEBIAN = (
    "--variant=essential",
    "--include=python3,python3-venv,libstdc++6",
    "--dpkgopt=force-unsafe-io",
    *(f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in ("doc", "man", "locale")),
    '--customize-hook=chroot "$1" dpkg --purge --force-depends usrmerge perl perl-modules-5.36'
    " libperl5.36 libfile-find-rule-perl libnumber-compare-perl libtext-glob-perl",
)


def missing() -> str | None:
    """Say why no images can be built here; None if they can."""
    if os.geteuid() != 0:
        return "not root"
    if sys.version_info[:2] != (3, 11) or _suite() != "bookworm":
        return "wheels for the image are made here, and so by the same Python: Debian 12's"
    absent = [name for name in PROGRAMS if shutil.which(name, path=_path()) is None]
    absent += [name for name in ("netavark", "aardvark-dns") if not (HELPERS / name).exists()]
    return f"not installed: {', '.join(absent)}" if absent else None


def environment() -> dict[str, str]:
    """Return the variables under which podman, buildah and podman-compose run."""
    CACHE.mkdir(parents=True, exist_ok=True)
    configuration = CACHE / "containers.conf"
    configuration.write_text(CONFIGURATION)
    return {**os.environ, "PATH": _path(), "CONTAINERS_CONF": str(configuration)}


def run(*command: str | Path, cwd: Path = ROOT) -> str:
    """Run a command, and return what it prints.

    Raises:
        RuntimeError: it failed; the message is the end of what it printed.
    """
    done = subprocess.run(command, capture_output=True, text=True, env=environment(), cwd=cwd)
    if done.returncode != 0:
        printed = (done.stdout + done.stderr)[-3000:]
        raise RuntimeError(f"{' '.join(map(str, command))}: {done.returncode}\n{printed}")
    return done.stdout.strip()


@functools.cache
def server_image() -> str:
    """Return the image of the target `server`, without DFT."""
    return _relaxd("server", "packages", _packages())


@functools.cache
def worker_image() -> str:
    """Return the image of the target `worker`."""
    over = f"--build-context=packages=docker-image://{_packages()}"
    packages = _built("worker-packages", [_packages()], over)
    return _relaxd("worker", "worker-packages", packages)


@functools.cache
def python_image() -> str:
    """Return Debian with Python, and next to nothing else."""
    image = tagged("relaxd-test-python", [_suite(), *DEBIAN])
    if not exists(image):
        with tempfile.TemporaryDirectory() as folder:
            archive = Path(folder) / "python.tar"
            run("mmdebstrap", *DEBIAN, _suite(), archive)
            run("podman", "import", archive, image)
    return image


def _wheels() -> Path:
    """Return a folder of the wheels that the images need."""
    constraints = ("--constraint=constraints.txt", "--constraint=docker/image/constraints.txt")
    wanted = run(sys.executable, "docker/image/requirements.py", "server,dft").splitlines()
    wanted += ["cyclonedx-bom", "dumb-init", "hatchling"]
    pins = [(ROOT / each.partition("=")[2]).read_text() for each in constraints]
    folder = CACHE / f"wheels-{_digest([*wanted, *pins])}"
    if not folder.exists():
        with tempfile.TemporaryDirectory(dir=CACHE) as made:
            pip = (sys.executable, "-m", "pip", "wheel", "--quiet", "--wheel-dir", Path(made))
            run(*pip, *constraints, *wanted)
            shutil.copytree(made, folder)
    return folder


@functools.cache
def _packages() -> str:
    with ThreadPoolExecutor() as both:  # one waits for the disk, the other for the network
        python, wheels = both.submit(python_image), both.submit(_wheels)
        of = [python.result(), wheels.result().name]
    return _built("packages", of)


def _relaxd(target: str, stage: str, packages: str) -> str:
    """Return the image of a target, upon that of an earlier stage."""
    return _built(
        target, [packages, *_sources()], f"--build-context={stage}=docker-image://{packages}"
    )


def _built(target: str, of: list[str], *options: str) -> str:
    recipe = [_sum(path) for path in (ROOT / "docker/Dockerfile", *_below("docker/image"))]
    image = tagged(f"relaxd-test-{target}", [*of, *recipe])
    if not exists(image):
        base = python_image()
        options += (f"--build-arg=PYTHON_IMAGE={base}", f"--build-arg=NODE_IMAGE={base}")
        options += (f"--build-context=wheels={_wheels()}", f"--target={target}")
        build(image, ROOT, "--file=docker/Dockerfile", *options)
    return image


def build(image: str, context: Path, *options: str) -> None:
    """Build an image, in place of what had its name before."""
    # Of older sources; what is in use is kept.
    old = run("podman", "images", "--quiet", "--filter", f"reference={image.partition(':')[0]}")
    for each in old.split():
        subprocess.run(["podman", "rmi", each], env=environment(), capture_output=True)
    run(
        "buildah",
        "build",
        "--isolation=chroot",
        "--format=docker",
        f"--tag={image}",
        *options,
        context,
    )


def _sources() -> Iterator[str]:
    if not (ROOT / "service/relaxd/service/page/vendor").is_dir():
        raise RuntimeError("the page has to be built first: make page")
    yield from (_sum(ROOT / name) for name in FILES)
    for folder in FOLDERS:
        yield from (_sum(path) for path in _below(folder))


def _below(folder: str) -> Iterator[Path]:
    for path in sorted((ROOT / folder).rglob("*")):
        if path.is_file() and not {"__pycache__", "node_modules"} & set(path.parts):
            yield path


def _sum(path: Path) -> str:
    return f"{path.relative_to(ROOT)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def tagged(repository: str, of: list[str]) -> str:
    """Return the name of an image, by what it is made of."""
    return f"localhost/{repository}:{_digest(of)}"


def _digest(of: list[str]) -> str:
    return hashlib.sha256("\n".join(of).encode()).hexdigest()[:16]


def exists(image: str) -> bool:
    """Tell whether an image has been built."""
    command = ["podman", "image", "exists", image]
    return subprocess.run(command, env=environment()).returncode == 0


def _suite() -> str:
    return platform.freedesktop_os_release().get("VERSION_CODENAME", "")


def _path() -> str:
    """Return where programs are: podman-compose is beside Python."""
    return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
