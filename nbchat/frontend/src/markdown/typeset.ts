import { h } from "../page/dom";
import type { draw as Draw } from "./math";

const MAX_KEPT = 500;
const kept = new Map<string, Element>();

/** Puts the drawn formula in the place of its source; one that is not understood is shown as code. */
export function typeset(formula: Element, draw: typeof Draw): void {
  const source = formula.textContent;
  let drawn = kept.get(source);
  if (!drawn) {
    const margin = /^\$[^$]/.test(source) ? 1 : 2;
    const display = formula.className === "nbchat-display-math";
    const math = draw(source.slice(margin, -margin), display);
    drawn = math ?? h("code", {}, source);
    // An open block is drawn again and again.
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(source, drawn);
  }
  formula.replaceChildren(drawn.cloneNode(true));
}

