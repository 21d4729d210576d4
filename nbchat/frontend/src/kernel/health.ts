// Whether the kernel is there: asks again when it is silent, and says so when it does not answer.
import type { Cleanup } from "../page/cleanup";
import type { Store } from "./store";

const TICK_MS = 300;
const SILENT_MS = 1200;
const SILENT_MAX_MS = 10_000;
const UNANSWERED_MS = 2500;
const NO_ANSWER_MS = 20_000;

const BUSY = "The kernel is busy: this happens when the running cell has ended, or interrupt the kernel.";
const NO_ANSWER = "No answer from the kernel. If it was restarted, run this cell again.";

/** The health of a chat's connection to its kernel. */
export class Health {
  /** What the user should know about the connection, or "". */
  problem = "";
  #store: Store;
  #unsubscribe: Cleanup;
  #timer: ReturnType<typeof setInterval>;
  /** The state at which the kernel was last seen to get on. */
  #seq: number;
  /** How long a running reply may be silent. */
  #patience = SILENT_MS;

  /** Made before any view: a view that draws after a message sees what that means for the connection. */
  constructor(store: Store) {
    this.#store = store;
    this.#seq = store.state.seq;
    this.#unsubscribe = store.subscribe(() => this.#onNews());
    this.#timer = setInterval(() => this.#watch(), TICK_MS);
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#timer);
  }

  #onNews(): void {
    const { seq } = this.#store.state;
    if (seq !== this.#seq) this.#patience = SILENT_MS;
    this.#seq = seq;
    this.problem = this.#judge();
  }

  /**
   * Colab delivers what a background thread sends only together with an answer to the page
   * (https://github.com/googlecolab/colabtools/issues/3373): hence asks while a reply runs and nothing comes.
   */
  #watch(): void {
    const { heardAt, resyncedAt } = this.#store.contact;
    const now = Date.now();
    const asking = resyncedAt !== undefined && now - resyncedAt < SILENT_MAX_MS;
    if (this.#store.state.busy && !asking && now - heardAt > this.#patience) {
      this.#patience = Math.min(this.#patience * 2, SILENT_MAX_MS);
      this.#store.resync();
    }
    if (this.#judge() !== this.problem) this.#store.redraw();
  }

  #judge(): string {
    const { heardAt, resyncedAt, waitingSince, closed } = this.#store.contact;
    const now = Date.now();
    const asked = Math.min(waitingSince, resyncedAt ?? now);
    const gone = closed || now - Math.max(heardAt, asked) > NO_ANSWER_MS;
    if (now - waitingSince > UNANSWERED_MS) return gone ? NO_ANSWER : BUSY;
    return resyncedAt !== undefined && now - resyncedAt > UNANSWERED_MS && gone ? NO_ANSWER : "";
  }
}
