// A chat's state as the kernel has it, and what the page asks of the kernel.
import type { Cleanup } from "../page/cleanup";
import { unreachable } from "../page/unreachable";
import { referenced, type AnyModel, type WidgetManager, type WidgetModel } from "./anywidget";
import {
  INITIAL_STATE,
  isAnsweredByFile,
  type Change,
  type FromKernel,
  type Message,
  type Messages,
  type Received,
  type Request,
  type Snapshot,
  type ToKernel,
} from "./protocol";
import { isRunning, unsent } from "./unsent";

/** A slow connection's upload: bytes in a millisecond. */
const UPLOAD_SPEED = 250;

/** The requests that the user does not wait for. */
const QUIET: ReadonlySet<Request["type"]> = new Set(["asset", "earlier", "models", "ran"]);

/** Fills in what the versions of nbchat that saved older notebooks did not know. */
function complete(snapshot: Partial<Snapshot>): Snapshot {
  const { messages = [] } = snapshot;
  const later = {
    ...{ first_token_s: null, estimated_cost: null, retry_in_s: null },
    ...{ attachments: [], tool_calls: [], notes: [], runs: {} },
  };
  return {
    ...INITIAL_STATE,
    seq: 0,
    ...snapshot,
    messages: messages.map((message) => {
      const whole = Object.keys(later).every((name) => name in message);
      return whole ? message : { ...later, ...message };
    }),
  };
}

/** A reply whose kernel has ended. */
function stopped(message: Message): Message {
  const tool_calls = message.tool_calls.map((call) =>
    call.status === "waiting" || call.status === "running" ? { ...call, status: "stopped" as const } : call,
  );
  return { ...message, status: "stopped", tool_calls };
}

export interface Answer extends Received {
  /** Present if the request is answered by a file. */
  file?: { name: string; content: BlobPart };
}

interface Pending {
  request: Request & { nonce: string };
  buffers: ArrayBuffer[];
  quiet: boolean;
  since: number;
  /** Whether the page has asked what it missed since: once that is answered, the request itself was lost. */
  overtaken: boolean;
  resolve: (answer: Answer) => void;
}

/** When the page and the kernel last spoke, in ms as Date.now() counts them. */
export interface Contact {
  /** When the kernel's last message came. */
  heardAt: number;
  /** When the page asked for what it may have missed; undefined once the kernel has answered. */
  resyncedAt: number | undefined;
  /** Since when the user has waited for an answer; Infinity: no answer is due. */
  waitingSince: number;
  /** Whether the kernel has ever spoken to this page. */
  heard: boolean;
  /** Whether there is no channel to the kernel any more: the kernel was restarted, or has ended. */
  closed: boolean;
  /** Whether the page has given that kernel up. */
  ended: boolean;
}

/** One chat's state, kept in step with the kernel, and the requests of all its views. */
export class Store {
  /** Never changed in place, only replaced where it differs: a view sees at once what it need not draw. */
  state: Snapshot;
  /** What the user should know of a fault of nbchat itself, or "". */
  fault = "";

  #model: AnyModel;
  /** A real model of the same kernel: anywidget's proxy does not say whether the connection is open. */
  #peer: WidgetModel | undefined;
  #views = new Set<(urgent: boolean) => void>();
  #onMessageSent = new Set<() => void>();
  #pending = new Map<string, Pending>();
  #heardAt = Date.now();
  #heard = false;
  #resyncedAt: number | undefined;
  /** Whether the widget manager failed to send. */
  #unsendable = false;
  #ended = false;
  /** The message before which others were asked for last. */
  #asksBefore: string | undefined;

  constructor(model: AnyModel) {
    this.#model = model;
    this.state = complete(model.get("snapshot") as Partial<Snapshot>);
    model.on("msg:custom", this.#receive);
    void referenced(model, "bundle").then((peer) => (this.#peer = peer));
    this.resync();
    this.#askEarlier();
  }

  close(): void {
    this.#model.off("msg:custom", this.#receive);
  }

  get widgets(): WidgetManager {
    return this.#model.widget_manager;
  }

  /** The reply that streams, else the last one whose message was sent. */
  get lastReply(): Message | undefined {
    const { messages } = this.state;
    const isReply = (message: Message) => message.role === "assistant" && !unsent(message, messages);
    return messages.find(isRunning) ?? messages.findLast(isReply);
  }

  get contact(): Contact {
    const waited = [...this.#pending.values()].filter(({ quiet }) => !quiet);
    return {
      heardAt: this.#heardAt,
      resyncedAt: this.#resyncedAt,
      waitingSince: Math.min(...waited.map(({ since }) => since)),
      heard: this.#heard,
      closed: this.#unsendable || this.#peer?.comm_live === false,
      ended: this.#ended,
    };
  }

  /** Calls `view` after each change, and returns how to end that; only text that streams is not urgent. */
  subscribe(view: (urgent: boolean) => void): Cleanup {
    this.#views.add(view);
    return () => this.#views.delete(view);
  }

  /** Has all views draw again, for a change that only this page knows of. */
  redraw(urgent = true): void {
    for (const view of this.#views) view(urgent);
  }

  /** The same for a view that draws each message only when it has changed. */
  redrawMessage(id: string): void {
    this.state = { ...this.state, ...this.#replaced(id, () => ({})) };
    this.redraw();
  }

  /** Calls `then` when a message that was typed in this page has arrived. */
  onMessageSent(then: () => void): Cleanup {
    this.#onMessageSent.add(then);
    return () => this.#onMessageSent.delete(then);
  }

  /**
   * Sends, and resolves with the kernel's answer: never, if there is none; with a refusal without words, if
   * there is no kernel. `quiet`: the user does not wait for it.
   */
  request(request: Request, buffers: ArrayBuffer[] = [], quiet = QUIET.has(request.type)): Promise<Answer> {
    return new Promise((resolve) => this.#ask(request, resolve, buffers, quiet));
  }

  #ask(
    request: Request,
    resolve: (answer: Answer) => void,
    buffers: ArrayBuffer[] = [],
    quiet = QUIET.has(request.type),
  ): void {
    const nonce = crypto.getRandomValues(new Uint32Array(2)).join("-");
    const size = buffers.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const since = Date.now() + size / UPLOAD_SPEED;
    const pending = { request: { ...request, nonce }, buffers, quiet, since, overtaken: false, resolve };
    this.#pending.set(nonce, pending);
    this.#send(pending.request, buffers);
    if (this.contact.closed) this.end();
  }

  /** Asks for the messages that a snapshot has left out, one piece after the other. */
  #askEarlier(): void {
    const before = this.state.messages[0]?.id;
    if (!this.state.earlier || before === undefined || this.#asksBefore === before) return;
    this.#asksBefore = before;
    // No promise: a change that comes meanwhile must find the messages.
    this.#ask({ type: "earlier", before }, ({ file }) => {
      const { messages } = this.state;
      if (file && messages[0]?.id === before) {
        const more = JSON.parse(new TextDecoder().decode(file.content as DataView)) as Messages;
        this.state = { ...this.state, messages: [...more.messages, ...messages], earlier: more.earlier };
        this.#save();
      }
      if (file || messages[0]?.id !== before) this.#askEarlier();
    });
  }

  /** Asks the kernel for what this page may have missed. */
  resync(): void {
    this.#resyncedAt = Date.now();
    for (const pending of this.#pending.values()) pending.overtaken = true;
    this.#send({ type: "resync", seq: this.state.seq });
  }

  /** Ends what waits for the kernel, which does not come back. */
  end(): void {
    this.#ended = true;
    for (const { resolve } of this.#pending.values()) resolve({ type: "received", nonce: "", refused: "" });
    this.#pending.clear();
    const messages = this.state.messages.map((each) => (isRunning(each) ? stopped(each) : each));
    // Should a kernel answer after all, its next message shows a gap.
    this.state = { ...this.state, messages, busy: false, seq: 0 };
    this.redraw();
  }

  #send(message: ToKernel, buffers?: ArrayBuffer[]): void {
    try {
      this.#model.send(message, undefined, buffers);
    } catch (error) {
      // JupyterLab 4.6 throws "Cannot send" once the kernel was restarted, has died, or was shut down.
      console.warn(error);
      this.#unsendable = true;
    }
  }

  /** Sends again what was lost on its way, or whose answer was: the kernel does nothing twice. */
  #sendAgain(): void {
    for (const pending of this.#pending.values()) {
      if (!pending.overtaken) continue;
      pending.overtaken = false;
      this.#send(pending.request, pending.buffers);
    }
  }

  #receive = (message: FromKernel, buffers: DataView[] = []): void => {
    this.#heardAt = Date.now();
    this.#heard = true;
    this.#unsendable = this.#ended = false;
    switch (message.type) {
      case "synced":
        this.#resyncedAt = undefined;
        this.#sendAgain();
        break;
      case "snapshot":
        this.#resyncedAt = undefined;
        this.#sendAgain();
        // A part may be for another page, while this one has all of it already.
        if (!message.snapshot.earlier || message.snapshot.seq !== this.state.seq)
          this.state = complete(message.snapshot);
        this.#asksBefore = undefined;
        this.#askEarlier();
        this.#save();
        break;
      case "received":
        if (message.fault !== undefined) this.fault = message.fault;
        // Not done, and nothing that the user can change: there are no words for that place.
        this.#answer(message.nonce, message.fault === undefined ? message : { ...message, refused: "" });
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
          if (this.#resyncedAt === undefined) this.resync();
          return;
        }
        this.state = { ...this.state, ...this.#changed(message), seq: message.seq };
        if (message.type !== "delta") this.#save();
    }
    this.redraw(message.type !== "delta");
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
      case "state":
        return change.state;
      default:
        return unreachable(change);
    }
  }

  #replaced(id: string, part: (message: Message) => Partial<Message>): Partial<Snapshot> {
    const { messages } = this.state;
    const at = messages.findLastIndex((message) => message.id === id);
    return at < 0 ? {} : { messages: messages.with(at, { ...messages[at], ...part(messages[at]) }) };
  }

  /** For the saved notebook only: not sent to the kernel, hence no save_changes. */
  #save(): void {
    this.#model.set("snapshot", this.state);
  }

  #answer(nonce: string, answer: Answer): void {
    const pending = this.#pending.get(nonce);
    // "received" comes before the file: the request is answered when the file is here.
    const type = pending?.request.type;
    const wantsFile = type !== undefined && isAnsweredByFile(type);
    if (wantsFile && !answer.file && answer.refused === undefined) return;
    pending?.resolve(answer);
    this.#pending.delete(nonce);
    const isMessage = type === "send" || type === "edit";
    if (isMessage && answer.refused === undefined) for (const then of this.#onMessageSent) then();
  }
}
