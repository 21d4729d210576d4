// Splits a text into prose and fenced code, as nbchat/_chat/markdown.py does.
export interface Part {
  text: string;
  /** The language of a code block; "" if its fence names none, undefined for prose. */
  language?: string;
}

const OPENING = /^([ \t]*)(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const CLOSING = /^([ \t]*)(`{3,}|~{3,})[ \t]*$/;

const width = (indent: string) => indent.replaceAll("\t", "    ").length;

export function splitFences(text: string): Part[] {
  const parts: Part[] = [];
  let lines: string[] = [];
  let opening: RegExpExecArray | null = null;
  const end = () => {
    const margin = opening && new RegExp(`^[ \\t]{0,${opening[1].length}}`);
    const body = lines.map((line) => (margin ? line.replace(margin, "") : line)).join("\n");
    if (opening) parts.push({ text: body, language: opening[3].trim().split(/\s+/)[0] });
    else if (body.trim()) parts.push({ text: body });
    lines = [];
  };
  for (const line of text.split(/\r\n?|\n/)) {
    const closing = opening && CLOSING.exec(line);
    const closes = closing?.[2].startsWith(opening![2]) && width(closing[1]) <= width(opening![1]) + 3;
    const opens: RegExpExecArray | null = opening ? null : OPENING.exec(line);
    if (!opens && !closes) {
      lines.push(line);
      continue;
    }
    end();
    opening = opens;
  }
  end();
  return parts;
}
