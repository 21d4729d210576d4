// The name of the model, which opens the menu of models.
import type { Chat } from "../kernel/chat";
import { h, setText } from "../page/dom";
import { icon } from "../page/icon";
import type { SettingsPanel } from "./settings-panel";

/** "OpenAI: GPT-OSS 120B": the maker stands in the list. */
const MAKER = /^[^:]{1,40}: /;
/** "OpenRouter (openrouter.ai)". */
const HOST = / \([^)]*\)$/;

export class ModelButton {
  #chat: Chat;
  #name = h("span", { class: "nbchat-model-name" });
  #server = h("span", { class: "nbchat-model-server" });
  readonly element = h(
    "button",
    { type: "button", class: "nbchat-model-button" },
    this.#name,
    this.#server,
    icon("open"),
  );

  constructor(chat: Chat, root: HTMLElement, settings: SettingsPanel) {
    this.#chat = chat;
    this.element.addEventListener("click", () => {
      settings.open();
      root.querySelector<HTMLElement>(".nbchat-model select")?.focus();
    });
  }

  update(): void {
    const { store, health } = this.#chat;
    const { model, model_info, server, shared } = store.state;
    const name = model_info?.id === model && model_info.name ? model_info.name.replace(MAKER, "") : model;
    setText(this.#name, name || "No model");
    setText(this.#server, server.replace(HOST, "") || "Not connected");
    this.element.title = [model, server].filter(Boolean).join(" · ");
    this.element.disabled = shared || health.end !== "";
  }
}
