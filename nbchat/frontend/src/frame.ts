const HIDDEN_MS = 250;
// A list of a thousand items is one open block, drawn as a whole each time: after 10 ms the page rests as
// long, after 50 ms five times as long.
const FREE_MS = 10;

/** Draws; gives false if there is more to draw than one frame has time for. */
export type Draw = () => boolean | void;

/**
 * Returns a function that runs `draw` at most once an animation frame. A hidden page has no frames: there
 * a timer runs it, so that the text is there when one returns.
 */
export function onceAFrame(draw: Draw): () => void {
  let frame = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let restUntil = 0;
  const run = () => {
    cancelAnimationFrame(frame);
    clearTimeout(timer);
    timer = undefined;
    const begin = performance.now();
    const isBehind = draw() === false;
    const end = performance.now();
    restUntil = isBehind ? end : end + (end - begin) ** 2 / FREE_MS;
    if (isBehind) soon();
  };
  const soon = () => {
    if (timer !== undefined) return;
    const rest = restUntil - performance.now();
    timer = setTimeout(run, rest > 0 ? rest : HIDDEN_MS);
    if (rest <= 0) frame = requestAnimationFrame(run);
  };
  return soon;
}
