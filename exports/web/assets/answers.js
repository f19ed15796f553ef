// What the tasks answer, one view per task: classes as bars, tags, values with units, pictures, masks, maps, points. Each
// view has `element` (where it is shown), `update(values, seen, channels)` with the output's Float32Array and the
// picture that was answered, and `text` to be spoken.

import { MapView, MaskView } from "./maps.js";
import { show } from "./picture.js";

const SHOWN = 20;
const FIRST = 8;

// Return the view of an output as its `drawing` in page.json says; `known` is {metric, value} on the test split, or nothing.
// `shape` is that of the picture that was answered.
export function viewOf(output, known, shape) {
  return new VIEWS[output.drawing.kind](output, known, shape);
}

class ClassesView {
  constructor(output, known) {
    const classes = output.drawing.labels;
    this.name = output.name;
    this.binary = output.drawing.single;
    this.classes = classes;
    this.few = output.drawing.ordered || classes.length <= SHOWN;
    this.all = this.few;
    this.element = card(output.name, known);
    this.verdict = make("p", "verdict");
    this.list = make("ol", "bars");
    this.list.setAttribute("aria-label", `Probabilities of ${output.name}`);
    this.list.style.setProperty("--names", `${Math.min(18, Math.max(2, ...classes.map((name) => name.length + 1)))}ch`);
    this.element.append(this.verdict, this.list);
    this.resize();
    if (!this.few) this.element.append(this.toggle());
  }

  toggle() {
    const button = make("button", "more", `All ${this.classes.length} classes`);
    button.type = "button";
    button.setAttribute("aria-expanded", "false");
    button.addEventListener("click", () => {
      this.all = !this.all;
      button.setAttribute("aria-expanded", String(this.all));
      button.textContent = this.all ? `The ${FIRST} most probable` : `All ${this.classes.length} classes`;
      this.resize();
      this.update(this.values);
    });
    return button;
  }

  resize() {
    const rows = this.all ? this.classes.length : FIRST;
    this.rows = Array.from({ length: rows }, () => {
      const row = make("li");
      const [name, track, fill, number] = [make("span", "name"), make("span", "track"), make("span", "fill"), make("span", "number")];
      track.setAttribute("aria-hidden", "true");
      fill.style.display = track.style.display = "block";
      track.append(fill);
      row.append(name, track, number);
      return { row, name, fill, number };
    });
    this.list.replaceChildren(...this.rows.map(({ row }) => row));
  }

  update(values) {
    this.values = values;
    const probabilities = this.binary ? [1 - values[0], values[0]] : values;
    const order = descending(probabilities);
    const best = order[0];
    // Few classes, and those in order, keep their places, so that bars grow and shrink where they are.
    const listed = this.few ? this.classes.map((_, index) => index) : order;
    this.rows.forEach((row, place) => this.fill(row, listed[place], probabilities, listed[place] === best));
    this.text = `${this.name}: ${this.classes[best]}, ${percent(probabilities[best])}`;
    this.verdict.replaceChildren(this.classes[best], make("small", "", percent(probabilities[best])));
    this.verdict.classList.toggle("long", this.classes[best].length > 14);
  }

  fill({ row, name, fill, number }, index, probabilities, marked) {
    name.textContent = this.classes[index];
    number.textContent = percent(probabilities[index]);
    fill.style.width = `${100 * probabilities[index]}%`;
    row.classList.toggle("best", marked);
  }
}

class ValuesView {
  constructor(output, known) {
    this.name = output.name;
    this.drawing = output.drawing;
    this.element = card(output.name, known);
    const table = make("table", "values");
    const body = make("tbody");
    this.cells = this.drawing.labels.map((name) => {
      const [row, head, cell] = [make("tr"), make("th", "", name), make("td")];
      head.scope = "row";
      row.append(head, cell);
      body.append(row);
      return cell;
    });
    table.append(body);
    this.element.append(table);
  }

  update(values) {
    const units = this.drawing.units ? ` ${this.drawing.units}` : "";
    this.cells.forEach((cell, index) => {
      cell.replaceChildren(number(values[index]), make("small", "", units));
    });
    const each = this.drawing.labels.map((name, index) => `${name} ${number(values[index])}${units}`);
    this.text = `${this.name}: ${each.join(", ")}`;
  }
}

// Answers that hold or not, each for itself: a bar each, and those from one half on as the verdict.
class TagsView extends ClassesView {
  update(values) {
    this.values = values;
    const held = this.classes.filter((_, index) => values[index] >= 0.5);
    const listed = this.few ? this.classes.map((_, index) => index) : descending(values);
    this.rows.forEach((row, place) => this.fill(row, listed[place], values, values[listed[place]] >= 0.5));
    const said = held.length ? held.join(", ") : "none";
    this.text = `${this.name}: ${said}`;
    this.verdict.replaceChildren(said);
    this.verdict.classList.toggle("long", said.length > 14);
  }
}

class PictureView {
  constructor(output, known) {
    this.name = output.name;
    this.shape = output.shape.slice(1);
    this.picture = true;
    Object.assign(this, frame(output.name, known));
  }

  update(values) {
    show(this.canvas, values, this.shape);
    this.text = `${this.name}: picture`;
  }
}

// Named points over the picture that was seen: a cross in its own colour for each that is visible.
class MarksView {
  constructor(output, known, shape) {
    this.name = output.name;
    this.labels = output.drawing.labels;
    this.shape = shape;
    this.picture = true;
    Object.assign(this, frame(output.name, known));
    this.seen = make("canvas");
    this.list = make("ul", "places");
    this.element.append(this.list);
  }

  update(values, seen) {
    const places = this.labels.map((label, index) => {
      const [x, y, visible] = values.slice(3 * index, 3 * index + 3);
      return { label, x, y, shown: visible >= 0.5, colour: `hsl(${(137.5 * index) % 360} 90% 60%)` };
    });
    this.draw(places, seen);
    this.list.replaceChildren(...places.map(({ label, x, y, shown, colour }) => {
      const item = make("li", "", `${label}: ${shown ? `${number(x)}, ${number(y)}` : "hidden"}`);
      if (shown) item.style.borderLeft = `.4rem solid ${colour}`;
      item.style.paddingLeft = ".4rem";
      return item;
    }));
    const found = places.filter(({ shown }) => shown).map(({ label, x, y }) => `${label} ${number(x)}, ${number(y)}`);
    this.text = `${this.name}: ${found.join("; ") || "no point"}`;
    this.canvas.setAttribute("aria-label", this.text);
  }

  draw(places, seen) {
    show(this.seen, seen, this.shape);
    const [height, width] = this.shape.slice(1);
    const times = Math.ceil(240 / Math.max(height, width));
    [this.canvas.width, this.canvas.height] = [width * times, height * times];
    const pen = this.canvas.getContext("2d");
    pen.imageSmoothingEnabled = false;
    pen.drawImage(this.seen, 0, 0, this.canvas.width, this.canvas.height);
    const reach = Math.max(this.canvas.width, this.canvas.height) / 40;
    for (const { x, y, shown, colour } of places) {
      if (!shown) continue;
      const [left, top] = [x * this.canvas.width, y * this.canvas.height];
      // Dark below and bright above: it is seen on any ground.
      for (const [style, width] of [["#000", 4], [colour, 2]]) {
        [pen.strokeStyle, pen.lineWidth] = [style, width];
        pen.beginPath();
        pen.moveTo(left - reach, top);
        pen.lineTo(left + reach, top);
        pen.moveTo(left, top - reach);
        pen.lineTo(left, top + reach);
        pen.stroke();
      }
    }
  }
}

const framed = (View) => function (output, known) { return new View(output, frame(output.name, known)); };
const VIEWS = { bars: ClassesView, tags: TagsView, values: ValuesView, picture: PictureView, mask: framed(MaskView),
  map: framed(MapView), marks: MarksView };

// A canvas with the task's name and score below it.
function frame(name, known) {
  const [element, canvas] = [make("figure"), make("canvas")];
  canvas.setAttribute("role", "img");
  canvas.setAttribute("aria-label", `Picture of the task ${name}`);
  const caption = make("figcaption", "", name);
  caption.append(score(known));
  element.append(canvas, caption);
  return { element, canvas };
}

function descending(numbers) {
  return Array.from(numbers, (_, index) => index).sort((one, other) => numbers[other] - numbers[one]);
}

function card(name, known) {
  const element = make("article", "panel answer");
  element.setAttribute("aria-label", name);
  element.append(make("h3", "", name), score(known));
  return element;
}

// As "accuracy 0.978 on the test split".
function score(known) {
  const finite = Number.isFinite(known?.value);
  return make("span", "score", finite ? `${known.metric} ${number(known.value)} on the test split` : "");
}

function make(tag, name = "", text = "") {
  const element = document.createElement(tag);
  if (name) element.className = name;
  if (text) element.textContent = text;
  return element;
}

function number(value) {
  return Math.abs(value) >= 100 ? value.toFixed(1) : Number(value.toPrecision(3)).toString();
}

function percent(value) {
  return `${(100 * value).toFixed(1)} %`;
}
