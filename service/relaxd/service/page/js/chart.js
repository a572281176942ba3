/** A chart as SVG: y against whole numbers, one line for each series. */

import { decades, linear, logarithmic, roomy, ticks } from "./scales.js";

const SVG = "http://www.w3.org/2000/svg";
const HEIGHT = 230;
const [LEFT, RIGHT, TOP, BOTTOM] = [62, 368, 14, 186];

/**
 * Draw a chart into an element.
 *
 * @param {SVGElement} host with a viewBox of 380 by 230
 * @param {object} chart
 * @param {string} chart.y what the vertical axis shows, with its unit
 * @param {boolean} chart.log whether that axis is logarithmic
 * @param {{points: {x: number, y: number, coarse: boolean}[]}[]} chart.series two at most
 */
export function drawChart(host, { y, log, series }) {
  const points = series.flatMap((one) => one.points);
  const across = linear([1, Math.max(5, ...points.map((p) => p.x))], [LEFT, RIGHT]);
  const vertical = log ? decades(points.map((p) => p.y)) : evenly(points.map((p) => p.y));
  const up = (log ? logarithmic : linear)(vertical.domain, [BOTTOM, TOP]);
  host.replaceChildren(
    ...vertical.ticks.flatMap((tick) => rule(up(tick), String(tick))),
    ...ticks([1, Math.max(5, ...points.map((p) => p.x))]).map((tick) => mark(across(tick), tick)),
    label((LEFT + RIGHT) / 2, HEIGHT - 8, "DFT gradients", "middle"),
    label(-(TOP + BOTTOM) / 2, 12, y, "middle", "rotate(-90)"),
    ...series.flatMap((one, i) => line(one.points, across, up, `series-${i}`)),
  );
}

function evenly(values) {
  const domain = roomy(values);
  return { domain, ticks: ticks(domain, 4) };
}

function line(points, across, up, name) {
  const places = points.map((p) => [across(p.x), up(p.y)]);
  const path = shape("polyline", { class: `line ${name}`, points: places.join(" ") });
  const dots = points.map((p, i) => dot(places[i], `${name}${p.coarse ? " coarse" : ""}`));
  return [path, ...dots];
}

/** Series differ in shape, too, not by colour alone. */
function dot([x, y], name) {
  if (name.startsWith("series-0"))
    return shape("circle", { class: `dot ${name}`, cx: x, cy: y, r: 3.5 });
  return shape("rect", { class: `dot ${name}`, x: x - 3.2, y: y - 3.2, width: 6.4, height: 6.4 });
}

function rule(y, text) {
  const across = shape("line", { class: "rule", x1: LEFT, x2: RIGHT, y1: y, y2: y });
  return [across, label(LEFT - 6, y + 4, text, "end")];
}

function mark(x, tick) {
  return label(x, BOTTOM + 18, String(tick), "middle");
}

function label(x, y, text, anchor, transform = "") {
  const made = shape("text", { x, y, "text-anchor": anchor, transform });
  made.textContent = text;
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}
