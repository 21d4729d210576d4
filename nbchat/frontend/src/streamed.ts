import { h } from "./dom";
import { MarkdownStream } from "./markdown";

/** An element that shows a Markdown text as it is now, given again and again while it grows. */
export class StreamedText {
  readonly element = h("div", { class: "nbchat-markdown" });
  #stream = new MarkdownStream(this.element);
  #shown = "";
  #ended = false;

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
