// Finds the formulas in a Markdown text; typeset.ts draws them.
import type MarkdownIt from "markdown-it";
import type { StateBlock, StateInline } from "markdown-it";

const CLOSINGS: Record<string, string> = { $: "$", $$: "$$", "\\(": "\\)", "\\[": "\\]" };
// What Jupyter's own Markdown draws without dollars.
const ENVIRONMENT =
  /\\begin\{((?:align|alignat|equation|gather|multline|eqnarray|flalign)\*?|array|cases|split|(?:align|alignat|gather)ed|[pbBvV]?matrix)\}/y;
const MAX_LINES = 100;

// "$5 or so, maybe 6$" is money, "\(sic\)" and "\[1\]" are escaped brackets, "$HOME/$USER" are variables of a shell.
const AMOUNT = /^\d[^\\^_={}]*\s\p{L}{2,}\s/u;
const WORDS = /^[\p{L}\s,.;:!?'’-]+$/u;
const WORD = /\p{Ll}{3}/u;
const REFERENCE = /^\d+(?:[,;–-] ?\d+)*$/;
const JOINED = /[-/:+*=,.;|&@%<"'([]$/;
const CONSTANT = /^[A-Z_][A-Z\d_]+$/;

function isFormula(open: string, content: string, after: string): boolean {
  if (!/[\p{L}\d]/u.test(content)) return false;
  if ((open === "\\(" || open === "\\[") && WORD.test(content) && WORDS.test(content)) return false;
  if (open === "\\[" && REFERENCE.test(content)) return false;
  if (open !== "$") return true;
  if (/\s$/.test(content) || /\d/.test(after) || AMOUNT.test(content)) return false;
  return !(/[\p{L}_{(]/u.test(after) && (JOINED.test(content) || CONSTANT.test(content)));
}

/** Returns what opens a formula at `at`, or "". */
export function opening(text: string, at: number): string {
  const two = text.slice(at, at + 2);
  if (two in CLOSINGS) return two.length === 2 ? two : "";
  if (two === "\\b") {
    ENVIRONMENT.lastIndex = at;
    return ENVIRONMENT.exec(text)?.[0] ?? "";
  }
  // "5$" is an amount.
  return /^\$\S/.test(two) && !/\d/.test(text[at - 1] ?? "") ? "$" : "";
}

/** Returns whether a formula that opens so stands in a line of its own. */
function isDisplayed(open: string): boolean {
  return open !== "$" && open !== "\\(";
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
    const close = CLOSINGS[open] ?? open.replace("begin", "end");
    const begin = at + open.length;
    if (begin < this.#searched[open]) return -1;
    let to = begin;
    // A text with a backtick is code.
    for (; to < text.length && text[to] !== "`" && (open !== "$" || text[to] !== "\n"); to++) {
      if (text.startsWith(close, to)) {
        const end = to + close.length;
        if (isFormula(open, text.slice(begin, to), text[end] ?? "")) return end;
        break;
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

/** `$$…$$`, `\[…\]` or `\begin{align}…\end{align}` on lines of its own, none of them empty. */
function block(state: StateBlock, start: number, endLine: number, silent: boolean): boolean {
  const open = opening(state.src, state.bMarks[start] + state.tShift[start]);
  if (!open || !isDisplayed(open) || state.sCount[start] - state.blkIndent >= 4) return false;
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
    const kind = isDisplayed(markup) ? "display-math" : "math";
    return `<span class="nbchat-${kind}">${md.utils.escapeHtml(content)}</span>`;
  };
  md.renderer.rules.formula_block = (...all) => `<p>${md.renderer.rules.formula!(...all)}</p>\n`;
}
