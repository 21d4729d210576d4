// Whether a message of the user has been sent yet.
import type { Message } from "./protocol";

/** Returns whether a message may still grow. */
export function isRunning({ status }: Message): boolean {
  return status === "streaming" || status === "queued";
}

/** Returns how the message before this reply stands, for the user; "" if it has been sent. */
export function unsent(reply: Message, messages: readonly Message[]): "Queued" | "Not sent" | "" {
  const { role, status, branch, content, tool_calls, attachments, model } = reply;
  // Other versions of the reply: its question was sent before.
  if (role !== "assistant" || branch.count > 1) return "";
  if (status === "queued") return messages.find(isRunning)?.id === reply.id ? "" : "Queued";
  const empty = !content && tool_calls.length === 0 && attachments.length === 0;
  // A reply has its model from the moment its turn begins.
  return status === "stopped" && model === null && empty ? "Not sent" : "";
}
