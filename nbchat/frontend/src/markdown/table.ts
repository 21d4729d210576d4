// Tables whose formulas have bars: in "| $|x|$ |", a bar within a formula separates no cells.
import type MarkdownIt from "markdown-it";
import type { StateBlock } from "markdown-it";
import plainTable from "markdown-it/lib/rules_block/table.mjs";

import { Closings, opening } from "./formulas";

const DELIMITERS = /^[|:\- \t]+$/;
// Stands for a bar in a formula. markdown-it leaves none in a text.
const MASK = "\0";

function cells(line: string): number {
  const row = line.trim();
  const bars = [...row.matchAll(/(?<!\\)\|/g)].map(({ index }) => index);
  const outer = Number(bars[0] === 0) + Number(bars.length > 1 && bars.at(-1) === row.length - 1);
  return bars.length + 1 - outer;
}

/** Returns a row of a table with this many columns; if it has more cells, the bars of its formulas are masked. */
function masked(line: string, columns: number): string {
  if (!/[$\\]/.test(line) || cells(line) <= columns) return line;
  const closings = new Closings(line);
  let row = "";
  for (let at = 0; at < line.length; ) {
    const open = opening(line, at);
    const formula = open ? closings.end(open, at) : -1;
    const end = formula < 0 ? at + (line[at] === "\\" ? 2 : 1) : formula;
    const part = line.slice(at, end);
    row += formula < 0 ? part : part.replace(/(?<!\\)\|/g, MASK);
    at = end;
  }
  return row;
}

/** Returns the line before which a table ends, as markdown-it's own rule has it. */
function tableEnd(state: StateBlock, line: number, endLine: number): number {
  const terminators = state.md.block.ruler.getRules("blockquote");
  const ends = () =>
    state.isEmpty(line) ||
    state.sCount[line] < state.blkIndent ||
    terminators.some((rule) => rule(state, line, endLine, true));
  while (line < endLine && !ends()) line++;
  return line;
}

function table(state: StateBlock, start: number, endLine: number, silent: boolean): boolean {
  if (start + 2 > endLine) return false;
  const begin = state.bMarks[start + 1] + state.tShift[start + 1];
  const delimiters = state.src.slice(begin, state.eMarks[start + 1]);
  if (!DELIMITERS.test(delimiters)) return false;
  const last = silent ? start + 2 : tableEnd(state, start + 2, endLine);
  const text = state.getLines(start, last, state.blkIndent, false);
  const columns = cells(delimiters);
  const readable = text
    .split("\n")
    .map((line) => masked(line, columns))
    .join("\n");
  if (readable === text) return plainTable(state, start, endLine, silent);
  const inner = new state.md.block.State(readable, state.md, state.env, []);
  inner.level = state.level;
  if (!plainTable(inner, 0, inner.lineMax, silent)) return false;
  if (silent) return true;
  for (const token of inner.tokens) {
    token.content = token.content.replaceAll(MASK, "|");
    if (token.map) token.map = [token.map[0] + start, token.map[1] + start];
    state.tokens.push(token);
  }
  state.line = start + inner.line;
  return true;
}

/** A plugin of markdown-it; it needs `formulas`. */
export function tables(md: MarkdownIt): void {
  md.block.ruler.at("table", table, { alt: ["paragraph", "reference"] });
}
