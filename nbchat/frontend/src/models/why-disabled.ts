import type { Cleanup } from "../kernel/anywidget";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { CONTROLS } from "../page/labels";
import type { Store } from "../kernel/store";

const SETTINGS = ["reasoning_effort", "temperature", "max_tokens"];

let count = 0;

/** Says at each grey control of a chat why it is grey. */
export function reasons(store: Store, chat: Element): Cleanup {
  const notes = SETTINGS.map((setting) => ({
    setting,
    widget: `.nbchat-${setting.replace("_", "-")}`,
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
    // What streams by changes none of it.
    if (store.state.disabled === drawn && !ended) return;
    drawn = store.state.disabled;
    for (const { setting, widget, note } of notes) {
      show(note, chat.querySelector(widget), ended ? "" : (store.state.disabled[setting] ?? ""));
    }
  };
  const redraw = onceAFrame(draw);
  const unsubscribe = store.subscribe(redraw);
  // The controls may come later than this.
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
