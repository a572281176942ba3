import assert from "node:assert/strict";
import { test } from "node:test";
import {
  scaleColour,
  scaleEnd,
  scaleGradient,
} from "../../service/relaxd/service/page/js/colours.js";
import { atomName, formula } from "../../service/relaxd/service/page/js/elements.js";
import {
  count,
  duration,
  electricity,
  listed,
  problemText,
  significant,
} from "../../service/relaxd/service/page/js/words.js";

test("numbers keep their significant digits", () => {
  assert.equal(significant(0.0001234), "0.00012");
  assert.equal(significant(0.2), "0.20");
  assert.equal(significant(2.75, 3), "2.75");
  assert.equal(significant(1234), "1234");
  assert.equal(significant(0), "0");
  assert.equal(significant(-0.031), "-0.031");
});

test("times are said in the unit that fits", () => {
  assert.equal(duration(0.0091), "9 ms");
  assert.equal(duration(0.045), "45 ms");
  assert.equal(duration(0.164), "164 ms");
  assert.equal(duration(1.26), "1.3 s");
  assert.equal(duration(125), "2 min 5 s");
  assert.equal(duration(59.97), "1 min 0 s");
  assert.equal(duration(7260), "2 h 1 min");
});

test("energy is said in milliwatt-hours until it is an hour of one watt", () => {
  assert.equal(electricity(0.00010769), "0.11 mWh");
  assert.equal(electricity(1.23), "1.2 Wh");
});

test("counts and lists are grammatical", () => {
  assert.equal(count(1, "step"), "1 step");
  assert.equal(count(10000, "row"), "10,000 rows");
  assert.equal(listed(["S"]), "S");
  assert.equal(listed(["S", "F", "Cl"]), "S, F and Cl");
});

test("an error is told in the server's words, with the fields at fault", () => {
  assert.equal(problemText({ title: "Busy", detail: "Try again." }), "Try again.");
  assert.equal(problemText({ title: "Busy", detail: null }), "Busy");
  const errors = [{ path: "/charge", message: "not a number" }];
  assert.equal(problemText({ detail: "Invalid.", errors }), "Invalid.\n/charge: not a number");
});

test("formulas are in Hill's order", () => {
  assert.equal(formula([8, 6, 1, 1, 1, 1]), "CH4O");
  assert.equal(formula([8, 1, 1]), "H2O");
  assert.equal(formula([17, 1]), "ClH");
  assert.equal(formula([35, 6, 17, 1, 7]), "CHBrClN");
  assert.equal(atomName([6, 8], 1), "O2");
});

test("the colour scale ends where it should and never steps outside", () => {
  assert.equal(scaleColour(0), "#3a6fb0");
  assert.equal(scaleColour(1), "#f0b429");
  assert.equal(scaleColour(2), scaleColour(1));
  assert.equal(scaleColour(-1), scaleColour(0));
  assert.match(scaleGradient(), /^linear-gradient\(to right, #3a6fb0,#8a9099,#f0b429\)$/);
  assert.equal(scaleEnd([0, 0]), 0.01);
  assert.equal(scaleEnd([0.2, 0.1]), 0.2);
});
