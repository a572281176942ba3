"""The network as machine code: exported, compiled once for a machine, and loaded in no time."""

import hashlib
import platform
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import torch
from filelock import FileLock
from torch import Tensor

from ._batch import MoleculeBatch
from ._denoiser import Denoiser
from ._weights import LoadedModel

Describe = Callable[[MoleculeBatch, Tensor], tuple[Tensor, Tensor]]
"""What `Denoiser.describe` is."""

LARGEST_DEVIATION = 1e-4
"""Between the compiled network and the other, in Angstrom and in the scalars of the last layer;
relative where they are larger than one."""

FEWEST_ATOMS = 2
"""The compiled network takes no fewer: a dimension of size one is another program."""


class CompilationError(RuntimeError):
    """The network could not be compiled on this machine, or what was compiled is of no use."""


def compiled(model: LoadedModel, folder: Path) -> Describe:
    """`describe` of the model's denoiser as machine code for batches of any shape, on the CPU.

    It is compiled if there is none in the folder, which takes a minute and a C++ compiler. What is
    there is used only by the processor, the version of torch and of the model, and the number of
    threads that it was made for; and only after it has given what the network itself does.

    Args:
        model: on the CPU.
        folder: of compiled networks; it is made if it is not there.

    Raises:
        CompilationError: there is no compiler, or it fails; a file is damaged; or the results
            differ.
    """
    folder.mkdir(parents=True, exist_ok=True)
    threads = torch.get_num_threads()
    package = folder / f"{model.name}-{_fingerprint(model, threads)[:16]}.pt2"
    # Of several processes that start together one compiles.
    with FileLock(package.with_suffix(".lock")):
        if not package.exists():
            _compile_apart(model.path, threads, package)
    describe = _load(package, model.denoiser)
    _check(describe, model.denoiser, package)
    return describe


def _fingerprint(model: LoadedModel, threads: int) -> str:
    """Of all that the machine code depends on."""
    parts = [model.sha256, torch.__version__, str(threads), _processor()]
    parts += [path.read_text() for path in sorted(Path(__file__).parent.glob("*.py"))]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


def _processor() -> str:
    """The instructions that the processor knows, where the system tells them."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    known = (line for line in lines if line.startswith(("flags", "Features")))
    return next(known, f"{platform.machine()} {platform.processor()}")


def _compile_apart(weights: Path, threads: int, package: Path) -> None:
    compiler = f"{__package__}._exporting"
    command = [sys.executable, "-m", compiler, str(weights), str(threads), str(package)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode or not package.exists():
        reason = [line for line in done.stderr.splitlines() if line.strip()]
        raise CompilationError(
            f"the network could not be compiled; is there a C++ compiler? "
            f"{reason[-1] if reason else f'exit code {done.returncode}'}"
        )


def tensors(batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """What the compiled network takes for a batch and its noise levels."""
    bonds = batch.bond_orders
    if bonds is None:
        bonds = sigma.new_zeros(*batch.atomic_numbers.shape, batch.atomic_numbers.shape[1])
    return batch.atomic_numbers, batch.positions, bonds, sigma


def _load(package: Path, denoiser: Denoiser) -> Describe:
    try:
        call = torch._inductor.aoti_load_package(str(package))
    except (RuntimeError, OSError) as error:
        raise CompilationError(
            f"{package} cannot be loaded, and may be removed: {error}"
        ) from error

    def describe(batch: MoleculeBatch, sigma: Tensor) -> tuple[Tensor, Tensor]:
        if batch.positions.shape[1] < FEWEST_ATOMS:
            return denoiser.describe(batch, sigma)
        positions, scalars = call(*tensors(batch, sigma))
        return positions, scalars

    return describe


def example() -> tuple[MoleculeBatch, Tensor]:
    """Three clouds of atoms, one of them with padding, and their noise levels."""
    random = torch.Generator().manual_seed(0)
    numbers = torch.tensor([[6, 8, 1, 1, 1, 7, 6], [7, 6, 1, 1, 0, 0, 0], [6, 6, 6, 1, 1, 1, 1]])
    positions = 1.5 * torch.randn(3, 7, 3, generator=random) * (numbers > 0).unsqueeze(-1)
    bonds = torch.zeros(3, 7, 7)
    bonds[:, 0, 1] = bonds[:, 1, 0] = 2.0
    return MoleculeBatch(numbers, positions, bonds), torch.tensor([0.05, 0.1, 0.2])


def _check(describe: Describe, denoiser: Denoiser, package: Path) -> None:
    apart = largest_deviation(describe, denoiser.describe)
    if not apart <= LARGEST_DEVIATION:
        raise CompilationError(f"{package} gives other results than the network, by {apart:.1e}")


@torch.no_grad()
def largest_deviation(ours: Describe, theirs: Describe) -> float:
    """Between what two networks make of the example; NaN where one makes NaN of it."""
    batch, sigma = example()
    apart = map(deviation, ours(batch, sigma), theirs(batch, sigma))
    return float(torch.tensor(list(apart)).max())  # Python's max may pass over NaN


def deviation(ours: Tensor, theirs: Tensor) -> float:
    """Largest difference of two tensors, relative where the second is larger than one."""
    return float(((ours - theirs).abs() / theirs.abs().clamp(min=1)).max())
