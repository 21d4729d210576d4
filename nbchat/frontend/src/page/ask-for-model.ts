// A part of the chat asks for another model; the list of models opens in the view where that happens.
const NAME = "nbchat-ask-for-model";

/** Opens the list of models in the view around `from`. A view without a list focuses its menu of models. */
export function askForModel(from: Element): void {
  const taken = !from.dispatchEvent(new Event(NAME, { bubbles: true, cancelable: true }));
  if (!taken) from.closest(".nbchat")?.querySelector<HTMLElement>(".nbchat-model select")?.focus();
}

/** Calls `open` when a part of `widget` asks for another model. */
export function onAskForModel(widget: HTMLElement, open: () => void, signal: AbortSignal): void {
  const take = (event: Event) => {
    event.preventDefault();
    open();
  };
  widget.addEventListener(NAME, take, { signal });
}
