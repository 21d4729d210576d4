// Puts code into the notebook's cells, where the host lets a widget do that.
import type { SharedCell, WidgetManager } from "../kernel/anywidget";

const FLASH_MS = 1200;

/** The cell that was last written in: by the user's typing, or by a chat. */
let written: SharedCell | undefined;

/** The index of a cell in its notebook, of which JupyterLab keeps only the visible part in the page. */
function indexOf(cell: HTMLElement): number {
  const { windowedListIndex } = cell.dataset;
  if (windowedListIndex !== undefined) return Number(windowedListIndex);
  return [...(cell.closest(".jp-Notebook")?.querySelectorAll(".jp-Cell") ?? [])].indexOf(cell);
}

function notebookOf({ context }: WidgetManager) {
  return context?.model?.sharedModel;
}

function cellOf(element: Element): HTMLElement | null {
  return element.closest<HTMLElement>(".jp-Notebook .jp-Cell");
}

/** Makes a cell with this code below the one that shows `from`; returns whether the host allows it. */
export function insertCell(manager: WidgetManager, from: Element, source: string): boolean {
  const notebook = notebookOf(manager);
  const cell = cellOf(from);
  const index = cell ? indexOf(cell) : -1;
  if (!notebook?.insertCell || index < 0) return false;
  notebook.insertCell(index + 1, { cell_type: "code", source });
  written = notebook.cells?.[index + 1];
  requestAnimationFrame(() => flash(cell?.nextElementSibling));
  return true;
}

/** Whether the host lets a widget insert cells, or change them so that the user can undo it. */
export function canChangeCells(manager: WidgetManager): boolean {
  const notebook = notebookOf(manager);
  return notebook?.insertCell !== undefined && notebook.cells !== undefined;
}

/** Keeps track of the cell in which the user types, in the notebook around `chat`. */
export function watchTyping(manager: WidgetManager, chat: Element): () => void {
  let notebook: Element | null = null;
  const note = ({ target, isTrusted }: Event) => {
    // JupyterLab takes a cell that is scrolled far away out of the page.
    notebook = chat.closest(".jp-Notebook") ?? notebook;
    // What is typed into an output, such as a chat, belongs to no cell.
    if (!isTrusted || !(target instanceof Element) || target.closest(".jp-OutputArea")) return;
    const cell = cellOf(target);
    if (!cell || cell.closest(".jp-Notebook") !== notebook) return;
    written = notebookOf(manager)?.cells?.[indexOf(cell)] ?? written;
  };
  document.addEventListener("beforeinput", note, true);
  return () => document.removeEventListener("beforeinput", note, true);
}

/**
 * Replaces the code of the cell that was last written in; Ctrl+Z in that cell brings the old code back. Returns why
 * not, or "".
 */
export function replaceCell(manager: WidgetManager, from: Element, source: string): string {
  const cells = notebookOf(manager)?.cells ?? [];
  const index = written ? cells.indexOf(written) : -1;
  const cell = cellOf(from);
  const own = cell ? cells[indexOf(cell)] : undefined;
  if (!written || index < 0 || written === own || written.cell_type !== "code")
    return "Type in the cell first, or insert one";
  if (written.getMetadata?.("editable") === false) return "That cell is read-only";
  written.undoManager?.stopCapturing(); // what was typed a moment ago is a step of its own
  written.setSource(source);
  const notebook = cell?.closest(".jp-Notebook");
  flash(
    [...(notebook?.querySelectorAll<HTMLElement>(".jp-Cell") ?? [])].find((each) => indexOf(each) === index),
  );
  return "";
}

function flash(cell: Element | null | undefined): void {
  if (!cell?.matches(".jp-Cell")) return;
  cell.scrollIntoView({ block: "nearest" });
  const accent = "color-mix(in srgb, var(--jp-brand-color1) 25%, transparent)";
  cell.animate([{ backgroundColor: accent }, {}], FLASH_MS);
}
