"""Puts a trained checkpoint into the package, with a card of what was measured of it.

    python benchmarks/ship_model.py runs/mine/model.safetensors relaxd-small

The figures are those `relaxd evaluate --json benchmarks/results/evaluate.json` wrote for these
very weights; the script refuses others.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from _report import RESULTS

import relaxd.model
from relaxd.model import load_model, save_model
from relaxd.relax import table

WATTS_PER_CORE = 10.0
"""Assumed power of one busy core, W."""

CARD = """# {name}

An equivariant denoiser (e3nn irreps {irreps}, {n_layers} layers, l_max = {l_max}, cutoff {r_max}
Angstrom; {n_parameters:,} parameters) that carries cheap geometries to DFT minima.

* **Level of theory**: {level}, gas phase.
* **Domain**: neutral closed-shell molecules of H, C, N and O with up to {max_atoms} atoms. Outside
  it relaxd uses GFN2-xTB and says so.
* **Data**: QM9 (doi 10.1038/sdata.2014.22, CC0), without fluorine and without molecules whose
  `index % 40 == 3`, which are for validation; MMFF94 geometries made from the DFT minima.
* **Training**: {samples:,} samples in {steps:,} steps, {hours:.2f} hours on one CPU core; about
  {energy:.0f} Wh at an assumed {watts:.0f} W a core.
* **Weights**: sha256 `{sha256}` (tensors and configuration).

## Accuracy

Printed by `relaxd evaluate`: validation molecules that no training step has seen, each started
from the MMFF94 geometry of its DFT minimum's basin; 95 % bootstrap intervals.

```
{table}
```

dE is the {level} energy of a geometry above that of the DFT minimum, computed with PySCF and
density fitting.

## Limits

The largest errors are in soft torsions, where MMFF94 starts far from the minimum. The iteration
stays in the basin it starts in. `expected_error_kcal_mol` is not yet predicted.
"""


def accuracy(figures: dict[str, Any]) -> dict[str, float]:
    """The figures that `GET /v1/models` tells, each key naming quantity and unit."""
    rmsd = figures["rmsd_angstrom"]
    energy = figures["energies"]["energy_error_kcal_mol"]
    return {
        "n_validation_molecules": figures["n_molecules"],
        "rmsd_median_angstrom": rmsd["relaxd"]["median"],
        "rmsd_median_gfn2_xtb_angstrom": rmsd["gfn2-xtb"]["median"],
        "rmsd_median_mmff94_angstrom": rmsd["mmff94"]["median"],
        "n_dft_molecules": figures["energies"]["n_molecules"],
        "energy_error_median_kcal_mol": energy["relaxd"]["median"],
        "energy_error_median_gfn2_xtb_kcal_mol": energy["gfn2-xtb"]["median"],
        "energy_error_median_mmff94_kcal_mol": energy["mmff94"]["median"],
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    arguments = parser.parse_args()
    model = load_model(arguments.checkpoint)
    figures = json.loads((RESULTS / "evaluate.json").read_text())
    if figures["sha256"] != model.sha256:
        raise SystemExit("evaluate.json was measured with other weights")
    weights = Path(relaxd.model.__file__).parent / "weights"
    card = {**model.card, "accuracy": accuracy(figures)}
    save_model(model.denoiser, weights / f"{arguments.name}.safetensors", card)
    config, training = model.denoiser.config, card["training"]
    text = CARD.format(
        name=arguments.name,
        irreps=config.irreps_hidden,
        n_layers=config.n_layers,
        l_max=config.l_max,
        r_max=config.r_max,
        n_parameters=sum(p.numel() for p in model.denoiser.parameters()),
        level=card["level_of_theory"],
        max_atoms=card["domain"]["max_atoms"],
        samples=training["samples"],
        steps=training["steps"],
        hours=training["seconds"] / 3600,
        energy=training["seconds"] / 3600 * WATTS_PER_CORE,
        watts=WATTS_PER_CORE,
        sha256=model.sha256,
        table=table(figures),
    )
    (weights / f"{arguments.name}.md").write_text(text)


if __name__ == "__main__":
    main()
