// Controls: every button has a key.

const data = unpack(JSON.parse(by("data").textContent));
Object.values(data.pictures).flatMap(({ boxes, edges }) => [...boxes, ...edges]).forEach((item) => {
  item.emphasis ??= "normal";
  item.lines ??= [];
});

const off = new Set();  // what is not shown

function toggles() {
  for (const part of ["flow", "back", "value"]) {
    stage.classList.toggle(`no-${part}`, off.has(part));
    by(part).setAttribute("aria-pressed", !off.has(part));
    by(part).hidden = !stage.querySelector(`.${part}`);
  }
  current().arrange(off);
  by("cells").hidden = !data.pictures.other;
  by("cells").setAttribute("aria-pressed", data.open === (pictures[0].picture.data === data.pictures.main));
}

function toggle(part) {
  off.delete(part) || off.add(part);
  toggles();
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const themes = ["", ...data.themes];
let theme = data.theme;

function paint() {
  document.documentElement.dataset.theme = theme || (dark.matches ? "dark" : "light");
  by("colours").setAttribute("aria-label", `Colours: ${theme || "as the system"}`);
}

function recolour() {
  theme = themes[(themes.indexOf(theme) + 1) % themes.length];
  paint();
}

const focused = () => document.activeElement.item;

// From box to box: to the nearest in the direction of the arrow; without a box that has the focus, the picture moves.
function arrow(dx, dy) {
  const box = focused();
  if (!box) return look.move(-60 * dx, -60 * dy);
  const far = ({ data }) => {
    const [x, y] = [data.x - box.data.x, data.y - box.data.y], along = x * dx + y * dy;
    return data.card && along > 1 ? along + 2.5 * Math.abs(x * dy + y * dx) : Infinity;
  };
  const next = [...current().boxes.values()].reduce((a, b) => far(b) < far(a) ? b : a);
  if (far(next) === Infinity) return;
  focusOn(next);
  look.follow([next.group]);
}

// The edges of the box that has the focus, one after the other.
function nextEdge(step) {
  const id = focused()?.data.id;
  const own = current().edges.filter(({ data }) => id && data.card && [data.source, data.target].includes(id));
  if (!own.length) return;
  const at = own.indexOf(shown), edge = own[at < 0 ? 0 : (at + step + own.length) % own.length];
  show(edge);
  edge.group.classList.add("here");
  by("says").textContent = words(BACK.includes(edge.data.kind) && "gradient of", edge.data.card.title, edge.data.card.where);
}

const KEYS = {
  " ": () => story.play(), ",": () => story.step(-1), ".": () => story.step(1),
  Home: () => (story.pause(), story.go(0)), End: () => (story.pause(), story.go(story.steps.length)),
  a: () => (story.pause(), story.go(story.steps.length, true)),
  "+": () => look.zoom(1.25), "=": () => look.zoom(1.25), "-": () => look.zoom(0.8), f: () => fit(), 0: () => fit(),
  ArrowLeft: () => arrow(-1, 0), ArrowRight: () => arrow(1, 0), ArrowUp: () => arrow(0, -1), ArrowDown: () => arrow(0, 1),
  Enter: () => focused()?.data.inside && unfold(focused()), Escape: () => kept ? letGo() : fold(),
  p: () => kept ? letGo() : keep(shown ?? focused()), e: () => nextEdge(1), E: () => nextEdge(-1), "/": () => query.focus(),
  w: () => toggle("flow"), g: () => toggle("back"), v: () => toggle("value"), o: swap, t: recolour,
  "?": () => by("keys").showModal(),
};
const BUTTONS = {
  play: " ", before: ",", after: ".", first: "Home", whole: "a", closer: "+", farther: "-", fit: "f", flow: "w", back: "g",
  value: "v", cells: "o", colours: "t", help: "?",
};

document.addEventListener("keydown", (event) => {
  const { key, target } = event;
  if (event.ctrlKey || event.metaKey || event.altKey || by("keys").open || target === query) return;
  if (target === slider && /^(Arrow|Home|End)/.test(key)) return;
  if (card.contains(target) && /^(Arrow|Home|End|Page| )/.test(key)) return;
  if (target.matches("button") && [" ", "Enter"].includes(key)) return;
  if (!KEYS[key]) return;
  event.preventDefault();
  KEYS[key]();
});
Object.entries(BUTTONS).forEach(([id, key]) => by(id).addEventListener("click", KEYS[key]));
slider.addEventListener("input", () => (story.pause(), story.go(Number(slider.value))));
dark.addEventListener("change", paint);
addEventListener("resize", () => fit(false));
addEventListener("beforeprint", () => {
  const { left, top, width, height } = bounds(uppermost());
  stage.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  world.removeAttribute("transform");
});
addEventListener("afterprint", () => (stage.removeAttribute("viewBox"), look.apply()));

document.title = by("title").textContent = data.pictures.main.title;
by("description").textContent = data.pictures.main.description;
paint();
put(data.pictures.main);
fit(false);
