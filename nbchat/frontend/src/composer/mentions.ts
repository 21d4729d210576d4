// Variables of the notebook that the user mentions by "@": offered while they type, and shown before they are sent.
import type { Attached, Draft } from "../kernel/draft";
import type { VariableName } from "../kernel/protocol";
import type { Store } from "../kernel/store";
import { fetchNames, fetchVariable } from "../kernel/variables";
import { h, setText } from "../page/dom";

// The same as in nbchat/_notebook/variables.py.
const UNSPACED = String.raw`\u0e00-\u0eff\u1000-\u109f\u1100-\u11ff\u1780-\u17ff\u2e80-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\u{20000}-\u{3ffff}`;
const AT = String.raw`(?:(?<![\p{L}\p{N}_.@/])|(?<=[${UNSPACED}]))@`;
const NAME = String.raw`[\p{L}_][\p{L}\p{N}_]*`;
const MENTION = new RegExp(
  String.raw`${AT}(${NAME}(?:\.${NAME}|\[(?:\d+|"[\p{L}\p{N}_ -]+"|'[\p{L}\p{N}_ -]+')\])*)`,
  "gu",
);
const DECORATES = /\n\s*(?:@|(?:def|class|async)\b)/y;
const TYPED = new RegExp(`${AT}(${NAME})?$`, "u");

/** More than the kernel is asked for at once: a pasted text can have thousands. */
const MAX_MENTIONS = 100;

const SHOWN = 100;
const HEIGHT = 260;
const GAP = 4;

interface Mention {
  name: string;
  start: number;
  end: number;
}

/** Returns the mentions in a text, in their order. */
export function mentionsIn(text: string): Mention[] {
  const isDecorator = decorators(text);
  return [...text.matchAll(MENTION)]
    .map(({ 0: whole, 1: name, index }) => ({ name, start: index, end: index + whole.length }))
    .filter(({ end }) => !isDecorator(end))
    .slice(0, MAX_MENTIONS);
}

/**
 * Returns what says whether a name that ends at `end` is a decorator's: the line ends there, or with its arguments,
 * and code follows. Each line is read once: a line can hold thousands of mentions.
 */
function decorators(text: string): (end: number) => boolean {
  let lineEnd = -1;
  let textEnd = -1;
  let codeFollows = false;
  return (end) => {
    if (end > lineEnd) {
      lineEnd = text.indexOf("\n", end);
      if (lineEnd < 0) lineEnd = text.length;
      for (textEnd = lineEnd; textEnd > end && /[ \t]/.test(text[textEnd - 1]); ) textEnd--;
      DECORATES.lastIndex = lineEnd;
      codeFollows = DECORATES.test(text);
    }
    return codeFollows && (end >= textEnd || (text[end] === "(" && text[textEnd - 1] === ")"));
  };
}

/** A variable that the kernel has been asked for. */
interface Asked {
  /** What is attached of it; null: nothing is; undefined: the kernel has not answered yet. */
  chip?: Attached | null;
  answered: Promise<Attached | null>;
}

let count = 0;

/** A composer's list of variables, and the variables that its text mentions. */
export class Mentions {
  readonly status = h("p", { class: "nbchat-hint nbchat-mentioned", role: "status", hidden: true });
  readonly announcer = h("div", { class: "nbchat-announcer", role: "status" });
  /** Sends the message. */
  send = () => {};

  #store: Store;
  #draft: Draft;
  #box: HTMLTextAreaElement;
  #id = `nbchat-names-${++count}`;
  #list = h("div", {
    class: "nbchat-options nbchat-names nbchat-popover",
    id: this.#id,
    role: "listbox",
    "aria-label": "Variables",
    popover: "manual",
  });
  #names: Promise<VariableName[]> | undefined;
  #found: VariableName[] = [];
  #active = 0;
  /** Where the mention begins for which the user closed the list. */
  #unwanted = -1;
  #asked = new Map<string, Asked>();
  /** The names of chips that are being made. */
  #coming = new Set<string>();
  #life = new AbortController();

  constructor(store: Store, draft: Draft, box: HTMLTextAreaElement) {
    this.#store = store;
    this.#draft = draft;
    this.#box = box;
    box.setAttribute("aria-autocomplete", "list");
    const on = { signal: this.#life.signal };
    box.addEventListener("input", () => this.#onInput());
    box.addEventListener("blur", () => this.#hide());
    this.#list.addEventListener("mousedown", (event) => event.preventDefault()); // keeps the focus
    this.#list.addEventListener("click", ({ target }) => {
      const at = [...this.#list.children].findIndex((option) => option.contains(target as Node));
      if (at >= 0) this.#pick(at);
    });
    window.addEventListener("resize", () => this.#hide(), on);
    document.addEventListener("scroll", ({ target }) => target === this.#list || this.#hide(), {
      ...on,
      capture: true,
    });
  }

  /** Types "@" into the box, unless a name is being typed there already, and offers the variables. */
  async begin(): Promise<void> {
    this.#box.focus();
    if (!this.#typed()) {
      const { value, selectionStart, selectionEnd } = this.#box;
      const space = /\S$/.test(value.slice(0, selectionStart)) ? " " : "";
      this.#box.setRangeText(`${space}@`, selectionStart, selectionEnd, "end");
      this.#box.dispatchEvent(new Event("input"));
    }
    this.#unwanted = -1;
    await this.#offer();
    if (this.#typed() && (await this.#names)?.length === 0)
      setText(this.status, "There are no variables yet. Run a cell that makes one.");
  }

  close(): void {
    this.#life.abort();
    this.#list.remove();
  }

  /** Handles a key that the open list uses; returns whether it did. */
  onKey(event: KeyboardEvent): boolean {
    if (!this.#list.isConnected || event.shiftKey || event.ctrlKey || event.metaKey || event.altKey)
      return false;
    const last = this.#found.length - 1;
    const keys: Record<string, () => void> = {
      ArrowDown: () => this.#mark(this.#active === last ? 0 : this.#active + 1),
      ArrowUp: () => this.#mark(this.#active === 0 ? last : this.#active - 1),
      Enter: () => this.#pick(this.#active),
      Tab: () => this.#pick(this.#active),
      Escape: () => {
        this.#unwanted = this.#typed()!.start;
        this.#hide();
      },
    };
    const act = keys[event.key];
    if (!act) return false;
    event.preventDefault();
    event.stopPropagation();
    act();
    return true;
  }

  /** Returns whether the message has to wait, because the user has not seen all that it would send. */
  hold(): boolean {
    if (this.#store.state.shared) return false;
    const names = mentionsIn(this.#box.value).map(({ name }) => name);
    const unseen = names.filter((name) => this.#asked.get(name)?.chip === undefined);
    if (unseen.length === 0) return false;
    this.#unwanted = this.#typed()?.start ?? -1;
    this.#hide();
    setText(this.status, "Looking at the variables you mention…");
    void this.#show(unseen);
    return true;
  }

  /** Call when the message has been sent. */
  forget(): void {
    this.#asked.clear();
    setText(this.status, "");
  }

  async #show(names: readonly string[]): Promise<void> {
    const { value } = this.#box;
    const seen = await Promise.all(names.map((name) => this.#ask(name)));
    if (this.#box.value !== value) return setText(this.status, "");
    const chips = seen.filter((chip) => chip !== null).length;
    setText(this.status, chips > 0 ? "Check the attachments, then press Enter again to send." : "");
    if (chips === 0 && this.#draft.notAttached === "") this.send();
  }

  #ask(name: string): Promise<Attached | null> {
    let asked = this.#asked.get(name);
    if (!asked) {
      asked = { answered: this.#attach(name) };
      this.#asked.set(name, asked);
      void asked.answered.then((chip) => (asked!.chip = chip));
    }
    return asked.answered;
  }

  async #attach(name: string): Promise<Attached | null> {
    const file = await fetchVariable(this.#store, name);
    // Meanwhile the user may have removed the mention, or attached the variable in another way.
    if (!file || !this.#asked.has(name) || this.#coming.has(file.name)) return null;
    if (this.#draft.attached.some((each) => each.file.name === file.name)) return null;
    this.#coming.add(file.name);
    const [chip] = await this.#draft.attach([file]);
    this.#coming.delete(file.name);
    return chip ?? null;
  }

  #typed(): { start: number; prefix: string } | undefined {
    const { value, selectionStart } = this.#box;
    const match = TYPED.exec(value.slice(0, selectionStart));
    return match ? { start: match.index, prefix: match[1] ?? "" } : undefined;
  }

  #onInput(): void {
    if (this.#draft.editing || this.#store.state.shared) return this.#hide();
    setText(this.status, "");
    const mentions = mentionsIn(this.#box.value);
    const mentioned = new Set(mentions.map(({ name }) => name));
    for (const [name, { chip }] of this.#asked) {
      if (mentioned.has(name)) continue;
      this.#asked.delete(name);
      if (chip) this.#draft.detach([chip]);
    }
    // A name that is still being typed may become another one.
    const { value, selectionStart: caret } = this.#box;
    let word = caret;
    while (word > 0 && /\S/.test(value[word - 1])) word--;
    for (const { name, start, end } of mentions) {
      // "." and "[" may become an attribute or an item.
      const typing = caret > start && (end >= caret || (end >= word && /[.[]/.test(value[end])));
      if (!typing && !this.#asked.has(name)) void this.#ask(name);
    }
    void this.#offer();
  }

  async #offer(): Promise<void> {
    const typed = this.#typed();
    if (!typed) {
      this.#unwanted = -1;
      this.#names = undefined;
    }
    if (!typed || typed.start === this.#unwanted || !("showPopover" in this.#list)) return this.#hide();
    this.#names ??= fetchNames(this.#store);
    const names = await this.#names;
    const now = this.#typed();
    const page = this.#box.getRootNode() as Document | ShadowRoot;
    if (!now || now.start === this.#unwanted || page.activeElement !== this.#box) return this.#hide();
    const prefix = now.prefix.toLowerCase();
    const begin = names.filter(({ name }) => name.toLowerCase().startsWith(prefix));
    const within = names.filter(({ name }) => name.toLowerCase().indexOf(prefix) > 0);
    this.#found = [...begin, ...within].slice(0, SHOWN);
    if (this.#found.length === 0) return this.#hide();
    this.#draw();
  }

  #draw(): void {
    const options = this.#found.map(({ name, hint }, index) =>
      h(
        "div",
        { class: "nbchat-option", role: "option", id: `${this.#id}-${index}` },
        h(
          "span",
          {},
          h("span", { class: "nbchat-name" }, name),
          h("span", { class: "nbchat-option-more" }, hint),
        ),
      ),
    );
    this.#list.replaceChildren(...options);
    if (!this.#list.isConnected) {
      this.#box.closest(".nbchat-part")!.append(this.#list);
      this.#list.showPopover();
      this.#box.setAttribute("aria-controls", this.#id);
    }
    const { left, top, bottom, width } = this.#box.closest(".nbchat-box")!.getBoundingClientRect();
    const up = top > HEIGHT || top > innerHeight - bottom;
    Object.assign(this.#list.style, {
      left: `${left}px`,
      width: `${Math.min(width, 420)}px`,
      top: up ? "auto" : `${bottom + GAP}px`,
      bottom: up ? `${innerHeight - top + GAP}px` : "auto",
      maxHeight: `${Math.min(HEIGHT, (up ? top : innerHeight - bottom) - 2 * GAP)}px`,
    });
    const total = this.#found.length === 1 ? "1 variable" : `${this.#found.length} variables`;
    setText(this.announcer, `${total}: arrows choose, Enter takes it`);
    this.#mark(0);
  }

  #mark(at: number): void {
    const options = [...this.#list.children];
    this.#active = at;
    options.forEach((option, index) => {
      option.classList.toggle("nbchat-active", index === at);
      option.ariaSelected = String(index === at);
    });
    this.#box.setAttribute("aria-activedescendant", `${this.#id}-${at}`);
    options[at].scrollIntoView({ block: "nearest" });
  }

  #pick(at: number): void {
    const { name } = this.#found[at];
    const { start } = this.#typed()!;
    const end = this.#box.selectionStart;
    const space = /^\s/.test(this.#box.value.slice(end)) ? "" : " ";
    this.#box.setRangeText(`@${name}${space}`, start, end, "end");
    this.#hide();
    this.#box.dispatchEvent(new Event("input"));
  }

  #hide(): void {
    if (!this.#list.isConnected) return;
    this.#list.remove();
    setText(this.announcer, "");
    this.#box.removeAttribute("aria-controls");
    this.#box.removeAttribute("aria-activedescendant");
  }
}
