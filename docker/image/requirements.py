"""Prints what extras of relaxd require: what an image installs before relaxd itself."""

import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SELF = "relaxd["


def requirements(project: dict[str, Any], extras: str) -> Iterator[str]:
    """Yield the requirements of the base install, and of extras that commas part."""
    yield from project["dependencies"]
    for extra in extras.split(","):
        for requirement in project["optional-dependencies"][extra]:
            if requirement.startswith(SELF):
                named = requirement.removeprefix(SELF).removesuffix("]")
                yield from requirements(project, named)
            else:
                yield requirement


if __name__ == "__main__":
    table = tomllib.loads(Path("pyproject.toml").read_text())["project"]
    sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(requirements(table, sys.argv[1])))
