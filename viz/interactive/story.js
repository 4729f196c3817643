// The story: step by step through the forward and then the backward pass, in the order in which the engine works.

const slider = by("slider");

// When every box and every edge has its first step, and every box its first of the backward pass.
function beginnings({ story }) {
  const first = { boxes: new Map(), backs: new Map(), edges: new Map() };
  const note = (map, keys, k) => keys.forEach((key) => map.has(key) || map.set(key, k));
  story.forEach(({ phase, boxes, edges }, k) => {
    note(phase === "backward" ? first.backs : first.boxes, boxes, k);
    note(first.edges, edges, k);
  });
  return first;
}

const story = {
  timer: 0,

  get steps() {
    return current().data.story;
  },

  // Show the picture as it is when some steps are done; the last of them is what happens now.
  show() {
    const picture = current(), { at, all, boxes, edges } = picture;
    const now = all || !at ? null : this.steps[at - 1];
    const first = picture.first ??= beginnings(picture.data);
    const later = (k) => !all && k >= at;
    const mark = (part, todo, active) => {
      part.classList.toggle("todo", todo);
      part.classList.toggle("now", active);
    };
    const busy = { boxes: new Set(now?.boxes), edges: new Set(now?.edges) };
    for (const [id, { group }] of boxes) {
      if (!group) continue;
      const back = first.backs.get(id);
      mark(group, later(first.boxes.get(id) ?? back), busy.boxes.has(id));
      group.classList.toggle("unsure", later(back));
    }
    edges.forEach(({ parts }, i) => parts.forEach((part) => mark(part, later(first.edges.get(i)), busy.edges.has(i))));
    stage.classList.toggle("backward", now?.phase === "backward");
    this.report(at, all, now);
  },

  report(at, all, now) {
    const total = this.steps.length, turn = this.steps.filter(({ phase }) => phase === "forward").length;
    by("steps").hidden = !total;
    slider.max = total;
    slider.value = at;
    slider.style.setProperty("--turn", `${100 * turn / (total || 1)}%`);
    const head = all ? "everything" : now ? `${now.phase} ${at} of ${total}` : `before the first of ${total}`;
    const text = all ? `${turn} steps forward, ${total - turn} back` : now ? now.says : "nothing is computed yet";
    by("says").replaceChildren();
    tell(by("says"), "b", head);
    by("says").append(text);
    slider.setAttribute("aria-valuetext", `${head}: ${text}`);
    by("whole").setAttribute("aria-pressed", all);
    by("before").disabled = by("first").disabled = !all && !at;
    by("after").disabled = !all && at === total;
  },

  // Go to a step, or show all of them.
  go(at, all = false) {
    const picture = current();
    Object.assign(picture, { at: Math.max(0, Math.min(this.steps.length, at)), all });
    this.show();
    const now = all ? [] : this.steps[picture.at - 1]?.boxes ?? [];
    look.follow(now.map((id) => picture.boxes.get(id).group).filter(Boolean));
  },

  step(way) {
    this.pause();
    const { at, all } = current();
    this.go(all ? (way > 0 ? 1 : this.steps.length - 1) : at + way);
  },

  play() {
    if (this.timer) return this.pause();
    const { at, all } = current(), total = this.steps.length;
    if (!total) return;
    if (all || at === total) this.go(0);
    this.timer = setInterval(() => {
      this.go(current().at + 1);
      if (current().at === total) this.pause();
    }, Math.max(70, Math.min(850, 40000 / total)));
    this.sign("M4 2h3v12H4zM9 2h3v12H9z", "Pause");
  },

  pause() {
    clearInterval(this.timer);
    this.timer = 0;
    this.sign("M4 2v12l9-6z", "Play");
  },

  sign(path, name) {
    by("sign").setAttribute("d", path);
    by("play").setAttribute("aria-label", name);
    by("play").title = `${name} (space)`;
  },
};
