// The icons, and buttons that show only an icon.
import { h } from "./dom";

const SVG = "http://www.w3.org/2000/svg";

/** Outlines in a square of 16 by 16. */
const PATHS = {
  at: "M10.6 8a2.6 2.6 0 1 1-5.2 0 2.6 2.6 0 0 1 5.2 0Zm0 0v1a1.7 1.7 0 0 0 3.2.8A6 6 0 1 0 11.4 13",
  attach:
    "m13.4 7.6-5.5 5.5a3.3 3.3 0 0 1-4.7-4.7l5.7-5.6a2.2 2.2 0 0 1 3.1 3.1l-5.6 5.6a1.1 1.1 0 0 1-1.6-1.5l5.1-5.1",
  check: "m3.5 8.5 3 3 6-7",
  copy: "M6 5V3.5a1 1 0 0 1 1-1h5.5a1 1 0 0 1 1 1V9a1 1 0 0 1-1 1H11M3.5 6H9a1 1 0 0 1 1 1v5.5a1 1 0 0 1-1 1H3.5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1Z",
  down: "M8 2.8v10.2M3.6 8.6 8 13l4.4-4.4",
  edit: "m10.8 2.9 2.3 2.3-7.5 7.5-2.8.5.5-2.8zM9.3 4.4l2.3 2.3",
  file: "M9.2 2.5H4.8a1 1 0 0 0-1 1v9a1 1 0 0 0 1 1h6.4a1 1 0 0 0 1-1v-7zm0 0v3h3",
  info: "M14 8A6 6 0 1 1 2 8a6 6 0 0 1 12 0ZM8 7.4v3.4M8 5.2v.1",
  more: "M3.6 8h.01M8 8h.01M12.4 8h.01M3.2 8a.4.4 0 1 0 .8 0 .4.4 0 1 0-.8 0M7.6 8a.4.4 0 1 0 .8 0 .4.4 0 1 0-.8 0M12 8a.4.4 0 1 0 .8 0 .4.4 0 1 0-.8 0",
  insert: "M2.5 3h11v4.5h-11zM8 9.8v4.4M5.8 12h4.4",
  next: "M6 3.5 10.5 8 6 12.5",
  open: "m4.5 6.5 3.5 3.5 3.5-3.5",
  previous: "M10 3.5 5.5 8l4.5 4.5",
  regenerate: "M13.2 8A5.2 5.2 0 1 1 11.6 4.2L13.2 5.8M13.2 2.4v3.4H9.8",
  remove: "m4.5 4.5 7 7m0-7-7 7",
  up: "M8 13.2V3M3.6 7.4 8 3l4.4 4.4",
  replace: "M3 5.5h9.5M9.8 2.8l2.7 2.7-2.7 2.7M13 10.8H3.5M6.2 8.1l-2.7 2.7 2.7 2.7",
  star: "m8 2.2 1.8 3.7 4.1.6-3 2.9.7 4.1L8 11.6l-3.6 1.9.7-4.1-3-2.9 4.1-.6z",
  variable: "M6 3C3.8 3 5.2 7 3 8c2.2 1 .8 5 3 5m4-10c2.2 0 .8 4 3 5-2.2 1-.8 5-3 5",
  settings:
    "M6.6 3.3L6.9 1.8L9.1 1.8L9.4 3.3L10.4 3.7L11.6 2.9L13.1 4.4L12.3 5.6L12.7 6.6L14.2 6.9L14.2 9.1L12.7 9.4L12.3 10.4L13.1 11.6L11.6 13.1L10.4 12.3L9.4 12.7L9.1 14.2L6.9 14.2L6.6 12.7L5.6 12.3L4.4 13.1L2.9 11.6L3.7 10.4L3.3 9.4L1.8 9.1L1.8 6.9L3.3 6.6L3.7 5.6L2.9 4.4L4.4 2.9L5.6 3.7ZM10.1 8A2.1 2.1 0 1 1 5.9 8a2.1 2.1 0 0 1 4.2 0Z",
  warning: "M8 2.6 14.2 13.2H1.8zM8 6.6v3.2M8 11.4v.1",
  tool: "M9.6 4.2a2.9 2.9 0 0 1 3.7-1.6l-1.8 1.8.3 1.8 1.8.3 1.8-1.8a2.9 2.9 0 0 1-4.2 3.4l-5 5a1.4 1.4 0 0 1-2-2l5-5a2.9 2.9 0 0 1 .4-1.9Z",
  run: "M5 3.2v9.6L12.4 8z",
  wrap: "M2.5 3.5h11M2.5 8h8.4a2.2 2.2 0 0 1 0 4.4H8.2m1.8-1.8-1.8 1.8 1.8 1.8M2.5 12.4H5",
  save: "M8 2.5v7.2M4.9 6.8 8 9.9l3.1-3.1M3 13.2h10",
};

export type IconName = keyof typeof PATHS;

/** Makes an icon, which has the colour of the text around it; screen readers ignore it. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("class", "nbchat-icon");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}

/** Makes a button that shows only an icon. */
export function iconButton(name: string, picture: IconName): HTMLButtonElement {
  const names = { "aria-label": name, title: name };
  return h("button", { type: "button", class: "nbchat-tool", ...names }, icon(picture));
}

/** Changes what a button is called, for screen readers and in its tooltip. */
export function rename(button: HTMLElement, name: string): void {
  button.ariaLabel = button.title = name;
}
