// The line of thought above a reply.
import { equal } from "node:assert/strict";
import { test } from "node:test";
import { lastLine } from "../../nbchat/frontend/src/conversation/thoughts-line";

test("the last line of thought, as plain text", () => {
  equal(lastLine("One.\nTwo"), "Two");
  equal(lastLine("**Planning the answer**\n\n"), "Planning the answer");
  equal(lastLine("- use `x`"), "use x");
  equal(lastLine("## Then"), "Then");
  equal(lastLine(" \n"), "");
  equal(lastLine("2 * 3 = 6"), "2 * 3 = 6");
});
