import { h } from "./dom";
import { isRunning, type MessageView } from "./message";
import type { Message } from "./protocol";

/**
 * Says a reply to a screen reader block by block, each as soon as it is whole. The log's own announcements
 * are off: they would come with every delta.
 */
export class Announcer {
  readonly element = h("div", { class: "nbchat-announcer", "aria-live": "polite" });
  #id: string | undefined;
  #said = 0;

  /** Call after each drawing, with the latest message. */
  update(message: Message | undefined, view: MessageView | undefined): void {
    const running = message !== undefined && isRunning(message);
    const id = message?.id ?? "";
    if (id !== this.#id) {
      // What was there when the page opened is not news.
      this.#said = this.#id === undefined && !running ? Infinity : 0;
      this.#id = id;
      this.element.replaceChildren();
    }
    // The block before the badge may still grow, and the badge says how it ended.
    const whole = view?.blocks.slice(0, running ? -2 : undefined) ?? [];
    for (const { textContent } of whole.slice(this.#said)) {
      if (textContent) this.element.append(h("p", {}, textContent));
    }
    this.#said = Math.max(this.#said, whole.length);
  }
}
