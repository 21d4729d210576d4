// Draws an output of code that the kernel has kept: from a saved chat, so nothing in it may run.
import { setHTML } from "../markdown/sanitize";
import { h } from "../page/dom";

const IMAGES = ["image/png", "image/jpeg"];
const ERROR = "application/vnd.jupyter.error";

/** `output`: MIME type → text, or an image in base64. */
export function keptOutput(output: Record<string, string>): HTMLElement {
  const text = output["text/plain"] ?? "";
  const type = IMAGES.find((each) => each in output);
  if (type) return h("img", { src: `data:${type};base64,${output[type]}`, alt: text || "Image" });
  const table = h("div", {});
  setHTML(table, output["text/html"] ?? "");
  return table.querySelector("table") ? table : h("pre", {}, text);
}

/** The last line of a traceback, of an output as it is kept or as Jupyter's own model has it; else undefined. */
export function errorOf(output: unknown): string | undefined {
  const { [ERROR]: kept, output_type, ename, evalue } = (output ?? {}) as Record<string, unknown>;
  if (output_type === "error") return `${ename}: ${evalue}`.split("\n")[0];
  return typeof kept === "string" ? kept : undefined;
}

/** The whole text of such an output. */
export function textOf(output: unknown): string {
  const { traceback, "text/plain": text } = output as Record<string, unknown>;
  return Array.isArray(traceback) ? traceback.join("\n") : String(text ?? "");
}
