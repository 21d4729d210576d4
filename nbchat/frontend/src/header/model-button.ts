// The name of the model, which opens the menu of models.
import type { Chat } from "../kernel/chat";
import { h, setText } from "../page/dom";
import { openModelList } from "../models/picker";
import { onAskForModel } from "../page/ask-for-model";
import type { Cleanup } from "../page/cleanup";
import { icon } from "../page/icon";
import type { Toast } from "./toast";

/** "OpenAI: GPT-OSS 120B": the maker stands in the list. */
const MAKER = /^[^:]{1,40}: /;
/** "OpenRouter (openrouter.ai)". */
const HOST = / \([^)]*\)$/;

export class ModelButton {
  #chat: Chat;
  #life = new AbortController();
  #closeList: Cleanup = () => {};
  #name = h("span", { class: "nbchat-model-name" });
  #server = h("span", { class: "nbchat-model-server" });
  readonly element = h(
    "button",
    { type: "button", class: "nbchat-model-button" },
    this.#name,
    this.#server,
    icon("open"),
  );

  constructor(chat: Chat, root: HTMLElement, toast: Toast) {
    this.#chat = chat;
    const say = (refusal: string) => refusal && toast.say(refusal);
    const open = () => {
      this.#closeList = openModelList(chat, this.element, { say });
    };
    this.element.addEventListener("click", open);
    onAskForModel(root, open, this.#life.signal);
  }

  close(): void {
    this.#life.abort();
    this.#closeList();
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
