// Every message between the kernel and a page. The kernel's side is nbchat/_widget/protocol.py; a test compares
// the two by the examples in tests/protocol.json.

export interface Usage {
  prompt_tokens: number | null;
  completion_tokens: number | null;
  total_tokens: number | null;
  reasoning_tokens: number | null;
  cached_tokens: number | null;
  /** In US dollars. */
  cost: number | null;
}

/** Why a reply failed, and what the user can do about it. */
export interface ErrorInfo {
  /** All of it, as one text. */
  message: string;
  /** What happened, without a full stop. */
  title: string;
  /** A sentence or two, or "". */
  advice: string;
  /** Whether `detail` has the server's words, not those of an exception. */
  server_said: boolean;
  /** What there is to say beyond title and advice. */
  detail: string | null;
  retryable: boolean;
  remedy: Remedy;
  /** Where the user adds credit; "" if that is unknown. */
  credit_page: string;
}

/** What the user does about an error, other than try again. */
export type Remedy = "" | "enter_key" | "change_key" | "add_credit" | "change_model";

/** What goes with a message: a file that the user attached, or an image that the model made. */
export interface Attachment {
  id: string;
  name: string;
  kind: "image" | "text" | "file";
  media_type: string;
  /** Bytes. */
  size: number;
  /** How a text is read; left out for UTF-8. */
  encoding?: string;
}

/** A call of a tool by the model; all its texts come from the model or from the tool. */
export interface ToolCall {
  name: string;
  /** JSON, formatted to be read, if it is valid; else as the model wrote it. */
  arguments: string;
  status: "waiting" | "running" | "complete" | "denied" | "error" | "stopped";
  result: string;
  /** How many characters of the reply's content came before it. */
  at: number;
}

export type Status = "queued" | "streaming" | "complete" | "stopped" | "error";

export interface Message {
  id: string;
  role: "user" | "assistant";
  content: string;
  reasoning: string;
  status: Status;
  /** Which of the message's versions this is, of how many. */
  branch: { index: number; count: number };
  model: string | null;
  finish_reason: string | null;
  /** When it was made, in Unix seconds; older notebooks don't say. */
  created?: number | null;
  /** Whether the request had a reasoning effort that the user has chosen; older notebooks don't say. */
  asked_to_reason?: boolean;
  /** Seconds. */
  reasoning_s: number | null;
  /** Seconds. */
  first_token_s: number | null;
  /** Seconds. */
  duration_s: number | null;
  usage: Usage | null;
  /** In US dollars, calculated from the model's prices if the server reports no cost. */
  estimated_cost: number | null;
  attachments: Attachment[];
  tool_calls: ToolCall[];
  /** What the user should know about how the reply was made, each a sentence. */
  notes: string[];
  /** The number of each block of Python that has been run → the id of the Output widget; "": ask for `ran`. */
  runs: Record<string, string>;
  /** Seconds until the request is sent again, as the server asked: counted from when this arrived. */
  retry_in_s: number | null;
  error: ErrorInfo | null;
}

/** An output of code that was run, in a form that can go with a message. */
export interface OutputFile {
  name: string;
  media_type: string;
  /** In base64. */
  data: string;
}

/** What was kept of code that was run. */
export interface Ran {
  status: "waiting" | "running" | "done" | "interrupted";
  /** MIME type → text, or an image in base64. */
  outputs: Record<string, string>[];
}

export interface Notice {
  id: string;
  /** Plain text; an empty line between paragraphs. */
  text: string;
  actions: { id: string; label: string }[];
  tone: "info" | "error";
}

/** A way to connect a model: a row of the card. */
export interface Way {
  /** What is sent when the user chooses it. */
  id: string;
  /** A button, or fields that it opens. */
  kind: "press" | "key" | "address";
  label: string;
  note: string;
  /** Whether most users want it; its fields are open at once. */
  primary: boolean;
}

/** The card that connects a model. */
export interface Connect {
  title: string;
  /** A sentence, with code in backticks. */
  text: string;
  ways: Way[];
  /** The page to open, while the card asks for the code that this page shows, or "". */
  sign_in: string;
  /** What it waits for, or "": for the user. */
  busy: string;
  progress: { done: number; total: number } | null;
  /** Why the last attempt failed, or "". */
  problem: string;
  cancel: boolean;
}

/** What the user can do in an empty chat. */
export interface Suggestion {
  label: string;
  /** What goes into the box, or "": an explanation of the last error. */
  text: string;
}

/** What the user picks a model by; null: the server does not say. */
export interface ModelInfo {
  id: string;
  name: string;
  is_free: boolean;
  /** Tokens. */
  context_length: number | null;
  /** US dollars per million tokens. */
  prompt_price: number | null;
  completion_price: number | null;
  reasoning: boolean | null;
  /** Whether it takes images. */
  images: boolean | null;
  /** Whether it calls tools. */
  tools?: boolean | null;
  /** Whether it is for conversations. */
  chats?: boolean;
  /** The day on which the model is withdrawn, "2026-12-31". */
  expires: string | null;
}

/** What a page shows around the messages, as a new chat has it; each change of it comes as a whole. */
export const INITIAL_STATE = {
  busy: false,
  notices: [] as Notice[],
  /** The card that connects a model. */
  connect: null as Connect | null,
  /** For an empty chat. */
  suggestions: [] as Suggestion[],
  /** The file name of the last reply. */
  download: null as string | null,
  model: "",
  server: "",
  /** What is known of the chosen model. */
  model_info: null as ModelInfo | null,
  /** A setting's name → why its control is disabled, in a sentence. */
  why_disabled: {} as Record<string, string>,
  /** The reasoning efforts that the model offers, by their labels; empty: no choice. */
  efforts: {} as Record<string, string>,
  effort: "",
  /** Counts the changes of the list that `models` fetches. */
  catalogue: 0,
  /** Why the menu does not have the server's models, or "". */
  list_problem: "",
  /** What is left of the free quota or the credit, or "". */
  account: "",
  /** Of the whole conversation. */
  usage: null as Usage | null,
  /** US dollars that the conversation may cost. */
  max_cost: null as number | null,
  /** Tokens: what the conversation takes of the model's context, and all of it. */
  context: null as { used: number; length: number } | null,
  /** A setting's name → the label of its control. */
  labels: {} as Record<string, string>,
  /** The tools that the user has allowed for this chat. */
  allowed_tools: [] as string[],
  /** Whether many visitors share the page: the notebook is not theirs to see or change. */
  shared: false,
};
export type ChatState = typeof INITIAL_STATE;

/** Messages in a row. */
export interface Messages {
  messages: Message[];
  /** Whether there are others before them, which `earlier` fetches; older notebooks don't say. */
  earlier?: boolean;
}

export interface Snapshot extends ChatState, Messages {
  seq: number;
}

/** All of a message but its texts, which are sent as deltas, and its calls. */
export type MessageFacts = Omit<Message, "content" | "reasoning" | "tool_calls">;

/** Numbered without gaps, in each chat. */
export type Change =
  | { type: "message"; seq: number; message: Message }
  | { type: "delta"; seq: number; id: string; content?: string; reasoning?: string }
  | { type: "facts"; seq: number; id: string; facts: MessageFacts }
  /** A call of a tool, new or changed. */
  | { type: "call"; seq: number; id: string; index: number; call: ToolCall }
  /** Removes messages and adds others at the end. */
  | { type: "replace"; seq: number; ids: string[]; messages: Message[] }
  | { type: "state"; seq: number; state: ChatState };

/**
 * The answer to a request; `refused`: why it was not done; `other_model`: a model with which it can be;
 * `fault`: nbchat itself failed, which is logged.
 */
export type Received = {
  type: "received";
  nonce: string;
  refused?: string;
  other_model?: string;
  fault?: string;
};
export type File = { type: "file"; nonce: string; name: string };
/** The answers to `resync`: nothing was missed, or the whole state. */
export type Resynced = { type: "synced" } | { type: "snapshot"; snapshot: Snapshot };
export type FromKernel = Change | Resynced | Received | File;

/** A variable of the notebook that can be mentioned. */
export interface VariableName {
  name: string;
  /** "DataFrame 100×3". */
  hint: string;
}

/** What the chat can send about a cell that failed. */
export interface FailedCell {
  question: string;
  name: string;
  text: string;
  /** The names of the variables that the failed code uses. */
  variables: string[];
}

/** Each is answered by `received`, or by a `file`, with the nonce that the store adds. */
export type Request =
  /** The files' bytes are the message's buffers, in the same order. */
  | { type: "send"; content: string; attachments: { name: string; media_type: string }[] }
  /** Takes back a message that has not been sent yet; `id`: its reply's. */
  | { type: "take_back"; id: string }
  | { type: "stop" }
  | { type: "retry"; id: string }
  /** Sends a request now that waits as the server asked. */
  | { type: "try_now"; id: string }
  /** Asks for an API key in a notice. */
  | { type: "key" }
  | { type: "regenerate"; id: string }
  | { type: "edit"; id: string; content: string }
  | { type: "continue"; id: string }
  /** To the next version (1) or the previous one (-1). */
  | { type: "branch"; id: string; step: -1 | 1 }
  /** Makes this column of a comparison the chat that goes on. */
  | { type: "take" }
  /** The user's answer to a call that waits; `call` is its index in `tool_calls`. */
  | { type: "approve"; id: string; call: number; allow: boolean }
  /** The same for a call that waits, and for all others of its tool in this chat. */
  | { type: "allow_tool"; id: string; call: number }
  /** Asks again before each call of this tool. */
  | { type: "revoke_tool"; name: string }
  | { type: "download" }
  | { type: "asset"; name: string }
  /** Answered by a file: JSON of `Messages`, those right before the message with this id. */
  | { type: "earlier"; before: string }
  /** Answered by a file: JSON of `ModelInfo[]`, free ones first. */
  | { type: "models" }
  /** Answered by a file: JSON of `VariableName[]`. */
  | { type: "names" }
  /** Answered by a file: what would be sent of a variable, a text or a PNG. */
  | { type: "variable"; name: string }
  /** Answered by a file: JSON of `FailedCell`. */
  | { type: "failure" }
  /** Answered by a file: its bytes. */
  | { type: "attachment"; id: string }
  /** Asks whether `code` is the code of this block, and for an Output widget that shows what it prints. */
  | { type: "run"; id: string; index: number; code: string }
  /** Forgets what became of such code. */
  | { type: "clear_output"; id: string; index: number }
  /** The outputs of such code. Answered by a file: JSON of `OutputFile[]`. */
  | { type: "outputs"; id: string; index: number }
  /** What was kept of such code. Answered by a file: JSON of `Ran`. */
  | { type: "ran"; id: string; index: number }
  /** Chooses a model that is not in the menu. */
  | { type: "model"; id: string }
  /** Chooses a reasoning effort. */
  | { type: "effort"; effort: string }
  /** Looks for other servers, and shows the card. */
  | { type: "servers" }
  /** Answered by a file: the chat in the format of this suffix. */
  | { type: "export"; suffix: ".md" | ".ipynb" | ".json" }
  | { type: "clear" }
  /** Chooses a way to connect a model; "cancel": none. */
  | { type: "connect"; way: string }
  /** An API key, or the code of a sign-in. */
  | { type: "secret"; way: "key" | "sign-in"; value: string }
  /** The address of a server, and its key or "". */
  | { type: "connect_to"; base_url: string; key: string }
  | { type: "action"; notice: string; action: string };

export type ToKernel = (Request & { nonce: string }) | { type: "resync"; seq: number };

/** The requests that are answered by a file. */
export const ANSWERED_BY_FILE = {
  asset: true,
  attachment: true,
  download: true,
  earlier: true,
  export: true,
  failure: true,
  models: true,
  names: true,
  outputs: true,
  ran: true,
  variable: true,
} as const satisfies Partial<Record<Request["type"], true>>;

export function isAnsweredByFile(type: Request["type"]): type is keyof typeof ANSWERED_BY_FILE {
  return type in ANSWERED_BY_FILE;
}
