// Pictures: SVG made of plain data. Names come from users; they become text, and nothing but text.
"use strict";

const SVG = "http://www.w3.org/2000/svg";
const LINE_HEIGHT = 1.25, BASELINE = 0.36;

const by = (id) => document.getElementById(id);
const say = (items) => items.filter(Boolean).join(", ");

function draw(parent, name, attributes, content) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (content !== undefined) made.textContent = content;
  parent.append(made);
  return made;
}

function write(parent, text, x, y, anchor, kind) {
  return draw(parent, "text", {
    x, y: y + BASELINE * text.size, "text-anchor": anchor, class: kind, "font-size": text.size,
    "font-weight": text.bold ? "bold" : "normal", "font-style": text.italic ? "italic" : "normal",
  }, text.content);
}

class Picture {
  constructor(data, parent) {
    this.data = data;
    this.at = data.story.length;  // how many steps are done
    this.all = true;  // everything is shown, whatever the step
    this.group = draw(parent, "g", { class: "picture" });
    this.boxes = new Map();
    this.edges = [];
    data.frames.forEach((frame) => this.frame(frame));
    const edges = draw(this.group, "g", {}), boxes = draw(this.group, "g", {}), labels = draw(this.group, "g", {});
    const order = { faded: 0, normal: 1, highlight: 2 };
    data.edges.forEach((edge) => this.edges.push({ data: edge, parts: [] }));
    [...this.edges].sort((a, b) => order[a.data.emphasis] - order[b.data.emphasis])
      .forEach((edge) => this.edge(edge, edges, labels));
    data.boxes.forEach((box) => this.box(box, boxes));
    data.texts.forEach((text) => write(labels, text, text.x, text.y, text.anchor, `text ${text.role}`));
  }

  frame(frame) {
    const { left: x, top: y, width, height } = frame, rx = frame.kind === "layer" ? 0 : 8;
    const group = draw(this.group, "g", { class: `frame ${frame.kind}` });
    draw(group, "rect", { x, y, width, height, rx });
    if (frame.title) write(group, { content: frame.title, size: frame.size, bold: true }, x + 8, y + 6 + frame.size / 2, "start", "");
  }

  edge(edge, parent, labels) {
    const { data } = edge, way = ["gradient", "zero", "bad"].includes(data.kind) ? "back" : "flow";
    const kinds = `${data.kind} ${way} ${data.emphasis}`;
    edge.group = draw(parent, "g", { class: `edge ${kinds} ${data.card ? "told" : ""}` });
    edge.group.style.setProperty("--w", data.emphasis === "highlight" ? 1.8 * data.width : data.width);
    edge.group.style.setProperty("--s", `${100 * data.strength}%`);
    if (data.card) draw(edge.group, "path", { class: "near", d: data.line });
    draw(edge.group, "path", { class: "line", d: data.line });
    if (data.head) draw(edge.group, "path", { class: "head", d: data.head });
    edge.parts.push(edge.group);
    if (data.label) {
      const label = data.label;
      edge.parts.push(write(labels, label, label.x, label.y, label.anchor, `label text ${label.role} ${way}`));
    }
    edge.group.item = edge;
  }

  box(data, parent) {
    const box = { data };
    this.boxes.set(data.id, box);
    if (data.kind === "anchor") return;
    const own = data.kind === "gradient" ? "back" : "";
    const kinds = [data.kind, own, data.emphasis, data.card ? "told" : "", data.inside ? "opens" : ""];
    box.group = draw(parent, "g", { class: say(["box", ...kinds]).replaceAll(",", "") });
    box.shape = this.shape(box.group, data);
    box.lines = data.lines.map((line, i) => {
      const kind = line.role === "gradient" ? "back" : i && line.role === "auto" ? "value" : "";
      return { line, kind, text: write(box.group, line, data.x, data.y, "middle", `${line.role} ${kind}`) };
    });
    if (data.inside) {
      const x = data.x + data.width / 2 - 6, y = data.y - data.height / 2 + 6;
      draw(box.group, "path", { class: "corner", d: `M${x - 5} ${y}h5v5M${x} ${y}l-6 6` });
    }
    if (data.card) {
      const { title, where } = data.card;
      const name = say([title, where, data.lines.slice(1).map((line) => line.content).join(" ")]);
      const attributes = { tabindex: -1, role: data.inside ? "button" : "img", "aria-label": name, "aria-describedby": "card" };
      Object.entries(attributes).forEach(([key, value]) => box.group.setAttribute(key, value));
    }
    box.group.item = box;
  }

  shape(group, { x, y, width, height, shape, corner }) {
    if (shape === "circle") return draw(group, "ellipse", { class: "shape", cx: x, cy: y, rx: width / 2, ry: height / 2 });
    const [left, top] = [x - width / 2, y - height / 2];
    if (shape === "diamond") {
      return draw(group, "path", { class: "shape", d: `M${x} ${top}L${left + width} ${y}L${x} ${top + height}L${left} ${y}Z` });
    }
    return draw(group, "rect", { class: `shape ${shape}`, x: left, y: top, width, height, rx: corner });
  }

  // Put the lines that are shown in the middle of their boxes.
  arrange(hidden) {
    for (const { data, lines = [] } of this.boxes.values()) {
      const shown = lines.filter((each) => !hidden.has(each.kind) || (each.kind === "back" && data.kind === "gradient"));
      let y = data.y - shown.reduce((sum, { line }) => sum + line.size, 0) * LINE_HEIGHT / 2;
      for (const { line, text } of shown) {
        text.setAttribute("y", y + line.size * (LINE_HEIGHT / 2 + BASELINE));
        y += line.size * LINE_HEIGHT;
      }
    }
  }
}
