// Search: boxes whose name or path holds what was typed are marked, and brought to the middle one after the other.

const query = by("query"), found = by("found"), NEAR = 0.9;
let hits = [], hit = 0;

function seek() {
  const wanted = query.value.trim().toLowerCase();
  const holds = ({ data: { card } }) => card && words(card.title, card.where).toLowerCase().includes(wanted);
  hits.forEach(({ group }) => group.classList.remove("match"));
  hits = wanted ? [...current().boxes.values()].filter(holds) : [];
  hits.forEach(({ group }) => group.classList.add("match"));
  hit = 0;
  found.textContent = wanted ? "none" : "";
  visit(0);
}

function visit(step) {
  if (!hits.length) return;
  hit = (hit + step + hits.length) % hits.length;
  found.textContent = `${hit + 1} of ${hits.length}`;
  const { data } = hits[hit], { x, y } = uppermost();
  look.centre(x + data.x, y + data.y, Math.max(look.scale, NEAR));
}

query.addEventListener("input", seek);
by("search").addEventListener("submit", (event) => event.preventDefault());
query.addEventListener("keydown", ({ key, shiftKey }) => {
  if (key === "Enter") visit(shiftKey ? -1 : 1);
  if (key !== "Escape") return;
  const box = hits[hit];
  query.value = "";
  seek();
  query.blur();
  if (box) focusOn(box);
});
