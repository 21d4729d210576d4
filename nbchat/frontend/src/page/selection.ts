// Keeps the user's selection while nodes are replaced.

/** How many characters of `element` are before a place in it; undefined for a place elsewhere. */
function charactersBefore(element: Element, node: Node | null, offset: number): number | undefined {
  if (!node || !element.contains(node)) return undefined;
  const range = document.createRange();
  range.selectNodeContents(element);
  range.setEnd(node, offset);
  return range.toString().length;
}

/** Returns the place after so many characters of `element`. */
function placeAfter(element: Element, characters: number): [Node, number] {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode() as Text | null; text; text = texts.nextNode() as Text | null) {
    if (characters <= text.length) return [text, characters];
    characters -= text.length;
  }
  return [element, element.childNodes.length];
}

/** Keeps what is selected in `element` while `change` replaces its nodes, but not its text. */
export function keepSelection(element: Element, change: () => void): void {
  const selection = getSelection();
  if (!selection) return change();
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  const anchor = charactersBefore(element, anchorNode, anchorOffset);
  const focus = charactersBefore(element, focusNode, focusOffset);
  change();
  if (!anchorNode || !focusNode || (anchor === undefined && focus === undefined)) return;
  selection.setBaseAndExtent(
    ...(anchor === undefined ? ([anchorNode, anchorOffset] as const) : placeAfter(element, anchor)),
    ...(focus === undefined ? ([focusNode, focusOffset] as const) : placeAfter(element, focus)),
  );
}
