"""Kernels of the linear algebra that PySCF brings along.

PySCF's wheels contain an OpenBLAS of 2018, which takes a processor it has not heard of for an old
one and multiplies matrices without AVX: an AMD EPYC of the third generation for a Barcelona of
2007. `benchmarks/blas.py` measures what that costs.
"""

from collections.abc import Mapping
from pathlib import Path

VARIABLE = "OPENBLAS_CORETYPE"
"""Names the kernels to use; OpenBLAS reads it when it is loaded."""

AVX2_KERNELS = "Haswell"
"""The kernels for any processor with AVX2 and FMA."""


def blas_environment(
    environment: Mapping[str, str], processor: Path = Path("/proc/cpuinfo")
) -> dict[str, str]:
    """What to add to the environment of a process for PySCF to use AVX2, where there is AVX2.

    Args:
        environment: of the process; kernels that it names already are left alone.
        processor: what Linux tells of it; elsewhere there is no such file, and nothing is added.
    """
    if VARIABLE in environment or not processor.exists():
        return {}
    flags = set(processor.read_text().split())
    return {VARIABLE: AVX2_KERNELS} if {"avx2", "fma"} <= flags else {}
