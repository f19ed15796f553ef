// Which way up a picture is, as its camera wrote beside it (EXIF), in JPEG, PNG and WebP files. Browsers agree on
// JPEG files only, so it is read, hidden from them, and applied here. It imports nothing.

const text = (bytes, at, size) => String.fromCharCode(...bytes.subarray(at, at + size));

// Return where the name of the EXIF data is in a file, and where the data begin; undefined without any.
function placeOf(bytes, view) {
  if (bytes[0] === 0xff && bytes[1] === 0xd8) {
    for (let at = 2; at + 10 <= bytes.length && bytes[at] === 0xff && bytes[at + 1] !== 0xda; at += 2 + view.getUint16(at + 2)) {
      if (bytes[at + 1] === 0xe1 && text(bytes, at + 4, 6) === "Exif\0\0") return { name: at + 4, data: at + 10 };
    }
  } else if (text(bytes, 1, 3) === "PNG") {
    for (let at = 8; at + 8 <= bytes.length; at += 12 + view.getUint32(at)) {
      if (text(bytes, at + 4, 4) === "eXIf") return { name: at + 4, data: at + 8 };
    }
  } else if (text(bytes, 8, 4) === "WEBP") {
    for (let at = 12; at + 8 <= bytes.length; at += 8 + 2 * Math.ceil(view.getUint32(at + 4, true) / 2)) {
      const data = text(bytes, at + 8, 6) === "Exif\0\0" ? at + 14 : at + 8;
      if (text(bytes, at, 4) === "EXIF") return { name: at, data };
    }
  }
  return undefined;
}

// Return the orientation, 1 to 8, that EXIF data say; 1 where they say none, or are damaged.
function orientationAt(view, start) {
  try {
    const little = view.getUint16(start) === 0x4949;
    const table = start + view.getUint32(start + 4, little);
    for (let entry = 0; entry < view.getUint16(table, little); entry++) {
      const at = table + 2 + 12 * entry;
      if (view.getUint16(at, little) !== 0x0112) continue;
      const found = view.getUint16(at + 8, little);
      return found >= 1 && found <= 8 ? found : 1;
    }
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return 1;
}

// Return the orientation that a file says, and its bytes with that hidden: whoever decodes them turns nothing.
export function withoutExif(bytes) {
  const shown = bytes.slice();
  const view = new DataView(shown.buffer);
  const place = placeOf(shown, view);
  if (place === undefined) return { orientation: 1, bytes: shown };
  const orientation = orientationAt(view, place.data);
  shown[place.name + 3] ^= 1; // another name, which nobody knows
  return { orientation, bytes: shown };
}

// From where in a picture of this width and height the pixel (x, y) of the upright one comes.
const FROM = {
  2: (x, y, width) => [width - 1 - x, y],
  3: (x, y, width, height) => [width - 1 - x, height - 1 - y],
  4: (x, y, width, height) => [x, height - 1 - y],
  5: (x, y) => [y, x],
  6: (x, y, width, height) => [y, height - 1 - x],
  7: (x, y, width, height) => [width - 1 - y, height - 1 - x],
  8: (x, y, width) => [width - 1 - y, x],
};

// Return RGBA pixels {data, width, height} turned upright.
export function upright(picture, orientation) {
  if (orientation === 1) return picture;
  const { width, height } = picture;
  const [wide, high] = orientation > 4 ? [height, width] : [width, height];
  const from = new Uint32Array(picture.data.buffer, picture.data.byteOffset, width * height);
  const turned = new Uint32Array(width * height);
  for (let y = 0; y < high; y++) {
    for (let x = 0; x < wide; x++) {
      const [fromX, fromY] = FROM[orientation](x, y, width, height);
      turned[y * wide + x] = from[fromY * width + fromX];
    }
  }
  return { data: new Uint8ClampedArray(turned.buffer), width: wide, height: high };
}
