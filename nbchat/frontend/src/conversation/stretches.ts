import { arrange, h } from "../page/dom";

const LENGTH = 20;

/**
 * Messages in groups that are not laid out while they are out of sight. Each for itself would be as well, but
 * a browser looks in every frame where each such element is: that of 400 took a third of a reply's time.
 */
export class Stretches {
  #shown: readonly Element[] = [];
  #stretches: Element[] = [];

  /** The groups that hold these messages, in this order. */
  of(messages: readonly Element[]): readonly Element[] {
    const same = messages.length === this.#shown.length && messages.every((each, at) => each === this.#shown[at]);
    if (same) return this.#stretches;
    this.#shown = messages;
    const count = Math.ceil(messages.length / LENGTH);
    this.#stretches = Array.from(
      { length: count },
      (_, at) => this.#stretches[at] ?? h("div", { class: "nbchat-stretch" }),
    );
    this.#stretches.forEach((stretch, at) => {
      arrange(stretch, messages.slice(at * LENGTH, (at + 1) * LENGTH));
    });
    return this.#stretches;
  }
}
