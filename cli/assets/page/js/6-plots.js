// The plots that stand in a frame: best so far, learning curves, a cloud for each parameter, and two metrics against
// each other.

const CURVES_DRAWN = 1500;
const CLOUDS = 12;
const NEAR = 12;

// A cloud of trials over two columns, with the chosen ones in front.
function cloud(sweep, choice, host, { x, y, height, highlights }) {
  const rows = [];
  for (let row = 0; row < sweep.rows; row += 1) if (!Number.isNaN(y.values[row]) && !Number.isNaN(x.values[row])) rows.push(row);
  // Trials of one level stand beside each other instead of on each other, always at the same place.
  const spread = (row) => (x.levels ? ((row * 0.618034) % 1) * 0.7 - 0.35 : 0);
  const across = Float64Array.from(rows, (row) => x.values[row] + spread(row));
  const size = rows.length > 3000 ? 2 : rows.length > 400 ? 3 : 5;
  const frame = new Frame(host, {
    x: side(x, rows),
    y: side(y, rows),
    height,
    describes: `${y.name} of ${rows.length} trials by ${x.name}; the table of all trials has the values`,
    marks(context, toX, toY, ratio) {
      const half = (size * ratio) / 2;
      const point = (n) => context.fillRect(toX(across[n]) - half, toY(y.values[rows[n]]) - half, half * 2, half * 2);
      context.globalAlpha = rows.length > 3000 ? 0.3 : 0.5;
      context.fillStyle = paint.names.line;
      if (!choice.isAll) rows.forEach((row, n) => choice.mask[row] || point(n));
      context.globalAlpha = rows.length > 3000 ? 0.55 : 0.85;
      context.fillStyle = paint.names.accent;
      rows.forEach((row, n) => choice.mask[row] && point(n));
      context.globalAlpha = 1;
      context.fillStyle = paint.kinds[1];
      if (highlights) rows.forEach((row, n) => highlights[row] && ring(context, toX(across[n]), toY(y.values[row]), 4 * ratio, true));
      const at = rows.indexOf(choice.focus);
      context.strokeStyle = paint.names.focus;
      context.lineWidth = 2 * ratio;
      if (at >= 0) ring(context, toX(across[at]), toY(y.values[choice.focus]), 6 * ratio, false);
    },
    near(toX, toY, left, top) {
      const n = nearest(rows.length, (at) => Math.hypot(toX(across[at]) - left, toY(y.values[rows[at]]) - top));
      return n < 0 ? "" : `${label(rows[n])}: ${x.name} ${x.text(rows[n])}, ${y.name} ${y.text(rows[n])}`;
    },
    brushed(range) {
      if (range.x) choice.filter(x, rangeOf(x, range.x));
      if (range.y) choice.filter(y, rangeOf(y, range.y));
    },
  });
  choice.listen(() => queue.add(frame, () => frame.redraw()));
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

function nearest(count, distance) {
  let [found, least] = [-1, NEAR];
  for (let n = 0; n < count; n += 1) {
    const d = distance(n);
    if (d < least) [found, least] = [n, d];
  }
  return found;
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
    queue.add(frame, () => frame.draw());
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

// The metric of every trial in the order of their ends, and the best at each end. Which was the best the data say:
// trials of a larger budget take the place of those of a smaller.
function courseOf(sweep, ends) {
  const { metric, order } = sweep;
  const isBest = new Set(sweep.bests);
  const [rows, xs, ys, bests] = [[], [], [], []];
  let best = NaN;
  order.forEach((row, n) => {
    if (isBest.has(n)) best = metric.values[row];
    const x = ends ? ends.values[row] / 3600 : n + 1;
    if (Number.isNaN(x)) return;
    rows.push(row);
    xs.push(x);
    ys.push(metric.values[row]);
    bests.push(best);
  });
  return { rows, xs, ys, bests };
}

function steps(context, xs, ys, toX, toY, end) {
  context.beginPath();
  xs.forEach((x, n) => {
    if (n > 0) context.lineTo(toX(x), toY(ys[n - 1]));
    context.lineTo(toX(x), toY(ys[n]));
  });
  if (end !== undefined) context.lineTo(toX(end), toY(ys[ys.length - 1]));
  context.stroke();
}

function course(sweep, choice, host) {
  const ends = sweep.column("ended_s");
  const draw = (place, by) => {
    place.replaceChildren();
    const { rows, xs, ys, bests } = courseOf(sweep, by === "time" ? ends : null);
    const frame = new Frame(place, {
      x: { label: by === "time" ? "hours since the sweep was made" : "trials that have ended", whole: by !== "time", least: span(xs)[0], most: span(xs)[1] },
      y: { label: sweep.metric.name, least: spanOfMost(ys)[0], most: spanOfMost(ys)[1] },
      height: 300,
      describes: `Best ${sweep.metric.name} so far over ${xs.length} trials; the table below names each improvement`,
      marks(context, toX, toY, ratio) {
        const half = (xs.length > 2000 ? 1 : xs.length > 200 ? 1.75 : 2.5) * ratio;
        context.fillStyle = paint.names.quiet;
        context.globalAlpha = xs.length > 2000 ? 0.3 : 0.65;
        xs.forEach((x, n) => context.fillRect(toX(x) - half, toY(ys[n]) - half, half * 2, half * 2));
        context.globalAlpha = 1;
        context.strokeStyle = paint.names.accent;
        context.lineWidth = 2.5 * ratio;
        context.lineJoin = "round";
        steps(context, xs, bests, toX, toY);
      },
      near(toX, toY, left, top) {
        const n = nearest(xs.length, (at) => Math.hypot(toX(xs[at]) - left, toY(ys[at]) - top));
        return n < 0 ? "" : `${label(rows[n])}: ${shown(ys[n])}; best so far ${shown(bests[n])}`;
      },
    });
    queue.add(frame, () => frame.draw());
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
  // Few enough to be drawn in a frame, the best of them among them.
  const drawn = () => {
    const chosen = trials.map((_, n) => n).filter((n) => choice.mask[trials[n]]);
    if (chosen.length <= CURVES_DRAWN) return chosen;
    const every = Math.ceil(chosen.length / CURVES_DRAWN);
    const best = trials.map((_, n) => n).filter((n) => choice.mask[trials[n]] && sweep.good[trials[n]] > 0.99).slice(0, 100);
    return [...chosen.filter((_, n) => n % every === 0), ...best];
  };
  const [[leastX, mostX], [leastY, mostY]] = [span(xs), spanOfMost(ys)];
  const note = element("p", { class: "quiet" });
  const frame = new Frame(host, {
    x: { label: along, least: leastX, most: mostX, whole: true, log: along === "budget" && leastX > 0 && mostX / leastX > 20 },
    y: { label: sweep.metric.name, least: leastY, most: mostY },
    height: 340,
    describes: `Learning curves of ${trials.length} trials; the table below has what became of each rung`,
    marks(context, toX, toY, ratio) {
      const some = drawn();
      context.globalAlpha = Math.max(0.12, Math.min(0.9, 10 / Math.sqrt(some.length + 1)));
      context.lineWidth = (some.length > 300 ? 1 : 1.5) * ratio;
      for (const n of some) {
        context.strokeStyle = colour(trials[n]);
        context.beginPath();
        for (let at = starts[n]; at < starts[n + 1]; at += 1) context.lineTo(toX(xs[at]), toY(ys[at]));
        context.stroke();
        if (starts[n + 1] - starts[n] === 1) ring(context, toX(xs[starts[n]]), toY(ys[starts[n]]), 2 * ratio, false);
      }
      const at = trials.indexOf(choice.focus);
      if (at >= 0) {
        context.globalAlpha = 1;
        context.lineWidth = 3 * ratio;
        context.strokeStyle = paint.names.focus;
        context.beginPath();
        for (let n = starts[at]; n < starts[at + 1]; n += 1) context.lineTo(toX(xs[n]), toY(ys[n]));
        context.stroke();
      }
      const chosen = trials.reduce((sum, row) => sum + choice.mask[row], 0);
      note.textContent = some.length < chosen ? `${some.length} of ${chosen} curves are drawn, the best among them; choose fewer trials to see each.` : "";
    },
    near(toX, toY, left, top) {
      const some = drawn();
      let [found, least, curve] = [-1, NEAR, -1];
      for (const n of some) {
        for (let at = starts[n]; at < starts[n + 1]; at += 1) {
          const d = Math.hypot(toX(xs[at]) - left, toY(ys[at]) - top);
          if (d < least) [found, least, curve] = [at, d, n];
        }
      }
      return found < 0 ? "" : `${label(trials[curve])}: ${along} ${shown(xs[found])}, ${sweep.metric.name} ${shown(ys[found])}`;
    },
  });
  queue.add(frame, () => frame.draw());
  choice.listen(() => queue.add(frame, () => frame.redraw()));
  host.append(note);
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
    queue.add(frame, () => frame.draw());
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
  const [least, top] = span(lines.flatMap((line) => line.bests));
  const frame = new Frame(host, {
    x: { label: "trials that have ended", least: 1, most },
    y: { label: "best " + metric.name, least, most: top },
    height: 300,
    describes: `Best ${metric.name} so far of ${alike.length} sweeps; the table below has where each stands`,
    marks(context, toX, toY, ratio) {
      context.lineWidth = 2.5 * ratio;
      lines.forEach((line, n) => {
        context.strokeStyle = paint.kinds[n % paint.kinds.length];
        context.setLineDash(n < paint.kinds.length ? [] : [6 * ratio, 4 * ratio]);
        steps(context, line.xs, line.bests, toX, toY, most);
      });
      context.setLineDash([]);
    },
  });
  queue.add(frame, () => frame.draw());
  const key = element("div", { class: "key" });
  alike.forEach((sweep, n) => {
    const dot = element("i", {});
    dot.style.background = `var(--kind-${n % 6})`;
    key.append(element("span", {}, dot, sweep.id));
  });
  host.append(key);
}
