// Groups the messages of a long conversation, so that the browser lays out only what is in sight.
import { arrange, h } from "../page/dom";

const LENGTH = 20;

const stretch = () => h("div", { class: "nbchat-stretch" });

/**
 * Groups of messages with `content-visibility: auto`. Single messages with it would not be laid out either, but
 * the browser checks in each frame where each such element is: 400 of them took a third of a reply's time.
 */
export class Stretches {
  #shown: readonly Element[] = [];
  #stretches: Element[] = [];
  /** How many places are free at the start of the first group. */
  #free = 0;

  /** Returns the groups that hold these messages, in this order. */
  of(messages: readonly Element[]): readonly Element[] {
    const same =
      messages.length === this.#shown.length && messages.every((each, at) => each === this.#shown[at]);
    if (same) return this.#stretches;
    // What comes before the others fills groups of its own: none of the others moves.
    const before = Math.max(0, messages.indexOf(this.#shown[0]));
    const added = Math.max(0, Math.ceil((before - this.#free) / LENGTH));
    this.#free += added * LENGTH - before;
    this.#shown = messages;
    const stretches = Array.from({ length: Math.ceil((messages.length + this.#free) / LENGTH) }, (_, at) =>
      at < added ? stretch() : (this.#stretches[at - added] ?? stretch()),
    );
    stretches.forEach((each, at) => {
      const start = at * LENGTH - this.#free;
      arrange(each, messages.slice(Math.max(0, start), start + LENGTH));
    });
    return (this.#stretches = stretches);
  }
}
