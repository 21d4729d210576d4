// Whether an element has stayed where it is for long enough: a click right after it has moved was meant for something else.

const REST_MS = 500;

/** Watches an element while it is in the page, frame by frame. */
export class Rest {
  #element: Element;
  #look: (rests: boolean) => void;
  #place = "";
  #since = 0;
  #frame = 0;

  /** `look` is called in each frame. */
  constructor(element: Element, look: (rests: boolean) => void) {
    this.#element = element;
    this.#look = look;
  }

  /** Whether the element, which may have moved since the last frame, is at rest. */
  get rests(): boolean {
    let { x, y, width, height } = this.#element.getBoundingClientRect();
    // Whoever scrolls sees what moves.
    for (let outer = this.#element.parentElement; outer; outer = outer.parentElement) {
      [x, y] = [x + outer.scrollLeft, y + outer.scrollTop];
    }
    const place = [x, y, width, height].map(Math.round).join();
    if (place !== this.#place) this.begin();
    this.#place = place;
    return performance.now() - this.#since >= REST_MS;
  }

  /** Call when what the element shows has changed: its rest begins again. */
  begin(): void {
    this.#since = performance.now();
  }

  /** Watches, as long as the element is in the page. */
  watch(): void {
    if (this.#frame) return;
    this.begin();
    const look = () => {
      this.#frame = 0;
      if (!this.#element.isConnected) return;
      this.#frame = requestAnimationFrame(look);
      this.#look(this.rests);
    };
    this.#frame = requestAnimationFrame(look);
  }

  stop(): void {
    cancelAnimationFrame(this.#frame);
    this.#frame = 0;
  }
}
