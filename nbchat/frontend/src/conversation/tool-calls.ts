// The card of a tool call: its arguments, its result, and the user's consent.
import type { ToolCall } from "../kernel/protocol";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import { escaped } from "../page/invisible";
import { Rest } from "../page/rest";
import { argumentLines, callText } from "./call-text";

const NEAR_PX = 4;
const STATUS: Record<ToolCall["status"], string> = {
  waiting: "",
  running: "Running…",
  complete: "",
  denied: "Denied",
  error: "Failed",
  stopped: "Stopped",
};

/** What the user can do with a call; each resolves with why the kernel refuses it, if it does. */
export interface CallActions {
  decide(allow: boolean): Promise<string | undefined>;
  allowTool(): Promise<string | undefined>;
  revokeTool(name: string): void;
  /** Allows all calls that wait, unless one of them still has to be read. */
  allowAll(): void;
}

/** What else a card shows. */
export interface Around {
  /** Whether the card offers to allow all calls that wait, how many; 0: it doesn't. */
  all: number;
  /** Whether it says that its tool is allowed for this chat. */
  allowed: boolean;
}

function text(label: string): HTMLPreElement {
  return h("pre", { tabindex: 0, "aria-label": label, hidden: true });
}

/** A tool call, which may ask for consent. All its texts but the headings come from a model or a tool. */
export class CallCard {
  readonly element = h("section", { class: "nbchat-call", role: "group", tabindex: -1 });
  #actions: CallActions;
  #line = h("code", { dir: "ltr" });
  #outcome = h("span", { class: "nbchat-call-outcome" });
  #status = h("span", { class: "nbchat-caption" });
  #arguments = text("Arguments");
  #result = text("Result");
  #fold = h(
    "details",
    {},
    h("summary", { class: "nbchat-call-head" }, icon("tool"), this.#line, this.#outcome, this.#status),
    this.#arguments,
    this.#result,
  );
  #asked = h("code", { dir: "ltr" });
  #question = h("p", { role: "alert" }, "Allow ", this.#asked, "?");
  /** Hidden if the question has all of them. */
  #toRead = text("Arguments");
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #unread = h(
    "p",
    { class: "nbchat-caption", hidden: true },
    "To allow the call, read its arguments to their end.",
  );
  #allow = this.#button("Allow", () => this.#consent(() => this.#actions.decide(true)));
  #always = this.#button("Allow for this chat", () => this.#consent(() => this.#actions.allowTool()));
  #deny = this.#button("Deny", () => this.#send(() => this.#actions.decide(false)));
  #all = this.#button("Allow all", () => this.#actions.allowAll());
  #buttons = h("div", { class: "nbchat-actions" }, this.#allow, this.#always, this.#deny, this.#all);
  #name = "";
  #undo = h("button", { type: "button", class: "nbchat-tool" }, "Undo");
  #allowed = h("p", { class: "nbchat-caption", hidden: true }, "Allowed for this chat · ", this.#undo);
  #asking = false;
  #waits = false;
  #shown = "";
  /** Whether the user has had the end of the arguments in sight, and the whole card. */
  #read = false;
  #began = false;
  #ended = false;
  #rest = new Rest(this.element, (rests) => this.#look(rests));

  constructor(actions: CallActions) {
    this.#actions = actions;
    this.#undo.addEventListener("click", ({ isTrusted }) => {
      if (isTrusted) actions.revokeTool(this.#name);
    });
  }

  /** Whether the user has seen the whole of it, at rest. */
  get isSeen(): boolean {
    return this.#rest.rests && this.#read && this.#began && this.#ended;
  }

  get waits(): boolean {
    return this.#waits;
  }

  update(call: ToolCall, { all, allowed }: Around): void {
    setText(this.#all, all ? `Allow all (${all})` : "");
    this.#allowed.hidden = !allowed;
    const shown = JSON.stringify(call);
    if (shown !== this.#shown) this.#draw(call);
    this.#shown = shown;
    if (this.#waits) this.#rest.watch();
    else this.#rest.stop();
  }

  /** Brings into sight what the user has not seen yet. */
  show(): void {
    this.#unfold();
    this.#toRead.scrollTop = 0;
    this.element.scrollIntoView({ block: this.#began ? "end" : "start" });
  }

  allow(): void {
    void this.#send(() => this.#actions.decide(true));
  }

  #draw(call: ToolCall): void {
    this.#read = this.#began = this.#ended = false;
    this.#rest.begin();
    const { status } = call;
    this.#name = call.name;
    const name = escaped(call.name);
    const { text: line, whole } = callText(name, escaped(call.arguments));
    const lines = argumentLines(escaped(call.arguments));
    this.element.setAttribute("aria-label", `Call of ${name}`);
    this.element.dataset.status = status;
    const waits = status === "waiting";
    if (waits) {
      setText(this.#asked, line);
      setText(this.#toRead, whole ? "" : lines);
      this.#toRead.scrollTop = 0;
    } else {
      setText(this.#line, line);
      const first = call.result.trim().split("\n", 1)[0];
      setText(this.#outcome, first && status !== "denied" ? `→ ${first.slice(0, 200)}` : "");
      // The error's own line says that the call failed.
      setText(this.#status, status === "error" && first ? "" : STATUS[status]);
      setText(this.#arguments, lines);
      setText(this.#result, call.result);
    }
    if (waits !== this.#waits || !this.element.firstChild) {
      const asking = [this.#question, this.#toRead, this.#unread, this.#buttons, this.#refusal];
      this.element.replaceChildren(...(waits ? asking : [this.#fold]), this.#allowed);
    }
    this.#waits = waits;
  }

  #button(name: string, act: () => void): HTMLButtonElement {
    const made = h("button", { type: "button", class: "nbchat-button", "aria-disabled": "true" }, name);
    made.addEventListener("click", (event) => {
      // A script's click is no consent, nor is the second half of a double click on the card before.
      if (!event.isTrusted || event.detail > 1 || this.#asking) return;
      // Nor is a click on what was something else, or elsewhere, a moment ago.
      if (this.#rest.rests) act();
    });
    return made;
  }

  #consent(send: () => Promise<string | undefined>): void {
    if (this.#read) void this.#send(send);
    else this.#unfold();
  }

  async #send(send: () => Promise<string | undefined>): Promise<void> {
    if (this.#asking) return;
    this.#asking = true;
    this.element.focus({ preventScroll: true });
    setText(this.#refusal, (await send()) ?? "");
    this.#asking = false;
  }

  /** Shows all of the arguments, in a box without an end of its own. */
  #unfold(): void {
    this.#toRead.classList.add("nbchat-whole");
  }

  /** Whether the end of the arguments is in sight, as far as their own box goes. */
  get #endsInSight(): boolean {
    const { scrollTop, clientHeight, scrollHeight, hidden } = this.#toRead;
    return hidden || (clientHeight > 0 && scrollTop + clientHeight > scrollHeight - NEAR_PX);
  }

  /** Whether this end of a part is in sight on the screen: nothing is above it, and no box has cut it off. */
  #onScreen(part: Element, end: boolean): boolean {
    const { left, top, bottom } = part.getBoundingClientRect();
    const root = this.element.getRootNode() as Document | ShadowRoot;
    const found = root.elementFromPoint(left + NEAR_PX, end ? bottom - NEAR_PX : top + NEAR_PX);
    return found !== null && this.element.contains(found);
  }

  #look(rests: boolean): void {
    this.#read ||= this.#endsInSight;
    this.#began ||= this.#onScreen(this.#question, false);
    this.#ended ||= this.#endsInSight && this.#onScreen(this.#buttons, true);
    this.#unread.hidden = this.#read;
    // Not `disabled`, which would drop the focus.
    this.#allow.ariaDisabled = this.#always.ariaDisabled = String(!rests || !this.#read);
    this.#deny.ariaDisabled = this.#all.ariaDisabled = String(!rests);
  }
}
