"""The services of `compose.yaml`, run by podman-compose."""

import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from tests.docker.images import ROOT, environment

from relaxd.client import Client
from relaxd.service.testing import free_port

SERVERS = ("PUBLISH", "PUBLISH_SECOND")
PUBLISHED = (*SERVERS, "PUBLISH_PROMETHEUS")
"""Settings that say where services listen on this machine."""

PATIENCE = 120.0
"""For so long something may take to happen, s."""


T = TypeVar("T")


def until(ask: Callable[[], T]) -> T:
    """Ask again and again, until the answer is neither empty nor false, and return that."""
    end = time.monotonic() + PATIENCE
    while not (answer := ask()):
        assert time.monotonic() < end
        time.sleep(0.5)
    return answer


class Compose:
    """A project of its own, from a copy of the folder `docker`.

    Args:
        folder: for the copy; its name is that of the project.
        profile: of `compose.yaml`, or several, parted by commas.
        settings: variables of compose, such as images; and of relaxd.
    """

    def __init__(self, folder: Path, profile: str, settings: dict[str, str]) -> None:
        self._folder = shutil.copytree(
            ROOT / "docker", folder, ignore=shutil.ignore_patterns("secrets")
        )
        self._project = f"relaxd-test-{profile.replace(',', '-')}-{os.getpid()}"
        addresses = {name: f"127.0.0.1:{free_port()}" for name in PUBLISHED}
        self.urls = [f"http://{addresses[name]}" for name in SERVERS]
        self.prometheus = f"http://{addresses['PUBLISH_PROMETHEUS']}"
        project = {"COMPOSE_PROJECT_NAME": self._project, "COMPOSE_PROFILES": profile}
        with (folder / ".env").open("a") as file:
            variables = {**addresses, **project, **settings}
            file.writelines(f"{name}={value}\n" for name, value in variables.items())

    def __call__(self, *arguments: str) -> str:
        """Run podman-compose, and return what it prints."""
        return self._run("podman-compose", *arguments)

    def podman(
        self, command: str, service: str, *arguments: str, options: tuple[str, ...] = ()
    ) -> str:
        """Run a command of podman on the container of a service."""
        return self._run("podman", command, *options, self.container(service), *arguments)

    def container(self, service: str) -> str:
        """Return the name of the first container of a service."""
        return f"{self._project}_{service}_1"

    def inspect(self, service: str) -> dict[str, Any]:
        """Return what podman knows of a container."""
        found: dict[str, Any] = json.loads(self.podman("inspect", service))[0]
        return found

    def secrets(self) -> Path:
        """Make the secrets, and return their folder."""
        self._run("./secrets.sh")
        return self._folder / "secrets"

    def scrape_every(self, interval: str) -> None:
        """Let Prometheus look more often, so that the tests need not wait for it."""
        config = self._folder / "prometheus.yml"
        found = config.read_text().replace("interval: 15s", f"interval: {interval}")
        config.write_text(found + f"        refresh_interval: {interval}\n")

    def key(self, service: str) -> str:
        """Make an API key, and return its token."""
        return self("run", "--rm", "-T", service, "keys", "create", "alice").split()[-1]

    def up(self, *services: str) -> None:
        """Start what does not run: these services, or all of the profile."""
        self("up", "--detach", "--no-build", *services)

    def wait(self, url: str) -> None:
        """Return once a server is ready."""
        until = time.monotonic() + PATIENCE
        with Client(url) as client:
            while not client.ready():
                assert time.monotonic() < until, self("logs")
                time.sleep(0.2)

    def until_postgresql_answers(self) -> None:
        """Return once the database takes connections."""
        until = time.monotonic() + PATIENCE
        command = ["podman", "exec", self.container("postgres"), "pg_isready"]
        while subprocess.run(command, env=environment(), capture_output=True).returncode != 0:
            assert time.monotonic() < until, self("logs")
            time.sleep(0.2)

    def documented(self, what: str) -> None:
        """Run what the document shows below a marker."""
        document = (ROOT / "docs/deployment.md").read_text()
        pattern = rf"<!-- run: {re.escape(what)} -->\n```bash\n(.*?)```"
        (script,) = re.findall(pattern, document, flags=re.DOTALL)
        self._run("bash", "-euc", script.replace("docker compose", "podman-compose"))

    def close(self) -> None:
        """End everything, with what it has kept."""
        self("down", "--volumes", "--timeout", "5")

    def _run(self, *command: str) -> str:
        done = subprocess.run(
            command, cwd=self._folder, env=environment(), capture_output=True, text=True
        )
        assert done.returncode == 0, f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}"
        return done.stdout
