// Makes Markdown that others wrote safe in a file, as nbchat/_chat/foreign_text.py does: see there for the reasons.
// A test compares the two.

const OPENING = /^([ \t]*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})(.*)$/s;
const CLOSING = /^([ \t]*)(`{3,}|~{3,})[ \t]*$/;
const CONTROL = /[\0-\x08\x0b-\x1f\x7f-\x9f]/g;
const HTML = /<(?!https?:\/\/[^\s<>]*>)(?=[A-Za-z/!?])/g;
const IMAGE = /!(?=\[)/g;
const LINK = /\](?=[(:](?!\s*<?(?:https?:\/\/|mailto:)))/gi;
const DRAWN = /^\s*(?:\{|(?:mermaid|math|geojson|topojson|stl)(?![\p{L}\p{N}_])).*/isu;
const MATH = /\$|\\[([]|\\begin/;
const COMMAND =
  /\\(?=(?:href|mmlToken|cssId|bbox|csname|html[A-Za-z]+)(?![A-Za-z])|(?:style|class|data|require|url|unicode|includegraphics)\s*[{}[#])/g;
const COMMAND_IN_MATH = /\\(?=(?:style|class|data|require|url|unicode|includegraphics)(?![A-Za-z]))/g;

function printable(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(CONTROL, "");
}

/** Returns the same Markdown with HTML as text, images as links, and every fence closed. */
export function harmless(text: string): string {
  const parts: string[] = [];
  let lines: string[] = [];
  let fence: { indent: string; marks: string; info: string } | undefined;
  const end = () => {
    if (fence)
      parts.push(fenced(lines.map((line) => unindented(line, fence!.indent)).join("\n"), fence.info));
    else if (lines.length > 0) parts.push(harmlessProse(lines.join("\n")));
    lines = [];
  };
  for (const line of text.split(/\r\n?|\n/)) {
    const [opened, indent, marks, info] = fence ? [] : (OPENING.exec(line) ?? []);
    if (opened !== undefined) {
      end();
      fence = { indent, marks, info: info.trim() };
    } else if (fence && closes(line, fence)) {
      end();
      fence = undefined;
    } else lines.push(line);
  }
  end();
  return parts.join("\n");
}

function closes(line: string, opening: { indent: string; marks: string }): boolean {
  const [closed, indent, marks] = CLOSING.exec(line) ?? [];
  return (
    closed !== undefined && marks.startsWith(opening.marks) && width(indent) <= width(opening.indent) + 3
  );
}

function width(indent: string): number {
  return [...indent].reduce((sum, character) => (character === "\t" ? sum + 4 - (sum % 4) : sum + 1), 0);
}

/** In a list item, the code is indented as far as its fence. */
function unindented(line: string, indent: string): string {
  return line.replace(/^[ \t]*/, (blank) => blank.slice(indent.length));
}

/** Returns code between fences that are longer than any in the code. */
export function fenced(text: string, info = ""): string {
  const longest = Math.max(0, ...(text.match(/`+/g) ?? []).map((run) => run.length));
  const fence = "`".repeat(Math.max(3, longest + 1));
  return `${fence}${info.replace(DRAWN, "text").replace(/[^\p{L}\p{N}_ \t+#.,:=/-]/gu, "")}\n${text}\n${fence}`;
}

/** Returns text as one line of Markdown, with special characters escaped. */
export function plain(text: string): string {
  return withoutCommands(printable(text).trim().replace(/\s+/g, " "))
    .replace(/[\\`*[\]&$|]/g, "\\$&")
    .replace(/</g, "&lt;");
}

function withoutCommands(text: string): string {
  const safe = text.replace(COMMAND, "\\ ");
  return MATH.test(safe) ? safe.replace(COMMAND_IN_MATH, "\\ ") : safe;
}

function harmlessProse(text: string): string {
  return withoutCommands(printable(text))
    .split(/(\n(?:[ \t]*\n)+)/)
    .map(harmlessChunk)
    .join("");
}

/** Inline code stays as it is, but only where every Markdown parser finds the same code. */
function harmlessChunk(chunk: string): string {
  const pairs = chunk.split("\n").every((line) => {
    const runs = line.match(/`+/g) ?? [];
    return runs.length % 2 === 0 && runs.every((run, at) => at % 2 === 0 || run === runs[at - 1]);
  });
  const parts = pairs && !/[\\$|]/.test(chunk) ? chunk.split(/(`+[^`]+`+)/) : [chunk];
  const whole = parts.every((part, at) => at % 2 === 1 || hasWholeBrackets(part));
  return (whole ? parts : [chunk])
    .map((part, at) =>
      at % 2 === 1 ? part : part.replace(HTML, "&lt;").replace(LINK, "&#93;").replace(IMAGE, "&#33;"),
    )
    .join("");
}

function hasWholeBrackets(text: string): boolean {
  let depth = 0;
  for (const bracket of text.match(/[[\]]/g) ?? []) {
    depth += bracket === "[" ? 1 : -1;
    if (depth < 0) return false;
  }
  return depth === 0;
}
