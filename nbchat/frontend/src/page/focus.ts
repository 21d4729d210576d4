/**
 * Runs `change`, which may take away what has the focus: it then goes to what has the same name in what
 * stands in that place, else to `box`. Lost to the page, the next key would be the notebook's.
 */
export function keepFocus(box: HTMLElement, change: () => void): void {
  const page = box.getRootNode() as Document | ShadowRoot;
  const focused = page.activeElement;
  if (!focused || focused === box || !box.contains(focused)) return change();
  const items = () => [...box.querySelectorAll("article, .nbchat-notice")];
  const at = items().findIndex((item) => item.contains(focused));
  const { top } = focused.getBoundingClientRect();
  change();
  if (box.contains(page.activeElement)) return;
  const buttons = [...(items()[at]?.querySelectorAll("button") ?? [])];
  const peer = buttons.find((button) => button.ariaLabel && button.ariaLabel === focused.ariaLabel);
  (peer ?? box).focus({ preventScroll: true });
  // One who goes through the versions finds the button where it was.
  if (peer) box.scrollTop += peer.getBoundingClientRect().top - top;
}
