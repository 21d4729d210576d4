// The composer: the box for the next message or for an edit, with its files and mentions.
import { Attaching } from "../attachments/attaching";
import { takeDrops } from "../attachments/drops";
import type { Chat } from "../kernel/chat";
import type { Message } from "../kernel/protocol";
import type { Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { isComposing } from "../page/keys";
import { outputsAround } from "../page/outputs";
import { Mentions } from "./mentions";
import { Refusal } from "./refusal";

const MAX_ROWS = 8;

const PLACEHOLDER = "Message…";
const NO_MODEL = "Connect a model first";
const NO_KERNEL = "Run the cell to continue.";

/** The outputs of a cell → what was in the box there when its view was removed: the cell runs again, and takes it. */
const leftBehind = new WeakMap<Element, string>();

export function composer({ store, draft, health }: Chat, el: HTMLElement): Cleanup {
  const box = h("textarea", { "aria-label": "Message", rows: 1, placeholder: PLACEHOLDER, dir: "auto" });
  const button = h("button", { type: "button", class: "nbchat-send" }, "Send");
  const attaching = new Attaching(draft, box);
  const refusal = new Refusal(store, draft);
  el.classList.add("nbchat-composer");
  const hint = h("p", { class: "nbchat-hint", role: "status", hidden: true });
  const cancel = h("button", { type: "button", class: "nbchat-button", hidden: true }, "Cancel");
  const mentions = new Mentions(store, draft, box);
  el.append(
    h("div", { class: "nbchat-editing" }, hint, cancel),
    h("div", { class: "nbchat-box" }, attaching.chips, attaching.button, attaching.input, box, button),
    attaching.problem,
    mentions.status,
    refusal.element,
    mentions.announcer,
  );
  takeDrops(draft, el);

  const outputs = outputsAround(el);
  if (outputs) {
    box.value = leftBehind.get(outputs) ?? "";
    leftBehind.delete(outputs);
  }

  let sending = false;
  let editing: Message | undefined;
  /** Whether the edit was asked for in this view of the chat. */
  let here = false;
  /** What the user had typed before an edit. */
  let kept = "";

  const beginEdit = (message: Message, from: Element) => {
    if (!editing) kept = box.value;
    editing = message;
    box.value = message.content;
    here = from.closest(".nbchat") === el.closest(".nbchat");
    if (here) box.focus();
  };
  /** Ends an edit; of what is in the box, `text` stays. */
  const endEdit = (text = "") => {
    editing = undefined;
    box.value = [kept, text].filter(Boolean).join("\n\n");
    draft.endEdit();
  };
  const syncEdit = () => {
    const asked = draft.editing;
    if (!asked) {
      if (editing) endEdit();
    } else if (sending) {
      return; // what is being sent may be this edit, or has to leave the box first
    } else if (asked.message !== editing) {
      beginEdit(asked.message, asked.from);
    } else if (here && !store.state.messages.some(({ id }) => id === asked.message.id)) {
      endEdit(box.value); // the message is gone: Clear chat
    }
  };

  const takeSuggestion = () => {
    const { suggestion } = draft;
    if (!suggestion || suggestion.from.closest(".nbchat") !== el.closest(".nbchat")) return;
    draft.suggestion = undefined;
    box.value = [box.value, suggestion.text].filter(Boolean).join("\n\n");
    box.focus();
  };

  /** The text that the box's height fits; to measure it costs a layout of the page. */
  let fitted: string | undefined;
  const fit = () => {
    // While the page is hidden, as when JupyterLab changes its theme, the text has no height.
    if (box.clientWidth === 0) return;
    fitted = box.value;
    box.style.height = "auto";
    const line = parseFloat(getComputedStyle(box).lineHeight) || 20;
    const borders = box.offsetHeight - box.clientHeight;
    box.style.height = `${Math.min(box.scrollHeight + borders, (MAX_ROWS + 1) * line)}px`;
  };

  const draw = () => {
    syncEdit();
    takeSuggestion();
    setText(hint, editing ? "Editing message, Esc to cancel" : "");
    cancel.hidden = !editing;
    const files = editing?.attachments ?? draft.attached;
    const blank = box.value.trim() === "" && files.length === 0;
    const ended = health.end !== "";
    // Not `disabled`: the user can still copy what they have written.
    box.readOnly = ended;
    box.placeholder = ended ? NO_KERNEL : store.state.server ? PLACEHOLDER : NO_MODEL;
    button.title = ended ? NO_KERNEL : "";
    button.disabled = sending || blank || ended;
    attaching.draw(sending, ended);
    refusal.update();
    if (box.value !== fitted) fit();
  };
  const redraw = onceAFrame(draw);

  const send = async () => {
    if (button.disabled) return;
    // Variables that the user has not seen are shown first; then another Enter sends.
    if (!editing && mentions.hold()) return;
    const content = box.value;
    const edited = editing;
    const attached = edited ? [] : draft.attached;
    sending = true;
    draw();
    const attachments = attached.map(({ file }) => ({ name: file.name, media_type: file.type }));
    const answer = await store.request(
      edited ? { type: "edit", id: edited.id, content } : { type: "send", content, attachments },
      attached.map((each) => each.content),
    );
    sending = false;
    refusal.show(answer);
    // Clears only what has arrived, and nothing that was typed since.
    if (answer.refused === undefined) {
      const rest = box.value.startsWith(content) ? box.value.slice(content.length) : box.value;
      if (edited && edited === editing) endEdit(rest);
      else box.value = rest;
      draft.detach(attached);
      if (!edited) mentions.forget();
    }
    draw();
  };

  button.addEventListener("click", send);
  cancel.addEventListener("click", () => {
    endEdit();
    box.focus();
  });
  box.addEventListener("input", () => redraw(true));
  mentions.send = send;
  box.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (mentions.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      draw();
      void send();
    } else if (event.key === "Escape" && editing) {
      event.preventDefault();
      endEdit();
    } else if (event.key === "ArrowUp" && box.value === "") {
      const last = store.state.messages.findLast(({ role }) => role === "user");
      if (!last) return;
      event.preventDefault();
      draft.edit(last, box);
      draw(); // before the next key
    } else if (event.key === "Escape" && store.state.busy) {
      event.preventDefault();
      void store.request({ type: "stop" });
    }
  });

  // Stop is disabled as soon as the reply ends, and would drop the focus.
  const beside = el.closest(".nbchat-compose");
  const onStop = ({ target }: Event) => {
    if ((target as Element).closest(".nbchat-stop")) box.focus();
  };
  beside?.addEventListener("click", onStop);

  const resized = new ResizeObserver(() => {
    fitted = undefined;
    redraw();
  });
  resized.observe(el);
  const unsubscribe = store.subscribe(redraw);
  draw();
  return () => {
    if (outputs && !editing) leftBehind.set(outputs, box.value);
    unsubscribe();
    beside?.removeEventListener("click", onStop);
    mentions.close();
    resized.disconnect();
  };
}
