/** Plays the steps of a relaxation. */

import { byId } from "./dom.js";

const FRAMES_PER_SECOND = 1.5;

/** The controls of the animation; `onPlace` is called with each place between frames. */
export class Player {
  #n = 1;
  #place = 0;
  #timer = 0;
  #onPlace;
  #slider = byId("step");
  #button = byId("play");

  constructor(onPlace) {
    this.#onPlace = onPlace;
    this.#slider.addEventListener("input", () => this.#seek(Number(this.#slider.value)));
    this.#button.addEventListener("click", () => (this.#timer ? this.stop() : this.#play()));
  }

  /** Take another relaxation of n frames, and show its last. */
  setFrames(n) {
    this.stop();
    this.#n = n;
    this.#slider.max = n - 1;
    this.#go(n - 1, false);
  }

  stop() {
    cancelAnimationFrame(this.#timer);
    this.#timer = 0;
    this.#button.textContent = "Play";
  }

  #seek(place) {
    this.stop();
    this.#go(place);
  }

  #play() {
    this.#button.textContent = "Pause";
    const from = this.#place >= this.#n - 1 ? 0 : this.#place;
    let began = null;
    const next = (now) => {
      began ??= now;
      const place = Math.min(from + ((now - began) / 1000) * FRAMES_PER_SECOND, this.#n - 1);
      const shown = isCalm() ? Math.floor(place) : place;
      if (shown !== this.#place) this.#go(shown);
      if (place >= this.#n - 1) this.stop();
      else this.#timer = requestAnimationFrame(next);
    };
    this.#timer = requestAnimationFrame(next);
  }

  #go(place, tell = true) {
    const step = Math.round(place);
    this.#place = place;
    this.#slider.value = step;
    const text = step === 0 ? "Start" : `Step ${step} of ${this.#n - 1}`;
    this.#slider.setAttribute("aria-valuetext", text);
    byId("step-text").textContent = text;
    if (tell) this.#onPlace(place);
  }
}

function isCalm() {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}
