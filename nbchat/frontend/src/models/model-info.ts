// What there is to say about a model, in words: its price, its context, its abilities, its last day.
import type { ModelInfo } from "../kernel/protocol";
import { tokens, usd } from "../page/units";

const DAY_MS = 86_400_000;
const SOON_DAYS = 30;
/** Some servers write "never" as the year 2098. */
const FAR_DAYS = 730;

/** What a million tokens cost: "free", "$0.45 in / $3.20 out", or "". */
export function price({ is_free, prompt_price, completion_price }: ModelInfo): string {
  if (is_free) return "free";
  const prices = [];
  if (prompt_price !== null) prices.push(`${usd(prompt_price)} in`);
  if (completion_price !== null) prices.push(`${usd(completion_price)} out`);
  return prices.join(" / ");
}

/** A name without its vendor, which the id below it says: "Anthropic: Claude Haiku 4.5", "anthropic/…". */
export function shortName({ id, name }: ModelInfo): string {
  const [, vendor = "", short = ""] = /^([^:]{1,40}): +(.+)$/.exec(name) ?? [];
  const letters = (text: string) => text.toLowerCase().replace(/[^a-z0-9]/g, "");
  // "Meta: …" is of meta-llama, "SpaceXAI: …" of x-ai.
  const [said, first] = [letters(vendor), letters(id).slice(0, 3)];
  const same = id.includes("/") && said !== "" && (said.startsWith(first) || said.endsWith(first));
  return (same && short) || name || id;
}

/** What a list of models can be reduced to. */
export const FILTERS: Record<string, (model: ModelInfo) => boolean> = {
  Free: ({ is_free }) => is_free,
  Reasoning: ({ reasoning }) => reasoning === true,
  Images: ({ images }) => images === true,
  Tools: ({ tools }) => tools === true,
};

/** "262k context", or "". */
export function capacity({ context_length }: ModelInfo): string {
  return context_length === null ? "" : `${tokens(context_length)} context`;
}

/** What a model can do besides writing. */
export function abilities({ reasoning, images }: ModelInfo): string[] {
  return [...(reasoning ? ["reasoning"] : []), ...(images ? ["images"] : [])];
}

/** What the search finds a model by, beside its id and its name. */
export function searchable(model: ModelInfo): string[] {
  const able = [...abilities(model), ...(model.tools ? ["tools"] : [])];
  const context = model.context_length === null ? [] : [tokens(model.context_length).toLowerCase()];
  return [model.is_free ? "free" : "paid", ...able, ...context];
}

/** Until when the model exists, if that is near enough to matter; "soon" is within a month. */
export function lastDay({ expires }: ModelInfo): { text: string; soon: boolean } | null {
  const time = Date.parse(expires ?? "");
  const days = (time - Date.now()) / DAY_MS;
  if (!(days < FAR_DAYS)) return null;
  const day = { day: "numeric", month: "short", year: "numeric", timeZone: "UTC" } as const;
  return { text: `until ${new Date(time).toLocaleDateString("en-GB", day)}`, soon: days < SOON_DAYS };
}
