// The error of a reply: what happened, what the user can do about it, and what the server said.
import type { Chat } from "../kernel/chat";
import type { ErrorInfo, Message, Request } from "../kernel/protocol";
import { askForModel } from "../page/ask-for-model";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { unreachable } from "../page/unreachable";
import { linked } from "./linked";
import { canContinue, canRetry } from "./metadata";

/** Frames, in which the page draws the notice with the box for a key. */
const SOON = 10;

export class ErrorCard {
  readonly element = h("div", { class: "nbchat-error", role: "alert" });
  #chat: Chat;
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #shown = "";

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  /** Draws the error of a message, if it has one; `last`: it may be retried. */
  update(message: Message, last: boolean): void {
    const { error } = message;
    const actions = error && last ? this.#actions(message, error) : [];
    const shown = error ? JSON.stringify([error, actions.map(({ textContent }) => textContent)]) : "";
    if (shown === this.#shown) return;
    this.#shown = shown;
    this.element.replaceChildren();
    if (!error) return;
    setText(this.#refusal, "");
    this.element.append(
      icon("warning"),
      h("p", { class: "nbchat-error-title" }, ...linked(error.title)),
      ...(error.advice ? [h("p", {}, ...linked(error.advice))] : []),
      ...(actions.length > 0 ? [h("p", { class: "nbchat-error-actions" }, ...actions)] : []),
      this.#refusal,
    );
    if (error.detail) {
      const what = error.server_said ? "What the server said" : "Details";
      this.element.append(h("details", {}, h("summary", {}, what), h("pre", {}, error.detail)));
    }
  }

  /** What helps most comes first. */
  #actions(message: Message, error: ErrorInfo): HTMLElement[] {
    const { id } = message;
    const { model, shared } = this.#chat.store.state;
    return [
      ...(shared ? [] : this.#remedies(id, error)),
      ...(canContinue(message) ? [this.#button("Continue", { type: "continue", id })] : []),
      ...(canRetry(message, model) ? [this.#button("Retry", { type: "retry", id })] : []),
    ];
  }

  #remedies(id: string, { remedy, credit_page: href }: ErrorInfo): HTMLElement[] {
    switch (remedy) {
      case "":
        return [];
      case "enter_key":
        return [button("Enter a key", () => void this.#askForKey())];
      case "change_key":
        return [button("Use another key", () => void this.#askForKey())];
      case "change_model":
        return [button("Choose another model", () => askForModel(this.element))];
      case "add_credit": {
        const where = { href, target: "_blank", rel: "noopener noreferrer" };
        const add = h("a", { class: "nbchat-button", ...where }, "Add credit");
        // Before there is more credit, a retry can't help.
        const retry = this.#button("Retry", { type: "retry", id });
        retry.hidden = true;
        add.addEventListener("click", () => (retry.hidden = false));
        return href ? [add, retry] : [];
      }
      default:
        return unreachable(remedy);
    }
  }

  #button(name: string, request: Request): HTMLButtonElement {
    return button(name, () => void this.#ask(request));
  }

  async #ask(request: Request): Promise<void> {
    const { refused } = await this.#chat.store.request(request);
    setText(this.#refusal, refused ?? "");
  }

  async #askForKey(): Promise<void> {
    const chat = this.element.closest(".nbchat");
    await this.#ask({ type: "key" });
    for (let frame = 0; frame < SOON; frame++) {
      await new Promise(requestAnimationFrame);
      const box = chat?.querySelector<HTMLInputElement>('input[type="password"]');
      if (box) return box.focus();
    }
  }
}

function button(name: string, act: () => void): HTMLButtonElement {
  const element = h("button", { type: "button", class: "nbchat-button" }, name);
  element.addEventListener("click", act);
  return element;
}
