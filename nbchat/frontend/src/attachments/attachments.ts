// What goes with a message that was sent: chips, and the images themselves.
import type { Chat } from "../kernel/chat";
import { isPicture, type Picture } from "../kernel/pictures";
import type { Attachment } from "../kernel/protocol";
import { arrange, h, setText } from "../page/dom";
import { icon, iconButton } from "../page/icon";
import { inSight } from "../page/in-sight";
import { fileName, saveFile } from "../page/save";
import { size } from "../page/units";
import { Views } from "../page/views";
import { chip, symbol } from "./chip";
import { loadImage } from "./image";
import { openText, openViewer, textOf } from "./viewer";

/** So many are drawn: a reply can hold thousands. */
const MAX_DRAWN = 100;

const GONE = "The kernel has ended, and this file is not in the page.";

/** All that goes with a message. */
export class Attachments {
  readonly element = h("div", { class: "nbchat-attachments" });
  #chat: Chat;
  #shown: readonly Attachment[] = [];
  #views = new Views<AttachmentView>();
  #refusal = h("p", { class: "nbchat-refusal", role: "alert", hidden: true });
  #more = h("p", { class: "nbchat-caption", hidden: true });

  constructor(chat: Chat) {
    this.#chat = chat;
  }

  update(attachments: readonly Attachment[]): void {
    if (attachments === this.#shown) return;
    this.#shown = attachments;
    const refuse = (why: string) => setText(this.#refusal, why);
    const drawn = attachments.slice(0, MAX_DRAWN);
    const more = attachments.length - drawn.length;
    setText(this.#more, more > 0 ? `${more} more are not shown. The chat's code has them all.` : "");
    const views = this.#views.of(drawn, (each) => new AttachmentView(this.#chat, each, refuse));
    arrange(
      this.element,
      views.length > 0 ? [...views.map(({ element }) => element), this.#more, this.#refusal] : [],
    );
  }
}

/** A chip, or the image itself as soon as it is loaded. */
class AttachmentView {
  readonly element = h("div", { class: "nbchat-attachment" });
  #chat: Chat;
  #attachment: Attachment;
  #name: string;
  #refuse: (why: string) => void;
  #picture: Picture | undefined;

  constructor(chat: Chat, attachment: Attachment, refuse: (why: string) => void) {
    this.#chat = chat;
    this.#attachment = attachment;
    this.#name = fileName(attachment.name);
    this.#refuse = refuse;
    const open = attachment.kind === "text" ? () => void this.#openText() : undefined;
    const picture = icon(symbol(this.#name));
    this.element.append(chip(this.#name, attachment.size, picture, this.#saveButton(), open));
    if (attachment.kind !== "image" || !isPicture(attachment.media_type)) return;
    void inSight(this.element).then(() => this.#draw());
  }

  async #draw(): Promise<void> {
    this.#picture = await this.#chat.pictures.get(this.#attachment);
    if (!this.#picture) return;
    const image = await loadImage(this.#picture.url, this.#name);
    if (!image) return; // the chip remains
    const names = { "aria-label": `Open ${this.#name}`, title: this.#name };
    const open = h("button", { type: "button", class: "nbchat-thumbnail", ...names }, image);
    open.addEventListener("click", () => this.#open(image));
    const focused = this.element.querySelector(":focus");
    this.element.classList.add("nbchat-picture");
    this.element.replaceChildren(open, this.#saveButton());
    if (focused) open.focus({ preventScroll: true });
    this.#chat.store.redraw(); // the log may have to scroll
  }

  #open(image: HTMLImageElement): void {
    const copy = image.cloneNode() as HTMLImageElement;
    openViewer(this.element, this.#name, copy, [size(this.#attachment.size)], this.#saveButton());
  }

  async #openText(): Promise<void> {
    const file = await this.#fetch();
    const { encoding, size } = this.#attachment;
    const text = file && textOf(await new Blob([file.content]).arrayBuffer(), encoding);
    if (text !== undefined) openText(this.element, this.#name, text, size, encoding, this.#saveButton());
  }

  #saveButton(): HTMLButtonElement {
    const button = iconButton(`Save ${this.#name}`, "save");
    button.addEventListener("click", () => void this.#save(button.parentElement!));
    return button;
  }

  async #save(parent: Element): Promise<void> {
    const file = this.#picture ?? (await this.#fetch());
    if (file) saveFile(parent, this.#name, file.content);
  }

  /** Fetches the bytes from the kernel, or says why it refuses. */
  async #fetch(): Promise<{ content: BlobPart } | undefined | void> {
    const { store, health } = this.#chat;
    if (health.end !== "") return this.#refuse(GONE);
    const { file, refused } = await store.request({ type: "attachment", id: this.#attachment.id });
    this.#refuse(refused === "" ? GONE : (refused ?? ""));
    return file;
  }
}
