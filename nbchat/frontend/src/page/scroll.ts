// Scrolls with what streams.

const NEAR_PX = 24;
const KEYS_UP: ReadonlySet<string> = new Set(["ArrowUp", "Home", "PageUp"]);

/**
 * Sticks to the end of a scroll container while the user is there, and lets go as soon as they scroll up.
 * Only sets scrollTop: scrollIntoView would move the notebook as well.
 */
export class AutoScroll {
  sticks = true;
  /** Whether the end is so far away that the user may want a button that leads there. */
  isFar = false;

  #box: HTMLElement;
  #changed: () => void;
  #top = 0;

  constructor(box: HTMLElement, changed: () => void = () => {}) {
    this.#box = box;
    this.#changed = changed;
    box.addEventListener("scroll", () => this.#look(), { passive: true });
    // The browser scrolls smoothly: text that comes before its first step would keep the user at the end.
    box.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#letGo(), { passive: true });
    box.addEventListener("keydown", ({ key, target }) => {
      if (KEYS_UP.has(key) && !(target instanceof HTMLTextAreaElement)) this.#letGo();
    });
    // A user who clicks in a block of code reads there, whatever its output does below.
    box.addEventListener("click", ({ target }) => (target as Element).closest("pre") && this.#letGo());
    // What opens below this line moves nothing above it.
    box.addEventListener("click", ({ target }) => {
      if ((target as Element).closest(".nbchat-thoughts-line:not(.nbchat-thinking)")) this.#stick(false);
    });
    box.addEventListener("contentvisibilityautostatechange", () => this.update());
  }

  /** Call after the content has grown. */
  update(): void {
    if (this.sticks) this.#box.scrollTop = this.#box.scrollHeight;
    this.#top = this.#box.scrollTop;
    this.#measure();
  }

  jump(): void {
    this.#stick(true);
    this.update();
  }

  #letGo(): void {
    if (this.#box.scrollTop > 0) this.#stick(false);
  }

  #look(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const gap = scrollHeight - scrollTop - clientHeight;
    // Any step up lets go, but not content that has shrunk: then the end is still in sight.
    if (scrollTop < this.#top && gap >= 1) this.#stick(false);
    else if (gap < NEAR_PX) this.#stick(true);
    this.#top = scrollTop;
    this.#measure();
  }

  #stick(sticks: boolean): void {
    if (sticks === this.sticks) return;
    this.sticks = sticks;
    // What the user reads stays where it is when something above it turns out taller than was estimated.
    this.#box.style.overflowAnchor = sticks ? "none" : "auto";
  }

  #measure(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const isFar = !this.sticks && scrollHeight - scrollTop - clientHeight > clientHeight / 4;
    if (isFar === this.isFar) return;
    this.isFar = isFar;
    this.#changed();
  }
}
