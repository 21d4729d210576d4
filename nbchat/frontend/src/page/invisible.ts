// Shows the characters that can't be seen, or that change how others look: nobody must consent to what they can't see.
import { h } from "./dom";

// A joiner or a variation selector right after a picture is part of it; of stacked accents three are enough.
const INVISIBLE =
  /(?![\t\n])[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\u2800]|(?<=\p{M}{3})\p{M}/u;
const IN_PICTURES =
  /(?<=\p{Extended_Pictographic}\ufe0f?)\u200d(?=\p{Extended_Pictographic})|(?<=\p{Extended_Pictographic})\ufe0f/u;
const SIGNS = new RegExp(`(?!${IN_PICTURES.source})(?:${INVISIBLE.source})`, "gu");

/** So many empty lines push what follows out of sight. */
const EMPTY_LINES = /(?<=\n)(?:[ \t]*\n){20,}/g;

function escapeOf(sign: string): string {
  return `\\u{${sign.codePointAt(0)!.toString(16)}}`;
}

/** The text with each such character as an escape. */
export function escaped(text: string): string {
  return text.replace(SIGNS, escapeOf);
}

/** Shows such characters in code as escapes, and many empty lines as their number; the code's text stays as it is. */
export function markInvisible(code: Element): void {
  const walker = document.createTreeWalker(code, NodeFilter.SHOW_TEXT);
  const texts: Text[] = [];
  while (walker.nextNode()) texts.push(walker.currentNode as Text);
  for (const text of texts) {
    mark(text, EMPTY_LINES, (lines) => `⋯ ${lines.split("\n").length - 1} empty lines ⋯\n`);
  }
  for (const text of texts) mark(text, SIGNS, escapeOf);
}

/** Replaces what `pattern` finds by a label. Only the label is drawn, and only what is replaced is text. */
function mark(text: Text, pattern: RegExp, label: (found: string) => string): void {
  let rest = text;
  for (const { 0: found, index } of [...text.data.matchAll(pattern)].reverse()) {
    rest = text.splitText(index);
    rest.splitText(found.length);
    const hidden = h("span", { class: "nbchat-invisible", "data-label": label(found) });
    rest.replaceWith(hidden);
    hidden.append(h("span", {}, rest));
  }
}
