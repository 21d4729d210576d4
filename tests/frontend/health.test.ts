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
  kernel = new Kernel({ busy: true, messages: [message("a", { status: "streaming" })] });
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
  match(health.problem, /No answer from the kernel/);
  kernel.push({ type: "received", nonce: kernel.asked("stop")[0].nonce });
  await answered;
  equal(health.problem, "");
});

test("a closed connection is gone at once", async () => {
  await new Promise(setImmediate); // the store has found the kernel's other widget
  void store.request({ type: "stop" });
  kernel.peer.comm_live = false;
  mock.timers.tick(3000);
  match(health.problem, /run this cell again/);
});

test("what the user does not wait for may stay without an answer", () => {
  kernel.push({ type: "state", seq: 1, state: INITIAL_STATE });
  void store.request({ type: "models" });
  mock.timers.tick(60_000);
  equal(health.problem, "");
});
