// VS Code reads the address some time after the click.
const REVOKE_MS = 60_000;

/** The name that a file may have on any system: without a folder, and nothing that turns letters around. */
export function fileName(name: string): string {
  return name.replace(/[\\/:*?"<>|\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "_") || "file";
}

/** Has the browser save a file; `parent` is where in the page that happens. */
export function saveFile(parent: Element, name: string, content: BlobPart): void {
  const link = document.createElement("a");
  // No other type: the browser would change the name's ending to suit it.
  link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  link.download = fileName(name);
  parent.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}
