import type { Cleanup } from "../kernel/anywidget";
import { labelControls } from "./labels";
import { putStyle } from "./style";

const settled = new WeakSet<Element>();

/**
 * Keeps keys from the notebook's own shortcuts: Lab heeds the attribute or the stopped event, Notebook 7
 * only both, and the attribute only where the focus is.
 */
function keepKeys(root: HTMLElement): void {
  root.dataset.lmSuppressShortcuts = "true";
  root.addEventListener("focusin", ({ target }) => {
    (target as HTMLElement).dataset.lmSuppressShortcuts = "true";
  });
  root.addEventListener("keydown", (event) => event.stopPropagation());
}

/** Calls `act` when `el`, still empty, is in the page and to be seen; returns how to end the wait. */
export function onceAttached(el: HTMLElement, act: () => void): Cleanup {
  const attached = new ResizeObserver(() => {
    if (!el.isConnected) return;
    attached.disconnect();
    el.style.minHeight = "";
    act();
  });
  // Where it takes no room, it would not be observed.
  el.style.minHeight = "1px";
  attached.observe(el);
  return () => attached.disconnect();
}

/** Makes `el`, and the whole chat around it, at home in the page that they are in. */
export function settle(el: HTMLElement): void {
  el.classList.add("nbchat-part");
  keepKeys(el);
  putStyle(document);
  const page = el.getRootNode();
  if (page instanceof ShadowRoot) putStyle(page);
  const chat = el.closest<HTMLElement>(".nbchat");
  if (!chat || settled.has(chat)) return;
  settled.add(chat);
  keepKeys(chat);
  labelControls(chat);
}
