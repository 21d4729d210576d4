// Saves files from the page.

// VS Code reads the address some time after the click.
const REVOKE_MS = 60_000;

/** Returns a name that a file may have on any system: without a folder, and without marks that reverse text. */
export function fileName(name: string): string {
  return name.replace(/[\\/:*?"<>|\p{Cc}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, "_") || "file";
}

/** Has the browser save a file; the link for it is put into `parent`. */
export function saveFile(parent: Element, name: string, content: BlobPart): void {
  const link = document.createElement("a");
  // With another type the browser would change the name's ending.
  link.href = URL.createObjectURL(new Blob([content], { type: "application/octet-stream" }));
  link.download = fileName(name);
  parent.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(link.href), REVOKE_MS);
}
