// What of a Markdown text is a formula: money, code and escapes are none.
import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { formulas } from "../../nbchat/frontend/src/markdown/formulas";

const FORMULAS: [text: string, found: string[]][] = [
  ["$x$", ["$x$"]],
  ["($x$), $y$-axis and $n$th", ["$x$", "$y$", "$n$"]],
  ["\\(a_1 * b_1 * c\\) and \\[x\\]", ["\\(a_1 * b_1 * c\\)", "\\[x\\]"]],
  ["so $$x$$ it is", ["$$x$$"]],
  ["$$\n- a\n+ b\n= c\n$$", ["$$\n- a\n+ b\n= c\n$$"]],
  ["text\n\\[\nx\\\\[2pt]\ny\n\\]\nmore", ["\\[\nx\\\\[2pt]\ny\n\\]"]],
  ["> $$\n> x\n> $$\n\n- a $y$\n\n  $$z$$", ["$$\nx\n$$", "$y$", "$$z$$"]],
  ["| a | $x$ |\n|---|---|\n| **$y$** | z |", ["$x$", "$y$"]],
  ["$\\text{a \\$ b}$", ["$\\text{a \\$ b}$"]],
  ["it costs $5 to $10", []],
  ["it costs $5 to $10, for $x$ of them", ["$x$"]],
  ["$5\u2013$10, US$5 or 5 $, $ 5 $ and $5M/$6M", []],
  ["\\$x\\$, \\\\(x\\\\), \\\\\\$x$ and $x\\$", []],
  ["$x\ny$", []],
  ["$$ $$ \\(\\) \\[\\\\\\]", []],
  ["`$x$` and ``\\(x\\)`` and `$`x`$`", []],
  ["it is $a `b$ c` d", []],
  ["```\n$x$\n```\n\n    $$y$$", []],
  ["$$\nx\n\ny\n$$", []],
  ["$$x$$ and more\n\n\\[ x", ["$$x$$"]],
  ['Set $HOME/$USER first, from $START-$END, in "$C":"$D" or "$A"/"$B"', []],
  ["$PATH:$HOME\n5$/kg and 6$/kg, $5 or so, maybe (7$)", []],
  [
    "See \\[1\\], \\[2, 3\\], \\[4-6\\], \\(sic\\), \\(see below\\) and \\[Text here\\](https://a.example)",
    [],
  ],
  [
    "\\(5\\), \\(ab\\), \\(ABC\\), \\[ E = mc^2 \\]",
    ["\\(5\\)", "\\(ab\\)", "\\(ABC\\)", "\\[ E = mc^2 \\]"],
  ],
  ["设$x$为$k$NN, $-$ and $x$/$y$", ["$x$", "$k$", "$x$", "$y$"]],
  [
    "\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}",
    ["\\begin{align}\na &= b \\\\\nc &= d\n\\end{align}"],
  ],
  ["So:\n\\begin{equation*}x\\end{equation*}\nand", ["\\begin{equation*}x\\end{equation*}"]],
  ["so \\begin{cases}a\\end{cases} it is", ["\\begin{cases}a\\end{cases}"]],
  ["\\begin{document}x\\end{document} \\begin{align}x\\end{align*} `\\begin{align}x\\end{align}`", []],
];

for (const [text, found] of FORMULAS) {
  test(`${JSON.stringify(text)} has ${found.length}`, () => {
    const md = new MarkdownIt().use(formulas);
    const tokens = md.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])]);
    const are = tokens.filter(({ type }) => type.startsWith("formula"));
    deepEqual(
      are.map(({ content }) => content.trim()),
      found,
    );
  });
}
