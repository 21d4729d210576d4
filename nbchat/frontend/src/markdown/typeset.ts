// Puts drawn formulas into the page.
import { h } from "../page/dom";
import type { draw as Draw } from "./math";

const MAX_KEPT = 500;
const kept = new Map<string, Element>();

/** Replaces the source of a formula by the drawn formula, or by code if it is no valid TeX. */
export function typeset(formula: Element, draw: typeof Draw): void {
  const source = formula.textContent;
  let drawn = kept.get(source);
  if (!drawn) {
    const margin = /^\\b/.test(source) ? 0 : /^\$[^$]/.test(source) ? 1 : 2;
    const display = formula.className === "nbchat-display-math";
    const math = draw(source.slice(margin, source.length - margin), display);
    drawn = math ?? h("code", {}, source);
    // Kept, as a block that grows is drawn again and again.
    if (kept.size >= MAX_KEPT) kept.clear();
    kept.set(source, drawn);
  }
  formula.replaceChildren(drawn.cloneNode(true));
}
