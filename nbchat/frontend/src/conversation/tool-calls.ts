import { arrange, h, setText } from "../page/dom";
import { icon } from "../page/icon";
import type { Message, ToolCall } from "../kernel/protocol";
import type { Store } from "../kernel/store";
import { StreamedText } from "../markdown/streamed";

const SHORT = 200;
const STATUS = {
  waiting: "Waiting for you",
  running: "Running…",
  complete: "Done",
  denied: "Denied",
  error: "Failed",
  stopped: "Stopped",
} as const;

/** Makes visible what could make a text look like another one: no consent is to be had by that. */
function unmasked(text: string): string {
  return text.replace(/[\p{Cf}\p{Co}\u2028\u2029]/gu, (sign) => `\\u{${sign.codePointAt(0)!.toString(16)}}`);
}

/** Text under a heading, folded away if it is long. */
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

/** A call of a tool, which may ask for consent. All in it but the headings comes from a model. */
class CallCard {
  readonly element = h("section", { class: "nbchat-call", role: "group", tabindex: -1 });
  #name = h("code", {});
  #status = h("span", { class: "nbchat-facts" });
  #arguments = new Fold("Arguments");
  #result = new Fold("Result");
  #question = h("p", { role: "alert" });
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #buttons = h("div", { class: "nbchat-actions" });
  #asking = false;

  constructor(decide: (allow: boolean) => Promise<string | undefined>) {
    const button = (name: string, allow: boolean) => {
      const made = h("button", { type: "button", class: "nbchat-button" }, name);
      made.addEventListener("click", async (event) => {
        // A script's click is nobody's consent, nor is the second half of a double click on the card before.
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
      this.#arguments.unfold(); // it is what one decides on
      setText(this.#question, `The model wants to call ${name}.`);
      this.element.append(this.#question, this.#buttons, this.#refusal);
    } else {
      for (const part of [this.#question, this.#buttons, this.#refusal]) part.remove();
    }
  }
}

/** A reply's text, with its calls of tools where they came. */
export class ReplyBody {
  readonly element = h("div", { class: "nbchat-body" });
  #store: Store;
  #texts: StreamedText[] = [];
  #cards: CallCard[] = [];
  #closed = 0;
  #id = "";

  constructor(store: Store) {
    this.#store = store;
  }

  /** The blocks of its text. */
  get blocks(): Element[] {
    return this.#texts.flatMap(({ element }) => [...element.children]);
  }

  update({ id, content, tool_calls: calls }: Message, ended: boolean): boolean {
    let drawn = true;
    this.#id = id;
    const cuts = [...new Set(calls.map(({ at }) => at))];
    const order: Element[] = [];
    let made = 0;
    for (let at = 0; at <= cuts.length; at++) {
      const text = (this.#texts[at] ??= new StreamedText(this.#store));
      order.push(text.element);
      for (; made < calls.length && calls[made].at === cuts[at]; made++) {
        const card = (this.#cards[made] ??= this.#card(made));
        card.update(calls[made]);
        order.push(card.element);
      }
      // What a call has closed stays as it is, unless the reply is another one.
      const last = at === cuts.length;
      if (last || at >= this.#closed || ended) {
        drawn = text.update(content.slice(cuts[at - 1] ?? 0, cuts[at]), !last || ended) && drawn;
      }
    }
    if (drawn) this.#closed = cuts.length;
    arrange(this.element, order);
    this.element.hidden = content === "" && calls.length === 0;
    return drawn;
  }

  #card(call: number): CallCard {
    return new CallCard(async (allow) => {
      const { refused } = await this.#store.request({ type: "approve", id: this.#id, call, allow });
      return refused;
    });
  }
}
