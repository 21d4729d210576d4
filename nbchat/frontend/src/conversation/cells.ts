// Puts code into a new cell of the notebook, where the host lets a widget do that.
import type { WidgetManager } from "../kernel/anywidget";

const FLASH_MS = 1200;

/** The index of a cell in its notebook, of which JupyterLab keeps only the visible part in the page. */
function indexOf(cell: HTMLElement): number {
  const { windowedListIndex } = cell.dataset;
  if (windowedListIndex !== undefined) return Number(windowedListIndex);
  return [...(cell.closest(".jp-Notebook")?.querySelectorAll(".jp-Cell") ?? [])].indexOf(cell);
}

/** Makes a cell with this code below the one that shows `from`; returns whether the host allows it. */
export function insertCell({ context }: WidgetManager, from: Element, source: string): boolean {
  const notebook = context?.model?.sharedModel;
  const cell = from.closest<HTMLElement>(".jp-Notebook .jp-Cell");
  const index = cell ? indexOf(cell) : -1;
  if (!notebook?.insertCell || index < 0) return false;
  notebook.insertCell(index + 1, { cell_type: "code", source });
  requestAnimationFrame(() => flash(cell?.nextElementSibling));
  return true;
}

function flash(cell: Element | null | undefined): void {
  if (!cell?.matches(".jp-Cell")) return;
  cell.scrollIntoView({ block: "nearest" });
  const accent = "color-mix(in srgb, var(--jp-brand-color1) 25%, transparent)";
  cell.animate([{ backgroundColor: accent }, {}], FLASH_MS);
}
