// A message of the conversation: the user's in a bubble, the assistant's with its notes, its error, its metadata.
import { Attachments } from "../attachments/attachments";
import type { Chat } from "../kernel/chat";
import type { Message } from "../kernel/protocol";
import { isRunning, unsent } from "../kernel/unsent";
import { arrange, h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { elapsed } from "../page/units";
import { Actions } from "./actions";
import { CodeBlocks } from "./code-blocks";
import { ErrorCard } from "./error-card";
import { figures, incompleteness, showsNoReasoning } from "./metadata";
import { offerTables } from "./tables";
import { ReplyBody } from "./reply-body";
import { Thoughts } from "./thoughts";
import { UserText } from "./user-text";

export interface MessageView {
  readonly element: HTMLElement;
  /** The parts that a screen reader says, each as soon as it is complete. */
  readonly blocks: readonly Element[];
  /** Returns whether all of the message is shown; else call it again. */
  update(message: Message, last: boolean): boolean;
}

export class UserMessage implements MessageView {
  readonly element = h("article", { class: "nbchat-message nbchat-user", "aria-label": "You" });
  readonly blocks = [];
  #text: UserText;
  #attachments: Attachments;
  #actions: Actions;

  /** `compared`: the message is part of a comparison, and can only be copied. */
  constructor(chat: Chat, compared = false) {
    this.#attachments = new Attachments(chat);
    this.#text = new UserText(chat.store);
    this.#actions = new Actions(chat, this.#text.bubble, compared);
    this.element.append(this.#attachments.element, this.#text.bubble, this.#text.more, this.#actions.element);
  }

  update(message: Message, last: boolean): boolean {
    this.#attachments.update(message.attachments);
    this.#text.update(message.content);
    this.#actions.update(message, last);
    return true;
  }
}

export class AssistantMessage implements MessageView {
  readonly element = h("article", {
    class: "nbchat-message nbchat-assistant",
    "aria-label": "Assistant",
  });
  #chat: Chat;
  #compared: boolean;
  /** From its first thought on. */
  #thoughts: Thoughts | undefined;
  #body: ReplyBody;
  #code: CodeBlocks;
  #attachments: Attachments;
  #notes = h("div", { class: "nbchat-notes" });
  #shownNotes = "[]";
  // Not live: a screen reader would say each second.
  #wait = h("span");
  #tryNow = h("button", { type: "button", class: "nbchat-tool nbchat-try-now" }, "Try now");
  #waiting = h("div", { class: "nbchat-waiting", "aria-live": "off" }, this.#wait);
  #id = "";
  #error: ErrorCard;
  #badge = h("span", { class: "nbchat-badge" });
  #model = h("span", { class: "nbchat-caption" });
  #figures = h("span", { class: "nbchat-caption nbchat-figures" });
  #actions: Actions;
  #ran = false;
  /** Whether a tool call waits or runs. */
  #calls = false;
  /** How much text there was when the reply last ended: it may be continued. */
  #before = 0;
  /** Since when the user has been waiting for more of it. */
  #since = Date.now();
  /** How many of its thoughts were done when it last answered, called a tool, or ended. */
  #thoughtBefore = 0;
  #reasoning_s: number | null = null;
  #thinkingSince: number | null = null;
  #retryIn: number | null = null;
  #retryAt = 0;

  /** `compared`: the reply is part of a comparison, can only be copied, and has its metadata elsewhere. */
  constructor(chat: Chat, compared = false) {
    this.#chat = chat;
    this.#compared = compared;
    this.#body = new ReplyBody(chat.store);
    this.#code = new CodeBlocks(chat, this.#body.element);
    this.#attachments = new Attachments(chat);
    this.#actions = new Actions(chat, this.#body.element, compared);
    this.#error = new ErrorCard(chat);
    this.#tryNow.addEventListener("click", () => void chat.store.request({ type: "try_now", id: this.#id }));
    this.element.append(
      this.#body.element,
      this.#attachments.element,
      this.#notes,
      this.#waiting,
      h("footer", { class: "nbchat-meta" }, this.#badge, this.#model, this.#actions.element, this.#figures),
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
    offerTables(this.#chat, this.#body.element, message);
    this.#attachments.update(message.attachments);
    this.element.setAttribute("aria-busy", String(running || !drawn));
    this.#track(message, running);
    this.#showNotes(message.notes);
    const silent = Math.max(this.#before, message.tool_calls.at(-1)?.at ?? 0) === message.content.length;
    const standing = this.#compared ? "" : unsent(message, this.#chat.store.state.messages);
    this.element.classList.toggle("nbchat-unsent", standing !== "");
    const waits = running && silent && !this.#calls && !standing;
    const thinks = waits && message.retry_in_s === null && message.reasoning.length > this.#thoughtBefore;
    this.#thinkingSince = thinks ? (this.#thinkingSince ?? Date.now()) : null;
    this.#waiting.hidden = !waits || thinks;
    setText(this.#wait, this.#waiting.hidden ? "" : this.#waitsFor(message));
    const mayHurry = message.retry_in_s !== null && !this.#compared;
    arrange(this.#waiting, mayHurry ? [this.#wait, this.#tryNow] : [this.#wait]);
    this.#error.update(message, last);
    if (!message.error) this.#error.element.remove();
    // Added when it is complete: a screen reader says an alert as soon as it is in the page.
    else if (!this.#error.element.isConnected) this.#waiting.after(this.#error.element);
    setText(this.#badge, standing || incompleteness(message));
    const ended = !running && !this.#compared;
    setText(this.#model, ended ? this.#about(message, last) : "");
    setText(this.#figures, ended ? figures(message).join(" · ") : "");
    this.#figures.title = this.#figures.textContent; // a narrow line cuts it
    this.#actions.update(message, last);
    return this.#showThoughts(message) && drawn;
  }

  /** Keeps what `#waitsFor` goes by. */
  #track(message: Message, running: boolean): void {
    this.#id = message.id;
    // The same number that comes again with other news is no new wait.
    if (message.retry_in_s !== this.#retryIn) {
      this.#retryIn = message.retry_in_s;
      this.#retryAt = Date.now() + 1000 * (this.#retryIn ?? 0);
    }
    const calls = message.tool_calls.some(({ status }) => status === "waiting" || status === "running");
    if (running && (!this.#ran || (this.#calls && !calls))) this.#since = Date.now();
    this.#calls = calls;
    if (!running) this.#before = message.content.length;
    const { reasoning, reasoning_s } = message;
    const paused = !running || reasoning_s !== this.#reasoning_s;
    this.#thoughtBefore = paused ? reasoning.length : Math.min(this.#thoughtBefore, reasoning.length);
    this.#reasoning_s = reasoning_s;
    this.#ran = running;
  }

  #waitsFor(message: Message): string {
    if (message.retry_in_s !== null) {
      const left = Math.ceil((this.#retryAt - Date.now()) / 1000);
      return left > 0 ? `Retrying in ${left} s${this.#compared ? "" : " ·"}` : "Retrying…";
    }
    return `Waiting for ${message.model ?? (this.#chat.store.state.model || "the model")}… ${elapsed(this.#since)}`;
  }

  #about(message: Message, last: boolean): string {
    const none = last && showsNoReasoning(message, this.#chat.store.state);
    return [
      ...(message.model ? [message.model] : []),
      ...(none ? ["This model does not expose reasoning traces."] : []),
    ].join(" · ");
  }

  #showThoughts(message: Message): boolean {
    if (!message.reasoning) {
      this.#thoughts?.element.remove();
      this.#thoughts = undefined;
      return true;
    }
    if (!this.#thoughts) {
      this.#thoughts = new Thoughts(this.#chat.store);
      this.element.prepend(this.#thoughts.element);
    }
    return this.#thoughts.update(message, this.#thinkingSince);
  }

  #showNotes(notes: readonly string[]): void {
    const shown = JSON.stringify(notes);
    if (shown === this.#shownNotes) return;
    this.#shownNotes = shown;
    this.#notes.replaceChildren(
      ...notes.map((note) => h("p", { class: "nbchat-note" }, icon("info"), h("span", {}, note))),
    );
  }
}
