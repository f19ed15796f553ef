// The exported model: what it says about itself, its real images, and its answers, computed by a worker.

const WASM = { wasm: "ort-wasm-simd-threaded.wasm", webgpu: "ort-wasm-simd-threaded.asyncify.wasm" };

// Relative to one and more; what a graphics card's float32 is off by is far less.
const ROUNDING = 1e-3;

export class Model {
  // `card` is card.json; `samples` are {pixels: Float32Array [C * H * W], inputs: {name: number or [numbers]}}, without
  // pixels where the model reads rows alone; `columns` are those of each vector, [name, names of a category or null].
  // `engine` says in words what computes.
  constructor(card, samples, columns, proof, worker) {
    this.card = card;
    this.samples = samples;
    this.columns = columns;
    this.proof = proof;
    this.shape = pictured(card)?.shape.slice(1);
    this.inputs = card.inputs.filter((input) => input !== pictured(card));
    this.outputs = card.outputs;
    this.worker = worker;
    this.waiting = new Map();
    this.count = 0;
    worker.addEventListener("message", ({ data }) => this.settle(data));
    worker.addEventListener("error", (event) => this.fail(event.message || "the worker cannot be started"));
  }

  // Return {name: Float32Array} for one image, Float32Array [C * H * W] in 0..1, and what is read beside or instead.
  async run(image, inputs) {
    return (await this.ask({ image, shape: this.shape, inputs })).outputs;
  }

  // How good a task is on the test split, {metric, value}, or nothing when it is not known. A rounded model was
  // measured itself; of the other one the leading metric counts, which the recipe names first.
  scoreOf(task) {
    const judged = this.proof.quality?.[task];
    if (judged) return { metric: judged.metric, value: judged.after.test };
    if (this.proof.precision !== "float32") return undefined;
    const measured = this.card.test_metrics?.[task];
    const listed = this.card.recipe?.tasks?.[task]?.metrics ?? [];
    const leading = listed.find(({ name }) => Number.isFinite(measured?.[name]));
    return leading && { metric: leading.name, value: measured[leading.name] };
  }

  ask(message, transfer = []) {
    const id = ++this.count;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.worker.postMessage({ id, ...message }, transfer);
    });
  }

  settle({ id, error, ...result }) {
    const { resolve, reject } = this.waiting.get(id);
    this.waiting.delete(id);
    if (error === undefined) resolve(result);
    else reject(new Error(error));
  }

  // Return how far the answers to the first sample are from those that onnxruntime gave when the page was made;
  // throw where that is more than rounding.
  async compare(expected) {
    const [{ pixels, inputs }] = this.samples;
    const values = Object.entries(inputs).map(([name, value]) => [name, Array.isArray(value) ? known(value) : value]);
    const outputs = await this.run(pixels, Object.fromEntries(values));
    let [worst, at] = [0, 0];
    for (const { name } of this.outputs) {
      for (const value of outputs[name]) {
        const difference = Math.abs(value - expected[at]);
        if (!(difference <= ROUNDING * (1 + Math.abs(expected[at++])))) throw new Error("it computes other numbers");
        worst = Math.max(worst, difference);
      }
    }
    return worst;
  }

  fail(text) {
    for (const { reject } of this.waiting.values()) reject(new Error(text));
    this.waiting.clear();
  }
}

// Load everything the page needs; `report(share)` hears how much has arrived, 0..1. By WebGPU where the page has it and
// the browser too and it computes the same numbers, by WebAssembly otherwise.
export async function loadModel(report) {
  const [card, page, proof] = await Promise.all(["card.json", "page.json", "verify.json"].map(json));
  for (const output of card.outputs) output.drawing = page.drawings[output.name];
  const arrived = { model: 0 };
  const [model, pixels] = await Promise.all([
    download("model.onnx", (bytes) => (arrived.model = bytes)),
    download("samples.bin"),
  ]);
  const samples = unpack(new Uint8Array(pixels), page.samples, pictured(card)?.shape);
  const open = async (engine) => {
    const size = page.bytes.model + page.bytes[engine];
    const wasm = await download(`onnxruntime/${WASM[engine]}`, (bytes) => report(Math.min(1, (arrived.model + bytes) / size)));
    const loaded = new Model(card, samples, page.columns, proof, new Worker("worker.js", { type: "module" }));
    try {
      await loaded.ask({ load: { engine, model: model.slice(), wasm } }, [wasm]);
      loaded.engine = engine === "webgpu" ? await compared(loaded) : "WebAssembly";
    } catch (error) {
      loaded.worker.terminate();
      throw error;
    }
    return loaded;
  };
  if (!page.bytes.webgpu) return open("wasm");
  try {
    if (!(await navigator.gpu?.requestAdapter())) throw new Error("this browser offers none here");
    return await open("webgpu");
  } catch (error) {
    const loaded = await open("wasm");
    loaded.engine = `WebAssembly, for WebGPU cannot be used: ${error.message}`;
    return loaded;
  }
}

async function compared(loaded) {
  const difference = await loaded.compare(new Float32Array(await download("check.bin")));
  return `WebGPU, checked against onnxruntime: largest difference ${difference.toExponential(1)}`;
}

function known(row) {
  return Float32Array.from(row, (value) => value ?? NaN);
}

function pictured(card) {
  return card.inputs.find(({ name }) => name === "image");
}

function unpack(bytes, { count, inputs }, shape) {
  const size = shape?.slice(1).reduce((product, side) => product * side, 1);
  const image = (index) => Float32Array.from(bytes.subarray(index * size, (index + 1) * size), (value) => value / 255);
  return Array.from({ length: count }, (_, index) => ({
    pixels: shape && image(index),
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, values]) => [name, values[index]])),
  }));
}

async function get(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`the server has no ${path} (${response.status})`);
  return response;
}

async function json(path) {
  return (await get(path)).json();
}

async function download(path, report = () => {}) {
  const reader = (await get(path)).body.getReader();
  const parts = [];
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    parts.push(value);
    length += value.length;
    report(length);
  }
  return new Blob(parts).arrayBuffer();
}
