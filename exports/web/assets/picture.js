// Pictures as the model reads them: Float32Array [C * H * W] in 0..1, one plane after the other.

// Return the picture turned about its centre by `degrees`, counter-clockwise; black comes in from outside.
export function turn(pixels, [channels, height, width], degrees) {
  if (degrees % 360 === 0) return pixels;
  const radians = (degrees * Math.PI) / 180;
  // Quarter turns must move pixels exactly, so that no trace of another one is mixed in.
  const [cosine, sine] = [Math.cos(radians), Math.sin(radians)].map((value) => Math.round(value * 1e12) / 1e12);
  const [centreX, centreY] = [(width - 1) / 2, (height - 1) / 2];
  const turned = new Float32Array(pixels.length);
  const plane = height * width;
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const [dx, dy] = [x - centreX, y - centreY];
      const [fromX, fromY] = [centreX + dx * cosine - dy * sine, centreY + dx * sine + dy * cosine];
      const [left, top] = [Math.floor(fromX), Math.floor(fromY)];
      for (const [column, row, share] of [
        [left, top, (left + 1 - fromX) * (top + 1 - fromY)],
        [left + 1, top, (fromX - left) * (top + 1 - fromY)],
        [left, top + 1, (left + 1 - fromX) * (fromY - top)],
        [left + 1, top + 1, (fromX - left) * (fromY - top)],
      ]) {
        if (share === 0 || column < 0 || row < 0 || column >= width || row >= height) continue;
        for (let channel = 0; channel < channels; channel++) {
          turned[channel * plane + y * width + x] += share * pixels[channel * plane + row * width + column];
        }
      }
    }
  }
  return turned;
}

// Return the picture with gaussian noise of this standard deviation, clipped to 0..1. The same seed gives
// the same noise: moving the slider makes it stronger, not different.
export function addNoise(pixels, deviation, seed) {
  if (deviation === 0) return pixels;
  const random = generator(seed);
  return Float32Array.from(pixels, (value) => {
    const normal = Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
    return Math.min(1, Math.max(0, value + deviation * normal));
  });
}

// Mulberry32: small, seeded, good enough for noise.
function generator(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

// Paint a canvas pixel by pixel, row by row from the top: `colour(pixel)` gives red, green and blue in 0..255.
export function paint(canvas, height, width, colour) {
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d");
  const picture = context.createImageData(width, height);
  for (let pixel = 0; pixel < height * width; pixel++) {
    picture.data.set([...colour(pixel).map(Math.round), 255], 4 * pixel);
  }
  context.putImageData(picture, 0, 0);
}

// Show the picture on a canvas, one canvas pixel per pixel: grey, colours, or the first three channels.
export function show(canvas, pixels, [channels, height, width]) {
  const plane = height * width;
  const planes = channels >= 3 ? [0, plane, 2 * plane] : [0, 0, 0];
  paint(canvas, height, width, (index) => planes.map((start) => 255 * pixels[start + index]));
}
