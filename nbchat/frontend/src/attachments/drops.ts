// Files that are dropped onto a part of the chat.
import type { Draft } from "../kernel/draft";
import { h } from "../page/dom";

/** Attaches the files that are dropped onto `el` to the next message. */
export function takeDrops(draft: Draft, el: HTMLElement): void {
  const hint = h("div", { class: "nbchat-drop", hidden: true }, "Drop files to attach them");
  el.append(hint);
  const take = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    hint.hidden = event.type === "drop";
    if (event.type === "drop") void draft.attach(event.dataTransfer.files);
  };
  for (const type of ["dragenter", "dragover", "drop"] as const) el.addEventListener(type, take);
  el.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!el.contains(relatedTarget as Node | null)) hint.hidden = true;
  });
}
