"""What several tests need."""

import subprocess

import pytest


@pytest.fixture
def small_disk(tmp_path):
    """A file system of one page; needs the right to mount."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=4k", "none", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)
