// How a picture becomes the numbers that a model reads: `preparation` of card.json, step by step. The same as
// core/data/picture_pixels.py of mtl in Python, to the last bit once a file is decoded; of a file that is not a
// photograph the decoder makes the same pixels too, of a JPEG or WebP file they differ by 1/255 at most.
// It runs in a browser and in Node, and imports nothing.

export const LARGEST = 64000000;
const BITS = 22; // of the fixed-point weights, as Pillow has them

// Return Float32Array [C * H * W] in 0..1, or Uint8Array where the card says 0..255, of RGBA pixels as ImageData
// holds them: upright where the preparation says so. `resize` stretches where it names no way.
export function prepared({ data, width, height }, preparation, resize = false) {
  const [high, wide] = preparation.size;
  const way = preparation.resize ?? (resize || (width === wide && height === high) ? "stretch" : null);
  if (way === null) throw new Error(`is ${width} x ${height} pixels; the model reads ${wide} x ${high}`);
  const place = placeOf([width, height], [wide, high], way, preparation.share);
  const planes = planesOf(data, width * height, preparation.colour);
  const size = wide * high;
  const pixels = new Uint8Array(planes.length * size);
  planes.forEach((plane, channel) => {
    const scaled = scale(plane, [width, height], place.scaled, preparation.interpolation);
    put(scaled, place, preparation.fill, pixels.subarray(channel * size, (channel + 1) * size));
  });
  return preparation.range?.[1] === 255 ? pixels : Float32Array.from(pixels, (value) => value / 255);
}

// Return where the pixels of a picture go: scaled to `scaled`, its corner at `corner` of what has `size`.
export function placeOf([width, height], size, way, share = 1) {
  let [wide, high] = size;
  if (way === "stretch") return { size, scaled: size, corner: [0, 0] };
  let scaled;
  if (way === "crop") {
    [wide, high] = [Math.floor(wide / share + 1e-6), Math.floor(high / share + 1e-6)];
    const wider = width * high >= height * wide;
    scaled = wider ? [Math.floor((width * high) / height), high] : [wide, Math.floor((height * wide) / width)];
  } else if (way === "fit" && width <= wide && height <= high) scaled = [width, height];
  else if (width * high >= height * wide) scaled = [wide, Math.max(1, halfUp(height * wide, width))];
  else scaled = [Math.max(1, halfUp(width * high, height)), high];
  if (scaled[0] * scaled[1] > LARGEST) throw new Error(`is ${width} x ${height} pixels: too long to be cropped`);
  return { size, scaled, corner: [middle(size[0] - scaled[0]), middle(size[1] - scaled[1])] };
}

const halfUp = (number, by) => Math.floor((2 * number + by) / (2 * by));

// Half of what is cut off goes to the even side, as Python rounds.
function middle(left) {
  if (left >= 0) return Math.floor(left / 2);
  const half = Math.floor(-left / 2);
  return -left % 2 === 0 ? -half || 0 : -(half + (half % 2)) || 0;
}

// Return the planes of RGBA pixels: laid over white, luma of ITU-R 601 in whole numbers, or red, green and blue.
function planesOf(data, count, colour) {
  const over = (value, alpha) => (alpha === 255 ? value : divided(value * alpha + 255 * (255 - alpha)));
  const planes = Array.from({ length: colour === "grey" ? 1 : 3 }, () => new Uint8Array(count));
  for (let pixel = 0, at = 0; pixel < count; pixel++, at += 4) {
    const alpha = data[at + 3];
    const [red, green, blue] = [over(data[at], alpha), over(data[at + 1], alpha), over(data[at + 2], alpha)];
    if (planes.length === 1) planes[0][pixel] = (red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16;
    else [planes[0][pixel], planes[1][pixel], planes[2][pixel]] = [red, green, blue];
  }
  return planes;
}

// A quotient by 255, rounded as Pillow rounds where it lays pictures over one another.
function divided(number) {
  const wide = (number + 128) << 7;
  return ((wide >> 8) + wide) >> 15;
}

function put(scaled, { size, scaled: [width, height], corner: [left, top] }, fill, out) {
  const [wide, high] = size;
  out.fill(fill);
  for (let y = Math.max(0, top); y < Math.min(high, top + height); y++) {
    const from = (y - top) * width;
    const [start, end] = [Math.max(0, left), Math.min(wide, left + width)];
    out.set(scaled.subarray(from + start - left, from + end - left), y * wide + start);
  }
}

// Return a plane scaled along rows and columns, rounded after each: first the one after which fewer are left.
function scale(plane, [width, height], [wide, high], interpolation) {
  if (width === wide && height === high) return plane;
  if (interpolation === "nearest") return nearest(plane, [width, height], [wide, high]);
  const filter = FILTERS[interpolation];
  const rows = (from, tall) => (width === wide ? from : alongRows(from, width, tall, weights(width, wide, filter)));
  const columns = (from, broad) => (height === high ? from : alongColumns(from, broad, weights(height, high, filter)));
  return wide * height <= width * high ? columns(rows(plane, height), wide) : rows(columns(plane, width), high);
}

function nearest(plane, [width, height], [wide, high]) {
  const [columns, rows] = [positions(width, wide), positions(height, high)];
  const out = new Uint8Array(wide * high);
  for (let y = 0; y < high; y++) for (let x = 0; x < wide; x++) out[y * wide + x] = plane[rows[y] * width + columns[x]];
  return out;
}

// Added up step by step, as Pillow does: the last bit decides where a centre lies between two pixels.
function positions(size, wanted) {
  const step = size / wanted;
  let at = step * 0.5;
  return Array.from({ length: wanted }, () => {
    const found = Math.min(size - 1, Math.floor(at));
    at += step;
    return found;
  });
}

const sinc = (x) => (x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI));
const FILTERS = {
  bilinear: [1, (x) => Math.max(0, 1 - Math.abs(x))],
  bicubic: [2, (given) => {
    const [a, x] = [-0.5, Math.abs(given)];
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
  }],
  lanczos: [3, (x) => (-3 <= x && x < 3 ? sinc(x) * sinc(x / 3) : 0)],
};

// Return for each wanted pixel the first that it is made of, and whole weights of 22 bits that add up to about 1.
function weights(size, wanted, [support, filter]) {
  const step = size / wanted;
  const wider = Math.max(1, step);
  const reach = support * wider;
  return Array.from({ length: wanted }, (_, index) => {
    const centre = (index + 0.5) * step;
    const first = Math.max(0, Math.trunc(centre - reach + 0.5));
    const last = Math.min(size, Math.trunc(centre + reach + 0.5));
    const shares = Array.from({ length: last - first }, (__, x) => filter((x + first - centre + 0.5) * (1 / wider)));
    const sum = shares.reduce((total, share) => total + share, 0);
    const whole = (share) => Math.trunc((share < 0 ? -0.5 : 0.5) + (sum ? share / sum : share) * (1 << BITS));
    return { first, shares: Int32Array.from(shares, whole) };
  });
}

const rounded = (sum) => Math.min(255, Math.max(0, sum >> BITS));

function alongRows(plane, width, height, found) {
  const out = new Uint8Array(found.length * height);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < found.length; x++) {
      const { first, shares } = found[x];
      let sum = 1 << (BITS - 1);
      for (let k = 0; k < shares.length; k++) sum += plane[y * width + first + k] * shares[k];
      out[y * found.length + x] = rounded(sum);
    }
  }
  return out;
}

function alongColumns(plane, width, found) {
  const out = new Uint8Array(width * found.length);
  for (let y = 0; y < found.length; y++) {
    const { first, shares } = found[y];
    for (let x = 0; x < width; x++) {
      let sum = 1 << (BITS - 1);
      for (let k = 0; k < shares.length; k++) sum += plane[(first + k) * width + x] * shares[k];
      out[y * width + x] = rounded(sum);
    }
  }
  return out;
}
