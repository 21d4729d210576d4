// What the line above an answer says of its thoughts.
import type { Message } from "../kernel/protocol";
import { elapsed, seconds } from "../page/units";

/** Where the last line is looked for: thoughts may be long, and are read each second. */
const TAIL = 500;

/** The last line of thoughts, without the marks of Markdown around it. */
export function lastLine(reasoning: string): string {
  const lines = reasoning.slice(-TAIL).split("\n");
  const plain = lines.map((line) => line.replace(/^[\s#>*+-]+|\*\*|`/g, "").trim());
  return plain.findLast(Boolean) ?? "";
}

/** Returns what stands above the answer; `since`: when it began to think, null: it does not think now. */
export function headline({ reasoning_s }: Message, since: number | null): string {
  if (since !== null) return `Thinking… ${elapsed(since)}`;
  return reasoning_s === null ? "Thoughts" : `Thought for ${seconds(reasoning_s)}`;
}
