// Makes a chat at home in the notebook's page: its style, its labels, and its keys, which the notebook must not get.
import type { Cleanup } from "./cleanup";
import { labelControls } from "./labels";
import { putStyle } from "./style";

const adopted = new WeakSet<Element>();

/**
 * Keeps keys from the notebook's own shortcuts: JupyterLab heeds the attribute or the stopped event, Notebook 7
 * only both, and the attribute only where the focus is.
 */
function keepKeys(root: HTMLElement): void {
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("focusin", ({ target }) => {
    (target as HTMLElement).dataset.lmSuppressShortcuts = "true";
  });
  root.addEventListener("keydown", (event) => event.stopPropagation());
}

/** Calls `act` as soon as `el`, still empty, is in the page and visible; returns how to end the wait. */
export function onceAttached(el: HTMLElement, act: () => void): Cleanup {
  const attached = new ResizeObserver(() => {
    if (!el.isConnected) return;
    attached.disconnect();
    el.style.minHeight = "";
    act();
  });
  // An element without a size would not be observed.
  el.style.minHeight = "1px";
  attached.observe(el);
  return () => attached.disconnect();
}

/** Prepares `el`, and once the whole chat around it, for the page that they are in; `styles` are our rules, `labels` those of the settings. */
export function adopt(el: HTMLElement, styles: string, labels: Record<string, string>): void {
  el.classList.add("nbchat-part");
  keepKeys(el);
  putStyle(document, styles);
  const page = el.getRootNode();
  if (page instanceof ShadowRoot) putStyle(page, styles);
  const chat = el.closest<HTMLElement>(".nbchat");
  if (!chat || adopted.has(chat)) return;
  adopted.add(chat);
  keepKeys(chat);
  labelControls(chat, labels);
}
