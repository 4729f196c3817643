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

function fill({ card: { title, where, rows = [], table: [head, ...body] = [] }, inside }) {
  card.replaceChildren();
  tell(card, "h2", title);
  if (where) tell(card, "p", where);
  const list = tell(card, "dl");
  for (const [name, content] of rows) {
    tell(list, "dt", name);
    tell(list, "dd", content);
  }
  if (head) {
    const table = tell(card, "table"), kind = (k) => k && k === head.length - 1 && head[k] !== "value" ? "gradient" : "";
    const top = tell(tell(table, "thead"), "tr"), rest = tell(table, "tbody");
    head.forEach((name, k) => tell(top, "th", name, kind(k)));
    for (const cells of body) {
      const line = tell(rest, "tr");
      cells.forEach((cell, k) => tell(line, k ? "td" : "th", cell, kind(k)));
    }
  }
  if (inside) tell(card, "p", "Click or press Enter to look inside.", "hint");
}

// Beside the item: at its right, else at its left, else below or above; never over the controls where there is room.
function place({ shape, group }) {
  const at = (shape ?? group).getBoundingClientRect(), { width, height } = card.getBoundingClientRect(), gap = 12;
  const { top, bottom } = look.room();
  let [x, y] = [at.right + gap, at.top];
  if (x + width > innerWidth - 8) x = at.left - gap - width;
  if (x < 8) [x, y] = [at.left, at.bottom + gap + height < bottom ? at.bottom + gap : at.top - gap - height];
  x = Math.max(8, Math.min(x, innerWidth - width - 8));
  y = Math.max(8, Math.min(Math.max(y, top), bottom - height));
  card.style.transform = `translate(${x}px, ${y}px)`;
}

function show(item) {
  shown?.group.classList.remove("here");
  shown = item?.data.card ? item : null;
  card.hidden = !shown;
  if (!shown) return;
  fill(item.data);
  place(item);
}

const itemAt = (target) => target.closest(".told")?.item ?? null;

stage.addEventListener("pointerover", ({ target }) => fingers.size || show(itemAt(target)));
stage.addEventListener("pointerleave", () => show(null));
stage.addEventListener("focusin", ({ target }) => {
  if (!target.matches(":focus-visible")) return;
  show(itemAt(target));
  shown?.group.classList.add("here");
});
stage.addEventListener("focusout", () => show(null));
