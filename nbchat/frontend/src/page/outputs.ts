// Where in the notebook a chat is shown.

/** The outputs of the cell that `el` is in. */
export function outputsAround(el: Element): Element | null {
  return el.closest(".jp-OutputArea, .output, .output-area");
}
