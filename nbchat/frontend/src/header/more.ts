// The button "More", and the menu of what is done with the whole chat.
import { download } from "../conversation/download";
import { asText } from "../conversation/markdown-copy";
import type { Chat } from "../kernel/chat";
import type { Request } from "../kernel/protocol";
import { COPY_KEYS, copyText } from "../page/clipboard";
import { h } from "../page/dom";
import { iconButton } from "../page/icon";
import { saveFile } from "../page/save";
import { inPane, openPane } from "./pane";
import type { Toast } from "./toast";

type Suffix = Extract<Request, { type: "export" }>["suffix"];

const FORMATS: Record<Suffix, string> = {
  ".md": "Markdown",
  ".ipynb": "Notebook",
  ".json": "Everything, to open again",
};
const GAP = 4;
const MARGIN = 8;
/** Pixels that the menu takes at most. */
const HEIGHT = 420;

function item(text: string, act: () => void): HTMLButtonElement {
  const button = h("button", { type: "button", class: "nbchat-item" }, text);
  button.addEventListener("click", act);
  return button;
}

export class More {
  #chat: Chat;
  #root: HTMLElement;
  #toast: Toast;
  #life = new AbortController();
  #button = iconButton("More", "more");
  #download = h("div");
  #save = item("Save as…", () => this.#unfold(this.#formats.hidden));
  #formats = h(
    "div",
    { class: "nbchat-formats", hidden: true },
    ...Object.entries(FORMATS).map(([suffix, what]) => {
      const button = item(suffix, () => void this.#export(suffix as Suffix));
      button.append(h("span", { class: "nbchat-caption" }, what));
      return button;
    }),
  );
  #copy = item("Copy conversation", () => void this.#copyAll());
  #pane = item("Open in a panel", () => this.#openPane());
  #clear = item("Clear chat", () => void this.#ask({ type: "clear" }));
  #line = h("div", { class: "nbchat-menu-line" });
  #menu = h(
    "div",
    { class: "nbchat-popover nbchat-menu", popover: "auto" },
    this.#download,
    this.#save,
    this.#formats,
    this.#copy,
    this.#pane,
    this.#line,
    this.#clear,
  );
  readonly element = h("div", { class: "nbchat-more-place" }, this.#button, this.#menu);

  constructor(chat: Chat, root: HTMLElement, toast: Toast) {
    this.#chat = chat;
    this.#root = root;
    this.#toast = toast;
    const { signal } = this.#life;
    const end = download(chat, this.#download);
    signal.addEventListener("abort", end);
    this.#download.querySelector("a")?.classList.add("nbchat-item");
    // With it, the browser closes the menu at a click elsewhere or Esc, and returns the focus.
    this.#button.popoverTargetElement = this.#menu;
    this.#button.ariaExpanded = "false";
    this.#menu.addEventListener("beforetoggle", ({ newState }) => newState === "open" && this.#place());
    this.#menu.addEventListener("toggle", ({ newState }) => this.#onToggle(newState === "open"));
    this.element.addEventListener("keydown", (event) => this.#onKey(event));
    document.addEventListener("scroll", () => this.#closeIfMoved(), { signal, capture: true });
    window.addEventListener("resize", () => this.#menu.hidePopover(), { signal });
  }

  close(): void {
    this.#life.abort();
  }

  update(): void {
    const ended = this.#chat.health.end !== "";
    for (const each of [this.#save, this.#line, this.#clear]) each.hidden = ended;
    if (ended) this.#unfold(false);
    this.#pane.hidden = inPane(this.#root);
  }

  #place(): void {
    this.#unfold(false);
    const { right, top, bottom } = this.#button.getBoundingClientRect();
    const [above, below] = [top - GAP - MARGIN, innerHeight - bottom - GAP - MARGIN];
    const up = below < HEIGHT && above > below;
    Object.assign(this.#menu.style, {
      right: `${Math.max(MARGIN, document.documentElement.clientWidth - right)}px`,
      top: up ? "auto" : `${bottom + GAP}px`,
      bottom: up ? `${innerHeight - top + GAP}px` : "auto",
      maxHeight: `${Math.min(HEIGHT, up ? above : below)}px`,
    });
  }

  #onToggle(isOpen: boolean): void {
    this.#button.ariaExpanded = String(isOpen);
    if (isOpen) this.#items[0]?.focus({ preventScroll: true });
  }

  #closeIfMoved(): void {
    if (!this.#menu.matches(":popover-open")) return;
    const { bottom } = this.#button.getBoundingClientRect();
    const { top, bottom: foot } = this.#menu.getBoundingClientRect();
    if (Math.abs(top - bottom) > 2 * GAP && foot > bottom) this.#menu.hidePopover();
  }

  get #items(): HTMLElement[] {
    const items = [...this.#menu.querySelectorAll<HTMLElement>(".nbchat-item")];
    return items.filter((each) => each.offsetParent !== null || each.getClientRects().length > 0);
  }

  #onKey(event: KeyboardEvent): void {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    if (!this.#menu.matches(":popover-open")) return this.#menu.showPopover();
    const items = this.#items;
    const page = this.#menu.getRootNode() as Document | ShadowRoot;
    const at = items.indexOf(page.activeElement as HTMLElement);
    items.at((at + step) % items.length)?.focus();
  }

  #unfold(open: boolean): void {
    this.#formats.hidden = !open;
    this.#save.ariaExpanded = String(open);
  }

  async #ask(request: Request) {
    this.#menu.hidePopover();
    const answer = await this.#chat.store.request(request);
    if (answer.refused !== undefined) this.#toast.say(answer.refused);
    return answer;
  }

  async #export(suffix: Suffix): Promise<void> {
    const { file } = await this.#ask({ type: "export", suffix });
    if (file) saveFile(this.element, file.name, file.content);
  }

  async #copyAll(): Promise<void> {
    this.#menu.hidePopover();
    const log = this.#root.querySelector(".nbchat-log") ?? this.#root;
    const how = await copyText(asText(this.#chat.store.state.messages), log);
    this.#toast.say(how === "copied" ? "Conversation copied" : `Press ${COPY_KEYS} to copy the conversation`);
  }

  #openPane(): void {
    this.#menu.hidePopover();
    if (!openPane(this.#root)) {
      this.#toast.say("In JupyterLab, right-click this output › Create New View for Cell Output.");
    }
  }
}
