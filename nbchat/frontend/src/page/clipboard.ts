// Copies text to the clipboard.

/** The keys that the user presses to copy what is selected. */
export const COPY_KEYS = navigator.platform.startsWith("Mac") ? "⌘C" : "Ctrl+C";

/**
 * Puts text on the clipboard. If the browser refuses that, or the page came by plain HTTP, which has no clipboard,
 * selects `element` instead, and the user's own copy of it takes the text. Returns which of both it did.
 */
export async function copyText(text: string, element: Element): Promise<"copied" | "selected"> {
  try {
    await navigator.clipboard.writeText(text);
    return "copied";
  } catch {
    const selection = getSelection();
    selection?.selectAllChildren(element);
    const selected = String(selection);
    const copy = (event: ClipboardEvent) => {
      if (String(getSelection()) !== selected) return;
      event.clipboardData?.setData("text/plain", text);
      event.preventDefault();
    };
    document.addEventListener("copy", copy, { once: true });
    return "selected";
  }
}
