// Has a screen reader say a reply while it streams.
import type { Message } from "../kernel/protocol";
import { isRunning } from "../kernel/unsent";
import { h } from "../page/dom";
import type { MessageView } from "./message";

/** Blocks: more than a screen reader still has to say. */
const KEPT = 20;

/**
 * Announces the chat's own words, and a reply block by block, each as soon as it is complete. The log's own announcements are off: they
 * would come with every delta.
 */
export class Announcer {
  readonly element = h("div", { class: "nbchat-announcer" });
  #live = h("div", { "aria-live": "polite" });
  /** The message that it says. */
  id: string | undefined;
  #said = 0;

  constructor() {
    // A closed shadow root: else a search in the page would find each reply twice.
    this.element.attachShadow({ mode: "closed" }).append(this.#live);
  }

  /** Announces a text that is no reply's. */
  say(text: string): void {
    this.#live.append(h("p", {}, text));
  }

  /** Call after each drawing, with the latest message. */
  update(message: Message | undefined, view: MessageView | undefined): void {
    const running = message !== undefined && isRunning(message);
    const id = message?.id ?? "";
    if (id !== this.id) {
      // What was there when the page was opened is no news.
      this.#said = this.id === undefined && !running ? Infinity : 0;
      this.id = id;
    }
    // While the reply runs, the last block may still grow, and the badge after it does not yet say how it ended.
    const complete = view?.blocks.slice(0, running ? -2 : undefined) ?? [];
    for (const block of complete.slice(this.#said)) {
      const text = textOf(block);
      if (text) this.#live.append(h("p", {}, text));
    }
    // Old blocks would be laid out again with each new one.
    while (this.#live.childElementCount > KEPT) this.#live.firstElementChild!.remove();
    this.#said = Math.max(this.#said, complete.length);
  }
}

function textOf(block: Element): string {
  const copy = block.cloneNode(true) as Element;
  for (const header of copy.querySelectorAll(".nbchat-code-header")) header.remove();
  return copy.textContent;
}
