import { arrange, h, setText } from "../page/dom";
import { size } from "../page/units";
import { icon, iconButton, type IconName } from "../page/icon";
import { isPicture, type Picture } from "../kernel/pictures";
import type { Attachment } from "../kernel/protocol";
import { fileName, saveFile } from "../page/save";
import type { Store } from "../kernel/store";
import { openText, openViewer, textOf } from "./viewer";
import { Views } from "../page/views";

/** A file's name and size, between a small picture and the button for what one can do with it. */
export function chip(
  name: string,
  bytes: number,
  picture: Element,
  button: Element,
  open?: () => void,
): HTMLElement {
  const parts = [
    h("span", { class: "nbchat-chip-picture" }, picture),
    h("span", { class: "nbchat-chip-name", title: name }, name),
  ];
  const facts = h("span", { class: "nbchat-facts" }, size(bytes));
  if (!open) return h("div", { class: "nbchat-chip" }, ...parts, facts, button);
  const names = { "aria-label": `Show what is sent of ${name}`, title: "Show what is sent" };
  const opens = h("button", { type: "button", class: "nbchat-chip-open", ...names }, ...parts);
  opens.addEventListener("click", open);
  return h("div", { class: "nbchat-chip" }, opens, facts, button);
}

/** The name of the picture for what has none of its own. */
export function symbol(name: string): IconName {
  return name.startsWith("@") ? "variable" : "file";
}

/** What goes with a message. */
export class Attachments {
  readonly element = h("div", { class: "nbchat-attachments" });
  #store: Store;
  #shown: readonly Attachment[] = [];
  #views = new Views<AttachmentView>();
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });

  constructor(store: Store) {
    this.#store = store;
  }

  update(attachments: readonly Attachment[]): void {
    if (attachments === this.#shown) return;
    this.#shown = attachments;
    const refuse = (why: string) => setText(this.#refusal, why);
    const views = this.#views.of(attachments, (each) => new AttachmentView(this.#store, each, refuse));
    arrange(this.element, views.length > 0 ? [...views.map(({ element }) => element), this.#refusal] : []);
  }
}

/** A chip, or the image itself as soon as it is here. */
class AttachmentView {
  readonly element = h("div", { class: "nbchat-attachment" });
  #store: Store;
  #attachment: Attachment;
  #name: string;
  #refuse: (why: string) => void;
  #picture: Picture | undefined;

  constructor(store: Store, attachment: Attachment, refuse: (why: string) => void) {
    this.#store = store;
    this.#attachment = attachment;
    this.#name = fileName(attachment.name);
    this.#refuse = refuse;
    const open = attachment.kind === "text" ? () => void this.#openText() : undefined;
    const picture = icon(symbol(this.#name));
    this.element.append(chip(this.#name, attachment.size, picture, this.#saveButton(), open));
    if (attachment.kind !== "image" || !isPicture(attachment.media_type)) return;
    const seen = new IntersectionObserver((entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      seen.disconnect();
      void this.#draw();
    });
    seen.observe(this.element);
  }

  async #draw(): Promise<void> {
    this.#picture = await this.#store.pictures.get(this.#attachment);
    if (!this.#picture) return;
    const image = this.#image(this.#picture);
    // Whatever else the bytes are, they are no image: the chip remains.
    if (!(await image.decode().then(() => true, () => false))) return;
    const names = { "aria-label": `Open ${this.#name}`, title: this.#name };
    const open = h("button", { type: "button", class: "nbchat-thumbnail", ...names }, image);
    open.addEventListener("click", () => this.#open(this.#picture!));
    const focused = this.element.querySelector(":focus");
    this.element.classList.add("nbchat-picture");
    this.element.replaceChildren(open, this.#saveButton());
    if (focused) open.focus({ preventScroll: true });
    this.#store.redraw(); // the log may have to scroll
  }

  #image({ url }: Picture): HTMLImageElement {
    return h("img", { src: url, alt: this.#name });
  }

  /** In full, above the page. */
  #open(picture: Picture): void {
    openViewer(this.element, this.#name, this.#image(picture), [size(this.#attachment.size)], this.#saveButton());
  }

  async #openText(): Promise<void> {
    const { file, refused } = await this.#store.request({ type: "attachment", id: this.#attachment.id });
    this.#refuse(refused ?? "");
    const text = file && textOf(await new Blob([file.content]).arrayBuffer());
    if (text !== undefined) openText(this.element, this.#name, text, this.#attachment.size, this.#saveButton());
  }

  #saveButton(): HTMLButtonElement {
    const button = iconButton(`Save ${this.#name}`, "save");
    button.addEventListener("click", () => void this.#save(button.parentElement!));
    return button;
  }

  async #save(parent: Element): Promise<void> {
    if (this.#picture) return saveFile(parent, this.#name, this.#picture.content);
    const { file, refused } = await this.#store.request({ type: "attachment", id: this.#attachment.id });
    this.#refuse(refused ?? "");
    if (file) saveFile(parent, this.#name, file.content);
  }
}
