// What the page knows of a sweep: its columns as typed arrays. Nothing here touches the document.

const ABSENT = "none";

class Column {
  constructor(raw) {
    this.name = raw.name;
    this.role = raw.role;
    this.levels = raw.kind === "level" ? raw.levels || [] : null;
    this.log = raw.log;
    this.whole = raw.whole;
    this.maximize = raw.maximize;
    this.values = Float64Array.from(raw.values, (value) => (value === null ? NaN : value));
    this.absent = 0;
    let [least, most] = [Infinity, -Infinity];
    for (const value of this.values) {
      if (Number.isNaN(value)) this.absent += 1;
      else [least, most] = [Math.min(least, value), Math.max(most, value)];
    }
    this.least = least;
    this.most = most;
    this.few = this.levels ? null : few(this.values);
  }

  // Whether it says anything that differs from trial to trial.
  get varies() {
    const present = this.values.length - this.absent;
    return present > 0 && (this.most > this.least || this.absent > 0);
  }

  // Where a value stands between the least (0) and the most (1).
  unit(value) {
    if (this.levels) return (value + 0.5) / this.levels.length;
    if (this.most === this.least) return 0.5;
    if (this.log) return Math.log(value / this.least) / Math.log(this.most / this.least);
    return (value - this.least) / (this.most - this.least);
  }

  // The value that stands there.
  at(unit) {
    if (this.log) return this.least * Math.pow(this.most / this.least, unit);
    return this.least + unit * (this.most - this.least);
  }

  // A value as text.
  show(value) {
    if (Number.isNaN(value)) return "";
    if (this.levels) return this.levels[value];
    if (this.name === "parent") return label(value);
    return shown(value);
  }

  text(row) {
    return this.show(this.values[row]);
  }
}

// The numbers of a column where they are few, by size.
const FEW = 9;
function few(values) {
  const seen = new Set();
  for (const value of values) {
    if (!Number.isNaN(value)) seen.add(value);
    if (seen.size > FEW) return null;
  }
  return [...seen].sort((a, b) => a - b);
}

// A trial's label, as the command writes it.
function label(row) {
  return "t" + String(row).padStart(3, "0");
}

// A number to six digits.
function shown(value) {
  if (value === 0 || Number.isInteger(value)) return Math.abs(value) < 1e9 ? String(value) : value.toExponential(4);
  const size = Math.abs(value);
  if (size < 1e-3 || size >= 1e7) return value.toExponential(4).replace(/\.?0+e/, "e");
  return String(Number(value.toPrecision(6)));
}

class Sweep {
  constructor(raw) {
    this.id = raw.id;
    this.rows = raw.rows;
    this.columns = raw.columns.map((column) => new Column(column));
    this.order = raw.order;
    this.bests = raw.bests;
    this.curves = raw.curves;
    this.metrics = this.columns.filter((column) => column.role === "metric");
    this.parameters = this.columns.filter((column) => column.role === "parameter");
    this.metric = this.metrics[0];
    this.good = goodness(this.metric, this.rows);
    this.texts = [];
  }

  // Reads the texts of trials, for the search, until a time; whether all are read.
  read(end) {
    while (this.texts.length < this.rows && performance.now() < end) {
      for (const last = Math.min(this.rows, this.texts.length + 100); this.texts.length < last;) {
        const row = this.texts.length;
        this.texts.push(this.columns.map((column) => column.text(row).toLowerCase()).join("\n"));
      }
    }
    return this.texts.length === this.rows;
  }

  column(name) {
    return this.columns.find((column) => column.name === name);
  }
}

// How good each trial is among all, from 0 for the worst to 1 for the best; NaN without a metric. By rank, because one
// outlier would leave all others the same colour.
function goodness(metric, rows) {
  const good = new Float32Array(rows).fill(NaN);
  if (!metric) return good;
  const ranked = [];
  for (let row = 0; row < rows; row += 1) if (!Number.isNaN(metric.values[row])) ranked.push(row);
  const way = metric.maximize ? 1 : -1;
  ranked.sort((a, b) => way * (metric.values[a] - metric.values[b]));
  ranked.forEach((row, place) => {
    good[row] = ranked.length > 1 ? place / (ranked.length - 1) : 1;
  });
  return good;
}
