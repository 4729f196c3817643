// Unfolding: the inside of a box is a picture of its own, on a sheet over the one that it belongs to.

const pictures = [];
const uppermost = () => pictures[pictures.length - 1];
const current = () => uppermost().picture;
const bounds = ({ picture: { data }, x, y }) => ({ left: x, top: y, width: data.width, height: data.height });
const fit = (smoothly = true) => look.fit(bounds(uppermost()), smoothly);

// Put a picture on top, its upper left corner at a point of the world.
function put(data, x = 0, y = 0, name = data.title) {
  const group = draw(world, "g", { transform: `translate(${x} ${y})` }), { width, height } = data;
  if (pictures.length) draw(group, "rect", { class: "sheet", width, height, rx: 12 });
  const before = { x: look.x, y: look.y, scale: look.scale };
  pictures.push({ picture: new Picture(data, group), group, x, y, name, before });
  update();
}

// After another picture came to the top: controls, trail, and who can be reached.
function update() {
  story.pause();
  letGo();
  show(null);
  pictures.forEach(({ group }, k) => group.classList.toggle("behind", k < pictures.length - 1));
  reach([...current().boxes.values()].find(({ data }) => data.card));
  const trail = by("trail");
  trail.hidden = pictures.length < 2;
  trail.replaceChildren();
  pictures.forEach(({ name }, k) => {
    const button = tell(trail, "button", k ? `› ${name}` : name);
    if (k === pictures.length - 1) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => fold(k));
  });
  const close = tell(trail, "button", "×");
  close.title = "Fold (Esc)";
  close.setAttribute("aria-label", "Fold");
  close.addEventListener("click", () => fold());
  toggles();
  seek();
  story.show();
}

function unfold(box) {
  const { inside, x, y, card } = box.data, picture = data.pictures[inside], below = uppermost();
  below.opened = box;
  put(picture, below.x + x - picture.width / 2, below.y + y - picture.height / 2, words(card.title, card.where));
  fit();
}

function fold(down = pictures.length - 2) {
  if (down < 0 || down >= pictures.length - 1) return;
  const closed = pictures.splice(down + 1);
  closed.forEach(({ group }) => group.remove());
  update();
  look.go(closed[0].before);
  focusOn(uppermost().opened);
}

// All cells open, or all closed: the same picture in the other detail.
function swap() {
  const { main, other } = data.pictures;
  if (!other) return;
  const next = pictures[0].picture.data === main ? other : main;
  pictures.splice(0).forEach(({ group }) => group.remove());
  put(next);
  fit();
}

// Make a box the one that Tab goes to.
function reach(box) {
  stage.querySelector('[tabindex="0"]')?.setAttribute("tabindex", -1);
  box?.group.setAttribute("tabindex", 0);
}

function focusOn(box) {
  reach(box);
  box?.group.focus({ preventScroll: true, focusVisible: true });
}

stage.addEventListener("click", ({ target }) => {
  if (dragged) return;
  const item = itemAt(target);
  if (item?.data.inside) unfold(item);
  else if (item) keep(item);
  else if (kept) letGo();
  else if (target === stage) fold();
});
