// Controls: every button has a key, and every key a button.

const data = JSON.parse(by("data").textContent);
Object.values(data.pictures).flatMap(({ boxes, edges }) => [...boxes, ...edges]).forEach((item) => {
  item.card = data.cards[item.card];
  item.emphasis ??= "normal";
  item.lines ??= [];
});
const off = new Set();

function toggles() {
  for (const id of ["flow", "back", "value"]) stage.classList.toggle(`no-${id === "value" ? "values" : id}`, off.has(id));
  current().arrange(off);
  by("flow").setAttribute("aria-pressed", !off.has("flow"));
  by("back").setAttribute("aria-pressed", !off.has("back"));
  by("values").setAttribute("aria-pressed", !off.has("value"));
  by("back").hidden = !stage.querySelector(".back");
  by("values").hidden = !stage.querySelector(".value");
  by("cells").hidden = !data.pictures.other;
  by("cells").setAttribute("aria-pressed", data.open === (pictures[0].picture.data === data.pictures.main));
}

function toggle(what) {
  off.has(what) ? off.delete(what) : off.add(what);
  toggles();
}

const dark = matchMedia("(prefers-color-scheme: dark)");
const colours = { names: ["auto", ...data.themes], at: data.themes.indexOf(data.theme) + 1 };

function paint() {
  const name = colours.names[colours.at];
  document.documentElement.dataset.theme = name === "auto" ? (dark.matches ? "dark" : "light") : name;
  by("colours").setAttribute("aria-label", `Colours: ${name === "auto" ? "as the system" : name}`);
}

function nextColours() {
  colours.at = (colours.at + 1) % colours.names.length;
  paint();
}

function help() {
  by("keys").open ? by("keys").close() : by("keys").showModal();
}

// From box to box: the nearest in the direction of the arrow, or a move of the picture where none has the focus.
function arrow(dx, dy) {
  const box = document.activeElement?.item;
  if (!box?.data.id) return look.move(-60 * dx, -60 * dy);
  let best = null, least = Infinity;
  for (const other of current().boxes.values()) {
    const [x, y] = [other.data.x - box.data.x, other.data.y - box.data.y];
    const along = x * dx + y * dy, aside = Math.abs(x * dy) + Math.abs(y * dx);
    if (other.data.card && other !== box && along > 1 && along + 2.5 * aside < least) {
      least = along + 2.5 * aside;
      best = other;
    }
  }
  if (!best) return;
  focusOn(best);
  look.follow([best.group.getBoundingClientRect()]);
}

// The edges of the box that has the focus, one after the other.
function nextEdge(step) {
  const box = document.activeElement?.item;
  if (!box?.data.id) return;
  const own = current().edges.filter(({ data: { source, target, card } }) => card && [source, target].includes(box.data.id));
  if (!own.length) return;
  const at = own.indexOf(shown);
  const edge = own[at < 0 ? (step > 0 ? 0 : own.length - 1) : (at + step + own.length) % own.length];
  show(edge);
  edge.group.classList.add("here");
  by("says").replaceChildren(say([edge.data.card.title, edge.data.card.where]));
}

function enter() {
  const box = document.activeElement?.item;
  if (box?.data.inside) unfold(box);
}

function escape() {
  if (shown && !document.activeElement?.item) return show(null);
  fold();
}

const KEYS = {
  " ": () => story.play(), ",": () => story.step(-1), ".": () => story.step(1),
  Home: () => (story.pause(), story.go(0)), End: () => (story.pause(), story.go(story.steps.length)),
  a: () => (story.pause(), story.go(story.steps.length, true)),
  "+": () => look.zoom(1.25), "=": () => look.zoom(1.25), "-": () => look.zoom(0.8), f: () => fit(), 0: () => fit(),
  ArrowLeft: () => arrow(-1, 0), ArrowRight: () => arrow(1, 0), ArrowUp: () => arrow(0, -1), ArrowDown: () => arrow(0, 1),
  Enter: enter, Escape: escape, e: () => nextEdge(1), E: () => nextEdge(-1), "/": () => query.focus(),
  w: () => toggle("flow"), g: () => toggle("back"), v: () => toggle("value"), o: swap, t: nextColours, "?": help,
};
const BUTTONS = {
  play: " ", before: ",", after: ".", first: "Home", whole: "a", closer: "+", farther: "-", fit: "f", flow: "w", back: "g",
  values: "v", cells: "o", colours: "t", help: "?",
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || by("keys").open || event.target === query) return;
  if (event.target === slider && /^(Arrow|Home|End)/.test(event.key)) return;
  if (event.target.matches("button") && [" ", "Enter"].includes(event.key)) return;
  const act = KEYS[event.key] ?? KEYS[event.key.toLowerCase()];
  if (!act) return;
  event.preventDefault();
  act();
});
Object.entries(BUTTONS).forEach(([id, key]) => by(id).addEventListener("click", () => KEYS[key]()));
slider.addEventListener("input", () => (story.pause(), story.go(Number(slider.value))));
dark.addEventListener("change", paint);
addEventListener("resize", () => fit(false));
addEventListener("beforeprint", () => {
  const { left, top, width, height } = bounds(pictures[pictures.length - 1]);
  stage.setAttribute("viewBox", `${left} ${top} ${width} ${height}`);
  world.removeAttribute("transform");
});
addEventListener("afterprint", () => (stage.removeAttribute("viewBox"), look.apply()));

document.title = by("title").textContent = data.pictures.main.title;
by("description").textContent = data.pictures.main.description;
paint();
put(data.pictures.main);
fit(false);
