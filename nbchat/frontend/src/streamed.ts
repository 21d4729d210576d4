import { Decorator } from "./decorate";
import { h } from "./dom";
import { MarkdownStream } from "./markdown";
import type { Store } from "./store";

/** An element that shows a Markdown text as it is now, given again and again while it grows. */
export class StreamedText {
  readonly element = h("div", { class: "nbchat-markdown" });
  #stream: MarkdownStream;
  #shown = "";
  #ended = false;

  constructor(store: Store) {
    const decorator = new Decorator(this.element, store);
    this.#stream = new MarkdownStream(this.element, (...block) => decorator.decorate(...block));
  }

  update(text: string, ended: boolean): void {
    if (text !== this.#shown) {
      if (!this.#ended && text.startsWith(this.#shown)) {
        this.#stream.append(text.slice(this.#shown.length));
      } else {
        this.#stream.set(text);
        this.#ended = false;
      }
      this.#shown = text;
    }
    if (ended && !this.#ended) {
      this.#stream.end();
      this.#ended = true;
    }
  }
}
