// A conversation as a Markdown file, from what the page has of it: nbchat/_files/export.py writes the same.
import type { Message } from "../kernel/protocol";
import { fenced, harmless, plain } from "../markdown/harmless";
import { incompleteness } from "./metadata";

/** The mark of a file that nbchat wrote, and may overwrite. */
const MARKER = "<!-- nbchat -->";

/** Returns the messages as a Markdown file that is safe wherever it is opened. */
export function toMarkdown(messages: readonly Message[]): string {
  return [MARKER, asText(messages)].filter(Boolean).join("\n\n");
}

/** Returns the messages as Markdown to paste somewhere. */
export function asText(messages: readonly Message[]): string {
  return `${messages.flatMap(blocks).filter(Boolean).join("\n\n")}\n`;
}

function text(markdown: string): string {
  return harmless(markdown).replace(/^\n+|\n+$/g, "");
}

function blocks(message: Message): string[] {
  const { role, model, content, reasoning, tool_calls: calls } = message;
  const speaker = role === "user" ? "You" : "Assistant";
  const thoughts = reasoning ? ["<details>\n<summary>Thoughts</summary>", text(reasoning), "</details>"] : [];
  const cuts = [0, ...calls.map(({ at }) => at)];
  const said = cuts.flatMap((cut, index) => [
    text(content.slice(cut, cuts[index + 1])),
    ...calls.slice(index, index + 1).flatMap(call),
  ]);
  return [`## ${plain(model ? `${speaker} (${model})` : speaker)}`, ...thoughts, ...said, ...marks(message)];
}

function call({ name, arguments: given, result, status }: Message["tool_calls"][number]): string[] {
  const ended = { complete: "", denied: ": denied", error: ": failed", stopped: ": stopped" };
  const outcome = status in ended ? ended[status as keyof typeof ended] : ": has not ended yet";
  return [
    `> ${plain(`Called ${name}${outcome}`)}`,
    fenced(given, "json"),
    ...(result ? [fenced(result)] : []),
  ];
}

/** What a reader should know about a message besides its text. */
function marks({ attachments, notes, error, ...message }: Message): string[] {
  const attached = attachments.map(({ name }) => name).join(", ");
  return [
    ...(attached ? [`Attached: ${attached}`] : []),
    ...notes,
    message.role === "assistant" ? incompleteness(message as Message) : "",
    ...(error ? [`Error: ${error.message}`] : []),
  ]
    .filter(Boolean)
    .map((mark) => `> ${plain(mark)}`);
}
