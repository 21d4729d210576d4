// A text that is still being written shows none of its markup: neither half of it, nor what it is not.
import { equal } from "node:assert/strict";
import { test } from "node:test";
import { repair } from "../../nbchat/frontend/src/markdown/repair";

const REPAIRED: [written: string, shown: string][] = [
  ["some **bo", "some **bo**"],
  ["some **", "some "],
  ["some **bold *and italic", "some **bold *and italic***"],
  ["~~gone", "~~gone~~"],
  ["a [link](https://exam", "a link"],
  ["a [link", "a link"],
  ["a ![pic](https://e", "a "],
  ["a `co", "a `co`"],
  ["H<sub>2", "H<sub>2</sub>"],
  ["H<sub>2</sub>O, **x<sup>n", "H<sub>2</sub>O, **x<sup>n</sup>**"],
  ["H<su", "H"],
  ["a<b", "a"],
  ["a <br /", "a "],
  ["a < b", "a < b"],
  ["so[^1", "so"],
  ["a ``b ` c", "a ``b ` c``"],
  ["| a | b |\n|--", ""],
  ["| a | b |\n|---|---|\n| 1", "| a | b |\n|---|---|\n| 1"],
  ["text\n--", "text\n"],
  ["text\n## ", "text\n"],
  ["1. one\n2", "1. one\n"],
  ["2 * 3", "2 * 3"],
  ["snake_ca", "snake_ca"],
  ["whole **bold** text", "whole **bold** text"],
  ["- *one\n- two", "- *one\n- two"],
  ["```py\nx = **", "```py\nx = **"],
  ["$a_1 * b", "&#36;a&#95;1 &#42; b"],
  ["\\[\n- x", "&#92;&#91;\n&#45; x"],
  ["$x$ and **y", "$x$ and **y**"],
  ["it costs $5 and **more", "it costs $5 and **more**"],
];

for (const [written, shown] of REPAIRED) {
  test(`${JSON.stringify(written)} is shown as ${JSON.stringify(shown)}`, () =>
    equal(repair(written), shown));
}
