import type { ModelFacts } from "./protocol";
import type { Store } from "./store";

export interface Catalogue {
  /** Which of the kernel's lists it is: its `catalogue`. */
  number: number;
  /** By the models' ids; empty until they have come. */
  facts: ReadonlyMap<string, ModelFacts>;
  come: Promise<void>;
}

const catalogues = new WeakMap<Store, Catalogue>();

/** The facts of all models, which the kernel is asked for once, whichever view wants them. */
export function catalogueOf(store: Store): Catalogue {
  const { catalogue: number } = store.state;
  const known = catalogues.get(store);
  if (known?.number === number) return known;
  const asked: Catalogue = { number, facts: new Map(), come: Promise.resolve() };
  asked.come = store.request({ type: "models" }).then(async ({ file }) => {
    if (!file) return void catalogues.delete(store); // refused: the next one who opens the list asks again
    const models = (await new Response(file.content).json()) as ModelFacts[];
    asked.facts = new Map(models.map((model) => [model.id, model]));
  });
  catalogues.set(store, asked);
  return asked;
}
