"""The modules of the page that do not touch it, by Node's own test runner."""

import re
import subprocess
from pathlib import Path

SERVICE = Path(__file__).parents[2] / "service"


def test_modules_of_the_page() -> None:
    run = subprocess.run(["npm", "test"], cwd=SERVICE, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout
    passed = re.search(r"^# pass (\d+)$", run.stdout, re.MULTILINE)
    assert passed
    assert int(passed[1]) >= 60
