import { h } from "../page/dom";
import { isRunning, type MessageView } from "./message";
import type { Message } from "../kernel/protocol";

/** Blocks: more than anybody is still being read. */
const KEPT = 20;

/**
 * Says a reply to a screen reader block by block, each as soon as it is whole. The log's own announcements
 * are off: they would come with every delta.
 */
export class Announcer {
  readonly element = h("div", { class: "nbchat-announcer" });
  #live = h("div", { "aria-live": "polite" });
  #id: string | undefined;
  #said = 0;

  constructor() {
    // Closed: else whatever searches the page finds each reply twice.
    this.element.attachShadow({ mode: "closed" }).append(this.#live);
  }

  /** Call after each drawing, with the latest message. */
  update(message: Message | undefined, view: MessageView | undefined): void {
    const running = message !== undefined && isRunning(message);
    const id = message?.id ?? "";
    if (id !== this.#id) {
      // What was there when the page opened is not news.
      this.#said = this.#id === undefined && !running ? Infinity : 0;
      this.#id = id;
      this.#live.replaceChildren();
    }
    // The block before the badge may still grow, and the badge says how it ended.
    const whole = view?.blocks.slice(0, running ? -2 : undefined) ?? [];
    for (const block of whole.slice(this.#said)) {
      const text = textOf(block);
      if (text) this.#live.append(h("p", {}, text));
    }
    // What has been said long ago would be laid out with each block that comes.
    while (this.#live.childElementCount > KEPT) this.#live.firstElementChild!.remove();
    this.#said = Math.max(this.#said, whole.length);
  }
}

function textOf(block: Element): string {
  const copy = block.cloneNode(true) as Element;
  for (const header of copy.querySelectorAll(".nbchat-code-header")) header.remove();
  return copy.textContent;
}
