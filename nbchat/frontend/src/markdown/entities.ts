// Replaces the package "entities" that markdown-it imports (see build.py): its table is 26 kB, and the browser has one.
const known = new Map<string, string>();

/** Decodes one named entity; markdown-it calls this with `&name;` only. */
export function decodeHTMLStrict(entity: string): string {
  let text = known.get(entity);
  if (text === undefined) {
    // Reads the text of a document that is never shown and in which nothing runs.
    text = new DOMParser().parseFromString(`<body>${entity}`, "text/html").body.textContent ?? "";
    // "&notme;" is no entity, though browsers still read the "&not" in it.
    if (text.endsWith(";") && text !== ";") text = entity;
    known.set(entity, text);
  }
  return text;
}

export { decodeHTMLStrict as decodeHTML };
