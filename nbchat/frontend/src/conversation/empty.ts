// An empty chat: what the user can do with it.
import type { Chat } from "../kernel/chat";
import type { Suggestion } from "../kernel/protocol";
import { dotted, h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { explain } from "./explain";

export class EmptyChat {
  readonly element: HTMLElement;
  #chat: Chat;
  #connected = h("p", { class: "nbchat-caption" });
  #suggestions = h("div", { class: "nbchat-suggestions", role: "group", "aria-label": "Suggestions" });
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #drawn: readonly Suggestion[] = [];

  constructor(chat: Chat) {
    this.#chat = chat;
    const file = h("span", {}, icon("attach"), " file");
    const newLine = h("span", { class: "nbchat-by-keyboard" }, "Shift+Enter new line");
    const hints = [...(chat.store.state.shared ? [] : ["@ variable"]), file, newLine];
    this.element = h(
      "div",
      { class: "nbchat-empty" },
      h("p", { class: "nbchat-greeting" }, "What shall we look at?"),
      ...[this.#connected, this.#suggestions, this.#refusal],
      h("p", { class: "nbchat-caption nbchat-hints" }, ...dotted(hints)),
    );
  }

  /** `connected`: what the user has just connected, or "". */
  update(suggestions: readonly Suggestion[], connected: string): void {
    setText(this.#connected, connected);
    if (suggestions === this.#drawn) return;
    this.#drawn = suggestions;
    setText(this.#refusal, "");
    this.#suggestions.hidden = suggestions.length === 0;
    this.#suggestions.replaceChildren(
      ...suggestions.map(({ label, text }) => {
        const button = h("button", { type: "button" }, label);
        button.addEventListener("click", () => void this.#take(text));
        return button;
      }),
    );
  }

  /** Puts it into the box: what goes along with it is seen before it is sent. */
  async #take(text: string): Promise<void> {
    if (text) this.#chat.draft.suggest(text, this.element);
    else setText(this.#refusal, await explain(this.#chat, this.element));
  }
}
