import type { Message, ModelFacts } from "../kernel/protocol";

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
/** Some servers write "never" as the year 2098. */
const FAR_DAYS = 730;

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

/** "$15", "$3.20", "$0.0005": with as many digits as it takes to tell small amounts apart. */
export function usd(dollars: number): string {
  const amount = Number(dollars.toPrecision(9)); // a price for a million may be 14.999999999999998
  const digits = Math.max(2, 2 - Math.floor(Math.log10(amount || 1)));
  return `$${amount.toLocaleString("en", {
    minimumFractionDigits: Number.isInteger(amount) ? 0 : 2,
    maximumFractionDigits: Math.min(digits, 20),
  })}`;
}

function cost(dollars: number): string {
  return dollars === 0 ? "free" : usd(dollars);
}

/** "812 B", "12 kB", "1.2 MB". */
export function size(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  return bytes < 999_500 ? `${Math.round(bytes / 1000)} kB` : `${Number((bytes / 1e6).toFixed(1))} MB`;
}

/** "812", "262k", "1M". */
export function tokens(count: number): string {
  if (count < 1000) return String(count);
  return count < 999_500 ? `${Math.round(count / 1000)}k` : `${Number((count / 1e6).toFixed(1))}M`;
}

/** What a million tokens cost: "free", "$0.45 in / $3.20 out", or "". */
export function price({ is_free, prompt_price, completion_price }: ModelFacts): string {
  if (is_free) return "free";
  const prices = [];
  if (prompt_price !== null) prices.push(`${usd(prompt_price)} in`);
  if (completion_price !== null) prices.push(`${usd(completion_price)} out`);
  return prices.join(" / ");
}

/** "262k context", or "". */
export function capacity({ context_length }: ModelFacts): string {
  return context_length === null ? "" : `${tokens(context_length)} context`;
}

/** What a model can do besides writing. */
export function abilities({ reasons, images }: ModelFacts): string[] {
  return [...(reasons ? ["reasons"] : []), ...(images ? ["takes images"] : [])];
}

/** Until when there is a model, where that is near enough to matter; "soon" is within a month. */
export function lastDay({ expires }: ModelFacts): { text: string; soon: boolean } | null {
  const time = Date.parse(expires ?? "");
  const days = (time - Date.now()) / DAY_MS;
  if (!(days < FAR_DAYS)) return null;
  const day = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" } as const;
  return { text: `until ${new Date(time).toLocaleDateString("en-GB", day)}`, soon: days < SOON_DAYS };
}

/** What is known about a reply that has ended, part by part. */
export function facts(message: Message): string[] {
  const { model, usage, duration_s, reasoning_s } = message;
  const parts: string[] = [];
  if (model) parts.push(model);
  if (duration_s !== null) parts.push(seconds(duration_s));
  if (reasoning_s !== null) parts.push(`Thought for ${seconds(reasoning_s)}`);
  const counts = counted(message);
  if (counts) parts.push(`${counts} tokens`);
  const completion = usage?.completion_tokens;
  if (completion && duration_s) parts.push(`${Math.round(completion / duration_s)} tok/s`);
  const price = paid(message);
  if (price) parts.push(price);
  return parts;
}

/** The tokens of a reply, "10 in / 20 out"; "" if the server told none. */
export function counted({ usage }: Message): string {
  const counts = [];
  if (usage && usage.prompt_tokens !== null) counts.push(`${usage.prompt_tokens.toLocaleString("en")} in`);
  if (usage && usage.completion_tokens !== null) counts.push(`${usage.completion_tokens.toLocaleString("en")} out`);
  return counts.join(" / ");
}

/** What a reply cost, "$0.02" or "free"; "" if that is not known. */
export function paid({ usage, estimated_cost }: Message): string {
  if (usage && usage.cost !== null) return cost(usage.cost);
  if (estimated_cost === null) return "";
  return estimated_cost === 0 ? "free" : `≈\u00a0${cost(estimated_cost)}`;
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
