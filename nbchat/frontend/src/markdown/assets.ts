// Scripts that keep out of the bundle until they are needed: the first chat that needs one asks its kernel.
import type { Store } from "../kernel/store";
import { importDeflated } from "../page/deflated";

// How long the others wait before another chat asks its kernel: the first kernel may have died.
const PATIENCE_MS = 5000;

class Asset<Module> {
  #name: string;
  #module: Module | undefined;
  #waiting = new Set<() => void>();
  #asked = new WeakSet<Store>();
  #askedAt = -Infinity;

  constructor(name: string) {
    this.#name = name;
  }

  /** Returns the module if it is loaded; else asks for it, and calls `ready` once it is. */
  get(store: Store, ready: () => void): Module | undefined {
    if (this.#module) return this.#module;
    this.#waiting.add(ready);
    if (!this.#asked.has(store) && Date.now() - this.#askedAt > PATIENCE_MS) {
      this.#asked.add(store);
      this.#askedAt = Date.now();
      void this.#ask(store);
    }
    return undefined;
  }

  async #ask(store: Store): Promise<void> {
    const { file } = await store.request({ type: "asset", name: this.#name });
    if (!file) {
      this.#askedAt = -Infinity;
      return;
    }
    this.#module = (await importDeflated(file.content)) as Module;
    for (const ready of this.#waiting) ready();
    this.#waiting.clear();
  }
}

export const highlighter = new Asset<typeof import("./highlight")>("highlight.js");
export const math = new Asset<typeof import("./math")>("math.js");
