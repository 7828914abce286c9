// Which trials are chosen: by ranges and levels of columns, and by words. The one place that decides it; plots and the
// table only listen.

class Choice {
  constructor(sweep) {
    this.sweep = sweep;
    this.mask = new Uint8Array(sweep.rows).fill(1);
    this.count = sweep.rows;
    this.filters = new Map();
    this.words = null;
    this.focus = -1;
    this.listeners = [];
  }

  get isAll() {
    return this.count === this.sweep.rows;
  }

  // `filter` is {lo, hi, absent} of numbers, {set, absent} of levels, or null for every value.
  filter(column, filter) {
    if (filter) this.filters.set(column, filter);
    else this.filters.delete(column);
    this.apply();
  }

  search(text) {
    this.words = text.trim() === "" ? null : words(this.sweep, text);
    this.apply();
  }

  clear() {
    this.filters.clear();
    this.words = null;
    this.apply();
  }

  // Points out one trial; -1 is none.
  point(row) {
    this.focus = row;
    this.tell("focus");
  }

  apply() {
    moment("choice");
    const { mask, sweep } = this;
    mask.fill(1);
    for (const [column, filter] of this.filters) {
      const { values } = column;
      const { lo, hi, set, absent } = filter;
      for (let row = 0; row < mask.length; row += 1) {
        const value = values[row];
        const kept = Number.isNaN(value) ? absent : set ? set.has(value) : value >= lo && value <= hi;
        if (!kept) mask[row] = 0;
      }
    }
    if (this.words) for (let row = 0; row < mask.length; row += 1) if (mask[row] && !this.words(row)) mask[row] = 0;
    this.count = 0;
    for (let row = 0; row < sweep.rows; row += 1) this.count += mask[row];
    this.tell("choice");
  }

  listen(listener) {
    this.listeners.push(listener);
  }

  tell(what) {
    for (const listener of this.listeners) listener(what);
  }
}

const TESTS = {
  "<": (a, b) => a < b,
  "<=": (a, b) => a <= b,
  ">": (a, b) => a > b,
  ">=": (a, b) => a >= b,
  "=": (a, b) => a === b,
  "!=": (a, b) => a !== b,
};

// A test of a row: every word must fit. `lr<0.01` compares a column, any other word is looked for in the row's texts.
function words(sweep, text) {
  const tests = text.trim().split(/\s+/).map((word) => {
    const [, name, sign, wanted] = /^(.+?)(<=|>=|!=|<|>|=)(.*)$/.exec(word) || [];
    const column = name && (sweep.column(name) || sweep.columns.find((c) => c.name.toLowerCase() === name.toLowerCase()));
    if (!column) return (row) => contains(sweep, row, word.toLowerCase());
    const test = TESTS[sign];
    if (column.levels || wanted.trim() === "" || Number.isNaN(Number(wanted))) {
      return (row) => test(column.text(row).toLowerCase(), wanted.toLowerCase());
    }
    return (row) => test(column.values[row], Number(wanted));
  });
  return (row) => tests.every((test) => test(row));
}

function contains(sweep, row, word) {
  sweep.read(Infinity);
  return label(row) === word || sweep.texts[row].includes(word);
}
