// Opens and folds the panel of settings: beside the conversation where there is room, else over it.
import type { Chat } from "../kernel/chat";
import { iconButton } from "../page/icon";

/** Pixels of output from which on there is room beside the conversation. */
const WIDE = 980;
const KEY = "nbchat.settings";

/** Whether the user has folded the panel where there was room for it. The storage of some pages throws. */
function wasFolded(): boolean {
  try {
    return localStorage.getItem(KEY) === "folded";
  } catch {
    return false;
  }
}

function remember(folded: boolean): void {
  try {
    localStorage.setItem(KEY, folded ? "folded" : "open");
  } catch {
    // Then the next page opens it.
  }
}

let count = 0;

export class SettingsPanel {
  readonly button = iconButton("Settings", "settings");
  #root: HTMLElement;
  #life = new AbortController();
  #wide = false;
  #isOpen = false;

  /** `root` is the whole chat; its classes say where the panel stands. */
  constructor(root: HTMLElement) {
    this.#root = root;
    this.button.addEventListener("click", () => (this.#isOpen ? this.#fold() : this.open()));
    this.#fit();
    const resized = new ResizeObserver(() => this.#fit());
    resized.observe(root);
    const { signal } = this.#life;
    signal.addEventListener("abort", () => resized.disconnect());
    // Early, as our own parts keep their keys and clicks.
    const early = { signal, capture: true };
    root.addEventListener("pointerdown", ({ target }) => this.#onPointerDown(target as Element), early);
    root.addEventListener("keydown", (event) => this.#onKey(event), early);
  }

  close(): void {
    this.#life.abort();
    this.#root.classList.remove("nbchat-beside", "nbchat-over");
  }

  /** Opens the panel; over the conversation, it takes the focus. */
  open(): void {
    this.#show(true);
    if (this.#wide) remember(false);
    else this.#side?.querySelector<HTMLElement>("select, textarea, button")?.focus({ preventScroll: true });
  }

  update({ health }: Chat): void {
    if (this.#side && !this.#side.id) this.#name(this.#side);
    // What a notebook has saved is only read.
    this.button.hidden = health.end === "saved";
    if (this.button.hidden && this.#isOpen) this.#show(false);
  }

  get #side(): HTMLElement | null {
    return this.#root.querySelector<HTMLElement>(":scope > .nbchat-side");
  }

  #fold(): void {
    this.#show(false);
    if (this.#wide) remember(true);
  }

  #fit(): void {
    const width = this.#root.clientWidth;
    if (width === 0) return; // hidden
    const wide = width >= WIDE;
    if (wide === this.#wide && this.button.ariaExpanded !== null) return;
    this.#wide = wide;
    this.#show(wide && !wasFolded() && !this.button.hidden);
  }

  #show(open: boolean): void {
    this.#isOpen = open;
    this.#root.classList.toggle("nbchat-beside", open && this.#wide);
    this.#root.classList.toggle("nbchat-over", open && !this.#wide);
    this.button.ariaExpanded = String(open);
  }

  /** Names the panel; ipywidgets may make it later than this. */
  #name(side: HTMLElement): void {
    side.id = `nbchat-settings-${++count}`;
    side.role = "group";
    side.ariaLabel = "Settings";
    this.button.setAttribute("aria-controls", side.id);
  }

  #onPointerDown(target: Element): void {
    const isOver = this.#isOpen && !this.#wide;
    if (isOver && !this.#side?.contains(target) && !this.button.contains(target)) this.#fold();
  }

  #onKey(event: KeyboardEvent): void {
    const target = event.target as Element;
    const isOver = this.#isOpen && !this.#wide;
    if (event.key !== "Escape" || !isOver || target.closest(".nbchat-popover")) return;
    if (!this.#side?.contains(target) && target !== this.button) return;
    event.preventDefault();
    event.stopPropagation();
    this.#fold();
    this.button.focus({ preventScroll: true });
  }
}
