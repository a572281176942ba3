"""Reading QM9 and making the file of pairs."""

import io
import json
import tarfile

import numpy as np
import pytest
import torch
from safetensors import safe_open

from relaxd.model import align
from relaxd.model.data import (
    DataError,
    Geometries,
    PairDataset,
    make_pair,
    parse_qm9_record,
    read_qm9,
    write_pairs,
)

PROPERTIES = "157.7 157.7 157.7 0. 13.21 -0.3877 0.1171 0.5048 35.3641 0.044749 -40.47 -40.47"

METHANE = f"""5
gdb 3\t{PROPERTIES}
C\t-0.0126981359\t 1.0858041578\t 0.0080009958\t-0.535689
H\t 0.0021504160\t-0.0060313176\t 0.0019761204\t 0.133921
H\t 1.0117308433\t 1.4637511618\t 2.7657481000*^-4\t 0.133922
H\t-0.5408150690\t 1.4475266138\t-0.8766437152\t 0.133923
H\t-0.5238136345\t 1.4379326443\t 0.9063972942\t 0.133923
1341.307\t1341.3284\t1341.365
C\tC
InChI=1S/CH4/h1H4\tInChI=1S/CH4/h1H4
"""

WATER = f"""3
gdb 44\t{PROPERTIES}
O\t-0.0343604951\t 0.9775395708\t 0.0076015923\t-0.589706
H\t 0.0647664923\t 0.0205721989\t 1.5346341*^-3\t 0.294853
H\t 0.8717903737\t 1.3007924048\t 6.931336*^-4\t 0.294853
1671.4222\t3803.6305
O\tO
InChI=1S/H2O/h1H2\tInChI=1S/H2O/h1H2
"""


@pytest.fixture
def archive(tmp_path):
    """Two records as in the published archive, out of order."""
    path = tmp_path / "dsgdb9nsd.xyz.tar.bz2"
    with tarfile.open(path, "w:bz2") as tar:
        for name, text in {"dsgdb9nsd_000044.xyz": WATER, "dsgdb9nsd_000003.xyz": METHANE}.items():
            info = tarfile.TarInfo(name)
            info.size = len(text.encode())
            tar.addfile(info, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def geometries(archive):
    return read_qm9(archive)


@pytest.fixture
def pairs(geometries, tmp_path):
    path = tmp_path / "pairs.safetensors"
    assert not write_pairs(geometries, path, workers=1)
    return path


def test_the_published_archive_is_read(geometries):
    assert geometries.index.tolist() == [3, 44]
    assert geometries.n_atoms.tolist() == [5, 3]
    assert geometries.atomic_numbers.tolist() == [6, 1, 1, 1, 1, 8, 1, 1]
    assert geometries.positions[2, 2] == pytest.approx(2.7657481e-4)


def test_packed_and_published_data_read_the_same(geometries, tmp_path):
    np.savez(tmp_path / "qm9.npz", **vars(geometries))
    again = read_qm9(tmp_path / "qm9.npz")
    for name, array in vars(geometries).items():
        assert np.array_equal(getattr(again, name), array)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "not a QM9 record"),
        (METHANE.replace("5\n", "6\n", 1), "not a QM9 record"),
        (METHANE.replace("C\t-0.01", "Xx\t-0.01"), "not a QM9 record"),
        (METHANE.replace("1.0858041578", "abc"), "not a QM9 record"),
    ],
)
def test_malformed_records_are_named(text, reason):
    with pytest.raises(DataError, match=f"record-7: {reason}"):
        parse_qm9_record(text, "record-7")


@pytest.mark.parametrize("name", ["qm9.npz", "qm9.xyz.tar.bz2"])
def test_damaged_files_are_named(archive, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(archive.read_bytes()[:200])
    with pytest.raises(DataError, match=name):
        read_qm9(path)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(DataError, match=r"data\.csv"):
        read_qm9(tmp_path / "data.csv")
    np.savez(tmp_path / "qm9.npz", index=[1])
    with pytest.raises(DataError, match="n_atoms"):
        read_qm9(tmp_path / "qm9.npz")


def test_mmff94_stays_near_the_minimum(geometries):
    numbers, positions = next(iter(geometries))
    pair = make_pair(numbers, positions)
    assert pair.skipped is None
    assert {frozenset(bond) for bond in pair.bonds.tolist()} == {
        frozenset((0, i)) for i in range(1, 5)
    }
    lengths = np.linalg.norm(pair.start[1:] - pair.start[0], axis=1)
    assert lengths == pytest.approx([1.092] * 4, abs=0.002)


def test_what_rdkit_cannot_handle_is_counted(tmp_path):
    """Two far atoms of carbon have no bonds that make sense."""
    apart = Geometries(
        index=np.array([1], np.int32),
        n_atoms=np.array([2], np.uint8),
        atomic_numbers=np.array([6, 6], np.uint8),
        positions=np.array([[0, 0, 0], [9, 0, 0]], np.float32),
    )
    path = tmp_path / "pairs.safetensors"
    assert write_pairs(apart, path, workers=1) == {"no bonds perceived": 1}
    with safe_open(path, "pt") as file:
        assert json.loads(file.metadata()["skipped"]) == {"no bonds perceived": 1}
    batch = PairDataset(path).gather(torch.tensor([0]))
    assert not batch.has_start.any()
    assert torch.equal(batch.starts, batch.minima.positions)


def test_validation_is_kept_apart(pairs):
    assert PairDataset(pairs).molecules.tolist() == [1]
    assert PairDataset(pairs, "validation").molecules.tolist() == [0]


def test_batches_hold_molecules_bonds_and_aligned_starts(pairs):
    batch = PairDataset(pairs, "validation").gather(torch.tensor([0]))
    mask = batch.minima.mask
    assert batch.index.tolist() == [3]
    assert batch.minima.bond_orders.sum() == 8
    assert torch.equal(batch.minima.bond_orders, batch.minima.bond_orders.mT)
    again = align(batch.starts, batch.minima.positions, mask)
    assert torch.allclose(again, batch.starts, atol=1e-5)


def test_an_epoch_deals_every_molecule_once(geometries, tmp_path):
    twice = Geometries(
        index=np.arange(8, dtype=np.int32) + 4,
        n_atoms=np.tile(geometries.n_atoms, 4),
        atomic_numbers=np.tile(geometries.atomic_numbers, 4),
        positions=np.tile(geometries.positions, (4, 1)),
    )
    write_pairs(twice, tmp_path / "p.safetensors", workers=1)
    dataset = PairDataset(tmp_path / "p.safetensors")
    batches = list(dataset.epoch(10, torch.Generator().manual_seed(0)))
    assert sorted(torch.cat([batch.index for batch in batches]).tolist()) == list(range(4, 12))
    assert all(batch.minima.mask.all() and batch.minima.mask.sum() <= 10 for batch in batches)


def test_an_epoch_deals_some_again(pairs):
    dataset = PairDataset(pairs)
    again = torch.tensor([0, 0])
    batches = list(dataset.epoch(10, torch.Generator().manual_seed(0), again))
    assert sorted(torch.cat([batch.index for batch in batches]).tolist()) == [3, 3, 44]


def test_deviations_are_those_of_aligned_starts(pairs):
    dataset = PairDataset(pairs, "validation")
    batch = dataset.gather(dataset.molecules)
    apart = (batch.starts - batch.minima.positions).square().sum(-1).mean().sqrt()
    assert dataset.start_deviations(dataset.molecules) == pytest.approx(float(apart), abs=1e-6)
    assert 0 < apart < 0.1
