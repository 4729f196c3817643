// Unfolding: the inside of a box is a picture of its own, on a sheet over the one that it belongs to.

const pictures = [];
const current = () => pictures[pictures.length - 1].picture;

const bounds = ({ picture, dx, dy }) => ({ left: dx, top: dy, width: picture.data.width, height: picture.data.height });
const fit = (smoothly) => look.fit(bounds(pictures[pictures.length - 1]), smoothly);

function put(data, dx = 0, dy = 0, name = "") {
  const group = draw(world, "g", { transform: `translate(${dx} ${dy})` });
  if (pictures.length) draw(group, "rect", { class: "sheet", width: data.width, height: data.height, rx: 12 });
  const picture = new Picture(data, group);
  if (pictures.length) picture.group.classList.add("new");
  pictures.push({ picture, group, dx, dy, name, before: { x: look.x, y: look.y, scale: look.scale } });
  update();
}

// After another picture came to the top: controls, trail, and who can be reached.
function update() {
  story.pause();
  pictures.forEach(({ group }, k) => group.classList.toggle("behind", k < pictures.length - 1));
  const reach = [...current().boxes.values()].filter((box) => box.data.card);
  stage.querySelectorAll('[tabindex="0"]').forEach((each) => each.setAttribute("tabindex", -1));
  reach[0]?.group.setAttribute("tabindex", 0);
  const trail = by("trail");
  trail.hidden = pictures.length < 2;
  trail.replaceChildren();
  pictures.forEach(({ name, picture }, k) => {
    const button = tell(trail, "button", `${k ? "› " : ""}${name || picture.data.title}`);
    button.disabled = k === pictures.length - 1;
    button.addEventListener("click", () => fold(k));
  });
  if (pictures.length > 1) {
    const close = tell(trail, "button", "×");
    close.title = "Fold (Esc)";
    close.setAttribute("aria-label", "Fold");
    close.addEventListener("click", () => fold());
  }
  show(null);
  toggles();
  story.show();
}

function unfold(box) {
  const inside = data.pictures[box.data.inside];
  if (!inside || !current().boxes.has(box.data.id)) return;
  const top = pictures[pictures.length - 1];
  top.opened = box;
  const { title, where } = box.data.card;
  put(inside, top.dx + box.data.x - inside.width / 2, top.dy + box.data.y - inside.height / 2, `${title} ${where}`);
  fit();
}

function fold(down = pictures.length - 2) {
  if (down < 0 || down >= pictures.length - 1) return;
  const { before } = pictures[down + 1];
  pictures.splice(down + 1).forEach(({ group }) => group.remove());
  update();
  look.go(before);
  focusOn(pictures[down].opened);
}

// All cells open, or all closed: the same picture in the other detail.
function swap() {
  if (!data.pictures.other) return;
  const open = pictures[0].picture.data === data.pictures.other;
  pictures.splice(0).forEach(({ group }) => group.remove());
  put(open ? data.pictures.main : data.pictures.other);
  fit();
}

function focusOn(box) {
  if (!box?.group) return;
  stage.querySelectorAll('[tabindex="0"]').forEach((each) => each.setAttribute("tabindex", -1));
  box.group.setAttribute("tabindex", 0);
  box.group.focus({ preventScroll: true, focusVisible: true });
}

stage.addEventListener("click", (event) => {
  if (dragged) return;
  const item = itemAt(event.target);
  if (item?.data.inside) unfold(item);
  else if (!item && !event.target.closest(".sheet") && pictures.length > 1) fold();
});
