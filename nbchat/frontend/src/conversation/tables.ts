// The buttons on a reply's tables: copy as CSV, and make a DataFrame in a cell below.
import type { Chat } from "../kernel/chat";
import type { Message } from "../kernel/protocol";
import { isRunning } from "../kernel/unsent";
import { copyText } from "../page/clipboard";
import { copyButton } from "../page/copy-button";
import { h } from "../page/dom";
import { iconButton, rename } from "../page/icon";
import { canChangeCells, insertCell } from "./cells";
import { csv, frameCode } from "./csv";

function rowsOf(table: HTMLTableElement): string[][] {
  return [...table.rows].map((row) => [...row.cells].map((cell) => cell.textContent.trim()));
}

/** Call after the text has been drawn. */
export function offerTables({ store }: Chat, root: Element, message: Message): void {
  if (isRunning(message)) return;
  for (const box of root.querySelectorAll(".nbchat-table")) {
    const table = box.querySelector("table");
    if (!table || box.querySelector(".nbchat-table-tools")) continue;
    const tools = h("div", { class: "nbchat-table-tools" });
    tools.append(copyButton("Copy as CSV", table, () => csv(rowsOf(table), true)));
    if (!store.state.shared && canChangeCells(store.widgets)) {
      const frame = iconButton("To DataFrame", "insert");
      frame.addEventListener("click", ({ isTrusted }) => {
        if (!isTrusted) return;
        const code = frameCode(rowsOf(table));
        // A chat in a panel of its own stands in no cell.
        if (insertCell(store.widgets, box, code)) return;
        void copyText(code, table);
        rename(frame, "To DataFrame: the code is copied, paste it into a cell");
      });
      tools.append(frame);
    }
    box.prepend(tools);
  }
}
