// A text that is still being written, shown without its half-written markup flashing by.

const MARKER = /^[\s>]*(?:[-+*_=~`]{1,2}|-{3,}|={3,}|\d{1,9}[.)]?|#{1,6})?[ \t]*$/;
const BLOCK_BEGIN = /\n[ \t]*(?=\n|[-*+] |\d{1,9}[.)] |[#>|])/g;
const LINK = /(!?)\[([^[\]\n]*)(?:\]\([^()\n]*)?$/;

/** Leaves out or completes the unfinished markup at the end of `text`. For showing only. */
export function repair(text: string): string {
  if (inFence(text)) return text;
  const shown = withoutTableHead(withoutMarker(text));
  let begin = 0;
  for (const match of shown.matchAll(BLOCK_BEGIN)) begin = match.index + match[0].length;
  return shown.slice(0, begin) + closeInline(shown.slice(begin));
}

function inFence(text: string): boolean {
  return (text.match(/^[ \t>]*(?:[-*+] +|\d+[.)] +)?(?:`{3,}|~{3,})/gm)?.length ?? 0) % 2 === 1;
}

/** A last line that is only "-", "2." or "##" so far says nothing yet, and "---" would make a heading. */
function withoutMarker(text: string): string {
  const begin = text.lastIndexOf("\n") + 1;
  return MARKER.test(text.slice(begin)) ? text.slice(0, begin) : text;
}

/** A table's head is a line of bars until the line below it is complete. */
function withoutTableHead(text: string): string {
  const head = /(?:^|\n[ \t]*\n)(\|[^\n]*(?:\n(?:\|[ \t|:-]*)?)?)$/.exec(text);
  return head ? text.slice(0, text.length - head[1].length) : text;
}

function closeInline(text: string): string {
  const open: string[] = [];
  for (let at = 0; at < text.length; ) {
    const [run] = /^(?:\\[\s\S]?|`+|\*+|_+|~~)/.exec(text.slice(at, at + 100)) ?? [text[at]];
    const end = at + run.length;
    if (run[0] === "`") {
      const close = closingBackticks(text, run, end);
      if (close < 0) return end === text.length ? text.slice(0, at) : text + run;
      at = close;
      continue;
    }
    if ("*_~".includes(run[0])) {
      const before = text[at - 1] ?? " ";
      const after = text[end] ?? " ";
      const inWord = run[0] === "_" && /\w/.test(before) && /\w/.test(after);
      const same = open.lastIndexOf(run);
      if (same >= 0 && /\S/.test(before)) open.length = same;
      else if (/\S/.test(after) && !inWord) open.push(run);
      else if (end === text.length && at > 0 && open.length === 0) return text.slice(0, at);
    }
    at = end;
  }
  const shown = text.replace(LINK, (_all, image, label) => (image ? "" : label));
  if (open.length === 0) return shown;
  return shown.replace(/[\s*_~]+$/, "") + open.reverse().join("");
}

function closingBackticks(text: string, run: string, from: number): number {
  for (const match of text.slice(from).matchAll(/`+/g)) {
    if (match[0] === run) return from + match.index + run.length;
  }
  return -1;
}
