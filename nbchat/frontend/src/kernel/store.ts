import { referenced, type AnyModel, type WidgetManager, type WidgetModel } from "./anywidget";
import type { Attached } from "../attachments/attaching";
import { Pictures } from "./pictures";
import type { Change, FromKernel, Message, Received, Request, Snapshot, ToKernel } from "./protocol";
import { Runs } from "./code-runs";

const TICK_MS = 300;
const SILENT_MS = 1200;
const SILENT_MAX_MS = 10_000;
const UNANSWERED_MS = 2500;
const NO_ANSWER_MS = 20_000;
/** A slow connection's upload: bytes in a millisecond. */
const UPLOAD_SPEED = 250;

const BUSY =
  "The kernel is busy: this happens when the running cell has ended, or interrupt the kernel.";
const NO_ANSWER = "No answer from the kernel. If it was restarted, run this cell again.";

/** What is answered by a file. */
const FILES: ReadonlySet<Request["type"]> = new Set([
  ...(["download", "asset", "models", "attachment"] as const),
  ...(["names", "variable", "failure", "outputs"] as const),
]);
/** What no person waits for. */
const QUIET: ReadonlySet<Request["type"]> = new Set(["asset", "models"]);

const EMPTY: Snapshot = {
  seq: 0,
  busy: false,
  messages: [],
  notices: [],
  download: null,
  thoughts: null,
  model: "",
  server: "",
  facts: null,
  disabled: {},
  catalogue: 0,
  account: "",
  usage: null,
  max_cost: null,
  context: null,
};

/** Fills in what the versions of nbchat that saved older notebooks did not know. */
function complete(snapshot: Partial<Snapshot>): Snapshot {
  const { messages = [], notices = [] } = snapshot;
  const later = {
    ...{ first_token_s: null, estimated_cost: null, retry_in_s: null },
    ...{ attachments: [], tool_calls: [], notes: [], runs: {} },
  };
  return {
    ...EMPTY,
    ...snapshot,
    messages: messages.map((message) => {
      const whole = Object.keys(later).every((name) => name in message);
      return whole ? message : { ...later, ...message };
    }),
    notices: notices.map((notice) => ({ ...notice, secret_button: notice.secret_button ?? "Use this key" })),
  };
}

export interface Answer extends Received {
  /** Of what is answered by one. */
  file?: { name: string; content: BlobPart };
}

interface Pending {
  type: Request["type"];
  quiet: boolean;
  since: number;
  resolve: (answer: Answer) => void;
}

/** One chat's state on this page, kept in step with the kernel; all its views draw from it. */
export class Store {
  /** Never changed in place, only replaced where it differs: a view sees at once what it need not draw. */
  state: Snapshot;
  /** What a person should know about the connection, or "". */
  problem = "";

  /** The message that one is editing, and where in the page one asked for that. */
  editing: { message: Message; from: Element } | undefined;

  /** What one is to find in the composer beside `from`, to send it. */
  draft: { text: string; from: Element } | undefined;

  /** What goes with the next message, and why something else does not. */
  attached: readonly Attached[] = [];
  notAttached = "";
  readonly pictures = new Pictures(this);
  readonly runs = new Runs(this);

  #model: AnyModel;
  /** A real model of the same kernel: the proxy does not tell whether that lives. */
  #peer: WidgetModel | undefined;
  #views = new Set<() => void>();
  #onMessageSent = new Set<() => void>();
  #pending = new Map<string, Pending>();
  #heard = Date.now();
  #asked: number | undefined;
  #patience = SILENT_MS;
  #timer: ReturnType<typeof setInterval>;

  constructor(model: AnyModel) {
    this.#model = model;
    this.state = complete(model.get("snapshot") as Partial<Snapshot>);
    model.on("msg:custom", this.#receive);
    void referenced(model, "bundle").then((peer) => (this.#peer = peer));
    this.#timer = setInterval(() => this.#watch(), TICK_MS);
    this.#resync();
  }

  close(): void {
    clearInterval(this.#timer);
    this.pictures.close();
    this.#model.off("msg:custom", this.#receive);
  }

  /** Calls `view` after each change, and returns how to end that. */
  subscribe(view: () => void): () => void {
    this.#views.add(view);
    return () => this.#views.delete(view);
  }

  /** Calls `then` when a message that was typed in this page has arrived. */
  onMessageSent(then: () => void): () => void {
    this.#onMessageSent.add(then);
    return () => this.#onMessageSent.delete(then);
  }

  /** Sends, and resolves with the kernel's answer: never, if there is none. `quiet`: no person waits for it. */
  request(request: Request, buffers: ArrayBuffer[] = [], quiet = QUIET.has(request.type)): Promise<Answer> {
    const nonce = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const size = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const since = Date.now() + size / UPLOAD_SPEED;
    return new Promise((resolve) => {
      this.#pending.set(nonce, { type: request.type, quiet, since, resolve });
      this.#model.send({ ...request, nonce } satisfies ToKernel, undefined, buffers);
    });
  }

  get widgets(): WidgetManager {
    return this.#model.widget_manager;
  }

  /** Has a message drawn again, of which something has changed that the kernel knows nothing of. */
  renew(id: string): void {
    this.state = { ...this.state, ...this.#replaced(id, () => ({})) };
    this.redraw();
  }

  edit(message: Message, from: Element): void {
    this.editing = { message, from };
    this.redraw();
  }

  endEdit(): void {
    this.editing = undefined;
    this.notAttached = "";
    this.redraw();
  }

  write(text: string, from: Element): void {
    this.draft = { text, from };
    this.redraw();
  }

  attach(attached: readonly Attached[], problem = ""): void {
    this.attached = [...this.attached, ...attached];
    this.notAttached = problem;
    this.redraw();
  }

  detach(attached: readonly Attached[]): void {
    this.attached = this.attached.filter((each) => !attached.includes(each));
    this.notAttached = "";
    this.redraw();
  }

  get lastReply(): Message | undefined {
    return this.state.messages.findLast((message) => message.role === "assistant");
  }

  #send(message: ToKernel): void {
    this.#model.send(message);
  }

  #receive = (message: FromKernel, buffers: DataView[] = []): void => {
    this.#heard = Date.now();
    switch (message.type) {
      case "synced":
        this.#asked = undefined;
        break;
      case "snapshot":
        this.#asked = undefined;
        if (message.snapshot.seq !== this.state.seq) this.#patience = SILENT_MS;
        this.state = complete(message.snapshot);
        this.#save();
        break;
      case "received":
        this.#answer(message.nonce, message);
        break;
      case "file":
        this.#answer(message.nonce, {
          type: "received",
          nonce: message.nonce,
          file: { name: message.name, content: buffers[0] as BlobPart },
        });
        break;
      default:
        if (message.seq <= this.state.seq) return;
        if (message.seq > this.state.seq + 1) {
          if (this.#asked === undefined) this.#resync();
          return;
        }
        this.#patience = SILENT_MS;
        this.state = { ...this.state, ...this.#changed(message), seq: message.seq };
        if (message.type !== "delta") this.#save();
    }
    this.#judge();
    this.redraw();
  };

  /** What `change` replaces in the state. */
  #changed(change: Change): Partial<Snapshot> {
    const { messages } = this.state;
    switch (change.type) {
      case "message": {
        const at = messages.findIndex((message) => message.id === change.message.id);
        return { messages: at < 0 ? [...messages, change.message] : messages.with(at, change.message) };
      }
      case "delta":
        return this.#replaced(change.id, ({ content, reasoning }) => ({
          content: content + (change.content ?? ""),
          reasoning: reasoning + (change.reasoning ?? ""),
        }));
      case "facts":
        return this.#replaced(change.id, () => change.facts);
      case "call":
        return this.#replaced(change.id, ({ tool_calls: calls }) => ({
          tool_calls: [...calls.slice(0, change.index), change.call, ...calls.slice(change.index + 1)],
        }));
      case "replace": {
        const kept = messages.filter((message) => !change.ids.includes(message.id));
        return { messages: [...kept, ...change.messages] };
      }
      case "state": {
        const { type: _type, seq: _seq, ...state } = change;
        return state;
      }
    }
  }

  #replaced(id: string, part: (message: Message) => Partial<Message>): Partial<Snapshot> {
    const { messages } = this.state;
    const at = messages.findLastIndex((message) => message.id === id);
    return at < 0 ? {} : { messages: messages.with(at, { ...messages[at], ...part(messages[at]) }) };
  }

  /** For the saved notebook only: never sent, hence no save_changes. */
  #save(): void {
    this.#model.set("snapshot", this.state);
  }

  #answer(nonce: string, answer: Answer): void {
    const pending = this.#pending.get(nonce);
    // What asks for a file has been answered when the file is here.
    const wantsFile = pending !== undefined && FILES.has(pending.type);
    if (wantsFile && !answer.file && answer.refused === undefined) return;
    pending?.resolve(answer);
    this.#pending.delete(nonce);
    const isMessage = pending?.type === "send" || pending?.type === "edit";
    if (isMessage && answer.refused === undefined) for (const then of this.#onMessageSent) then();
  }

  #resync(): void {
    this.#asked = Date.now();
    this.#send({ type: "resync", seq: this.state.seq });
  }

  /** Some hosts deliver what a background thread sends only together with an answer: so ask. */
  #watch(): void {
    const now = Date.now();
    const waiting = this.#asked !== undefined && now - this.#asked < SILENT_MAX_MS;
    if (this.state.busy && !waiting && now - this.#heard > this.#patience) {
      this.#patience = Math.min(this.#patience * 2, SILENT_MAX_MS);
      this.#resync();
    }
    if (this.#judge()) this.redraw();
  }

  /** Tells whether `problem` has changed. */
  #judge(): boolean {
    const now = Date.now();
    const before = this.problem;
    const asked = [...this.#pending.values()].filter(({ quiet }) => !quiet);
    const sent = Math.min(...asked.map(({ since }) => since));
    const gone =
      this.#peer?.comm_live === false ||
      now - Math.max(this.#heard, Math.min(sent, this.#asked ?? now)) > NO_ANSWER_MS;
    if (now - sent > UNANSWERED_MS) this.problem = gone ? NO_ANSWER : BUSY;
    else if (this.#asked !== undefined && now - this.#asked > UNANSWERED_MS && gone)
      this.problem = NO_ANSWER;
    else this.problem = "";
    return this.problem !== before;
  }

  /** Has all views draw again. */
  redraw(): void {
    for (const view of this.#views) view();
  }
}
