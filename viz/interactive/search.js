// Search: boxes whose name or path holds what was typed are marked, and brought to the middle one after the other.

const query = by("query"), found = by("found");
const search = { hits: [], at: 0 };

function seek() {
  const wanted = query.value.trim().toLowerCase();
  search.hits.forEach((box) => box.group.classList.remove("match"));
  const holds = ({ data, group }) => group && data.card && say([data.card.title, data.card.where]).toLowerCase().includes(wanted);
  search.hits = wanted ? [...current().boxes.values()].filter(holds) : [];
  search.hits.forEach((box) => box.group.classList.add("match"));
  search.at = 0;
  visit();
}

function visit(step = 0) {
  const { hits } = search;
  found.textContent = query.value.trim() ? (hits.length ? "" : "none") : "";
  if (!hits.length) return show(null);
  search.at = (search.at + step + hits.length) % hits.length;
  found.textContent = `${search.at + 1} of ${hits.length}`;
  const box = hits[search.at], { dx, dy } = pictures[pictures.length - 1];
  look.centre({ x: dx + box.data.x, y: dy + box.data.y });
  show(box);
  setTimeout(() => shown === box && place(box), still.matches ? 0 : 260);
}

query.addEventListener("input", seek);
by("search").addEventListener("submit", (event) => event.preventDefault());
query.addEventListener("keydown", (event) => {
  if (event.key === "Enter") visit(event.shiftKey ? -1 : 1);
  if (event.key === "Escape") {
    const hit = search.hits[search.at];
    query.value = "";
    seek();
    query.blur();
    focusOn(hit);
  }
});
