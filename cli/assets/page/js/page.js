// Brings the page to life: reads the data, puts each plot in its place, and keeps to the reader's theme and size.

const PLOTS = {
  parallel(sweep, choice, host) {
    if (axesOf(sweep).length === 0) {
      host.append(element("p", {}, sweep.rows === 1 ? "One trial leaves nothing to compare." : "Nothing differs between the trials."));
      return;
    }
    searchLine(sweep, choice, host);
    const parallel = new Parallel(sweep, choice, host);
    if (sweep.metric) {
      const { key, drawn } = goodnessKey(sweep.metric);
      host.append(key);
      redrawn.push(drawn);
      drawn();
    }
    filterFields(parallel.axes, choice, host);
    const ask = () => queue.add(parallel, parallel.box, () => parallel.draw());
    redrawn.push(ask);
    ask();
  },
  course,
  curves,
  clouds(sweep, choice, host, raw) {
    clouds(sweep, choice, host, raw.ranked);
  },
  front,
  table(sweep, choice, host) {
    searchLine(sweep, choice, host);
    new Table(sweep, choice, host);
  },
};

// What is drawn again when colours or sizes change.
const redrawn = [];

function redrawAll() {
  readColours();
  redrawn.forEach((draw) => draw());
  for (const frame of FRAMES) {
    if (!frame.host.isConnected) FRAMES.delete(frame);
    else frame.ask();
  }
}

function isDark() {
  const asked = document.documentElement.dataset.theme;
  return asked ? asked === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
}

function themes() {
  const button = document.querySelector("[data-do=theme]");
  const show = () => {
    button.textContent = isDark() ? "Light" : "Dark";
  };
  const remember = (theme) => {
    // A page from the disk may have no storage: then it follows the system anew each time.
    try {
      localStorage.setItem("sweep-theme", theme);
    } catch {}
  };
  try {
    const kept = localStorage.getItem("sweep-theme");
    if (kept === "dark" || kept === "light") document.documentElement.dataset.theme = kept;
  } catch {}
  button.hidden = false;
  button.addEventListener("click", () => {
    const theme = isDark() ? "light" : "dark";
    document.documentElement.dataset.theme = theme;
    remember(theme);
    show();
    redrawAll();
  });
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => {
    show();
    redrawAll();
  });
  show();
}

// Paper is light and narrow, whatever the screen is. Browsers lay a page out for paper only after it was asked to get
// ready, so it is made as narrow as paper before.
function printing() {
  const button = document.querySelector("[data-do=print]");
  button.hidden = false;
  button.addEventListener("click", () => window.print());
  let before;
  window.addEventListener("beforeprint", () => {
    before = document.documentElement.dataset.theme;
    document.documentElement.dataset.theme = "light";
    document.documentElement.dataset.paper = "";
    redrawAll();
    queue.flush();
  });
  window.addEventListener("afterprint", () => {
    delete document.documentElement.dataset.paper;
    if (before) document.documentElement.dataset.theme = before;
    else delete document.documentElement.dataset.theme;
    redrawAll();
  });
}

function resizing() {
  let width = document.documentElement.clientWidth;
  let timer;
  window.addEventListener("resize", () => {
    if (document.documentElement.clientWidth === width) return;
    width = document.documentElement.clientWidth;
    clearTimeout(timer);
    timer = setTimeout(redrawAll, 150);
  });
}

// A plot at a time, so that the page answers while it comes to life.
function begin() {
  const raw = JSON.parse(document.getElementById("data").textContent);
  readColours();
  themes();
  printing();
  resizing();
  const sweeps = [];
  raw.forEach((one, n) => {
    queue.add(one, null, () => sweeps.push(new Sweep(one)));
    const hosts = document.querySelectorAll(`[data-sheet="${n}"] [data-place]`);
    let choice;
    for (const host of hosts) {
      queue.add(host, null, () => {
        choice ||= new Choice(sweeps[n]);
        PLOTS[host.dataset.place](sweeps[n], choice, host, one);
      });
    }
    queue.add(hosts, null, (end) => (sweeps[n].read(end) ? "done" : "more"));
  });
  queue.add(sweeps, null, () => {
    const all = document.querySelector("[data-place=all]");
    if (all) together(sweeps, all);
    moment("begun");
  });
}

begin();
