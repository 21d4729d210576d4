import { Actions } from "./actions";
import { Attachments } from "../attachments/attachments";
import { CodeBlocks } from "./code-blocks";
import { h, setText } from "../page/dom";
import { elapsed, facts, incompleteness } from "../page/units";
import { icon } from "../page/icon";
import type { Message } from "../kernel/protocol";
import type { Store } from "../kernel/store";
import { ReplyBody } from "./tool-calls";

/** Tells whether a message may yet grow. */
export function isRunning({ status }: Message): boolean {
  return status === "streaming" || status === "queued";
}

export interface MessageView {
  readonly element: HTMLElement;
  /** What a screen reader is to hear of it, each when it has all come. */
  readonly blocks: readonly Element[];
  /** Returns whether all of it is shown; else it is to be called again. */
  update(message: Message, last: boolean): boolean;
}

export class UserMessage implements MessageView {
  readonly element = h("article", { class: "nbchat-message nbchat-user", "aria-label": "You" });
  readonly blocks = [];
  #text = h("div", { class: "nbchat-bubble" });
  #attachments: Attachments;
  #actions: Actions;

  /** `compared`: it is one of several, and can only be copied. */
  constructor(store: Store, compared = false) {
    this.#attachments = new Attachments(store);
    this.#actions = new Actions(store, this.#text, compared);
    this.element.append(this.#attachments.element, this.#text, this.#actions.element);
  }

  update(message: Message, last: boolean): boolean {
    this.#attachments.update(message.attachments);
    setText(this.#text, message.content);
    this.#actions.update(message, last);
    return true;
  }
}

export class AssistantMessage implements MessageView {
  readonly element = h("article", {
    class: "nbchat-message nbchat-assistant",
    "aria-label": "Assistant",
  });
  #store: Store;
  #compared: boolean;
  #body: ReplyBody;
  #code: CodeBlocks;
  #attachments: Attachments;
  #notes = h("div", { class: "nbchat-notes" });
  #shownNotes = "[]";
  // Its seconds would be read out one by one.
  #waiting = h("div", { class: "nbchat-waiting", "aria-live": "off" });
  #error = h("div", { class: "nbchat-error", role: "alert" });
  #shownError = "";
  #badge = h("span", { class: "nbchat-badge" });
  #facts = h("span", { class: "nbchat-facts" });
  #actions: Actions;
  #ran = false;
  /** Whether tools are being called. */
  #calls = false;
  #before = 0;
  #since = Date.now();
  #reasoningSince = 0;
  #retryIn: number | null = null;
  #retryAt = 0;

  /** `compared`: it is one of several, can only be copied, and its facts stand elsewhere. */
  constructor(store: Store, compared = false) {
    this.#store = store;
    this.#compared = compared;
    this.#body = new ReplyBody(store);
    this.#code = new CodeBlocks(store, this.#body.element);
    this.#attachments = new Attachments(store);
    this.#actions = new Actions(store, this.#body.element, compared);
    this.element.append(
      this.#body.element,
      this.#attachments.element,
      this.#notes,
      this.#waiting,
      h("footer", { class: "nbchat-meta" }, this.#badge, this.#facts, this.#actions.element),
    );
  }

  get blocks(): readonly Element[] {
    const notes = this.#ran ? [] : this.#notes.children;
    const text = this.#body.blocks.filter((block) => !block.matches(".nbchat-output"));
    return [...text, ...notes, this.#badge];
  }

  update(message: Message, last: boolean): boolean {
    const running = isRunning(message);
    const drawn = this.#body.update(message, !running);
    this.#code.update(message);
    this.#attachments.update(message.attachments);
    this.element.setAttribute("aria-busy", String(running || !drawn));
    this.#follow(message, running);
    this.#showNotes(message.notes);
    const silent = Math.max(this.#before, message.tool_calls.at(-1)?.at ?? 0) === message.content.length;
    setText(this.#waiting, running && silent && !this.#calls ? this.#wait(message) : "");
    this.#showError(message, last);
    setText(this.#badge, incompleteness(message));
    setText(this.#facts, running || this.#compared ? "" : facts(message).join(" · "));
    this.#actions.update(message, last);
    return drawn;
  }

  /** Since when there is nothing to be seen, and after how much text: a reply may be continued. */
  #follow(message: Message, running: boolean): void {
    // What comes with other news is no new wait.
    if (message.retry_in_s !== this.#retryIn) {
      this.#retryIn = message.retry_in_s;
      this.#retryAt = Date.now() + 1000 * (this.#retryIn ?? 0);
    }
    const calls = message.tool_calls.some(({ status }) => status === "waiting" || status === "running");
    if (running && (!this.#ran || (this.#calls && !calls))) this.#since = Date.now();
    this.#calls = calls;
    if (!running) this.#before = message.content.length;
    if (running && message.reasoning && !message.content) this.#reasoningSince ||= Date.now();
    this.#ran = running;
  }

  #wait(message: Message): string {
    if (message.retry_in_s !== null) {
      const left = Math.ceil((this.#retryAt - Date.now()) / 1000);
      return left > 0 ? `Trying again in ${left} s` : "Trying again…";
    }
    if (message.reasoning && !message.content) return `Thinking… ${elapsed(this.#reasoningSince)}`;
    if (message.status === "queued") return "Waiting for its turn…";
    return `Waiting for ${message.model ?? (this.#store.state.model || "the model")}… ${elapsed(this.#since)}`;
  }

  #showNotes(notes: readonly string[]): void {
    const shown = JSON.stringify(notes);
    if (shown === this.#shownNotes) return;
    this.#shownNotes = shown;
    this.#notes.replaceChildren(
      ...notes.map((note) => h("p", { class: "nbchat-note" }, icon("info"), h("span", {}, note))),
    );
  }

  #showError({ id, error }: Message, last: boolean): void {
    const shown = error ? JSON.stringify([error, last]) : "";
    if (shown === this.#shownError) return;
    this.#shownError = shown;
    this.#error.remove();
    if (!error) return;
    this.#error.replaceChildren(h("p", {}, error.message));
    if (error.detail) {
      this.#error.append(
        h("details", {}, h("summary", {}, "What the server said"), h("pre", {}, error.detail)),
      );
    }
    if (error.retryable && last) {
      const retry = h("button", { type: "button", class: "nbchat-button" }, "Retry");
      retry.addEventListener("click", () => void this.#store.request({ type: "retry", id }));
      this.#error.append(retry);
    }
    // As a whole: an alert is read out when it comes.
    this.#waiting.after(this.#error);
  }
}
