"""Sampled geometries to a file or to standard output, one molecule after the other."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from relaxd.client.schemas import JobResult
from relaxd.relax import BoltzmannSample, write_extxyz
from relaxd.service.cli._outputs import XYZ, create, known_suffix

WriteSample = Callable[[BoltzmannSample, JobResult], None]
"""Writes what was sampled of a molecule, which is the same in two forms."""


@contextmanager
def open_samples(target: str | None) -> Iterator[WriteSample]:
    """Yield what writes samples to a file of the format its suffix names, or SDF to `-`.

    Args:
        target: file name or `-`; nothing is written if None.

    Raises:
        typer.BadParameter: unknown suffix, or the file cannot be written.
    """
    if target is None:
        yield lambda sample, result: None
    elif target == "-":
        yield lambda sample, result: _write_sdf(sys.stdout, sample)
    else:
        path = Path(target)
        suffix = known_suffix(path, (".sdf", *XYZ, ".json"))
        with create(path) as file:
            if suffix == ".json":
                yield from _json_list(file)
            elif suffix == ".sdf":
                yield lambda sample, result: _write_sdf(file, sample)
            else:
                yield lambda sample, result: write_extxyz(file, sample.to_atoms())


def _write_sdf(file: TextIO, sample: BoltzmannSample) -> None:
    file.write(sample.to_sdf())


def _json_list(file: TextIO) -> Iterator[WriteSample]:
    """Yield what writes the entries of a list, which is whole also where the work is stopped."""
    n_written = 0

    def write(_: BoltzmannSample, result: JobResult) -> None:
        nonlocal n_written
        file.write(",\n" if n_written else "[\n")
        file.write(result.model_dump_json())
        n_written += 1

    try:
        yield write
    finally:
        file.write("\n]\n" if n_written else "[]\n")
