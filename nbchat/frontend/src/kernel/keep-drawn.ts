import type { Cleanup } from "./anywidget";
import { onceAFrame, type Draw } from "../page/frame";
import type { Store } from "./store";

const CLOCK_MS = 1000;

/** Draws now, at each change, and each second of a reply that runs, as some of what is shown counts. */
export function follow(store: Store, draw: Draw): Cleanup {
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
