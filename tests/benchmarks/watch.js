// Runs first in every frame: records when markers became visible, and what came over the wire.
(() => {
  const TAIL = 3000; // characters at the end that are searched for the last marker
  const bench = (window.bench = { bytes: 0, messages: 0, longTasks: [], seen: [] });
  let selector = "";
  let marker = /$^/g;
  let end = -1;
  let sampling = false;
  let ended = () => {};

  new PerformanceObserver((list) => {
    bench.longTasks.push(...list.getEntries().map(({ duration }) => duration));
  }).observe({ type: "longtask" });
  performance.setResourceTimingBufferSize(1e6);

  window.WebSocket = class extends WebSocket {
    constructor(...args) {
      super(...args);
      if (String(args[0]).includes("/api/events/")) return; // events of other pages
      this.addEventListener("message", ({ data }) => {
        bench.messages += 1;
        bench.bytes += data.byteLength ?? data.size ?? data.length;
      });
    }
  };

  // Yields a node's texts from its end: the cost does not grow with the text.
  function* backwards(node) {
    if (node.nodeType === Node.TEXT_NODE) yield node.data;
    if (/^(STYLE|SCRIPT|TEXTAREA|ANNOTATION)$/i.test(node.nodeName)) return;
    for (let child = node.lastChild; child; child = child.previousSibling) yield* backwards(child);
    if (node.shadowRoot) yield* backwards(node.shadowRoot);
  }

  function sample() {
    sampling = false;
    const root = selector && document.querySelector(selector);
    if (!root) return;
    let read = "";
    for (const text of backwards(root)) {
      read = text.slice(-TAIL) + read;
      const found = [...read.matchAll(marker)].at(-1);
      if (found) {
        const n = Number(found[1]);
        if (n > (bench.seen.at(-1)?.[0] ?? -1)) bench.seen.push([n, Date.now()]);
        if (n >= end) ended();
      }
      if (found || read.length > TAIL) return;
    }
  }

  // Samples as soon as the change has been drawn: after the current frame, or else after the next.
  let inFrame = false;
  const request = window.requestAnimationFrame.bind(window);
  window.requestAnimationFrame = (callback) =>
    request((time) => {
      inFrame = true;
      try {
        callback(time);
      } finally {
        queueMicrotask(() => { inFrame = false; }); // after the callbacks of observers
      }
    });
  const drawn = new MessageChannel();
  drawn.port1.onmessage = sample;
  const changes = new MutationObserver(() => {
    if (sampling || !selector) return;
    sampling = true;
    if (inFrame) drawn.port2.postMessage(null);
    else request(() => drawn.port2.postMessage(null));
  });
  const observe = (root) =>
    changes.observe(root, { childList: true, characterData: true, subtree: true });
  observe(document);
  const attachShadow = Element.prototype.attachShadow;
  Element.prototype.attachShadow = function (options) {
    const root = attachShadow.call(this, options);
    observe(root);
    return root;
  };

  bench.watch = (where, reply, last) => {
    selector = where;
    marker = new RegExp(`w${String(reply).padStart(3, "0")}(\\d{5})`, "g");
    end = last;
    bench.seen = [];
    bench.longTasks = [];
    bench.ended = new Promise((resolve) => { ended = resolve; });
  };
  bench.wait = (ms) =>
    Promise.race([
      bench.ended.then(() => true),
      new Promise((resolve) => setTimeout(resolve, ms, false)),
    ]);
  bench.fetched = () =>
    performance.getEntriesByType("resource").reduce((sum, each) => sum + each.transferSize, 0);
})();
