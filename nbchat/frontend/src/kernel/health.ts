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
const OFFLINE = "No connection to Jupyter. The page keeps trying to reconnect.";
const NO_ANSWER =
  "The kernel does not answer. If you restarted it, run the cell again. Otherwise, check the connection.";

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
  #kernel: WidgetManager["kernel"];
  #line: Line;
  #lineSince = Date.now();
  /** Whether the page may have missed something. */
  #missed = false;
  #askedAt = -Infinity;

  /** Made before any view: a view that draws after a message sees what that means for the connection. */
  constructor(store: Store) {
    this.#store = store;
    this.#seq = store.state.seq;
    this.#kernel = store.widgets.kernel;
    this.#kernel?.connectionStatusChanged?.connect(this.#onConnection);
    this.#line = lineOf(store.widgets);
    this.#unsubscribe = store.subscribe(() => this.#onNews());
    this.#timer = setInterval(() => this.#watch(), TICK_MS);
  }

  close(): void {
    this.#unsubscribe();
    this.#kernel?.connectionStatusChanged?.disconnect(this.#onConnection);
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
    else if (!ended && this.#shouldAsk()) {
      this.#missed = false;
      this.#askedAt = Date.now();
      this.#store.resync();
    }
    if (this.#judge() !== this.problem || this.#ended() !== this.end) this.#store.redraw();
  }

  #onConnection = (_sender: unknown, status: string): void => {
    this.#missed ||= status === "connected";
  };

  #shouldAsk(): boolean {
    const now = Date.now();
    const { kernel } = this.#store.widgets;
    if (kernel !== this.#kernel) {
      this.#kernel?.connectionStatusChanged?.disconnect(this.#onConnection);
      kernel?.connectionStatusChanged?.connect(this.#onConnection);
      this.#kernel = kernel;
      // JupyterLab 4.6 says nothing to the widgets of a kernel that was shut down: only when they send does their
      // channel turn out to be closed.
      this.#missed = true;
    }
    const line = lineOf(this.#store.widgets);
    if (line !== this.#line) [this.#line, this.#lineSince] = [line, now];
    if (line !== "connecting" && this.#missed) return true;
    const { heardAt, resyncedAt, waitingSince } = this.#store.contact;
    const asking = resyncedAt !== undefined && now - resyncedAt < SILENT_MAX_MS;
    // A request or its answer may be lost.
    if (!asking && now - waitingSince > UNANSWERED_MS && this.#askedAt < waitingSince) return true;
    // Colab delivers what a background thread sends only together with an answer to the page
    // (https://github.com/googlecolab/colabtools/issues/3373): hence asks while a reply runs and nothing comes.
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
    const idle = this.#kernel?.status === "idle";
    if (now - waitingSince > UNANSWERED_MS) return gone || idle ? NO_ANSWER : BUSY;
    return resyncedAt !== undefined && now - resyncedAt > UNANSWERED_MS && gone ? NO_ANSWER : "";
  }
}
