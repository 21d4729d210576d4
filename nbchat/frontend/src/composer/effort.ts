// How much the model thinks, beside the box: the setting "Reasoning effort", where the model offers a choice.
import type { Store } from "../kernel/store";
import { h } from "../page/dom";

/** A small menu; why the kernel refuses a choice goes to `say`. */
export class Effort {
  readonly element = h("label", { class: "nbchat-effort", hidden: true });
  #menu = h("select", { "aria-label": "Thinking" });
  #store: Store;
  #drawn = "";

  constructor(store: Store, say: (answer: { refused?: string }) => void) {
    this.#store = store;
    this.element.append(h("span", {}, "Thinking:"), this.#menu);
    this.#menu.addEventListener("change", async () => {
      const answer = await store.request({ type: "effort", effort: this.#menu.value });
      if (answer.refused !== undefined) this.#menu.value = store.state.effort;
      say(answer);
    });
  }

  draw(ended: boolean): void {
    const { efforts, effort } = this.#store.state;
    this.element.inert = ended;
    // A choice that the kernel has not answered yet stays.
    const drawn = JSON.stringify([efforts, effort]);
    if (drawn === this.#drawn) return;
    this.#drawn = drawn;
    const offered = Object.entries(efforts);
    this.#menu.replaceChildren(...offered.map(([label, value]) => h("option", { value }, label)));
    this.#menu.value = effort;
    this.element.hidden = offered.length < 2;
  }
}
