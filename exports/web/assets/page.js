// Wires the page: what a person does changes the picture, the picture goes to the model, its answers are shown.

import { viewOf } from "./answers.js";
import { Fields } from "./fields.js";
import { loadModel } from "./model.js";
import { takeFiles } from "./photo.js";
import { addNoise, show, turn } from "./picture.js";
import { Sheet } from "./sheet.js";

const QUIET = 700;
const at = (id) => document.getElementById(id);

class Page {
  constructor(model) {
    this.model = model;
    this.seed = 1;
    this.busy = this.waiting = false;
    this.views = model.outputs.map((output) => viewOf(output, model.scoreOf(output.name), model.shape));
    for (const view of this.views) at(view.picture ? "strip" : "cards").append(view.element);
    this.title();
    if (model.shape) this.makeSheet();
    else this.withoutPictures();
    this.fields = new Fields(at("inputs"), model.inputs, model.columns, () => this.changed());
    this.makeSamples();
    at("numbers").addEventListener("toggle", () => this.print());
  }

  title() {
    const { card, proof, outputs } = this.model;
    const names = outputs.map(({ name }) => name).join(" + ");
    const parts = [card.recipe?.dataset?.name, card.recipe?.encoder?.name];
    at("title").textContent = names;
    document.title = `${names} · mtl`;
    at("origin").textContent = ["mtl", ...parts.filter(Boolean)].join(" · ");
    const worst = proof.worst?.difference;
    at("proof").textContent =
      `model.onnx ${(proof.file.bytes / 1024).toFixed(0)} KiB, verified against the trained model` +
      (worst === undefined ? "." : `: largest difference ${worst.toExponential(1)}.`) +
      ` SHA-256 ${proof.file.sha256.slice(0, 12)}…`;
    at("engine").textContent = `Computed by ${this.model.engine}.`;
  }

  makeSheet() {
    const elements = { canvas: at("canvas"), cursor: at("cursor"), status: at("canvas-status") };
    this.sheet = new Sheet(elements, this.model.shape, () => this.changed());
    this.makeTools();
    this.makeSliders();
    const { preparation } = this.model.card;
    if (preparation?.colour) {
      for (const id of ["file", "photo"]) takeFiles(at(id), at("file-note"), preparation, (pixels) => this.put(pixels));
    } else at("own").remove();
  }

  // A model of rows alone: the fields stand where the sheet would.
  withoutPictures() {
    at("lead").textContent = "Fill in a row or pick a real one: every task answers at once, in this browser. Nothing is uploaded.";
    at("drawing-heading").textContent = "Your row";
    at("samples-heading").textContent = "Real rows";
    at("drawing-heading").after(at("inputs"));
    for (const id of ["sheet", "tools", "keyboard", "pictures", "own"]) at(id).remove();
  }

  makeTools() {
    const { sheet } = this;
    const radios = document.querySelectorAll("input[name=tool]");
    for (const radio of radios) radio.addEventListener("change", () => (sheet.tool = radio.value));
    sheet.canvas.addEventListener("toolchange", () => {
      for (const radio of radios) radio.checked = radio.value === sheet.tool;
    });
    // Strokes as thick as those of handwritten digits, whatever the size of the picture.
    const unit = Math.max(sheet.height, sheet.width) / 28;
    const brush = at("brush");
    brush.value = 1.25;
    const thicken = () => (sheet.radius = Math.max(0.75, brush.value * unit));
    brush.addEventListener("input", thicken);
    thicken();
    at("ink-field").hidden = sheet.channels < 3;
    at("ink").addEventListener("input", ({ target }) => {
      sheet.ink = [1, 3, 5].map((start) => parseInt(target.value.slice(start, start + 2), 16) / 255);
    });
    at("undo").addEventListener("click", () => sheet.undo());
    at("clear").addEventListener("click", () => sheet.clear());
  }

  makeSliders() {
    const { noise, angle } = { noise: at("noise"), angle: at("angle") };
    noise.addEventListener("input", () => this.changed());
    angle.addEventListener("input", () => this.changed());
    at("again").addEventListener("click", () => {
      this.seed += 1;
      if (Number(noise.value) === 0) noise.value = 0.1;
      this.changed();
    });
    for (const [id, degrees] of [["left", 90], ["right", -90]]) {
      at(id).addEventListener("click", () => {
        const turned = Number(angle.value) + degrees;
        angle.value = turned > 180 ? turned - 360 : turned < -180 ? turned + 360 : turned;
        this.changed();
      });
    }
  }

  makeSamples() {
    this.model.samples.forEach((sample, index) => {
      const [item, button, canvas] = ["li", "button", "canvas"].map((tag) => document.createElement(tag));
      button.type = "button";
      button.setAttribute("aria-label", `Real ${sample.pixels ? "image" : "row"} ${index + 1}`);
      button.setAttribute("aria-pressed", "false");
      if (sample.pixels) {
        show(canvas, sample.pixels, this.model.shape);
        button.append(canvas);
      } else button.textContent = String(index + 1);
      item.append(button);
      at("samples").append(item);
      button.addEventListener("click", () => this.pick(index));
    });
  }

  // Put a real image on the sheet, and what came with it into the fields.
  pick(index) {
    const { pixels, inputs } = this.model.samples[index];
    this.mark(undefined);
    this.fields.set(inputs);
    this.sheet?.put(pixels, true);
    this.pickedPixels = this.sheet?.pixels;
    this.mark(index);
  }

  // Put a picture of the visitor's on the sheet; the fields stay as they are.
  put(pixels) {
    this.mark(undefined);
    this.sheet.put(pixels);
  }

  mark(picked) {
    this.picked = picked;
    document.querySelectorAll("#samples button").forEach((button, index) => {
      button.setAttribute("aria-pressed", String(index === picked));
    });
  }

  // Something has changed: ask the model, but never more than one question at a time.
  changed() {
    if (!this.fields) return;
    if (this.sheet) this.look();
    else this.mark(undefined);
    document.body.dataset.state = "computing";
    this.waiting = true;
    if (!this.busy) this.answer();
  }

  // Show what the model will see of the sheet.
  look() {
    const deviation = Number(at("noise").value);
    const degrees = Number(at("angle").value);
    at("noise-value").textContent = deviation.toFixed(2);
    at("angle-value").textContent = `${degrees}°`;
    at("undo").disabled = this.sheet.past.length === 0;
    if (this.picked !== undefined && this.sheet.pixels !== this.pickedPixels) this.mark(undefined);
    this.seen = addNoise(turn(this.sheet.pixels, this.model.shape, degrees), deviation, this.seed);
    show(at("seen"), this.seen, this.model.shape);
  }

  async answer() {
    this.busy = true;
    try {
      while (this.waiting) {
        this.waiting = false;
        const seen = this.seen;
        this.outputs = await this.model.run(seen, this.fields.values);
        for (const view of this.views) view.update(this.outputs[view.name], seen, this.model.shape?.[0]);
      }
      at("problem").hidden = true;
      this.print();
      this.speak();
      document.body.dataset.state = "ready";
    } catch (error) {
      at("problem").textContent = `The model cannot answer: ${error.message}`;
      at("problem").hidden = false;
      document.body.dataset.state = "failed";
    } finally {
      this.busy = false;
    }
  }

  print() {
    if (!at("numbers").open || !this.outputs) return;
    const plain = Object.fromEntries(Object.entries(this.outputs).map(([name, values]) => [name, Array.from(values)]));
    const inputs = Object.entries(this.fields.values).map(([name, value]) => [name, value.map ? Array.from(value) : value]);
    at("json").textContent = JSON.stringify({ inputs: Object.fromEntries(inputs), outputs: plain });
  }

  // Speak once the hand rests, not at every pixel.
  speak() {
    clearTimeout(this.quiet);
    this.quiet = setTimeout(() => {
      at("spoken").textContent = this.views.map(({ text }) => text).join(". ");
    }, QUIET);
  }
}

async function start() {
  const [text, bar] = [at("loading-text"), at("loading-bar")];
  text.textContent = "Loading the model and the runtime…";
  bar.hidden = false;
  try {
    const model = await loadModel((share) => (bar.value = share));
    at("main").hidden = at("footer").hidden = false;
    const page = new Page(model);
    page.pick(0);
    at("loading").remove();
  } catch (error) {
    bar.hidden = true;
    at("loading").classList.add("failed");
    at("loading").setAttribute("role", "alert");
    text.textContent = `This page cannot run the model: ${error.message}`;
    document.body.dataset.state = "failed";
  }
}

start();
