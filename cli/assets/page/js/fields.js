// Fields that choose trials without a pointer: the search line, and for each axis its least and most or its levels.

const LEVELS_SHOWN = 6;

function searchLine(sweep, choice, host) {
  const input = element("input", { type: "search", placeholder: "completed lr<0.01 adam", "aria-label": "Choose trials by words: a text that a trial has, or a comparison such as lr<0.01", autocomplete: "off", spellcheck: "false" });
  const count = element("output", { role: "status" });
  const clear = element("button", { type: "button" }, "Choose all");
  clear.addEventListener("click", () => {
    input.value = "";
    choice.clear();
  });
  input.addEventListener("input", () => choice.search(input.value));
  const say = () => {
    const all = sweep.rows === 1 ? "1 trial" : `${sweep.rows.toLocaleString("en")} trials`;
    count.textContent = choice.isAll ? (sweep.rows > 1 ? "all " : "") + all : `${choice.count.toLocaleString("en")} of ${all}`;
    clear.disabled = choice.isAll && choice.filters.size === 0;
  };
  choice.listen(say);
  say();
  host.append(element("div", { class: "controls" }, input, count, clear));
}

function filterFields(axes, choice, host) {
  const grid = element("div", { class: "filters" });
  const all = axes.map(({ column }) => {
    const field = column.levels ? levelField(column, choice) : numberField(column, choice);
    grid.append(field.box);
    return field;
  });
  host.append(element("details", { class: "by-key" }, element("summary", {}, "Choose by values"), grid));
  choice.listen((what) => what === "choice" && all.forEach((field) => field.show()));
}

function absentBox(column, changed) {
  const input = element("input", { type: "checkbox", checked: true });
  input.addEventListener("change", changed);
  return { input, box: column.absent > 0 ? element("label", {}, input, " without it") : "" };
}

function numberField(column, choice) {
  const number = (name, limit) => element("input", { type: "number", step: "any", placeholder: shown(limit), "aria-label": `${name} ${column.name}` });
  const [least, most] = [number("least", column.least), number("most", column.most)];
  const changed = () => {
    const [lo, hi] = [least, most].map((input) => (input.value === "" ? null : Number(input.value)));
    const isAll = lo === null && hi === null && (column.absent === 0 || absent.input.checked);
    choice.filter(column, isAll ? null : { lo: lo ?? -Infinity, hi: hi ?? Infinity, absent: absent.input.checked && column.absent > 0 });
  };
  const absent = absentBox(column, changed);
  for (const input of [least, most]) input.addEventListener("change", changed);
  const box = element("fieldset", {}, element("legend", {}, column.name), least, " to ", most, " ", absent.box);
  const show = () => {
    const filter = choice.filters.get(column);
    const text = (value, limit) => (filter && value !== limit && Number.isFinite(value) ? Number(value.toPrecision(5)) : "");
    if (document.activeElement !== least) least.value = filter ? text(filter.lo, column.least) : "";
    if (document.activeElement !== most) most.value = filter ? text(filter.hi, column.most) : "";
    absent.input.checked = !filter || filter.absent;
  };
  return { box, show };
}

function levelField(column, choice) {
  const options = column.levels.map((text, n) => element("option", { value: n }, text));
  const list = element("select", { multiple: true, size: Math.min(LEVELS_SHOWN, Math.max(2, options.length)), "aria-label": `levels of ${column.name}` }, ...options);
  const changed = () => {
    const set = new Set(Array.from(list.selectedOptions, (option) => Number(option.value)));
    const isAll = set.size === 0 && (column.absent === 0 || absent.input.checked);
    const levels = set.size === 0 ? new Set(column.levels.keys()) : set;
    choice.filter(column, isAll ? null : { set: levels, absent: absent.input.checked && column.absent > 0 });
  };
  const absent = absentBox(column, changed);
  list.addEventListener("change", changed);
  const box = element("fieldset", {}, element("legend", {}, column.name), list, absent.box);
  const show = () => {
    const filter = choice.filters.get(column);
    options.forEach((option, n) => {
      option.selected = Boolean(filter && filter.set.has(n));
    });
    absent.input.checked = !filter || filter.absent;
  };
  return { box, show };
}
