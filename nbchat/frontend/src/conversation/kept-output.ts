// Draws an output of code that the kernel has kept: from a saved chat, so nothing in it may run.
import { setHTML } from "../markdown/sanitize";
import { h } from "../page/dom";

const IMAGES = ["image/png", "image/jpeg"];

/** `output`: MIME type → text, or an image in base64. */
export function keptOutput(output: Record<string, string>): HTMLElement {
  const text = output["text/plain"] ?? "";
  const type = IMAGES.find((each) => each in output);
  if (type) return h("img", { src: `data:${type};base64,${output[type]}`, alt: text || "Image" });
  const table = h("div", {});
  setHTML(table, output["text/html"] ?? "");
  return table.querySelector("table") ? table : h("pre", {}, text);
}
