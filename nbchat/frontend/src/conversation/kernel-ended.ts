// What a chat says and offers once its kernel has ended: the page has the conversation, and nothing else can be asked.
import type { Chat } from "../kernel/chat";
import type { End } from "../kernel/health";
import { h, setText } from "../page/dom";
import { saveFile } from "../page/save";
import { toMarkdown } from "./markdown-copy";

const HAPPENED: Record<End, string> = {
  "": "",
  restarted: "The kernel was restarted.",
  ended: "The kernel has ended.",
  saved: "Saved conversation.",
};

function sentence(end: End, empty: boolean): string {
  const shown = end === "saved" || empty ? "Run" : "This is the conversation so far; run";
  return end && `${HAPPENED[end]} ${shown} the cell to continue.`;
}

/** ipywidgets' own controls, which only a kernel listens to. */
const CONTROLS = ".nbchat-side, .nbchat-stop";

/** A banner; once the kernel has ended, also turns the chat around it into one that is only read. */
export class KernelEnded {
  readonly element = h("div", { class: "nbchat-ended-banner", hidden: true });
  #chat: Chat;
  #text = h("p", { role: "status" });
  #save = h("button", { type: "button", class: "nbchat-button" }, "Save a copy");
  #shown: End = "";

  constructor(chat: Chat) {
    this.#chat = chat;
    this.#save.addEventListener("click", () => {
      saveFile(this.element, "conversation.md", toMarkdown(chat.store.state.messages));
    });
    this.element.append(this.#text, this.#save);
  }

  update(): void {
    const { end } = this.#chat.health;
    if (end === this.#shown) return;
    this.#shown = end;
    this.element.hidden = end === "";
    const empty = this.#chat.store.state.messages.length === 0;
    setText(this.#text, sentence(end, empty));
    // What the notebook has saved, it need not save again.
    this.#save.hidden = end === "saved" || empty;
    const root = this.element.closest(".nbchat");
    root?.classList.toggle("nbchat-ended", end !== "");
    root?.classList.toggle("nbchat-saved", end === "saved");
    for (const control of root?.querySelectorAll<HTMLElement>(CONTROLS) ?? []) control.inert = end !== "";
  }
}
