import { h, setText } from "../page/dom";
import { explain } from "./explain";
import type { Notice, Request } from "../kernel/protocol";
import type { Store } from "../kernel/store";

const ADDRESS = /(https?:\/\/[^\s<>"']*[^\s<>"'.,;:!?)\]])/;

/** Text whose addresses are links. */
function linked(text: string): (Node | string)[] {
  return text
    .split(ADDRESS)
    .map((part, index) =>
      index % 2 === 0 || !URL.canParse(part)
        ? part
        : h("a", { href: part, target: "_blank", rel: "noopener noreferrer" }, part),
    );
}

/** A card in the conversation by which the chat itself speaks, and may ask for a key or a choice. */
export class NoticeView {
  readonly element = h("section", { class: "nbchat-notice" });
  #store: Store;
  #drawn = "";
  #progress = h("progress", { "aria-label": "Progress" });
  #amount = h("span", { class: "nbchat-facts" });
  #refusal = h("p", { class: "nbchat-refusal", role: "alert" });

  constructor(store: Store) {
    this.#store = store;
  }

  update({ progress, ...notice }: Notice): void {
    // Not drawn again for the sake of its progress: someone may be typing in it.
    const drawn = JSON.stringify([notice, progress !== null]);
    if (drawn !== this.#drawn) this.#draw(notice, progress !== null);
    this.#drawn = drawn;
    if (!progress) return;
    if (progress.total > 0) {
      this.#progress.max = progress.total;
      this.#progress.value = progress.done;
      setText(this.#amount, `${Math.floor((100 * progress.done) / progress.total)} %`);
    } else {
      this.#progress.removeAttribute("value");
      setText(this.#amount, "");
    }
  }

  #draw(notice: Omit<Notice, "progress">, progress: boolean): void {
    this.element.setAttribute("role", notice.tone === "error" ? "alert" : "note");
    this.element.classList.toggle("nbchat-notice-error", notice.tone === "error");
    const paragraphs = notice.text.split(/\n\n+/).map((text) => h("p", {}, ...linked(text)));
    this.element.replaceChildren(...paragraphs);
    const actions = notice.actions.map(({ id, label }) => {
      const button = h("button", { type: "button", class: "nbchat-button" }, label);
      const act = () => this.#ask({ type: "action", notice: notice.id, action: id });
      button.addEventListener("click", () => (id === "explain" ? this.#explain(act) : act()));
      return button;
    });
    if (progress) this.element.append(h("p", { class: "nbchat-progress" }, this.#progress, this.#amount));
    if (actions.length > 0) this.element.append(h("p", { class: "nbchat-actions" }, ...actions));
    if (notice.secret_label !== null) this.element.append(this.#secret(notice));
    this.#refusal.hidden = true;
    this.element.append(this.#refusal);
  }

  #secret({ id, secret_label, secret_button }: Omit<Notice, "progress">): HTMLElement {
    const label = secret_label!;
    const input = h("input", {
      type: "password",
      autocomplete: "off",
      spellcheck: "false",
      "aria-label": label,
      placeholder: label,
    });
    const use = h("button", { type: "button", class: "nbchat-button" }, secret_button);
    const send = () => {
      const value = input.value.trim();
      input.value = "";
      if (value) this.#ask({ type: "secret", notice: id, value });
    };
    use.addEventListener("click", send);
    input.addEventListener("keydown", (event) => {
      if (event.key === "Enter") send();
    });
    return h("p", { class: "nbchat-secret" }, input, use);
  }

  async #explain(done: () => void): Promise<void> {
    const refused = await explain(this.#store, this.element);
    setText(this.#refusal, refused);
    if (!refused) done();
  }

  async #ask(request: Request): Promise<void> {
    const { refused } = await this.#store.request(request);
    setText(this.#refusal, refused ?? "");
  }
}
