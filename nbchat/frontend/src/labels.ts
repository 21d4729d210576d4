import { onceAFrame } from "./frame";

const CONTROLS = ".noUi-handle, .ui-slider-handle, select, textarea, input:not([type=checkbox])";

/** ipywidgets gives its sliders' handles no name, and some boxes none that a screen reader finds. */
export function labelControls(root: Element): void {
  const label = () => {
    for (const control of root.querySelectorAll(CONTROLS)) {
      const name = control
        .closest(".jupyter-widgets")
        ?.querySelector(":scope > .widget-label")
        ?.textContent?.trim();
      if (name && control.getAttribute("aria-label") !== name) {
        control.setAttribute("aria-label", name);
      }
    }
  };
  const soon = onceAFrame(label);
  // Controls come late, in tabs and accordions later still. What streams by is ours and named.
  new MutationObserver((records) => {
    if (records.some(({ target }) => !(target as Element).closest?.(".nbchat-part"))) soon();
  }).observe(root, { childList: true, subtree: true });
  label();
}
