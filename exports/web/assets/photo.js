// A picture file of the visitor's: read here, prepared as the model's own pictures were, sent nowhere.

import { upright, withoutExif } from "./exif.js";
import { LARGEST, prepared } from "./preparation.js";

// Wire a file field: `put(pixels)` gets what the model reads, `note` what became of the file.
export function takeFiles(field, note, preparation, put) {
  field.addEventListener("change", async () => {
    const [file] = field.files;
    if (!file) return;
    try {
      const picture = await decoded(file, preparation);
      put(prepared(picture, preparation, true));
      note.textContent = said(picture, preparation);
    } catch (error) {
      note.textContent = `${file.name} cannot be used: ${error.message}`;
    }
    document.body.dataset.file = String(++count);
  });
}

let count = 0;

// Return the RGBA pixels of a file as they are stored in it: no colours managed, turned upright if that is said.
export async function decoded(file, preparation) {
  const { orientation, bytes } = withoutExif(new Uint8Array(await file.arrayBuffer()));
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const bitmap = await createImageBitmap(new Blob([bytes]), options);
  const { width, height } = bitmap;
  if (width * height > LARGEST) throw new Error(`it has ${width} x ${height} pixels`);
  const canvas = new OffscreenCanvas(width, height);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  const stored = context.getImageData(0, 0, width, height);
  return preparation.orientation === "exif" ? upright(stored, orientation) : stored;
}

function said({ width, height }, { resize, size: [high, wide] }) {
  if (width === wide && height === high) return "";
  const how = { stretch: "stretched", crop: "scaled and cropped", pad: "scaled and padded", fit: "fitted" }[resize];
  const done = how ?? "stretched, as the model does not say how";
  return `${width} x ${height} pixels, ${done} to ${wide} x ${high}.`;
}
