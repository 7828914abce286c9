// The table of all trials: only the rows in sight are in the document, so 100,000 are as quick as ten. It shows what is
// chosen, sorted by the column that was asked for.

const ROW_HEIGHT = 28;
const ROWS_BEYOND = 8;
// As high as the style lets the box grow: it is empty when the first rows are chosen for it.
const BOX_HEIGHT = 560;

class Table {
  constructor(sweep, choice, host) {
    this.sweep = sweep;
    this.choice = choice;
    this.columns = [null, ...sweep.columns];
    const metric = sweep.columns.indexOf(sweep.metric) + 1;
    this.sort = metric > 0 ? { at: metric, way: sweep.metric.maximize ? -1 : 1 } : { at: 0, way: 1 };
    this.body = element("tbody", {});
    this.heads = this.columns.map((column, at) => this.head(column, at));
    const head = element("thead", {}, element("tr", { "aria-rowindex": "1" }, ...this.heads));
    this.table = element("table", { "aria-label": "All trials" }, element("colgroup", {}, ...this.columns.map((c) => this.width(c))), head, this.body);
    this.box = element("div", { class: "rows", tabindex: "0", role: "region", "aria-label": "All trials, scrollable" }, this.table);
    this.one = element("div", { class: "one", "aria-live": "polite", hidden: true });
    host.append(this.box, this.one);
    this.box.addEventListener("scroll", () => this.show());
    this.body.addEventListener("click", (event) => this.clicked(event));
    this.body.addEventListener("keydown", (event) => this.pressed(event));
    choice.listen((what) => (what === "choice" ? this.ask() : this.pointed()));
    this.arrange();
  }

  width(column) {
    const longest = (texts) => Math.max(...texts.map((text) => text.length));
    const letters = column
      ? Math.max(column.name.length + 2, column.levels ? longest([...column.levels.slice(0, 200), ""]) : 10)
      : 8;
    const made = element("col", {});
    made.style.width = Math.min(230, 24 + letters * 7.6) + "px";
    return made;
  }

  head(column, at) {
    const name = column ? column.name : "trial";
    const button = element("button", { type: "button", title: "Sort by " + name }, name);
    button.addEventListener("click", () => {
      const way = this.sort.at === at ? -this.sort.way : column && column.maximize ? -1 : 1;
      this.sort = { at, way };
      this.arrange();
    });
    return element("th", { scope: "col", class: column && !column.levels ? "n" : false }, button);
  }

  // Shows what is chosen, in its turn.
  ask() {
    queue.add(this, this.box, () => this.arrange());
  }

  // All rows in the order that is asked for; trials without a value come last, whichever way.
  inOrder() {
    const { at, way } = this.sort;
    const column = this.columns[at];
    const rows = Array.from({ length: this.sweep.rows }, (_, row) => row);
    if (!column) return way < 0 ? rows.reverse() : rows;
    const { values } = column;
    return rows.sort((a, b) => {
      const [x, y] = [values[a], values[b]];
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y) || a - b;
      return way * (x - y) || a - b;
    });
  }

  arrange() {
    if (this.sort !== this.orderOf) [this.order, this.orderOf] = [this.inOrder(), this.sort];
    const { mask } = this.choice;
    this.rows = this.order.filter((row) => mask[row]);
    const { way } = this.sort;
    this.heads.forEach((head, at) => {
      const order = at !== this.sort.at ? "none" : way > 0 ? "ascending" : "descending";
      head.setAttribute("aria-sort", order);
      const name = this.columns[at] ? this.columns[at].name : "trial";
      head.firstChild.textContent = name + { none: "", ascending: " ↑", descending: " ↓" }[order];
    });
    this.table.setAttribute("aria-rowcount", this.rows.length + 1);
    this.box.scrollTop = 0;
    this.first = -1;
    this.show();
    moment("table");
  }

  show() {
    const inSight = Math.ceil(Math.max(this.box.clientHeight, BOX_HEIGHT) / ROW_HEIGHT);
    const first = Math.max(0, Math.floor(this.box.scrollTop / ROW_HEIGHT) - ROWS_BEYOND);
    if (first === this.first) return;
    this.first = first;
    const last = Math.min(this.rows.length, first + inSight + 2 * ROWS_BEYOND);
    const space = (count) => {
      const cell = element("td", { class: "space", colspan: this.columns.length });
      cell.style.height = count * ROW_HEIGHT + "px";
      return element("tr", { "aria-hidden": "true" }, cell);
    };
    const held = document.activeElement && document.activeElement.dataset ? document.activeElement.dataset.row : undefined;
    const reached = Math.max(0, this.choice.focus < 0 ? 0 : this.rows.indexOf(this.choice.focus));
    const rows = this.rows.slice(first, last).map((row, n) => this.row(row, first + n, first + n === reached));
    this.body.replaceChildren(space(first), ...rows, space(this.rows.length - last));
    if (held !== undefined) this.body.querySelector(`tr[data-row="${Number(held)}"]`)?.focus({ preventScroll: true });
  }

  // A row; one of all can be reached by the keyboard.
  row(row, place, isReached) {
    const cells = this.sweep.columns.map((column) => {
      const text = column.text(row);
      return element("td", { class: column.levels ? false : "n", title: text.length > 20 ? text : false }, text);
    });
    const made = element("tr", { "aria-rowindex": place + 2, tabindex: "-1", "aria-selected": row === this.choice.focus ? "true" : "false" }, element("th", { scope: "row" }, label(row)), ...cells);
    made.dataset.row = row;
    if (isReached) made.tabIndex = 0;
    return made;
  }

  clicked(event) {
    const row = event.target.closest("tr[data-row]");
    if (row) this.choice.point(Number(row.dataset.row));
  }

  pressed(event) {
    const row = event.target.closest("tr[data-row]");
    if (!row) return;
    const at = this.rows.indexOf(Number(row.dataset.row));
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: this.rows.length - 1 }[event.key];
    if (event.key === "Enter" || event.key === " ") this.choice.point(Number(row.dataset.row));
    else if (event.key === "Escape") this.choice.point(-1);
    else if (to === undefined || to < 0 || to >= this.rows.length) return;
    else {
      const top = to * ROW_HEIGHT;
      const room = this.box.clientHeight - 2 * ROW_HEIGHT;
      if (top < this.box.scrollTop) this.box.scrollTop = top;
      if (top > this.box.scrollTop + room) this.box.scrollTop = top - room;
      this.show();
      this.body.querySelector(`tr[data-row="${this.rows[to]}"]`)?.focus({ preventScroll: true });
    }
    event.preventDefault();
  }

  // The trial that is pointed out, with all that is known of it.
  pointed() {
    this.first = -1;
    this.show();
    const row = this.choice.focus;
    this.one.hidden = row < 0;
    if (row < 0) return;
    const pairs = this.sweep.columns.filter((column) => !Number.isNaN(column.values[row]));
    const list = element("dl", {}, ...pairs.map((column) => element("div", {}, element("dt", {}, column.name), element("dd", {}, column.text(row)))));
    const close = element("button", { type: "button", onclick: () => this.choice.point(-1) }, "Close");
    const command = element("code", {}, `sweep show ${label(row)} ${this.sweep.id}`);
    this.one.replaceChildren(element("strong", {}, label(row)), " ", close, list, "Its output and records: ", command);
  }
}
