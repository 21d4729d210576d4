// Finds the addresses that a Markdown text has without markup: they become links.
import type MarkdownIt from "markdown-it";

// No word of an address: letters of scripts without spaces, punctuation that is not ASCII. linkify goes on to the next space.
const ENDS =
  "[><\\u00ab\\u00bb\\u060c\\u061b\\u061f\\u06d4\\u0964\\u0965\\u0e00-\\u0eff\\u1000-\\u109f\\u1100-\\u11ff\\u1780-\\u17ff" +
  "\\u2014\\u2018-\\u201f\\u2026\\u2039\\u203a\\u2e80-\\u9fff\\ua960-\\ua97f\\uac00-\\ud7ff\\ud840-\\ud8bf\\uf900-\\ufaff" +
  "\\uff00-\\uffef]";
// linkify looks ahead for the end of each bracket: without a limit, its time would be the square of a text's length.
const LONGEST = 4000;

type Patterns = MarkdownIt["linkify"]["re"];

/** Returns what tells how long the address is that `begin` begins. */
function address(begin: (re: Patterns) => string) {
  let patterns: RegExp[] | undefined;
  return (text: string, at: number, { re }: { re: Patterns }): number => {
    patterns ??= patternsOf(begin(re), re);
    const tail = text.slice(at, at + LONGEST);
    for (const pattern of patterns) {
      const length = pattern.exec(tail)?.[0].length ?? 0;
      if (length > 0) return length < LONGEST ? length : 0;
    }
    return 0;
  };
}

function patternsOf(begin: string, re: Patterns): RegExp[] {
  const whole = `^${begin}${re.src_host_port_strict}${re.src_path}`;
  const ascii = whole.replaceAll("[><\uff5c]", ENDS);
  // The second: a host in such a script, as in "https://例え.jp".
  return [new RegExp(ascii, "i"), new RegExp(whole, "i")];
}

/** A plugin of markdown-it. Links only what is written as an address: "setup.py" is a file, though .py is a country. */
export function addresses({ linkify }: MarkdownIt): void {
  linkify.set({ fuzzyLink: false, fuzzyEmail: false, fuzzyIP: false });
  const http = { validate: address(({ src_auth }) => `//${String(src_auth).replace("(?!", `(?!${ENDS}|`)}`) };
  linkify
    .add("http:", http)
    .add("https:", http)
    .add("ftp:", null)
    .add("//", null)
    .add("www.", {
      validate: address(() => ""),
      normalize: (match) => void (match.url = `http://${match.url}`),
    });
}
