// The thoughts of a reply: a line above its answer, which opens in place. And, in a box, those of the last reply.
import type { Chat } from "../kernel/chat";
import { keepDrawn } from "../kernel/keep-drawn";
import type { Message } from "../kernel/protocol";
import type { Store } from "../kernel/store";
import { isRunning } from "../kernel/unsent";
import { StreamedText } from "../markdown/streamed";
import { together, type Cleanup } from "../page/cleanup";
import { h, setText } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { icon } from "../page/icon";
import { AutoScroll } from "../page/scroll";
import { headline, lastLine } from "./thoughts-line";

/** The text of thoughts, in a box that scrolls. */
class ThoughtsText {
  readonly element = h("div", { class: "nbchat-thoughts-text", "aria-live": "off", tabindex: 0 });
  #text: StreamedText;
  #scroll = new AutoScroll(this.element);

  constructor(store: Store) {
    this.#text = new StreamedText(store);
    this.element.append(this.#text.element);
  }

  /** Returns whether all of the text is shown; else call it again. */
  update(message: Message): boolean {
    // Between tool calls a model may think again.
    const done = message.content !== "" && message.tool_calls.length === 0;
    const drawn = this.#text.update(message.reasoning, message.status !== "streaming" || done);
    // What is complete is read from its beginning.
    if (isRunning(message)) this.#scroll.update();
    return drawn;
  }
}

/** Opens in place; the text is drawn once it has been opened. */
export class Thoughts {
  #store: Store;
  #label = h("span", { class: "nbchat-unbroken" });
  #last = h("span", { class: "nbchat-thoughts-last", "aria-hidden": "true", hidden: true });
  #line = h(
    "button",
    { type: "button", class: "nbchat-thoughts-line", "aria-expanded": "false" },
    ...[this.#label, this.#last, icon("next")],
  );
  readonly element = h(
    "div",
    { class: "nbchat-thoughts", role: "group", "aria-label": "Thoughts" },
    this.#line,
  );
  #text: ThoughtsText | undefined;
  #message!: Message;
  #opened = false;

  constructor(store: Store) {
    this.#store = store;
    const redraw = onceAFrame(() => this.#draw());
    this.#line.addEventListener("click", () => {
      this.#opened = !this.#opened;
      this.#line.ariaExpanded = String(this.#opened);
      this.#last.hidden = true;
      if (!this.#draw()) redraw();
    });
  }

  /** `since` as in `headline`. Returns whether all of the text is shown; else call it again. */
  update(message: Message, since: number | null): boolean {
    this.#message = message;
    const label = headline(message, since);
    this.#line.classList.toggle("nbchat-thinking", since !== null);
    // The line changes with the seconds, not with each word.
    if (label !== this.#label.textContent) {
      const last = since === null || this.#opened ? "" : lastLine(message.reasoning);
      setText(this.#label, label);
      setText(this.#last, last && ` ${last}`);
      // The name has all that is seen, for those who speak it (WCAG 2.5.3).
      this.#line.ariaLabel = label === "Thoughts" ? label : `Thoughts: ${label} ${last}`.trim();
    }
    return this.#draw();
  }

  #draw(): boolean {
    if (this.#text) this.#text.element.hidden = !this.#opened;
    if (!this.#opened) return true;
    if (!this.#text) this.element.append((this.#text = new ThoughtsText(this.#store)).element);
    return this.#text.update(this.#message);
  }
}

/** The thoughts of the last reply, in a box of its own, which is not shown while there are none. */
export function lastThoughts({ store }: Chat, el: HTMLElement): Cleanup {
  const box = h("div", { class: "nbchat-last-thoughts" });
  el.append(box);
  let shown: { id: string; text: ThoughtsText } | undefined;
  const draw = () => {
    const reply = store.lastReply;
    box.classList.toggle("nbchat-no-thoughts", !reply?.reasoning);
    // A closed accordion has no width: what nobody sees is not drawn.
    if (!reply?.reasoning || box.clientWidth === 0) return true;
    if (reply.id !== shown?.id) {
      shown = { id: reply.id, text: new ThoughtsText(store) };
      box.replaceChildren(shown.text.element);
    }
    return shown.text.update(reply);
  };
  const redraw = onceAFrame(draw);
  const opened = new ResizeObserver(() => redraw());
  opened.observe(box);
  return together(keepDrawn(store, draw), () => opened.disconnect());
}
