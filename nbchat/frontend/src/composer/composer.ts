// The composer: the box for the next message or for an edit, with its files and mentions.
import { Attaching } from "../attachments/attaching";
import { takeDrops } from "../attachments/drops";
import type { Chat } from "../kernel/chat";
import type { ChatState, Message } from "../kernel/protocol";
import type { Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { iconButton } from "../page/icon";
import { isComposing } from "../page/keys";
import { outputsAround } from "../page/outputs";
import { Effort } from "./effort";
import { Mentions } from "./mentions";
import { Refusal } from "./refusal";

const MAX_ROWS = 8;

const NO_MODEL = "Connect a model first";
const NO_KERNEL = "Run the cell to continue.";
/** Pixels: below, the long placeholder does not fit. */
const NARROW = 420;

function placeholder({ busy, shared, server }: ChatState, width: number): string {
  if (!server) return NO_MODEL;
  if (busy) return "Enter queues your next message";
  if (shared) return "Ask anything";
  return width < NARROW ? "Ask about your notebook" : "Ask about your notebook. Type @ to add a variable";
}

/** The outputs of a cell → what was in the box there when its view was removed: the cell runs again, and takes it. */
const leftBehind = new WeakMap<Element, string>();

export function composer({ store, draft, health }: Chat, el: HTMLElement): Cleanup {
  const box = h("textarea", { "aria-label": "Message", rows: 1, dir: "auto" });
  const button = iconButton("Send", "up");
  button.className = "nbchat-send";
  const attaching = new Attaching(draft, box);
  const refusal = new Refusal(store, draft);
  const effort = new Effort(store, (answer) => refusal.show(answer));
  el.classList.add("nbchat-composer");
  const hint = h("p", { class: "nbchat-hint", role: "status", hidden: true });
  const cancel = h("button", { type: "button", class: "nbchat-button", hidden: true }, "Cancel");
  const mentions = new Mentions(store, draft, box);
  const mention = iconButton("Add a variable", "at");
  mention.hidden = store.state.shared;
  const tools = h("div", { class: "nbchat-box-tools" }, attaching.button, mention, effort.element, button);
  const editLine = h("div", { class: "nbchat-editing" }, hint, cancel);
  const card = h("div", { class: "nbchat-box" }, editLine, attaching.chips, attaching.input, box, tools);
  // What is said about the message stands above the box: Stop lies over Send, at the end of the composer.
  el.append(attaching.problem, mentions.status, refusal.element, mentions.announcer, card);
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
    setText(hint, editing ? "Editing. Your earlier version is kept. Esc to cancel" : "");
    cancel.hidden = !editing;
    const files = editing?.attachments ?? draft.attached;
    const blank = box.value.trim() === "" && files.length === 0;
    const ended = health.end !== "";
    // Not `disabled`: the user can still copy what they have written.
    box.readOnly = ended;
    box.placeholder = ended ? NO_KERNEL : placeholder(store.state, box.clientWidth);
    button.title = ended ? NO_KERNEL : "Send (Enter)";
    button.disabled = sending || blank || ended;
    mention.disabled = ended || editing !== undefined;
    effort.draw(ended);
    attaching.draw(sending, ended);
    refusal.update();
    if (box.value !== fitted) fit();
  };
  const redraw = onceAFrame(draw);

  const send = async () => {
    if (button.disabled) return;
    sending = true;
    while (draft.reading) await draft.reading;
    sending = false;
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

  button.addEventListener("click", () => {
    box.focus(); // a button that is disabled or gone would drop it
    void send();
  });
  card.addEventListener("click", ({ target }) => {
    if (target === card || target === tools) box.focus();
  });
  mention.addEventListener("click", () => void mentions.begin());
  cancel.addEventListener("click", () => {
    endEdit();
    box.focus();
  });
  box.addEventListener("input", () => redraw(true));
  mentions.send = send;
  box.addEventListener("keydown", (event) => {
    if (isComposing(event)) return;
    if (mentions.onKey(event)) return;
    if (event.key === "Enter" && !event.shiftKey && !event.altKey) {
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
