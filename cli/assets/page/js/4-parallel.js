// Parallel coordinates: a line a trial, an axis a parameter, the metrics last. Dragging along an axis chooses trials;
// everything that can be done with the pointer can be done with the keyboard in the fields below it.

const PARALLEL = { height: 400, top: 44, bottom: 20, below: 44, side: 70, gap: 112, grip: 18, share_ms: 10, ticks: 5 };
// Where trials without a value stand, below the axis.
const ABSENT_UNIT = -0.11;
// Trials from which on those of one value are spread out.
const SPREAD_FROM = 300;

class Parallel {
  constructor(sweep, choice, host) {
    this.sweep = sweep;
    this.choice = choice;
    this.axes = axesOf(sweep).map((column) => ({ column, units: units(column), isTurned: false }));
    // Room below the axes only where a trial may stand there.
    this.bottom = PARALLEL.bottom + (this.axes.some((axis) => axis.column.absent > 0) ? PARALLEL.below : 0);
    this.box = element("div", { class: "parallel" });
    this.back = element("canvas", { class: "back", "aria-hidden": "true" });
    this.front = element("canvas", { class: "front", role: "img", "aria-label": this.description() });
    this.marks = element("canvas", { class: "marks", "aria-hidden": "true" });
    this.marks.style.pointerEvents = "none";
    this.box.append(this.back, this.front, this.marks);
    this.wide = element("div", { class: "wide" }, this.box);
    host.append(this.wide);
    this.buttons = this.axes.map((axis) => this.button(axis));
    this.sorted = byGoodness(sweep);
    this.front.addEventListener("pointerdown", (event) => this.begin(event));
    this.front.addEventListener("pointermove", (event) => this.hover(event));
    choice.listen((what) => this.changed(what));
  }

  description() {
    const names = this.axes.map((axis) => axis.column.name).join(", ");
    return `Parallel coordinates of ${this.sweep.rows} trials over ${names}. The table of all trials has the same values; the filter fields choose the same trials.`;
  }

  button(axis) {
    const { column } = axis;
    const title = `${column.name}${column.log ? " (logarithmic)" : ""}: Enter turns the axis over, the arrow keys move it`;
    const made = element("button", { type: "button", class: column.role, title, "aria-label": title }, column.name);
    made.addEventListener("click", () => {
      axis.isTurned = !axis.isTurned;
      this.draw();
    });
    made.addEventListener("keydown", (event) => {
      const way = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      const from = this.axes.indexOf(axis);
      const to = from + way;
      if (!way || to < 0 || to >= this.axes.length) return;
      event.preventDefault();
      this.axes.splice(to, 0, ...this.axes.splice(from, 1));
      this.draw();
    });
    axis.button = made;
    this.box.append(made);
    return made;
  }

  // Sizes and draws all of it.
  draw() {
    const { gap, side, height } = PARALLEL;
    const room = this.wide.clientWidth || 900;
    this.width = Math.max(room, side * 2 + gap * (this.axes.length - 1));
    const step = this.axes.length > 1 ? (this.width - side * 2) / (this.axes.length - 1) : 0;
    this.axes.forEach((axis, n) => {
      axis.x = side + n * step;
      axis.button.style.left = axis.x + "px";
      axis.button.style.top = "4px";
      axis.button.style.maxWidth = Math.max(60, Math.min(150, step - 6)) + "px";
    });
    this.box.style.width = this.width + "px";
    this.box.style.height = height + "px";
    this.contexts = [this.back, this.front, this.marks].map((canvas) => sized(canvas, this.width, height));
    this.drawMarks();
    this.drawLines();
    if (!this.choice.isAll) this.drawBack();
  }

  y(axis, unit) {
    const { bottom } = this;
    const { top, height } = PARALLEL;
    const turned = axis.isTurned && unit >= 0 ? 1 - unit : unit;
    return height - bottom - turned * (height - top - bottom);
  }

  unitAt(axis, y) {
    const { bottom } = this;
    const { top, height } = PARALLEL;
    const unit = (height - bottom - y) / (height - top - bottom);
    return axis.isTurned && unit >= 0 ? 1 - unit : unit;
  }

  // The lines of chosen trials, the best last and on top, a share of a frame at a time.
  drawLines() {
    const context = this.contexts[1];
    context.clearRect(0, 0, this.width, PARALLEL.height);
    const rows = this.sorted.filter((row) => this.choice.mask[row]);
    context.lineWidth = rows.length > 600 ? 1 : 1.4;
    const alpha = Math.max(0.06, Math.min(0.85, 12 / Math.sqrt(rows.length + 1)));
    let next = 0;
    queue.add(this.front, () => {
      const end = performance.now() + PARALLEL.share_ms;
      context.globalAlpha = alpha;
      while (next < rows.length && performance.now() < end) next = this.strokes(context, rows, next);
      return next < rows.length ? "more" : "done";
    });
  }

  // Lines of one colour from `next` on; where the next batch begins.
  strokes(context, rows, next) {
    const bucket = bucketOf(this.sweep.good[rows[next]]);
    const last = Math.min(rows.length, next + 250);
    context.strokeStyle = bucketColour(bucket);
    context.beginPath();
    while (next < last && bucketOf(this.sweep.good[rows[next]]) === bucket) {
      this.line(context, rows[next]);
      next += 1;
    }
    context.stroke();
    return next;
  }

  line(context, row) {
    this.axes.forEach((axis, n) => {
      const y = this.y(axis, axis.units[row]);
      if (n === 0) context.moveTo(axis.x, y);
      else context.lineTo(axis.x, y);
    });
  }

  // All trials, faintly, behind those that are chosen.
  drawBack() {
    const context = this.contexts[0];
    context.clearRect(0, 0, this.width, PARALLEL.height);
    context.strokeStyle = paint.names.quiet;
    context.globalAlpha = Math.max(0.02, Math.min(0.15, 2 / Math.sqrt(this.sweep.rows)));
    let next = 0;
    queue.add(this.back, () => {
      const end = performance.now() + PARALLEL.share_ms;
      while (next < this.sweep.rows && performance.now() < end) {
        context.beginPath();
        for (const last = Math.min(this.sweep.rows, next + 250); next < last; next += 1) this.line(context, next);
        context.stroke();
      }
      return next < this.sweep.rows ? "more" : "done";
    });
    this.hasBack = true;
  }

  // Axes, their ticks, what is chosen on them, and the trial that is pointed out.
  drawMarks() {
    const context = this.contexts[2];
    context.clearRect(0, 0, this.width, PARALLEL.height);
    context.font = "11px system-ui, sans-serif";
    for (const axis of this.axes) {
      this.drawAxis(context, axis);
      this.drawFilter(context, axis);
    }
    const { focus } = this.choice;
    if (focus >= 0) {
      context.strokeStyle = paint.names.focus;
      context.lineWidth = 3;
      context.beginPath();
      this.line(context, focus);
      context.stroke();
    }
  }

  drawAxis(context, axis) {
    const { column } = axis;
    context.strokeStyle = paint.names.quiet;
    context.lineWidth = 1;
    context.beginPath();
    context.moveTo(axis.x, this.y(axis, 0));
    context.lineTo(axis.x, this.y(axis, 1));
    context.stroke();
    const ticks = ticksOf(column);
    if (column.absent > 0) ticks.push([ABSENT_UNIT, ABSENT]);
    const isLast = axis === this.axes[this.axes.length - 1];
    context.textAlign = isLast ? "right" : "left";
    context.textBaseline = "middle";
    const way = isLast ? -1 : 1;
    for (const [unit, text] of ticks) {
      const y = this.y(axis, unit);
      context.fillStyle = paint.names.quiet;
      context.fillRect(axis.x - 3, y, 6, 1);
      // A text that lines cross is readable on a seam of the ground's colour.
      context.lineWidth = 3;
      context.strokeStyle = paint.names.card;
      const cut = text.length > 14 ? text.slice(0, 13) + "…" : text;
      context.strokeText(cut, axis.x + 6 * way, y);
      context.fillStyle = paint.names.text;
      context.fillText(cut, axis.x + 6 * way, y);
    }
  }

  drawFilter(context, axis) {
    for (const [from, to] of spans(axis.column, this.choice.filters.get(axis.column))) {
      const [a, b] = [this.y(axis, from), this.y(axis, to)].sort((p, q) => p - q);
      context.fillStyle = paint.names.accent;
      context.globalAlpha = 0.28;
      context.fillRect(axis.x - 8, a, 16, Math.max(3, b - a));
      context.globalAlpha = 1;
      context.strokeStyle = paint.names.accent;
      context.lineWidth = 1.5;
      context.strokeRect(axis.x - 8, a, 16, Math.max(3, b - a));
    }
  }

  axisAt(x) {
    return this.axes.find((axis) => Math.abs(axis.x - x) <= PARALLEL.grip);
  }

  hover(event) {
    const box = this.front.getBoundingClientRect();
    this.front.style.cursor = this.axisAt(event.clientX - box.left) ? "ns-resize" : "default";
  }

  // A drag along an axis chooses what it passes over; a click there takes the axis's choice back.
  begin(event) {
    const box = this.front.getBoundingClientRect();
    const axis = this.axisAt(event.clientX - box.left);
    if (!axis || event.button !== 0) return;
    this.front.setPointerCapture(event.pointerId);
    const from = event.clientY - box.top;
    let [to, isAsked] = [from, false];
    const apply = () => {
      isAsked = false;
      const isDrag = Math.abs(to - from) > 3;
      this.choice.filter(axis.column, isDrag ? between(axis.column, this.unitAt(axis, from), this.unitAt(axis, to)) : null);
    };
    const move = (next) => {
      to = next.clientY - box.top;
      if (!isAsked) requestAnimationFrame(apply);
      isAsked = true;
    };
    const end = () => {
      this.front.removeEventListener("pointermove", move);
      if (!isAsked) apply();
    };
    this.front.addEventListener("pointermove", move);
    this.front.addEventListener("pointerup", end, { once: true });
  }

  changed(what) {
    if (!this.contexts) return;
    this.drawMarks();
    if (what !== "choice") return;
    this.drawLines();
    if (this.choice.isAll) {
      this.contexts[0].clearRect(0, 0, this.width, PARALLEL.height);
      queue.waiting.delete(this.back);
      this.hasBack = false;
    } else if (!this.hasBack) {
      this.drawBack();
    }
  }
}

// Parameters that vary, the budget, and the metrics last.
function axesOf(sweep) {
  const budget = sweep.columns.filter((column) => column.name === "budget" && column.role === "fact" && column.varies);
  const some = (columns) => columns.filter((column) => column.varies);
  return [...some(sweep.parameters), ...budget, ...some(sweep.metrics)];
}

// Where each trial stands on a column's axis. Where many share few values they stand around these, always at the same
// place, so that how many they are can be seen; what is chosen goes by the values.
function units(column) {
  const many = column.values.length > SPREAD_FROM;
  const room = column.levels ? 0.5 / column.levels.length : column.few && column.few.length > 1 ? 0.35 / column.few.length : 0;
  const spread = (row) => (many ? (((row * 0.618034) % 1) - 0.5) * room : 0);
  return Float32Array.from(column.values, (value, row) => {
    if (Number.isNaN(value)) return ABSENT_UNIT + (many ? spread(row) * 0.05 : 0);
    return Math.min(1, Math.max(0, column.unit(value) + spread(row)));
  });
}

// Rows, those without a metric first and the best last.
function byGoodness(sweep) {
  const rows = Array.from({ length: sweep.rows }, (_, row) => row);
  const key = Array.from(sweep.good, (good) => bucketOf(good));
  return rows.sort((a, b) => key[a] - key[b] || a - b);
}

// Places and texts of an axis's ticks.
function ticksOf(column) {
  if (column.levels) {
    const every = Math.ceil(column.levels.length / 16);
    return column.levels.map((text, n) => [column.unit(n), text]).filter((_, n) => n % every === 0);
  }
  if (column.few) return apart(column.few.map((value) => [column.unit(value), shown(value)]));
  return Array.from({ length: PARALLEL.ticks }, (_, n) => n / (PARALLEL.ticks - 1)).map((unit) => {
    const value = column.at(unit);
    if (column.whole && !column.log) return [column.unit(Math.round(value)), shown(Math.round(value))];
    return [unit, unit === 0 || unit === 1 ? shown(value) : shown(Number(value.toPrecision(3)))];
  });
}

// Of places from 0 to 1 those that have room for a text; the ends among them.
function apart(ticks) {
  const room = 0.045;
  const last = ticks[ticks.length - 1];
  let kept = -1;
  return ticks.filter(([unit], n) => {
    const fits = n === ticks.length - 1 || (unit - kept >= room && (n === 0 || last[0] - unit >= room));
    if (fits) kept = unit;
    return fits;
  });
}

// The filter of what lies between two places of an axis.
function between(column, a, b) {
  const [low, high] = a < b ? [a, b] : [b, a];
  const absent = column.absent > 0 && low <= ABSENT_UNIT && high >= ABSENT_UNIT;
  if (column.levels) {
    const places = column.levels.map((_, n) => n).filter((n) => column.unit(n) >= low && column.unit(n) <= high);
    return { set: new Set(places), absent };
  }
  const [from, to] = [Math.max(0, low), Math.min(1, high)];
  if (to < 0 || from > 1) return { lo: Infinity, hi: -Infinity, absent };
  // Ends of the axis are the ends themselves, not what rounding makes of them.
  const lo = from === 0 ? column.least : column.at(from);
  return { lo, hi: to === 1 ? column.most : column.at(to), absent };
}

// What a filter covers of an axis, as pairs of places.
function spans(column, filter) {
  if (!filter) return [];
  const half = column.levels ? 0.5 / column.levels.length : 0;
  const covered = filter.set
    ? Array.from(filter.set, (n) => [column.unit(n) - half, column.unit(n) + half])
    : filter.lo <= filter.hi
      ? [[Math.max(0, column.unit(filter.lo)), Math.min(1, column.unit(filter.hi))]]
      : [];
  if (filter.absent) covered.push([ABSENT_UNIT - 0.025, ABSENT_UNIT + 0.025]);
  return covered;
}
