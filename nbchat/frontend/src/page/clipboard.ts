/** What a person presses to copy what is selected. */
export const COPY_KEYS = navigator.platform.startsWith("Mac") ? "⌘C" : "Ctrl+C";

/**
 * Puts text on the clipboard. Where that is refused, or can't be as the page came by plain HTTP, selects
 * `element` instead, so that a person's own copy of it takes the text; tells which.
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
