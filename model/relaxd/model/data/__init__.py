"""Training data: DFT minima of QM9 and the MMFF94 geometries that lead to them."""

from ._dataset import Basin, PairBatch, PairDataset
from ._geometries import DataError, Geometries, parse_qm9_record, read_qm9
from ._pairs import Pair, make_pair, perceive, write_pairs

__all__ = [
    "Basin",
    "DataError",
    "Geometries",
    "Pair",
    "PairBatch",
    "PairDataset",
    "make_pair",
    "parse_qm9_record",
    "perceive",
    "read_qm9",
    "write_pairs",
]
