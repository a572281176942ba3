"""Relaxes the molecules of this folder through a service of its own.

Starts the service on a free port, sends it every molecule in one call of the SDK, prints a table,
writes the geometries, and stops the service.

Source of the energies: GFN2-xTB, doi 10.1021/acs.jctc.8b01176, by tblite.
"""

import argparse
import signal
import sys
import time
from pathlib import Path

import ase
import ase.io
from ase.units import kcal, mol
from rich.console import Console
from rich.table import Table
from tblite.ase import TBLite

from relaxd.client import Client, Molecule, Result
from relaxd.service.testing import running_service

FOLDER = Path(__file__).parent


def main() -> int:
    """Run the demo and return its exit status: 0 if every molecule was relaxed, else 1."""
    options = parse_options()
    options.out.mkdir(parents=True, exist_ok=True)
    console = Console()
    flags = [f"--model={options.model}"] if options.model else []
    log = options.out / "service.log"
    with running_service(*flags, log=log) as url, Client(url) as client:
        console.print(f"The service listens on {url}.")
        clock = time.perf_counter()
        results = client.relax(read_molecules(FOLDER))
        seconds = time.perf_counter() - clock
    for result in results:
        write(result, options.out)
    console.print(make_table(results))
    relaxed = sum(result.status == "ok" for result in results)
    console.print(f"{relaxed} of {len(results)} molecules in {seconds:.1f} s, in {options.out}/")
    return 0 if relaxed == len(results) else 1


def parse_options() -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--model", help="a model other than the default, by name or path")
    parser.add_argument("--out", type=Path, default=Path("out"), help="folder for the geometries")
    return parser.parse_args()


def read_molecules(folder: Path) -> list[Molecule]:
    """Return the molecules of all files in a folder: a name beside each SMILES, else the file's."""
    smiles = [line.split() for line in (folder / "molecules.smi").read_text().splitlines()]
    return [
        *(Molecule(smiles=text, id=name) for text, name in smiles),
        *(Molecule(xyz=path.read_text(), id=path.stem) for path in sorted(folder.glob("*.xyz"))),
        *(Molecule(sdf=path.read_text(), id=path.stem) for path in sorted(folder.glob("*.sdf"))),
    ]


def make_table(results: list[Result]) -> Table:
    """Return a row for each molecule."""
    table = Table(box=None)
    table.add_column("molecule", no_wrap=True)
    table.add_column("atoms", justify="right")
    table.add_column("CPU ms", justify="right")
    table.add_column("E - E(force field)\nGFN2-xTB, kcal/mol", justify="right")
    table.add_column("method")
    table.add_column("verdict")
    for result in results:
        table.add_row(*row(result))
    return table


def row(result: Result) -> list[str]:
    """Return the cells of one molecule."""
    if result.error is not None:
        return [result.id or "", "", "", "", "failed", result.error.detail or result.error.title]
    return [
        result.id or "",
        str(len(result.positions)),
        f"{1000 * result.usage.cpu_seconds:.0f}",
        f"{energy_against_start(result):.2f}",
        result.verdict.method,
        verdict(result),
    ]


def energy_against_start(result: Result) -> float:
    """Return E(relaxed) - E(start) by GFN2-xTB, kcal/mol; below zero is better."""
    relaxed = result.to_ase()
    start = relaxed.copy()
    start.set_positions(result.start_positions)
    return (gfn2_xtb_energy(relaxed) - gfn2_xtb_energy(start)) / (kcal / mol)


def gfn2_xtb_energy(atoms: ase.Atoms) -> float:
    """Return the energy of a molecule in its geometry, eV."""
    atoms.calc = TBLite(
        method="GFN2-xTB",
        charge=atoms.info["charge"],
        multiplicity=atoms.info["multiplicity"],
        verbosity=0,
    )
    return float(atoms.get_potential_energy())


def verdict(result: Result) -> str:
    """Return in words what became of the molecule."""
    kept = (result.verdict.connectivity_kept, result.verdict.stereo_kept)
    molecule = "changed" if False in kept else "not judged" if None in kept else "same molecule"
    return molecule if result.relaxation.converged else f"{molecule}, not converged"


def write(result: Result, folder: Path) -> None:
    """Write a relaxed molecule as SDF, or as XYZ where its bonds are not known."""
    if result.sdf is not None:
        (folder / f"{result.id}.sdf").write_text(result.sdf)
    elif result.status == "ok":
        ase.io.write(folder / f"{result.id}.xyz", result.to_ase(), format="extxyz")


def on_sigterm(*_: object) -> None:
    """Leave as on Ctrl-C, so that the service is stopped."""
    raise SystemExit(128 + signal.SIGTERM)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, on_sigterm)
    sys.exit(main())
