// Whether the kernel is there: asks again when it is silent, and says so when it does not answer.
import type { Cleanup } from "../page/cleanup";
import type { WidgetManager } from "./anywidget";
import type { Store } from "./store";

const TICK_MS = 300;
const SILENT_MS = 1200;
const SILENT_MAX_MS = 10_000;
const UNANSWERED_MS = 2500;
const NO_ANSWER_MS = 20_000;

const BUSY = "The kernel is busy. This will happen when the current cell finishes, or when you interrupt it.";
const OFFLINE = "There is no connection to Jupyter at the moment. The chat continues once it is back.";
const NO_ANSWER = "The kernel does not answer. If you restarted it, run the cell again.";

/** Why there is no kernel any more, or "". "saved": this page never had it, and shows what the notebook has saved. */
export type End = "" | "restarted" | "ended" | "saved";

/** Whether the page is connected to a kernel, as far as the host says. */
type Line = "unknown" | "connected" | "connecting" | "none";

function lineOf({ kernel }: WidgetManager): Line {
  if (kernel === undefined) return "unknown";
  if (kernel === null || kernel.status === "dead") return "none";
  if (kernel.status === undefined || kernel.connectionStatus === undefined) return "unknown";
  const works = kernel.status === "idle" || kernel.status === "busy";
  return works && kernel.connectionStatus === "connected" ? "connected" : "connecting";
}

/** The health of a chat's connection to its kernel. */
export class Health {
  /** What the user should know about a connection that may come back, or "". */
  problem = "";
  end: End = "";
  #store: Store;
  #unsubscribe: Cleanup;
  #timer: ReturnType<typeof setInterval>;
  /** The state at which the kernel was last seen to get on. */
  #seq: number;
  /** How long a running reply may be silent. */
  #patience = SILENT_MS;
  #line: Line;
  #lineSince = Date.now();

  /** Made before any view: a view that draws after a message sees what that means for the connection. */
  constructor(store: Store) {
    this.#store = store;
    this.#seq = store.state.seq;
    this.#line = lineOf(store.widgets);
    this.#unsubscribe = store.subscribe(() => this.#onNews());
    this.#timer = setInterval(() => this.#watch(), TICK_MS);
  }

  close(): void {
    this.#unsubscribe();
    clearInterval(this.#timer);
  }

  /** Whether the kernel has answered, and nothing speaks against it since. */
  get isAlive(): boolean {
    return this.#store.contact.heard && this.end === "" && this.problem === "";
  }

  #onNews(): void {
    const { seq } = this.#store.state;
    if (seq !== this.#seq) this.#patience = SILENT_MS;
    this.#seq = seq;
    this.problem = this.#judge();
    this.end = this.#ended();
  }

  #watch(): void {
    const { closed, ended } = this.#store.contact;
    if (closed && !ended) this.#store.end();
    else if (!ended && this.#shouldAsk()) this.#store.resync();
    if (this.#judge() !== this.problem || this.#ended() !== this.end) this.#store.redraw();
  }

  #shouldAsk(): boolean {
    const now = Date.now();
    const line = lineOf(this.#store.widgets);
    if (line !== this.#line) {
      [this.#line, this.#lineSince] = [line, now];
      // What came meanwhile may be lost. JupyterLab 4.6 says nothing to the widgets of a kernel that died: only when
      // they send does their connection turn out to be closed.
      if (line !== "connecting") return true;
    }
    // Colab delivers what a background thread sends only together with an answer to the page
    // (https://github.com/googlecolab/colabtools/issues/3373): hence asks while a reply runs and nothing comes.
    const { heardAt, resyncedAt } = this.#store.contact;
    const asking = resyncedAt !== undefined && now - resyncedAt < SILENT_MAX_MS;
    if (!this.#store.state.busy || asking || now - heardAt <= this.#patience) return false;
    this.#patience = Math.min(this.#patience * 2, SILENT_MAX_MS);
    return true;
  }

  #ended(): End {
    const { ended, heard } = this.#store.contact;
    if (!ended) return "";
    if (!heard) return "saved";
    const line = lineOf(this.#store.widgets);
    return line === "connected" || line === "connecting" ? "restarted" : "ended";
  }

  #judge(): string {
    const { heardAt, resyncedAt, waitingSince, ended } = this.#store.contact;
    const now = Date.now();
    if (ended) return "";
    if (this.#line === "connecting" && now - this.#lineSince > UNANSWERED_MS) return OFFLINE;
    const asked = Math.min(waitingSince, resyncedAt ?? now);
    const gone = now - Math.max(heardAt, asked) > NO_ANSWER_MS;
    if (now - waitingSince > UNANSWERED_MS) return gone ? NO_ANSWER : BUSY;
    return resyncedAt !== undefined && now - resyncedAt > UNANSWERED_MS && gone ? NO_ANSWER : "";
  }
}
