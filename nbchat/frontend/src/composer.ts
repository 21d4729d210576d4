import type { Cleanup } from "./anywidget";
import { h, setText } from "./dom";
import { onceAFrame } from "./frame";
import type { Store } from "./store";

const MAX_ROWS = 8;

export function composer(store: Store, el: HTMLElement): Cleanup {
  const box = h("textarea", { "aria-label": "Message", rows: 1, placeholder: "Message…" });
  const button = h("button", { type: "button", class: "nbchat-send" }, "Send");
  const refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  el.classList.add("nbchat-composer");
  el.append(h("div", { class: "nbchat-box" }, box, button), refusal);

  let sending = false;
  const draw = () => {
    button.disabled = sending || store.state.busy || box.value.trim() === "";
    box.style.height = "auto";
    const line = parseFloat(getComputedStyle(box).lineHeight) || 20;
    const borders = box.offsetHeight - box.clientHeight;
    box.style.height = `${Math.min(box.scrollHeight + borders, (MAX_ROWS + 1) * line)}px`;
  };
  const redraw = onceAFrame(draw);

  const send = async () => {
    if (button.disabled) return;
    const content = box.value;
    sending = true;
    draw();
    const { refused } = await store.request({ type: "send", content });
    sending = false;
    setText(refusal, refused ?? "");
    // Only what has arrived is cleared, and nothing that was typed since.
    if (refused === undefined && box.value.startsWith(content)) {
      box.value = box.value.slice(content.length);
    }
    draw();
  };

  button.addEventListener("click", send);
  box.addEventListener("input", redraw);
  box.addEventListener("keydown", (event) => {
    // 229: a key that goes to an input method, in browsers that don't say isComposing.
    if (event.isComposing || event.keyCode === 229) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      draw();
      void send();
    } else if (event.key === "Escape" && store.state.busy) {
      event.preventDefault();
      void store.request({ type: "stop" });
    }
  });

  const resized = new ResizeObserver(redraw);
  resized.observe(el);
  const unsubscribe = store.subscribe(redraw);
  draw();
  return () => {
    unsubscribe();
    resized.disconnect();
  };
}
