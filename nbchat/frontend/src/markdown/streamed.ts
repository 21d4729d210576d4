// An element that shows a Markdown text while it grows.
import type { Store } from "../kernel/store";
import { h } from "../page/dom";
import { shown } from "../page/frame";
import { Decorator } from "./decorate";
import { MarkdownStream } from "./markdown";

// A long text that comes at once is drawn over several frames, in slices: the page reacts in between.
const SLICE = 2000;
const BUDGET_MS = 16;
// Of a text that is complete when it arrives: each slice costs a layout of all that is in sight.
const WHOLE_SLICE = 20_000;

/** Call `update` with the whole text, again and again while it grows. */
export class StreamedText {
  readonly element = h("div", { class: "nbchat-markdown" });
  #stream: MarkdownStream;
  #shown = "";
  #ended = false;

  constructor(store: Store) {
    const decorator = new Decorator(this.element, store);
    this.#stream = new MarkdownStream(this.element, (...block) => decorator.decorate(...block));
  }

  /** Returns whether all of the text is shown; else call it again. */
  update(text: string, ended: boolean): boolean {
    if (text !== this.#shown) {
      const grows = !this.#ended && text.startsWith(this.#shown);
      if (grows && !(ended && this.#shown === "" && text.length <= WHOLE_SLICE))
        this.#append(text, ended ? WHOLE_SLICE : SLICE);
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

  #append(text: string, slice: number): void {
    const until = performance.now() + BUDGET_MS;
    do {
      const end = this.#shown.length + slice;
      const more = text.slice(this.#shown.length, end);
      this.#stream.append(more);
      shown.characters += more.length;
      this.#shown = text.slice(0, end);
    } while (this.#shown.length < text.length && performance.now() < until);
  }
}
