// The sheet a person draws on, with mouse, pen, finger or keyboard. Tells `changed()` after every change.

import { show } from "./picture.js";

const REMEMBERED = 50;

export class Sheet {
  // `elements`: canvas, cursor (a frame over a pixel) and status (spoken by screen readers).
  constructor({ canvas, cursor, status }, shape, changed) {
    this.canvas = canvas;
    this.frame = cursor;
    this.status = status;
    this.shape = shape;
    this.changed = changed;
    [this.channels, this.height, this.width] = shape;
    this.pixels = new Float32Array(this.channels * this.height * this.width);
    this.past = [];
    this.tool = "draw";
    this.ink = [1, 1, 1];
    this.radius = 1;
    this.place = { x: Math.floor(this.width / 2), y: Math.floor(this.height / 2) };
    this.listen();
    this.refresh();
  }

  // Replace the picture; what was there can be had back by `undo`. A `passing` one gives way to the first stroke.
  put(pixels, passing = false) {
    this.remember();
    this.passing = passing;
    this.pixels = Float32Array.from(pixels);
    this.refresh();
  }

  clear() {
    this.put(new Float32Array(this.pixels.length));
  }

  undo() {
    if (this.past.length === 0) return;
    this.passing = false;
    this.pixels = this.past.pop();
    this.refresh();
  }

  remember() {
    this.past.push(this.pixels);
    if (this.past.length > REMEMBERED) this.past.shift();
  }

  refresh() {
    show(this.canvas, this.pixels, this.shape);
    this.changed();
  }

  listen() {
    const { canvas } = this;
    canvas.addEventListener("pointerdown", (event) => {
      if (event.button !== 0) return;
      event.preventDefault();
      canvas.focus({ preventScroll: true, focusVisible: false });
      canvas.setPointerCapture(event.pointerId);
      this.frame.hidden = true;
      this.begin(this.position(event));
    });
    canvas.addEventListener("pointermove", (event) => {
      if (!this.stroke || !canvas.hasPointerCapture(event.pointerId)) return;
      const moves = event.getCoalescedEvents?.() ?? [];
      for (const move of moves.length ? moves : [event]) this.draw(this.position(move));
      this.refresh();
    });
    for (const end of ["pointerup", "pointercancel"]) canvas.addEventListener(end, () => (this.stroke = null));
    canvas.addEventListener("keydown", (event) => this.key(event));
    canvas.addEventListener("blur", () => (this.frame.hidden = true));
  }

  // Where an event is, in pixels of the picture; the centre of the first pixel is (0, 0).
  position(event) {
    const box = this.canvas.getBoundingClientRect();
    return {
      x: ((event.clientX - box.left) / box.width) * this.width - 0.5,
      y: ((event.clientY - box.top) / box.height) * this.height - 0.5,
    };
  }

  begin(point) {
    this.remember();
    if (this.passing && this.tool === "draw") this.pixels = new Float32Array(this.pixels.length);
    this.passing = false;
    // A stroke covers each pixel once, however often it passes: thin edges stay thin.
    this.stroke = { before: this.pixels, covered: new Float32Array(this.height * this.width), last: point };
    this.pixels = Float32Array.from(this.pixels);
    this.draw(point);
    this.refresh();
  }

  draw(point) {
    const { before, covered, last } = this.stroke;
    const ink = this.tool === "erase" ? [0, 0, 0] : this.ink;
    const plane = this.height * this.width;
    const reach = this.radius + 1;
    const [left, right] = [Math.min(last.x, point.x) - reach, Math.max(last.x, point.x) + reach];
    const [top, bottom] = [Math.min(last.y, point.y) - reach, Math.max(last.y, point.y) + reach];
    for (let y = Math.max(0, Math.ceil(top)); y <= Math.min(this.height - 1, bottom); y++) {
      for (let x = Math.max(0, Math.ceil(left)); x <= Math.min(this.width - 1, right); x++) {
        const share = Math.min(1, Math.max(0, this.radius + 0.5 - distance({ x, y }, last, point)));
        const index = y * this.width + x;
        if (share <= covered[index]) continue;
        covered[index] = share;
        for (let channel = 0; channel < this.channels; channel++) {
          const at = channel * plane + index;
          this.pixels[at] = before[at] * (1 - share) + (ink[channel] ?? ink[0]) * share;
        }
      }
    }
    this.stroke.last = point;
  }

  key(event) {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    const command = event.ctrlKey || event.metaKey;
    if (command && event.key.toLowerCase() === "z") this.undo();
    else if (command || event.altKey) return;
    else if (step) this.move(step, event.shiftKey);
    else if (event.key === " " || event.key === "Enter") this.paint([this.place]);
    else if (event.key === "Delete" || event.key === "Backspace") this.clear();
    else if (event.key.toLowerCase() === "e") this.changeTool();
    else return;
    event.preventDefault();
    this.frameCursor();
    this.say();
  }

  move([dx, dy], painting) {
    const old = this.place;
    this.place = {
      x: Math.min(this.width - 1, Math.max(0, old.x + dx)),
      y: Math.min(this.height - 1, Math.max(0, old.y + dy)),
    };
    if (painting) this.paint([old, this.place]);
  }

  paint([start, ...points]) {
    this.begin(start);
    for (const point of points) this.draw(point);
    this.stroke = null;
    this.refresh();
  }

  changeTool() {
    this.tool = this.tool === "draw" ? "erase" : "draw";
    this.canvas.dispatchEvent(new Event("toolchange"));
  }

  frameCursor() {
    const { style } = this.frame;
    this.frame.hidden = false;
    style.left = `${(100 * this.place.x) / this.width}%`;
    style.top = `${(100 * this.place.y) / this.height}%`;
    style.width = `${100 / this.width}%`;
    style.height = `${100 / this.height}%`;
  }

  say() {
    const { x, y } = this.place;
    const plane = this.height * this.width;
    let sum = 0;
    for (let channel = 0; channel < this.channels; channel++) {
      sum += this.pixels[channel * plane + y * this.width + x];
    }
    const brightness = Math.round((100 * sum) / this.channels);
    this.status.textContent = `row ${y + 1}, column ${x + 1}, ${brightness} percent bright, tool: ${this.tool}`;
  }
}

// Distance of a point from the line between two others.
function distance(point, from, to) {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const square = dx * dx + dy * dy;
  const along = square === 0 ? 0 : ((point.x - from.x) * dx + (point.y - from.y) * dy) / square;
  const share = Math.min(1, Math.max(0, along));
  return Math.hypot(point.x - from.x - share * dx, point.y - from.y - share * dy);
}
