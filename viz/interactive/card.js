// The card: what is known of the box or the edge under the mouse or under the focus.

const card = by("card");
let shown = null;

function tell(parent, name, content, kind) {
  const made = document.createElement(name);
  if (content !== undefined) made.textContent = content;
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

function fill(item) {
  const { title, where, rows = [], table } = item.data.card;
  card.replaceChildren();
  tell(card, "h2", title);
  if (where) tell(card, "p", where);
  const list = tell(card, "dl");
  for (const [name, content] of rows) {
    tell(list, "dt", name);
    tell(list, "dd", content);
  }
  if (table) {
    const made = tell(card, "table"), [head, ...body] = table;
    const row = tell(tell(made, "thead"), "tr");
    head.forEach((name) => tell(row, "th", name, name === "gradient" ? "gradient" : ""));
    const rest = tell(made, "tbody");
    for (const [name, ...cells] of body) {
      const line = tell(rest, "tr");
      tell(line, "th", name);
      cells.forEach((cell, k) => tell(line, "td", cell, head[k + 1] === "gradient" ? "gradient" : ""));
    }
  }
  if (item.data.inside) tell(card, "p", "Click or press Enter to look inside.", "hint");
}

// Beside the item: at its right, else at its left, else below or above.
function place(item) {
  const at = (item.shape ?? item.group).getBoundingClientRect(), own = card.getBoundingClientRect(), gap = 12;
  const clamp = (value, size, room) => Math.max(8, Math.min(value, room - size - 8));
  let x = at.right + gap, y = at.top;
  if (x + own.width > innerWidth - 8) x = at.left - gap - own.width;
  if (x < 8) {
    x = clamp(at.left, own.width, innerWidth);
    y = at.bottom + gap + own.height < innerHeight ? at.bottom + gap : at.top - gap - own.height;
  }
  card.style.transform = `translate(${clamp(x, own.width, innerWidth)}px, ${clamp(y, own.height, innerHeight)}px)`;
}

function show(item) {
  shown?.group.classList.remove("here");
  shown = item?.data.card ? item : null;
  card.hidden = !shown;
  if (!shown) return;
  fill(item);
  place(item);
}

const itemAt = (target) => target.closest?.(".told")?.item ?? null;

stage.addEventListener("pointerover", (event) => {
  if (!dragged || !fingers.size) show(itemAt(event.target));
});
stage.addEventListener("pointerleave", () => show(null));
stage.addEventListener("focusin", (event) => {
  if (!event.target.matches(":focus-visible")) return;
  show(itemAt(event.target));
  shown?.group.classList.add("here");
});
stage.addEventListener("focusout", () => show(null));
