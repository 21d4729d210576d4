// The kernel keeps a copy of the conversation in the cell's output, for viewers that know no widgets.
import type { Cleanup } from "../kernel/anywidget";

const COPY = ".nbchat-fallback";
/** Of a chat in which nothing has been said. */
const BLANK = "pre:empty";
const OUTPUTS = ".jp-OutputArea, .output, .output-area";
const OUTPUT = ".jp-OutputArea-child";

/** Empties the copies beside a chat that is shown, and hides their outputs: they would be read out twice. */
export function hideFallback(el: HTMLElement): Cleanup {
  const outputs = el.closest(OUTPUTS);
  if (!outputs) return () => {};
  const empty = () => {
    for (const copy of outputs.querySelectorAll(`${COPY}, ${BLANK}`)) {
      if (copy.closest(".nbchat")) continue;
      copy.closest(OUTPUT)?.classList.add("nbchat-fallback-output");
      copy.replaceChildren();
    }
  };
  // Each update is a new output. What streams by is ours.
  const observer = new MutationObserver((records) => {
    if (records.some(({ target }) => !(target as Element).closest?.(".nbchat"))) empty();
  });
  observer.observe(outputs, { childList: true, subtree: true });
  empty();
  return () => observer.disconnect();
}
