"""The report of `relaxd inspect`: one HTML file that needs no other."""

import base64
from collections.abc import Iterator, Mapping
from html import escape
from io import BytesIO
from typing import Any

from relaxd.service.cli._inspect_plot import FIRST_ORDER, SECOND_ORDER, draw

PAGE = """<!doctype html>
<html lang="en">
<meta charset="utf-8">
<title>relaxd: what the model has learned</title>
<style>
body {{ font: 15px/1.45 sans-serif; max-width: 75rem; margin: 2rem auto; padding: 0 1rem; }}
img {{ max-width: 100%; }}
table {{ border-collapse: collapse; font-size: 13px; margin-bottom: 1.5rem; }}
th, td {{ padding: .2rem .6rem; text-align: right; border-bottom: 1px solid #ccc; }}
th:first-child, td:first-child {{ text-align: left; }}
</style>
<h1>What the model has learned</h1>
<p>{n_molecules} validation molecules of QM9, beside GFN2-xTB less the slope that it has at the DFT
minimum. Medians over the molecules with 95&nbsp;% bootstrap intervals; motion of the molecule as a
whole does not count.</p>
<p><b>First order</b>: the step D(x) &minus; x, which is the score times the noise level squared, at
minima displaced by Gaussian noise of that level along each coordinate, and at MMFF94 geometries.
The Newton step is that of the harmonic well about the minimum. Dotted: the cosine with the force of
a step straight to the minimum.</p>
<p><b>Second order</b>: 1 &minus; &part;D/&part;x at the minimum, which is the Jacobian of the score
times minus the noise level squared. Where the score is the gradient of an energy, the asymmetry is
0. A step that finds the minimum takes every displacement back, whatever its curvature: its Jacobian
is the unit matrix and holds no Hessian. The condition is that of the Hessian preconditioned by the
Jacobian, 0 for the Hessian itself.</p>
<img alt="Figures along training" src="data:image/png;base64,{image}">
{tables}
</html>
"""


def report(figures: Mapping[str, Any]) -> str:
    """Return the report as HTML.

    Args:
        figures: as `inspect_models` returns them.
    """
    png = BytesIO()
    draw(figures).savefig(png, format="png", dpi=80)
    image = base64.b64encode(png.getvalue()).decode()
    tables = "\n".join(_tables(figures))
    return PAGE.format(n_molecules=figures["n_molecules"], image=image, tables=tables)


def _tables(figures: Mapping[str, Any]) -> Iterator[str]:
    first = {**FIRST_ORDER, "perfect": "minimum and force: cosine", "moved": "step over way"}
    second = {**SECOND_ORDER, "taken_back": "mean part taken back"}
    for order, titles in {"first_order": first, "second_order": second}.items():
        for level in figures["models"][0][order]:
            rows = {
                f"{model['name']}, {model['samples']} samples": model[order].get(level, {})
                for model in figures["models"]
            }
            if order == "second_order":
                rows |= figures["references"]
            name = order.replace("_", " ")
            where = "MMFF94 geometries" if level == "mmff94" else f"noise of {level} Å"
            yield _table(f"{name.capitalize()}, {where}", titles, rows)


def _table(title: str, columns: Mapping[str, str], rows: Mapping[str, Mapping[str, Any]]) -> str:
    head = "".join(f"<th>{escape(name)}</th>" for name in ("model", *columns.values()))
    body = "\n".join(
        f"<tr><td>{escape(name)}</td>"
        + "".join(f"<td>{_cell(found.get(key))}</td>" for key in columns)
        + "</tr>"
        for name, found in rows.items()
    )
    return f"<h2>{escape(title)}</h2>\n<table>\n<tr>{head}</tr>\n{body}\n</table>"


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return ""
    low, high = found["median_95"]
    return f"{found['median']:.2f} ({low:.2f} to {high:.2f})"
