// Repairs a text that is still being written, so that its unfinished markup does not flash by.
import { Closings, opening } from "./formulas";

const MARKER = /^[\s>]*(?:[-+*_=~`]{1,2}|-{3,}|={3,}|\d{1,9}[.)]?|#{1,6})?[ \t]*$/;
const BLOCK_BEGIN = /\n[ \t]*(?=\n|[-*+] |\d{1,9}[.)] |[#>|])/g;
const PUNCTUATION = /[!-/:-@[-`{-~]/g;
const LINK = /(!?)\[([^[\]\n]*)(?:\]\([^()\n]*)?$/;

// What may become a tag of html-tags.ts.
const TAG = /<(?:\/?(?:s(?:u[bp]?)?)?|br?[ /]{0,2})$/;

/** Removes or completes the unfinished markup at the end of `text`. The result is for showing only. */
export function repair(text: string): string {
  if (inFence(text)) return text;
  const formulas = findFormulas(text);
  const last = formulas.at(-1);
  if (last && last.end < 0) {
    // An entity, as a backslash would make "\[", which is markup as well.
    const literal = (mark: string) => `&#${mark.charCodeAt(0)};`;
    const [before, formula] = [text.slice(0, last.begin), text.slice(last.begin)];
    return closeBlock(before, formulas) + formula.replace(PUNCTUATION, literal);
  }
  return closeBlock(withoutTableHead(withoutMarker(text)), formulas);
}

interface Formula {
  begin: number;
  /** -1 if it is unfinished. */
  end: number;
}

/** The formulas in the last paragraph; only the last one may be unfinished. */
function findFormulas(text: string): Formula[] {
  const formulas: Formula[] = [];
  const closings = new Closings(text);
  for (let at = lastParagraph(text); at < text.length; ) {
    const open = opening(text, at);
    const end = open ? closings.end(open, at) : -1;
    if (end >= 0) {
      formulas.push({ begin: at, end });
      at = end;
    } else if (open && isUnfinished(text.slice(at))) {
      return [...formulas, { begin: at, end }];
    } else if (text[at] === "`") {
      const [run] = /^`+/.exec(text.slice(at, at + 100))!;
      const close = closingBackticks(text, run, at + run.length);
      at = close < 0 ? at + run.length : close;
    } else {
      at += text[at] === "\\" ? 2 : 1;
    }
  }
  return formulas;
}

function lastParagraph(text: string): number {
  let begin = 0;
  for (const match of text.matchAll(/\n[ \t]*\n/g)) begin = match.index + match[0].length;
  return begin;
}

/** Returns whether a text that begins with an opening may become a formula: "$5 …" is money. */
function isUnfinished(text: string): boolean {
  return !text.includes("`") && (/^(\$\$|\\)/.test(text) || /^\$[^\d\s][^\n]*$/.test(text));
}

function closeBlock(text: string, formulas: Formula[]): string {
  let begin = 0;
  for (const match of text.matchAll(BLOCK_BEGIN)) begin = match.index + match[0].length;
  // A line of a formula may look like a list.
  begin = formulas.find((formula) => formula.begin < begin && begin < formula.end)?.end ?? begin;
  return text.slice(0, begin) + closeInline(text.slice(begin));
}

function inFence(text: string): boolean {
  return (text.match(/^[ \t>]*(?:[-*+] +|\d+[.)] +)?(?:`{3,}|~{3,})/gm)?.length ?? 0) % 2 === 1;
}

/** Removes a last line that is only "-", "2." or "##" so far: it shows nothing yet, and "---" would make a heading. */
function withoutMarker(text: string): string {
  const begin = text.lastIndexOf("\n") + 1;
  return MARKER.test(text.slice(begin)) ? text.slice(0, begin) : text;
}

/** Removes the head of a table, which is plain text with bars until the line below it is complete. */
function withoutTableHead(text: string): string {
  const head = /(?:^|\n[ \t]*\n)(\|[^\n]*(?:\n(?:\|[ \t|:-]*)?)?)$/.exec(text);
  return head ? text.slice(0, text.length - head[1].length) : text;
}

function closeInline(text: string): string {
  const open: string[] = [];
  const closings = new Closings(text);
  for (let at = 0; at < text.length; ) {
    const formula = opening(text, at);
    const formulaEnd = formula ? closings.end(formula, at) : -1;
    if (formulaEnd >= 0) {
      at = formulaEnd;
      continue;
    }
    const [run] = /^(?:\\[\s\S]?|`+|\*+|_+|~~|<\/?su[bp]>)/.exec(text.slice(at, at + 100)) ?? [text[at]];
    const end = at + run.length;
    if (run[0] === "`") {
      const close = closingBackticks(text, run, end);
      if (close < 0) return end === text.length ? text.slice(0, at) : text + run;
      at = close;
      continue;
    }
    if (run.startsWith("<su")) open.push(`</${run.slice(1)}`);
    else if (run.startsWith("</") && open.includes(run)) open.length = open.lastIndexOf(run);
    else if ("*_~".includes(run[0])) {
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
  const shown = text
    .replace(LINK, (_all, image, label) => (image || label.startsWith("^") ? "" : label))
    .replace(TAG, "");
  if (open.length === 0) return shown;
  return shown.replace(/[\s*_~]+$/, "") + open.reverse().join("");
}

function closingBackticks(text: string, run: string, from: number): number {
  for (const match of text.slice(from).matchAll(/`+/g)) {
    if (match[0] === run) return from + match.index + run.length;
  }
  return -1;
}
