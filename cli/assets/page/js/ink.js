// Marks by the thousand, drawn by ourselves: a browser takes a second for ten thousand lines, and a page must answer in
// the meantime. An ink knows how much of each pixel is covered and how good the trials there are; colours come last.
// Nothing here knows a trial.

class Ink {
  constructor(width, height, isSoft) {
    this.isSoft = isSoft;
    this.width = Math.max(1, Math.round(width));
    this.height = Math.max(1, Math.round(height));
    // A column and a row more than are seen take what the softened edge of a mark puts beside it.
    this.stride = this.width + 1;
    // Two numbers a pixel: the share that is covered, and the same times the goodness of what covers it.
    this.pixels = new Float32Array(2 * this.stride * (this.height + 1));
  }

  clear() {
    this.pixels.fill(0);
  }

  // A line without its last pixel: the next one of the same trial begins there. Its edges are soft where the ink is; among
  // thousands that nobody sees.
  line(x0, y0, x1, y1, alpha, good) {
    const [mostX, mostY] = [this.width - 1, this.height - 1];
    if (x0 < 0 || y0 < 0 || x1 < 0 || y1 < 0 || x0 > mostX || x1 > mostX || y0 > mostY || y1 > mostY) {
      const part = clip(x0, y0, x1, y1, mostX, mostY);
      if (part) this.line(...part, alpha, good);
      return;
    }
    // Along the longer side a pixel at a time.
    const isSteep = Math.abs(y1 - y0) > Math.abs(x1 - x0);
    const from = isSteep ? y0 : x0;
    const to = isSteep ? y1 : x1;
    if (from === to) return;
    const start = isSteep ? x0 : y0;
    const over = ((isSteep ? x1 : y1) - start) / (to - from);
    const along = isSteep ? 2 * this.stride : 2;
    const beside = isSteep ? 2 : 2 * this.stride;
    const first = Math.ceil(Math.min(from, to));
    const { pixels, isSoft } = this;
    let side = start + (first - from) * over + (isSoft ? 0 : 0.5);
    let base = first * along;
    for (let left = Math.ceil(Math.max(from, to)) - first; left > 0; left -= 1) {
      const whole = side | 0;
      const at = (base + whole * beside) | 0;
      const second = isSoft ? alpha * (side - whole) : 0;
      const share = alpha - second;
      pixels[at] += (1 - pixels[at]) * share;
      pixels[at + 1] += (good - pixels[at + 1]) * share;
      if (isSoft) {
        const next = (at + beside) | 0;
        pixels[next] += (1 - pixels[next]) * second;
        pixels[next + 1] += (good - pixels[next + 1]) * second;
      }
      side += over;
      base = (base + along) | 0;
    }
  }

  // Puts it onto a picture, over what is there. Goodness is the place in a list of colours, of which one may be all.
  onto(image, colours) {
    const words = new Uint32Array(image.data.buffer);
    const { pixels } = this;
    const steps = colours.length - 1;
    let word = 0;
    for (let row = 0; row < this.height; row += 1) {
      let at = 2 * row * this.stride;
      for (const last = word + this.width; word < last; word += 1, at += 2) {
        const cover = pixels[at];
        if (cover < 0.002) continue;
        const colour = colours[((pixels[at + 1] / cover) * steps) | 0];
        words[word] = words[word] === 0 ? colour | ((cover * 255 + 0.5) << 24) : over(words[word], colour, cover);
      }
    }
  }
}

// A pixel with a colour over it that covers so much of it.
function over(below, colour, cover) {
  const rest = ((below >>> 24) / 255) * (1 - cover);
  const whole = cover + rest;
  const mixed = (shift) => ((((colour >> shift) & 255) * cover + ((below >> shift) & 255) * rest) / whole + 0.5) << shift;
  return mixed(0) | mixed(8) | mixed(16) | ((whole * 255 + 0.5) << 24);
}

// Squares by the thousand, of one colour upon the other.
class Spots {
  constructor(width, height) {
    this.image = new ImageData(Math.max(1, Math.round(width)), Math.max(1, Math.round(height)));
    this.words = new Uint32Array(this.image.data.buffer);
  }

  // The squares are of a colour and cover so much of a pixel each, from now on.
  take(colour, alpha) {
    this.colour = pixelOf(colour);
    // How much of a pixel is covered with one more upon it, by how much is.
    this.more = Uint8Array.from({ length: 256 }, (_, cover) => Math.round(cover + (255 - cover) * alpha));
  }

  // A square around a place. What is covered by another colour takes this one.
  dot(x, y, size) {
    const { width, height } = this.image;
    const { words, more, colour } = this;
    const left = Math.round(x - size / 2);
    const top = Math.round(y - size / 2);
    for (let row = Math.max(0, top); row < Math.min(height, top + size); row += 1) {
      for (let at = row * width + Math.max(0, left); at < row * width + Math.min(width, left + size); at += 1) {
        words[at] = colour | (more[words[at] >>> 24] << 24);
      }
    }
  }

  onto(context) {
    context.drawImage(sheetOf(this.image), 0, 0, this.image.width, this.image.height);
  }
}

// Pixels as a canvas, which others can be drawn from.
function sheetOf(image) {
  const sheet = element("canvas", { width: image.width, height: image.height });
  sheet.getContext("2d", { willReadFrequently: true }).putImageData(image, 0, 0);
  return sheet;
}

// The part of a line that lies between 0 and the most of each side; null where none does.
function clip(x0, y0, x1, y1, mostX, mostY) {
  let [from, to] = [0, 1];
  const [dx, dy] = [x1 - x0, y1 - y0];
  for (const [by, room] of [[-dx, x0], [dx, mostX - x0], [-dy, y0], [dy, mostY - y0]]) {
    if (by === 0 && room < 0) return null;
    const at = room / by;
    if (by < 0) from = Math.max(from, at);
    if (by > 0) to = Math.min(to, at);
  }
  if (!(from < to)) return null;
  const inside = (value, most) => Math.min(most, Math.max(0, value));
  return [inside(x0 + from * dx, mostX), inside(y0 + from * dy, mostY), inside(x0 + to * dx, mostX), inside(y0 + to * dy, mostY)];
}

// A colour of the style sheet as a pixel has it, without how much of it there is.
function pixelOf(colour) {
  const [red, green, blue] = Array.isArray(colour) ? colour : rgb(colour);
  return (blue << 16) | (green << 8) | red;
}
