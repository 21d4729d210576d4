// Loaded on demand: draws formulas, as MathML that needs no fonts of its own.
import temml from "temml";

import { clean } from "./mathml";

const MAX_LENGTH = 20_000;

/** Returns the formula as a `math` element, or undefined if it is no valid TeX. */
export function draw(tex: string, display: boolean): Element | undefined {
  if (tex.length > MAX_LENGTH) return undefined;
  const box = document.createElement("div");
  try {
    temml.render(tex, box, {
      displayMode: display,
      throwOnError: true,
      trust: false,
      maxExpand: 500,
      maxSize: [20, 20],
      wrap: display ? "none" : "tex",
    });
  } catch {
    return undefined;
  }
  return box.firstElementChild ? clean(box.firstElementChild) : undefined;
}

// For the tests.
export { clean };
