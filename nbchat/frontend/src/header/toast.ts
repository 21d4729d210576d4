// A line that appears below the header for a few seconds, over the conversation.
import { h, setText } from "../page/dom";

const SHOWN_MS = 4000;
const READ_MS_A_CHARACTER = 60;

export class Toast {
  readonly element = h("p", { class: "nbchat-toast", role: "status", hidden: true });
  #ends: ReturnType<typeof setTimeout> | undefined;

  say(text: string): void {
    setText(this.element, text);
    clearTimeout(this.#ends);
    const ms = Math.max(SHOWN_MS, text.length * READ_MS_A_CHARACTER);
    this.#ends = setTimeout(() => setText(this.element, ""), ms);
  }
}
