// What a key press means.

/** Returns whether the key goes to an input method, which composes a text of several keys. */
export function isComposing(event: KeyboardEvent): boolean {
  // 229: in Safari the Enter that ends a composition lacks isComposing (https://bugs.webkit.org/show_bug.cgi?id=165004).
  return event.isComposing || event.keyCode === 229;
}
