// What kernel and browser say to each other, over the transcript's custom messages.
// The kernel's side of it is nbchat/_transcript.py: change both together.

export interface Usage {
  prompt_tokens: number | null;
  completion_tokens: number | null;
  total_tokens: number | null;
  reasoning_tokens: number | null;
  /** In US dollars. */
  cost: number | null;
}

export interface ErrorInfo {
  message: string;
  detail: string | null;
  retryable: boolean;
}

export type Status = "queued" | "streaming" | "complete" | "stopped" | "error";

export interface Message {
  id: string;
  role: "user" | "assistant";
  content: string;
  reasoning: string;
  status: Status;
  /** Which of its versions it is. */
  branch: { index: number; count: number };
  model: string | null;
  finish_reason: string | null;
  /** Seconds. */
  reasoning_s: number | null;
  /** Seconds. */
  duration_s: number | null;
  usage: Usage | null;
  error: ErrorInfo | null;
}

export interface Notice {
  id: string;
  /** Plain text; an empty line between paragraphs. */
  text: string;
  /** Label of a password field, when the notice asks for a key. */
  secret_label: string | null;
  actions: { id: string; label: string }[];
  progress: { done: number; total: number } | null;
  tone: "info" | "error";
}

/** What is not a message: replaced as a whole by each `state`. */
export interface ChatState {
  busy: boolean;
  notices: Notice[];
  /** File name of the last reply. */
  download: string | null;
  /** The reply whose thoughts are to be seen; null: the last one. */
  thoughts: string | null;
  model: string;
  server: string;
}

export interface Snapshot extends ChatState {
  seq: number;
  messages: Message[];
}

/** Numbered without gaps, per chat. */
export type Change =
  | { type: "message"; seq: number; message: Message }
  | { type: "delta"; seq: number; id: string; content?: string; reasoning?: string }
  /** All of a message but its texts, which went out as deltas. */
  | { type: "facts"; seq: number; id: string; facts: Omit<Message, "content" | "reasoning"> }
  /** Takes messages away and adds others at the end. */
  | { type: "replace"; seq: number; ids: string[]; messages: Message[] }
  | ({ type: "state"; seq: number } & ChatState);

export type Received = { type: "received"; nonce: string; refused?: string };
export type File = { type: "file"; nonce: string; name: string };
/** The answers to `resync`: nothing was missed, or all there is. */
export type Resynced = { type: "synced" } | { type: "snapshot"; snapshot: Snapshot };
export type FromKernel = Change | Resynced | Received | File;

/** Each is answered by `received` or `file` with the nonce that the store adds. */
export type Request =
  | { type: "send"; content: string }
  | { type: "stop" }
  | { type: "retry"; id: string }
  | { type: "regenerate"; id: string }
  | { type: "edit"; id: string; content: string }
  | { type: "continue"; id: string }
  /** To the next version (1) or the previous one (-1). */
  | { type: "branch"; id: string; step: -1 | 1 }
  | { type: "thoughts"; id: string }
  | { type: "download" }
  | { type: "asset"; name: string }
  | { type: "secret"; notice: string; value: string }
  | { type: "action"; notice: string; action: string };

export type ToKernel = (Request & { nonce: string }) | { type: "resync"; seq: number };
