// Finds the formulas in a Markdown text; typeset.ts draws them.
import type MarkdownIt from "markdown-it";
import type { StateBlock, StateInline } from "markdown-it";

const CLOSINGS: Record<string, string> = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" };
const MAX_LINES = 100;

/** Returns what opens a formula at `at`, or "". */
export function opening(text: string, at: number): string {
  const two = text.slice(at, at + 2);
  if (two in CLOSINGS) return two.length === 2 ? two : "";
  return /^\$\S/.test(two) ? "$" : "";
}

/** Finds closings in a text, and remembers which it has searched in vain: many openings cost no more than one. */
export class Closings {
  #text: string;
  #searched: Record<string, number> = {};

  constructor(text: string) {
    this.#text = text;
  }

  /** Returns where a formula that opens with `open` at `at` ends, or -1: "$5 to $10" and "$5–$10" are money. */
  end(open: string, at: number): number {
    const text = this.#text;
    const close = CLOSINGS[open];
    const begin = at + open.length;
    if (begin < this.#searched[open]) return -1;
    let to = begin;
    // A text with a backtick is code.
    for (; to < text.length && text[to] !== "`" && (open !== "$" || text[to] !== "\n"); to++) {
      if (text.startsWith(close, to)) {
        const money = open === "$" && (/\s/.test(text[to - 1]) || /\d/.test(text[to + 1] ?? ""));
        return !money && /[\p{L}\d]/u.test(text.slice(begin, to)) ? to + close.length : -1;
      }
      if (text[to] === "\\") to++;
    }
    this.#searched[open] = to;
    return -1;
  }
}

const closings = new WeakMap<StateInline, Closings>();

function inline(state: StateInline, silent: boolean): boolean {
  const open = opening(state.src, state.pos);
  if (!open) return false;
  if (!closings.has(state)) closings.set(state, new Closings(state.src));
  const end = closings.get(state)!.end(open, state.pos);
  if (end < 0) return false;
  if (!silent) {
    const token = state.push("formula", "span", 0);
    token.content = state.src.slice(state.pos, end);
    token.markup = open;
  }
  state.pos = end;
  return true;
}

/** `$$…$$` or `\[…\]` on lines of its own, none of them empty. */
function block(state: StateBlock, start: number, endLine: number, silent: boolean): boolean {
  const open = opening(state.src, state.bMarks[start] + state.tShift[start]);
  if (!(open === "$$" || open === "\\[") || state.sCount[start] - state.blkIndent >= 4) return false;
  let last = start + 1;
  const limit = Math.min(endLine, start + MAX_LINES);
  while (last < limit && !state.isEmpty(last) && state.sCount[last] >= state.blkIndent) last++;
  const text = state.getLines(start, last, state.blkIndent, false).trim();
  const end = new Closings(text).end(open, 0);
  const line = text.indexOf("\n", end);
  // What is still open at the end of the text may become a formula.
  const unfinished = end < 0 && state.env.unfinished && last === endLine && !text.includes("`");
  if (!unfinished && (end < 0 || text.slice(end, line < 0 ? undefined : line).trim())) return false;
  if (silent) return true;
  const lines = unfinished ? last - start : text.slice(0, end).split("\n").length;
  const token = state.push("formula_block", "p", 0);
  token.content = unfinished ? text : text.slice(0, end);
  token.markup = open;
  token.map = [start, start + lines];
  token.hidden = unfinished;
  state.line = start + lines;
  return true;
}

/** A plugin of markdown-it: a formula becomes an element that contains its source. */
export function formulas(md: MarkdownIt): void {
  md.inline.ruler.before("escape", "formula", inline);
  md.block.ruler.before("fence", "formula_block", block, {
    alt: ["paragraph", "reference", "blockquote", "list"],
  });
  md.renderer.rules.formula = (tokens, index) => {
    const { content, markup } = tokens[index];
    const kind = markup === "$" || markup === "\\(" ? "math" : "display-math";
    return `<span class="nbchat-${kind}">${md.utils.escapeHtml(content)}</span>`;
  };
  md.renderer.rules.formula_block = (...all) => `<p>${md.renderer.rules.formula!(...all)}</p>\n`;
}
