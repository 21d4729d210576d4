// What the tests play: a kernel, its widget model, and its messages.
import assert from "node:assert/strict";
import type { AnyModel, WidgetManager, WidgetModel } from "../../nbchat/frontend/src/kernel/anywidget";
import type {
  FromKernel,
  Message,
  Snapshot,
  ToKernel,
  Usage,
} from "../../nbchat/frontend/src/kernel/protocol";

type Slot = (sender: unknown, status: string) => void;
type Receive = (message: FromKernel, buffers: DataView[]) => void;

const PEER: WidgetModel = {
  get: () => undefined,
  set: () => {},
  save_changes: () => {},
  on: () => {},
  off: () => {},
  comm_live: true,
};

/** The model of a chat, whose kernel is the test. */
export class Kernel implements AnyModel {
  /** What the page has sent. */
  sent: ToKernel[] = [];
  /** Whether the page has sent its traits, which would go to the kernel for nothing. */
  traitsSent = false;
  peer = { ...PEER };
  #traits: Record<string, unknown>;
  #receivers: Receive[] = [];
  #slots = new Set<Slot>();
  widget_manager: WidgetManager = { get_model: async () => this.peer };
  /** As JupyterLab has it: the manager's `kernel`, if a test puts it there. */
  connection = {
    ...{ status: "idle", connectionStatus: "connected", requestExecute: () => assert.fail() },
    interrupt: async () => {},
    connectionStatusChanged: {
      connect: (slot: Slot) => void this.#slots.add(slot),
      disconnect: (slot: Slot) => void this.#slots.delete(slot),
    },
  };

  constructor(snapshot: Partial<Snapshot> = {}) {
    this.#traits = { snapshot, bundle: "IPY_MODEL_bundle" };
  }

  get(name: string): unknown {
    return this.#traits[name];
  }

  set(name: string, value: unknown): void {
    this.#traits[name] = value;
  }

  save_changes(): void {
    this.traitsSent = true;
  }

  send(message: ToKernel): void {
    this.sent.push(message);
  }

  on(_event: string, receive: (...values: never[]) => void): void {
    this.#receivers.push(receive as Receive);
  }

  off(): void {
    this.#receivers = [];
  }

  connect(status: "connected" | "connecting"): void {
    this.connection.connectionStatus = status;
    for (const slot of this.#slots) slot(this.connection, status);
  }

  push(message: FromKernel, ...buffers: DataView[]): void {
    for (const receive of this.#receivers) receive(message, buffers);
  }

  /** What the page has asked for in this way. */
  asked<Type extends ToKernel["type"]>(type: Type): Extract<ToKernel, { type: Type }>[] {
    return this.sent.filter((message) => message.type === type) as Extract<ToKernel, { type: Type }>[];
  }
}

/** A reply that has ended, with what the test says otherwise. */
export function message(id: string, more: Partial<Message> = {}): Message {
  return {
    ...{ id, role: "assistant", content: "", reasoning: "", status: "complete" },
    ...{ branch: { index: 0, count: 1 }, model: null, finish_reason: "stop" },
    ...{ reasoning_s: null, first_token_s: null, duration_s: null, usage: null, estimated_cost: null },
    ...{ attachments: [], tool_calls: [], notes: [], runs: {}, retry_in_s: null, error: null },
    ...more,
  };
}

export function usage(more: Partial<Usage>): Usage {
  return {
    ...{ prompt_tokens: null, completion_tokens: null, total_tokens: null },
    ...{ reasoning_tokens: null, cached_tokens: null, cost: null },
    ...more,
  };
}
