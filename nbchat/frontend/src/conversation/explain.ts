import { attach } from "../attachments/attaching";
import { fetchVariable } from "../composer/mentions";
import type { FailedCell } from "../kernel/protocol";
import type { Store } from "../kernel/store";

/** Puts all that is to be sent about the failed cell into the composer beside `from`; returns why not, or "". */
export async function explain(store: Store, from: Element): Promise<string> {
  const { file, refused } = await store.request({ type: "failure" });
  if (!file) return refused!;
  const failed = JSON.parse(await new Blob([file.content]).text()) as FailedCell;
  const variables = await Promise.all(failed.variables.map((name) => fetchVariable(store, name)));
  const files = [
    new File([failed.text], failed.name, { type: "text/markdown" }),
    ...variables.filter((variable) => variable !== undefined),
  ];
  const here = new Set(store.attached.map((each) => each.file.name));
  const attached = await attach(store, files.filter(({ name }) => !here.has(name)));
  if (attached.length === 0 && store.notAttached) return store.notAttached;
  store.write(failed.question, from);
  return "";
}
