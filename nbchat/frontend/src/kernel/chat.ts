// One chat as this page has it: all that its views draw from.
import type { AnyModel } from "./anywidget";
import { Catalogue } from "./catalogue";
import { CodeRuns } from "./code-runs";
import { Draft } from "./draft";
import { Health } from "./health";
import { Pictures } from "./pictures";
import { Store } from "./store";

export class Chat {
  readonly store: Store;
  readonly health: Health;
  readonly draft: Draft;
  readonly pictures: Pictures;
  readonly runs: CodeRuns;
  readonly catalogue: Catalogue;

  constructor(model: AnyModel) {
    this.store = new Store(model);
    this.health = new Health(this.store);
    this.draft = new Draft(this.store);
    this.pictures = new Pictures(this.store);
    this.runs = new CodeRuns(this.store);
    this.catalogue = new Catalogue(this.store);
  }

  close(): void {
    this.health.close();
    this.pictures.close();
    this.store.close();
  }
}
