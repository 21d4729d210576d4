// Footnotes of a Markdown text: "[^1]" refers to the paragraph "[^1]: …", which stays where it stands. (The plugin
// markdown-it-footnote moves all to the end, so what is drawn already would change with each that comes.)
import type MarkdownIt from "markdown-it";
import type { StateBlock, StateInline } from "markdown-it";

const LABEL = String.raw`\[\^([^\s\]\[^]{1,40})\]`;
const MARK = new RegExp(LABEL, "y");
const DEFINITION = new RegExp(`^${LABEL}:[ \t]*(?=\\S)`);

interface Environment {
  footnotes?: Record<string, true>;
  /** The text is shown while it grows: a number may refer to what is still to come. */
  growing?: boolean;
  /** A reference was drawn whose footnote had not come. */
  guessed?: boolean;
}

function mark(state: StateInline, silent: boolean): boolean {
  if (!state.src.startsWith("[^", state.pos)) return false;
  MARK.lastIndex = state.pos;
  const label = MARK.exec(state.src)?.[1];
  const env = state.env as Environment;
  if (!label || MARK.lastIndex > state.posMax) return false;
  if (!(env.footnotes && Object.hasOwn(env.footnotes, label))) {
    if (!(env.growing && /^\d+$/.test(label))) return false;
    env.guessed = true;
  }
  if (!silent) state.push("footnote_mark", "sup", 0).content = label;
  state.pos = MARK.lastIndex;
  return true;
}

function footnote(state: StateBlock, start: number, endLine: number, silent: boolean): boolean {
  if (state.sCount[start] - state.blkIndent >= 4) return false;
  const begin = state.bMarks[start] + state.tShift[start];
  const [opening, label] = DEFINITION.exec(state.src.slice(begin, state.eMarks[start])) ?? [];
  if (!opening || !label) return false;
  if (silent) return true;
  const terminators = state.md.block.ruler.getRules("paragraph");
  let last = start + 1;
  for (; last < endLine && !state.isEmpty(last); last++) {
    // Its text goes on in lines that are indented, as in other Markdowns.
    if (state.sCount[last] < state.blkIndent) break;
    if (terminators.some((rule) => rule(state, last, endLine, true))) break;
  }
  const env = state.env as Environment;
  env.footnotes ??= {};
  Object.defineProperty(env.footnotes, label, { value: true, enumerable: true, configurable: true });
  const open = state.push("paragraph_open", "p", 1);
  open.attrs = [["class", "nbchat-footnote"]];
  open.map = [start, last];
  const name = state.push("inline", "", 0);
  const text = state.getLines(start, last, state.blkIndent, false).trim();
  name.content = text.slice(text.indexOf(":") + 1).trim();
  name.map = [start, last];
  name.children = [];
  name.meta = { label };
  state.push("paragraph_close", "p", -1);
  state.line = last;
  return true;
}

/** A plugin of markdown-it. */
export function footnotes(md: MarkdownIt): void {
  md.block.ruler.before("reference", "footnote", footnote, { alt: ["paragraph", "reference"] });
  md.inline.ruler.before("link", "footnote_mark", mark);
  md.core.ruler.after("inline", "footnote_names", (state) => {
    for (const { meta, children } of state.tokens) {
      const label = (meta as { label?: string } | null)?.label;
      if (!label || !children) continue;
      const name = new state.Token("footnote_mark", "sup", 0);
      name.content = label;
      const space = new state.Token("text", "", 0);
      space.content = " ";
      children.unshift(name, space);
    }
  });
  md.renderer.rules.footnote_mark = (tokens, index) =>
    `<sup class="nbchat-footnote-mark">${md.utils.escapeHtml(tokens[index].content)}</sup>`;
}
