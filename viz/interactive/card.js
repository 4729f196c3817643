// The card: what is known of the box or the edge under the mouse or under the focus. One that is kept stays and scrolls.

const card = by("card");
let shown = null, kept = false, focusBefore = null;

function tell(parent, name, content, kind) {
  const made = document.createElement(name);
  if (content !== undefined) made.textContent = content;
  if (kind) made.className = kind;
  parent.append(made);
  return made;
}

function fill({ card: { title, where, explained = [], rows = [], table: [head, ...body] = [] }, inside }) {
  card.replaceChildren();
  tell(card, "h2", title);
  if (where && !explained[0]?.startsWith(where)) tell(card, "p", where);
  const lines = explained.length && tell(card, "div", undefined, "explained");
  explained.forEach((line) => tell(lines, "div", line));
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
  const hints = [inside && "click or Enter looks inside", explained.length && `${inside ? "" : "click or "}p keeps this open`];
  if (hints.some(Boolean)) tell(card, "p", hints.filter(Boolean).join(", "), "hint");
}

// Beside the item: at its right, else at its left, else below or above; never over the controls where there is room.
function place({ shape, group }) {
  const { top, bottom } = look.room();
  card.style.maxHeight = `${bottom - top}px`;
  const at = (shape ?? group).getBoundingClientRect(), { width, height } = card.getBoundingClientRect(), gap = 12;
  let [x, y] = [at.right + gap, at.top];
  if (x + width > innerWidth - 8) x = at.left - gap - width;
  if (x < 8) [x, y] = [at.left, at.bottom + gap + height < bottom ? at.bottom + gap : at.top - gap - height];
  x = Math.max(8, Math.min(x, innerWidth - width - 8));
  y = Math.max(8, Math.min(Math.max(y, top), bottom - height));
  card.style.transform = `translate(${x}px, ${y}px)`;
}

function show(item) {
  if (kept) return;
  shown?.group.classList.remove("here");
  shown = item?.data.card ? item : null;
  card.hidden = !shown;
  if (!shown) return;
  fill(item.data);
  place(item);
}

// Keep the card of an item open until it is let go; the focus goes to it, so that keys can scroll it.
function keep(item) {
  if (!item?.data.card) return;
  if (!kept) focusBefore = document.activeElement;
  kept = false;
  show(item);
  kept = true;
  item.group.classList.add("here");
  card.classList.add("kept");
  card.querySelector(".hint")?.remove();
  const close = document.createElement("button");
  close.textContent = "×";
  close.title = "Close (Esc)";
  close.setAttribute("aria-label", "Close");
  close.addEventListener("click", letGo);
  card.prepend(close);
  card.tabIndex = 0;
  card.focus({ preventScroll: true });
}

function letGo() {
  if (!kept) return;
  focusBefore?.focus({ preventScroll: true });
  kept = false;
  card.classList.remove("kept");
  card.removeAttribute("tabindex");
  show(null);
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
