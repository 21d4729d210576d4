// The kernel keeps a copy of the conversation in the cell's output, for viewers that know no widgets.
import type { Cleanup } from "./anywidget";

const COPY = ".nbchat-fallback";
const OUTPUTS = ".jp-OutputArea, .output, .output-area";

/** Empties the copies beside a chat that is shown: they would be found, and read out, twice. */
export function hideFallback(el: HTMLElement): Cleanup {
  const outputs = el.closest(OUTPUTS);
  if (!outputs) return () => {};
  const empty = () => {
    for (const copy of outputs.querySelectorAll(COPY)) copy.replaceChildren();
  };
  // Each update is a new output. What streams by is ours.
  const observer = new MutationObserver((records) => {
    if (records.some(({ target }) => !(target as Element).closest?.(".nbchat"))) empty();
  });
  observer.observe(outputs, { childList: true, subtree: true });
  empty();
  return () => observer.disconnect();
}
