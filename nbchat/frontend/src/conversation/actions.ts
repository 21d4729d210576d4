// The row of buttons below a message.
import type { Chat } from "../kernel/chat";
import type { Message, Request } from "../kernel/protocol";
import { COPY_KEYS, copyText } from "../page/clipboard";
import { isRunning, unsent } from "../kernel/unsent";
import { arrange, h, setText } from "../page/dom";
import { iconButton, type IconName } from "../page/icon";
import { canContinue, canRetry, incompleteness, timeOf } from "./metadata";

const NOTE_MS = 4000;

/** What the user can do with a message. */
export class Actions {
  readonly element = h("div", { class: "nbchat-tools" });
  #chat: Chat;
  #text: Element;
  #copyOnly: boolean;
  #message!: Message;

  #version = h("span", { class: "nbchat-version" });
  #previous = this.#button("Previous version", "previous", () => this.#step(-1));
  #next = this.#button("Next version", "next", () => this.#step(1));
  #versions = h("span", { class: "nbchat-versions" }, this.#previous, this.#version, this.#next);
  #copy = this.#button("Copy message", "copy", () => void this.#copyMessage());
  #edit = this.#button("Edit message", "edit", () => this.#chat.draft.edit(this.#message, this.element));
  #regenerate = this.#button("Regenerate", "regenerate", () => this.#askWithId("regenerate"));
  #continue = this.#button("Continue", null, () => this.#askWithId("continue"));
  #retry = this.#button("Retry", null, () => this.#askWithId("retry"));
  #takeBack = this.#button(
    "Take back",
    null,
    () => void this.#chat.draft.takeBack(this.#message, this.element),
  );

  /** Drawn by CSS: the article's text is what the user wrote. */
  #time = h("span", { class: "nbchat-caption nbchat-figures nbchat-time" });
  #note = h("span", { class: "nbchat-caption", role: "status", hidden: true });
  #noteEnds: ReturnType<typeof setTimeout> | undefined;

  /** `text` is where the message's text is shown. */
  constructor(chat: Chat, text: Element, copyOnly = false) {
    this.#chat = chat;
    this.#text = text;
    this.#copyOnly = copyOnly;
    for (const { classList } of [this.#continue, this.#retry, this.#takeBack])
      classList.add("nbchat-shown", "nbchat-continue");
    this.#copy.classList.add("nbchat-without-kernel");
  }

  update(message: Message, last: boolean): void {
    this.#message = message;
    const { index, count } = message.branch;
    setText(this.#version, `${index + 1}/${count}`);
    this.#previous.ariaDisabled = String(index === 0);
    this.#next.ariaDisabled = String(index === count - 1);
    const versions = count > 1 ? [this.#versions] : [];
    const offered = this.#offered(message, last);
    this.#time.dataset.time = timeOf(message);
    // The versions, which are always visible, stand at the edge; what appears on hover stands beside them.
    arrange(
      this.element,
      message.role === "user"
        ? [this.#note, this.#time, ...offered, ...versions]
        : [...versions, ...offered, this.#note],
    );
  }

  #offered(message: Message, last: boolean): Element[] {
    const { role, content, error } = message;
    const standing = this.#copyOnly ? "" : unsent(message, this.#chat.store.state.messages);
    if (standing) return [...(last && standing === "Not sent" ? [this.#retry] : []), this.#takeBack];
    if (isRunning(message)) return [];
    const copy = content ? [this.#copy] : [];
    if (this.#copyOnly) return copy;
    if (role === "user") return [...copy, this.#edit];
    const retry = last && canRetry(message, this.#chat.store.state.model);
    const early = last && incompleteness(message) !== "";
    this.#regenerate.classList.toggle("nbchat-shown", early);
    return [
      ...(last && !error && canContinue(message) ? [this.#continue] : []),
      ...copy,
      ...(retry ? [] : [this.#regenerate]),
    ];
  }

  #button(name: string, picture: IconName | null, act: () => void): HTMLButtonElement {
    const button = picture
      ? iconButton(name, picture)
      : h("button", { type: "button", class: "nbchat-tool" }, name);
    button.addEventListener("click", act);
    return button;
  }

  #step(step: -1 | 1): void {
    const { branch, id } = this.#message;
    // The button is not `disabled`, which would drop the focus at the last version.
    const index = branch.index + step;
    if (index >= 0 && index < branch.count) void this.#ask({ type: "branch", id, step });
  }

  #askWithId(type: "regenerate" | "continue" | "retry"): void {
    void this.#ask({ type, id: this.#message.id });
  }

  async #ask(request: Request): Promise<void> {
    const { refused } = await this.#chat.store.request(request);
    this.#say(refused ?? "");
  }

  async #copyMessage(): Promise<void> {
    const how = await copyText(this.#message.content, this.#text);
    this.#say(how === "copied" ? "Copied" : `Press ${COPY_KEYS}`);
  }

  #say(text: string): void {
    setText(this.#note, text);
    clearTimeout(this.#noteEnds);
    this.#noteEnds = setTimeout(() => setText(this.#note, ""), NOTE_MS);
  }
}
