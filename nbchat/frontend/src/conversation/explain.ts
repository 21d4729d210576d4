// "Explain the error": prepares a message about the cell that failed.
import type { Chat } from "../kernel/chat";
import type { FailedCell } from "../kernel/protocol";
import { fetchVariable } from "../kernel/variables";

/** Puts the question, the error and its variables into the composer beside `from`; returns why not, or "". */
export async function explain({ store, draft }: Chat, from: Element): Promise<string> {
  const { file, refused } = await store.request({ type: "failure" });
  if (!file) return refused!;
  const failed = JSON.parse(await new Blob([file.content]).text()) as FailedCell;
  const variables = await Promise.all(failed.variables.map((name) => fetchVariable(store, name)));
  const files = [
    new File([failed.text], failed.name, { type: "text/markdown" }),
    ...variables.filter((variable) => variable !== undefined),
  ];
  const here = new Set(draft.attached.map((each) => each.file.name));
  const attached = await draft.attach(files.filter(({ name }) => !here.has(name)));
  if (attached.length === 0 && draft.notAttached) return draft.notAttached;
  draft.suggest(failed.question, from);
  return "";
}
