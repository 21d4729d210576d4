// JupyterLab's "Create New View for Cell Output": opens a chat in a pane of its own, which it then fills.

const PANE = ".jp-LinkedOutputView";
/** JupyterLab 4.6, packages/notebook-extension/src/index.ts: takes the notebook's path and the number of the cell. */
const COMMAND = "notebook:create-output-view";

/** As much of JupyterLab's application as is needed: with the option `exposeAppInBrowser`, the page has it. */
interface App {
  commands: { execute: (id: string, args: object) => Promise<unknown> };
  shell: { currentWidget: Panel | null };
}
interface Panel {
  context?: { path: string };
  content?: { widgets?: readonly { node: Element }[] };
}

/** Whether the chat stands in such a pane. */
export function inPane(chat: Element): boolean {
  return chat.closest(PANE) !== null;
}

/** Opens the cell's output in a pane; returns whether the page let us. */
export function openPane(chat: Element): boolean {
  const page = window as { jupyterapp?: App; jupyterlab?: App };
  const app = page.jupyterapp ?? page.jupyterlab;
  const panel = app?.shell.currentWidget;
  const path = panel?.context?.path;
  const index = panel?.content?.widgets?.findIndex(({ node }) => node.contains(chat)) ?? -1;
  if (!app || path === undefined || index < 0) return false;
  void app.commands.execute(COMMAND, { path, index });
  return true;
}

/** Has a chat that is all of its pane's output take all of its height. */
export function fillPane(chat: HTMLElement): void {
  const pane = chat.closest(PANE);
  if (!pane || !chat.parentElement?.matches(".jp-OutputArea-output, .jp-OutputArea-child *")) return;
  for (let each = chat.parentElement; each !== pane; each = each.parentElement!)
    each.classList.add("nbchat-pane");
  chat.classList.add("nbchat-fills");
}
