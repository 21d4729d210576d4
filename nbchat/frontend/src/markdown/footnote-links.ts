// Makes the marks of footnotes lead to their footnotes. No id and no address: they can lead nowhere else.
import { h } from "../page/dom";

const MARK = ".nbchat-footnote-mark";

function isName(mark: Element): boolean {
  return mark.previousSibling === null && mark.parentElement!.matches(".nbchat-footnote");
}

/** `root` has the whole text, `block` is a part of it. */
export function linkFootnotes(root: Element, block: Element): void {
  for (const mark of block.querySelectorAll(MARK)) {
    if (isName(mark) || mark.childElementCount > 0) continue;
    const label = mark.textContent;
    const link = h("button", { type: "button", role: "link", "aria-label": `Footnote ${label}` }, label);
    link.addEventListener("click", () => {
      const names = [...root.querySelectorAll(MARK)].filter(isName);
      const note = names.find((name) => name.textContent === label)?.parentElement;
      if (!note) return;
      note.tabIndex = -1;
      note.focus({ preventScroll: true });
      note.scrollIntoView({ block: "nearest" });
    });
    mark.replaceChildren(link);
  }
}
