// Runs the model away from the page, so that drawing stays smooth. Messages:
//   {load: {engine, model, wasm}} (a name, bytes)  -> {ready: true}
//   {id, image: Float32Array, shape, inputs: {name: number, or Float32Array}} -> {id, outputs: {name: Float32Array}}
// and {id, error: text} when something fails.

let ort, session;

// `engine` is "wasm" or "webgpu".
async function load({ engine, model, wasm }) {
  ort = await import(`./onnxruntime/ort.${engine}.bundle.min.js`);
  // One thread: more would need a server that sends cross-origin isolation headers.
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = "error";
  // Handed over, not fetched here: no server has to know the type of a .wasm file.
  ort.env.wasm.wasmBinary = wasm;
  session = await ort.InferenceSession.create(new Uint8Array(model), { executionProviders: [engine] });
  return { ready: true };
}

async function run({ image, shape, inputs }) {
  const feed = image ? { image: new ort.Tensor("float32", image, [1, ...shape]) } : {};
  for (const [name, value] of Object.entries(inputs)) {
    feed[name] =
      value instanceof Float32Array
        ? new ort.Tensor("float32", value, [1, value.length])
        : new ort.Tensor("int64", BigInt64Array.of(BigInt(value)), [1]);
  }
  const results = await session.run(feed);
  return { outputs: Object.fromEntries(Object.entries(results).map(([name, tensor]) => [name, tensor.data])) };
}

self.addEventListener("message", async ({ data }) => {
  try {
    self.postMessage({ id: data.id, ...(await (data.load ? load(data.load) : run(data))) });
  } catch (error) {
    self.postMessage({ id: data.id, error: String(error?.message ?? error) });
  }
});
