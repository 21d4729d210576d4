// Lets each block of a text run as its first letter does; code and formulas run left to right.
const LEFT_TO_RIGHT = "pre, code, .nbchat-math, .nbchat-display-math";

export function direct(block: Element): void {
  if (!(block instanceof HTMLElement)) return;
  block.dir = block.matches(LEFT_TO_RIGHT) ? "ltr" : "auto";
  for (const each of block.querySelectorAll<HTMLElement>(LEFT_TO_RIGHT)) each.dir = "ltr";
}
