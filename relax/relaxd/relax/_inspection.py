"""What a denoiser has learned of the energy surface: forces first, and the Hessian?"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from tqdm import tqdm

from relaxd.model import MoleculeBatch, collate

from ._evaluation import statistics
from ._hessian_match import along, compare_hessians
from ._molecule import Molecule
from ._probes import FORCE_FIELD, Landscape, Probe
from ._superposition import Positions

Array = npt.NDArray[np.float64]
Figures = dict[str, list[float]]

Denoise = Callable[[MoleculeBatch, Tensor], Tensor]
"""(batch of B molecules, (B,) noise levels) -> (B, N, 3) denoised positions."""

SOFTEST = 0.05
"""eV/Angstrom^2; curvatures are raised to this in a Newton step."""

N_STIFFNESSES = 8
"""Parts of all Hessian modes, by stiffness, for which it is said how far the model moves back."""

LEAST_STEP = 1e-9
"""Angstrom; a shorter step has no direction."""


def inspect_model(denoise: Denoise, landscapes: Sequence[Landscape]) -> dict[str, Any]:
    r"""Compares the score with forces, and its Jacobian with the Hessian.

    The score of a denoiser D is :math:`s = (D(x; \sigma) - x) / \sigma^2`, its Jacobian
    :math:`J = (\partial D / \partial x - 1) / \sigma^2`. Were the data Boltzmann-distributed, s
    would be the force over kT and -J the Hessian over kT. Overall motion does not count.

    First order, of the step D - x at displaced geometries: its cosines with the `force`, with the
    `newton` step of the harmonic well, and with the way to the `minimum`; `moved`, its length over
    that of the way; `kt`, :math:`\sigma^2` times force over step, eV. A denoiser that finds the
    minimum has cosine 1 with the way to it, and the one with the force under `perfect`.

    Second order, of :math:`-\sigma^2 J` at the minimum: `asymmetry`,
    :math:`|J - J^T| / |J + J^T|`, zero for the gradient of any energy; the figures of
    `compare_hessians` for its symmetric part; `taken_back`, the mean part of a displacement that
    the model takes back; and under `modes` that along Hessian modes, by their curvature.

    Args:
        denoise: in double precision.
        landscapes: made by `survey`.

    Returns:
        `first_order` and `second_order` by noise level, which JSON can hold: medians over the
        molecules with 95 % bootstrap intervals; None where no molecule has the figure.
    """
    first: dict[str, Figures] = defaultdict(lambda: defaultdict(list))
    second: dict[str, Figures] = defaultdict(lambda: defaultdict(list))
    taken_back: dict[str, list[Array]] = defaultdict(list)
    progress: Iterable[Landscape] = tqdm(landscapes, desc="model", unit="mol")
    for landscape in progress:
        for name, probe in landscape.probes.items():
            _collect(first[name], _first_order(denoise, landscape, probe))
            if name != FORCE_FIELD:
                matrix = _taken_back(denoise, landscape, probe.sigma)
                _collect(second[name], _second_order(matrix, landscape.hessian))
                taken_back[name].append(_along_modes(matrix, landscape.hessian))
    return {
        "first_order": {name: _summary(figures) for name, figures in first.items()},
        "second_order": {
            name: {**_summary(figures), "modes": _by_stiffness(np.hstack(taken_back[name]))}
            for name, figures in second.items()
        },
    }


def inspect_references(landscapes: Sequence[Landscape]) -> dict[str, Any]:
    """What the second-order figures of a model may be held against.

    Args:
        landscapes: made by `survey`.

    Returns:
        The figures of `compare_hessians` for the MMFF94 Hessian, and for none, the unit matrix.
    """
    found: dict[str, Figures] = {"mmff94": defaultdict(list), "unit": defaultdict(list)}
    for landscape in landscapes:
        hessian = landscape.hessian
        if landscape.force_field is not None:
            _collect(found["mmff94"], compare_hessians(landscape.force_field, hessian))
        unit = compare_hessians(np.eye(len(hessian)), hessian)
        _collect(found["unit"], {key: unit[key] for key in ("similarity", "log10_condition")})
    return {name: _summary(figures) for name, figures in found.items()}


def jacobian(denoise: Denoise, molecule: Molecule, sigma: float) -> Array:
    """(3n, 3n) derivatives of what is put out (rows) by what is put in, at a geometry.

    Args:
        denoise: in double precision.
        molecule: in that geometry.
        sigma: noise level that the model is told, Angstrom per coordinate.
    """
    size = 3 * len(molecule)
    # One copy of the molecule for each row: all rows in one backward pass.
    batch = _batch(molecule, molecule.positions, size)
    positions = batch.positions.requires_grad_(True)
    denoised = denoise(batch.with_positions(positions), positions.new_full((size,), sigma))
    rows = torch.arange(size)
    denoised.reshape(size, size)[rows, rows].sum().backward()  # type: ignore[no-untyped-call]
    found: Array = positions.grad.reshape(size, size).numpy()  # type: ignore[union-attr]
    return found


def _batch(molecule: Molecule, positions: Positions, copies: int) -> MoleculeBatch:
    numbers = torch.from_numpy(molecule.atomic_numbers)
    where = torch.from_numpy(positions - positions.mean(0))
    return collate([numbers] * copies, [where] * copies, [molecule.bonds] * copies)


def _first_order(denoise: Denoise, landscape: Landscape, probe: Probe) -> dict[str, float]:
    batch = _batch(landscape.molecule, probe.positions, 1)
    with torch.no_grad():
        moved = denoise(batch, batch.positions.new_tensor([probe.sigma])) - batch.positions
    inside = landscape.basis.T
    step = inside @ moved.numpy().ravel()
    way = inside @ (landscape.molecule.positions - probe.positions).ravel()
    force = inside @ probe.forces.ravel()
    length = float(np.linalg.norm(step))
    return {
        "force": _cosine(step, force),
        "newton": _cosine(step, _newton(landscape.hessian, force)),
        "minimum": _cosine(step, way),
        "perfect": _cosine(way, force),
        "moved": length / float(np.linalg.norm(way)),
        "kt": probe.sigma**2 * float(np.linalg.norm(force)) / max(length, LEAST_STEP),
    }


def _newton(hessian: Array, force: Array) -> Array:
    curvatures, modes = np.linalg.eigh(hessian)
    step: Array = modes @ (modes.T @ force / np.maximum(np.abs(curvatures), SOFTEST))
    return step


def _cosine(a: Array, b: Array) -> float:
    lengths = float(np.linalg.norm(a)), float(np.linalg.norm(b))
    return float(a @ b) / (lengths[0] * lengths[1]) if min(lengths) > LEAST_STEP else np.nan


def _taken_back(denoise: Denoise, landscape: Landscape, sigma: float) -> Array:
    """(m, m) minus sigma squared times the Jacobian of the score, of internal displacements."""
    inside = landscape.basis
    derivatives = jacobian(denoise, landscape.molecule, sigma)
    found: Array = inside.T @ (np.eye(len(derivatives)) - derivatives) @ inside
    return found


def _second_order(matrix: Array, hessian: Array) -> dict[str, float]:
    odd, even = (np.linalg.norm(matrix + sign * matrix.T) for sign in (-1, 1))
    asymmetry = float(odd / even) if even else np.nan
    likeness = compare_hessians((matrix + matrix.T) / 2, hessian)
    return {"asymmetry": asymmetry, "taken_back": float(matrix.diagonal().mean()), **likeness}


def _along_modes(matrix: Array, hessian: Array) -> Array:
    """(2, m) curvature of each Hessian mode, and the part taken back along it."""
    curvatures, modes = np.linalg.eigh(hessian)
    return np.stack([curvatures, along(matrix, modes)])


def _by_stiffness(modes: Array) -> dict[str, list[float]]:
    parts = np.array_split(modes[:, modes[0].argsort()], N_STIFFNESSES, axis=1)
    medians = [np.median(part, axis=1) for part in parts if part.size]
    curvatures, taken_back = np.array(medians).T.tolist()
    return {"curvature": curvatures, "taken_back": taken_back}


def _collect(figures: Figures, found: dict[str, float]) -> None:
    for name, value in found.items():
        figures[name].append(value)


def _summary(figures: Figures) -> dict[str, Any]:
    known = {name: [v for v in values if np.isfinite(v)] for name, values in figures.items()}
    return {name: _median(values) if values else None for name, values in known.items()}


def _median(values: list[float]) -> dict[str, Any]:
    found = statistics(values)
    return {key: found[key] for key in ("median", "median_95")}
