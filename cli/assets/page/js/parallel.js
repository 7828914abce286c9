// Parallel coordinates: a line a trial, an axis a parameter, the metrics last. Dragging along an axis chooses trials;
// everything that can be done with the pointer can be done with the keyboard in the fields below it.

const PARALLEL = { height: 400, top: 44, bottom: 20, below: 44, side: 70, gap: 112, grip: 18 };
// Lines that the browser strokes itself; of more an ink is quicker.
const STROKED = 400;
// Lines of a first picture, where there are many.
const DRAFT = 500;
// Lines from which on an ink's need no soft edges.
const SOFT = 1000;
// Lines between two looks at the clock.
const AT_ONCE = 50;
// Choices that come so soon after each other are a drag: each is answered with a part of the picture at once.
const DRAG_MS = 150;

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
    // Paper cannot be scrolled.
    const least = isOnPaper() ? 0 : side * 2 + gap * (this.axes.length - 1);
    this.width = Math.max(room, least);
    const step = this.axes.length > 1 ? (this.width - side * 2) / (this.axes.length - 1) : 0;
    this.axes.forEach((axis, n) => {
      axis.x = side + n * step;
      axis.button.style.left = axis.x + "px";
      axis.button.style.top = "4px";
      axis.button.style.maxWidth = Math.max(60, Math.min(150, step - 6)) + "px";
    });
    this.box.style.width = this.width + "px";
    this.box.style.height = height + "px";
    this.isDrawn = true;
    this.xs = Float64Array.from(this.axes, (axis) => axis.x);
    this.ys = this.axes.map((axis) => Float32Array.from(axis.units, (unit) => this.y(axis, unit)));
    [this.whole, this.hasBack] = [null, undefined];
    this.drawMarks();
    this.drawLines();
    this.drawBack();
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

  // The lines of chosen trials, the best last and on top.
  drawLines() {
    if (this.choice.isAll && this.whole) {
      queue.drop(this.front);
      this.show(this.front, this.whole.good);
      return;
    }
    const rows = this.sorted.filter((row) => this.choice.mask[row]);
    queue.add(this.front, this.box, rows.length <= STROKED ? this.stroked(rows) : this.inked(this.front, rows, this.inks()));
  }

  // Draws few lines, each as the browser does it best.
  stroked(rows) {
    let [next, context] = [0, null];
    return (end) => {
      context ||= this.fresh(this.front);
      context.lineWidth = 1.4;
      context.globalAlpha = opacity(rows.length);
      while (next < rows.length && performance.now() < end) {
        const last = Math.min(rows.length, next + AT_ONCE);
        for (; next < last; next += 1) {
          context.strokeStyle = bucketColour(bucketOf(this.sweep.good[rows[next]]));
          context.beginPath();
          this.line(context, rows[next]);
          context.stroke();
        }
      }
      return next < rows.length ? "more" : "done";
    };
  }

  // Draws many lines: first some of them, that something is seen at once, then all.
  inked(canvas, rows, [good, none]) {
    const { sweep, width } = this;
    const every = Math.ceil(rows.length / DRAFT);
    const now = performance.now();
    let [next, isDraft] = [0, every > 2 && now - this.askedAt < DRAG_MS];
    this.askedAt = now;
    for (const ink of [good, none]) ink.isSoft = rows.length < SOFT;
    // Trials without a metric have a colour of their own and lie below; the rows are sorted so.
    const ink = (row, alpha) => {
      const value = sweep.good[row];
      if (Number.isNaN(value)) this.lineOf(none, row, alpha, 1);
      else this.lineOf(good, row, alpha, value);
    };
    const clear = () => [good, none].forEach((one) => one.clear());
    const picture = (colours, noneColour) => {
      const image = new ImageData(width, PARALLEL.height);
      if (Number.isNaN(sweep.good[rows[0]])) none.onto(image, [noneColour]);
      good.onto(image, colours);
      return sheetOf(image);
    };
    const coloured = () => picture(paint.pixels, pixelOf(paint.names.none));
    return (end) => {
      if (isDraft) {
        isDraft = false;
        clear();
        for (let n = 0; n < rows.length; n += every) ink(rows[n], opacity(rows.length / every));
        this.show(canvas, coloured());
        return "more";
      }
      if (next === 0) clear();
      while (next < rows.length && performance.now() < end) {
        for (const last = Math.min(rows.length, next + AT_ONCE); next < last; next += 1) ink(rows[next], opacity(rows.length));
      }
      if (next < rows.length) return "more";
      const drawn = coloured();
      this.show(canvas, drawn);
      // All trials in one colour stand behind those that are chosen later.
      const quiet = pixelOf(paint.names.quiet);
      if (rows.length === sweep.rows) this.whole = { good: drawn, back: picture([quiet], quiet) };
      return "done";
    };
  }

  // Inks of this size, kept from picture to picture.
  inks() {
    const [one] = this.kept || [];
    if (!one || one.width !== this.width) this.kept = this.newInks();
    return this.kept;
  }

  newInks() {
    return [0, 1].map(() => new Ink(this.width, PARALLEL.height));
  }

  // Replaces what a canvas shows.
  show(canvas, picture, alpha = 1) {
    const context = this.fresh(canvas);
    context.globalAlpha = alpha;
    if (picture) context.drawImage(picture, 0, 0, this.width, PARALLEL.height);
  }

  // An empty canvas. Not one that is wiped: on paper the wiping takes away what lies under it too.
  fresh(canvas) {
    return sized(canvas, this.width, PARALLEL.height);
  }

  line(context, row) {
    const { xs, ys } = this;
    xs.forEach((x, n) => (n === 0 ? context.moveTo(x, ys[n][row]) : context.lineTo(x, ys[n][row])));
  }

  lineOf(ink, row, alpha, good) {
    const { xs, ys } = this;
    for (let n = 1; n < xs.length; n += 1) ink.line(xs[n - 1], ys[n - 1][row], xs[n], ys[n][row], alpha, good);
  }

  // All trials, faintly, behind those that are chosen.
  drawBack() {
    const isNeeded = !this.choice.isAll;
    if (this.hasBack === isNeeded && this.backOf === this.whole) return;
    this.show(this.back, isNeeded && this.whole ? this.whole.back : null, 0.3);
    [this.hasBack, this.backOf] = [isNeeded, this.whole];
    if (!isNeeded || this.whole) return;
    if (this.sweep.rows > STROKED) {
      // Chosen from before all were drawn once: that is made up for, out of sight.
      const draw = this.inked(element("canvas", {}), this.sorted, this.newInks());
      queue.add(this.back, null, (end) => {
        const how = draw(end);
        if (how === "done") this.drawBack();
        return how;
      });
      return;
    }
    const context = this.fresh(this.back);
    context.strokeStyle = paint.names.quiet;
    context.globalAlpha = Math.max(0.02, Math.min(0.15, 2 / Math.sqrt(this.sweep.rows)));
    context.beginPath();
    for (let row = 0; row < this.sweep.rows; row += 1) this.line(context, row);
    context.stroke();
  }

  // Axes, their ticks, what is chosen on them, and the trial that is pointed out.
  drawMarks() {
    const context = this.fresh(this.marks);
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
    // Axes may stand close on paper: a text leaves the next one its place.
    const letters = Math.min(14, Math.floor((this.axes.length > 1 ? Math.abs(this.xs[1] - this.xs[0]) : 90) / 6.5));
    for (const [unit, text] of ticks) {
      const y = this.y(axis, unit);
      context.fillStyle = paint.names.quiet;
      context.fillRect(axis.x - 3, y, 6, 1);
      // A text that lines cross is readable on a seam of the ground's colour.
      context.lineWidth = 3;
      context.strokeStyle = paint.names.card;
      const cut = clipped(text, letters);
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
    if (!this.isDrawn) return;
    this.drawMarks();
    if (what !== "choice") return;
    this.drawLines();
    this.drawBack();
  }
}

// How much a line covers where so many are drawn.
function opacity(lines) {
  return Math.max(0.06, Math.min(0.85, 12 / Math.sqrt(lines + 1)));
}
