// How full the model's context is, as a ring, and what the chat has cost.
import type { ChatState } from "../kernel/protocol";
import { spent } from "../models/model-panel";
import { h, setText } from "../page/dom";
import { tokens, usd } from "../page/units";

const SVG = "http://www.w3.org/2000/svg";
/** Percent. */
const NEARLY_FULL = 80;

function circle(): SVGCircleElement {
  const circle = document.createElementNS(SVG, "circle");
  const attributes = { cx: 8, cy: 8, r: 6, pathLength: 100 };
  for (const [name, value] of Object.entries(attributes)) circle.setAttribute(name, String(value));
  return circle;
}

/** Hidden while nothing is known. */
export class UsageRing {
  #ring = document.createElementNS(SVG, "svg");
  #full = circle();
  #cost = h("span");
  readonly element = h("div", { class: "nbchat-used", role: "img", hidden: true });

  constructor() {
    this.#ring.setAttribute("viewBox", "0 0 16 16");
    this.#ring.append(circle(), this.#full);
    this.element.append(this.#ring, this.#cost);
  }

  update(state: ChatState): void {
    const { context, usage } = state;
    const percent = context ? Math.min(100, Math.round((100 * context.used) / context.length)) : 0;
    this.#ring.style.display = percent === 0 ? "none" : "";
    this.#full.setAttribute("stroke-dasharray", `${percent} 100`);
    this.element.classList.toggle("nbchat-nearly-full", percent >= NEARLY_FULL);
    setText(this.#cost, usage?.cost ? usd(usage.cost) : "");
    const full = context && percent > 0 ? [`context ${percent} % of ${tokens(context.length)}`] : [];
    const label = [...full, ...spent(state)].join(", ");
    this.element.hidden = percent === 0 && this.#cost.hidden;
    const name = `This chat: ${label}`;
    if (this.element.title !== name) this.element.title = this.element.ariaLabel = name;
  }
}
