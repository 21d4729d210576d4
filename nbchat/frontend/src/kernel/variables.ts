// The notebook's variables: their names, and what would be sent of each.
import type { VariableName } from "./protocol";
import type { Store } from "./store";

const PNG = 0x89;

/** The variables that can be mentioned. */
export async function fetchNames(store: Store): Promise<VariableName[]> {
  const { file } = await store.request({ type: "names" });
  return file ? (JSON.parse(await new Blob([file.content]).text()) as VariableName[]) : [];
}

/** What would be sent of a variable, or undefined if there is none. */
export async function fetchVariable(store: Store, name: string): Promise<File | undefined> {
  const { file } = await store.request({ type: "variable", name });
  if (!file) return undefined;
  const content = new Blob([file.content]);
  const [first] = new Uint8Array(await content.slice(0, 1).arrayBuffer());
  return new File([content], file.name, { type: first === PNG ? "image/png" : "text/markdown" });
}
