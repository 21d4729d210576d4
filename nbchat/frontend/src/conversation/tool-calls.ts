// The card of a tool call: its arguments, its result, and the user's consent.
import type { ToolCall } from "../kernel/protocol";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";

const SHORT = 200;
const STATUS: Record<ToolCall["status"], string> = {
  waiting: "Waiting for you",
  running: "Running…",
  complete: "Done",
  denied: "Denied",
  error: "Failed",
  stopped: "Stopped",
};

/** Makes visible what could make a text look like another one: nobody must consent to what they can't see. */
function unmasked(text: string): string {
  return text.replace(/[\p{Cf}\p{Co}\u2028\u2029]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

/** Text under a heading, folded if it is long. */
class Fold {
  readonly element = h("details", { hidden: true });
  #text = h("pre", { tabindex: 0 });

  constructor(heading: string) {
    this.#text.setAttribute("aria-label", heading);
    this.element.append(h("summary", {}, heading), this.#text);
  }

  update(text: string): void {
    if (this.#text.textContent !== text) this.element.open = text.length <= SHORT;
    setText(this.#text, text);
    this.element.hidden = text === "";
  }

  unfold(): void {
    this.element.open = true;
  }
}

/** A tool call, which may ask for consent. All its texts but the headings come from a model or a tool. */
export class CallCard {
  readonly element = h("section", { class: "nbchat-call", role: "group", tabindex: -1 });
  #name = h("code", {});
  #status = h("span", { class: "nbchat-caption" });
  #arguments = new Fold("Arguments");
  #result = new Fold("Result");
  #question = h("p", { role: "alert" });
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #buttons = h("div", { class: "nbchat-actions" });
  #asking = false;

  /** `decide` sends the user's decision; it resolves with why the kernel refuses it, if it does. */
  constructor(decide: (allow: boolean) => Promise<string | undefined>) {
    const button = (name: string, allow: boolean) => {
      const made = h("button", { type: "button", class: "nbchat-button" }, name);
      made.addEventListener("click", async (event) => {
        // A script's click is no consent, nor is the second half of a double click on the card before.
        if (!event.isTrusted || event.detail > 1 || this.#asking) return;
        this.#asking = true;
        this.element.focus({ preventScroll: true });
        setText(this.#refusal, (await decide(allow)) ?? "");
        this.#asking = false;
      });
      return made;
    };
    this.#buttons.append(button("Allow", true), button("Deny", false));
    this.element.append(
      h("div", { class: "nbchat-call-head" }, icon("tool"), this.#name, this.#status),
      this.#arguments.element,
      this.#result.element,
    );
  }

  update(call: ToolCall): void {
    const name = unmasked(call.name);
    this.element.setAttribute("aria-label", `Call of ${name}`);
    this.element.dataset.status = call.status;
    setText(this.#name, name);
    setText(this.#status, STATUS[call.status]);
    this.#arguments.update(unmasked(call.arguments));
    this.#result.update(call.result);
    const waiting = call.status === "waiting";
    if (waiting === this.#buttons.isConnected) return;
    if (waiting) {
      this.#arguments.unfold(); // they are what the user decides on
      setText(this.#question, `The model wants to call ${name}.`);
      this.element.append(this.#question, this.#buttons, this.#refusal);
    } else {
      for (const part of [this.#question, this.#buttons, this.#refusal]) part.remove();
    }
  }
}
