// Where one looks from: zoom with the wheel, the buttons, the keys or two fingers; move by dragging.

const stage = by("stage"), world = by("world");
const still = matchMedia("(prefers-reduced-motion: reduce)");
const SMALLEST = 0.02, LARGEST = 12, USUAL = 1.6;

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
    const [top, side, steps] = ["top", "side", "steps"].map((id) => by(id).getBoundingClientRect());
    const low = steps.height ? steps.top : innerHeight;
    return { left: 12, top: top.bottom + 8, right: side.left - 8, bottom: Math.max(low - 8, top.bottom + 48) };
  },

  // Put a point of the picture into the middle of the room.
  centre(x, y, scale, smoothly = true) {
    const room = this.room();
    this.go({ scale, x: (room.left + room.right) / 2 - scale * x, y: (room.top + room.bottom) / 2 - scale * y }, smoothly);
  },

  fit({ left, top, width, height }, smoothly) {
    const room = this.room();
    const scale = Math.min(USUAL, (room.right - room.left) / width, (room.bottom - room.top) / height);
    this.centre(left + width / 2, top + height / 2, scale, smoothly);
  },

  // Move as little as brings some boxes into the room, and not at all where they do not fit.
  follow(groups) {
    if (!groups.length) return;
    const room = this.room(), all = groups.map((group) => group.getBoundingClientRect());
    const slide = (low, high) => {
      const first = Math.min(...all.map((each) => each[low])), last = Math.max(...all.map((each) => each[high]));
      if (last - first > room[high] - room[low]) return 0;
      return Math.max(0, room[low] - first) - Math.max(0, last - room[high]);
    };
    const dx = slide("left", "right"), dy = slide("top", "bottom");
    if (dx || dy) this.go({ x: this.x + dx, y: this.y + dy, scale: this.scale });
  },

  go(aim, smoothly = true) {
    this.stop();
    const from = { x: this.x, y: this.y, scale: this.scale }, begin = performance.now();
    const frame = (now) => {
      const time = smoothly && !still.matches ? Math.min(1, Math.max(0, now - begin) / 240) : 1;
      const rest = (1 - time) ** 3;
      for (const key of ["x", "y", "scale"]) this[key] = aim[key] + (from[key] - aim[key]) * rest;
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
  const turned = Math.max(-120, Math.min(120, event.deltaY * (event.deltaMode ? 30 : 1)));
  look.zoom(Math.exp(-turned * (event.ctrlKey ? 0.01 : 0.0025)), event.clientX, event.clientY);
}, { passive: false });

const fingers = new Map();
let dragged = false;

stage.addEventListener("pointerdown", ({ button, pointerId, clientX: x, clientY: y }) => {
  if (button) return;
  if (!fingers.size) dragged = false;
  fingers.set(pointerId, { x, y, from: [x, y] });
});

stage.addEventListener("pointermove", ({ pointerId, clientX: x, clientY: y }) => {
  const finger = fingers.get(pointerId);
  if (!finger || (!dragged && Math.hypot(x - finger.from[0], y - finger.from[1]) < 4)) return;
  if (!dragged) fingers.forEach((_, id) => stage.setPointerCapture(id));
  dragged = true;
  stage.classList.add("dragged");
  const other = [...fingers].find(([id]) => id !== pointerId)?.[1];
  if (other) {
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    look.zoom(apart({ x, y }) / apart(finger), (x + other.x) / 2, (y + other.y) / 2);
  }
  look.move((x - finger.x) / fingers.size, (y - finger.y) / fingers.size);
  Object.assign(finger, { x, y });
});

["pointerup", "pointercancel"].forEach((kind) => stage.addEventListener(kind, ({ pointerId }) => {
  fingers.delete(pointerId);
  if (!fingers.size) stage.classList.remove("dragged");
}));
