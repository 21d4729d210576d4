// Makes the ipywidgets around our parts known to screen readers, and usable by keyboard.
import { onceAFrame } from "./frame";

/** The part of an ipywidget that the user operates: of a slider, its handle. */
export const CONTROLS = ".noUi-handle, .ui-slider-handle, select, textarea, input:not([type=checkbox])";
const HEADERS = ".jupyter-widget-Collapse-header, .p-Collapse-header";
const OPEN = "jupyter-widget-Collapse-open";

/** The elements of a chat without those in our own parts: a conversation has thousands. */
function around(root: Element): HTMLElement[] {
  const isOurs = (node: Node) => (node as Element).classList.contains("nbchat-part");
  const filter = (node: Node) => (isOurs(node) ? NodeFilter.FILTER_REJECT : NodeFilter.FILTER_ACCEPT);
  const walker = document.createTreeWalker(root, NodeFilter.SHOW_ELEMENT, filter);
  const found: HTMLElement[] = [];
  while (walker.nextNode()) found.push(walker.currentNode as HTMLElement);
  return found;
}

/** Writes the labels here: ipywidgets would make JupyterLab load MathJax for them. */
function writeLabels(elements: HTMLElement[], labels: Record<string, string>): void {
  for (const [setting, name] of Object.entries(labels)) {
    const widget = `.nbchat-${setting.replaceAll("_", "-")}`;
    const label = elements.find((each) => each.matches(`${widget} > .widget-label`));
    if (!label || label.textContent === name) continue;
    label.textContent = name;
    label.style.display = "";
  }
}

/** Names the controls: in ipywidgets a slider's handle has no name, and some boxes none that a screen reader finds. */
function nameControls(elements: HTMLElement[]): void {
  for (const control of elements.filter((each) => each.matches(CONTROLS))) {
    const name = control
      .closest(".jupyter-widgets")
      ?.querySelector(":scope > .widget-label")
      ?.textContent?.trim();
    if (name && control.getAttribute("aria-label") !== name) {
      control.setAttribute("aria-label", name);
    }
  }
}

/** Lets keys open an accordion, whose header is a plain div in ipywidgets. */
function openByKey(elements: HTMLElement[]): void {
  for (const header of elements.filter((each) => each.matches(HEADERS))) {
    if (header.role !== "button") {
      header.role = "button";
      header.tabIndex = 0;
      header.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        header.click();
      });
    }
    const expanded = String(header.parentElement?.classList.contains(OPEN) ?? false);
    if (header.ariaExpanded !== expanded) header.ariaExpanded = expanded;
  }
}

/** Labels the controls in `root`, now and whenever they change; `labels`: a setting's name → its label. */
export function labelControls(root: Element, labels: Record<string, string>): void {
  const label = () => {
    const elements = around(root);
    writeLabels(elements, labels);
    nameControls(elements);
    openByKey(elements);
  };
  const soon = onceAFrame(label);
  // ipywidgets makes controls late, in tabs and accordions later still. Our own parts have their labels.
  new MutationObserver((records) => {
    if (records.some(({ target }) => !(target as Element).closest?.(".nbchat-part"))) soon();
  }).observe(root, { attributes: true, attributeFilter: ["class"], childList: true, subtree: true });
  label();
}
