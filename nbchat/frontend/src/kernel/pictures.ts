// The images of a chat's messages.
import type { Attachment } from "./protocol";
import type { Store } from "./store";

/** What is drawn: an SVG or a page could hold a script, or load something from elsewhere. */
const MEDIA_TYPES: ReadonlySet<string> = new Set(["image/gif", "image/jpeg", "image/png", "image/webp"]);

export function isPicture(mediaType: string): boolean {
  return MEDIA_TYPES.has(mediaType);
}

export interface Picture {
  content: Blob;
  /** The address that the page shows it from. */
  url: string;
}

/** The images of a chat's messages, each fetched from the kernel once. */
export class Pictures {
  #store: Store;
  #pictures = new Map<string, Promise<Picture | undefined>>();

  constructor(store: Store) {
    this.#store = store;
  }

  /** Resolves with undefined if the kernel refuses: never, if it does not answer. */
  get(attachment: Attachment): Promise<Picture | undefined> {
    const { id } = attachment;
    if (!this.#pictures.has(id)) this.#pictures.set(id, this.#fetch(attachment));
    return this.#pictures.get(id)!;
  }

  close(): void {
    for (const picture of this.#pictures.values()) {
      void picture.then((fetched) => fetched && URL.revokeObjectURL(fetched.url));
    }
  }

  async #fetch({ id, media_type }: Attachment): Promise<Picture | undefined> {
    const { file } = await this.#store.request({ type: "attachment", id }, [], true);
    if (!file) return undefined;
    const content = new Blob([file.content], { type: media_type });
    return { content, url: URL.createObjectURL(content) };
  }
}
