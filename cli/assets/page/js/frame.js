// A plot's frame: axes, grid, zoom and cursor by uPlot; the marks inside are drawn by whoever asks for the frame, on a
// sheet of their own, so that a choice draws no axis again.

const FRAMES = new Set();

class Frame {
  // `x` and `y`: {label, least, most, log, levels}. `place(toX, toY)` hears where values stand from now on, in points of
  // the screen; `marks(fresh, width, height)` draws there, on the empty sheet that `fresh()` gives, or returns what draws
  // a share of a frame at a time. `near(left, top)` gives the text for what the pointer is at.
  // `brushed({x, y})` hears of a drag as two ranges; without it a drag zooms.
  constructor(host, { x, y, height, place, marks, near, brushed, describes }) {
    this.host = element("div", { role: "img", "aria-label": describes });
    this.readout = element("div", { class: "readout", "aria-hidden": "true" });
    this.sheet = element("canvas", { class: "sheet", "aria-hidden": "true" });
    host.append(this.host, this.readout);
    Object.assign(this, { x: padded(x), y: padded(y), height, place, marks, near, brushed });
    FRAMES.add(this);
  }

  // Draws all of it, in its turn.
  ask() {
    queue.add(this, this.host, () => this.draw());
  }

  // Draws the marks again, in their turn.
  askMarks() {
    if (this.plot && !queue.waiting.has(this)) queue.add(this, this.host, () => this.drawMarks());
  }

  draw() {
    const width = Math.max(240, this.host.clientWidth || 600);
    if (this.plot) this.plot.destroy();
    this.plot = new uPlot(this.options(width), [[this.x.least, this.x.most], [this.y.least, this.y.most]], this.host);
  }

  options(width) {
    const { x, y } = this;
    const hooks = { draw: [(plot) => this.placed(plot)], setCursor: [(plot) => this.hover(plot)] };
    if (this.brushed) hooks.setSelect = [(plot) => this.select(plot)];
    return {
      width,
      height: this.height,
      legend: { show: false },
      scales: { x: scale(x), y: scale(y) },
      axes: [axis(x, { size: 44 }), axis(y, { size: 68 })],
      series: [{}, { paths: () => null, points: { show: false } }],
      cursor: { points: { show: false }, drag: { x: true, y: true, uni: 24, setScale: !this.brushed } },
      hooks,
    };
  }

  // uPlot has drawn: everything may stand elsewhere.
  placed(plot) {
    this.plot = plot;
    plot.over.prepend(this.sheet);
    const to = (name) => (value) => plot.valToPos(value, name);
    this.place(to("x"), to("y"));
    this.drawMarks();
  }

  drawMarks() {
    const { clientWidth, clientHeight } = this.plot.over;
    const more = this.marks(() => sized(this.sheet, clientWidth, clientHeight), clientWidth, clientHeight);
    if (more && isOnPaper()) while (more(Infinity) === "more");
    else if (more) queue.add(this.sheet, this.host, more);
    else queue.drop(this.sheet);
  }

  hover(plot) {
    const { left, top } = plot.cursor;
    this.readout.textContent = (this.near && left >= 0 && this.near(left, top)) || "";
  }

  select(plot) {
    const { left, top, width, height } = plot.select;
    if (width < 3 && height < 3) return;
    const at = (from, size, name) => [plot.posToVal(from, name), plot.posToVal(from + size, name)].sort((a, b) => a - b);
    this.brushed({ x: width >= 3 ? at(left, width, "x") : null, y: height >= 3 ? at(top, height, "y") : null });
    plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
  }
}

// Distances of two marks of an axis of whole numbers.
const WHOLE_STEPS = Array.from({ length: 15 }, (_, power) => [1, 2, 5].map((step) => step * 10 ** power)).flat();

// The ends of an axis with some room, so that no mark lies on the border.
function padded(side) {
  if (side.levels) return { ...side, least: -0.6, most: side.levels.length - 0.4 };
  let { least, most } = side;
  if (!(least <= most)) [least, most] = [0, 1];
  if (side.log) {
    const room = Math.pow(most / least, 0.04) * (most === least ? 2 : 1);
    return { ...side, least: least / room, most: most * room };
  }
  const room = (most - least) * 0.04 || Math.abs(most) * 0.1 || 1;
  return { ...side, least: least - room, most: most + room };
}

function scale(side) {
  return { time: false, distr: side.log ? 3 : 1, range: (_, least, most) => [least, most] };
}

function axis(side, more) {
  const made = {
    label: side.label + (side.log ? " (log)" : ""),
    labelSize: 20,
    labelFont: "12px system-ui, sans-serif",
    font: "11px system-ui, sans-serif",
    stroke: () => paint.names.quiet,
    grid: { stroke: () => paint.names.grid, width: 1 },
    ticks: { stroke: () => paint.names.line, width: 1, size: 4 },
    ...more,
  };
  if (side.levels) {
    const every = Math.ceil(side.levels.length / 8);
    made.splits = () => side.levels.map((_, n) => n).filter((n) => n % every === 0);
    made.values = (_, splits) => splits.map((n) => clipped(side.levels[n] || "", 12));
  } else {
    made.values = (_, splits) => splits.map((value) => (value === null ? "" : shown(Number(value.toPrecision(8)))));
    if (side.log) made.splits = (_, __, least, most) => decades(least, most);
    if (side.whole && !side.log) made.incrs = WHOLE_STEPS;
  }
  return made;
}

// The places of a logarithmic axis that are named: powers of ten, and where there are few also twice and five times these.
function decades(least, most) {
  const powers = [];
  for (let power = Math.ceil(Math.log10(least) - 1); power <= Math.log10(most); power += 1) powers.push(power);
  const every = Math.ceil(powers.length / 7);
  const steps = powers.length > 3 ? [1] : [1, 2, 5];
  const places = powers.filter((power) => power % every === 0).flatMap((power) => steps.map((step) => step * 10 ** power));
  return places.filter((place) => place >= least && place <= most);
}

function clipped(text, length) {
  return text.length > length ? text.slice(0, length - 1) + "…" : text;
}
