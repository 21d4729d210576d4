// The card of a tool call: its arguments, its result, and the user's consent.
import type { ToolCall } from "../kernel/protocol";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { escaped } from "../page/invisible";
import { Rest } from "../page/rest";

const SHORT = 200;
const NEAR_PX = 4;
const STATUS: Record<ToolCall["status"], string> = {
  waiting: "Waiting for you",
  running: "Running…",
  complete: "Done",
  denied: "Denied",
  error: "Failed",
  stopped: "Stopped",
};

/** Text under a heading, folded if it is long. */
class Fold {
  readonly element = h("details", { hidden: true });
  #text = h("pre", { tabindex: 0 });

  constructor(heading: string) {
    this.#text.setAttribute("aria-label", heading);
    this.element.append(h("summary", {}, heading), this.#text);
  }

  update(text: string): void {
    if (this.#text.textContent !== text) {
      this.element.open = text.length <= SHORT;
      this.#text.scrollTop = 0;
    }
    setText(this.#text, text);
    this.element.hidden = text === "";
  }

  open(): void {
    this.element.open = true;
  }

  /** Shows all of the text, in a box without an end of its own. */
  unfold(): void {
    this.open();
    this.#text.classList.add("nbchat-whole");
  }

  /** Whether the end of the text is in sight. */
  get endsInSight(): boolean {
    const { scrollTop, clientHeight, scrollHeight } = this.#text;
    return this.element.hidden || (clientHeight > 0 && scrollTop + clientHeight > scrollHeight - NEAR_PX);
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
  #unread = h(
    "p",
    { class: "nbchat-caption", hidden: true },
    "To allow the call, read its arguments to their end.",
  );
  #buttons = h("div", { class: "nbchat-actions" });
  #asking = false;
  #shown = "";
  /** Whether the user has had the end of the arguments in sight. */
  #read = false;
  #rest = new Rest(this.element, (rests) => this.#look(rests));

  /** `decide` sends the user's decision; it resolves with why the kernel refuses it, if it does. */
  constructor(decide: (allow: boolean) => Promise<string | undefined>) {
    const button = (name: string, allow: boolean) => {
      const made = h("button", { type: "button", class: "nbchat-button", "aria-disabled": "true" }, name);
      made.addEventListener("click", async (event) => {
        // A script's click is no consent, nor is the second half of a double click on the card before.
        if (!event.isTrusted || event.detail > 1 || this.#asking) return;
        // Nor is a click on what was something else, or elsewhere, a moment ago.
        if (!this.#rest.rests) return;
        if (allow && !this.#read) return this.#arguments.unfold();
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
    const shown = JSON.stringify(call);
    if (shown === this.#shown) return this.#watch(call);
    this.#shown = shown;
    this.#read = false;
    this.#rest.begin();
    const name = escaped(call.name);
    this.element.setAttribute("aria-label", `Call of ${name}`);
    this.element.dataset.status = call.status;
    setText(this.#name, name);
    setText(this.#status, STATUS[call.status]);
    this.#arguments.update(escaped(call.arguments));
    this.#result.update(call.result);
    const waiting = call.status === "waiting";
    if (waiting) {
      this.#arguments.open(); // they are what the user decides on
      setText(this.#question, `The model wants to call ${name}.`);
    }
    const asking = [this.#question, this.#unread, this.#buttons, this.#refusal];
    if (waiting && !this.#buttons.isConnected) this.element.append(...asking);
    else if (!waiting) for (const part of asking) part.remove();
    this.#watch(call);
  }

  #watch({ status }: ToolCall): void {
    if (status === "waiting") this.#rest.watch();
    else this.#rest.stop();
  }

  #look(rests: boolean): void {
    this.#read ||= this.#arguments.endsInSight;
    this.#unread.hidden = this.#read;
    const [allow, deny] = this.#buttons.children;
    // Not `disabled`, which would drop the focus.
    allow.ariaDisabled = String(!rests || !this.#read);
    deny.ariaDisabled = String(!rests);
  }
}
