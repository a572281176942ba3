"""Draws what `relaxd inspect` found of checkpoints along a training."""

import json

from _report import RESULTS

from relaxd.service.cli._inspect_plot import draw


def main() -> None:
    figures = json.loads((RESULTS / "inspect.json").read_text())
    draw(figures).savefig(RESULTS.parent / "inspect.png", dpi=80)


if __name__ == "__main__":
    main()
