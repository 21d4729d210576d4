// Keeps the focus in the chat when what has it is removed.

/**
 * Runs `change`. If it removes what has the focus, the focus goes to the button of the same name in the message
 * that then stands in the same place, else to `rest`. If the page got the focus, the next key would be the notebook's.
 */
export function keepFocus(box: HTMLElement, change: () => void, rest: HTMLElement = box): void {
  const page = box.getRootNode() as Document | ShadowRoot;
  const focused = page.activeElement;
  if (!focused || focused === box || !box.contains(focused)) return change();
  const items = () => [...box.querySelectorAll("article, .nbchat-notice:not([hidden])")];
  const at = items().findIndex((item) => item.contains(focused));
  const { top } = focused.getBoundingClientRect();
  change();
  // `change` has moved it.
  if (page.activeElement && page.activeElement !== document.body) return;
  // What has only been moved takes it again.
  if (box.contains(focused)) (focused as HTMLElement).focus({ preventScroll: true });
  if (box.contains(page.activeElement)) return;
  const buttons = [...(items()[at]?.querySelectorAll("button") ?? [])];
  const peer = buttons.find((button) => button.ariaLabel && button.ariaLabel === focused.ariaLabel);
  (peer ?? rest).focus({ preventScroll: true });
  // A user who steps through the versions finds the button where it was.
  if (peer) box.scrollTop += peer.getBoundingClientRect().top - top;
}
