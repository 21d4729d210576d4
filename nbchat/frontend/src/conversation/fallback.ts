// Hides the copy of the conversation that the kernel keeps in the cell's output for viewers without widgets.
import type { Cleanup } from "../page/cleanup";
import { outputsAround } from "../page/outputs";

const COPY = ".nbchat-fallback";
/** The copy of a chat without messages. */
const BLANK = "pre:empty";
const OUTPUT = ".jp-OutputArea-child";

/** Empties the copies beside a chat that is shown, and hides their outputs: screen readers would say all twice. */
export function hideFallback(el: HTMLElement): Cleanup {
  const outputs = outputsAround(el);
  if (!outputs) return () => {};
  const empty = () => {
    for (const copy of outputs.querySelectorAll(`${COPY}, ${BLANK}`)) {
      if (copy.closest(".nbchat")) continue;
      copy.closest(OUTPUT)?.classList.add("nbchat-fallback-output");
      copy.replaceChildren();
    }
  };
  // Each update of the copy is a new output. Changes within the chat are our own.
  const observer = new MutationObserver((records) => {
    if (records.some(({ target }) => !(target as Element).closest?.(".nbchat"))) empty();
  });
  observer.observe(outputs, { childList: true, subtree: true });
  empty();
  return () => observer.disconnect();
}
