// Keeps the user's selection while nodes are replaced.

/** The texts of `element` that are shown: between blocks are line ends, which come and go. */
function* textsIn(element: Element): Generator<Text> {
  const texts = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let text = texts.nextNode() as Text | null; text; text = texts.nextNode() as Text | null) {
    if (/\S/.test(text.data) || !text.data.includes("\n") || text.parentElement!.closest("pre")) yield text;
  }
}

/** How many characters of `element` are before a place in it; undefined for a place elsewhere. */
function charactersBefore(element: Element, node: Node, offset: number): number | undefined {
  if (!element.contains(node)) return undefined;
  const range = document.createRange();
  range.selectNodeContents(element);
  range.setEnd(node, offset);
  let characters = 0;
  for (const text of textsIn(element)) {
    if (text === node) return characters + offset;
    if (range.comparePoint(text, 0) > 0) break;
    characters += text.length;
  }
  return characters;
}

/** Returns the place after so many characters of `element`; `start`: at the start of a text, not at an end. */
function placeAfter(element: Element, characters: number, start: boolean): [Node, number] {
  for (const text of textsIn(element)) {
    if (characters < text.length || (characters === text.length && !start)) return [text, characters];
    characters -= text.length;
  }
  return [element, element.childNodes.length];
}

function textOf(element: Element): string {
  return [...textsIn(element)].map(({ data }) => data).join("");
}

/** How far the text at `from` has moved: to the nearest place where `words` are now; 0 if they are nowhere. */
function moved(text: string, words: string, from: number): number {
  const before = text.lastIndexOf(words, from) - from;
  const after = text.indexOf(words, from) - from;
  if (before < -from) return Math.max(after, 0);
  return after < 0 || -before < after ? before : after;
}

/** Keeps what is selected in `element` while `change` replaces its nodes. */
export function keepSelection(element: Element, change: () => void): void {
  const selection = getSelection();
  if (!selection?.anchorNode || !selection.focusNode || selection.isCollapsed) return change();
  const { anchorNode, anchorOffset, focusNode, focusOffset } = selection;
  const anchor = charactersBefore(element, anchorNode, anchorOffset);
  const focus = charactersBefore(element, focusNode, focusOffset);
  if (anchor === undefined && focus === undefined) return change();
  const order = anchorNode.compareDocumentPosition(focusNode);
  const backwards = order === 0 ? focusOffset < anchorOffset : (order & Node.DOCUMENT_POSITION_PRECEDING) > 0;
  const [first, last] = backwards ? [focus, anchor] : [anchor, focus];
  const words = textOf(element).slice(first ?? 0, last);
  change();
  // Markup that turns out to be markup is shown no more.
  const by = moved(textOf(element), words, first ?? 0);
  // A place in a text that was kept is where it was.
  const at = (node: Node, offset: number, before: number | undefined, start: boolean): [Node, number] =>
    before === undefined || (element.contains(node) && node instanceof Text)
      ? [node, offset]
      : placeAfter(element, before + by, start);
  const base = at(anchorNode, anchorOffset, anchor, !backwards);
  const extent = at(focusNode, focusOffset, focus, backwards);
  if (base[0] === anchorNode && extent[0] === focusNode) return;
  selection.setBaseAndExtent(...base, ...extent);
}
