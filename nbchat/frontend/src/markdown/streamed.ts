import { Decorator } from "./decorate";
import { h } from "../page/dom";
import { shown } from "../page/frame";
import { MarkdownStream } from "./markdown";
import type { Store } from "../kernel/store";

// What comes in one go is drawn over several frames: the page answers in between.
const SLICE = 2000;
const BUDGET_MS = 16;

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

  /** Returns whether all of it is shown; else it is to be called again. */
  update(text: string, ended: boolean): boolean {
    if (text !== this.#shown) {
      const grows = !this.#ended && text.startsWith(this.#shown);
      // A message that was complete when it came is drawn at once.
      if (grows && !(ended && this.#shown === "")) this.#append(text);
      else {
        this.#stream.set(text);
        this.#shown = text;
        this.#ended = false;
      }
      if (text !== this.#shown) return false;
    }
    if (ended && !this.#ended) {
      this.#stream.end();
      this.#ended = true;
    }
    return true;
  }

  #append(text: string): void {
    const until = performance.now() + BUDGET_MS;
    do {
      const end = this.#shown.length + SLICE;
      const more = text.slice(this.#shown.length, end);
      this.#stream.append(more);
      shown.characters += more.length;
      this.#shown = text.slice(0, end);
    } while (this.#shown.length < text.length && performance.now() < until);
  }
}
