// Why a message was not sent, until that changes.
import type { Draft } from "../kernel/draft";
import type { Answer, Store } from "../kernel/store";
import { h, setText } from "../page/dom";
import { iconButton } from "../page/icon";

export class Refusal {
  readonly element = h("div", { class: "nbchat-refusal", hidden: true });
  #text = h("span", { role: "alert" });
  #use = h("button", { type: "button", class: "nbchat-button" });
  #close = iconButton("Close", "remove");
  #store: Store;
  #draft: Draft;
  #model = "";
  /** What the refusal depends on, as it was. */
  #causes: unknown[] = [];

  constructor(store: Store, draft: Draft) {
    this.#store = store;
    this.#draft = draft;
    this.#use.addEventListener("click", async () => {
      const { refused } = await store.request({ type: "model", id: this.#model });
      this.show({ refused });
    });
    this.#close.addEventListener("click", () => this.show({}));
    this.element.append(this.#text, this.#use, this.#close);
  }

  show({ refused = "", other_model = "" }: Pick<Answer, "refused" | "other_model">): void {
    this.#model = other_model;
    this.#causes = this.#now();
    setText(this.#text, refused);
    setText(this.#use, other_model && `Use ${other_model}`);
    this.element.hidden = refused === "";
  }

  /** Hides the refusal once what it depends on has changed. */
  update(): void {
    if (this.element.hidden) return;
    const now = this.#now();
    if (now.some((cause, index) => cause !== this.#causes[index])) this.show({});
  }

  #now(): unknown[] {
    const { model, server, busy, messages } = this.#store.state;
    return [model, server, busy, messages.at(-1)?.id, this.#draft.attached, this.#draft.editing];
  }
}
