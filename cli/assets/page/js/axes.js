// Where values stand on the axes of parallel coordinates, and what a part of an axis chooses. Nothing here draws.

// Where trials without a value stand, below the axis.
const ABSENT_UNIT = -0.11;
// Trials from which on those of one value are spread out.
const SPREAD_FROM = 300;
// Ticks of an axis of many numbers.
const TICKS = 5;

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
  return Array.from({ length: TICKS }, (_, n) => n / (TICKS - 1)).map((unit) => {
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
