import type { Message } from "./protocol";

/** "3.2 s", "48 s", "2 min 5 s". */
export function seconds(value: number): string {
  if (value < 10) return `${value.toFixed(1)} s`;
  const whole = Math.round(value);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

/** How long something has been going on: whole seconds, so that it changes once a second. */
export function elapsed(sinceMs: number): string {
  const whole = Math.floor((Date.now() - sinceMs) / 1000);
  return whole < 60 ? `${whole} s` : seconds(whole);
}

function cost(dollars: number): string {
  if (dollars === 0) return "free";
  // Not toPrecision, which writes a millionth as 1e-6.
  const digits = { minimumSignificantDigits: 2, maximumSignificantDigits: 2 };
  return `$${dollars < 0.01 ? dollars.toLocaleString("en", digits) : dollars.toFixed(2)}`;
}

/** "812 B", "12 kB", "1.2 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`;
}

/** What is known about a reply that has ended, part by part. */
export function facts(message: Message): string[] {
  const { model, usage, estimated_cost, duration_s, reasoning_s } = message;
  const parts: string[] = [];
  if (model) parts.push(model);
  if (duration_s !== null) parts.push(seconds(duration_s));
  if (reasoning_s !== null) parts.push(`Thought for ${seconds(reasoning_s)}`);
  if (usage) {
    const { prompt_tokens: prompt, completion_tokens: completion } = usage;
    const counts = [];
    if (prompt !== null) counts.push(`${prompt.toLocaleString("en")} in`);
    if (completion !== null) counts.push(`${completion.toLocaleString("en")} out`);
    if (counts.length > 0) parts.push(`${counts.join(" / ")} tokens`);
    if (completion && duration_s) parts.push(`${Math.round(completion / duration_s)} tok/s`);
  }
  if (usage && usage.cost !== null) parts.push(cost(usage.cost));
  else if (estimated_cost === 0) parts.push("free");
  else if (estimated_cost !== null) parts.push(`≈\u00a0${cost(estimated_cost)}`);
  return parts;
}

/** In what way a reply is not whole, in a word or two; "" if it is. */
export function incompleteness(message: Message): string {
  if (message.status === "stopped") return "Stopped";
  if (message.status !== "complete") return "";
  switch (message.finish_reason) {
    case "length":
      return "Cut off at max tokens";
    case "content_filter":
      return "Blocked by a content filter";
    case null:
      return "May be incomplete";
    default:
      return "";
  }
}
