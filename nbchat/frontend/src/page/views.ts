/** The views of what has an id, made once for each and kept. */
export class Views<View> {
  #views = new Map<string, View>();

  of<Item extends { id: string }>(items: readonly Item[], make: (item: Item) => View): View[] {
    const views = items.map((item) => this.#views.get(item.id) ?? make(item));
    this.#views = new Map(items.map((item, index) => [item.id, views[index]]));
    return views;
  }
}
