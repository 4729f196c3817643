// The story: step by step through the forward and then the backward pass, in the order in which the engine works.

const slider = by("slider");
const story = {
  timer: 0,

  get steps() {
    return current().data.story;
  },

  // Show a picture of which some steps are done; the last of them is what happens now.
  show(picture = current()) {
    const { data, at, all } = picture, { story: steps } = data;
    const now = all || !at ? null : steps[at - 1];
    const began = this.starts(picture);
    const stamp = (part, todo, active) => {
      part.classList.toggle("todo", todo);
      part.classList.toggle("now", active);
    };
    const later = (first) => !all && first !== undefined && first >= at;
    const [boxes, edges] = [new Set(now?.boxes), new Set(now?.edges)];
    for (const [id, { group }] of picture.boxes) {
      if (!group) continue;
      const first = began.boxes.get(id), back = began.backs.get(id);
      stamp(group, first === undefined ? later(back) : later(first), boxes.has(id));
      group.classList.toggle("unsure", later(back));
    }
    picture.edges.forEach(({ parts }, i) => parts.forEach((part) => stamp(part, later(began.edges.get(i)), edges.has(i))));
    stage.classList.toggle("backward", now?.phase === "backward");
    if (picture === current()) this.report(now);
  },

  // When every box and every edge has its first step, and every box its first of the backward pass.
  starts(picture) {
    if (!picture.starts) {
      picture.starts = { boxes: new Map(), edges: new Map(), backs: new Map() };
      const { boxes, edges, backs } = picture.starts;
      picture.data.story.forEach((step, k) => {
        const back = step.phase === "backward";
        step.boxes.forEach((id) => (back ? backs : boxes).has(id) || (back ? backs : boxes).set(id, k));
        step.edges.forEach((i) => edges.has(i) || edges.set(i, k));
      });
    }
    return picture.starts;
  },

  report(now) {
    const { data, at, all } = current(), total = data.story.length;
    const turn = data.story.filter((step) => step.phase === "forward").length;
    by("steps").hidden = !total;
    slider.max = total;
    slider.value = at;
    slider.style.setProperty("--turn", `${100 * turn / (total || 1)}%`);
    const head = all ? "everything" : now ? `${now.phase} ${at} of ${total}` : `before the first of ${total}`;
    const text = all ? `${turn} steps forward, ${total - turn} back` : now ? now.says : "nothing is computed yet";
    const bold = document.createElement("b");
    bold.textContent = head;
    by("says").replaceChildren(bold, text);
    slider.setAttribute("aria-valuetext", `${head}: ${text}`);
    by("whole").setAttribute("aria-pressed", all);
    by("before").disabled = by("first").disabled = !all && at === 0;
    by("after").disabled = !all && at === total;
  },

  go(at, all = false) {
    const picture = current();
    picture.at = Math.max(0, Math.min(this.steps.length, at));
    picture.all = all;
    this.show();
    const now = all ? [] : this.steps[picture.at - 1]?.boxes ?? [];
    look.follow(now.map((id) => picture.boxes.get(id).group).filter(Boolean).map((group) => group.getBoundingClientRect()));
  },

  step(by) {
    this.pause();
    const { at, all } = current();
    this.go(all ? (by > 0 ? 1 : this.steps.length - 1) : at + by);
  },

  play() {
    if (this.timer) return this.pause();
    const { at, all } = current(), total = this.steps.length;
    if (!total) return;
    this.go(all || at === total ? 0 : at);
    const tick = () => {
      this.go(current().at + 1);
      if (current().at === this.steps.length) this.pause();
    };
    this.timer = setInterval(tick, Math.max(70, Math.min(850, 40000 / total)));
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
