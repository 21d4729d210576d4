// A silent kernel is asked, and the user hears when it does not answer.
import { deepEqual, equal, match } from "node:assert/strict";
import { afterEach, beforeEach, mock, test } from "node:test";
import { Health } from "../../nbchat/frontend/src/kernel/health";
import { INITIAL_STATE } from "../../nbchat/frontend/src/kernel/protocol";
import { Store } from "../../nbchat/frontend/src/kernel/store";
import { Kernel, message } from "./kernel";

let kernel: Kernel;
let store: Store;
let health: Health;

beforeEach(() => {
  mock.timers.enable({ apis: ["Date", "setInterval"] });
  kernel = new Kernel({ busy: true, messages: [message("a", { status: "streaming", model: "m" })] });
  store = new Store(kernel);
  health = new Health(store);
  kernel.push({ type: "synced" });
});

afterEach(() => {
  health.close();
  mock.timers.reset();
});

test("a busy and silent kernel is asked, less and less often", () => {
  const pauses: number[] = [];
  for (let last = Date.now(); pauses.length < 6; ) {
    mock.timers.tick(300);
    if (kernel.asked("resync").length - 2 < pauses.length) continue;
    pauses.push(Date.now() - last);
    last = Date.now();
    kernel.push({ type: "synced" });
  }
  deepEqual(pauses, [1500, 2700, 5100, 9900, 10_200, 10_200]);
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  mock.timers.tick(60_000);
  equal(kernel.asked("resync").length - 1, pauses.length);
});

test("a request without an answer: the kernel is busy, then it is gone", async () => {
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  const answered = store.request({ type: "stop" });
  mock.timers.tick(2000);
  equal(health.problem, "");
  mock.timers.tick(1000);
  match(health.problem, /kernel is busy/);
  mock.timers.tick(20_000);
  match(health.problem, /kernel does not answer/);
  kernel.push({ type: "received", nonce: kernel.asked("stop")[0].nonce });
  await answered;
  equal(health.problem, "");
});

test("a restarted kernel is noticed at once, and nothing waits for it", async () => {
  await new Promise(setImmediate); // the store has found the kernel's other widget
  const answered = store.request({ type: "stop" });
  kernel.peer.comm_live = false;
  mock.timers.tick(300);
  deepEqual(await answered, { type: "received", nonce: "", refused: "" });
  deepEqual([health.end, health.problem, health.isAlive], ["ended", "", false]);
  deepEqual([store.state.busy, store.lastReply?.status], [false, "stopped"]);
  mock.timers.tick(60_000);
  deepEqual([health.end, health.problem], ["ended", ""]);
});

test("a manager that can't send means that the kernel has ended", async () => {
  kernel.widget_manager.kernel = kernel.connection;
  mock.timers.tick(300);
  kernel.send = () => {
    throw new Error("Cannot send");
  };
  const asked = kernel.sent.length;
  deepEqual((await store.request({ type: "stop" })).refused, "");
  equal(health.end, "restarted");
  mock.timers.tick(60_000);
  equal(kernel.sent.length, asked);
});

test("what a notebook has saved is shown as that", async () => {
  const saved = new Kernel({ messages: [message("a")] });
  saved.peer.comm_live = false;
  const other = new Health(new Store(saved));
  await new Promise(setImmediate);
  mock.timers.tick(300);
  equal(other.end, "saved");
  other.close();
});

test("a kernel that answers after all is there", async () => {
  await new Promise(setImmediate);
  kernel.peer.comm_live = false;
  mock.timers.tick(300);
  kernel.peer.comm_live = true;
  kernel.push({ type: "delta", seq: 1, id: "a", content: "more" });
  equal(health.end, "");
  deepEqual(kernel.asked("resync").at(-1), { type: "resync", seq: 0 });
});

test("a connection that comes back is no restart, and is asked what was missed", () => {
  kernel.widget_manager.kernel = kernel.connection;
  mock.timers.tick(300);
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  kernel.push({ type: "synced" });
  const asked = kernel.asked("resync").length;
  kernel.connect("connecting");
  mock.timers.tick(300);
  mock.timers.tick(3000);
  match(health.problem, /No connection to Jupyter/);
  equal(health.end, "");
  kernel.connect("connected");
  mock.timers.tick(300);
  equal(kernel.asked("resync").length, asked + 1);
  kernel.push({ type: "synced" });
  equal(health.problem, "");
});

test("what is lost on its way is sent again, as soon as the kernel has answered what was missed", async () => {
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  const answered = store.request({ type: "stop" });
  const [first] = kernel.asked("stop");
  mock.timers.tick(3000);
  mock.timers.tick(300);
  equal(kernel.asked("resync").length, 2);
  equal(kernel.asked("stop").length, 1);
  kernel.push({ type: "synced" });
  deepEqual(kernel.asked("stop"), [first, first]);
  kernel.push({ type: "synced" });
  equal(kernel.asked("stop").length, 2);
  kernel.push({ type: "received", nonce: first.nonce });
  await answered;
  mock.timers.tick(60_000);
  equal(kernel.asked("resync").length, 2);
});

test("what the user does not wait for may stay without an answer", () => {
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  void store.request({ type: "models" });
  mock.timers.tick(60_000);
  equal(health.problem, "");
});
