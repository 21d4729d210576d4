// What there is to know about the models of the menu.
import type { ModelInfo } from "./protocol";
import type { Store } from "./store";

/** One list of models. */
export interface Listing {
  /** Which of the kernel's lists this is: its `catalogue`. */
  number: number;
  /** By the models' ids; empty until the list is loaded. */
  models: ReadonlyMap<string, ModelInfo>;
  loaded: Promise<void>;
}

/** The models that a chat can choose from; the kernel is asked for each list once, whichever view wants it. */
export class Catalogue {
  #store: Store;
  #listing: Listing | undefined;

  constructor(store: Store) {
    this.#store = store;
  }

  /** The list that the kernel has now. */
  get listing(): Listing {
    const { catalogue: number } = this.#store.state;
    if (this.#listing?.number === number) return this.#listing;
    const listing: Listing = { number, models: new Map(), loaded: Promise.resolve() };
    listing.loaded = this.#load(listing);
    return (this.#listing = listing);
  }

  async #load(listing: Listing): Promise<void> {
    const { file } = await this.#store.request({ type: "models" });
    if (!file) return void (this.#listing = undefined); // refused: asks again when the menu is opened next
    const models = (await new Response(file.content).json()) as ModelInfo[];
    listing.models = new Map(models.map((model) => [model.id, model]));
  }
}
