// The card that connects a model: the keys and servers that were found, signing in, a key, an address, the demo model.
import type { Chat } from "../kernel/chat";
import type { Connect, Request, Way } from "../kernel/protocol";
import { arrange, h, setText } from "../page/dom";
import { Views } from "../page/views";
import { linked } from "./linked";

type Ask = (request: Request) => Promise<void>;

function field(name: string, type: "password" | "url", placeholder = name): HTMLInputElement {
  const off = { autocomplete: "off", autocapitalize: "off", spellcheck: "false" };
  return h("input", { type, "aria-label": name, placeholder, ...off });
}

/** Fields with the button that sends them; so does Enter. */
function form(label: string, send: () => void, ...fields: HTMLInputElement[]): HTMLElement {
  const button = h("button", { type: "button", class: "nbchat-button" }, label);
  button.addEventListener("click", send);
  const element = h("div", { class: "nbchat-connect-form" }, ...fields, button);
  // No <form>: browsers would offer to save the key.
  element.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !fields.includes(event.target as HTMLInputElement)) return;
    event.preventDefault();
    send();
  });
  return element;
}

/** What was typed; a key does not stay in the page. */
function taken(input: HTMLInputElement): string {
  const value = input.value.trim();
  if (input.type === "password") input.value = "";
  return value;
}

function keyForm(ask: Ask, way: "key" | "sign-in", name: string, label: string): HTMLElement {
  const key = field(name, "password");
  const send = () => {
    const value = taken(key);
    if (value) void ask({ type: "secret", way, value });
  };
  return form(label, send, key);
}

function addressForm(ask: Ask): HTMLElement {
  const address = field("Server address", "url", "http://localhost:11434/v1");
  const key = field("API key, if it needs one", "password");
  const send = () => {
    const base_url = taken(address);
    if (base_url) void ask({ type: "connect_to", base_url, key: taken(key) });
  };
  return form("Connect", send, address, key);
}

class Row {
  readonly element = h("div", { class: "nbchat-way" });
  #label = h("span");
  #note = h("span", { class: "nbchat-caption" });
  #button = h("button", { type: "button" }, this.#label, " ", this.#note);
  #form: HTMLElement | undefined;

  constructor({ id, kind, primary }: Way, ask: Ask) {
    this.element.append(this.#button);
    if (kind === "press") {
      this.#button.addEventListener("click", () => void ask({ type: "connect", way: id }));
      return;
    }
    const opened = kind === "key" ? keyForm(ask, "key", "API key", "Use this key") : addressForm(ask);
    this.#form = opened;
    this.element.append(opened);
    this.#open(primary);
    this.#button.addEventListener("click", () => {
      this.#open(opened.hidden);
      if (!opened.hidden) opened.querySelector("input")!.focus();
    });
  }

  update({ label, note, primary }: Way): void {
    setText(this.#label, label);
    setText(this.#note, note);
    this.element.classList.toggle("nbchat-way-primary", primary && !this.#form);
  }

  #open(open: boolean): void {
    this.#form!.hidden = !open;
    this.#button.ariaExpanded = String(open);
  }
}

export class ConnectCard {
  readonly element = h("section", { class: "nbchat-connect", role: "group" });
  #chat: Chat;
  #rows = new Views<Row>();
  #title = h("h3");
  #text = h("p", { class: "nbchat-caption" });
  #ways = h("div", { class: "nbchat-ways" });
  #page = h("a", { class: "nbchat-button", target: "_blank", rel: "noopener noreferrer" }, "Open OpenRouter");
  #signIn: HTMLElement;
  #progress = h("progress", { "aria-label": "Progress" });
  #busy = h("p", { class: "nbchat-caption", role: "status" });
  #problem = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #cancel = h("button", { type: "button", class: "nbchat-button" }, "Cancel");
  #drawn = { text: "", problem: "" };
  /** Which step of connecting is shown. */
  #step = "";
  /** Whether the user has done something here since. */
  #acted = false;

  constructor(chat: Chat) {
    this.#chat = chat;
    this.#signIn = h(
      "div",
      { class: "nbchat-connect-sign-in" },
      this.#page,
      keyForm(this.#ask, "sign-in", "Code from OpenRouter", "Sign in"),
    );
    this.#cancel.addEventListener("click", () => void this.#ask({ type: "connect", way: "cancel" }));
    this.element.append(
      ...[this.#title, this.#text, this.#ways, this.#signIn],
      ...[this.#busy, this.#progress, this.#problem, this.#cancel],
    );
  }

  update(card: Connect): void {
    this.element.ariaLabel = card.title;
    setText(this.#title, card.title);
    if (card.text !== this.#drawn.text) this.#text.replaceChildren(...linked(card.text));
    this.#text.hidden = card.text === "";
    const rows = this.#rows.of(card.ways, (way) => new Row(way, this.#ask));
    rows.forEach((row, index) => row.update(card.ways[index]));
    arrange(
      this.#ways,
      rows.map(({ element }) => element),
    );
    this.#ways.hidden = rows.length === 0;
    this.#ways.classList.toggle(
      "nbchat-ways-short",
      card.ways.every(({ note }) => note === ""),
    );
    this.#signIn.hidden = card.sign_in === "";
    if (card.sign_in) this.#page.href = card.sign_in;
    setText(this.#busy, card.busy);
    this.#progress.hidden = card.progress === null;
    if (card.progress) {
      this.#progress.max = card.progress.total;
      this.#progress.value = card.progress.done;
    }
    // Else a refusal stays, which only this page knows of.
    if (card.problem !== this.#drawn.problem) setText(this.#problem, card.problem);
    this.#drawn = card;
    this.#cancel.hidden = !card.cancel;
    this.#follow(`${card.title}\n${card.sign_in}`);
  }

  /** Takes the focus along to the next step, if what had it is gone. */
  #follow(step: string): void {
    if (step === this.#step) return;
    this.#step = step;
    if (!this.#acted) return;
    this.#acted = false;
    const controls = [...this.element.querySelectorAll<HTMLElement>("a, button, input")];
    controls.find((each) => each.getClientRects().length > 0)?.focus();
  }

  #ask: Ask = async (request) => {
    this.#acted = true;
    setText(this.#problem, "");
    this.#drawn = { ...this.#drawn, problem: "" };
    const { refused } = await this.#chat.store.request(request);
    if (refused !== undefined) setText(this.#problem, refused);
  };
}
