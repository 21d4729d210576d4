// The chat's own notices: they inform, and offer what can be done.
import type { Chat } from "../kernel/chat";
import type { Notice, Request } from "../kernel/protocol";
import { h, setText } from "../page/dom";
import { icon, iconButton } from "../page/icon";
import { explain } from "./explain";
import { linked } from "./linked";

export class NoticeView {
  readonly element = h("section", { class: "nbchat-notice" });
  #chat: Chat;
  #drawn = "";
  #refusal = h("p", { class: "nbchat-refusal", role: "alert" });

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  update(notice: Notice): void {
    const drawn = JSON.stringify(notice);
    if (drawn !== this.#drawn) this.#draw(notice);
    this.#drawn = drawn;
  }

  #draw(notice: Notice): void {
    this.element.setAttribute("role", notice.tone === "error" ? "alert" : "note");
    this.element.classList.toggle("nbchat-notice-error", notice.tone === "error");
    const text = h("p", { class: "nbchat-notice-text" }, ...linked(notice.text));
    this.element.replaceChildren(icon(notice.tone === "error" ? "warning" : "info"), text);
    const actions = notice.actions.map(({ id, label }) => {
      const button = h("button", { type: "button", class: "nbchat-button" }, label);
      const act = () => this.#ask({ type: "action", notice: notice.id, action: id });
      button.addEventListener("click", () => (id === "explain" ? this.#explain(act) : act()));
      return button;
    });
    if (actions.length > 0) this.element.append(h("p", { class: "nbchat-actions" }, ...actions));
    setText(this.#refusal, "");
    this.element.append(this.#close(notice.id), this.#refusal);
  }

  #close(id: string): HTMLElement {
    const close = iconButton("Close", "remove");
    close.classList.add("nbchat-close");
    close.addEventListener("click", () => this.#ask({ type: "action", notice: id, action: "close" }));
    return close;
  }

  async #explain(done: () => void): Promise<void> {
    const refused = await explain(this.#chat, this.element);
    setText(this.#refusal, refused);
    if (!refused) done();
  }

  async #ask(request: Request): Promise<void> {
    const { refused } = await this.#chat.store.request(request);
    setText(this.#refusal, refused ?? "");
  }
}
