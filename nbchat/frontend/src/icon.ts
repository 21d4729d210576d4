const SVG = "http://www.w3.org/2000/svg";

/** Outlines in a box of 16 by 16. */
const PATHS = {
  check: "m3.5 8.5 3 3 6-7",
  copy: "M6 5V3.5a1 1 0 0 1 1-1h5.5a1 1 0 0 1 1 1V9a1 1 0 0 1-1 1H11M3.5 6H9a1 1 0 0 1 1 1v5.5a1 1 0 0 1-1 1H3.5a1 1 0 0 1-1-1V7a1 1 0 0 1 1-1Z",
  edit: "m10.8 2.9 2.3 2.3-7.5 7.5-2.8.5.5-2.8zM9.3 4.4l2.3 2.3",
  next: "M6 3.5 10.5 8 6 12.5",
  previous: "M10 3.5 5.5 8l4.5 4.5",
  regenerate: "M13.2 8A5.2 5.2 0 1 1 11.6 4.2L13.2 5.8M13.2 2.4v3.4H9.8",
};

export type IconName = keyof typeof PATHS;

/** A picture that takes the colour of the text around it, and has no name of its own. */
export function icon(name: IconName): SVGElement {
  const svg = document.createElementNS(SVG, "svg");
  const path = document.createElementNS(SVG, "path");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", PATHS[name]);
  svg.append(path);
  return svg;
}
