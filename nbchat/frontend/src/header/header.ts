// The line above the conversation: the model, what the chat has used, its settings, and what is done with all of it.
import type { Chat } from "../kernel/chat";
import type { Cleanup } from "../page/cleanup";
import { h } from "../page/dom";
import { onceAFrame } from "../page/frame";
import { ModelButton } from "./model-button";
import { More } from "./more";
import { fillPane } from "./pane";
import { SettingsPanel } from "./settings-panel";
import { Toast } from "./toast";
import { UsageRing } from "./usage-ring";

export function header(chat: Chat, el: HTMLElement): Cleanup {
  const root = el.closest<HTMLElement>(".nbchat") ?? el;
  const settings = new SettingsPanel(root);
  const ring = new UsageRing();
  const toast = new Toast();
  const model = new ModelButton(chat, root, toast);
  const more = new More(chat, root, toast);
  el.classList.add("nbchat-head");
  el.append(
    model.element,
    h("div", { class: "nbchat-head-end" }, ring.element, settings.button, more.element),
    toast.element,
  );
  const draw = () => {
    model.update();
    ring.update(chat.store.state);
    settings.update(chat);
    more.update();
  };
  fillPane(root);
  const unsubscribe = chat.store.subscribe(onceAFrame(draw));
  draw();
  return () => {
    unsubscribe();
    model.close();
    settings.close();
    more.close();
  };
}
