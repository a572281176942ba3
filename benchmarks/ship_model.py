"""Puts a trained checkpoint into the package, with a card of what was measured of it.

    python benchmarks/ship_model.py runs/mine/model.safetensors relaxd-small evaluate.json

The figures are those that `relaxd evaluate --json benchmarks/results/evaluate.json` wrote for these
very weights; the script refuses others. What DFT is saved is told of the default model alone.
"""

import argparse
import json
from pathlib import Path
from typing import Any

from _report import RESULTS

import relaxd.model
from relaxd.model import DEFAULT_MODEL, load_model, save_model
from relaxd.relax import table

WATTS = {"cpu": 10.0, "cuda": 700.0}
"""Assumed power of one busy core and of one large GPU, W."""

GRID = 473.0
"""World mean carbon intensity of electricity in 2024, g of CO2 equivalent per kWh; Ember, Global
Electricity Review 2025."""

SAVED = "relaxd start and driver, against MMFF94 and geomeTRIC"
"""What is told of `refinement.json`."""

CARD = """# {name}

An equivariant denoiser (e3nn irreps {irreps}, {n_layers} layers, l_max = {l_max}, {n_filters}
filters of {n_radial} Bessel functions and bonds, cutoff {r_max} Angstrom; {n_parameters:,}
parameters) that carries cheap geometries to DFT minima.

* **Level of theory**: {level}, gas phase.
* **Domain**: neutral closed-shell molecules of H, C, N and O with three heavy atoms or more and up
  to {max_atoms} atoms. Outside it relaxd uses GFN2-xTB and says so.
* **Data**: QM9 (doi 10.1038/sdata.2014.22, CC0), without fluorine and without molecules whose
  `index % 40 == 3`, which are for validation; MMFF94 geometries made from the DFT minima, of which
  GFN2-xTB told whether they kept to the minimum's basin where they are more than 0.4 Angstrom off.
* **Training**: {samples:,} samples in {steps:,} steps, {cpu_hours:.2f} hours on one CPU core and
  {gpu_hours:.2f} on one GPU; about {energy:.0f} Wh at an assumed {cpu_watts:.0f} W for the core and
  {gpu_watts:.0f} W for the GPU, {co2e:.0f} g of CO2 equivalent at {grid:.0f} g/kWh.
* **Weights**: sha256 `{sha256}` (tensors and configuration).

## Accuracy

Printed by `relaxd evaluate`: validation molecules that no training step has seen, each started
from the MMFF94 geometry that its DFT minimum relaxes to; 95 % bootstrap intervals.

```
{table}
```

dE is the {level} energy of a geometry above that of the DFT minimum, computed with PySCF and
density fitting. Estimated dE is that of `relaxd.relax.energy_gap`, which costs no DFT, for the
molecules whose start is of the minimum's basin.

## Expected error

`expected_error_kcal_mol` comes from a head that was fitted to {n_examples:,} molecules of the
training data. On the {n_checked} validation molecules above its rank correlation with the
estimated dE is {correlation:.2f}. Parts of them, by expected error, kcal/mol:

```
{parts}
```

## DFT from here

{saving}

## Limits

The largest errors are in soft torsions, where MMFF94 starts far from the minimum. The iteration
stays in the basin it starts in.
"""

NO_SAVING = "Not measured with this model."

SAVING = """With {n} molecules, a DFT relaxation that began where relaxd leads, by relaxd's
optimiser, took {factor:.2f} times fewer gradients (median) than one from MMFF94 by geomeTRIC. That
was measured with the weights `{weights}`."""


def accuracy(figures: dict[str, Any], saved: dict[str, Any] | None) -> dict[str, float]:
    """The figures that `GET /v1/models` tells, each key naming quantity and unit."""
    rmsd, gap = figures["rmsd_angstrom"], figures["energy_gap_kcal_mol"]
    energy = figures["energies"]["energy_error_kcal_mol"]
    saving = (
        {}
        if saved is None
        else {
            "dft_gradients_saved_factor_median": saved["n_gradients"]["median_ratio"],
            "n_refined_molecules": saved["n_molecules"],
        }
    )
    basins = figures["energies"].get("basins")
    wrong = {} if basins is None else {"wrong_basin_share": basins["wrong_basin"]}
    return {
        **saving,
        **wrong,
        "same_basin_share": figures["same_basin"],
        "energy_gap_median_kcal_mol": gap["relaxd"]["median"],
        "energy_gap_mean_kcal_mol": gap["relaxd"]["mean"],
        "energy_gap_p90_kcal_mol": gap["relaxd"]["p90"],
        "expected_error_rank_correlation": figures["expected_error"]["rank_correlation"],
        "n_validation_molecules": figures["n_molecules"],
        "rmsd_median_angstrom": rmsd["relaxd"]["median"],
        "rmsd_median_gfn2_xtb_angstrom": rmsd["gfn2-xtb"]["median"],
        "rmsd_median_mmff94_angstrom": rmsd["mmff94"]["median"],
        "n_dft_molecules": figures["energies"]["n_molecules"],
        "energy_error_median_kcal_mol": energy["relaxd"]["median"],
        "energy_error_mean_kcal_mol": energy["relaxd"]["mean"],
        "energy_error_p90_kcal_mol": energy["relaxd"]["p90"],
        "energy_error_median_gfn2_xtb_kcal_mol": energy["gfn2-xtb"]["median"],
        "energy_error_median_mmff94_kcal_mol": energy["mmff94"]["median"],
    }


def in_all(training: dict[str, Any]) -> dict[str, float]:
    """Samples, steps, and hours by device, of a training and of those that it went on from."""
    before = (training.get("origin") or {}).get("training")
    total = in_all(before) if before else dict.fromkeys(("samples", "steps", *WATTS), 0)
    for name in ("samples", "steps"):
        total[name] += training[name]
    total[training["device"].partition(":")[0]] += training["seconds"] / 3600
    return total


def parts(expected: dict[str, Any]) -> str:
    """Expected beside estimated errors, as two lines."""
    return "\n".join(
        f"{name:10s}" + "".join(f"{value:7.2f}" for value in expected[f"{name}_kcal_mol"])
        for name in ("expected", "estimated")
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("name")
    parser.add_argument("figures", help="file in results/")
    arguments = parser.parse_args()
    model = load_model(arguments.checkpoint)
    figures = json.loads((RESULTS / arguments.figures).read_text())
    if figures["sha256"] != model.sha256:
        raise SystemExit(f"{arguments.figures} was measured with other weights")
    refinement = json.loads((RESULTS / "refinement.json").read_text())
    saved = refinement["ratios"][SAVED] if arguments.name == DEFAULT_MODEL else None
    expected = figures["expected_error"]
    weights = Path(relaxd.model.__file__).parent / "weights"
    card = {**model.card, "accuracy": accuracy(figures, saved)}
    save_model(model.denoiser, weights / f"{arguments.name}.safetensors", card)
    config, training = model.denoiser.config, in_all(card["training"])
    energy = sum(training[device] * watts for device, watts in WATTS.items())
    text = CARD.format(
        name=arguments.name,
        irreps=config.irreps_hidden,
        n_layers=config.n_layers,
        l_max=config.l_max,
        r_max=config.r_max,
        n_radial=config.n_radial,
        n_filters=model.denoiser.edges.n_filters,
        n_parameters=sum(p.numel() for p in model.denoiser.parameters()),
        level=card["level_of_theory"],
        max_atoms=card["domain"]["max_atoms"],
        samples=training["samples"],
        steps=training["steps"],
        cpu_hours=training["cpu"],
        gpu_hours=training["cuda"],
        energy=energy,
        co2e=energy / 1000 * GRID,
        grid=GRID,
        n_examples=card["calibration"]["n_examples"],
        n_checked=round(figures["n_molecules"] * figures["same_basin"]),
        correlation=expected["rank_correlation"],
        parts=parts(expected),
        saving=NO_SAVING
        if saved is None
        else SAVING.format(
            n=saved["n_molecules"],
            factor=saved["n_gradients"]["median_ratio"],
            weights=refinement["weights"],
        ),
        cpu_watts=WATTS["cpu"],
        gpu_watts=WATTS["cuda"],
        sha256=model.sha256,
        table=table(figures),
    )
    (weights / f"{arguments.name}.md").write_text(text)


if __name__ == "__main__":
    main()
