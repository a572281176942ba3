"""The plots of `relaxd inspect`: each figure along training, a line for each noise level."""

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure

FIRST_ORDER = {
    "force": "step and force: cosine",
    "minimum": "step and way to the minimum: cosine",
    "newton": "step and Newton step: cosine",
}
SECOND_ORDER = {
    "rank_correlation": "Jacobian and Hessian: rank correlation",
    "soft_overlap": "overlap of the softest quarters",
    "similarity": "similarity of the matrices",
    "log10_condition": "log10 condition, preconditioned",
    "asymmetry": "asymmetry of the Jacobian",
}
"""Figures of `relaxd.relax.inspect_model`, and what stands above their plots."""

REFERENCES = {"mmff94": ("black", "MMFF94 Hessian"), "unit": ("grey", "unit matrix")}
"""Colours and names of what the Jacobian is held against."""


def draw(figures: Mapping[str, Any]) -> Figure:
    """Return nine plots.

    Args:
        figures: as `inspect_models` returns them.
    """
    figure = Figure(figsize=(12, 10), layout="constrained")
    axes = figure.subplots(3, 3).ravel()
    for ax, (key, title) in zip(axes, (FIRST_ORDER | SECOND_ORDER).items(), strict=False):
        _along_training(ax, figures, "first_order" if key in FIRST_ORDER else "second_order", key)
        ax.set_title(title)
        if key in SECOND_ORDER:
            _references(ax, figures["references"], key)
    _modes(axes[-1], figures["models"][-1])
    for ax in (axes[0], axes[3], axes[-1]):
        ax.legend(fontsize="small")
    return figure


def _along_training(ax: Axes, figures: Mapping[str, Any], order: str, key: str) -> None:
    samples = [model["samples"] for model in figures["models"]]
    for level in figures["models"][0][order]:
        found = [model[order].get(level, {}).get(key) for model in figures["models"]]
        pairs = zip(samples, found, strict=True)
        points = [(x, f["median"], *f["median_95"]) for x, f in pairs if f is not None]
        if points:
            x, median, low, high = zip(*points, strict=True)
            (line,) = ax.plot(x, median, "o-", markersize=3, label=_name(level))
            ax.fill_between(x, low, high, alpha=0.15, color=line.get_color())
            if key == "force":
                _perfect(ax, figures["models"][-1][order][level], line.get_color())
    if min(samples) > 0:
        ax.set_xscale("log")
    ax.set_xlabel("training samples")


def _perfect(ax: Axes, found: Mapping[str, Any], colour: Any) -> None:
    """Draw, dotted, the cosine of a denoiser that goes straight to the minimum."""
    if found["perfect"]:
        ax.axhline(found["perfect"]["median"], linestyle=":", linewidth=1, color=colour)


def _references(ax: Axes, references: Mapping[str, Any], key: str) -> None:
    for name, (colour, label) in REFERENCES.items():
        if found := references[name].get(key):
            ax.axhline(found["median"], linestyle="--", linewidth=1, color=colour, label=label)


def _modes(ax: Axes, model: Mapping[str, Any]) -> None:
    for level, found in model["second_order"].items():
        modes = found["modes"]
        ax.plot(modes["curvature"], modes["taken_back"], "o-", markersize=3, label=_name(level))
    ax.set(
        xscale="log",
        xlabel="curvature of the mode, eV/Å²",
        title=f"part taken back: {model['name']}",
    )


def _name(level: str) -> str:
    return level if level == "mmff94" else f"{level} Å"
