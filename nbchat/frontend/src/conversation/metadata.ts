// What a message's metadata says, in words: its state, its times, its tokens, its cost.
import type { Message, Snapshot } from "../kernel/protocol";
import { seconds, usd } from "../page/units";
import { unreachable } from "../page/unreachable";

/** When a message was made: "14:05", and the day unless it was today; "" if that is not known. */
export function timeOf({ created }: Message): string {
  if (!created) return "";
  const time = new Date(1000 * created);
  const now = new Date();
  const day = { day: "numeric", month: "short" } as const;
  const year = time.getFullYear() === now.getFullYear() ? {} : ({ year: "numeric" } as const);
  const today = time.toDateString() === now.toDateString();
  return time.toLocaleString("en-GB", {
    ...{ hour: "2-digit", minute: "2-digit" },
    ...(today ? {} : { ...day, ...year }),
  });
}

/** The figures of a reply that has ended. */
export function figures(message: Message): string[] {
  const { usage, status, duration_s, content, reasoning } = message;
  const failedAtOnce = status === "error" && !content && !reasoning;
  const time = timeOf(message);
  const parts = time ? [time] : [];
  if (duration_s !== null && !failedAtOnce) parts.push(seconds(duration_s));
  const counts = tokenCounts(message);
  if (counts) parts.push(`${counts} tokens`);
  const completion = usage?.completion_tokens;
  if (completion && duration_s) parts.push(`${Math.round(completion / duration_s)} tok/s`);
  const price = cost(message);
  if (price) parts.push(price);
  return parts;
}

/** Whether the user asked for reasoning, and the model shows none: the catalogue says so, or it never has any. */
export function showsNoReasoning(reply: Message, { messages, model_info }: Snapshot): boolean {
  const { model, status, reasoning, asked_to_reason } = reply;
  if (model === null || status !== "complete" || reasoning || !asked_to_reason) return false;
  if (model_info?.id === model && model_info.reasoning !== null) return !model_info.reasoning;
  return !messages.some((message) => message.model === model && message.reasoning);
}

/** The tokens of a reply, "10 in / 20 out"; "" if the server has not reported them. */
export function tokenCounts({ usage }: Message): string {
  const counts = [];
  if (usage && usage.prompt_tokens !== null) counts.push(`${usage.prompt_tokens.toLocaleString("en")} in`);
  if (usage && usage.completion_tokens !== null)
    counts.push(`${usage.completion_tokens.toLocaleString("en")} out`);
  return counts.join(" / ");
}

/** What a reply cost, "$0.02" or "free"; "" if that is not known. */
export function cost({ usage, estimated_cost }: Message): string {
  if (usage && usage.cost !== null) return usage.cost === 0 ? "free" : usd(usage.cost);
  if (estimated_cost === null) return "";
  return estimated_cost === 0 ? "free" : `≈\u00a0${usd(estimated_cost)}`;
}

/** In what way a reply that has ended is incomplete, in a word or two; "" if it is complete. */
export function incompleteness({ status, finish_reason }: Message): string {
  switch (status) {
    case "stopped":
      return "Stopped";
    case "complete":
      return cutOff(finish_reason);
    case "queued":
    case "streaming":
    case "error":
      return "";
    default:
      return unreachable(status);
  }
}

/** Whether a reply ended early after some text: the model can continue it. */
export function canContinue({ status, error, finish_reason, content, tool_calls }: Message): boolean {
  const early =
    status === "stopped" || (status === "complete" && finish_reason === null) || error?.retryable === true;
  return (early || finish_reason === "length") && content.length > (tool_calls.at(-1)?.at ?? 0);
}

/** Whether a retry may help after an error; `chosen`: the model that it would ask. */
export function canRetry({ error, model }: Message, chosen: string): boolean {
  if (!error) return false;
  const other = error.remedy === "change_model" && model !== null && model !== chosen;
  return error.retryable || other;
}

/** What `finish_reason` means for a reply; null: the stream ended without one. */
function cutOff(finishReason: string | null): string {
  switch (finishReason) {
    case "length":
      return "Stopped at the token limit";
    case "content_filter":
      return "Blocked by a content filter";
    case null:
      return "Connection ended early";
    default:
      return "";
  }
}
