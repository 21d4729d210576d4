// The files of the next message: picked or pasted, and shown as chips until the message is sent.
import type { Attached, Draft } from "../kernel/draft";
import { isPicture } from "../kernel/pictures";
import { arrange, h, setText } from "../page/dom";
import { icon, iconButton } from "../page/icon";
import { fileName } from "../page/save";
import { size } from "../page/units";
import { chip, symbol } from "./chip";
import { loadImage } from "./image";
import { openText, openViewer, textOf } from "./viewer";

/** A composer's chips, its button to attach files, and what it pastes. */
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
  #draft: Draft;
  #box: HTMLElement;
  #made = new WeakMap<Attached, HTMLElement>();

  constructor(draft: Draft, box: HTMLElement) {
    this.#draft = draft;
    this.#box = box;
    this.button.addEventListener("click", () => {
      if (draft.takesFiles()) this.input.click();
    });
    this.input.addEventListener("change", () => {
      void draft.attach(this.input.files!);
      this.input.value = "";
      box.focus();
    });
    box.addEventListener("paste", (event) => {
      const { files, types } = event.clipboardData!;
      // What is copied from a document or a sheet is text, though the clipboard has a picture of it as well.
      const formatted = types.includes("text/plain") && types.includes("text/html");
      if (files.length === 0 || formatted) return;
      event.preventDefault();
      event.stopPropagation();
      void draft.attach(files);
    });
  }

  /** `sending`: these files are on their way; `ended`: there is no kernel for any. */
  draw(sending: boolean, ended: boolean): void {
    const { attached, editing, notAttached } = this.#draft;
    arrange(
      this.chips,
      attached.map((each) => this.#chip(each)),
    );
    this.chips.hidden = attached.length === 0 || editing !== undefined;
    this.chips.inert = sending || ended;
    this.button.inert = ended;
    setText(this.problem, notAttached);
  }

  #chip(attached: Attached): HTMLElement {
    const made = this.#made.get(attached);
    if (made) return made;
    const { file, content } = attached;
    const name = fileName(file.name);
    const remove = iconButton(`Remove ${name}`, "remove");
    remove.addEventListener("click", () => {
      this.#draft.detach([attached]);
      this.#box.focus();
    });
    const picture = isPicture(file.type) ? thumbnail(file) : icon(symbol(name));
    const text = isPicture(file.type) ? undefined : textOf(content);
    const open = () =>
      text === undefined
        ? openViewer(view, name, thumbnail(file), [size(file.size)])
        : openText(view, name, text, file.size, undefined);
    const shows = text !== undefined || isPicture(file.type);
    const view = chip(name, file.size, picture, remove, shows ? open : undefined);
    this.#made.set(attached, view);
    return view;
  }
}

/** A file's icon, and in its place the image as soon as it is loaded. */
function thumbnail(file: File): Element {
  const url = URL.createObjectURL(file);
  const symbol = icon("file");
  void loadImage(url, "").then((image) => {
    URL.revokeObjectURL(url);
    if (image) symbol.replaceWith(image);
  });
  return symbol;
}
