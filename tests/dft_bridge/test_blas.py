"""The kernels that PySCF's OpenBLAS is told to use."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from relaxd.dft_bridge._blas import AVX2_KERNELS, VARIABLE, blas_environment


@pytest.fixture
def processor(tmp_path):
    """A file like /proc/cpuinfo with the given flags."""

    def write(*flags):
        path = tmp_path / "cpuinfo"
        path.write_text(f"vendor_id : AuthenticAMD\nflags\t\t: fpu sse2 {' '.join(flags)}\n")
        return path

    return write


def test_avx2_is_used_where_it_is(processor):
    assert blas_environment({}, processor("avx2", "fma")) == {VARIABLE: AVX2_KERNELS}


@pytest.mark.parametrize("flags", [(), ("avx",), ("avx2",)])
def test_nothing_is_asked_of_an_old_processor(processor, flags):
    assert blas_environment({}, processor(*flags)) == {}


def test_kernels_that_are_named_already_are_left_alone(processor):
    assert blas_environment({VARIABLE: "Zen"}, processor("avx2", "fma")) == {}


def test_nothing_is_added_where_the_processor_is_not_known(tmp_path):
    assert blas_environment({}, tmp_path / "cpuinfo") == {}


ASK = """
import pathlib, ctypes, pyscf.lib
(library,) = pathlib.Path(pyscf.lib.__file__).parent.glob("libopenblas*")
name = ctypes.CDLL(str(library)).openblas_get_corename
name.restype = ctypes.c_char_p
print(name().decode())
"""


def test_pyscf_does_as_it_is_told():
    added = blas_environment({})
    if not added or not list(_pyscf_folder().glob("libopenblas*")):
        pytest.skip("no AVX2, or a PySCF with another BLAS")
    environment = {**os.environ, **added}
    done = subprocess.run(
        [sys.executable, "-c", ASK], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == AVX2_KERNELS


def _pyscf_folder() -> Path:
    import pyscf.lib

    return Path(pyscf.lib.__file__).parent
