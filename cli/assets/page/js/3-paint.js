// Colours, elements and the queue of things to draw. Colours come from the style sheet alone.

const paint = { buckets: [], names: {} };
const BUCKETS = 24;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue("--" + name).trim();
  for (const name of ["ground", "card", "text", "quiet", "line", "grid", "accent", "focus", "none"]) paint.names[name] = of(name);
  const stops = [0, 1, 2, 3].map((n) => rgb(of("scale-" + n)));
  paint.buckets = Array.from({ length: BUCKETS }, (_, bucket) => {
    const place = (bucket / (BUCKETS - 1)) * 3;
    const stop = Math.min(2, Math.floor(place));
    const mixed = stops[stop].map((part, n) => Math.round(part + (stops[stop + 1][n] - part) * (place - stop)));
    return "rgb(" + mixed.join(",") + ")";
  });
  paint.kinds = [0, 1, 2, 3, 4, 5].map((n) => of("kind-" + n));
}

function rgb(hex) {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16));
}

// The bucket of a trial's goodness; -1 without a metric.
function bucketOf(good) {
  return Number.isNaN(good) ? -1 : Math.min(BUCKETS - 1, Math.floor(good * BUCKETS));
}

function bucketColour(bucket) {
  return bucket < 0 ? paint.names.none : paint.buckets[bucket];
}

// An element; texts go in as texts, never as HTML.
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== false && value !== null && value !== undefined) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

// A canvas of so many points of the screen, sharp on every screen.
function sized(canvas, width, height) {
  const ratio = window.devicePixelRatio || 1;
  canvas.width = Math.round(width * ratio);
  canvas.height = Math.round(height * ratio);
  canvas.style.width = width + "px";
  canvas.style.height = height + "px";
  const context = canvas.getContext("2d");
  context.setTransform(ratio, 0, 0, ratio, 0, 0);
  return context;
}

// Things to draw, one a frame, so that the page answers while it draws. A thing that is asked for again before its turn is
// drawn once. When nothing is left, the page says so to whoever measures it.
const queue = {
  waiting: new Map(),
  isAwake: false,
  add(key, draw) {
    this.waiting.delete(key);
    this.waiting.set(key, draw);
    if (!this.isAwake) {
      this.isAwake = true;
      requestAnimationFrame(() => this.turn());
    }
  },
  turn() {
    const [key, draw] = this.waiting.entries().next().value;
    this.waiting.delete(key);
    // What is not done after its share of a frame says so and comes again.
    if (draw() === "more") this.waiting.set(key, draw);
    if (this.waiting.size > 0) {
      requestAnimationFrame(() => this.turn());
      return;
    }
    this.isAwake = false;
    performance.mark("sweep-drawn");
  },
  // Draws everything now.
  flush() {
    while (this.waiting.size > 0) {
      const [key, draw] = this.waiting.entries().next().value;
      this.waiting.delete(key);
      while (draw() === "more");
    }
  },
};

// What the colours of goodness mean.
function goodnessKey(metric) {
  const bar = element("canvas", { "aria-hidden": "true" });
  const drawn = () => {
    const context = sized(bar, 120, 11);
    paint.buckets.forEach((colour, bucket) => {
      context.fillStyle = colour;
      context.fillRect((bucket * 120) / BUCKETS, 0, 120 / BUCKETS + 1, 11);
    });
  };
  const key = element("div", { class: "key" }, element("span", {}, "worst " + metric.name, bar, "best " + metric.name + ", by rank"));
  return { key, drawn };
}
