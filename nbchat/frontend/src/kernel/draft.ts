// The message that the user is writing: what of it only this page knows.
import { fileName } from "../page/save";
import { size } from "../page/units";
import type { Message } from "./protocol";
import type { Store } from "./store";
import { unsent } from "./unsent";

/** In all: Jupyter closes the connection on a message of 10 MB. */
const MAX_BYTES = 8_000_000;

/** A file that goes with the next message. */
export interface Attached {
  file: File;
  content: ArrayBuffer;
}

/** One chat's next message, or the edit of a sent one; all composers of the chat show it. */
export class Draft {
  /** The message that the user is editing, and where in the page they asked for that. */
  editing: { message: Message; from: Element } | undefined;
  /** A text for the composer beside `from`, which takes it from here. */
  suggestion: { text: string; from: Element } | undefined;
  /** What goes with the next message. */
  attached: readonly Attached[] = [];
  /** Why something else does not, or "". */
  notAttached = "";
  /** Files that are being read: the message waits for them. */
  reading: Promise<unknown> | undefined;
  #store: Store;
  #takingBack = false;

  constructor(store: Store) {
    this.#store = store;
  }

  edit(message: Message, from: Element): void {
    const { messages } = this.#store.state;
    const reply = messages[messages.findIndex(({ id }) => id === message.id) + 1];
    if (reply && unsent(reply, messages)) return void this.takeBack(reply, from);
    this.editing = { message, from };
    this.#store.redraw();
  }

  endEdit(): void {
    this.editing = undefined;
    this.notAttached = "";
    this.#store.redraw();
  }

  /** Moves the message before this reply, which has not been sent yet, back into the composer beside `from`. */
  async takeBack({ id }: Message, from: Element): Promise<void> {
    const { messages } = this.#store.state;
    const question = messages[messages.findIndex((message) => message.id === id) - 1];
    if (!question || this.#takingBack) return;
    if (this.editing) return this.#add([], "To take a message back, finish or cancel the edit first.");
    this.#takingBack = true;
    const composer = from.closest(".nbchat") ?? document.body; // `from` goes with the message
    const why = await this.#takeBack(question, id);
    this.#takingBack = false;
    if (why === undefined) this.suggest(question.content, composer);
    else this.#add([], why);
  }

  /** Attaches its files before the kernel forgets them. Returns why it stays where it is, or undefined. */
  async #takeBack({ attachments }: Message, reply: string): Promise<string | undefined> {
    const files: File[] = [];
    for (const { id, name, media_type } of attachments) {
      const { file, refused } = await this.#store.request({ type: "attachment", id });
      if (!file) return refused;
      files.push(new File([file.content], name, { type: media_type }));
    }
    const attached = await this.attach(files);
    let refused: string | undefined = this.notAttached;
    if (attached.length === files.length)
      ({ refused } = await this.#store.request({ type: "take_back", id: reply }));
    if (refused !== undefined) this.detach(attached);
    return refused;
  }

  suggest(text: string, from: Element): void {
    this.suggestion = { text, from };
    this.#store.redraw();
  }

  /** Returns whether files can be attached now, and says so if not: an edit keeps its message's files. */
  takesFiles(): boolean {
    if (this.editing) this.#add([], "To attach files, finish or cancel the edit first.");
    return this.editing === undefined;
  }

  /** Reads files and attaches those that fit; resolves with these. */
  async attach(files: Iterable<File>): Promise<readonly Attached[]> {
    if (!this.takesFiles()) return [];
    const reading = Promise.all(
      [...files].map(async (file) => {
        const fits = file.size <= MAX_BYTES;
        return { file, content: fits ? await file.arrayBuffer().catch(() => null) : undefined };
      }),
    );
    this.reading = reading;
    const read = await reading;
    if (this.reading === reading) this.reading = undefined;
    let total = this.attached.reduce((sum, { content }) => sum + content.byteLength, 0);
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
    this.#add(attached, problems.join(" "));
    return attached;
  }

  detach(attached: readonly Attached[]): void {
    this.attached = this.attached.filter((each) => !attached.includes(each));
    this.notAttached = "";
    this.#store.redraw();
  }

  #add(attached: readonly Attached[], problem: string): void {
    this.attached = [...this.attached, ...attached];
    this.notAttached = problem;
    this.#store.redraw();
  }
}
