const NEAR_PX = 24;
const KEYS_UP: ReadonlySet<string> = new Set(["ArrowUp", "Home", "PageUp"]);

/**
 * Keeps the end of a scroll container in sight while one is there, and lets go as soon as one scrolls up.
 * Only sets scrollTop: scrollIntoView would move the notebook as well.
 */
export class AutoScroll {
  following = true;

  #box: HTMLElement;
  #changed: () => void;
  #top = 0;

  constructor(box: HTMLElement, changed: () => void = () => {}) {
    this.#box = box;
    this.#changed = changed;
    box.addEventListener("scroll", () => this.#look(), { passive: true });
    // A browser scrolls smoothly: growth before the first step would hold one at the end.
    box.addEventListener("wheel", ({ deltaY }) => deltaY < 0 && this.#letGo(), { passive: true });
    box.addEventListener("keydown", ({ key, target }) => {
      if (KEYS_UP.has(key) && !(target instanceof HTMLTextAreaElement)) this.#letGo();
    });
    // Who does something with a block of code reads there, whatever it gives below.
    box.addEventListener("click", ({ target }) => (target as Element).closest("pre") && this.#letGo());
    box.addEventListener("contentvisibilityautostatechange", () => this.update());
  }

  /** Call after the content has grown. */
  update(): void {
    if (this.following) this.#box.scrollTop = this.#box.scrollHeight;
    this.#top = this.#box.scrollTop;
  }

  jump(): void {
    this.#follow(true);
    this.update();
  }

  #letGo(): void {
    if (this.#box.scrollTop > 0) this.#follow(false);
  }

  #look(): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#box;
    const gap = scrollHeight - scrollTop - clientHeight;
    // The least step up lets go; content that has shrunk still ends at the end.
    if (scrollTop < this.#top && gap >= 1) this.#follow(false);
    else if (gap < NEAR_PX) this.#follow(true);
    this.#top = scrollTop;
  }

  #follow(following: boolean): void {
    if (following === this.following) return;
    this.following = following;
    // What one reads stays where it is when something above it turns out taller than was thought.
    this.#box.style.overflowAnchor = following ? "none" : "auto";
    this.#changed();
  }
}
