// Groups the messages of a long conversation, so that the browser lays out only what is in sight.
import { arrange, h } from "../page/dom";

const LENGTH = 20;

/**
 * Groups of messages with `content-visibility: auto`. Single messages with it would not be laid out either, but
 * the browser checks in each frame where each such element is: 400 of them took a third of a reply's time.
 */
export class Stretches {
  #shown: readonly Element[] = [];
  #stretches: Element[] = [];

  /** Returns the groups that hold these messages, in this order. */
  of(messages: readonly Element[]): readonly Element[] {
    const same =
      messages.length === this.#shown.length && messages.every((each, at) => each === this.#shown[at]);
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
