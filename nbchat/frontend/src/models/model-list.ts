// The list of models that opens over the page and is searched by typing.
import type { Listing } from "../kernel/catalogue";
import type { Chat } from "../kernel/chat";
import type { ModelInfo } from "../kernel/protocol";
import { dotted, h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { isComposing } from "../page/keys";
import { keptModels, togglePin } from "./kept-models";
import { abilities, capacity, FILTERS, lastDay, price, searchable, shortName } from "./model-info";
import { search } from "./search";

const WIDTH = 500;
const HEIGHT = 420;
const ENOUGH = 260;
const GAP = 4;
const MARGIN = 8;

interface Entry {
  id: string;
  name: string;
  facts: readonly string[];
  /** Whether the menu offers it. */
  listed: boolean;
  group: "" | "Free" | "Paid" | "Not for chat";
  /** What is known of it. */
  model?: ModelInfo;
  element: HTMLElement;
}

interface Ends {
  choose: (id: string, listed: boolean) => void;
  close: () => void;
}

/** Only for a mouse or a finger: an option has no buttons. By keyboard, "Pin" above the list does it. */
function star(): HTMLElement {
  return h("i", { class: "nbchat-star", "aria-hidden": "true", title: "Pin, or unpin" }, icon("star"));
}

function option(first: (Node | string)[], second: (Node | string)[]): HTMLElement {
  const line = h("span", { class: "nbchat-option-name" }, ...first);
  const more = h("span", { class: "nbchat-option-more" }, ...second);
  return h("div", { class: "nbchat-option", role: "option" }, line, more);
}

function modelEntry(id: string, model: ModelInfo | undefined, chosen: boolean, priced: boolean): Entry {
  const entry = model ? describedEntry(id, model, priced) : plainEntry(id, true, id);
  entry.element.ariaSelected = String(chosen);
  entry.element.append(star());
  if (chosen) entry.element.prepend(icon("check"));
  return entry;
}

function plainEntry(id: string, listed: boolean, text: string): Entry {
  return { id, name: id, facts: [], listed, group: "", element: option([text], []) };
}

function unlistedEntry(id: string): Entry {
  return plainEntry(id, false, `Use "${id}" as the model id`);
}

/** `priced`: the list has prices. */
function describedEntry(id: string, model: ModelInfo, priced: boolean): Entry {
  const cost = price(model) || (priced ? "price unknown" : "");
  const last = lastDay(model);
  const can = [capacity(model), ...abilities(model), last?.text ?? ""].filter(Boolean);
  const shown = shortName(model);
  const group = model.chats === false ? "Not for chat" : model.is_free ? "Free" : "Paid";
  return {
    id,
    model,
    name: model.name || id,
    facts: searchable(model),
    listed: true,
    group,
    element: option(
      [h("span", {}, shown), h("span", { class: "nbchat-option-price" }, cost)],
      [h("span", {}, shown === id ? "" : id), h("span", {}, ...dotted(can))],
    ),
  };
}

function elements(entries: readonly Entry[]): HTMLElement[] {
  return entries.map(({ element }) => element);
}

function group(name: string, entries: readonly Entry[]): HTMLElement[] {
  if (entries.length === 0) return [];
  const unit = name === "Paid" || name === "Not for chat" ? "per M tokens" : "";
  const heading = h("div", { class: "nbchat-group", "aria-hidden": "true" }, h("span", {}, name), unit);
  return [h("div", { role: "group", "aria-label": name }, heading, ...elements(entries))];
}

function passes({ model }: Entry, filter: HTMLElement): boolean {
  return model !== undefined && FILTERS[filter.textContent](model);
}

let count = 0;

/** The models of a menu, until the user has chosen one or turned away. */
export class ModelList {
  #chat: Chat;
  #menu: HTMLSelectElement;
  #anchor: HTMLElement;
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
  #count = h("span", { class: "nbchat-caption", role: "status" });
  #filters = Object.keys(FILTERS).map((name) =>
    h("button", { type: "button", class: "nbchat-filter", "aria-pressed": "false" }, name),
  );
  #pin = h("button", { type: "button", class: "nbchat-filter nbchat-pin" });
  #list = h("div", { class: "nbchat-options", id: this.#id, role: "listbox", "aria-label": "Models" });
  #element = h(
    "div",
    { class: "nbchat-models nbchat-popover", popover: "manual" },
    h("div", { class: "nbchat-search" }, this.#search, this.#count),
    h(
      "div",
      { class: "nbchat-filters", role: "group", "aria-label": "Filters" },
      ...this.#filters,
      this.#pin,
    ),
    this.#list,
  );

  #listing: Listing | undefined;
  #entries: Entry[] = [];
  #shown: Entry[] = [];
  #active: Entry | undefined;

  /** The list offers what `menu` offers, and opens at `anchor`. */
  constructor(chat: Chat, menu: HTMLSelectElement, anchor: HTMLElement, ends: Ends) {
    this.#chat = chat;
    this.#menu = menu;
    this.#anchor = anchor;
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

  /** Puts the list below its anchor, or above it if there is more room: in the window, as a notebook may clip it. */
  #place(): void {
    const { left, right, top, bottom, width } = this.#anchor.getBoundingClientRect();
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
    this.#element.addEventListener("keydown", (event) => this.#onKey(event));
    this.#list.addEventListener("click", (event) => {
      const entry = this.#entryAt(event);
      if ((event.target as Element).closest(".nbchat-star")) this.#togglePin(entry);
      else this.#choose(entry);
    });
    this.#pin.addEventListener("click", () => this.#togglePin(this.#active));
    for (const filter of this.#filters) {
      filter.addEventListener("click", () => {
        filter.ariaPressed = String(filter.ariaPressed !== "true");
        this.#find(this.#active?.listed ? this.#active.id : undefined);
      });
    }
    // Not "pointerover", which also comes when the list scrolls below a mouse that stands still.
    this.#list.addEventListener("pointermove", (event) => {
      const entry = this.#entryAt(event);
      if (entry) this.#mark(entry);
    });
    this.#element.addEventListener("mousedown", (event) => {
      if (event.target !== this.#search) event.preventDefault(); // keeps the focus in the search
    });
    document.addEventListener("pointerdown", (event) => this.#onPointerDown(event), early);
    window.addEventListener("resize", this.#ends.close, on);
    // The conversation scrolls by itself, and so does this list: only an anchor that has moved closes it.
    const { left, top } = this.#anchor.getBoundingClientRect();
    const closeIfMoved = () => {
      const now = this.#anchor.getBoundingClientRect();
      if (now.left !== left || now.top !== top) this.#ends.close();
    };
    document.addEventListener("scroll", closeIfMoved, early);

    const { store } = this.#chat;
    const unsubscribe = store.subscribe(() => {
      if (store.state.catalogue !== this.#listing?.number) this.#refresh();
    });
    const offered = new MutationObserver(() => this.#refresh());
    offered.observe(this.#menu, { childList: true });
    on.signal.addEventListener("abort", () => {
      unsubscribe();
      offered.disconnect();
    });
  }

  /** Makes the entries, for all that the menu offers but its last, "Other model…": here the user types that. */
  #read(): void {
    const { listing } = this.#chat.catalogue;
    if (listing !== this.#listing && listing.models.size === 0) {
      void listing.loaded.then(() => this.#refresh());
    }
    this.#listing = listing;
    const priced = [...listing.models.values()].some((model) => price(model) !== "");
    this.#entries = [...this.#menu.options]
      .slice(0, -1)
      .map(({ value }) => modelEntry(value, listing.models.get(value), value === this.#menu.value, priced));
    // A filter that all models pass, or none, is no choice.
    for (const filter of this.#filters) {
      const passing = this.#entries.filter((entry) => passes(entry, filter)).length;
      filter.hidden = passing === 0 || passing === this.#entries.length;
      if (filter.hidden) filter.ariaPressed = "false";
    }
  }

  #refresh(): void {
    if (this.#life.signal.aborted) return;
    this.#read();
    this.#find(this.#active?.listed ? this.#active.id : undefined);
  }

  /** Shows the entries that fit what is typed; the entry `active`, or else the first, becomes active. */
  #find(active?: string): void {
    const typed = this.#search.value.trim();
    const matching = search(typed, this.#entries);
    const pressed = this.#filters.filter(({ ariaPressed }) => ariaPressed === "true");
    const found = matching.filter((entry) => pressed.every((filter) => passes(entry, filter)));
    const of = (name: Entry["group"]) => found.filter((entry) => entry.group === name);
    const others = of("Not for chat");
    const chats = found.filter((entry) => !others.includes(entry));
    // What only a filter hides is no id of another model.
    const hidden = found.length === 0 && matching.length > 0;
    const known = hidden || this.#entries.some(({ id }) => id === typed);
    const unlisted = typed && !known ? [unlistedEntry(typed)] : [];
    // What is searched for stands in the order of the matches, whatever it costs.
    const headed = ["Free", "Paid"].every((name) => this.#entries.some((entry) => entry.group === name));
    const first = typed ? {} : this.#first(chats);
    const top = Object.values(first).flat();
    const rest = (entries: readonly Entry[]) => entries.filter((entry) => !top.includes(entry));
    const groups: Record<string, readonly Entry[]> =
      headed && !typed
        ? { ...first, "": rest(of("")), Free: rest(of("Free")), Paid: rest(of("Paid")) }
        : { ...first, [top.length > 0 ? "All models" : ""]: rest(chats) };
    groups["Not for chat"] = others;
    this.#shown = [...Object.values(groups).flat(), ...unlisted];
    this.#shown.forEach(({ element }, index) => (element.id = `${this.#id}-${index}`));
    this.#list.replaceChildren(
      ...Object.entries(groups).flatMap(([name, entries]) =>
        name ? group(name, entries) : elements(entries),
      ),
      ...elements(unlisted),
    );
    setText(this.#count, found.length === 1 ? "1 model" : `${found.length || "No"} models`);
    this.#list.scrollTop = 0;
    const kept = this.#shown.find(({ id }) => id === active);
    this.#mark(kept ?? this.#shown[0]);
    kept?.element.scrollIntoView({ block: "center" });
  }

  /** What stands on top: what the user has pinned, and what they used last. */
  #first(entries: readonly Entry[]): Record<string, readonly Entry[]> {
    const those = (ids: readonly string[]) =>
      ids.flatMap((id) => entries.find((entry) => entry.id === id) ?? []);
    const pinned = keptModels("pinned");
    for (const { id, element } of this.#entries) {
      element.classList.toggle("nbchat-pinned", pinned.includes(id));
    }
    return {
      Pinned: those(pinned),
      Recent: those(keptModels("recent").filter((id) => !pinned.includes(id))),
    };
  }

  #togglePin(entry: Entry | undefined): void {
    if (!entry?.listed) return;
    togglePin(entry.id);
    const { scrollTop } = this.#list;
    this.#find(entry.id);
    this.#list.scrollTop = scrollTop; // only the pinned row moves
  }

  #mark(entry: Entry | undefined): void {
    this.#active?.element.classList.remove("nbchat-active");
    this.#active = entry;
    entry?.element.classList.add("nbchat-active");
    this.#search.setAttribute("aria-activedescendant", entry?.element.id ?? "");
    const does = entry?.element.matches(".nbchat-pinned") ? "Unpin" : "Pin";
    setText(this.#pin, entry?.listed ? does : "");
    this.#pin.ariaLabel = `${does} ${entry?.name}`;
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
    if (isComposing(event)) return;
    if (event.ctrlKey || event.metaKey || (event.shiftKey && event.key !== "Tab")) return;
    if (event.key === "Tab" && this.#tab(event.shiftKey)) return;
    const onButton = event.target !== this.#search;
    if (onButton && ["Enter", "Home", "End"].includes(event.key)) return;
    if (onButton && event.key.startsWith("Arrow")) this.#search.focus({ preventScroll: true });
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

  /** Whether Tab goes to a button of the list, or back to the search; else it leaves the list. */
  #tab(back: boolean): boolean {
    const stops: Element[] = [this.#search, ...this.#filters, this.#pin].filter(({ hidden }) => !hidden);
    return stops[stops.indexOf(document.activeElement!) + (back ? -1 : 1)] !== undefined;
  }

  #onPointerDown(event: Event): void {
    const path = event.composedPath();
    if (path.includes(this.#element) || path.includes(this.#anchor)) return;
    this.#ends.close();
    // If nothing else takes the focus, the anchor does: else the next key would be the notebook's.
    setTimeout(() => {
      if (document.activeElement === document.body) this.#anchor.focus({ preventScroll: true });
    });
  }
}
