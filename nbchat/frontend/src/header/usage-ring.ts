// How full the model's context is, as a ring, and what the chat has cost.
import type { ChatState } from "../kernel/protocol";
import { spent } from "../models/model-panel";
import { h, setText } from "../page/dom";
import { tokens, usd } from "../page/units";

/** Percent. */
const NEARLY_FULL = 80;

/** Hidden while nothing is known. */
export class UsageRing {
  #ring = h("span", { class: "nbchat-ring" });
  #cost = h("span");
  readonly element = h("div", { class: "nbchat-used", role: "img", hidden: true }, this.#ring, this.#cost);

  update(state: ChatState): void {
    const { context, usage } = state;
    const percent = context ? Math.min(100, Math.round((100 * context.used) / context.length)) : 0;
    this.#ring.hidden = percent === 0;
    this.#ring.style.setProperty("--nbchat-full", `${percent}%`);
    this.element.classList.toggle("nbchat-nearly-full", percent >= NEARLY_FULL);
    setText(this.#cost, usage?.cost ? usd(usage.cost) : "");
    const full = context && percent > 0 ? [`context ${percent} % of ${tokens(context.length)}`] : [];
    const label = [...full, ...spent(state)].join(", ");
    this.element.hidden = percent === 0 && this.#cost.hidden;
    const name = `This chat: ${label}`;
    if (this.element.title !== name) this.element.title = this.element.ariaLabel = name;
  }
}
