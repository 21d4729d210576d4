// Adds what Markdown itself does not have: headers and colours of code, drawn formulas, directions, links to footnotes.
import type { Store } from "../kernel/store";
import { markInvisible } from "../page/invisible";
import { keepSelection } from "../page/selection";
import { highlighter, math } from "./assets";
import { addHeader, languageOf } from "./code-header";
import { direct } from "./direction";
import { linkFootnotes } from "./footnote-links";
import { setHTML } from "./sanitize";
import { typeset } from "./typeset";

// A line that is longer than the block, or has a gap, could have a part out of sight.
const FAR = /\S[\p{Zs}\t]{8,}\S|.{200,}/u;

// Cells with less text stay on one line: a table that is too wide scrolls.
const LONG_CELL = 24;

const FORMULAS = ".nbchat-math, .nbchat-display-math";

/** Decorates the blocks of one text. */
export class Decorator {
  #root: Element;
  #store: Store;
  /** Complete code that has no colours yet. */
  #plain = new Set<Element>();

  constructor(root: Element, store: Store) {
    this.#root = root;
    this.#store = store;
  }

  /** Decorates a block; `closed`: it will not change any more. */
  decorate(element: Element, closed: boolean): void {
    for (const code of element.querySelectorAll("pre > code")) {
      addHeader(code);
      if (!closed) continue;
      code.parentElement!.classList.toggle("nbchat-wrapped", FAR.test(code.textContent));
      markInvisible(code);
      if (languageOf(code)) this.#plain.add(code);
    }
    for (const cell of element.querySelectorAll("th, td"))
      cell.classList.toggle("nbchat-long", cell.textContent.length > LONG_CELL);
    this.#highlight();
    this.#typeset(element);
    direct(element);
    linkFootnotes(this.#root, element);
  }

  #highlight = (): void => {
    if (this.#plain.size === 0) return;
    const module = highlighter.get(this.#store, this.#highlight);
    if (!module) return;
    for (const code of this.#plain) {
      const html = module.highlight(code.textContent, languageOf(code));
      if (html === undefined) continue;
      keepSelection(code, () => {
        setHTML(code, html);
        markInvisible(code);
      });
    }
    this.#plain.clear();
  };

  #typeset = (element = this.#root): void => {
    const all = [...element.querySelectorAll(FORMULAS)];
    const formulas = all.filter((formula) => formula.childElementCount === 0);
    if (formulas.length === 0) return;
    const module = math.get(this.#store, this.#typesetAll);
    if (!module) return;
    for (const formula of formulas) typeset(formula, module.draw);
  };

  #typesetAll = (): void => {
    this.#typeset();
    // Formulas are higher than their source: the log may have to scroll.
    this.#store.redraw();
  };
}
