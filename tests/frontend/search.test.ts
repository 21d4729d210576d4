// The search in the list of models.
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { search, typos } from "../../nbchat/frontend/src/models/search";

const model = (id: string, name = id, ...facts: string[]) => ({ id, name, facts });
const MODELS = [
  model("anthropic/claude-haiku-4.5", "Anthropic: Claude Haiku 4.5", "paid", "reasoning", "images"),
  model("anthropic/claude-sonnet-4.5", "Anthropic: Claude Sonnet 4.5", "paid", "reasoning", "images"),
  model("google/gemini-3-flash", "Google: Gemini 3 Flash", "paid", "reasoning", "images", "1m"),
  model("google/gemini-3-flash-image", "Google: Gemini 3 Flash Image", "paid", "images"),
  model("openai/gpt-4o-mini", "OpenAI: GPT-4o-mini", "paid", "tools"),
  model("openai/gpt-5-mini", "OpenAI: GPT-5 Mini", "paid", "reasoning", "tools"),
  model("openai/gpt-5", "OpenAI: GPT-5", "paid", "reasoning", "tools"),
  model("openai/gpt-oss-20b:free", "OpenAI: gpt-oss-20b (free)", "free", "reasoning"),
];
const found = (typed: string) => search(typed, MODELS).map(({ id }) => id.split("/")[1]);

test("a word finds the beginnings of words, and no middle of a fact", () => {
  deepEqual(found("son"), ["claude-sonnet-4.5"]); // not "reasoning"
  deepEqual(found("claude son"), ["claude-sonnet-4.5"]);
  deepEqual(found("Claude-Sonnet:4.5"), ["claude-sonnet-4.5"]);
});

test("punctuation counts for nothing, and the closest id comes first", () => {
  deepEqual(found("gpt5"), ["gpt-5", "gpt-5-mini"]);
  deepEqual(found("gpt 5"), ["gpt-5", "gpt-5-mini"]);
  equal(found("gpt4o")[0], "gpt-4o-mini");
  deepEqual(found("mini").slice(0, 2), ["gpt-4o-mini", "gpt-5-mini"]); // then Gemini
});

test("what a model can do is found too, after the names", () => {
  equal(found("image")[0], "gemini-3-flash-image");
  equal(found("image").length, 4);
  deepEqual(found("free"), ["gpt-oss-20b:free"]);
  deepEqual(found("gpt tools reasoning"), ["gpt-5-mini", "gpt-5"]);
  deepEqual(found("1m"), ["gemini-3-flash"]);
});

test("typing errors are forgiven where nothing else fits", () => {
  deepEqual(found("claude-sonet"), ["claude-sonnet-4.5"]);
  equal(found("gemnii")[0], "gemini-3-flash");
  deepEqual(found("cladue haiku"), ["claude-haiku-4.5"]);
  deepEqual(found("my/own"), []);
  deepEqual(found("openai/gpt-5:nitro"), []);
});

test("nothing typed finds all, as they are", () => {
  deepEqual(search("  - ", MODELS), MODELS);
});

test("changes of one letter", () => {
  deepEqual([typos("sonet", "sonnet"), typos("cladue", "claude"), typos("x", "abc")], [1, 1, 1]);
});
