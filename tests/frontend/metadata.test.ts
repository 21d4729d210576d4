// What is said of a reply and of a model.
import { deepEqual, equal } from "node:assert/strict";
import { mock, test } from "node:test";
import {
  cost,
  figures,
  incompleteness,
  showsNoReasoning,
  timeOf,
  tokenCounts,
} from "../../nbchat/frontend/src/conversation/metadata";
import { INITIAL_STATE, type Message, type ModelInfo } from "../../nbchat/frontend/src/kernel/protocol";
import { abilities, capacity, lastDay, price, shortName } from "../../nbchat/frontend/src/models/model-info";
import { message, usage } from "./kernel";

test("what a reply cost", () => {
  const costs: [number | null, number | null, string][] = [
    [null, 0.0012, "≈\u00a0$0.0012"],
    [null, 0.000_000_12, "≈\u00a0$0.00000012"],
    [null, 1.234, "≈\u00a0$1.23"],
    [null, 0, "free"],
    [0.02, 0.0012, "$0.02"],
    [0, null, "free"],
    [null, null, ""],
  ];
  for (const [reported, estimated_cost, text] of costs) {
    equal(cost(message("a", { usage: usage({ cost: reported }), estimated_cost })), text);
  }
  equal(cost(message("a", { estimated_cost: 0.5 })), "≈\u00a0$0.50");
});

test("the tokens that the server has reported, and no others", () => {
  equal(tokenCounts(message("a")), "");
  equal(tokenCounts(message("a", { usage: usage({ completion_tokens: 15 }) })), "15 out");
  equal(
    tokenCounts(message("a", { usage: usage({ prompt_tokens: 1200, completion_tokens: 0 }) })),
    "1,200 in / 0 out",
  );
});

test("the figures have what is known", () => {
  deepEqual(figures(message("a")), []);
  const known = { model: "test/model", duration_s: 2, reasoning_s: 0.5, estimated_cost: 0.25 };
  deepEqual(figures(message("a", { ...known, usage: usage({ completion_tokens: 50 }) })), [
    ...["2.0 s", "50 out tokens", "25 tok/s", "≈\u00a0$0.25"],
  ]);
  deepEqual(figures(message("a", { status: "error", duration_s: 0.02 })), []);
});

test("when a message was made", () => {
  mock.timers.enable({ apis: ["Date"], now: new Date(2026, 7, 20, 12).getTime() });
  const at = (...when: [number, number, number, number, number]) =>
    timeOf(message("a", { created: new Date(...when).getTime() / 1000 }));
  equal(at(2026, 7, 20, 9, 5), "09:05");
  equal(at(2026, 7, 19, 23, 59), "19 Aug, 23:59");
  equal(at(2025, 0, 2, 9, 5), "2 Jan 2025, 09:05");
  equal(timeOf(message("a", { created: null })), "");
  mock.timers.reset();
});

test("a model shows no reasoning only if that is known", () => {
  const asked = message("a", { model: "m", asked_to_reason: true });
  const said = (reply: Message, more: Message[] = [], reasoning: boolean | null = null) =>
    showsNoReasoning(reply, {
      ...INITIAL_STATE,
      ...{ seq: 0, messages: [...more, reply], model_info: { ...model({ reasoning }), id: "m" } },
    });
  equal(said(asked), true);
  equal(said(asked, [message("b", { model: "m", reasoning: "Hm" })]), false);
  equal(said(asked, [message("b", { model: "other", reasoning: "Hm" })]), true);
  equal(said(asked, [], true), false);
  equal(said(asked, [], false), true);
  equal(said({ ...asked, asked_to_reason: false }, [], false), false);
  equal(said({ ...asked, status: "error" }), false);
});

test("a reply that is not whole says why", () => {
  const endings: [Partial<Message>, string][] = [
    [{ status: "stopped", finish_reason: null }, "Stopped"],
    [{ finish_reason: "length" }, "Stopped at the token limit"],
    [{ finish_reason: null }, "Connection ended early"],
    [{ finish_reason: "content_filter" }, "Blocked by a content filter"],
    [{ finish_reason: "stop" }, ""],
    [{ finish_reason: "tool_calls" }, ""],
    [{ status: "streaming", finish_reason: null }, ""],
    [{ status: "error", finish_reason: null }, ""],
  ];
  for (const [ending, words] of endings) equal(incompleteness(message("a", ending)), words);
});

function model(more: Partial<ModelInfo> = {}): ModelInfo {
  const unknown = { context_length: null, prompt_price: null, completion_price: null };
  const rest = { reasoning: null, images: null, expires: null };
  return { id: "a", name: "A", is_free: false, ...unknown, ...rest, ...more };
}

test("what is said of a model", () => {
  equal(price(model()), "");
  equal(price(model({ is_free: true, prompt_price: 0 })), "free");
  equal(price(model({ prompt_price: 0.45, completion_price: 3.2 })), "$0.45 in / $3.20 out");
  equal(capacity(model({ context_length: 262_144 })), "262k context");
  equal(capacity(model()), "");
  deepEqual(abilities(model({ reasoning: true, images: true })), ["reasoning", "images"]);
  deepEqual(abilities(model({ reasoning: false })), []);
});

test("the last day of a model, if it is near enough to matter", () => {
  mock.timers.enable({ apis: ["Date"], now: Date.parse("2026-08-20T12:00:00Z") });
  deepEqual(lastDay(model({ expires: "2026-12-31" })), { text: "until 31 Dec 2026", soon: false });
  deepEqual(lastDay(model({ expires: "2026-09-12" })), { text: "until 12 Sept 2026", soon: true });
  for (const expires of [null, "someday", "2098-12-31"]) equal(lastDay(model({ expires })), null);
  mock.timers.reset();
});

test("a name says its vendor only where the id does not", () => {
  const short = (id: string, name: string) => shortName(model({ id, name }));
  equal(short("anthropic/claude-haiku-4.5", "Anthropic: Claude Haiku 4.5"), "Claude Haiku 4.5");
  equal(short("x-ai/grok-4", "xAI: Grok 4"), "Grok 4");
  equal(short("x-ai/grok-4.6", "SpaceXAI: Grok 4.6"), "Grok 4.6");
  equal(short("z-ai/glm-5", "Z.AI: GLM 5"), "GLM 5");
  equal(short("thedrummer/cydonia", "Other: Cydonia"), "Other: Cydonia");
  equal(short("llama: big", "Llama: big"), "Llama: big");
  equal(short("a/b", ""), "a/b");
});
