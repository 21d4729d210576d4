// A user's text is split into prose and code as nbchat/_chat/markdown.py splits it.
import { deepEqual } from "node:assert/strict";
import { test } from "node:test";
import { splitFences } from "../../nbchat/frontend/src/markdown/fences";

const SPLIT: [text: string, parts: { text: string; language?: string }[]][] = [
  ["plain\n\ntext", [{ text: "plain\n\ntext" }]],
  ["a\n```py x\nb\n```\nc", [{ text: "a" }, { text: "b", language: "py" }, { text: "c" }]],
  ["~~~\n```\n~~~~", [{ text: "```", language: "" }]],
  ["- ```\n  x\n  ```\n\n", [{ text: "  x", language: "" }]],
  ["  ```\r\n    x\r\n  ```", [{ text: "  x", language: "" }]],
  ["```\nnot closed", [{ text: "not closed", language: "" }]],
  ["```a`b\nx", [{ text: "```a`b\nx" }]],
];

for (const [text, parts] of SPLIT) test(JSON.stringify(text), () => deepEqual(splitFences(text), parts));
