// Where one looks from: zoom with the wheel, the buttons, the keys or two fingers; move by dragging.

const stage = by("stage"), world = by("world");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SMALLEST = 0.02, LARGEST = 12;

const look = {
  x: 0, y: 0, scale: 1, moving: 0,

  apply() {
    world.setAttribute("transform", `translate(${this.x} ${this.y}) scale(${this.scale})`);
    stage.style.setProperty("--thin", 1 / this.scale);
  },

  // Zoom so that what is under a point of the window stays there.
  zoom(factor, x = innerWidth / 2, y = innerHeight / 2) {
    this.stop();
    const scale = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    this.x = x - (x - this.x) * scale / this.scale;
    this.y = y - (y - this.y) * scale / this.scale;
    this.scale = scale;
    this.apply();
  },

  move(dx, dy) {
    this.stop();
    this.x += dx;
    this.y += dy;
    this.apply();
  },

  // The part of the window that no control covers.
  room() {
    const top = by("top").getBoundingClientRect().bottom + 8;
    const bottom = by("steps").hidden ? innerHeight - 8 : by("steps").getBoundingClientRect().top - 8;
    return { left: 12, top, right: by("side").getBoundingClientRect().left - 8, bottom: Math.max(bottom, top + 40) };
  },

  fit({ left, top, width, height }, smoothly = true) {
    const room = this.room();
    const [wide, high] = [room.right - room.left, room.bottom - room.top];
    const scale = Math.min(LARGEST, 1.6, wide / width, high / height);
    this.go({
      scale,
      x: (room.left + room.right - scale * width) / 2 - scale * left,
      y: (room.top + room.bottom - scale * height) / 2 - scale * top,
    }, smoothly);
  },

  // Bring a point into the middle, and near enough to be read.
  centre({ x, y }) {
    const room = this.room(), scale = Math.max(this.scale, 0.9);
    this.go({ scale, x: (room.left + room.right) / 2 - scale * x, y: (room.top + room.bottom) / 2 - scale * y });
  },

  // Move as little as brings some boxes into the room, and not at all where they are in it or do not fit.
  follow(rectangles) {
    if (!rectangles.length) return;
    const room = this.room();
    const slide = (low, high, first, last) => {
      const size = Math.max(...high) - Math.min(...low);
      if (size > last - first) return 0;
      return Math.max(0, first - Math.min(...low)) - Math.max(0, Math.max(...high) - last);
    };
    const dx = slide(rectangles.map((r) => r.left), rectangles.map((r) => r.right), room.left, room.right);
    const dy = slide(rectangles.map((r) => r.top), rectangles.map((r) => r.bottom), room.top, room.bottom);
    if (dx || dy) this.go({ x: this.x + dx, y: this.y + dy, scale: this.scale });
  },

  go(aim, smoothly = true) {
    this.stop();
    const from = { x: this.x, y: this.y, scale: this.scale }, begin = performance.now();
    const frame = (now) => {
      const time = smoothly && !still.matches ? Math.min(1, Math.max(0, now - begin) / 240) : 1;
      const eased = 1 - (1 - time) ** 3;
      for (const key of ["x", "y", "scale"]) this[key] = time < 1 ? from[key] + (aim[key] - from[key]) * eased : aim[key];
      this.apply();
      this.moving = time < 1 ? requestAnimationFrame(frame) : 0;
    };
    frame(begin);
  },

  stop() {
    cancelAnimationFrame(this.moving);
    this.moving = 0;
  },
};

stage.addEventListener("wheel", (event) => {
  event.preventDefault();
  const unit = event.deltaMode ? 30 : 1;
  look.zoom(Math.exp(-Math.max(-120, Math.min(120, event.deltaY * unit)) * (event.ctrlKey ? 0.01 : 0.0025)), event.clientX, event.clientY);
}, { passive: false });

const fingers = new Map();
let dragged = false;

function lift(event) {
  fingers.delete(event.pointerId);
  if (!fingers.size) stage.classList.remove("dragged");
}

stage.addEventListener("pointerdown", (event) => {
  if (event.button) return;
  if (!fingers.size) dragged = false;
  fingers.set(event.pointerId, { x: event.clientX, y: event.clientY, from: [event.clientX, event.clientY] });
});

stage.addEventListener("pointermove", (event) => {
  const finger = fingers.get(event.pointerId);
  if (!finger) return;
  const [x, y] = [event.clientX, event.clientY];
  if (!dragged && Math.hypot(x - finger.from[0], y - finger.from[1]) < 4) return;
  if (!dragged) {
    dragged = true;
    stage.classList.add("dragged");
    fingers.forEach((_, id) => stage.setPointerCapture(id));
  }
  const other = [...fingers].find(([id]) => id !== event.pointerId)?.[1];
  if (other) {
    const spread = (a) => Math.hypot(a.x - other.x, a.y - other.y) || 1;
    look.zoom(spread({ x, y }) / spread(finger), (x + other.x) / 2, (y + other.y) / 2);
  }
  look.move((x - finger.x) / fingers.size, (y - finger.y) / fingers.size);
  Object.assign(finger, { x, y });
});

["pointerup", "pointercancel"].forEach((kind) => stage.addEventListener(kind, lift));
