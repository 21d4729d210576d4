// What the user wrote: as it was written, but for code between fences. A long text is folded.
import type { Store } from "../kernel/store";
import { Decorator } from "../markdown/decorate";
import { splitFences } from "../markdown/fences";
import { h, setText } from "../page/dom";

const LANGUAGE = /^[A-Za-z0-9_+#.-]{1,30}$/;
const SHOWN_LINES = 10;
const LINE = 80;

/** Returns whether a text has more than the lines shown, and some more: to fold away one line is no help. */
function isLong(text: string): boolean {
  const lines = text.split("\n");
  const rows = lines.reduce((sum, { length }) => sum + Math.max(1, Math.ceil(length / LINE)), 0);
  return rows > SHOWN_LINES + 2;
}

export class UserText {
  readonly bubble = h("div", { class: "nbchat-bubble", dir: "auto" });
  readonly more = h("button", { type: "button", class: "nbchat-tool nbchat-more", hidden: true });
  #store: Store;
  #shown = "";

  constructor(store: Store) {
    this.#store = store;
    this.more.addEventListener("click", () => this.#fold(!this.#folded));
    // What has the focus must be in sight.
    this.bubble.addEventListener("focusin", () => this.#folded && this.#fold(false));
  }

  update(text: string): void {
    if (text === this.#shown) return;
    this.#shown = text;
    const parts = splitFences(text);
    if (parts.every(({ language }) => language === undefined)) setText(this.bubble, text);
    else this.#draw(parts);
    this.more.hidden = !isLong(text);
    this.#fold(!this.more.hidden);
  }

  get #folded(): boolean {
    return this.bubble.classList.contains("nbchat-folded");
  }

  #draw(parts: ReturnType<typeof splitFences>): void {
    const box = h("div", { class: "nbchat-markdown" });
    const decorator = new Decorator(box, this.#store);
    for (const { text, language } of parts) {
      if (language === undefined) {
        box.append(h("p", { dir: "auto" }, text.replace(/^\n+|\n+$/g, "")));
        continue;
      }
      const label = LANGUAGE.test(language) && { class: `language-${language}` };
      const code = h("pre", {}, h("code", label || {}, text));
      box.append(code);
      decorator.decorate(code, true);
    }
    this.bubble.hidden = false;
    this.bubble.replaceChildren(box);
  }

  #fold(folded: boolean): void {
    this.bubble.classList.toggle("nbchat-folded", folded);
    setText(this.more, this.more.hidden ? "" : folded ? "Show more" : "Show less");
    this.more.ariaExpanded = String(!folded);
  }
}
