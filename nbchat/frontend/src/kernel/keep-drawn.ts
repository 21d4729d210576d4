// Keeps a view up to date with its chat.
import type { Cleanup } from "../page/cleanup";
import { onceAFrame, type Draw } from "../page/frame";
import type { Store } from "./store";

const CLOCK_MS = 1000;

/** Draws now, after each change, and each second while a reply runs: some views count seconds. */
export function keepDrawn(store: Store, draw: Draw): Cleanup {
  const redraw = onceAFrame(draw);
  const unsubscribe = store.subscribe(redraw);
  const clock = setInterval(() => {
    if (store.state.busy) redraw();
  }, CLOCK_MS);
  if (draw() === false) redraw();
  return () => {
    unsubscribe();
    clearInterval(clock);
  };
}
