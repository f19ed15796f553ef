// Answers that have a value at every pixel: a class each, in colours over the picture with a legend, and
// numbers, on a scale of colours from the lowest to the highest. Views as in answers.js.

import { paint } from "./picture.js";

// How much of a pixel's colour is that of its class.
const OPAQUE = 0.6;
const SAID = 3;

export class MaskView {
  constructor(output, frame) {
    this.name = output.name;
    this.drawing = output.drawing;
    this.shape = output.shape.slice(1);
    this.picture = true;
    Object.assign(this, frame);
    const list = document.createElement("ul");
    list.className = "legend";
    this.shares = output.drawing.labels.map((label, index) => legendItem(list, label, output.drawing.colours[index]));
    this.element.append(list);
  }

  // `seen` is the picture that was answered, as the model reads it, in channels.
  update(values, seen, channels) {
    const [classes, height, width] = this.shape;
    const plane = height * width;
    const counts = new Array(classes).fill(0);
    const same = seen?.length === channels * plane;
    const grey = (pixel, colour) => seen[(channels >= 3 ? colour : 0) * plane + pixel] * 255;
    paint(this.canvas, height, width, (pixel) => {
      const best = classAt(values, pixel, classes, plane);
      counts[best] += 1;
      const mix = (part, colour) => (same ? OPAQUE * part + (1 - OPAQUE) * grey(pixel, colour) : part);
      return this.drawing.colours[best].map(mix);
    });
    const shares = counts.map((count) => count / plane);
    this.shares.forEach((cell, index) => (cell.textContent = percent(shares[index])));
    const order = shares.map((_, index) => index).sort((one, other) => shares[other] - shares[one]);
    const said = order.filter((index) => shares[index] > 0).slice(0, SAID);
    this.text = `${this.name}: ${said.map((index) => `${this.drawing.labels[index]} ${percent(shares[index])}`).join(", ")}`;
  }
}

export class MapView {
  constructor(output, frame) {
    this.name = output.name;
    this.drawing = output.drawing;
    this.shape = output.shape.slice(1);
    this.picture = true;
    Object.assign(this, frame);
    this.scale = document.createElement("canvas");
    this.scale.className = "scale";
    this.scale.setAttribute("aria-hidden", "true");
    paint(this.scale, 1, 64, (pixel) => colourAt(this.drawing.scale, pixel / 63));
    this.ends = document.createElement("p");
    this.ends.className = "ends";
    this.element.append(this.scale, this.ends);
  }

  update(values) {
    const [planes, height, width] = this.shape;
    const size = height * width;
    const ranges = Array.from({ length: planes }, (_, plane) => extremes(values.subarray(plane * size, (plane + 1) * size)));
    const lowest = Math.min(...ranges.map(([low]) => low));
    const span = Math.max(...ranges.map(([, high]) => high)) - lowest || 1;
    // One plane beside the other, on one scale.
    paint(this.canvas, height, planes * width, (pixel) => {
      const [row, column] = [Math.floor(pixel / (planes * width)), pixel % (planes * width)];
      const plane = Math.floor(column / width);
      return colourAt(this.drawing.scale, (values[plane * size + row * width + (column % width)] - lowest) / span);
    });
    const units = this.drawing.units ? ` ${this.drawing.units}` : "";
    this.ends.textContent = `${short(lowest)} to ${short(lowest + span)}${units}`;
    const each = ranges.map(([low, high], index) => `${this.drawing.labels[index]} ${short(low)} to ${short(high)}${units}`);
    this.text = `${this.name}: ${each.join(", ")}`;
  }
}

// The most probable class of a pixel.
export function classAt(values, pixel, classes, plane) {
  let best = 0;
  for (let next = 1; next < classes; next++) {
    if (values[next * plane + pixel] > values[best * plane + pixel]) best = next;
  }
  return best;
}

// The colour at a place 0..1 of a scale of colours, between two of them on a straight line.
export function colourAt(scale, place) {
  const along = Math.min(1, Math.max(0, place)) * (scale.length - 1);
  const below = Math.min(scale.length - 2, Math.floor(along));
  return scale[below].map((part, colour) => part + (along - below) * (scale[below + 1][colour] - part));
}

function extremes(values) {
  return values.reduce(([low, high], value) => [Math.min(low, value), Math.max(high, value)], [Infinity, -Infinity]);
}

function legendItem(list, label, colour) {
  const [item, swatch, share] = ["li", "i", "span"].map((tag) => document.createElement(tag));
  swatch.style.backgroundColor = `rgb(${colour.join(" ")})`;
  item.append(swatch, label, share);
  list.append(item);
  return share;
}

function short(value) {
  return Number(value.toPrecision(3)).toString();
}

function percent(share) {
  return `${(100 * share).toFixed(1)} %`;
}
