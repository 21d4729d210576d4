// Renders Markdown: a whole text, or one that grows.
import MarkdownIt from "markdown-it";
import type { StateCore, Token } from "markdown-it";

import { keepSelection } from "../page/selection";
import { addresses } from "./addresses";
import { emphasis } from "./emphasis";
import { footnotes } from "./footnotes";
import { formulas } from "./formulas";
import { htmlTags } from "./html-tags";
import { repair } from "./repair";
import { setHTML } from "./sanitize";
import { tables } from "./table";

const LANGUAGE = /^[A-Za-z0-9_+#.-]{1,30}$/;
const LINK = /^(https?:\/\/|mailto:)/i;
const TASK = /^\[([ xX])\] /;

const md = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false });

for (const plugin of [formulas, tables, emphasis, addresses, htmlTags, footnotes]) md.use(plugin);

md.validateLink = (url) => LINK.test(url.trim()) && URL.canParse(url.trim());

// Two tildes strike a text through, as in GFM; three or more don't, nor does one: "~5 to ~6" are estimates.
const TILDES = /~{3,}/y;
md.inline.ruler.before("strikethrough", "tildes", (state, silent) => {
  TILDES.lastIndex = state.pos;
  const run = TILDES.exec(state.src)?.[0];
  if (!run) return false;
  if (!silent) state.pending += run;
  state.pos += run.length;
  return true;
});

// markdown-it drops what is nested deeper than 100 levels (a list takes two): here it becomes text.
const DEEPEST = 98;
md.block.ruler.before("table", "deepest", (state, startLine, endLine) => {
  if (state.level < DEEPEST) return false;
  const open = state.push("paragraph_open", "p", 1);
  const inline = state.push("inline", "", 0);
  state.push("paragraph_close", "p", -1);
  open.map = inline.map = [startLine, endLine];
  inline.content = state.getLines(startLine, endLine, state.blkIndent, false).trim();
  inline.children = [];
  state.line = endLine;
  return true;
});

md.renderer.rules.fence = (tokens, index) => {
  const language = md.utils.unescapeAll(tokens[index].info).trim().split(/\s+/)[0];
  const label = LANGUAGE.test(language) ? ` class="language-${language}"` : "";
  return `<pre><code${label}>${md.utils.escapeHtml(tokens[index].content)}</code></pre>\n`;
};
md.renderer.rules.table_open = () => '<div class="nbchat-table"><table>\n';
md.renderer.rules.table_close = () => "</table></div>\n";

function link(state: StateCore, href: string, text: string): Token[] {
  const open = new state.Token("link_open", "a", 1);
  open.attrSet("href", href);
  const content = new state.Token("text", "", 0);
  content.content = text;
  return [open, content, new state.Token("link_close", "a", -1)];
}

/** Makes each image a link that describes it: nothing is loaded before a click. */
function imageLinks(state: StateCore, children: Token[]): Token[] {
  let depth = 0;
  return children.flatMap((token) => {
    if (token.type === "link_open") depth++;
    if (token.type === "link_close") depth--;
    if (token.type !== "image") return [token];
    const href = token.attrGet("src") ?? "";
    const alt = md.renderer.renderInlineAsText(token.children ?? [], md.options, state.env);
    const host = URL.canParse(href) ? new URL(href).host : "";
    const tokens = link(state, href, `Image: ${[alt, host && `(${host})`].filter(Boolean).join(" ")}`);
    return depth > 0 ? [tokens[1]] : tokens;
  });
}

md.core.ruler.push("images", (state) => {
  for (const token of state.tokens) {
    if (token.children) token.children = imageLinks(state, token.children);
  }
});

md.core.ruler.push("tasks", (state) => {
  state.tokens.forEach((item, index) => {
    const text = state.tokens[index + 2]?.children?.[0];
    const task = item.type === "list_item_open" && text?.type === "text" && TASK.exec(text.content);
    if (!task) return;
    item.attrJoin("class", "nbchat-task");
    text.content = `${task[1] === " " ? "☐" : "☑"} ${text.content.slice(task[0].length)}`;
  });
});

md.core.ruler.push("alignment", (state) => {
  for (const token of state.tokens) {
    if (token.type !== "th_open" && token.type !== "td_open") continue;
    const align = token.attrGet("style")?.slice("text-align:".length);
    token.attrs = align ? [["align", align]] : null;
  }
});

interface Environment {
  references?: Record<string, unknown>;
  footnotes?: Record<string, true>;
  /** The text may go on. */
  unfinished?: boolean;
  /** As in footnotes.ts. */
  growing?: boolean;
  guessed?: boolean;
}

/** Returns all of `text` as HTML that is not clean yet: for setHTML only. */
export function render(text: string, env: Environment = {}): string {
  return md.render(text, env);
}

/** Returns the index in `text` at which line `line` begins. */
function lineStart(text: string, line: number): number {
  let at = 0;
  for (; line > 0; line--) at = text.indexOf("\n", at) + 1;
  return at;
}

function isClosedFence({ type, map, content }: Token): boolean {
  return type === "fence" && map !== null && map[1] - map[0] - 2 === content.split("\n").length - 1;
}

/**
 * Returns where the part of `text` begins that may still change: after a closed fence, else with the last
 * top-level block. Only complete lines count. Nothing that follows then changes what stands before, except a
 * link definition whose title goes on over several lines: `end` corrects that.
 */
function openBlock(text: string): number {
  const complete = text.slice(0, text.lastIndexOf("\n") + 1);
  const tokens: Token[] = [];
  md.block.parse(complete, md, { unfinished: true }, tokens);
  // A formula that is not closed (hidden) may turn out to belong to the block before it.
  const blocks = tokens.filter(({ level, map, hidden }) => level === 0 && map && !hidden);
  const last = blocks.at(-1);
  if (!last?.map) return 0;
  if (isClosedFence(last) && last === tokens.at(-1)) return lineStart(complete, last.map[1]);
  return blocks.length > 1 ? lineStart(complete, last.map[0]) : 0;
}

/** Adds to a rendered block, before it is in the page or while it stays there; `closed`: it never changes again. */
type Decorate = (block: Element, closed: boolean) => void;

function codeIn(node: Node | undefined): Element | null {
  return node instanceof HTMLPreElement ? node.querySelector(":scope > code") : null;
}

/** Lets a code block in the page grow to be `next`, so that the user's selection and scrolling in it stay. */
function continuesCode(shown: Node, next: Node | undefined): boolean {
  const [code, nextCode] = [codeIn(shown), codeIn(next)];
  const text = code?.firstChild;
  if (!nextCode || !(text instanceof Text) || code?.className !== nextCode.className) return false;
  if (!nextCode.textContent.startsWith(text.data)) return false;
  text.appendData(nextCode.textContent.slice(text.length));
  return true;
}

/** The code of a fence that is still open: it grows in its text node. */
interface OpenFence {
  code: Text;
  closing: RegExp;
  /** The start of a line that may turn out to be the closing fence. */
  held: string;
}

const FENCE = /^(?:[ \t]*\n)*(`{3,}|~{3,})([^\n]*)\n/;

/**
 * Shows a Markdown text that grows. Only the last top-level block is parsed and rendered again, and a selection in it
 * stays; the DOM of the blocks before it is never touched, so the cost grows with the text.
 */
export class MarkdownStream {
  #element: Element;
  #decorate: Decorate;
  #text = "";
  /** Where the open block begins in `#text`. */
  #start = 0;
  #carriageReturn = "";
  #env: Environment = { growing: true };
  #open: ChildNode[] = [];
  #fence: OpenFence | undefined;
  /** The HTML of the closed blocks. */
  #html = "";

  constructor(element: Element, decorate: Decorate = () => {}) {
    this.#element = element;
    this.#decorate = decorate;
  }

  append(text: string): void {
    // A carriage return may be half of a line end.
    const whole = this.#carriageReturn + text;
    this.#carriageReturn = whole.endsWith("\r") ? "\r" : "";
    const added = whole.slice(0, whole.length - this.#carriageReturn.length).replace(/\r\n?/g, "\n");
    this.#text += added;
    if (added && !(this.#fence && this.#grow(this.#fence, added))) {
      keepSelection(this.#element, () => this.#update());
    }
  }

  /** Call when the text is complete: unfinished markup is then shown as it is. */
  end(): void {
    if (this.#carriageReturn) this.append("\n");
    keepSelection(this.#element, () => this.#end());
  }

  #end(): void {
    this.#close(this.#text.length - this.#start);
    this.#fence = undefined;
    // A definition may come after what refers to it, and a link's title after that.
    const { references, footnotes, guessed } = this.#env;
    if (guessed || Object.keys({ ...references, ...footnotes }).length > 0) {
      const whole = render(this.#text);
      if (whole !== this.#html) {
        this.#open = [...this.#element.childNodes];
        this.#replaceOpen(whole, true);
        this.#open = [];
      }
    }
  }

  /** Replaces the whole text. */
  set(text: string): void {
    this.#element.replaceChildren();
    this.#text = this.#carriageReturn = this.#html = "";
    this.#start = 0;
    this.#env = { growing: true };
    this.#open = [];
    this.#fence = undefined;
    this.append(text);
  }

  #update(): void {
    let tail = this.#text.slice(this.#start);
    const start = openBlock(tail);
    if (start > 0) {
      this.#close(start);
      tail = tail.slice(start);
    }
    // A copy: a definition that is still being written must not stay, as Markdown takes the first one.
    const env = {
      ...this.#env,
      references: { ...this.#env.references },
      footnotes: { ...this.#env.footnotes },
    };
    this.#replaceOpen(render(repair(tail), env), false);
    this.#fence = this.#openFence(tail);
  }

  /** The next `length` characters will not change any more. */
  #close(length: number): void {
    const html = render(this.#text.slice(this.#start, this.#start + length), this.#env);
    this.#replaceOpen(html, true);
    this.#html += html;
    this.#start += length;
    this.#open = [];
  }

  #replaceOpen(html: string, closed: boolean): void {
    const scratch = document.createElement("div");
    setHTML(scratch, html);
    const nodes: ChildNode[] = [...scratch.childNodes];
    const [old] = this.#open;
    if (old && continuesCode(old, nodes[0])) nodes[0] = old;
    for (const node of this.#open) if (node !== nodes[0]) node.remove();
    for (const node of nodes) if (node instanceof Element) this.#decorate(node, closed);
    this.#element.append(...nodes.filter((node) => node !== old));
    this.#open = nodes;
  }

  #openFence(tail: string): OpenFence | undefined {
    const [opening, marker] = FENCE.exec(tail) ?? [];
    const code = codeIn(this.#open[0]);
    if (!opening || !code) return undefined;
    const closing = new RegExp(`^ {0,3}${marker[0]}{${marker.length},}[ \\t]*$`);
    const lines = tail.slice(opening.length).split("\n");
    if (lines.some((line) => closing.test(line))) return undefined;
    const node = document.createTextNode("");
    code.replaceChildren(node);
    const fence = { code: node, closing, held: "" };
    return this.#grow(fence, tail.slice(opening.length)) ? fence : undefined;
  }

  /** Appends to the open fence; returns whether it is still open. */
  #grow(fence: OpenFence, added: string): boolean {
    const text = fence.held + added;
    const lineBegin = text.lastIndexOf("\n") + 1;
    const last = text.slice(lineBegin);
    const atLineBegin = lineBegin > 0 || fence.held !== "" || /^$|\n$/.test(fence.code.data.slice(-1));
    if (atLineBegin && text.split("\n").some((line) => fence.closing.test(line))) return false;
    fence.held = atLineBegin && /^ {0,3}[`~]*[ \t]*$/.test(last) ? last : "";
    fence.code.appendData(text.slice(0, text.length - fence.held.length));
    return true;
  }
}
