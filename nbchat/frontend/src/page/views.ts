// Keeps a view for each item of a list.

/** The views of items with an id: each is made once and kept while its item is in the list. */
export class Views<View> {
  #views = new Map<string, View>();

  of<Item extends { id: string }>(items: readonly Item[], make: (item: Item) => View): View[] {
    const views = items.map((item) => this.#views.get(item.id) ?? make(item));
    this.#views = new Map(items.map((item, index) => [item.id, views[index]]));
    return views;
  }
}
