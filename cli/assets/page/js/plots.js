// The plots that stand in a frame: best so far, learning curves, a cloud for each parameter, and two metrics against
// each other.

const CLOUDS = 12;
const NEAR = 12;
// Curves that the browser strokes itself; of more an ink is quicker.
const CURVES_STROKED = 150;

// Where marks stand, by their number.
class Places {
  constructor(count) {
    this.x = new Float32Array(count);
    this.y = new Float32Array(count);
  }

  // From what each mark has of both axes.
  set(xs, ys, toX, toY) {
    for (let n = 0; n < this.x.length; n += 1) [this.x[n], this.y[n]] = [toX(xs[n]), toY(ys[n])];
  }

  // The mark next to the pointer; -1 where none is near. `isThere` says which are seen.
  nearest(left, top, isThere) {
    let [found, least] = [-1, NEAR * NEAR];
    for (let n = 0; n < this.x.length; n += 1) {
      const [dx, dy] = [this.x[n] - left, this.y[n] - top];
      const distance = dx * dx + dy * dy;
      if (distance < least && (!isThere || isThere(n))) [found, least] = [n, distance];
    }
    return found;
  }
}

// A cloud of trials over two columns, with the chosen ones in front.
function cloud(sweep, choice, host, { x, y, height, highlights }) {
  const rows = [];
  for (let row = 0; row < sweep.rows; row += 1) if (!Number.isNaN(y.values[row]) && !Number.isNaN(x.values[row])) rows.push(row);
  // Trials of one level stand beside each other instead of on each other, always at the same place.
  const spread = (row) => (x.levels ? ((row * 0.618034) % 1) * 0.7 - 0.35 : 0);
  const across = Float64Array.from(rows, (row) => x.values[row] + spread(row));
  const up = Float64Array.from(rows, (row) => y.values[row]);
  const places = new Places(rows.length);
  const isMany = rows.length > 3000;
  const size = isMany ? 2 : rows.length > 400 ? 3 : 5;
  const frame = new Frame(host, {
    x: side(x, rows),
    y: side(y, rows),
    height,
    describes: `${y.name} of ${rows.length} trials by ${x.name}; the table of all trials has the values`,
    place: (toX, toY) => places.set(across, up, toX, toY),
    marks(fresh, width, height) {
      const spots = new Spots(width, height);
      const draw = (wanted) => rows.forEach((row, n) => choice.mask[row] === wanted && spots.dot(places.x[n], places.y[n], size));
      spots.take(paint.names.line, isMany ? 0.35 : 0.55);
      if (!choice.isAll) draw(0);
      spots.take(paint.names.accent, isMany ? 0.55 : 0.85);
      draw(1);
      const context = fresh();
      spots.onto(context);
      context.fillStyle = paint.kinds[1];
      if (highlights) rows.forEach((row, n) => highlights[row] && ring(context, places.x[n], places.y[n], 4, true));
      const at = choice.focus < 0 ? -1 : rows.indexOf(choice.focus);
      context.strokeStyle = paint.names.focus;
      context.lineWidth = 2;
      if (at >= 0) ring(context, places.x[at], places.y[at], 6, false);
    },
    near(left, top) {
      const n = places.nearest(left, top);
      return n < 0 ? "" : `${label(rows[n])}: ${x.name} ${x.text(rows[n])}, ${y.name} ${y.text(rows[n])}`;
    },
    brushed(range) {
      if (range.x) choice.filter(x, rangeOf(x, range.x));
      if (range.y) choice.filter(y, rangeOf(y, range.y));
    },
  });
  choice.listen(() => frame.askMarks());
  return frame;
}

function ring(context, x, y, radius, isFilled) {
  context.beginPath();
  context.arc(x, y, radius, 0, 7);
  if (isFilled) context.fill();
  else context.stroke();
}

// An axis over a column's values in these rows.
function side(column, rows) {
  let [least, most] = [Infinity, -Infinity];
  for (const row of rows) [least, most] = [Math.min(least, column.values[row]), Math.max(most, column.values[row])];
  return { label: column.name, least, most, log: column.log, levels: column.levels, whole: column.whole };
}

function rangeOf(column, [lo, hi]) {
  if (!column.levels) return { lo, hi, absent: false };
  return { set: new Set(column.levels.map((_, n) => n).filter((n) => n >= lo - 0.5 && n <= hi + 0.5)), absent: false };
}

// One cloud a parameter, those first that have most to do with the metric.
function clouds(sweep, choice, host, ranked) {
  const place = (column) => (ranked.indexOf(column.name) + 1 || ranked.length + 1);
  const columns = sweep.parameters.filter((column) => column.most > column.least || (column.levels && column.levels.length > 1));
  columns.sort((a, b) => place(a) - place(b));
  const grid = element("div", { class: "many" });
  host.append(grid);
  const add = (column) => {
    const cell = element("div", {});
    cell.append(element("h3", {}, column.name));
    grid.append(cell);
    const frame = cloud(sweep, choice, cell, { x: column, y: sweep.metric, height: 250 });
    frame.ask();
  };
  columns.slice(0, CLOUDS).forEach(add);
  const rest = columns.slice(CLOUDS);
  if (rest.length === 0) return;
  const more = element("button", { type: "button" }, `Show ${rest.length} more parameters`);
  more.addEventListener("click", () => {
    more.remove();
    rest.forEach(add);
  });
  host.append(element("div", { class: "controls" }, more));
}

// The metric of every trial in the order of their ends, and the best from each improvement on. Which was the best the
// data say: trials of a larger budget take the place of those of a smaller.
function courseOf(sweep, ends) {
  const { metric, order } = sweep;
  const isBest = new Set(sweep.bests);
  const [rows, xs, ys, bests] = [[], [], [], []];
  order.forEach((row, n) => {
    const x = ends ? ends.values[row] / 3600 : n + 1;
    if (Number.isNaN(x)) return;
    if (isBest.has(n)) bests.push({ at: rows.length, x, y: metric.values[row] });
    rows.push(row);
    xs.push(x);
    ys.push(metric.values[row]);
  });
  return { rows, xs, ys, bests };
}

// The best so far as a stair, from its first improvement to `end`.
function stair(context, bests, end) {
  context.beginPath();
  bests.forEach(({ x, y }, n) => {
    if (n > 0) context.lineTo(x, bests[n - 1].y);
    context.lineTo(x, y);
  });
  if (bests.length > 0) context.lineTo(end, bests[bests.length - 1].y);
  context.stroke();
}

function course(sweep, choice, host) {
  const ends = sweep.column("ended_s");
  const draw = (place, by) => {
    place.replaceChildren();
    const { rows, xs, ys, bests } = courseOf(sweep, by === "time" ? ends : null);
    const places = new Places(xs.length);
    let [steps, end] = [[], 0];
    const size = xs.length > 2000 ? 2 : xs.length > 200 ? 3 : 5;
    const frame = new Frame(place, {
      x: { label: by === "time" ? "hours since the sweep was made" : "trials that have ended", whole: by !== "time", least: span(xs)[0], most: span(xs)[1] },
      y: { label: sweep.metric.name, least: spanOfMost(ys)[0], most: spanOfMost(ys)[1] },
      height: 300,
      describes: `Best ${sweep.metric.name} so far over ${xs.length} trials; the table below names each improvement`,
      place(toX, toY) {
        places.set(xs, ys, toX, toY);
        steps = bests.map(({ x, y }) => ({ x: toX(x), y: toY(y) }));
        end = toX(xs[xs.length - 1]);
      },
      marks(fresh, width, height) {
        const spots = new Spots(width, height);
        spots.take(paint.names.quiet, xs.length > 2000 ? 0.3 : 0.65);
        xs.forEach((_, n) => spots.dot(places.x[n], places.y[n], size));
        const context = fresh();
        spots.onto(context);
        context.strokeStyle = paint.names.accent;
        context.lineWidth = 2.5;
        context.lineJoin = "round";
        stair(context, steps, end);
      },
      near(left, top) {
        const n = places.nearest(left, top);
        if (n < 0) return "";
        const best = bests.findLast(({ at }) => at <= n);
        return `${label(rows[n])}: ${shown(ys[n])}` + (best ? `; best so far ${shown(best.y)}` : "");
      },
    });
    frame.ask();
  };
  const place = element("div", {});
  if (ends && ends.most > ends.least) {
    const pick = element("select", {}, element("option", { value: "trials" }, "number of trials"), element("option", { value: "time" }, "time"));
    pick.addEventListener("change", () => draw(place, pick.value));
    host.append(element("div", { class: "controls" }, element("label", {}, "Along ", pick)));
  }
  host.append(place);
  draw(place, "trials");
}

// The least and the most of many numbers.
function span(values) {
  return values.reduce(([least, most], value) => [Math.min(least, value), Math.max(most, value)], [Infinity, -Infinity]);
}

// What trials reported on their way, a colour a rung.
function curves(sweep, choice, host) {
  const { along, trials, starts, steps: xs, values: ys } = sweep.curves;
  const rung = sweep.column("rung") || sweep.column("bracket");
  const isByRung = rung && rung.most > rung.least;
  const colour = (row) => {
    if (isByRung) return Number.isNaN(rung.values[row]) ? paint.names.quiet : paint.kinds[(rung.values[row] - rung.least) % paint.kinds.length];
    return bucketColour(bucketOf(sweep.good[row]));
  };
  const [[leastX, mostX], [leastY, mostY]] = [span(xs), spanOfMost(ys)];
  const places = new Places(xs.length);
  const curveOf = new Uint32Array(xs.length);
  trials.forEach((_, n) => curveOf.fill(n, starts[n], starts[n + 1]));
  const path = (context, n) => {
    context.beginPath();
    for (let at = starts[n]; at < starts[n + 1]; at += 1) context.lineTo(places.x[at], places.y[at]);
    context.stroke();
    if (starts[n + 1] - starts[n] === 1) ring(context, places.x[starts[n]], places.y[starts[n]], 2, false);
  };
  const inked = (ink, n, alpha, good) => {
    for (let at = starts[n] + 1; at < starts[n + 1]; at += 1) ink.line(places.x[at - 1], places.y[at - 1], places.x[at], places.y[at], alpha, good);
    // One report alone is a short dash.
    if (starts[n + 1] - starts[n] === 1) ink.line(places.x[starts[n]] - 2, places.y[starts[n]], places.x[starts[n]] + 2, places.y[starts[n]], alpha, good);
  };
  // Colours one upon the other, each with the curves that have it.
  const layers = (chosen) => {
    if (!isByRung) return [{ colours: paint.pixels, curves: chosen }];
    const byColour = new Map();
    for (const n of chosen) {
      const one = colour(trials[n]);
      if (!byColour.has(one)) byColour.set(one, []);
      byColour.get(one).push(n);
    }
    return [...byColour].map(([one, curves]) => ({ colours: [pixelOf(one)], curves }));
  };
  const frame = new Frame(host, {
    x: { label: along, least: leastX, most: mostX, whole: true, log: along === "budget" && leastX > 0 && mostX / leastX > 20 },
    y: { label: sweep.metric.name, least: leastY, most: mostY },
    height: 340,
    describes: `Learning curves of ${trials.length} trials; the table below has what became of each rung`,
    place: (toX, toY) => places.set(xs, ys, toX, toY),
    marks(fresh, width, height) {
      const chosen = [];
      trials.forEach((row, n) => choice.mask[row] && chosen.push(n));
      const alpha = Math.max(0.06, Math.min(0.9, 10 / Math.sqrt(chosen.length + 1)));
      const draw = (curves) => {
        const context = fresh();
        curves(context);
        const at = choice.focus < 0 ? -1 : trials.indexOf(choice.focus);
        context.globalAlpha = 1;
        context.lineWidth = 3;
        context.strokeStyle = paint.names.focus;
        if (at >= 0) path(context, at);
      };
      if (chosen.length <= CURVES_STROKED) {
        draw((context) => {
          context.globalAlpha = alpha;
          context.lineWidth = 1.5;
          for (const n of chosen) {
            context.strokeStyle = colour(trials[n]);
            path(context, n);
          }
        });
        return null;
      }
      const sheets = layers(chosen).map((layer) => ({ ...layer, ink: new Ink(width, height, chosen.length < SOFT), next: 0 }));
      return (end) => {
        for (const sheet of sheets) {
          while (sheet.next < sheet.curves.length) {
            if (performance.now() >= end) return "more";
            const last = Math.min(sheet.curves.length, sheet.next + AT_ONCE);
            for (; sheet.next < last; sheet.next += 1) inked(sheet.ink, sheet.curves[sheet.next], alpha, sweep.good[trials[sheet.curves[sheet.next]]] || 0);
          }
        }
        const image = new ImageData(sheets[0].ink.width, sheets[0].ink.height);
        sheets.forEach(({ ink, colours }) => ink.onto(image, colours));
        draw((context) => context.drawImage(sheetOf(image), 0, 0, image.width, image.height));
        return "done";
      };
    },
    near(left, top) {
      const found = places.nearest(left, top, (at) => choice.mask[trials[curveOf[at]]]);
      return found < 0 ? "" : `${label(trials[curveOf[found]])}: ${along} ${shown(xs[found])}, ${sweep.metric.name} ${shown(ys[found])}`;
    },
  });
  frame.ask();
  choice.listen(() => frame.askMarks());
  if (isByRung) host.append(rungKey(rung));
}

// The span without the farthest hundredth on either side, where that is a small part of it: one curve that diverged would
// leave the others a line.
function spanOfMost(values) {
  const [least, most] = span(values);
  if (values.length < 50) return [least, most];
  const sorted = Float64Array.from(values).sort();
  const at = (share) => sorted[Math.round(share * (sorted.length - 1))];
  const [low, high] = [at(0.01), at(0.99)];
  const room = (high - low) * 0.5;
  return [least < low - 4 * room ? low - room : least, most > high + 4 * room ? high + room : most];
}

function rungKey(rung) {
  const key = element("div", { class: "key" });
  const seen = [...new Set(rung.values)].filter((value) => !Number.isNaN(value)).sort((a, b) => a - b);
  for (const value of seen.slice(0, 12)) {
    const dot = element("i", {});
    dot.style.background = `var(--kind-${(value - rung.least) % 6})`;
    key.append(element("span", {}, dot, `${rung.name} ${value}`));
  }
  return key;
}

// Two metrics against each other, with the trials that no other is better than.
function front(sweep, choice, host) {
  const ranks = sweep.column("front");
  const highlights = ranks && Uint8Array.from(ranks.values, (rank) => (rank === 0 ? 1 : 0));
  const place = element("div", {});
  const draw = (a, b) => {
    place.replaceChildren();
    const frame = cloud(sweep, choice, place, { x: sweep.metrics[a], y: sweep.metrics[b], height: 360, highlights });
    frame.ask();
  };
  if (sweep.metrics.length > 2) {
    const pick = (n) => {
      const made = element("select", {}, ...sweep.metrics.map((metric, at) => element("option", { value: at, selected: at === n }, metric.name)));
      made.addEventListener("change", () => draw(Number(across.value), Number(up.value)));
      return made;
    };
    const [across, up] = [pick(0), pick(1)];
    host.append(element("div", { class: "controls" }, element("label", {}, "Across ", across), element("label", {}, "Up ", up)));
  }
  host.append(place);
  const dot = element("i", {});
  dot.style.background = "var(--kind-1)";
  host.append(element("div", { class: "key" }, element("span", {}, dot, "no other trial is better in every metric")));
  draw(0, 1);
}

// The best so far of several sweeps that go by the same metric.
function together(sweeps, host) {
  const metric = sweeps[0].metric;
  const alike = sweeps.filter((sweep) => metric && sweep.metric && sweep.metric.name === metric.name && sweep.order.length > 0);
  if (alike.length < 2) return;
  const lines = alike.map((sweep) => courseOf(sweep, null));
  const most = Math.max(...lines.map((line) => line.xs.length));
  const [least, top] = span(lines.flatMap((line) => line.bests.map(({ y }) => y)));
  let [stairs, end] = [[], 0];
  const frame = new Frame(host, {
    x: { label: "trials that have ended", least: 1, most },
    y: { label: "best " + metric.name, least, most: top },
    height: 300,
    describes: `Best ${metric.name} so far of ${alike.length} sweeps; the table below has where each stands`,
    place(toX, toY) {
      stairs = lines.map((line) => line.bests.map(({ x, y }) => ({ x: toX(x), y: toY(y) })));
      end = toX(most);
    },
    marks(fresh) {
      const context = fresh();
      context.lineWidth = 2.5;
      stairs.forEach((bests, n) => {
        context.strokeStyle = paint.kinds[n % paint.kinds.length];
        context.setLineDash(n < paint.kinds.length ? [] : [6, 4]);
        stair(context, bests, end);
      });
      context.setLineDash([]);
    },
  });
  frame.ask();
  const key = element("div", { class: "key" });
  alike.forEach((sweep, n) => {
    const dot = element("i", {});
    dot.style.background = `var(--kind-${n % 6})`;
    key.append(element("span", {}, dot, sweep.id));
  });
  host.append(key);
}
