// Colours, elements and the queue of things to draw. Colours come from the style sheet alone.

const paint = { buckets: [], names: {} };
const BUCKETS = 24;
// Steps of the scale of goodness as an ink has it.
const PIXELS = 256;

function readColours() {
  const style = getComputedStyle(document.documentElement);
  const of = (name) => style.getPropertyValue("--" + name).trim();
  for (const name of ["ground", "card", "text", "quiet", "line", "grid", "accent", "focus", "none"]) paint.names[name] = of(name);
  const stops = [0, 1, 2, 3].map((n) => rgb(of("scale-" + n)));
  const mixed = (share) => {
    const place = share * 3;
    const stop = Math.min(2, Math.floor(place));
    return stops[stop].map((part, n) => Math.round(part + (stops[stop + 1][n] - part) * (place - stop)));
  };
  paint.buckets = Array.from({ length: BUCKETS }, (_, bucket) => "rgb(" + mixed(bucket / (BUCKETS - 1)).join(",") + ")");
  paint.pixels = Int32Array.from({ length: PIXELS }, (_, n) => pixelOf(mixed(n / (PIXELS - 1))));
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
  // What comes from an ink has a pixel a point of the screen.
  context.imageSmoothingEnabled = false;
  return context;
}

// Whether all of the page has to be there at once, as narrow as paper.
function isOnPaper() {
  return "paper" in document.documentElement.dataset;
}

// Says that something has happened to whoever measures the page; only the last time is kept.
function moment(name) {
  performance.clearMarks("sweep-" + name);
  performance.mark("sweep-" + name);
}

// Things to draw, a share of a frame at a time, so that the page answers while it draws: what is in sight first, the rest
// after it. A thing that is asked for again before its turn is drawn once. When there is something to draw, when everything
// in sight is drawn, and when nothing is left, the page says so to whoever measures it.
const FRAME_SHARE_MS = 30;
const queue = {
  waiting: new Map(),
  isAwake: false,
  isSeen: true,
  // `host` is the element in which it is seen; `draw` hears when its share of the frame ends, and returns "more" where it
  // has to come again.
  add(key, host, draw) {
    this.waiting.delete(key);
    this.waiting.set(key, { host, draw });
    if (isInSight(host)) this.isSeen = false;
    if (!this.isAwake) {
      this.isAwake = true;
      moment("asked");
      requestAnimationFrame(() => this.turn());
    }
  },
  drop(key) {
    this.waiting.delete(key);
  },
  // The next thing to draw; those out of sight wait until nothing else does.
  next() {
    for (const [key, { host }] of this.waiting) if (isInSight(host)) return key;
    this.seen();
    return this.waiting.keys().next().value;
  },
  turn() {
    const end = performance.now() + FRAME_SHARE_MS;
    while (this.waiting.size > 0 && performance.now() < end) {
      const key = this.next();
      const one = this.waiting.get(key);
      this.waiting.delete(key);
      if (this.draw(one, end) === "more") {
        this.waiting.set(key, one);
        break;
      }
    }
    if (this.waiting.size > 0) {
      requestAnimationFrame(() => this.turn());
      return;
    }
    this.isAwake = false;
    this.seen();
    moment("drawn");
  },
  // One plot that fails is no reason for the others not to be drawn.
  draw(one, end) {
    try {
      return one.draw(end);
    } catch (error) {
      reportError(error);
      return "done";
    }
  },
  seen() {
    if (!this.isSeen) moment("seen");
    this.isSeen = true;
  },
  // Draws everything now.
  flush() {
    while (this.waiting.size > 0) {
      const [key, one] = this.waiting.entries().next().value;
      this.waiting.delete(key);
      while (this.draw(one, Infinity) === "more");
    }
  },
};

// Which hosts are in sight; of one that was never looked for it is believed.
const sight = new WeakMap();
const watcher = new IntersectionObserver((seen) => seen.forEach((one) => sight.set(one.target, one.isIntersecting)));

function isInSight(host) {
  if (!host) return false;
  if (!sight.has(host)) {
    sight.set(host, true);
    watcher.observe(host);
  }
  return sight.get(host);
}

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
