"""Names of levels: what they mean, and what is refused."""

import dataclasses
import json
import pickle
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyscf.scf import dispersion

from relaxd.dft_bridge import LEVELS, TRAINING_LEVEL, DftError, Level
from relaxd.dft_bridge._levels import check_basis, core_potentials
from relaxd.dft_bridge._solvents import dielectric_constant, solvent_name


def refused(name: str, solvent: str | None = None) -> DftError:
    with pytest.raises(DftError) as caught:
        Level.parse(name, solvent)
    return caught.value


def test_the_training_level():
    assert Level.parse("B3LYP/6-31G(2df,p)") == TRAINING_LEVEL
    assert str(TRAINING_LEVEL) == "b3lyp/6-31g(2df,p)"


@pytest.mark.parametrize("name", LEVELS)
def test_named_levels_can_be_computed(name):
    assert Level.parse(name.upper()) == LEVELS[name]


@given(
    st.sampled_from(["b3lyp", "pbe", "pbe0", "r2scan", "wb97x", "wb97m"]),
    st.sampled_from(["d3bj", "d4"]),
    st.sampled_from(["sto-3g", "6-31g(2df,p)", "def2-tzvp"]),
)
def test_names_round_trip(xc, correction, basis):
    level = Level.parse(f"{xc}-{correction}/{basis}")
    assert (level.xc, level.dispersion, level.basis) == (xc, correction, basis)
    assert Level.parse(str(level)) == level


@pytest.mark.parametrize("name", LEVELS)
def test_levels_are_data(name):
    level = LEVELS[name]
    assert pickle.loads(pickle.dumps(level)) == level  # noqa: S301 - our own
    assert Level(**json.loads(json.dumps(dataclasses.asdict(level)))) == level


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("b3lyp/sto-3g", ("b3lyp", "", None)),
        ("b3lyp-d4/sto-3g", ("b3lyp", "", "d4")),
        ("pbe0-d3zero/sto-3g", ("pbe0", "", "d3zero")),
        ("wb97x/sto-3g", ("wb97x", "", None)),
        ("wb97x-d3bj/sto-3g", ("wb97x-v", False, "d3bj")),
        ("wb97x-d4/sto-3g", ("wb97x_v", False, "d4:wb97x")),
        ("wb97m-d3bj/sto-3g", ("wb97m-v", False, "d3bj")),
        # Fitted together with it.
        ("cf22d/sto-3g", ("cf22d", "", "d3zero")),
    ],
)
def test_what_pyscf_is_told(name, expected):
    assert Level.parse(name).functional == expected


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("b3lyp", "expected functional/basis"),
        ("/sto-3g", "expected functional/basis"),
        ("", "expected functional/basis"),
        ("nonsense/sto-3g", "'nonsense': PySCF knows no such functional"),
        ("b3lyp/nonsense", "'nonsense': PySCF knows no such basis"),
        ("b3lyp/", "no such basis"),
        ("b3lyp/../../etc/hostname", "no such basis"),
        ("b2plyp/sto-3g", "no such functional"),
        ("r2scan-3c/def2-svp", "composite"),
        ("b97-3c/def2-svp", "composite"),
        ("wb97x-d/sto-3g", "dispersion"),
        ("b97-d/sto-3g", "dispersion"),
        ("wb97x-d3/sto-3g", "d3bj and d4 only"),
        ("wb97m-d3zero/sto-3g", "d3bj and d4 only"),
        ("b3lyp-d3/sto-3g", "d3"),
        ("lda-d4/sto-3g", "'lda' not known"),
        ("wb97m-v/sto-3g", "use -d3bj or -d4"),
        ("wb97m-v-d3bj/sto-3g", "non-local"),
        ("mgga_x_br89/sto-3g", "Laplacian"),
        ("gga_x_lb/sto-3g", "not an exchange-correlation energy"),
        ("lda_k_tf/sto-3g", "not an exchange-correlation energy"),
    ],
)
def test_what_cannot_be_computed_is_refused_with_a_reason(name, reason):
    error = refused(name)
    assert error.code == "unknown-level"
    assert reason in str(error)


def test_dispersion_needs_its_package(monkeypatch):
    monkeypatch.setattr(dispersion, "dispersion", None)
    # A level no other test reads: those that were found good are remembered.
    error = refused("revpbe-d4/sto-3g")
    assert error.code == "missing-package"
    assert "pip install pyscf-dispersion" in str(error)


def test_solvents():
    level = Level.parse("fast", "Water")
    assert level == dataclasses.replace(LEVELS["fast"], solvent="water")
    assert str(level) == "pbe-d3bj/def2-svp in water"
    assert dielectric_constant("water") == pytest.approx(78.4, abs=0.1)
    assert solvent_name("n,n-Dimethylformamide") == "N,N-dimethylformamide"


def test_unknown_solvents_are_named_with_their_likes():
    error = refused("fast", "toluen")
    assert error.code == "unknown-solvent"
    assert "toluene" in str(error)
    assert "close" not in str(refused("fast", "xyzzy"))


def test_skala_has_no_solvent():
    assert refused("skala", "water").code == "unknown-level"


def test_a_basis_lacks_elements():
    check_basis(TRAINING_LEVEL, [1, 6, 7, 8, 9])
    with pytest.raises(DftError, match=r"6-31g\(2df,p\) has no functions for I, U") as caught:
        check_basis(TRAINING_LEVEL, [6, 53, 92, 53, 1])
    assert caught.value.code == "basis-lacks-element"


def test_core_potentials_go_with_the_bases_made_for_them():
    assert core_potentials("def2-svp", ["C", "I", "Br"]) == {"I": "def2-svp"}
    assert core_potentials("6-31g(2df,p)", ["C", "H"]) == {}
    assert core_potentials("sto-3g", ["I"]) == {}


def test_importing_the_package_does_not_import_pyscf():
    code = "import relaxd.dft_bridge, sys; assert 'pyscf' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
