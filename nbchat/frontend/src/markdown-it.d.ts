declare module "markdown-it/lib/rules_block/table.mjs" {
  import type { StateBlock } from "markdown-it";
  export default function table(state: StateBlock, start: number, end: number, silent: boolean): boolean;
}
