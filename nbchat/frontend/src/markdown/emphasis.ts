// Emphasis beside letters that no space separates from punctuation: CommonMark's rule leaves its stars in the text.
import type MarkdownIt from "markdown-it";

// Chinese, Japanese and Korean, with their punctuation. As in github.com/tats-u/markdown-cjk-friendly, whose plugin
// carries a table of widths instead, and leaves "**Hinweis:**bitte" as it is.
const CJK = /[\p{scx=Han}\p{scx=Hiragana}\p{scx=Katakana}\p{scx=Hangul}\p{scx=Bopomofo}\uff00-\uffef]/u;
const LETTER = /[\p{L}\p{M}\p{N}]/u;
// Brackets and operators are no such signs: in "(a)**b + (c)**d" nothing is bold.
const BEGINS = /["'¿¡]|(?![([{])[\p{Ps}\p{Pi}]/u;
const ENDS = /[:;,.!?…"'%]|(?![)\]}])[\p{Pe}\p{Pi}\p{Pf}\p{Sc}]|(?![\0-\x7f])\p{Po}/u;

/** A plugin of markdown-it: `*` and `~~` open and close where the text shows what they mean. */
export function emphasis(md: MarkdownIt): void {
  md.inline.State = class extends md.inline.State {
    override scanDelims(start: number, canSplitWord: boolean) {
      const found = super.scanDelims(start, canSplitWord);
      const end = start + found.length;
      if (!canSplitWord || start === 0 || end >= this.posMax) return found;
      const before = [...this.src.slice(Math.max(0, start - 2), start)].at(-1)!;
      const after = String.fromCodePoint(this.src.codePointAt(end)!);
      if (/\s/.test(before + after)) return found;
      const cjk = CJK.test(before) || CJK.test(after);
      // One star is more often a sign of multiplication.
      const bold = found.length > 1;
      found.can_open ||= cjk || (bold && LETTER.test(before) && BEGINS.test(after));
      found.can_close ||= cjk || (bold && ENDS.test(before) && LETTER.test(after));
      return found;
    }
  };
}
