import { catalogueOf, type Catalogue } from "../kernel/catalogue";
import { dotted, h, setText } from "../page/dom";
import { abilities, capacity, lastDay, price } from "../page/units";
import { icon } from "../page/icon";
import type { ModelFacts } from "../kernel/protocol";
import type { Store } from "../kernel/store";

const WIDTH = 460;
const HEIGHT = 420;
const ENOUGH = 260;
const GAP = 4;
const MARGIN = 8;
const GROUPS = ["", "Free", "Paid"] as const;

interface Entry {
  id: string;
  /** Whether the menu has it. */
  listed: boolean;
  group: (typeof GROUPS)[number];
  /** What it is found by, in small letters. */
  words: string;
  element: HTMLElement;
}

interface Ends {
  choose: (id: string, listed: boolean) => void;
  close: () => void;
}

function option(first: (Node | string)[], second: (Node | string)[]): HTMLElement {
  const line = h("span", { class: "nbchat-option-name" }, ...first);
  const more = h("span", { class: "nbchat-option-more" }, ...second);
  return h("div", { class: "nbchat-option", role: "option" }, line, more);
}

function modelEntry(id: string, facts: ModelFacts | undefined, chosen: boolean): Entry {
  const entry = facts ? describedEntry(id, facts) : plainEntry(id, true, id);
  entry.element.ariaSelected = String(chosen);
  if (chosen) entry.element.prepend(icon("check"));
  return entry;
}

function plainEntry(id: string, listed: boolean, text: string): Entry {
  return { id, listed, group: "", words: id.toLowerCase(), element: option([text], []) };
}

function unlistedEntry(id: string): Entry {
  return plainEntry(id, false, `Use "${id}" as the model id`);
}

function describedEntry(id: string, facts: ModelFacts): Entry {
  const cost = price(facts);
  const last = lastDay(facts);
  const can = [capacity(facts), ...abilities(facts), last?.text ?? ""].filter(Boolean);
  const name = facts.name || id;
  const group = facts.is_free ? "Free" : "Paid";
  return {
    id,
    listed: true,
    group,
    words: [id, name, cost, group, ...can].join(" ").toLowerCase(),
    element: option(
      [h("span", {}, name), h("span", { class: "nbchat-option-price" }, cost)],
      [h("span", {}, name === id ? "" : id), h("span", {}, ...dotted(can))],
    ),
  };
}

function elements(entries: readonly Entry[]): HTMLElement[] {
  return entries.map(({ element }) => element);
}

function group(name: string, entries: readonly Entry[]): HTMLElement[] {
  if (entries.length === 0) return [];
  const unit = name === "Paid" ? "per M tokens" : "";
  const heading = h("div", { class: "nbchat-group", "aria-hidden": "true" }, h("span", {}, name), unit);
  return [h("div", { role: "group", "aria-label": name }, heading, ...elements(entries))];
}

let count = 0;

/** The models of a menu over the page, searched by typing, until one has chosen or turned away. */
export class ModelList {
  #store: Store;
  #menu: HTMLSelectElement;
  #ends: Ends;
  #id = `nbchat-models-${++count}`;
  #life = new AbortController();

  #search = h("input", {
    role: "combobox",
    "aria-label": "Search models",
    "aria-expanded": "true",
    "aria-autocomplete": "list",
    "aria-controls": this.#id,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    placeholder: "Search, or type any model id",
  });
  #count = h("span", { class: "nbchat-facts", role: "status" });
  #list = h("div", { class: "nbchat-options", id: this.#id, role: "listbox", "aria-label": "Models" });
  #element = h(
    "div",
    { class: "nbchat-models", popover: "manual" },
    h("div", { class: "nbchat-search" }, this.#search, this.#count),
    this.#list,
  );

  #catalogue: Catalogue | undefined;
  #entries: Entry[] = [];
  #shown: Entry[] = [];
  #active: Entry | undefined;

  constructor(store: Store, menu: HTMLSelectElement, ends: Ends) {
    this.#store = store;
    this.#menu = menu;
    this.#ends = ends;
  }

  open(parent: Element, typed: string): void {
    this.#search.value = typed;
    parent.append(this.#element);
    this.#element.showPopover();
    this.#place();
    this.#read();
    this.#find(typed ? undefined : this.#menu.value);
    this.#search.focus({ preventScroll: true });
    this.#listen();
  }

  remove(): void {
    this.#life.abort();
    this.#element.remove();
  }

  /** Below the menu, or above it where there is more room; in the window, whatever the notebook clips. */
  #place(): void {
    const { left, right, top, bottom, width } = this.#menu.getBoundingClientRect();
    const windowWidth = document.documentElement.clientWidth;
    const wide = Math.min(Math.max(width, WIDTH), windowWidth - 2 * MARGIN);
    const fits = left + wide <= windowWidth - MARGIN;
    const above = top - GAP - MARGIN;
    const below = innerHeight - bottom - GAP - MARGIN;
    const up = below < ENOUGH && above > below;
    Object.assign(this.#element.style, {
      width: `${wide}px`,
      left: `${Math.max(MARGIN, fits ? left : right - wide)}px`,
      top: up ? "auto" : `${bottom + GAP}px`,
      bottom: up ? `${innerHeight - top + GAP}px` : "auto",
      maxHeight: `${Math.min(HEIGHT, up ? above : below)}px`,
    });
  }

  #listen(): void {
    const on = { signal: this.#life.signal };
    const early = { ...on, capture: true };
    this.#search.addEventListener("input", () => this.#find());
    this.#search.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("click", (event) => this.#choose(this.#entryAt(event)));
    // Not "over", which also comes when the list moves below a mouse that stands still.
    this.#list.addEventListener("pointermove", (event) => {
      const entry = this.#entryAt(event);
      if (entry) this.#mark(entry);
    });
    this.#element.addEventListener("mousedown", (event) => {
      if (event.target !== this.#search) event.preventDefault(); // the focus stays where one types
    });
    document.addEventListener("pointerdown", (event) => this.#onPointerDown(event), early);
    window.addEventListener("resize", this.#ends.close, on);
    // The conversation scrolls by itself, and so does this list: what counts is where the menu is.
    const { left, top } = this.#menu.getBoundingClientRect();
    const follow = () => {
      const now = this.#menu.getBoundingClientRect();
      if (now.left !== left || now.top !== top) this.#ends.close();
    };
    document.addEventListener("scroll", follow, early);

    const unsubscribe = this.#store.subscribe(() => {
      if (this.#store.state.catalogue !== this.#catalogue?.number) this.#refresh();
    });
    const offered = new MutationObserver(() => this.#refresh());
    offered.observe(this.#menu, { childList: true });
    on.signal.addEventListener("abort", () => {
      unsubscribe();
      offered.disconnect();
    });
  }

  /** Makes the entries of what the menu offers, but for its last: "Other model…" is what one types here. */
  #read(): void {
    const catalogue = catalogueOf(this.#store);
    if (catalogue !== this.#catalogue && catalogue.facts.size === 0) {
      void catalogue.come.then(() => this.#refresh());
    }
    this.#catalogue = catalogue;
    this.#entries = [...this.#menu.options]
      .slice(0, -1)
      .map(({ value }) => modelEntry(value, catalogue.facts.get(value), value === this.#menu.value));
  }

  #refresh(): void {
    if (this.#life.signal.aborted) return;
    this.#read();
    this.#find(this.#active?.listed ? this.#active.id : undefined);
  }

  /** Shows what has all the typed words in it; `active`, or else the first, is then the active one. */
  #find(active?: string): void {
    const typed = this.#search.value.trim();
    const words = typed.toLowerCase().split(/\s+/);
    const found = this.#entries.filter((entry) => words.every((word) => entry.words.includes(word)));
    const groups = GROUPS.map((name) => found.filter(({ group }) => group === name));
    const [none, free, paid] = groups;
    const unlisted = typed && !this.#entries.some(({ id }) => id === typed) ? [unlistedEntry(typed)] : [];
    this.#shown = [...none, ...free, ...paid, ...unlisted];
    this.#shown.forEach(({ element }, index) => (element.id = `${this.#id}-${index}`));
    const headed = ["Free", "Paid"].every((name) => this.#entries.some(({ group }) => group === name));
    this.#list.replaceChildren(
      ...elements(none),
      ...(headed ? [...group("Free", free), ...group("Paid", paid)] : elements([...free, ...paid])),
      ...elements(unlisted),
    );
    setText(this.#count, found.length === 1 ? "1 model" : `${found.length || "No"} models`);
    this.#list.scrollTop = 0;
    const kept = this.#shown.find(({ id }) => id === active);
    this.#mark(kept ?? this.#shown[0]);
    kept?.element.scrollIntoView({ block: "center" });
  }

  #mark(entry: Entry | undefined): void {
    this.#active?.element.classList.remove("nbchat-active");
    this.#active = entry;
    entry?.element.classList.add("nbchat-active");
    this.#search.setAttribute("aria-activedescendant", entry?.element.id ?? "");
  }

  #move(to: number): void {
    const entry = this.#shown[Math.max(0, Math.min(to, this.#shown.length - 1))];
    this.#mark(entry);
    entry?.element.scrollIntoView({ block: "nearest" });
  }

  #choose(entry: Entry | undefined): void {
    if (!entry) return;
    this.#ends.close();
    this.#ends.choose(entry.id, entry.listed);
  }

  #entryAt({ target }: Event): Entry | undefined {
    const element = (target as Element).closest(".nbchat-option");
    return this.#shown.find((entry) => entry.element === element);
  }

  #onKey(event: KeyboardEvent): void {
    // 229: a key that goes to an input method, in browsers that don't say isComposing.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.ctrlKey || event.metaKey || (event.shiftKey && event.key !== "Tab")) return;
    const at = this.#active ? this.#shown.indexOf(this.#active) : -1;
    const page = Math.floor(this.#list.clientHeight / (this.#active?.element.offsetHeight || 1)) - 1;
    const last = this.#shown.length - 1;
    const keys: Record<string, () => void> = {
      ArrowDown: () => this.#move(at + 1),
      ArrowUp: () => this.#move(at - 1),
      PageDown: () => this.#move(at + page),
      PageUp: () => this.#move(at - page),
      Home: () => this.#move(0),
      End: () => this.#move(last),
      Enter: () => this.#choose(this.#shown[at]),
      Escape: this.#ends.close,
      Tab: this.#ends.close,
    };
    const act = keys[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  }

  #onPointerDown(event: Event): void {
    const path = event.composedPath();
    if (path.includes(this.#element) || path.includes(this.#menu)) return;
    this.#ends.close();
    // Where nothing takes the focus it would be lost now: the next key would be the notebook's.
    setTimeout(() => {
      if (document.activeElement === document.body) this.#menu.focus({ preventScroll: true });
    });
  }
}
