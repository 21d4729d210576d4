// What markdown-it draws with the project's own rules.
import { equal, ok } from "node:assert/strict";
import { test } from "node:test";
import MarkdownIt from "markdown-it";
import { addresses } from "../../nbchat/frontend/src/markdown/addresses";
import { emphasis } from "../../nbchat/frontend/src/markdown/emphasis";
import { footnotes } from "../../nbchat/frontend/src/markdown/footnotes";
import { formulas } from "../../nbchat/frontend/src/markdown/formulas";
import { htmlTags } from "../../nbchat/frontend/src/markdown/html-tags";
import { tables } from "../../nbchat/frontend/src/markdown/table";

const md = new MarkdownIt({ linkify: true });
for (const plugin of [formulas, tables, emphasis, addresses, htmlTags, footnotes]) md.use(plugin);

const a = (address: string) => `<a href="${address}">${address}</a>`;
const x = (formula: string) => `<span class="nbchat-math">${formula}</span>`;

const INLINE: [text: string, html: string][] = [
  // Emphasis beside letters without spaces.
  ["**重要：**明天休息", "<strong>重要：</strong>明天休息"],
  ["これは**「大事」**です", "これは<strong>「大事」</strong>です"],
  ["一**“甲”**二**“乙”**三", "一<strong>“甲”</strong>二<strong>“乙”</strong>三"],
  ["이것은 *(중요)*입니다", "이것은 <em>(중요)</em>입니다"],
  ["~~删除：~~明天", "<s>删除：</s>明天"],
  ["**Hinweis:**bitte lesen", "<strong>Hinweis:</strong>bitte lesen"],
  ["das**„Wort“**selbst, **50%**der", "das<strong>„Wort“</strong>selbst, <strong>50%</strong>der"],
  ["**สำคัญ:**พรุ่งนี้", "<strong>สำคัญ:</strong>พรุ่งนี้"],
  ["(a)**2 + (b)**c + 5.", "(a)**2 + (b)**c + 5."],
  ["x**(2) + y**(z)", "x**(2) + y**(z)"],
  ["(a)*b + (c)*d, f(*args, **kwargs)", "(a)*b + (c)*d, f(*args, **kwargs)"],
  ["src/**test and lib/**test", "src/**test and lib/**test"],
  // Addresses.
  [
    "打开https://example.com/a，然后看https://example.com/b。",
    `打开${a("https://example.com/a")}，然后看${a("https://example.com/b")}。`,
  ],
  ["见 https://example.com/a（说明）再试", `见 ${a("https://example.com/a")}（说明）再试`],
  ["https://example.com/aを見る", `${a("https://example.com/a")}を見る`],
  [
    "https://example.com에서 **https://b.org**的",
    `${a("https://example.com")}에서 <strong>${a("https://b.org")}</strong>的`,
  ],
  ["“https://example.com/a”, «https://b.org»", `“${a("https://example.com/a")}”, «${a("https://b.org")}»`],
  ["انظر https://example.com/a، ثم", `انظر ${a("https://example.com/a")}، ثم`],
  ["www.example.org/a。", '<a href="http://www.example.org/a">www.example.org/a</a>。'],
  ["https://例え.jp/a", '<a href="https://xn--r8jz45g.jp/a">https://例え.jp/a</a>'],
  [
    "https://de.wikipedia.org/wiki/Größe_(x)",
    '<a href="https://de.wikipedia.org/wiki/Gr%C3%B6%C3%9Fe_(x)">https://de.wikipedia.org/wiki/Größe_(x)</a>',
  ],
  ["https://example.com，bob@evil.example", `${a("https://example.com")}，bob@evil.example`],
  ["`https://example.com` setup.py", "<code>https://example.com</code> setup.py"],
  // HTML.
  ["a<br>b<br/>c<BR />d", "a<br>\nb<br>\nc<br>\nd"],
  ["H<sub>2</sub>O, x<sup>**n**</sup>", "H<sub>2</sub>O, x<sup><strong>n</strong></sup>"],
  ["a<sub>i<sup>2</sup></sub>", "a<sub>i<sup>2</sup></sub>"],
  ["**a<sub>b**c</sub>", "**a<sub>b**c</sub>"],
  ["<sub>a, b</sub></sub> <sup>c</sub>", "<sub>a, b</sub>&lt;/sub&gt; &lt;sup&gt;c&lt;/sub&gt;"],
  [
    "<sub><sup><sub><sup>x</sup></sub></sup></sub>",
    "<sub><sup><sub>&lt;sup&gt;x&lt;/sup&gt;</sub></sup></sub>",
  ],
  ["`<sub>` and x<sub>2</sub>", "<code>&lt;sub&gt;</code> and x<sub>2</sub>"],
  [
    "<b>x</b><br onclick=x><sub class=a>y</sub>",
    "&lt;b&gt;x&lt;/b&gt;&lt;br onclick=x&gt;&lt;sub class=a&gt;y&lt;/sub&gt;",
  ],
];

const TEXTS: [text: string, html: string][] = [
  [
    "| a | p(y) |\n|---|---|\n| $|x|$ | $P(A|B)$ |",
    `<table><thead><tr><th>a</th><th>p(y)</th></tr></thead><tbody><tr><td>${x("$|x|$")}</td><td>${x("$P(A|B)$")}</td></tr></tbody></table>`,
  ],
  [
    "> | \\(|a|\\) |\n> |-|\n> | b<br>c |\n> # d",
    `<blockquote><table><thead><tr><th>${x("\\(|a|\\)")}</th></tr></thead><tbody><tr><td>b<br>c</td></tr></tbody></table><h1>d</h1></blockquote>`,
  ],
  [
    "| US$|EU$|\n|---|---|\n|1|2|",
    "<table><thead><tr><th>US$</th><th>EU$</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table>",
  ],
  [
    "One[^1], two[^b], [^none], a[^a-z].\n\n[^1]: https://a.example\n[^b]: *Two*\n  lines",
    '<p>One<sup class="nbchat-footnote-mark">1</sup>, two<sup class="nbchat-footnote-mark">b</sup>, [^none], a[^a-z].</p>' +
      `<p class="nbchat-footnote"><sup class="nbchat-footnote-mark">1</sup> ${a("https://a.example")}</p>` +
      '<p class="nbchat-footnote"><sup class="nbchat-footnote-mark">b</sup> <em>Two</em>lines</p>',
  ],
  [
    '[^"><img>]: x\n\n[^__proto__]: y\n\n[^"><img>] [^__proto__] [^constructor]',
    '<p class="nbchat-footnote"><sup class="nbchat-footnote-mark">&quot;&gt;&lt;img&gt;</sup> x</p>' +
      '<p class="nbchat-footnote"><sup class="nbchat-footnote-mark">__proto__</sup> y</p>' +
      '<p><sup class="nbchat-footnote-mark">&quot;&gt;&lt;img&gt;</sup> <sup class="nbchat-footnote-mark">__proto__</sup> [^constructor]</p>',
  ],
];

for (const [text, html] of INLINE) test(text, () => equal(md.renderInline(text), html));

for (const [text, html] of TEXTS) test(text, () => equal(md.render(text, {}).replaceAll("\n", ""), html));

// The cost grows with the length: each takes less than half a second, and its square would take minutes.
const HOSTILE = [
  "<sub>",
  "</sub>",
  "<sub><sup>",
  "<br",
  "[^1]",
  "[^",
  "[^1]: a\n",
  "[^a",
  "$",
  "$a",
  "$|",
  "\\(",
  "\\(sic",
  "\\( - ",
  "\\(- ",
  "\\[1",
  "\\begin{align}",
  "\\begin{align}\n",
  "**：",
  "a**“",
  "**a：**b",
  "|$|x|$",
  "|$|x|$|\n|-|\n",
  "|$|x|$|\n|-|\n# |h\n",
  "https://a",
  "https://a/[",
  "https://a/(",
  "https://a，",
  "www.a.b，",
  "https://例",
  "https://a/。[",
  "|-",
  "|-|\n",
];

for (const piece of HOSTILE) {
  test(`100 kB of ${JSON.stringify(piece)}`, () => {
    const began = performance.now();
    md.render(`${piece.repeat(100_000 / piece.length)}\\)`, { growing: true });
    const took = performance.now() - began;
    ok(took < 20_000);
  });
}
