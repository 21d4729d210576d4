// Files for the next message: picked, pasted or dropped, and shown as chips until it has been sent.
import { chip, symbol } from "./attachments";
import { arrange, h, setText } from "../page/dom";
import { size } from "../page/units";
import { icon, iconButton } from "../page/icon";
import { isPicture } from "../kernel/pictures";
import { fileName } from "../page/save";
import type { Store } from "../kernel/store";
import { openText, openViewer, textOf } from "./viewer";

/** In all: Jupyter closes the connection on a message of 10 MB. */
const MAX_BYTES = 8_000_000;

export interface Attached {
  file: File;
  content: ArrayBuffer;
}

/** Resolves with what of it is now attached. */
export async function attach(store: Store, files: Iterable<File>): Promise<readonly Attached[]> {
  if (isEditing(store)) return [];
  const read = await Promise.all(
    [...files].map(async (file) => {
      const fits = file.size <= MAX_BYTES;
      return { file, content: fits ? await file.arrayBuffer().catch(() => null) : undefined };
    }),
  );
  let total = store.attached.reduce((sum, { content }) => sum + content.byteLength, 0);
  const attached: Attached[] = [];
  const problems: string[] = [];
  for (const { file, content } of read) {
    const refuse = (why: string) => problems.push(`${fileName(file.name)} is not attached: ${why}`);
    if (content === null) refuse("it is a folder, or can't be read.");
    else if (content?.byteLength === 0) refuse("it is empty.");
    else if (!content || total + content.byteLength > MAX_BYTES) {
      const sum = size(total + file.size);
      refuse(
        `a message takes ${size(MAX_BYTES)} of files at most, and with it there would be ${sum}. ` +
          'In a cell, chat.send("…", files=[…]) has no such limit.',
      );
    } else {
      attached.push({ file, content });
      total += content.byteLength;
    }
  }
  store.attach(attached, problems.join(" "));
  return attached;
}

/** While one edits a message, what goes with it stays as it is. */
function isEditing(store: Store): boolean {
  if (store.editing) store.attach([], "To attach files, finish or cancel the edit first.");
  return store.editing !== undefined;
}

/** What a composer has for attaching files. */
export class Attaching {
  readonly chips = h("div", {
    class: "nbchat-chips",
    role: "group",
    "aria-label": "Attached files",
    "aria-live": "polite",
  });
  readonly button = iconButton("Attach files", "attach");
  readonly input = h("input", { type: "file", multiple: true, hidden: true });
  readonly problem = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #store: Store;
  #box: HTMLElement;
  #made = new WeakMap<Attached, HTMLElement>();

  constructor(store: Store, box: HTMLElement) {
    this.#store = store;
    this.#box = box;
    this.button.addEventListener("click", () => {
      if (!isEditing(store)) this.input.click();
    });
    this.input.addEventListener("change", () => {
      void attach(store, this.input.files!);
      this.input.value = "";
      box.focus();
    });
    box.addEventListener("paste", (event) => {
      const { files, types } = event.clipboardData!;
      // What is copied from a document or a sheet is text, though there is a picture of it as well.
      const formatted = types.includes("text/plain") && types.includes("text/html");
      if (files.length === 0 || formatted) return;
      event.preventDefault();
      event.stopPropagation();
      void attach(store, files);
    });
  }

  draw(sending: boolean): void {
    const { attached, editing, notAttached } = this.#store;
    arrange(this.chips, attached.map((each) => this.#chip(each)));
    this.chips.hidden = attached.length === 0 || editing !== undefined;
    this.chips.inert = sending;
    setText(this.problem, notAttached);
  }

  #chip(attached: Attached): HTMLElement {
    const made = this.#made.get(attached);
    if (made) return made;
    const { file, content } = attached;
    const name = fileName(file.name);
    const remove = iconButton(`Remove ${name}`, "remove");
    remove.addEventListener("click", () => {
      this.#store.detach([attached]);
      this.#box.focus();
    });
    const picture = isPicture(file.type) ? thumbnail(file) : icon(symbol(name));
    const text = isPicture(file.type) ? undefined : textOf(content);
    const open = () =>
      text === undefined
        ? openViewer(view, name, thumbnail(file), [size(file.size)])
        : openText(view, name, text, file.size);
    const shows = text !== undefined || isPicture(file.type);
    const view = chip(name, file.size, picture, remove, shows ? open : undefined);
    this.#made.set(attached, view);
    return view;
  }
}

function thumbnail(file: File): HTMLElement {
  const url = URL.createObjectURL(file);
  const image = h("img", { src: url, alt: "" });
  image.addEventListener("load", () => URL.revokeObjectURL(url));
  image.addEventListener("error", () => {
    URL.revokeObjectURL(url);
    image.replaceWith(icon("file"));
  });
  return image;
}

/** Attaches what is dropped onto `el`. */
export function takeDrops(store: Store, el: HTMLElement): void {
  const hint = h("div", { class: "nbchat-drop", hidden: true }, "Drop files to attach them");
  el.append(hint);
  const take = (event: DragEvent) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    event.stopPropagation();
    event.dataTransfer.dropEffect = "copy";
    hint.hidden = event.type === "drop";
    if (event.type === "drop") void attach(store, event.dataTransfer.files);
  };
  for (const type of ["dragenter", "dragover", "drop"] as const) el.addEventListener(type, take);
  el.addEventListener("dragleave", ({ relatedTarget }) => {
    if (!el.contains(relatedTarget as Node | null)) hint.hidden = true;
  });
}
