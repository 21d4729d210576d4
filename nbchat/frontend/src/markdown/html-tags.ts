// The only HTML of a Markdown text that does something: `<br>`, `<sub>…</sub>` and `<sup>…</sup>`.
import type MarkdownIt from "markdown-it";
import type { StateInline } from "markdown-it";

const BREAK = /<br\s{0,9}\/?>/iy;
const TAG = /<(\/?)(su[bp])>/g;
const DEEPEST = 3;

/** Returns where the closing tag of each opening tag stands. */
function pairs(text: string): Map<number, number> {
  const found = new Map<number, number>();
  const open: { tag: string; index: number }[] = [];
  for (const { 1: closes, 2: tag, index } of text.matchAll(TAG)) {
    if (!closes) open.push({ tag, index });
    else if (open.at(-1)?.tag === tag) {
      const { index: begin } = open.pop()!;
      if (open.length < DEEPEST) found.set(begin, index);
    }
  }
  return found;
}

const known = new WeakMap<StateInline, Map<number, number>>();

function tag(state: StateInline, silent: boolean): boolean {
  const { src, pos, posMax } = state;
  if (src[pos] !== "<") return false;
  BREAK.lastIndex = pos;
  const length = BREAK.exec(src)?.[0].length ?? 0;
  if (length > 0) {
    if (!silent) state.push("hardbreak", "br", 0);
    state.pos += length;
    return true;
  }
  if (!/^<su[bp]>$/.test(src.slice(pos, pos + 5))) return false;
  if (!known.has(state)) known.set(state, pairs(src));
  const end = known.get(state)!.get(pos);
  if (end === undefined || end + 6 > posMax) return false;
  if (!silent) {
    const name = src.slice(pos + 1, pos + 4);
    state.push(`${name}_open`, name, 1);
    state.pos = pos + 5;
    state.posMax = end;
    state.md.inline.tokenize(state);
    state.posMax = posMax;
    state.push(`${name}_close`, name, -1);
  }
  state.pos = end + 6;
  return true;
}

/** A plugin of markdown-it. */
export function htmlTags(md: MarkdownIt): void {
  md.inline.ruler.before("html_inline", "html_tag", tag);
}
