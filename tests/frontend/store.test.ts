// A chat's state in the page follows the kernel's messages, and each request gets its answer.
import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import {
  type FromKernel,
  INITIAL_STATE,
  isAnsweredByFile,
  type Request,
  type Snapshot,
} from "../../nbchat/frontend/src/kernel/protocol";
import { Store } from "../../nbchat/frontend/src/kernel/store";
import EXAMPLES from "../protocol.json" with { type: "json" };
import { Kernel, message } from "./kernel";

// test_protocol.py has the compiler compare them with the types.
const FROM_KERNEL = EXAMPLES.from_kernel as unknown as FromKernel[];
const REQUESTS = EXAMPLES.from_page.filter(({ type }) => type !== "resync") as unknown as Request[];

function open(snapshot: Partial<Snapshot> = {}): { kernel: Kernel; store: Store } {
  const kernel = new Kernel(snapshot);
  return { kernel, store: new Store(kernel) };
}

test("each example of a change is applied", () => {
  const { kernel, store } = open();
  const changes = FROM_KERNEL.filter((each) => "seq" in each);
  for (const [at, change] of changes.entries()) {
    kernel.push(change);
    equal(store.state.seq, at + 1, change.type);
    switch (change.type) {
      case "message":
        deepEqual(store.state.messages.at(-1), change.message);
        break;
      case "facts":
        for (const [name, value] of Object.entries(change.facts)) {
          deepEqual(store.lastReply?.[name as keyof typeof change.facts], value);
        }
        break;
      case "call":
        deepEqual(store.lastReply?.tool_calls[change.index], change.call);
        break;
      case "replace":
        deepEqual(store.state.messages.slice(-change.messages.length), change.messages);
        break;
      case "state":
        deepEqual(
          { ...store.state, seq: undefined, messages: undefined },
          {
            ...change.state,
            ...{ seq: undefined, messages: undefined },
          },
        );
    }
  }
  deepEqual([store.lastReply?.content, store.lastReply?.reasoning], ["Hello there!", "Hmm"]);
  deepEqual(
    store.state.messages.map(({ role }) => role),
    ["assistant", "user"],
  );
  equal(kernel.asked("resync").length, 1);
});

for (const request of REQUESTS) {
  test(`the request ${request.type} is sent and answered`, async () => {
    const { kernel, store } = open();
    const answers: unknown[] = [];
    const answered = store.request(request).then((answer) => answers.push(answer));
    const [{ nonce }] = kernel.asked(request.type) as { nonce: string }[];
    deepEqual(kernel.sent.at(-1), { ...request, nonce });
    kernel.push({ type: "received", nonce: "another's" });
    kernel.push({ type: "received", nonce });
    const content = new DataView(new ArrayBuffer(2));
    if (isAnsweredByFile(request.type)) {
      await Promise.resolve();
      deepEqual(answers, []);
      kernel.push({ type: "file", nonce, name: "a.json" }, content);
    }
    await answered;
    const file = isAnsweredByFile(request.type) ? { file: { name: "a.json", content } } : {};
    deepEqual(answers, [{ type: "received", nonce, ...file }]);
  });
}

test("a refusal is the answer, and so is a fault, which is kept for the user", async () => {
  const { kernel, store } = open();
  for (const more of [{ refused: "Not now." }, { fault: "nbchat failed." }]) {
    const answered = store.request({ type: "download" });
    const { nonce } = kernel.asked("download").at(-1)!;
    kernel.push({ type: "received", nonce, ...more });
    equal((await answered).refused, "refused" in more ? "Not now." : "");
  }
  equal(store.fault, "nbchat failed.");
});

test("a change is applied once", () => {
  const { kernel, store } = open({ messages: [message("a", { content: "one " })], seq: 5 });
  deepEqual(kernel.asked("resync"), [{ type: "resync", seq: 5 }]);
  kernel.push({ type: "delta", seq: 6, id: "a", content: "two" });
  kernel.push({ type: "delta", seq: 6, id: "a", content: "TWICE" });
  equal(store.lastReply?.content, "one two");
});

test("a gap is healed by one snapshot", () => {
  const { kernel, store } = open();
  kernel.push({ type: "synced" });
  kernel.push({ type: "message", seq: 1, message: message("a", { status: "streaming" }) });
  kernel.push({ type: "delta", seq: 3, id: "a", content: "two " });
  kernel.push({ type: "delta", seq: 4, id: "a", content: "three " });
  deepEqual(
    kernel.asked("resync").map(({ seq }) => seq),
    [0, 1],
  );
  const messages = [message("a", { status: "streaming", content: "one two three " })];
  kernel.push({ type: "snapshot", snapshot: { ...INITIAL_STATE, seq: 4, messages } });
  kernel.push({ type: "delta", seq: 5, id: "a", content: "four" });
  equal(store.lastReply?.content, "one two three four");
});

test("what a snapshot has left out is fetched in pieces, and no change is lost meanwhile", () => {
  const { kernel, store } = open({ messages: [message("e")], seq: 5, earlier: true });
  const ids = () => store.state.messages.map(({ id }) => id).join("");
  const answer = (messages: ReturnType<typeof message>[], earlier: boolean) => {
    const { nonce } = kernel.asked("earlier").at(-1) as unknown as { nonce: string };
    const content = new TextEncoder().encode(JSON.stringify({ messages, earlier }));
    kernel.push({ type: "received", nonce });
    kernel.push({ type: "file", nonce, name: "earlier.json" }, new DataView(content.buffer));
  };
  const before = () => kernel.asked("earlier").map((asked) => (asked as { before?: string }).before);
  kernel.push({ type: "message", seq: 6, message: message("f") });
  answer([message("c"), message("d", { content: "old" })], true);
  kernel.push({ type: "delta", seq: 7, id: "d", content: " and new" });
  equal(store.state.messages[1].content, "old and new");
  deepEqual([ids(), before()], ["cdef", ["e", "c"]]);
  // Another version of all is shown meanwhile: the answer is about messages that are gone.
  kernel.push({ type: "replace", seq: 8, ids: ["c", "d", "e", "f"], messages: [message("y")] });
  answer([message("b")], true);
  deepEqual([ids(), before()], ["y", ["e", "c", "y"]]);
  answer([message("x")], false);
  deepEqual([ids(), before()], ["xy", ["e", "c", "y"]]);
  // A snapshot for another page costs this one nothing; one after a gap is a new start.
  const part = { ...INITIAL_STATE, messages: [message("y")], earlier: true };
  kernel.push({ type: "snapshot", snapshot: { ...part, seq: 8 } });
  deepEqual([ids(), before().length], ["xy", 3]);
  kernel.push({ type: "snapshot", snapshot: { ...part, seq: 9 } });
  deepEqual([ids(), before().at(-1), before().length], ["y", "y", 4]);
});

test("what did not change stays the same object, so that it is not drawn again", () => {
  const { kernel, store } = open({ messages: [message("a"), message("b")] });
  const [first, second] = store.state.messages;
  kernel.push({ type: "delta", seq: 1, id: "b", content: "more" });
  equal(store.state.messages[0], first);
  equal(second.content, "");
});

test("the saved notebook holds the conversation, and nothing is sent for that", () => {
  const { kernel, store } = open();
  kernel.push({ type: "message", seq: 1, message: message("a", { content: "kept" }) });
  equal(kernel.get("snapshot"), store.state);
  equal(kernel.traitsSent, false);
});

test("a conversation that an older version saved is filled in", () => {
  const { estimated_cost, attachments, tool_calls, notes, retry_in_s, ...old } = message("a", {
    content: "old",
  });
  const notice = { id: "n", text: "Ask", secret_label: "Key", actions: [], progress: null, tone: "info" };
  const { store } = open({ messages: [old], notices: [notice], seq: 3 } as unknown as Partial<Snapshot>);
  deepEqual(store.state.messages, [message("a", { content: "old" })]);
  equal(store.state.catalogue, INITIAL_STATE.catalogue);
});

test("views hear of each change until they are closed", () => {
  const { kernel, store } = open();
  let heard = 0;
  const end = store.subscribe(() => heard++);
  kernel.push({ type: "state", seq: 1, state: { ...INITIAL_STATE, busy: true } });
  end();
  kernel.push({ type: "state", seq: 2, state: INITIAL_STATE });
  equal(heard, 1);
  store.close();
  kernel.push({ type: "state", seq: 3, state: { ...INITIAL_STATE, busy: true } });
  equal(store.state.busy, false);
});

test("the last reply is the one that streams, not one that waits for it", () => {
  const unsent = { duration_s: null, finish_reason: null };
  const messages = [
    message("a", { status: "streaming" }),
    message("q", { role: "user" }),
    message("b", { ...unsent, status: "queued" }),
  ];
  equal(new Store(new Kernel({ messages })).lastReply?.id, "a");
  messages[0] = message("a");
  messages[2] = message("b", { ...unsent, status: "stopped" });
  equal(new Store(new Kernel({ messages })).lastReply?.id, "a");
  messages[2] = message("b");
  equal(new Store(new Kernel({ messages })).lastReply?.id, "b");
});
