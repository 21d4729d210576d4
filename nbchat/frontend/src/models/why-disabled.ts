// Says below each disabled control why it is disabled.
import type { Store } from "../kernel/store";
import type { Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { CONTROLS } from "../page/labels";

let count = 0;

/** Keeps the explanations of the controls in `chat` up to date. */
export function explainDisabled(store: Store, chat: Element): Cleanup {
  const notes = Object.keys(store.state.labels).map((setting) => ({
    setting,
    widget: `.nbchat-${setting.replaceAll("_", "-")}`,
    note: h("small", { class: "nbchat-reason", id: `nbchat-reason-${++count}` }),
  }));
  const show = (note: HTMLElement, widget: Element | null, reason: string) => {
    const control = widget?.querySelector(CONTROLS);
    if (!widget || !control) return;
    setText(note, reason);
    if (reason && note.parentElement !== widget) widget.append(note);
    if (!reason) note.remove();
    const described = control.getAttribute("aria-describedby");
    if (reason && described !== note.id) control.setAttribute("aria-describedby", note.id);
    if (!reason && described === note.id) control.removeAttribute("aria-describedby");
  };
  let ended = false;
  let drawn: object | undefined;
  const draw = () => {
    // While a reply streams, none of it changes.
    if (store.state.why_disabled === drawn && !ended) return;
    drawn = store.state.why_disabled;
    const said = new Set<string>();
    for (const { setting, widget, note } of notes) {
      const reason = ended ? "" : (store.state.why_disabled[setting] ?? "");
      show(note, chat.querySelector(widget), reason);
      // Seen once; a screen reader says it at each control.
      note.classList.toggle("nbchat-repeated", said.has(reason));
      if (note.isConnected) said.add(reason);
    }
  };
  const redraw = onceAFrame(draw);
  const unsubscribe = store.subscribe(redraw);
  // ipywidgets may make the controls later than this.
  const added = new MutationObserver((records) => {
    if (!records.some(({ target }) => !(target as Element).closest(".nbchat-part"))) return;
    drawn = undefined;
    redraw();
  });
  added.observe(chat, { childList: true, subtree: true });
  draw();
  return () => {
    unsubscribe();
    added.disconnect();
    ended = true;
    draw();
  };
}
