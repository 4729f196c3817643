// Pictures: SVG made of plain data. Names come from users; they become text, and nothing but text.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const LINE_HEIGHT = 1.25, BASELINE = 0.36, DOUBLE = 4;
const BACK = ["gradient", "zero", "bad"];  // the kinds of edges that carry gradients

const by = (id) => document.getElementById(id);
const words = (...parts) => parts.filter(Boolean).join(" ");

function draw(parent, name, attributes, content) {
  const made = document.createElementNS(SVG, name);
  Object.entries(attributes).forEach(([key, value]) => made.setAttribute(key, value));
  if (content) made.textContent = content;
  parent.append(made);
  return made;
}

function write(parent, { content, size, bold, italic }, x, y, anchor, kind) {
  return draw(parent, "text", {
    x, y: y + BASELINE * size, class: kind, "text-anchor": anchor, "font-size": size,
    "font-weight": bold ? "bold" : "normal", "font-style": italic ? "italic" : "normal",
  }, content);
}

class Picture {
  constructor(data, parent) {
    this.data = data;
    this.at = data.story.length;  // how many steps are done
    this.all = true;  // everything is shown, whatever the step
    this.group = draw(parent, "g", { class: "picture" });
    this.boxes = new Map();
    data.frames.forEach((frame) => this.frame(frame));
    const [edges, boxes, labels] = [0, 1, 2].map(() => draw(this.group, "g", {}));
    this.edges = data.edges.map((edge) => this.edge(edge, edges, labels));
    for (const emphasis of ["normal", "highlight"]) {  // above what is less important
      this.edges.filter(({ data }) => data.emphasis === emphasis).forEach(({ group }) => edges.append(group));
    }
    data.boxes.forEach((box) => this.boxes.set(box.id, box.kind === "anchor" ? { data: box } : this.box(box, boxes)));
    data.texts.forEach((text) => write(labels, text, text.x, text.y, text.anchor, words("text", text.role)));
  }

  frame({ left: x, top: y, width, height, kind, title, size }) {
    const group = draw(this.group, "g", { class: words("frame", kind) });
    draw(group, "rect", { x, y, width, height, rx: kind === "layer" ? 0 : 8 });
    if (title) write(group, { content: title, size, bold: true }, x + 8, y + 6 + size / 2, "start", "");
  }

  edge(data, parent, labels) {
    const { kind, emphasis, card, line, head, label, width, strength } = data, way = BACK.includes(kind) ? "back" : "flow";
    const group = draw(parent, "g", { class: words("edge", kind, way, emphasis, card && "told") });
    group.style.setProperty("--w", emphasis === "highlight" ? 1.8 * width : width);
    group.style.setProperty("--s", `${100 * strength}%`);
    if (card) draw(group, "path", { class: "near", d: line });
    draw(group, "path", { class: "line", d: line });
    if (head) draw(group, "path", { class: "head", d: head });
    const parts = [group];
    if (label) parts.push(write(labels, label, label.x, label.y, label.anchor, words("label text", label.role, way)));
    return group.item = { data, group, parts };
  }

  box(data, parent) {
    const { kind, x, y, width, height, emphasis, card, inside, double } = data;
    const own = words("box", kind, kind === "gradient" && "back", emphasis, card && "told", inside && "opens");
    const group = draw(parent, "g", { class: own });
    const shape = this.shape(group, data, width, height);
    if (double) this.shape(group, data, width - 2 * DOUBLE, height - 2 * DOUBLE).classList.add("second");
    const lines = data.lines.map((line, i) => {
      const part = line.role === "gradient" ? "back" : i && line.role === "auto" ? "value" : "";
      return { line, part, text: write(group, line, x, y, "middle", words(line.role, part)) };
    });
    if (inside) draw(group, "path", { class: "corner", d: `M${x + width / 2 - 11} ${y - height / 2 + 6}h5v5m0 -5l-6 6` });
    if (card) {
      const name = words(card.title, card.where, ...data.lines.slice(1).map(({ content }) => content));
      const known = { tabindex: -1, role: inside ? "button" : "img", "aria-label": name, "aria-describedby": "card" };
      Object.entries(known).forEach(([key, value]) => group.setAttribute(key, value));
    }
    return group.item = { data, group, shape, lines };
  }

  shape(group, { x, y, shape, corner }, width, height) {
    const [left, top] = [x - width / 2, y - height / 2];
    if (shape === "circle") return draw(group, "ellipse", { class: "shape", cx: x, cy: y, rx: width / 2, ry: height / 2 });
    if (shape === "diamond") {
      const d = `M${x} ${top}L${x + width / 2} ${y}L${x} ${top + height}L${left} ${y}Z`;
      return draw(group, "path", { class: "shape", d });
    }
    return draw(group, "rect", { class: words("shape", shape), x: left, y: top, width, height, rx: corner || 0 });
  }

  // Put the lines that are shown in the middle of their boxes.
  arrange(off) {
    for (const { data, lines = [] } of this.boxes.values()) {
      const shown = lines.filter(({ part }) => !off.has(part));
      let y = data.y - shown.reduce((sum, { line }) => sum + line.size, 0) * LINE_HEIGHT / 2;
      for (const { line, text } of shown) {
        text.setAttribute("y", y + line.size * (LINE_HEIGHT / 2 + BASELINE));
        y += line.size * LINE_HEIGHT;
      }
    }
  }
}
