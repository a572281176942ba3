"""The order of the files."""

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Files that take long come first: at the end no process waits long for another."""
    long = {
        item.path
        for item in items
        if item.get_closest_marker("container") or item.get_closest_marker("slow")
    }
    items.sort(key=lambda item: item.path not in long)
